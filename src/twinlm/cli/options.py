"""Options that several commands share, and how they become `Settings`. `running.py` opens a run with them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from twinlm.cli import settings_table
from twinlm.errors import UsageError
from twinlm.settings import Settings, build, presets, recipes
from twinlm.settings.tree import read_toml

if TYPE_CHECKING:
    from twinlm.data.labels.examples import Example
    from twinlm.data.labels.forms import Form


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
    encoding: str = "utf-8"
    """Encoding of the files."""

    def read(self, file: Path, form: "Form", *, is_labelled: bool) -> "tuple[Example, ...]":
        """Return the examples of a file."""
        from twinlm.data.labels.forms import Fields
        from twinlm.data.labels.labelled import read_labelled

        return read_labelled(
            file,
            form=form,
            fields=Fields(
                text=self.text_field,
                text_b=self.text_b_field,
                choices=self.choices_field,
                label=self.label_field,
            ),
            is_labelled=is_labelled,
            split=file.name.split(".")[0],
            encoding=self.encoding,
            counts=Counter(),
        ).examples


def read_settings(
    file: Path | None, given: Mapping[str, str], *, is_demo: bool, tasks: Sequence[str] = ()
) -> Settings:
    """Return the settings of a file or the demo, overridden by options such as "pretrain/length" -> "64"."""
    names = {name.replace("/", ".").replace("-", "_"): value for name, value in given.items()}
    check_option_names(names)
    of_task = {name: value for name, value in names.items() if name.startswith("task.")}
    overrides = {name: value for name, value in names.items() if name not in of_task}
    base: dict[str, Any] = dict(presets.DEMO) if is_demo else {}
    rows = task_rows(tasks, {name.removeprefix("task."): value for name, value in of_task.items()})
    if rows:
        base["task"] = rows
        if file is not None and "task" in read_toml(recipes.find(file)):
            message = "tasks are given both in the file and as options"
            raise UsageError(message, file=file, hint="give them in one place")
    return presets.resolve(file, overrides, base=base)


def task_rows(files: Sequence[str], given: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return one task for each file, named after it, all with the settings given as `--task.NAME VALUE`."""
    types = {"max_train_examples": int, "valid_share": float}
    shared: dict[str, Any] = {}
    for name, text in given.items():
        try:
            shared[name] = types.get(name, str)(text)
        except ValueError:
            shared[name] = text  # the settings' own check names what is wrong with it
    if not files:
        return [shared] if shared else []
    return [{"name": stem(file), "train": file, **shared} for file in files]


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
