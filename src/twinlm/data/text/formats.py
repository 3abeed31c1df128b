"""The documents of one file: paragraphs of .txt, rows of .jsonl and .parquet, and of Hugging Face data sets.

Each reader yields where a document begins (its line or row, from 1) and its text, with line feeds only.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from twinlm.data.text.lines import Decoding, read_lines
from twinlm.data.text.rows import BadRows, RowError, json_rows, listed, text_of
from twinlm.data.text.streams import opened, shown
from twinlm.errors import DataError, UsageError

MOST_DOCUMENT_CHARACTERS = 1 << 24  # size above which a document of a .txt file is cut at a line's end
MOST_ROW_BYTES = 64 << 20
_DATA_EXTRA = "run: pip install 'twinlm[data]'"
_SPLITS = ("train", "validation", "test")


def text_documents(path: Path, decoding: Decoding, *, counts: Counter[str]) -> Iterator[tuple[int, str]]:
    """Yield the documents of a .txt file: runs of lines between blank lines; counts what is cut."""
    lines: list[str] = []
    first, characters, cut_line = 0, 0, 0
    for line in read_lines(path, decoding, counts=counts):
        if line.is_part and line.number != cut_line:
            counts["long lines cut"] += 1
            cut_line = line.number
        is_blank = not line.text.strip()
        is_full = characters + len(line.text) > MOST_DOCUMENT_CHARACTERS
        if lines and (is_blank or is_full):
            counts["long documents cut"] += not is_blank
            yield first, "\n".join(lines)
            lines, characters = [], 0
        if not is_blank:
            first = first if lines else line.number
            lines.append(line.text)
            characters += len(line.text) + 1
    if lines:
        yield first, "\n".join(lines)


def json_documents(
    path: Path, decoding: Decoding, *, text_field: str, bad: BadRows, counts: Counter[str]
) -> Iterator[tuple[int, str]]:
    """Yield the documents of a .jsonl file, one object a line; unusable rows go to `bad`."""
    lines = read_lines(path, decoding, counts=counts, longest_bytes=MOST_ROW_BYTES)
    # Blank lines between rows are nothing to report in a corpus.
    rows = json_rows(lines, shown(path), most_bytes=MOST_ROW_BYTES, bad=bad, counts=Counter())
    for number, row in rows:
        try:
            yield number, text_of(row, text_field)
        except RowError as error:
            bad.add(shown(path), number, error)


def parquet_documents(path: Path, *, text_field: str, bad: BadRows) -> Iterator[tuple[int, str]]:
    """Yield the documents of a .parquet file, one a row; rows without text go to `bad`."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        message = ".parquet files need the package pyarrow"
        raise UsageError(message, file=shown(path), hint=_DATA_EXTRA) from None
    with opened(path) as source:
        try:
            table = pyarrow.parquet.ParquetFile(source)
            _check_column(path, text_field, {field.name: field.type for field in table.schema_arrow})
            batches = table.iter_batches(batch_size=1024, columns=[text_field])
            rows = (row for batch in batches for row in batch.to_pylist())
            yield from _usable(rows, shown(path), text_field, bad)
        except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
            message = f"the Parquet data is damaged: {_one_line(error)}"
            raise DataError(message, file=shown(path), hint="copy or download the file again") from None


def hub_documents(name: str, *, text_field: str, bad: BadRows) -> Iterator[tuple[int, str]]:
    """Yield the documents of a Hugging Face data set, or of a local folder that `datasets` can load.

    `name` is "hf:org/name", then ":config", ":config:split", ":split" or "::split". The default split is
    "train"; as the only addition, "train", "validation" and "test" name a split.
    """
    path, config, split = _hub_name(name)
    try:
        import datasets
    except ImportError:
        raise UsageError(f"{name!r} needs the package datasets", hint=_DATA_EXTRA) from None
    try:
        rows: Any = datasets.load_dataset(path, config, split=split, streaming=True)
        yield from _usable(rows, name, text_field, bad)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        message = f"can't load {name!r}: {type(error).__name__}: {_one_line(error)}"
        hint = "check the name, the configuration, the split and the network"
        raise DataError(message, hint=hint) from None


def _usable(
    rows: Iterable[dict[str, Any]], source: str, text_field: str, bad: BadRows
) -> Iterator[tuple[int, str]]:
    for number, row in enumerate(rows, start=1):
        bad.rows += 1
        try:
            text = text_of(row, text_field)
        except RowError as error:
            bad.add(source, number, error)
        else:
            yield number, text


def _hub_name(name: str) -> tuple[str, str | None, str]:
    path, *parts = name.removeprefix("hf:").split(":")
    if not path or len(parts) > 2:
        raise UsageError(f"{name!r} is no data set name", hint="write hf:org/name, hf:org/name:config:split")
    # "hf:org/name:test" means the split; a configuration of that name needs "hf:org/name:test:".
    if len(parts) == 1 and parts[0] in _SPLITS:
        parts = ["", parts[0]]
    config, split = (*parts, "", "")[:2]
    return path, config or None, split or "train"


def _check_column(path: Path, text_field: str, columns: Mapping[str, Any]) -> None:
    from pyarrow import types

    if text_field not in columns:
        hint = f"set corpus.text_field to one of its columns: {listed(columns)}"
        raise DataError(f"no column {text_field!r}", file=shown(path), hint=hint)
    column = columns[text_field]
    column = column.value_type if types.is_dictionary(column) else column
    if not (types.is_string(column) or types.is_large_string(column) or types.is_string_view(column)):
        hint = "name a column of texts in corpus.text_field"
        raise DataError(f"the column {text_field!r} holds {column}, not texts", file=shown(path), hint=hint)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
