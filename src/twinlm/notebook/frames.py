"""Texts and tables of Python objects, written as files that a run reads, and tables handed back.

A run remembers its data by files, so objects become JSON lines in its folder, RUN/given. Data frames are
recognized by their methods, so that neither pandas nor polars nor datasets is imported.
"""

import importlib
import importlib.util
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from twinlm.errors import UsageError
from twinlm.settings.data import check_name
from twinlm.system import storage

GIVEN = "given"
"""Folder of a run with the files made from Python objects."""
SPLITS = {"train": "train", "valid": "valid", "validation": "valid", "test": "test"}
"""Names of splits, ours and those of the datasets library."""
_FRAMES = ("pandas", "polars")


def corpus_settings(corpus: Any, folder: Path) -> dict[str, Any]:
    """Return the settings of [corpus] for texts given as files, lists or frames, which are written if needed.

    Args:
        corpus: files, texts, or a table with a column "text"; or a dict of these by split.
        folder: run directory.

    Raises:
        UsageError: it is none of these.
    """
    by_split = _by_split(corpus, "corpus") if isinstance(corpus, Mapping) else {"train": corpus}
    return {
        split: _files(texts, f"corpus[{split!r}]", folder / GIVEN / f"corpus-{split}.jsonl")
        for split, texts in by_split.items()
    }


def task_settings(name: str, task: Any, folder: Path) -> dict[str, Any]:
    """Return the settings of a [[task]] for a table of examples, which is written if needed.

    Args:
        name: name of the task.
        task: a file or table of training examples; or a dict with these by split, and other settings of the
            task, such as "kind" or "label_field".
        folder: run directory.

    Raises:
        UsageError: it is none of these.
    """
    check_name(name, "a task")  # it becomes part of files' names
    whole = dict(task) if isinstance(task, Mapping) else {"train": task}
    settings = {key: value for key, value in whole.items() if key not in SPLITS}
    splits = _by_split({key: value for key, value in whole.items() if key in SPLITS}, f"tasks[{name!r}]")
    for split, table in splits.items():
        path = table
        if not isinstance(table, str | Path):
            path = folder / GIVEN / f"{name}-{split}.jsonl"
            _write(_rows(table, f"tasks[{name!r}][{split!r}]"), path)
        settings[split] = str(path)
    return {"name": name, **settings}


def frame(rows: Sequence[Mapping[str, Any]]) -> Any:
    """Return rows as a data frame of pandas or polars, whichever is installed, else as a list of dicts."""
    for name in _FRAMES:
        if importlib.util.find_spec(name):
            return importlib.import_module(name).DataFrame(list(rows))
    return [dict(row) for row in rows]


def _by_split(tables: Mapping[str, Any], what: str) -> dict[str, Any]:
    unknown = [key for key in tables if key not in SPLITS]
    if unknown or not any(SPLITS[key] == "train" for key in tables):
        problem = f"{what} has {unknown[0]!r}" if unknown else f"{what} has no 'train'"
        raise UsageError(problem, hint="give it as train, valid and test; train is needed")
    return {SPLITS[key]: table for key, table in tables.items()}


def _files(texts: Any, what: str, path: Path) -> list[str]:
    if isinstance(texts, str | Path):
        return [str(texts)]
    if isinstance(texts, list | tuple) and texts and all(isinstance(text, Path) for text in texts):
        return [str(text) for text in texts]
    if isinstance(texts, list | tuple) and texts and all(isinstance(text, str) for text in texts):
        if all(len(text) < 256 and Path(text).is_file() for text in texts):
            hint = "give names of files as Path objects, or a single one as a string"
            raise UsageError(f"{what} has the names of files where texts are expected", hint=hint)
        _write(({"text": text} for text in texts), path)
    else:
        _write(_rows(texts, what), path)
    return [str(path)]


def _rows(table: Any, what: str) -> Iterable[Mapping[str, Any]]:
    """Return the rows of a table of pandas, polars or datasets, or of a list of dicts."""
    if hasattr(table, "to_dicts"):  # polars
        rows: list[Any] = table.to_dicts()
    elif hasattr(table, "to_dict") and hasattr(table, "columns"):  # pandas
        rows = table.to_dict("records")
    elif hasattr(table, "column_names") or isinstance(table, list | tuple):  # datasets
        rows = list(table)
    else:
        message = f"{what} is {type(table).__name__}, no table of examples"
        raise UsageError(message, hint="give a file, a data frame, a Dataset or a list of dicts")
    for number, row in enumerate(rows):
        if not isinstance(row, Mapping):
            message = f"{what}: row {number} is {type(row).__name__}, not a dict of columns"
            raise UsageError(message, hint='give rows such as {"text": "...", "label": "..."}')
    if not rows:
        raise UsageError(f"{what} is empty", hint="give at least one row")
    return rows


def _write(rows: Iterable[Mapping[str, Any]], path: Path) -> None:
    """Write rows as JSON lines, unless the file says the same already."""
    lines = [json.dumps(_plain_row(row), ensure_ascii=False) for row in rows]
    content = "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogatepass")
    if not path.is_file() or path.read_bytes() != content:
        storage.write_file(path, content)


def _plain_row(row: Mapping[str, Any]) -> dict[str, Any]:
    plain = {str(name): _plain(value) for name, value in row.items()}
    return {name: value for name, value in plain.items() if value is not None}  # the reader names what lacks


def _plain(value: Any) -> Any:
    """Return a cell as JSON has it: arrays as lists, numbers of numpy as numbers, nothing for NaN and NA."""
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "tolist"):  # numpy
        return _plain(value.tolist())
    if isinstance(value, float):
        return None if math.isnan(value) else value
    if value is None or isinstance(value, str | int):
        return value
    return None if type(value).__name__ in ("NAType", "NaTType") else str(value)
