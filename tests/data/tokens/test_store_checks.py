"""A store whose hashes are right may still be a stranger's: what its numbers lead to is checked."""

from pathlib import Path

import numpy as np
import pytest

from twinlm.data.tokens import store_checks
from twinlm.data.tokens.pieces import Pieces
from twinlm.data.tokens.store_checks import check_ids, check_places
from twinlm.errors import ModelError

SENTENCES = [[1, 4], [4, 6], [7, 9]]


@pytest.fixture(autouse=True, params=[1, 2, 1 << 20])
def _at_once(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_checks, "_AT_ONCE", request.param)


def test_what_fits_passes() -> None:
    check_places(np.array(SENTENCES), np.array([0, 2, 3]), 9, Path())
    check_ids(np.array([3, 0, 8]), 9, Path())
    check_ids(Pieces([np.array([3, 0]), np.array([8])]), 9, Path())


@pytest.mark.parametrize(
    ("sentences", "documents", "words"),
    [
        (SENTENCES, [0, 3, 2], "documents"),
        (SENTENCES, [0, 2, 2, 3], "documents"),
        (SENTENCES, [1, 2, 3], "documents"),
        (SENTENCES, [0, 2, 4], "documents"),
        (SENTENCES, [0, 2], "documents"),
        ([[1, 4], [4, 6], [7, 10]], [0, 2, 3], "sentences"),
        ([[-1, 4], [4, 6], [7, 9]], [0, 2, 3], "sentences"),
        ([[1, 4], [3, 6], [7, 9]], [0, 2, 3], "sentences"),
        ([[1, 4], [6, 4], [7, 9]], [0, 2, 3], "sentences"),
        ([[1, 2**63 - 1], [-(2**63), 6], [7, 9]], [0, 2, 3], "sentences"),
    ],
)
def test_places_that_lead_elsewhere_are_refused(
    sentences: list[list[int]], documents: list[int], words: str
) -> None:
    with pytest.raises(ModelError, match=f"its {words} are not made of"):
        check_places(np.array(sentences), np.array(documents), 9, Path())


@pytest.mark.parametrize("place", range(3))
def test_tokens_that_the_vocabulary_has_not_are_refused(place: int) -> None:
    tokens_T = np.zeros(3, np.uint16)
    tokens_T[place] = 9
    with pytest.raises(ModelError, match="a token has the id 9, but the vocabulary has 9"):
        check_ids(tokens_T, 9, Path())
