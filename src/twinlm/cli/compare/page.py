"""`twinlm page`: a GPT and a BERT that read the same sentence, as one HTML file."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from twinlm.cli.command import Command
from twinlm.cli.options import Json
from twinlm.cli.tables import print_record


def command(
    folders: Annotated[
        list[Path], Parameter(help="Run directory, or the folders of a GPT and a BERT.", negative="")
    ],
    /,
    *,
    out: Annotated[
        Path | None, Parameter(help="File to write; usually twins.html in the run directory.")
    ] = None,
    is_json: Json = False,
) -> None:
    """Write a page on which both models read a sentence.

    Use it to see, try and pass on what you trained. The page is one HTML file that
    needs no server: the models run in the reader's browser, on a telephone too. It
    shows each word's surprise, attention, GPT writing on beside BERT filling gaps,
    the answers of the fine-tuned models, and a guided tour. It holds the weights,
    and the texts of a few test examples.

    Examples:
      twinlm page runs/demo
      twinlm page runs/demo --out twins.html
      twinlm page runs/demo/gpt runs/demo/bert --out twins.html
    Next:
      twinlm report runs/demo
    """
    from twinlm.page.run import default_path, write_page

    path = out or default_path(folders)
    twins = write_page(folders, path)
    size = path.stat().st_size
    models = [model.name for model in twins.models]
    record = {"page": str(path), "bytes": size, "models": models, "notes": list(twins.notes)}
    lines = [f"{path}: {size / 2**20:.1f} MiB with {', '.join(models)}"]
    print_record(record, *lines, *(f"Note: {note}" for note in twins.notes), is_json=is_json)


COMMAND = Command("page", command)
