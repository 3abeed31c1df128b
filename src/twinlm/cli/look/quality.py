"""`twinlm quality`: how well models know held-out text, with a table of its own for what may be compared."""

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from twinlm.cli.options import Json
from twinlm.cli.progress import progress_on
from twinlm.errors import UsageError

if TYPE_CHECKING:
    from twinlm.evaluate.quality import Figure

NAME = "quality"
EXAMPLES = """Examples:
  twinlm quality runs/demo/gpt runs/demo/bert --text held-out.txt
  twinlm quality runs/demo/bert --text held-out.txt --bytes 4000 --json
"""
_QUIET_S = 2.0


def command(
    *models: Annotated[Path, Parameter(help="Models' folders, such as runs/demo/gpt runs/demo/bert.")],
    text: Annotated[
        tuple[str, ...], Parameter(help="Text that no model has seen; may be given several times.")
    ] = (),
    text_field: Annotated[str, Parameter(help="As corpus.text_field, of .jsonl and .parquet text.")] = "text",
    encoding: Annotated[str, Parameter(help="Of the text files.")] = "utf-8",
    most_bytes: Annotated[
        int, Parameter(name="--bytes", help="Draw passages until they have so many bytes.")
    ] = 1 << 14,
    seed: Annotated[int, Parameter(help="Another seed draws other passages.")] = 0,
    is_json: Json = False,
) -> None:
    """Measure how well models know held-out text, without labels.

    All models read the same passages. A GPT gets bits per byte, left to right.
    A BERT gets the same by the chain rule, with nothing but one [MASK] after the
    words so far: a true probability, though it was not trained for that; and
    its pseudo-surprise, which is no probability. What may not be compared never
    stands in one table. The lower, the better.
    """
    if not models:
        raise UsageError("no model is given", hint="give one or more model folders")
    if not text:
        raise UsageError("no text is given", hint="give held-out text: --text FILE")
    from twinlm.data.probes.passages import draw_passages
    from twinlm.data.text.corpus import read_documents
    from twinlm.evaluate.quality import columns, language_quality
    from twinlm.use.inputs import room
    from twinlm.use.load import load

    documents = read_documents(text, text_field=text_field, encoding=encoding, counts=Counter())
    sample = draw_passages([document.text for document in documents], seed=seed, most_bytes=most_bytes)
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
        print(json.dumps({"sample": about, "groups": tables}, ensure_ascii=False))
        return
    drawn = f"{len(sample.texts):,} passages of {sample.documents:,} documents"
    print(f"{drawn}, {sample.text_bytes:,} bytes; the lower, the better")
    for group, row in groups.items():
        print(f"\n{group}:")
        for name, figure in row.items():
            print(f"  {figure.value:7.3f} ± {figure.standard_error:.3f} {figure.unit}  {name}")
            print(f"          {figure.caveat}\n" * bool(figure.caveat), end="")


def _record(figure: "Figure") -> dict[str, str | float]:
    return {
        "value": figure.value,
        "standard_error": figure.standard_error,
        "unit": figure.unit,
        "method": figure.method,
        "caveat": figure.caveat,
    }
