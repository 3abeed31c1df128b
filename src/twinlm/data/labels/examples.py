"""A labelled example, whatever the task: what is read, and what is to be found out.

Which texts there are and what the gold answer is, for each form of task, is said in `data/labels/forms.py`.
"""

from dataclasses import dataclass
from typing import Any

from twinlm.data.text.splits import text_hash


@dataclass(frozen=True, slots=True)
class Example:
    """Texts and the answer that people gave."""

    id: str
    """Split and row, such as "train-17": the same in every run over the same file."""
    texts: tuple[str, ...]
    """One text; two that belong together; a text and its choices; words; a question and its context."""
    gold: Any
    """A class, a number, the place of a choice, a tag for each word, or `Answer`s; JSON can hold it."""

    def digest(self) -> bytes:
        """Return the hash of all texts: examples that share it must not stand in two splits."""
        return text_hash("\n".join(self.texts))
