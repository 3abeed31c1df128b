"""Findings of the data doctor: what every check returns, and how texts are normalized and shown."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

# The run would stop or mean nothing; results may be worse or misleading; good to know.
Level = Literal["problem", "warning", "note"]
MOST_EXAMPLES = 3

_SHOWN_CHARACTERS = 60
_WORDS = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong or worth knowing."""

    level: Level  # severity
    where: str  # part of the settings or name of a task, such as "corpus.train" or "task sst2"
    message: str  # description with numbers
    why: str = ""  # effect on GPT or BERT
    hint: str = ""  # what to do
    examples: tuple[str, ...] = ()  # a few excerpts, each with file and line


@dataclass(frozen=True, slots=True)
class Checked:
    """Result of one check."""

    facts: Mapping[str, Any] = field(default_factory=dict)  # measurements; JSON can hold them
    findings: tuple[Finding, ...] = ()  # findings


Parts = tuple[tuple[str, ...], Checked]  # path of a check's facts among all facts, and its result


def level_of(share: float, least: float) -> Level:
    """Return "warning" for a share of at least `least`, else "note"."""
    return "warning" if share >= least else "note"


def folded(text: str) -> str:
    """Return a text without case and with single spaces: copies may differ in these."""
    return " ".join(text.casefold().split())


def words_of(text: str) -> list[str]:
    """Return the words of a text, without case and punctuation."""
    return _WORDS.findall(text.casefold())


def excerpt(text: str, index: int = 0) -> str:
    """Return the text around a character as one printable line in quotes."""
    begin = max(0, index - _SHOWN_CHARACTERS // 3)
    piece = text[begin : begin + _SHOWN_CHARACTERS].replace("\n", " ")
    before, after = "..." if begin else "", "..." if begin + len(piece) < len(text) else ""
    return repr(before + piece + after)


def quantiles(values: Sequence[int] | Any) -> dict[str, int]:
    """Return the least, the median, two high quantiles and the largest of some numbers; {} for none."""
    import numpy as np

    if not len(values):
        return {}
    shares = {"least": 0.0, "median": 0.5, "90 %": 0.9, "99 %": 0.99, "most": 1.0}
    measured = np.quantile(np.asarray(values), list(shares.values()), method="lower").tolist()
    return dict(zip(shares, map(int, measured), strict=True))
