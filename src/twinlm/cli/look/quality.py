"""`twinlm quality`: how well models predict held-out text; only comparable values share a table."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from twinlm.cli.command import Command
from twinlm.cli.options import Encoding, Json, TextField
from twinlm.cli.tables import print_counts, print_json
from twinlm.errors import UsageError
from twinlm.system.progress import progress_on

if TYPE_CHECKING:
    from twinlm.evaluate.quality import Figure

_QUIET_S = 2.0


def command(
    *models: Annotated[Path, Parameter(help="Model folders, such as runs/demo/gpt runs/demo/bert.")],
    text: Annotated[tuple[str, ...], Parameter(help="Text that no model has seen; may be repeated.")] = (),
    text_field: TextField = "text",
    encoding: Encoding = "utf-8",
    most_bytes: Annotated[int, Parameter(name="--bytes", help="Bytes of passages to draw.")] = 1 << 14,
    seed: Annotated[int, Parameter(help="Another seed draws other passages.")] = 0,
    is_json: Json = False,
) -> None:
    """Measure how well models predict held-out text.

    Use it to compare language models without labels. All models read the same
    passages. A GPT gets bits per byte, left to right. A BERT gets the same by the
    chain rule, with a single [MASK] after the words so far: a true probability,
    although it was not trained for that. It also gets its pseudo-surprise, which
    is not a probability. Values that must not be compared never share a table.
    Lower is better.

    Examples:
      twinlm quality runs/demo/gpt runs/demo/bert --text held-out.txt
      twinlm quality runs/demo/bert --text held-out.txt --bytes 4000 --json
    Next:
      twinlm pairs runs/demo/gpt runs/demo/bert --from-text held-out.txt
    """
    if not models:
        raise UsageError("no model was given", hint="give one or more model folders")
    if not text:
        raise UsageError("no text was given", hint="give held-out text: --text FILE")
    from twinlm.data.probes.passages import draw_passages
    from twinlm.data.text.corpus import read_documents
    from twinlm.evaluate.quality import columns, language_quality
    from twinlm.use.inputs import room
    from twinlm.use.load import load

    counts: Counter[str] = Counter()
    documents = read_documents(text, text_field=text_field, encoding=encoding, counts=counts)
    sample = draw_passages([document.text for document in documents], seed=seed, most_bytes=most_bytes)
    print_counts(counts)
    loaded = {str(model): load(model) for model in models}
    window = min(map(room, loaded.values()))
    with progress_on(quiet_s=_QUIET_S) as progress:
        figures = {
            name: language_quality(trained, sample, window_tokens=window, progress=progress)
            for name, trained in loaded.items()
        }
    groups = columns(figures)
    if is_json:
        about = {"passages": len(sample.texts), "documents": sample.documents, "bytes": sample.text_bytes}
        tables = {
            group: {name: _record(figure) for name, figure in row.items()} for group, row in groups.items()
        }
        print_json({"sample": about, "groups": tables})
        return
    passages = f"{len(sample.texts):,} passages of {sample.documents:,} documents"
    print(f"{passages}, {sample.text_bytes:,} bytes; lower is better")
    for group, row in groups.items():
        print(f"\n{group}:")
        for name, figure in row.items():
            print(f"  {figure.value:7.3f} ± {figure.standard_error:.3f} {figure.unit}  {name}")
            print(f"          {figure.caveat}\n" * bool(figure.caveat), end="")


def _record(figure: "Figure") -> dict[str, str | float]:
    names = ("value", "standard_error", "unit", "method", "caveat")
    return {name: getattr(figure, name) for name in names}


COMMAND = Command("quality", command)
