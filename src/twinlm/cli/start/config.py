"""`twinlm config`: write, check and show settings files, and list all settings."""

from collections import Counter
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from twinlm.cli import settings_table
from twinlm.cli.command import Command
from twinlm.cli.options import AnySetting, Json, read_settings
from twinlm.cli.settings_table import Row
from twinlm.cli.tables import print_counts, print_record
from twinlm.errors import UsageError
from twinlm.settings import build, presets
from twinlm.system import storage

_FILE = Parameter(help="Settings file, as TOML.")
File = Annotated[Path, _FILE]
_HEADERS = {"task": "[[task]]", "arm": "# [[arm]]", "imported": "# [[imported]]"}
_MARKS = {"arm": "#   ", "imported": "#   "}  # the whole table is a comment
_RECIPE = "strong"
_CHOSEN = {
    "title": "GPT and BERT on my text",
    "recipe": _RECIPE,
    "size": presets.DEFAULT_SIZE,
    "corpus.train": ("my-text.txt",),
    "task.name": "my-task",
    "task.train": "my-labels.csv",
    "budget.match": "flops",
    "budget.amount": 2e13,
}
_HEAD = """# What twinlm trains and compares. A line that starts with "# name =" shows a default: remove
# the # to change it. Paths are relative to the current folder. Check it: twinlm config check."""
_END = """# [model], [pretrain] and [finetune] set both models. To set one only, put its name before:
# [{kind}.pretrain], or [arm.pretrain] below an [[arm]]."""


def new(file: File, /, *, is_json: Json = False) -> None:
    """Write a settings file to start from.

    It has every setting with its meaning and default.
    """
    if file.exists():
        raise UsageError("this file already exists", file=file, hint="give another name, or remove it")
    storage.write_file(file, starter().encode())
    next_step = f"{file}: set corpus.train and [[task]], then: twinlm plan {file}"
    print_record({"file": str(file)}, next_step, is_json=is_json)


def check(file: File, /, *, is_json: Json = False, **settings: AnySetting) -> None:
    """Check a settings file, and the text, labels, pairs and models that it names."""
    resolved = read_settings(file, settings, is_demo=False, is_compared=True)
    from twinlm.comparison.plan.arms import arms
    from twinlm.data.probes.minimal_pairs import read_pairs
    from twinlm.data.text.finding import find_files
    from twinlm.prepare.prepare import prepare_tasks
    from twinlm.report.numbers import counted

    corpus, tasks = resolved.corpus, resolved.task
    text_files = sum(
        1 if name.startswith("hf:") else len(find_files(name, counts=Counter()))
        for name in (*corpus.train, *corpus.valid, *corpus.test)
    )
    paths = [path for task in tasks for path in (task.train, task.valid, task.test) if path]
    if missing := next((path for path in paths if not Path(path).is_file()), ""):
        raise UsageError(f"there is no file {missing!r} of labelled texts", file=file)
    print_counts(prepare_tasks(resolved).counts)
    for pairs in resolved.quality.pairs:
        read_pairs(pairs, counts=Counter())
    arms(resolved)  # finds models that can't be loaded, and names given twice
    record = {"file": str(file), "corpus_files": text_files, "tasks": [task.name for task in tasks]}
    fine = f"{file}: fine, with {counted(text_files, 'file')} of text and {counted(len(tasks), 'task')}"
    print_record(record, fine, is_json=is_json)


def show(
    file: Annotated[Path | None, _FILE] = None, /, *, is_json: Json = False, **settings: AnySetting
) -> None:
    """Show the resulting settings of a file and options, as TOML.

    All defaults are filled in.
    """
    resolved = build.plain(read_settings(file, settings, is_demo=False))
    import tomli_w

    print_record(resolved, tomli_w.dumps(resolved).rstrip(), is_json=is_json)


def list_settings(
    words: Annotated[str, Parameter(help="Only settings with this in their name or meaning.")] = "",
    /,
    *,
    is_json: Json = False,
) -> None:
    """List all settings: default, type, range and meaning."""
    rows = [row for row in settings_table.rows() if words.lower() in f"{row.name} {row.meaning}".lower()]
    if not rows:
        hint = build.closest(words, settings_table.names())
        raise UsageError(f"no setting contains {words!r}", hint=hint)
    lines = [
        f"{row.name} = {row.default}\n    {row.type}{row.limits and ', '}{row.limits}. {row.meaning}"
        for row in rows
    ]
    print_record([_record(row) for row in rows], *lines, is_json=is_json)


def starter() -> str:
    """Return a settings file with every setting; all but the first choices are commented out."""
    lines, table = [_HEAD], ""
    for row in settings_table.rows(_RECIPE):
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
    defaults = dict(zip(names, map(build.plain, row.defaults), strict=True))
    about = {"name": row.name, "type": row.type, "default": defaults}
    return {**about, "range": row.limits, "meaning": row.meaning}


_HELP = """Write, check and show settings files.

Use it to set up a comparison on your own text and labels.

Examples:
  twinlm config new my.toml
  twinlm config check my.toml
  twinlm config show my.toml --pretrain.length 64
  twinlm config list pretrain
Next:
  twinlm plan my.toml
"""
COMMAND = Command(
    "config",
    _HELP,
    parts=(
        Command("new", new),
        Command("check", check),
        Command("show", show),
        Command("list", list_settings),
    ),
)
