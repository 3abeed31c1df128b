"""`twinlm export`: write a model for other tools."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from twinlm.cli.command import Command
from twinlm.cli.options import Json, Model, flag
from twinlm.cli.tables import print_record
from twinlm.errors import UsageError, UserError
from twinlm.system import storage

if TYPE_CHECKING:
    from twinlm.checkpoint import Trained
    from twinlm.hf.verification import Verification
    from twinlm.report.model_card import Evidence
    from twinlm.use.embed import Pooling


Target = Literal["hf", "sentence-transformers", "onnx", "gguf"]
_OPTIONS = {
    "pooling": ("sentence-transformers", "onnx"),
    "max-shard-bytes": ("hf", "sentence-transformers"),
    "int8": ("onnx",),
}


def command(
    model: Model,
    /,
    *,
    out: Annotated[Path, Parameter(help="Folder to write; must not exist yet.")],
    to: Annotated[
        Target,
        Parameter(
            help="hf: for transformers and tools that read its folders; onnx: for ONNX Runtime and "
            "transformers.js; gguf: for llama.cpp."
        ),
    ] = "hf",
    pooling: Annotated[
        Literal["mean", "cls", "last"] | None,
        Parameter(
            help="For vectors of texts: mean, cls or last; sentence-transformers' default: as embed does."
        ),
    ] = None,
    is_int8: Annotated[bool, flag("--int8", "For onnx: add a smaller, less exact copy.")] = False,
    max_shard_bytes: Annotated[
        int | None, Parameter(help="Split larger weights into several files; default: 5 GB.")
    ] = None,
    licence: Annotated[
        str | None,
        Parameter(
            help="Licence of the training text for the model card, as the Hub spells it: cc0-1.0, mit, ..."
        ),
    ] = None,
    is_verified: Annotated[bool, flag("--verify", "Load the result in that tool and compare.")] = False,
    is_json: Json = False,
) -> None:
    """Write a model for transformers, ONNX and other tools.

    Use it to serve or share a model with other tools. --verify loads the result in
    that tool, which must be installed, and compares tokens of difficult texts and
    the outputs of both models; any difference is an error that names it.

    Examples:
      twinlm export runs/demo/gpt --out exported/gpt --verify
      twinlm export runs/demo/tasks/topic/bert/seed-1 --out exported/topic
      twinlm export runs/demo/bert --to sentence-transformers --out vectors
      twinlm export runs/demo/bert --to onnx --int8 --out browser
    Next:
      twinlm import exported/gpt --out models/gpt
    """
    from twinlm.hf.card import with_evidence
    from twinlm.hf.export import MAX_SHARD_BYTES, write_folder
    from twinlm.report.model_card import PICTURE, evidence
    from twinlm.use.load import load

    given = {"pooling": pooling, "int8": is_int8, "max-shard-bytes": max_shard_bytes}
    _check({name for name, value in given.items() if value not in (None, False)}, to)
    if max_shard_bytes is not None and max_shard_bytes < 1:
        raise UsageError(f"--max-shard-bytes must be at least 1, not {max_shard_bytes}")
    storage.require_free(out)
    lines = [f"{out}: written for {to}"]
    try:
        found = evidence(model)
    except UserError as error:  # the model itself may be sound
        found = None
        lines.append(f"  the model card has no scores: {error}")
    trained = _with_licence(load(model), found, licence)
    files, verify, notes = _target(
        to, trained, out, pooling=pooling, is_int8=is_int8, max_shard_bytes=max_shard_bytes or MAX_SHARD_BYTES
    )
    write_folder(out, with_evidence(files, found.words, {PICTURE: found.picture}) if found else files)
    lines += [f"  {note}" for note in notes]
    verified = None
    if is_verified:
        verified, said = _verified(verify, out)
        lines += said
    print_record({"folder": str(out), "to": to, "verified": verified}, *lines, is_json=is_json)


def _verified(verify: "Callable[[], Verification]", out: Path) -> tuple[dict[str, object], list[str]]:
    """Return what a comparison found, as a record and as lines; a difference is an error."""
    from twinlm.errors import ModelError

    check = verify()
    if problems := check.problems():
        message = f"{check.tool} sees a different model: {'; '.join(problems[:5])}"
        raise ModelError(message, file=out, hint="please report this; the folder was kept")
    equal = f"  equal in {check.tool}: tokens of {check.inputs} inputs"
    lines = [f"{equal}; largest differences: {_listed(check.largest_differences)}"]
    lines += [f"  not exact by design: {_listed(check.approximate)}"] * bool(check.approximate)
    return {**asdict(check), "is_equal": check.is_equal}, lines


def _with_licence(trained: "Trained", found: "Evidence | None", licence: str | None) -> "Trained":
    """Return the model with the licence and the sources of its text in its history, for its card."""
    from twinlm.prepare.demo import ATTRIBUTION, LICENCE

    sources = found.attribution if found else []
    known = licence or (LICENCE if ATTRIBUTION in sources else None)
    return replace(trained, history={**trained.history, "licence": known} if known else trained.history)


def _target(
    to: Target,
    trained: "Trained",
    out: Path,
    *,
    pooling: "Pooling | None",
    is_int8: bool,
    max_shard_bytes: int,
) -> "tuple[Mapping[str, bytes], Callable[[], Verification], Sequence[str]]":
    """Return the files of an export, the function that compares them once they are written, and notes."""
    if to == "onnx":
        from twinlm.runtimes.onnx_files import to_onnx_files
        from twinlm.runtimes.onnx_verify import verify_onnx

        files = to_onnx_files(trained, is_quantized=is_int8, pooling=pooling)
        return files, lambda: verify_onnx(out, trained, pooling=pooling), []
    if to == "gguf":
        from twinlm.runtimes.gguf_files import notes_on, to_gguf_files
        from twinlm.runtimes.gguf_verify import verify_gguf

        return to_gguf_files(trained), lambda: verify_gguf(out, trained), notes_on(trained)
    from twinlm.hf.export import to_hf_files
    from twinlm.hf.sentence_transformers import to_sentence_transformers_files
    from twinlm.hf.verify import verify_folder, verify_sentence_transformers

    if to == "hf":
        files = to_hf_files(trained, max_shard_bytes=max_shard_bytes)
        return files, lambda: verify_folder(out, trained), []
    files = to_sentence_transformers_files(trained, pooling=pooling, max_shard_bytes=max_shard_bytes)
    return files, lambda: verify_sentence_transformers(out, trained, pooling=pooling), []


def _listed(differences: "Mapping[str, float]") -> str:
    return ", ".join(f"{name} {value:.1e}" for name, value in differences.items())


def _check(given: set[str], to: Target) -> None:
    for name in sorted(given):
        if to not in _OPTIONS[name]:
            raise UsageError(
                f"--{name} is for {' and '.join(_OPTIONS[name])}", hint=f"add --to {_OPTIONS[name][0]}"
            )


COMMAND = Command("export", command)
