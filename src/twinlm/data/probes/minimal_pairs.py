"""Minimal pairs from files: two texts that differ in one thing, the first one right (Warstadt et al. 2020).

    {"good": "The cats sleep.", "bad": "The cats sleeps.", "phenomenon": "agreement"}

Read next: data/probes/pairs_from_text.py, which makes such pairs of any text.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twinlm import rng
from twinlm.data.labels.forms import TABLES, Fields
from twinlm.data.labels.tables import read_rows
from twinlm.data.labels.values import read_text
from twinlm.data.text.lines import Decoding, OnBadBytes, read_lines
from twinlm.data.text.rows import BadRows, RowError
from twinlm.data.text.streams import shown
from twinlm.errors import DataError, UsageError

ALL = "all"
"""The phenomenon of pairs that name none."""
MOST_PAIRS = 200
"""Of each phenomenon, where nobody asks for another number. A GPT of two layers of width 128 takes 6 s for as
many of each of BLiMP's 13, such a BERT 35 s; for all 67,000 pairs, 45 s and 274 s (2026-11, 2 cores)."""
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
    """Unique within its source: the file's name and the row, or the phenomenon and a number."""
    good: str
    """What a writer wrote or could write."""
    bad: str
    """The same with one thing wrong."""
    phenomenon: str
    """What is tested."""


def read_pairs(
    path: str | Path,
    *,
    phenomenon_field: str = "",
    encoding: str = "utf-8",
    errors: OnBadBytes = "strict",
    counts: Counter[str] | None = None,
) -> tuple[MinimalPair, ...]:
    """Read pairs from a .jsonl, .csv or .tsv file, also with .gz, .bz2, .xz or .zst.

    The fields are good and bad, and may be phenomenon; or those of BLiMP's files, sentence_good,
    sentence_bad, and linguistics_term, term, UID or uid. Adds to `counts`: `EQUAL`, `TWICE`, and what
    `labelled_rows.read_rows` adds.

    Args:
        path: the file.
        phenomenon_field: the field that says what is tested; if not given, the first of those above.
        encoding: of the file, such as "utf-8" or "cp1252".
        errors: what bytes of another encoding lead to: "strict", "replace" or "skip".
        counts: gathers what was found odd but could be read.

    Raises:
        DataError: the file can't be read to its end, has no rows, or has bad rows: all of them are in one
            message, the first 20 in full.
        ResourceError: the file may not be read.
        UsageError: an unknown encoding.
    """
    path, decoding = Path(path).expanduser(), Decoding(encoding, errors)
    counts = Counter() if counts is None else counts
    kinds = (phenomenon_field,) if phenomenon_field else _PHENOMENON
    bad, pairs = BadRows(), []
    for row in read_rows(
        path,
        decoding,
        endings_allowed=TABLES,
        names=Fields(),
        needed=_needed(path, decoding, phenomenon_field),
        bad=bad,
        counts=counts,
    ):
        try:
            good, wrong = (_text(row.values, names) for names in (_GOOD, _BAD))
            phenomenon = _phenomenon(row.values, kinds, is_needed=bool(phenomenon_field))
            pairs.append(MinimalPair(f"{path.name.split('.')[0]}-{row.number}", good, wrong, phenomenon))
        except RowError as error:
            bad.add(shown(path), row.line, error)
    if bad.number:
        raise bad.error(file=shown(path), hint="correct or remove what is bad")
    if not pairs:
        message = f"the file has no rows: {path.stat().st_size:,} bytes, 0 pairs"
        raise DataError(message, file=shown(path), hint="give it rows with 'good' and 'bad'")
    counts[EQUAL] += sum(pair.good == pair.bad for pair in pairs)
    counts[TWICE] += len(pairs) - len({(pair.good, pair.bad, pair.phenomenon) for pair in pairs})
    return tuple(pairs)


def sample_pairs(pairs: Sequence[MinimalPair], most: int, *, seed: int) -> tuple[MinimalPair, ...]:
    """Return at most so many pairs of each phenomenon, in their order.

    Which ones depends on the seed and the pairs' own ids and texts only: two models get the same.

    Raises:
        UsageError: `most` is below 1.
    """
    if most < 1:
        raise UsageError(f"at least 1 pair of each phenomenon must be taken, not {most}")
    chosen: set[int] = set()
    for places in by_phenomenon(pairs).values():
        drawn = sorted(places, key=lambda place: rng.key(seed, "pairs", *_names(pairs[place])))
        chosen.update(drawn[:most])
    return tuple(pairs[place] for place in sorted(chosen))


def by_phenomenon(pairs: Iterable[MinimalPair]) -> dict[str, list[int]]:
    """Return which pairs test what, in the order in which phenomena first come."""
    places: dict[str, list[int]] = defaultdict(list)
    for place, pair in enumerate(pairs):
        places[pair.phenomenon].append(place)
    return dict(places)


def _names(pair: MinimalPair) -> tuple[str, str, str]:
    return pair.id, pair.good, pair.bad


def _needed(path: Path, decoding: Decoding, phenomenon_field: str) -> tuple[str, ...]:
    """Return the columns that a table must have, by the names that stand in its first line."""
    first = next(
        (line.text for line in read_lines(path, decoding, counts=Counter()) if line.text.strip()), ""
    )
    said = set(re.findall(r"\w+", first))
    found = [next((name for name in names if name in said), names[0]) for names in (_GOOD, _BAD)]
    return tuple(name for name in (*found, phenomenon_field) if name)


def _text(values: Mapping[str, Any], names: Sequence[str]) -> str:
    return read_text(dict(values), next((name for name in names if name in values), names[0]))


def _phenomenon(values: Mapping[str, Any], names: Sequence[str], *, is_needed: bool) -> str:
    name = next((name for name in names if name in values), "")
    return read_text(dict(values), name or names[0]).strip() if name or is_needed else ALL
