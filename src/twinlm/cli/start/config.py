"""`twinlm config`: settings files written, checked and shown, and the table of all settings."""

import json
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from twinlm.cli import settings_table
from twinlm.cli.options import AnySetting, Json, read_settings
from twinlm.cli.settings_table import Row
from twinlm.errors import UsageError
from twinlm.settings import build as config
from twinlm.settings import presets
from twinlm.system import storage

EXAMPLES = """Examples:
  twinlm config new my.toml
  twinlm config check my.toml
  twinlm config show my.toml --pretrain.length 64
  twinlm config list pretrain
"""

_FILE = Parameter(help="The settings file, as TOML.")
File = Annotated[Path, _FILE]
_HEADERS = {"task": "[[task]]", "arm": "# [[arm]]", "imported": "# [[imported]]"}
_MARKS = {"arm": "#   ", "imported": "#   "}  # the whole table is a comment
_CHOSEN = {
    "title": "GPT and BERT on my text",
    "size": presets.DEFAULT_SIZE,
    "corpus.train": ("my-text.txt",),
    "task.name": "my-task",
    "task.train": "my-labels.csv",
    "budget.match": "flops",
    "budget.amount": 2e13,
}
_HEAD = """# What twinlm trains and compares. A line that begins with "# name =" shows a default: remove
# the # to change it. Paths are relative to where the command is given. Check it: twinlm config check."""
_END = """# [model], [pretrain] and [finetune] set both models. To set one only, put its name before:
# [{kind}.pretrain], or [arm.pretrain] below an [[arm]]."""


def build(*, sort_key: int) -> App:
    """Return the command with its parts."""
    app = App(
        name="config", help="Write, check and show settings.", help_epilogue=EXAMPLES, sort_key=sort_key
    )
    app.command(new, help_epilogue=EXAMPLES)
    app.command(check, help_epilogue=EXAMPLES)
    app.command(show, help_epilogue=EXAMPLES)
    app.command(list_settings, name="list", help_epilogue=EXAMPLES)
    return app


def new(file: File, /, *, is_json: Json = False) -> None:
    """Write a settings file to begin with.

    It has every setting with its meaning and default.
    """
    if file.exists():
        raise UsageError("this file exists", file=file, hint="give another name, or remove it")
    storage.write_file(file, starter().encode())
    print(
        json.dumps({"file": str(file)})
        if is_json
        else f"{file}: set corpus.train and [[task]], then: twinlm plan {file}"
    )


def check(file: File, /, *, is_json: Json = False, **settings: AnySetting) -> None:
    """Check a settings file, and that its text and labels are there."""
    resolved = read_settings(file, settings, is_demo=False)
    from collections import Counter

    from twinlm.data.text.finding import find_files

    corpus, found = resolved.corpus, 0
    for name in (*corpus.train, *corpus.valid, *corpus.test):
        found += 1 if name.startswith("hf:") else len(find_files(name, counts=Counter()))
    missing = [
        path
        for task in resolved.task
        for path in (task.train, task.valid, task.test)
        if path and not Path(path).is_file()
    ]
    if missing:
        raise UsageError(f"there is no file {missing[0]!r} of labelled texts", file=file)
    if is_json:
        print(
            json.dumps(
                {"file": str(file), "corpus_files": found, "tasks": [task.name for task in resolved.task]}
            )
        )
    else:
        print(f"{file}: fine, with {found:,} files of text and {len(resolved.task):,} tasks")


def show(
    file: Annotated[Path | None, _FILE] = None,
    /,
    *,
    is_json: Json = False,
    **settings: AnySetting,
) -> None:
    """Show what a settings file and options come to, as TOML.

    All defaults are filled in.
    """
    resolved = config.plain(read_settings(file, settings, is_demo=False))
    if is_json:
        print(json.dumps(resolved, ensure_ascii=False))
        return
    import tomli_w

    print(tomli_w.dumps(resolved), end="")


def list_settings(
    words: Annotated[str, Parameter(help="Show only settings with this in their name or meaning.")] = "",
    /,
    *,
    is_json: Json = False,
) -> None:
    """List all settings: default, type, range and meaning."""
    found = [row for row in settings_table.rows() if words.lower() in f"{row.name} {row.meaning}".lower()]
    if not found:
        raise UsageError(
            f"no setting has {words!r} in it", hint=config.closest(words, settings_table.names())
        )
    if is_json:
        print(json.dumps([_record(row) for row in found], ensure_ascii=False))
        return
    for row in found:
        limits = f", {row.limits}" if row.limits else ""
        print(f"{row.name} = {row.default}\n    {row.type}{limits}. {row.meaning}")


def starter() -> str:
    """Return a settings file with every setting; those that one chooses first are set, others commented."""
    lines, table = [_HEAD], ""
    for row in settings_table.rows():
        if row.table != table:
            table = row.table
            lines += ["", _HEADERS.get(table, f"[{table}]")]
        differs = f" By default {row.default}." if len(row.defaults) > 1 else ""
        limits = f" ({row.limits})" if row.limits else ""
        value = settings_table.shown(_CHOSEN.get(row.name, row.defaults[0]))
        mark = "" if row.name in _CHOSEN else _MARKS.get(table, "# ")
        lines += [f"# {row.meaning}{limits}{differs}", f"{mark}{row.key} = {value}"]
    return "\n".join([*lines, "", _END.format(kind=presets.KINDS[0])]) + "\n"


def _record(row: Row) -> dict[str, Any]:
    names = presets.KINDS if len(row.defaults) > 1 else ("both",)
    defaults = dict(zip(names, map(config.plain, row.defaults), strict=True))
    return {
        "name": row.name,
        "type": row.type,
        "default": defaults,
        "range": row.limits,
        "meaning": row.meaning,
    }
