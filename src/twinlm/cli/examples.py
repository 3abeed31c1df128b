"""A file of examples, as commands that use fine-tuned models take it."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

if TYPE_CHECKING:
    from twinlm.data.labels.examples import Example
    from twinlm.data.labels.forms import Form


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True, slots=True)
class FileOptions:
    """How a file of examples is to be read."""

    text_field: Annotated[str, Parameter(help="As task.text_field.")] = ""
    """Name of the column of texts."""
    text_b_field: Annotated[str, Parameter(help="As task.text_b_field; needed for pairs to classify.")] = ""
    """Name of the column of second texts."""
    choices_field: Annotated[str, Parameter(help="As task.choices_field.")] = ""
    """Name of the column of choices."""
    label_field: Annotated[str, Parameter(help="As task.label_field.")] = ""
    """Name of the column of answers."""
    encoding: Annotated[str, Parameter(help="Of the file.")] = "utf-8"
    """Of the file."""


def read_examples(
    file: Path, form: "Form", options: FileOptions, *, is_labelled: bool
) -> "tuple[Example, ...]":
    """Return the examples of a file.

    Raises:
        DataError: it can't be read, or a row is not of the form.
    """
    from twinlm.data.labels.forms import Fields
    from twinlm.data.labels.labelled import read_labelled

    fields = Fields(
        text=options.text_field,
        text_b=options.text_b_field,
        choices=options.choices_field,
        label=options.label_field,
    )
    return read_labelled(
        file,
        form=form,
        fields=fields,
        is_labelled=is_labelled,
        split=file.name.split(".")[0],
        encoding=options.encoding,
        counts=Counter(),
    ).examples
