"""Documents as the checks of the data doctor see them."""

from collections.abc import Callable, Sequence

import pytest

from twinlm.doctor.checks.reading import Seen, digest_of


def _seen(texts: Sequence[str], split: str = "train", file: str = "a.txt") -> list[Seen]:
    return [Seen(split, f"{file}:{line}", text, False, digest_of(text)) for line, text in enumerate(texts, 1)]


@pytest.fixture(scope="session")
def seen() -> Callable[..., list[Seen]]:
    """Return a function (texts, split, file) that gives documents, one on each line of a file."""
    return _seen
