"""A labelled example of any task. `data/labels/forms.py` says which texts and answers each form has."""

from dataclasses import dataclass
from typing import Any

from twinlm.data.text.splits import text_hash


@dataclass(frozen=True, slots=True)
class Example:
    """Texts and the gold answer."""

    id: str
    """Split and row, such as "train-17": the same in every run over the same file."""
    texts: tuple[str, ...]
    """One text, two, a text and its choices, the words of a sentence, or a question and its context."""
    gold: Any
    """Class, number, index of a choice, tag of each word, or list of answers; JSON can hold it."""

    @property
    def content(self) -> dict[str, Any]:
        """What models are trained and measured on."""
        return {"id": self.id, "texts": self.texts, "gold": self.gold}

    def digest(self) -> bytes:
        """Return the hash of all texts, each by itself."""
        return text_hash(*self.texts)
