"""The first pre-training examples of each kind are those that were recorded, token by token and mask by mask.

Whoever draws in another way changes what every run of a version sees: that must be meant.
"""

import hashlib
from collections.abc import Callable
from typing import Any

import pytest

from twinlm import rng
from twinlm.data.tokens.store import TokenStore
from twinlm.families import FAMILIES
from twinlm.settings import PretrainSettings
from twinlm.tokenizer import SpecialIds

RECORDED = {
    "windows": ("gpt", {}, "fa930aadddcef39d506da310e19955182b1bb8802264d73d743920f55ae25364"),
    "pairs": ("bert", {}, "5a47836412cc4c237e4caa9c8e2067608f766c141b67c7a8aa1e62045e59a081"),
    "masked windows": (
        "bert",
        {"sentence_task": "none"},
        "0fd154587c8c04580ef6a616eba28be803956045f1f1ac0cd12a1e794c82f0a9",
    ),
}


class Numbers:
    """What examples ask of a tokenizer."""

    specials = SpecialIds()
    vocab_size = 500


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, write_numbers: Callable[..., TokenStore]) -> TokenStore:
    """A store of 60 documents of up to 11 sentences."""
    chance = rng.stream(0, "golden examples")
    documents = [
        [
            chance.integers(8, 500, size=int(chance.integers(2, 20))).tolist()
            for _ in range(int(chance.integers(1, 12)))
        ]
        for _ in range(60)
    ]
    return write_numbers(tmp_path_factory.mktemp("golden") / "store", documents, 500)


@pytest.mark.parametrize("name", RECORDED)
def test_the_examples_are_the_recorded_ones(name: str, store: Any) -> None:
    kind, options, wanted = RECORDED[name]
    examples = FAMILIES[kind].examples(store, PretrainSettings(length=48, **options), Numbers, 5)
    digest = hashlib.sha256()
    for first in (0, 16, 16000):
        batch = examples.batch(first, 16)
        for part in ("tokens_BL", "segments_BL", "real_BL", "originals_BL", "is_random_B"):
            if hasattr(batch, part):
                digest.update(getattr(batch, part).numpy().tobytes())
    assert digest.hexdigest() == wanted
