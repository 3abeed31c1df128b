"""Labels that training never had: an unknown class or type of entity, or a known type spelled otherwise.

What a label means is compared, not how it is spelled: U-LOC, B-LOC and S-LOC mark the same type.
"""

from collections.abc import Iterable
from typing import NamedTuple

from twinlm.data.labels.forms import Form


class Unknown(NamedTuple):
    """Labels that are not among the known ones, sorted."""

    labels: tuple[str, ...]
    """Those whose meaning is unknown: every answer to them is an error."""
    respelled: tuple[str, ...]
    """Tags of known meaning, such as U-LOC where B-LOC is known: entities are found all the same."""
    strays: tuple[str, ...]
    """Tags that mark nothing and are read as O."""
    is_other_set: bool
    """Whether no label but O has a known meaning, though not all are known."""

    @property
    def all(self) -> list[str]:
        """All unknown labels."""
        return sorted((*self.labels, *self.respelled, *self.strays))

    def words(self, rows: Iterable[list[str]]) -> int:
        """Return the number of words with a tag of unknown meaning."""
        return sum(tag in self.labels for row in rows for tag in row)


def unknown_labels(form: Form, scheme: str, given: Iterable[str], known: Iterable[str]) -> Unknown:
    """Return which of the given labels, in the meaning that `scheme` gives them, are not among the known."""
    known = set(known)
    meant = {form.meaning(scheme, label) for label in known}
    given = {label: form.meaning(scheme, label) for label in sorted(given)}
    missing = [label for label in given if label not in known]
    return Unknown(
        labels=tuple(label for label in missing if given[label] not in meant),
        respelled=tuple(label for label in missing if given[label] in meant - {""}),
        strays=tuple(label for label in missing if not given[label] and "" in meant),
        is_other_set=bool(missing) and not {*given.values()} & meant - {""},
    )
