"""How single answers are looked at: is one right, how sure was the model, what do several say together.

Figures of whole test sets are in metrics.py. Here what was said of an example is taken apart into decisions:
one on the whole example, or one on each of its words. Each kind of task fills in a `Judging` in its own file;
who compares models knows none of them.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

import numpy as np

MOST_CHARACTERS = 280
"""Of a text that is shown as an example."""
_LARGEST = 1e100
_ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"

Said = Mapping[str, Any]
"""What a model said of one example: "predicted", "probabilities" where there are some, and so on."""


@dataclass(frozen=True, slots=True)
class Decision:
    """One thing that was to be decided, and what a model made of it."""

    gold: str
    """The right answer, as people read it."""
    answer: str
    """The model's."""
    is_right: bool
    """Whether it counts as right, see `Judging.right`."""
    worth: float
    """From 0, quite wrong, to 1, quite right."""
    confidence: float | None = None
    """P(answer) as the model gave it; None if it gave none."""
    group: str = ""
    """What it is counted with in a table: its true class; empty if the kind has none."""


@dataclass(frozen=True, slots=True)
class Passage:
    """The texts of an example as they are shown beside the answers to it."""

    texts: list[str]
    """One after the other; long ones are cut."""
    focus: int = -1
    """The place of the text that the decision is about, between what stands before and behind it; -1 where it
    is about all."""


def most_common(decisions: Sequence[Decision]) -> str:
    """Return the answer that most of the decisions are for; of equally many, the first."""
    return Counter(decision.answer for decision in decisions).most_common(1)[0][0]


def whole_texts(texts: Sequence[str], place: int, gold: Any) -> Passage:
    """Return the texts themselves."""
    return Passage([cut(text) for text in texts])


@dataclass(frozen=True, kw_only=True, slots=True)
class Judging:
    """How answers of one kind of task are looked at, one by one."""

    right: str
    """What counts as right, as the end of "right: ...", in words."""
    decisions: Callable[[Sequence[Any], Sequence[Said]], list[list[Decision]]]
    """The decisions on each example, from all gold answers and all that one model said."""
    is_sound: Callable[[Any, Said, Sequence[str]], bool]
    """Whether a gold answer, and what is said of it, are of this kind of task and of these classes: files of
    others may hold anything."""
    has_texts: bool = False
    """Whether gold answers are stretches of the texts, so that they can't be shown without some of these."""
    unit: str = "example"
    """What one decision is on: "example" or "word"."""
    needs: str = "probabilities"
    """What `combined` reads, beside the gold answers; older files may lack it."""
    combined: Callable[[Sequence[Sequence[Said]], Sequence[str]], list[Any]] | None = None
    """The answers of several models together, from what each said of all examples, and the classes; None
    where there is no fair way to put answers together."""
    why_not_combined: str = ""
    """A sentence, where there is none."""
    why_not_sure: str = ""
    """A sentence, where answers come without a probability."""
    passage: Callable[[Sequence[str], int, Any], Passage] = whole_texts
    """What to show of an example, from its texts, the place of the decision on it, and the gold answer."""
    settled: Callable[[Sequence[Decision]], str] = most_common
    """The answer that stands for those of several seeds to one thing."""


def likeliest(rows: Sequence[Sequence[Said]]) -> list[int]:
    """Return for each example the place with the highest mean probability over models."""
    return [
        int(np.mean([said["probabilities"] for said in of_example], axis=0).argmax())
        for of_example in zip(*rows, strict=True)
    ]


def surest(said: Said) -> float | None:
    """Return the probability of the answer, which is the likeliest one; None if none was given."""
    chances = said.get("probabilities")
    return None if chances is None else float(max(chances))


def has_chances(said: Said, count: int) -> bool:
    """Tell whether what was said holds no probabilities, or `count` of them."""
    if "probabilities" not in said:
        return True
    chances = said["probabilities"]
    return isinstance(chances, list) and len(chances) == count and all(map(is_chance, chances))


def is_number(value: object) -> TypeGuard[float]:
    """Tell whether a value of JSON is a number that can be computed with."""
    # Compared, since a whole number may be too large to become a float.
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= _LARGEST


def is_chance(value: object) -> bool:
    """Tell whether a value of JSON is a probability."""
    return is_number(value) and 0 <= value <= 1


def cut(text: str, most: int = MOST_CHARACTERS) -> str:
    """Return a text, or its beginning and an ellipsis if it is longer."""
    return text if len(text) <= most else text[: most - 1].rstrip() + _ELLIPSIS


def around(text: str, begin: int, end: int, most: int = MOST_CHARACTERS) -> str:
    """Return about `most` characters of a text around a stretch of it, with an ellipsis where it was cut."""
    left = max(0, min(begin - (most - (end - begin)) // 2, len(text) - most))
    head = _ELLIPSIS if left else ""
    return head + cut(text[left:], most)
