"""Single answers as decisions: is it right, how confident is the model, what do several models say together.

An answer becomes one decision on the whole example, or one on each of its words. Each kind of task fills in a
`Judging` in its own file; code that compares models knows none of them. Next: `metrics.py`, whole test sets.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

import numpy as np

MOST_CHARACTERS = 280
"""Most characters of a text that is shown as an example."""
_LARGEST = 1e100
_ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"

Said = Mapping[str, Any]
"""A model's answer to one example: "predicted", "probabilities" if there are any, and so on."""


@dataclass(frozen=True, slots=True)
class Decision:
    """One thing to decide, and a model's decision."""

    gold: str
    """Right answer, as people read it."""
    answer: str
    """Answer of the model."""
    is_right: bool
    """Whether it counts as right, see `Judging.right`."""
    worth: float
    """Worth from 0, quite wrong, to 1, quite right."""
    confidence: float | None = None
    """P(answer) from the model; None if it gave none."""
    group: str = ""
    """Group in a table: the true class; empty if the kind has none."""


@dataclass(frozen=True, slots=True)
class Passage:
    """Texts of an example, shown beside its answers."""

    texts: list[str]
    """Texts in order; long ones are cut."""
    focus: int = -1
    """Index of the text that the decision is about; -1 if it is about all."""


def most_common(decisions: Sequence[Decision]) -> str:
    """Return the most frequent answer of the decisions; of equally frequent ones the first."""
    return Counter(decision.answer for decision in decisions).most_common(1)[0][0]


def whole_texts(texts: Sequence[str], place: int, gold: Any, scheme: str = "") -> Passage:
    """Return the texts themselves, cut if long."""
    return Passage([cut(text) for text in texts])


@dataclass(frozen=True, kw_only=True, slots=True)
class Judging:
    """How single answers of one kind of task are judged."""

    right: str
    """Definition of a right answer, to follow "right: "."""
    decisions: Callable[[Sequence[Any], Sequence[Said], str], list[list[Decision]]]
    """Returns the decisions on each example, from all gold answers, all answers of one model, and
    `Form.scheme`."""
    is_sound: Callable[[Any, Said, Sequence[str]], bool]
    """Whether a gold answer and a model's answer fit this kind of task and its classes; untrusted files may
    contain anything."""
    has_texts: bool = False
    """Whether gold answers are parts of the texts, so that they reveal some of them."""
    unit: str = "example"
    """Unit of one decision: "example" or "word"."""
    needs: str = "probabilities"
    """Key of an answer that `combined` reads; older files may lack it."""
    combined: Callable[[Sequence[Sequence[Said]], Sequence[str]], list[Any]] | None = None
    """Returns the combined answers of several models, from the answers of each and the classes; None if there
    is no fair way to combine them."""
    why_not_combined: str = ""
    """Reason, if answers cannot be combined, as a sentence."""
    why_not_sure: str = ""
    """Reason, if answers have no probability, as a sentence."""
    passage: Callable[[Sequence[str], int, Any, str], Passage] = whole_texts
    """Texts to show, from texts, the index of the decision, the gold answer, and `Form.scheme`."""
    settled: Callable[[Sequence[Decision]], str] = most_common
    """Returns one answer for those of several seeds."""


def likeliest(rows: Sequence[Sequence[Said]]) -> list[int]:
    """Return for each example the index with the highest mean probability over models."""
    return [
        int(np.mean([said["probabilities"] for said in of_example], axis=0).argmax())
        for of_example in zip(*rows, strict=True)
    ]


def surest(said: Said) -> float | None:
    """Return the highest probability, that of the answer; None if there is none."""
    chances = said.get("probabilities")
    return None if chances is None else float(max(chances))


def has_chances(said: Said, count: int) -> bool:
    """Tell whether an answer has no probabilities, or `count` of them."""
    if "probabilities" not in said:
        return True
    chances = said["probabilities"]
    return isinstance(chances, list) and len(chances) == count and all(map(is_chance, chances))


def is_number(value: object) -> TypeGuard[float]:
    """Tell whether a JSON value is a number of a usable size."""
    # Compared, not converted: a whole number may be too large for a float.
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= _LARGEST


def is_chance(value: object) -> bool:
    """Tell whether a JSON value is a probability."""
    return is_number(value) and 0 <= value <= 1


def cut(text: str, most: int = MOST_CHARACTERS) -> str:
    """Return a text, or its beginning and an ellipsis if it is longer."""
    return text if len(text) <= most else text[: most - 1].rstrip() + _ELLIPSIS


def around(text: str, begin: int, end: int, most: int = MOST_CHARACTERS) -> str:
    """Return about `most` characters around a part of a text, with an ellipsis where it was cut."""
    left = max(0, min(begin - (most - (end - begin)) // 2, len(text) - most))
    head = _ELLIPSIS if left else ""
    return head + cut(text[left:], most)
