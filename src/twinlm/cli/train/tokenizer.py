"""`twinlm tokenizer`: train one, or see how one cuts a text."""

import json
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from twinlm.cli.options import SETTINGS_NOTE, AnySetting, Json, RunOptions, SettingsFile, opened_run
from twinlm.cli.texts import argument_or_input
from twinlm.settings import presets

EXAMPLES = f"""Examples:
  twinlm tokenizer train my.toml --tokenizer.vocab_size 4096
  twinlm tokenizer encode runs/my/gpt "How is this cut?"

{SETTINGS_NOTE}"""


def build(*, sort_key: int) -> App:
    """Return the command with its two parts."""
    app = App(
        name="tokenizer",
        help="Train a tokenizer, or see how one cuts a text.",
        help_epilogue=EXAMPLES,
        sort_key=sort_key,
    )
    app.command(train, help_epilogue=EXAMPLES)
    app.command(encode, help_epilogue=EXAMPLES)
    return app


def train(
    file: SettingsFile = None,
    /,
    *,
    options: RunOptions = RunOptions(),  # noqa: B008 - frozen
    **settings: AnySetting,
) -> None:
    """Train the tokenizer of a run on its training text.

    Trains two of them with --tokenizer.sharing own.
    """
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
    if options.is_json:
        print(json.dumps(rows))
        return
    for algorithm, row in rows.items():
        print(f"{row['folder']}: {algorithm} with {row['vocab_size']:,} tokens")


def encode(
    model: Annotated[Path, Parameter(help="A model's folder, or a tokenizer's.")],
    text: Annotated[str | None, Parameter(help="Standard input if not given, or -.")] = None,
    /,
    *,
    is_json: Json = False,
) -> None:
    """Show the tokens of a text, each with its number."""
    given = argument_or_input(text)
    from twinlm.tokenizer import Tokenizer
    from twinlm.use.load import find_model

    places = [place for place in (model, model / "files") if (place / "tokenizer.json").is_file()]
    tokenizer = Tokenizer.from_folder(places[0] if places else find_model(model))
    ids = tokenizer.encode(given)
    pieces = [tokenizer.display(number) for number in ids]
    if is_json:
        print(json.dumps({"text": given, "ids": ids, "tokens": pieces}, ensure_ascii=False))
        return
    for number, piece in zip(ids, pieces, strict=True):
        print(f"{number}\t{piece!r}")
