"""`twinlm import`: convert a Hugging Face model to a twinlm model."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from twinlm.cli.command import Command
from twinlm.cli.options import Json, flag
from twinlm.cli.tables import print_record
from twinlm.system import storage


def command(
    source: Annotated[str, Parameter(help="Folder, or id on the Hub, optionally with @REVISION.")],
    /,
    *,
    out: Annotated[Path, Parameter(help="Folder of the model; must not exist yet.")],
    texts: Annotated[
        int | None, Parameter(help="Number of texts a classifier reads at once; default: 1.")
    ] = None,
    is_headless: Annotated[bool, flag("--without-head", "Leave out the head of a task.")] = False,
    seed: Annotated[int, Parameter(help="Seed of weights that the source lacks.")] = 0,
    is_json: Json = False,
) -> None:
    """Convert a Hugging Face model to a twinlm model.

    Use it to fine-tune or compare a published model. It reads the kinds
    bert, megatron-bert, gpt2 and openai-gpt: config.json, safetensors and the tokenizer's files,
    but never files that can run code. It needs no transformers. It names the parts
    that the source lacks: those must be trained before use.

    Examples:
      twinlm import google-bert/bert-base-uncased --out models/bert
      twinlm import ../gpt2 --out models/gpt2
      twinlm import my-org/my-classifier@main --out models/mine --texts 2
    Next:
      twinlm finetune models/bert --task.train reviews.csv
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
    lines = [f"{out}: {trained.family.label} from {about['architecture']}"]
    notes = {
        "missing": "parts that the source lacks, to be trained before use",
        "ignored_tensors": "ignored tensors",
        "ignored_keys": "ignored unknown settings",
        "not_understood": "not understood, so results may differ from the source's",
    }
    for key, words in notes.items():
        if about[key]:
            lines.append(f"  {words}: {', '.join(about[key][:8])}" + ", ..." * (len(about[key]) > 8))
    if how := about["embedding"]:
        length = f", at most {how['max_length']:,} tokens" if how["max_length"] else ""
        scaled = ", scaled to length 1" if how["normalize"] else ""
        prompts = f", prompts: {', '.join(how['prompts'])}" if how["prompts"] else ""
        lines.append(f"  embed does as the source: {how['pooling']} pooling{length}{scaled}{prompts}")
    if about["unused_rows"]:
        lines.append(
            f"  {about['unused_rows']:,} vocabulary rows without a token are kept, but never generated"
        )
    if about["drawn_rows"]:
        lines.append(f"  {about['drawn_rows']} special tokens are new: not predicted before training")
    task = trained.task.kind if trained.task else None
    record = {"model": str(out), "kind": trained.family.name, "task": task, **about}
    print_record(record, *lines, is_json=is_json)


COMMAND = Command("import", command)
