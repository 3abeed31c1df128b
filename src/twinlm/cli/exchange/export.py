"""`twinlm export`: write a model for other tools."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from twinlm.cli.command import Command
from twinlm.cli.options import Json, Model, flag
from twinlm.cli.tables import print_record
from twinlm.errors import UsageError
from twinlm.system import storage


def command(
    model: Model,
    /,
    *,
    out: Annotated[Path, Parameter(help="Folder to write; must not exist yet.")],
    to: Annotated[
        Literal["hf", "sentence-transformers"],
        Parameter(help="hf: for transformers and tools that read its folders."),
    ] = "hf",
    pooling: Annotated[
        Literal["mean", "cls", "last"] | None,
        Parameter(help="For sentence-transformers: mean, cls or last; default: as embed does."),
    ] = None,
    max_shard_bytes: Annotated[int, Parameter(help="Split larger weights into several files.")] = 5 * 10**9,
    is_verified: Annotated[bool, flag("--verify", "Load the result in that tool and compare.")] = False,
    is_json: Json = False,
) -> None:
    """Write a model for transformers or sentence-transformers.

    Use it to serve or share a model with other tools. --verify loads the result in
    that tool, which must be installed, and compares tokens of difficult texts and
    the outputs of both models; any difference is an error that names it.

    Examples:
      twinlm export runs/demo/gpt --out exported/gpt --verify
      twinlm export runs/demo/tasks/topic/bert/seed-1 --out exported/topic
      twinlm export runs/demo/bert --to sentence-transformers --out vectors
    Next:
      twinlm import exported/gpt --out models/gpt
    """
    from twinlm.errors import ModelError
    from twinlm.hf.export import to_hf_files, write_folder
    from twinlm.hf.sentence_transformers import to_sentence_transformers_files
    from twinlm.hf.verify import verify_folder, verify_sentence_transformers
    from twinlm.use.load import load

    is_plain = to == "hf"
    _check(max_shard_bytes, has_useless_pooling=bool(pooling) and is_plain)
    storage.require_free(out)
    trained = load(model)
    write_folder(
        out,
        to_hf_files(trained, max_shard_bytes=max_shard_bytes)
        if is_plain
        else to_sentence_transformers_files(trained, pooling=pooling, max_shard_bytes=max_shard_bytes),
    )
    check = None
    if is_verified:
        check = (
            verify_folder(out, trained)
            if is_plain
            else verify_sentence_transformers(out, trained, pooling=pooling)
        )
        if problems := check.problems():
            message = f"{check.tool} sees a different model: {'; '.join(problems[:5])}"
            raise ModelError(message, file=out, hint="please report this; the folder was kept")
    verified, lines = None, [f"{out}: written for {to}"]
    if check:
        verified = {**asdict(check), "is_equal": check.is_equal}
        differences = ", ".join(f"{name} {value:.1e}" for name, value in check.largest_differences.items())
        equal = f"  equal in {check.tool}: tokens of {check.inputs} inputs"
        lines.append(f"{equal}; largest differences: {differences}")
    print_record({"folder": str(out), "to": to, "verified": verified}, *lines, is_json=is_json)


def _check(max_shard_bytes: int, *, has_useless_pooling: bool) -> None:
    if has_useless_pooling:
        raise UsageError("--pooling is for sentence-transformers", hint="add --to sentence-transformers")
    if max_shard_bytes < 1:
        raise UsageError(f"--max-shard-bytes must be at least 1, not {max_shard_bytes}")


COMMAND = Command("export", command)
