"""Minimal pairs from files: two texts that differ in one thing, the first one right (Warstadt et al. 2020).

    {"good": "The cats sleep.", "bad": "The cats sleeps.", "phenomenon": "agreement"}

Read next: data/probes/pairs_from_text.py, which makes such pairs from any text.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from twinlm import rng
from twinlm.data.labels.forms import TABLES, Fields
from twinlm.data.labels.tables import Row, read_rows
from twinlm.data.labels.values import read_text
from twinlm.data.text.lines import Decoding, OnBadBytes, read_lines
from twinlm.errors import UsageError
from twinlm.system.arguments import as_path

ALL = "all"  # phenomenon of pairs that name none
MOST_PAIRS = 200
"""Default number of pairs of each phenomenon. For BLiMP's 13, a GPT of two layers of width 128 then takes 6 s
and such a BERT 35 s; for all 67,000 pairs, 45 s and 274 s (2026-11, 2 cores)."""
EQUAL = "pairs whose two texts are equal: they count half"
TWICE = "pairs that stand there twice"

# Ours first, then those of BLiMP's own files and of copies of them.
_GOOD = ("good", "sentence_good")
_BAD = ("bad", "sentence_bad")
_PHENOMENON = ("phenomenon", "linguistics_term", "term", "UID", "uid")


@dataclass(frozen=True, slots=True)
class MinimalPair:
    """Two texts; a model that knows the language finds the first one likelier."""

    id: str
    """Unique name within the source: the file's name and the row, or the phenomenon and a number."""
    good: str
    """Text that a writer wrote or could write."""
    bad: str
    """Same text with one thing wrong."""
    phenomenon: str
    """Name of what is tested."""


def read_pairs(
    path: str | Path,
    *,
    phenomenon_field: str = "",
    encoding: str = "utf-8",
    errors: OnBadBytes = "strict",
    counts: Counter[str] | None = None,
) -> tuple[MinimalPair, ...]:
    """Read pairs from a .jsonl, .json, .csv or .tsv file, also with .gz, .bz2, .xz or .zst.

    The fields are good, bad and, if present, phenomenon; or those of BLiMP's files: sentence_good,
    sentence_bad, and linguistics_term, term, UID or uid. Adds to `counts`: `EQUAL`, `TWICE`, and what
    `tables.read_rows` adds.

    Args:
        path: the file.
        phenomenon_field: field with the phenomenon; if empty, the first of those above.
        encoding: encoding of the file, such as "utf-8" or "cp1252".
        errors: treatment of bytes of another encoding: "strict", "replace" or "skip".
        counts: counts of what is odd but readable.

    Raises:
        DataError: the file can't be read to its end, has no rows, or has bad rows: all of them are in one
            message, the first 20 in full.
    """
    path, decoding = as_path(path, "path").expanduser(), Decoding(encoding, errors)
    counts = Counter() if counts is None else counts
    phenomena = (phenomenon_field,) if phenomenon_field else _PHENOMENON

    def pair(row: Row) -> MinimalPair:
        good, bad = (read_text(row.values, _present(row.values, names)) for names in (_GOOD, _BAD))
        name = _present(row.values, phenomena)
        has_name = name in row.values or bool(phenomenon_field)
        phenomenon = read_text(row.values, name).strip() if has_name else ALL
        return MinimalPair(f"{path.name.split('.')[0]}-{row.number}", good, bad, phenomenon)

    pairs = read_rows(
        path,
        decoding,
        pair,
        noun="pairs",
        endings_allowed=TABLES,
        names=Fields(),
        needed=_needed(path, decoding, phenomenon_field),
        counts=counts,
    )
    counts[EQUAL] += sum(pair.good == pair.bad for pair in pairs)
    counts[TWICE] += len(pairs) - len({(pair.good, pair.bad, pair.phenomenon) for pair in pairs})
    return tuple(pairs)


def sample_pairs(pairs: Sequence[MinimalPair], most: int, *, seed: int) -> tuple[MinimalPair, ...]:
    """Return at most `most` pairs of each phenomenon, in their order, chosen by seed and pairs alone."""
    if most < 1:
        raise UsageError(f"at least 1 pair of each phenomenon must be used, not {most}")

    def draw(number: int) -> int:
        pair = pairs[number]
        return rng.key(seed, "pairs", pair.id, pair.good, pair.bad)

    groups = by_phenomenon(pairs).values()
    chosen = {number for numbers in groups for number in sorted(numbers, key=draw)[:most]}
    return tuple(pairs[number] for number in sorted(chosen))


def by_phenomenon(pairs: Iterable[MinimalPair]) -> dict[str, list[int]]:
    """Return the numbers of the pairs of each phenomenon, in the order of first appearance."""
    numbers: dict[str, list[int]] = defaultdict(list)
    for number, pair in enumerate(pairs):
        numbers[pair.phenomenon].append(number)
    return dict(numbers)


def _needed(path: Path, decoding: Decoding, phenomenon_field: str) -> tuple[str, ...]:
    """Return the columns that a table must have, chosen by the names in its first line."""
    lines = (line.text for line in read_lines(path, decoding, counts=Counter()))
    words = set(re.findall(r"\w+", next((line for line in lines if line.strip()), "")))
    columns = [_present(words, names) for names in (_GOOD, _BAD)]
    return tuple(name for name in (*columns, phenomenon_field) if name)


def _present(values: Collection[str], names: Sequence[str]) -> str:
    """Return the first of the names that is among the values, or else the first."""
    return next((name for name in names if name in values), names[0])
