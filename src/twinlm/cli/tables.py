"""What commands print: aligned tables, and JSON."""

import json
import sys
from collections.abc import Collection, Mapping, Sequence


def aligned(rows: Sequence[Sequence[str]], *, left: Collection[int] = (0,)) -> str:
    """Return rows as lines of columns: those numbered in `left` to the left, all others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(
            cell.ljust(width) if number in left else cell.rjust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    return "\n".join(lines)


def print_counts(counts: Mapping[str, int]) -> None:
    """Print on standard error what was left out, cut or read differently, and how often."""
    for name, count in counts.items():
        if count and name not in ("files", "documents"):
            print(f"{name}: {count:,}", file=sys.stderr)


def print_record(record: object, *lines: str, is_json: bool) -> None:
    """Print what a command found: a record as one line of JSON, or else lines for people."""
    if is_json:
        print_json(record)
    else:
        print(*lines, sep="\n")


def print_json(value: object) -> None:
    """Print a value as one line of JSON."""
    # Standard output in another encoding would escape characters as \xe9, which JSON does not know.
    print(json.dumps(value, ensure_ascii=(sys.stdout.encoding or "").lower() != "utf-8"))
