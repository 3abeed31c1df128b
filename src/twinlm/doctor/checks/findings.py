"""What every check of the data doctor returns, and how texts are folded and shown."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Level = Literal["problem", "warning", "note"]
"""The run would stop or mean nothing; results may be worse or misleading; good to know."""
MOST_EXAMPLES = 3

_SHOWN_CHARACTERS = 60
_WORDS = re.compile(r"\w+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing that was found."""

    level: Level
    """How bad it is."""
    where: str
    """Part of the settings or name of a task, such as "corpus.train" or "task sst2"."""
    message: str
    """What was found, with numbers."""
    why: str = ""
    """What it does to GPT or BERT."""
    hint: str = ""
    """The way out."""
    examples: tuple[str, ...] = ()
    """A few places, each with file and line, and a piece of the text."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of one check."""

    facts: Mapping[str, Any] = field(default_factory=dict)
    """What was measured; JSON can hold it."""
    findings: tuple[Finding, ...] = ()
    """What is to be said of it."""


Parts = tuple[tuple[str, ...], Checked]
"""What was checked, with its place among the facts."""


def level_of(share: float, least: float) -> Level:
    """Return "warning" for a share that is large enough to matter, else "note"."""
    return "warning" if share >= least else "note"


def folded(text: str) -> str:
    """Return a text without what copies of it may differ in: case and the amount of white space."""
    return " ".join(text.casefold().split())


def words_of(text: str) -> list[str]:
    """Return the words of a text, without case and punctuation."""
    return _WORDS.findall(text.casefold())


def excerpt(text: str, place: int = 0) -> str:
    """Return a piece of a text around a place, as one printable line in quotes."""
    begin = max(0, place - _SHOWN_CHARACTERS // 3)
    piece = text[begin : begin + _SHOWN_CHARACTERS].replace("\n", " ")
    before, after = "..." if begin else "", "..." if begin + len(piece) < len(text) else ""
    return repr(before + piece + after)


def quantiles(values: Sequence[int] | Any) -> dict[str, int]:
    """Return the least, the median, two high quantiles and the largest of some numbers; {} for none."""
    import numpy as np

    if not len(values):
        return {}
    shares = {"least": 0.0, "median": 0.5, "90 %": 0.9, "99 %": 0.99, "most": 1.0}
    found = np.quantile(np.asarray(values), list(shares.values()), method="lower").tolist()
    return dict(zip(shares, map(int, found), strict=True))
