"""`twinlm export`: a model of ours for other tools."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from twinlm.cli.options import Json
from twinlm.cli.use.generate import Model
from twinlm.errors import UsageError
from twinlm.system import storage

NAME = "export"
EXAMPLES = """Examples:
  twinlm export runs/demo/gpt --out exported/gpt --verify
  twinlm export runs/demo/tasks/topic/bert/seed-1 --out exported/topic
  twinlm export runs/demo/bert --to sentence-transformers --out vectors
"""


def command(
    model: Model,
    /,
    *,
    out: Annotated[Path, Parameter(help="The folder to write, which must not be there yet.")],
    to: Annotated[
        Literal["hf", "sentence-transformers"],
        Parameter(help="hf: for transformers and what reads its folders."),
    ] = "hf",
    pooling: Annotated[
        Literal["mean", "cls", "last"] | None,
        Parameter(help="For sentence-transformers: mean if not given; at [CLS] (BERT), or the last (GPT)."),
    ] = None,
    max_shard_bytes: Annotated[int, Parameter(help="Write weights above this size in several files.")] = 5
    * 10**9,
    is_verified: Annotated[
        bool,
        Parameter(name="--verify", show_default=False, help="Load it there and compare; needs the tool."),
    ] = False,
    is_json: Json = False,
) -> None:
    """Write a model so that transformers or sentence-transformers loads it.

    --verify loads it there and compares tokens of difficult texts and what the
    models compute; a difference is an error that says what differs.
    """
    from twinlm.errors import ModelError
    from twinlm.hf.export import to_hf_files, write_folder
    from twinlm.hf.sentence_transformers import to_sentence_transformers_files
    from twinlm.hf.verify import verify_folder, verify_sentence_transformers
    from twinlm.use.load import load

    is_plain = to == "hf"
    _check(max_shard_bytes, has_useless_pooling=bool(pooling) and is_plain)
    pooling = pooling or "mean"
    storage.require_free(out)
    trained = load(model)
    write_folder(
        out,
        to_hf_files(trained, max_shard_bytes=max_shard_bytes)
        if is_plain
        else to_sentence_transformers_files(trained, pooling=pooling, max_shard_bytes=max_shard_bytes),
    )
    found = None
    if is_verified:
        found = (
            verify_folder(out, trained)
            if is_plain
            else verify_sentence_transformers(out, trained, pooling=pooling)
        )
        if problems := found.problems():
            message = f"{found.tool} sees another model: {'; '.join(problems[:5])}"
            raise ModelError(
                message, file=out, hint="please report this; the folder was left for you to look"
            )
    if is_json:
        checked = None if found is None else {**asdict(found), "is_equal": found.is_equal}
        print(json.dumps({"folder": str(out), "to": to, "verified": checked}, ensure_ascii=False))
        return
    print(f"{out}: written for {to}")
    if found is not None:
        differences = ", ".join(f"{name} {value:.1e}" for name, value in found.largest_differences.items())
        print(f"  equal in {found.tool}: tokens of {found.inputs} inputs; largest differences: {differences}")


def _check(max_shard_bytes: int, *, has_useless_pooling: bool) -> None:
    if has_useless_pooling:
        raise UsageError("--pooling is for sentence-transformers", hint="add --to sentence-transformers")
    if max_shard_bytes < 1:
        raise UsageError(f"--max-shard-bytes must be at least 1, not {max_shard_bytes}")
