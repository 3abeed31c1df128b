"""A labelled example of any task. `data/labels/forms.py` says which texts and answers each form has."""

from dataclasses import dataclass, field
from typing import Any

from twinlm.data.text.splits import text_hash


@dataclass(frozen=True, slots=True)
class Example:
    """Texts and the gold answer."""

    id: str
    """Split and row, such as "train-17": the same in every run over the same file."""
    texts: tuple[str, ...]
    """One text, two, a text (and a question) with choices, the words of a sentence, or a question and its
    context."""
    gold: Any
    """Class, number, index of a choice, tag of each word, or list of answers; JSON can hold it."""
    data_id: str = field(default="", compare=False)
    """Id that the data itself gives the example; empty if it gives none."""
    stem: int = 1
    """Number of texts before the choices: 1, or 2 for a context and a question."""

    @property
    def content(self) -> dict[str, Any]:
        """What models are trained and measured on."""
        stem = {"stem": self.stem} if self.stem != 1 else {}  # version 0.1 had no questions
        return {"id": self.id, "texts": self.texts, "gold": self.gold, **stem}

    def digest(self) -> bytes:
        """Return the hash of all texts, each by itself."""
        return text_hash(*self.texts)
