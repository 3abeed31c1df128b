"""`twinlm import`: a model of Hugging Face's as one of ours."""

import json
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from twinlm.cli.options import Json
from twinlm.system import storage

NAME = "import"
EXAMPLES = """Examples:
  twinlm import google-bert/bert-base-uncased --out models/bert
  twinlm import ../gpt2 --out models/gpt2
  twinlm import my-org/my-classifier@main --out models/mine --texts 2
"""


def command(
    source: Annotated[str, Parameter(help="A folder, or an id on the Hub, with @REVISION if wanted.")],
    /,
    *,
    out: Annotated[Path, Parameter(help="The folder of the model, which must not be there yet.")],
    texts: Annotated[
        int | None, Parameter(help="How many texts a classifier takes at once; 1 if nobody says.")
    ] = None,
    is_headless: Annotated[
        bool, Parameter(name="--without-head", show_default=False, help="Leave the head of a task out.")
    ] = False,
    seed: Annotated[int, Parameter(help="Of weights that the source lacks.")] = 0,
    is_json: Json = False,
) -> None:
    """Make a model of ours of one of Hugging Face's, without transformers.

    Reads bert, gpt2 and openai-gpt with config.json, safetensors and the
    tokenizer's files. Nothing that could run code is read. Says which parts the
    source lacks: those can be trained, but not used.
    """
    from twinlm.checkpoint import save_model
    from twinlm.hf.hub import find_folder
    from twinlm.hf.reading import read_folder

    storage.require_free(out)
    trained = read_folder(
        find_folder(source),
        source="" if Path(source).exists() else source,  # model cards show it: no paths of this machine
        texts=texts,
        is_headless=is_headless,
        seed=seed,
    )
    save_model(out, trained)
    about = trained.history["import"]
    if is_json:
        task = trained.task.kind if trained.task else None
        print(json.dumps({"model": str(out), "kind": trained.family.name, "task": task, **about}))
        return
    print(f"{out}: {trained.family.label} from {about['architecture']}")
    notes = {
        "missing": "parts that the source lacks, to be trained before use",
        "ignored_tensors": "tensors left out",
        "ignored_keys": "unknown settings left out",
    }
    for key, words in notes.items():
        if about[key]:
            print(f"  {words}: {', '.join(about[key][:8])}" + (", ..." if len(about[key]) > 8 else ""))
    if about["unused_rows"]:
        print(f"  {about['unused_rows']:,} rows of the vocabulary without a token left out")
    if about["drawn_rows"]:
        print(f"  {about['drawn_rows']} special tokens are new, to be trained before use")
