"""Options that several commands share, and how they become `Settings`. `running.py` opens a run with them."""

import sys
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from twinlm.cli import settings_table
from twinlm.errors import UsageError
from twinlm.settings import Settings, TaskSettings, build, presets, recipes
from twinlm.settings.idle import ONLY
from twinlm.settings.tree import Given, read_toml

if TYPE_CHECKING:
    from twinlm.data.labels.examples import Example
    from twinlm.data.labels.forms import Form
    from twinlm.tasks.kind import TaskConfig


def flag(name: str, about: str) -> Parameter:
    """Return an option without a value, which turns something on."""
    return Parameter(name=name, show_default=False, help=about)


SettingsFile = Annotated[
    Path | None, Parameter(help="Settings file (twinlm config new), or a recipe's name (twinlm describe).")
]
AnySetting = Annotated[str, Parameter(show=False)]
Tasks = Annotated[list[str] | None, Parameter(name="--task", help="File of labelled texts; may be repeated.")]
Json = Annotated[bool, flag("--json", "Print only JSON to standard output.")]
Fresh = Annotated[bool, flag("--fresh", "Remove earlier results and start over.")]
Model = Annotated[Path, Parameter(help="Folder of a model, such as runs/demo/gpt.")]
Method = Annotated[
    str | None,
    Parameter(help="likelihood (GPT); pseudo-likelihood, pseudo-likelihood-l2r or chain-rule (BERT)."),
]
TextField = Annotated[str, Parameter(help="Field with the text in .jsonl and .parquet files.")]
Encoding = Annotated[str, Parameter(help="Encoding of the files.")]

_LONGEST_NAME = 100
_NOT_OF_DEMO = (
    "corpus",
    *(f"task.{field.name}" for field in fields(TaskSettings) if field.name != "max_train_examples"),
)
# A shorter `model.max_length` needs these, also where they are not used.
_BOUND = {"pretrain.length", "finetune.max_length"}


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True, slots=True)
class RunOptions:
    """Options of every command that works in a run directory. Docstrings of options are their help."""

    out: Path | None = None
    """Run directory; default: runs/NAME."""
    is_demo: Annotated[bool, Parameter(name="--demo", show_default=False)] = False
    """Use the bundled text and labels."""
    is_resumed: Annotated[bool, Parameter(name="--resume", show_default=False)] = True
    """Resume; this is the default anyway."""
    is_json: Json = False
    """Print only JSON to standard output."""
    nproc: int = 1
    """Number of processes to train with on this machine; torchrun starts several machines."""


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True, slots=True)
class FileOptions:
    """Options on how to read a file of examples."""

    text_field: str = ""
    """Like task.text_field."""
    text_b_field: str = ""
    """Like task.text_b_field; needed for pairs to classify."""
    choices_field: str = ""
    """Like task.choices_field."""
    label_field: str = ""
    """Like task.label_field."""
    id_field: str = ""
    """Like task.id_field."""
    encoding: str = "utf-8"
    """Encoding of the files."""

    def read(
        self, file: Path, form: "Form", trained: "TaskConfig", *, is_labelled: bool, counts: Counter[str]
    ) -> "tuple[Example, ...]":
        """Return the examples of a file, read as the files that a model was `trained` on.

        Adds to `counts` what was left out or read differently.
        """
        from twinlm.data.labels.forms import Fields
        from twinlm.data.labels.labelled import read_labelled

        check_used(
            "--choices-field", self.choices_field, is_used=bool(form.fields.choices), by="choice tasks"
        )
        check_used("--label-field", self.label_field, is_used=is_labelled, by="answers, which are not read")
        return read_labelled(
            file,
            form=form,
            fields=Fields(
                text=self.text_field,
                text_b=self.text_b_field,
                choices=self.choices_field,
                label=self.label_field,
                id=self.id_field,
            ).over(Fields(**{**trained.fields, "id": ""})),
            usual_id=trained.fields.get("id", "id"),
            reading=trained.reading,
            is_labelled=is_labelled,
            split=file.name.split(".")[0],
            encoding=self.encoding,
            counts=counts,
        ).examples


def read_settings(
    file: Path | None,
    given: Mapping[str, str],
    *,
    is_demo: bool,
    tasks: Sequence[str] = (),
    base: Mapping[str, Any] = {},
    decided: Mapping[str, str] = {},
    is_compared: bool = False,
) -> Settings:
    """Return the settings of a file or the demo, overridden by options such as "pretrain/length" -> "64".

    A file overrides `base`; nothing overrides what the command itself `decided`. `is_compared` refuses what
    a comparison does not use, see `settings/idle.py`.
    """
    names = plain_names(given)
    check_option_names(names)
    check_reach(names, idle=_NOT_OF_DEMO if is_demo else ())
    if is_demo and tasks:
        raise UsageError(
            "--task would change nothing: --demo has its own labels", hint="leave one of them out"
        )
    of_task = {name: value for name, value in names.items() if name.startswith("task.")}
    overrides = {name: value for name, value in names.items() if name not in of_task}
    whole: dict[str, Any] = {**(presets.DEMO if is_demo else {}), **base}
    if rows := task_rows(tasks, {name.removeprefix("task."): value for name, value in of_task.items()}):
        whole["task"] = rows
        if file is not None and "task" in read_toml(recipes.find(file)):
            message = "tasks are given both in the file and as options"
            raise UsageError(message, file=file, hint="give them in one place")
    return presets.resolve(file, {**overrides, **decided}, base=whole, is_compared=is_compared, say=_say)


def _say(line: str) -> None:
    print(line, file=sys.stderr)


def plain_names(given: Mapping[str, str]) -> dict[str, str]:
    """Return options by the names of their settings: "pretrain/max-length" as "pretrain.max_length"."""
    return {name.replace("/", ".").replace("-", "_"): value for name, value in given.items()}


def task_rows(files: Sequence[str], given: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return one task for each file, named after it, all with the settings given as `--task.NAME VALUE`."""
    shared = {name: Given(text, f"--task.{name}", is_text=True) for name, text in given.items()}
    if files and "train" in shared:
        raise UsageError("--task and --task.train both name the training file", hint="leave one of them out")
    if not files:
        return [shared] if shared else []
    return [{"name": stem(file), "train": file, **shared} for file in files]


def check_reach(
    names: Collection[str],
    *,
    idle: Collection[str] = (),
    kinds: Collection[str] = presets.KINDS,
    hint: str = "this command does not use it: leave it out, or set it in the settings file",
) -> None:
    """Refuse options that would change nothing.

    Args:
        names: settings given as options.
        idle: settings, or tables of them, that the command does not use.
        kinds: kinds of model that it works on.
        hint: why it does not use the idle ones.
    """
    for name in names:
        prefix, _, rest = name.partition(".")
        setting = rest if prefix in presets.KINDS else name
        parts = setting.split(".")
        tables = {".".join(parts[:end]) for end in range(1, len(parts) + 1)}
        if not tables.isdisjoint(idle) and setting not in _BOUND:
            raise UsageError(f"--{name} would change nothing", hint=hint)
        only = ONLY.get(setting, "")
        wanted = {kind for kind in (prefix, only) if kind in presets.KINDS}
        if len(wanted) > 1 or not wanted <= {*kinds}:
            used_by = f"only {only if only in wanted else prefix} uses it: leave it out"
            raise UsageError(f"--{name} would change nothing", hint=used_by)


def check_used(name: str, value: object, *, is_used: bool, by: str) -> None:
    """Refuse an option that would change nothing, as `by` is not there; an empty value is none."""
    if value and not is_used:
        raise UsageError(f"{name} would change nothing: it is for {by}", hint="leave it out")


def check_option_names(names: Mapping[str, str]) -> None:
    """Check that each option is a setting; the error suggests what was probably meant."""
    known = settings_table.names()
    tables = {name.split(".")[0] for name in known} | set(presets.KINDS)
    for name in names:
        if len(name) > _LONGEST_NAME:
            raise UsageError(f"--{name[:_LONGEST_NAME]}... is neither an option nor a setting")
        first = name.split(".")[0]
        # A name inside a known table is checked by `settings/build.py`, which knows each table's names.
        if first not in tables or (name not in known and "." not in name):
            hint = _meant(name, first, known, tables)
            raise UsageError(f"--{name} is neither an option nor a setting", hint=hint)


def _meant(name: str, first: str, known: Sequence[str], tables: set[str]) -> str:
    last = name.rsplit(".", maxsplit=1)[-1]
    alike = [
        setting for setting in known if setting.split(".")[-1] == last and not setting.startswith("imported.")
    ]
    if alike:
        return f"did you mean --{' or --'.join(alike)}?"
    flags = {"out", "demo", "resume", "json", "fresh", "task", "debug", "help", "nproc"}
    closest = build.closest(first, tables | flags)
    return closest if closest.startswith("did") else "see --help and `twinlm config list`"


def default_folder(file: Path | None, settings: Settings, *, is_demo: bool) -> Path:
    """Return the run directory of a command that names none."""
    corpus = settings.corpus.train[0] if settings.corpus.train else "run"
    name = "demo" if is_demo else file.stem if file else stem(corpus)
    return Path("runs") / name


def stem(file: str) -> str:
    """Return a file's name without folders and endings, or the last part of a data set's name."""
    return Path(file.replace(":", "/")).name.split(".")[0].replace("*", "") or "run"
