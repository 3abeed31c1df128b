"""Feeds changed inputs to a parser: each is read, or refused with a UserError of the right exit code.

A case is known by (seed, parser, number): these make the same input anywhere. Valid inputs and readers stand
in reading_texts.py, reading_labels.py, reading_models.py and reading_runs.py.

Left out is what no user or stranger writes, or what others read: Hugging Face data sets (the package datasets
reads them over the network), the embedded text (its hash is checked), folders just exported (read by
transformers, in `hf/verify.py`), torchrun's variables, what processes of one run tell each other, and
files of the system such as /proc/meminfo.
"""

import json
import shutil
import time
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any

from twinlm.errors import UserError
from twinlm.system import storage

MOST_SECONDS = 5
LONGEST_MESSAGE = 2000
MOST_LINES = 25
"""Of a message: bad rows are told one a line, the first 20."""
Judge = Callable[[Callable[[], Any], Iterable[int]], tuple[str, float]]
"""Does something, and returns what came of it and its seconds."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Parser:
    """A place where bytes of a user or a stranger are read."""

    write: Callable[[Path], Any]
    """Puts a valid input into an empty folder."""
    read: Callable[[Path], Any]
    """Reads it."""
    codes: tuple[int, ...]
    """Exit codes with which it may be refused."""
    files: str = "*"
    """Which files to change, as a pattern."""
    weight: float = 1.0
    """How many inputs it gets beside others; less where one takes long."""
    is_writing: bool = False
    """Whether reading adds files, which are removed after each case."""


@dataclass(slots=True)
class Tally:
    """What came of a parser's cases."""

    inputs: int = 0
    accepted: int = 0
    refused: int = 0
    slowest_s: float = 0.0
    wrong: list[str] = field(default_factory=list)

    def add(self, outcome: str, seconds: float) -> None:
        """Count one case: "accepted", "refused", or what is wrong with it."""
        self.inputs += 1
        self.accepted += outcome == "accepted"
        self.refused += outcome == "refused"
        self.slowest_s = max(self.slowest_s, seconds)
        if outcome not in ("accepted", "refused"):
            self.wrong.append(outcome)


def judge(act: Callable[[], Any], codes: Iterable[int]) -> tuple[str, float]:
    """Return what came of a reading, and its seconds: "accepted", "refused", or what is wrong."""
    outcome, seconds = _judge_once(act, codes)
    if seconds > MOST_SECONDS:  # a busy machine is no failure: once more
        outcome, seconds = _judge_once(act, codes)
    return (f"took {seconds:.1f} s" if seconds > MOST_SECONDS else outcome), seconds


def let_through(act: Callable[[], Any], codes: Iterable[int]) -> tuple[str, float]:
    """Read, in the place of `judge`, and let whatever happens happen: for one case, to see its traceback."""
    act()
    return "accepted", 0.0


def _judge_once(act: Callable[[], Any], codes: Iterable[int]) -> tuple[str, float]:
    begin = time.perf_counter()
    try:
        with warnings.catch_warnings(action="ignore"):  # they are no traceback
            act()
        outcome = "accepted"
    except UserError as error:
        outcome = _refusal(error, codes)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # such as a panic of a library in Rust
        outcome = f"{type(error).__name__}: {str(error)[:200]!r}"
    return outcome, time.perf_counter() - begin


def _refusal(error: UserError, codes: Iterable[int]) -> str:
    said = str(error)
    if error.exit_code not in codes:
        return f"exit code {error.exit_code}: {said[:200]!r}"
    if len(said) > LONGEST_MESSAGE * (1 + said.count("\n")) or said.count("\n") > MOST_LINES:
        return f"a message of {len(said):,} characters: {said[:200]!r}"
    return "refused"


class Bench:
    """One parser with its valid input, in a folder of its own."""

    def __init__(
        self, name: str, parser: Parser, folder: Path, mutations: ModuleType, judge: Judge = judge
    ) -> None:
        self.name, self.parser, self.folder = name, parser, folder
        self._mutations, self._judge = mutations, judge
        folder.mkdir(parents=True)
        parser.write(folder)
        self.valid = {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
        self.places = [path for path in self.valid if path.match(parser.files)]
        if not self.places:
            raise ValueError(f"{name} has no file to change")
        parser.read(folder)
        self._restore()

    def run(self, seed: int, number: int) -> tuple[str, float]:
        """Make one case, read it, and put the valid input back."""
        self.make(seed, number)
        try:
            return self._judge(lambda: self.parser.read(self.folder), self.parser.codes)
        finally:
            self._restore()

    def make(self, seed: int, number: int) -> None:
        """Change one of the files, seldom two, and mostly make the manifests anew, as a stranger can."""
        chance = Random(f"{seed}/{self.name}/{number}")
        for _ in range(chance.choice((1, 1, 1, 1, 2))):
            place = chance.choice(self.places)
            place.write_bytes(self._changed(place, chance))
        if chance.random() < 0.9:
            seal(self.folder, {path for path in self.valid if path.name == storage.MANIFEST})

    def _changed(self, place: Path, chance: Random) -> bytes:
        if chance.random() < 0.02:
            other = chance.choice(list(self.valid.values()))
            return chance.choice((b"", b"\0", b"{}", b"[]", b"null", b"\n", other))
        data = place.read_bytes()
        if place.suffix == ".safetensors":
            changed: bytes = self._mutations.mutate_safetensors(data, chance)
            return changed
        is_json = place.suffix in (".json", ".jsonl")
        changed = self._mutations.mutate(data, chance, is_json=is_json)
        return changed

    def _restore(self) -> None:
        for path in self.folder.rglob("*") if self.parser.is_writing else ():
            if path not in self.valid and path.is_file():
                path.unlink()
        for path, data in self.valid.items():
            if not path.is_file() or path.read_bytes() != data:
                if path.is_dir():
                    shutil.rmtree(path)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)


def seal(folder: Path, manifests: Iterable[Path]) -> None:
    """Make sound manifests new for what now lies beside them; of a joined store, also its shards' hashes."""
    for manifest in sorted(manifests, key=lambda path: (path.parent.name == "index", -len(path.parts))):
        place = manifest.parent
        if place.name == "index":
            _seal_index(place)
        files = {
            path.relative_to(place).as_posix(): {
                "size": path.stat().st_size,
                "sha256": storage.file_sha256(path),
            }
            for path in sorted(place.rglob("*"))
            if path.is_file() and path != manifest
        }
        if names := _names(manifest):
            about = {"format": 1, "files": {name: files[name] for name in names if name in files}}
            manifest.write_bytes(storage.json_bytes(about))


def _names(manifest: Path) -> list[str]:
    """Return the names in a manifest; none if that one was changed."""
    try:
        about = json.loads(manifest.read_bytes())
    except (ValueError, RecursionError):
        return []
    is_whole = isinstance(about, dict) and about.get("format") == 1 and isinstance(about.get("files"), dict)
    return list(about["files"]) if is_whole else []


def _seal_index(place: Path) -> None:
    try:
        about = json.loads((place / "store.json").read_bytes())
        for shard in about["shards"]:
            shard["manifest"] = storage.file_sha256(place.parent / shard["folder"] / storage.MANIFEST)
        (place / "store.json").write_bytes(storage.json_bytes(about))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OSError, UserError):
        return  # the index itself was changed
