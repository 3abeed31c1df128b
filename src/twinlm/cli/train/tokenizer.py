"""`twinlm tokenizer`: train a tokenizer, or show how one splits a text."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from twinlm.cli.command import SETTINGS_NOTE, Command
from twinlm.cli.options import (
    AnySetting,
    Json,
    RunOptions,
    SettingsFile,
    check_reach,
    check_used,
    plain_names,
)
from twinlm.cli.running import opened_run
from twinlm.cli.tables import print_record
from twinlm.cli.texts import argument_or_input
from twinlm.settings import presets

_IDLE = ("size", "budget", "compare", "quality", "processes", "precision", *presets.SHARED)


def train(
    file: SettingsFile = None,
    /,
    *,
    options: RunOptions = RunOptions(),  # noqa: B008 - frozen
    **settings: AnySetting,
) -> None:
    """Train the tokenizer of a run on its training text.

    With --tokenizer.sharing own, trains one for each model.
    """
    check_used("--nproc", options.nproc != 1, is_used=False, by="trainings of models")
    check_reach([name for name in plain_names(settings) if not name.endswith("pretrain.start")], idle=_IDLE)
    with opened_run(file, options, settings) as run:
        trained = {kind: run.workspace.tokenizer(kind) for kind in presets.KINDS}
        folder = run.folder / "tokenizers"
    rows = {
        tokenizer.algorithm: {
            "folder": str(folder / tokenizer.algorithm / "files"),
            "vocab_size": tokenizer.vocab_size,
            "sha256": tokenizer.fingerprint,
        }
        for tokenizer in trained.values()
    }
    lines = [f"{row['folder']}: {name} with {row['vocab_size']:,} tokens" for name, row in rows.items()]
    print_record(rows, *lines, is_json=options.is_json)


def encode(
    model: Annotated[Path, Parameter(help="Folder of a model or a tokenizer.")],
    text: Annotated[str | None, Parameter(help="Text; default, or -: standard input.")] = None,
    /,
    *,
    is_json: Json = False,
) -> None:
    """Show the tokens of a text, each with its number."""
    text = argument_or_input(text)
    from twinlm.tokenizer import Tokenizer
    from twinlm.use.load import find_model

    folders = [path for path in (model, model / "files") if (path / "tokenizer.json").is_file()]
    tokenizer = Tokenizer.from_folder(folders[0] if folders else find_model(model))
    ids = tokenizer.encode(text)
    pieces = [tokenizer.display(number) for number in ids]
    lines = [f"{number}\t{piece!r}" for number, piece in zip(ids, pieces, strict=True)]
    print_record({"text": text, "ids": ids, "tokens": pieces}, *lines, is_json=is_json)


_HELP = f"""Train a tokenizer, or show how it splits a text.

Use it to try vocabularies before any model is trained.

Examples:
  twinlm tokenizer train my.toml --tokenizer.vocab_size 4096
  twinlm tokenizer encode runs/my/gpt "How is this split?"
Next:
  twinlm pretrain both my.toml

{SETTINGS_NOTE}"""
COMMAND = Command("tokenizer", _HELP, parts=(Command("train", train), Command("encode", encode)))
