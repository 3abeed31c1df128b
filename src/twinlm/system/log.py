"""Metrics on disk, and the interface through which long work shows its progress.

Metrics contain only values that every repetition of a run repeats (losses, counts). Seconds go to another
file, so that the metrics of a resumed run equal those of an uninterrupted one, byte for byte.
"""

import contextlib
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from twinlm.errors import ModelError, ResourceError
from twinlm.system import storage

EVENTS = "events.jsonl"


class Progress(Protocol):
    """Receiver of progress. The command line draws it; tests and libraries may pass `Silent`."""

    def start(self, what: str, total: int, unit: str) -> None:
        """Start a task of `total` units, such as ("pre-training gpt", 400, "steps")."""

    def whole(self, number: int, total: int, left_s: float) -> None:
        """Report that the task is number `number` of `total`, and that all that are left take `left_s`."""

    def advance(self, done: int, **shown: float | str) -> None:
        """Report that `done` units are finished so far, and values to show beside the bar."""

    def finish(self) -> None:
        """End the task."""

    def say(self, line: str) -> None:
        """Show one line that stays."""


class Silent:
    """Progress that is not shown."""

    def start(self, what: str, total: int, unit: str) -> None:
        """Ignore it."""

    def whole(self, number: int, total: int, left_s: float) -> None:
        """Ignore it."""

    def advance(self, done: int, **shown: float | str) -> None:
        """Ignore it."""

    def finish(self) -> None:
        """Ignore it."""

    def say(self, line: str) -> None:
        """Ignore it."""


def note_event(folder: Path, event: str, **facts: Any) -> None:
    """Add an event to a run: it was stopped or resumed, or met a fault that it could repair."""
    storage.append_line(folder / EVENTS, json.dumps({"event": event, **facts}))


class MetricsLog:
    """A file of JSON lines, one for each record, each with its step; only one of a run's processes keeps it.

    A line that can't be written because the disk is full waits for the next one or for `sync`.
    """

    def __init__(self, path: Path, *, is_kept: bool = True) -> None:
        self.path = path
        self.is_kept = is_kept
        self._waiting: list[str] = []
        self._size, self._digest = 0, hashlib.sha256()

    def write(self, step: int, values: Mapping[str, float | int | str]) -> None:
        """Add one record."""
        if not self.is_kept:
            return
        line = json.dumps({"step": step, **values})
        self._count(line.encode() + b"\n")
        self._waiting.append(line)
        with contextlib.suppress(ResourceError):
            self._append()

    def sync(self) -> dict[str, Any]:
        """Wait until all records have reached the disk; return a mark for `check` and `cut`."""
        if self.is_kept:
            self._append()
            storage.sync_log(self.path)
        return {"bytes": self._size, "sha256": self._digest.hexdigest()}

    def read(self) -> list[dict[str, float | int | str]]:
        """Return all records up to the first damaged line, such as a last one that a crash cut off."""
        if not self.path.exists():
            return []
        records = []
        for line in self.path.read_text(errors="replace").splitlines():
            try:
                record = json.loads(line)
            except (ValueError, RecursionError):
                break
            if not isinstance(record, dict) or type(record.get("step")) is not int:
                break
            records.append(record)
        return records

    def check(self, mark: Mapping[str, Any]) -> None:
        """Raise a ModelError if records before a mark are missing or changed."""
        if hashlib.sha256(self._begin(mark)).hexdigest() != mark["sha256"]:
            message = "the metrics up to this checkpoint are not what was written"
            raise ModelError(message, file=self.path, hint="remove the folder to train it again")

    def cut(self, mark: Mapping[str, Any]) -> None:
        """Drop the records after a mark, before training continues from there."""
        self._replace(self._begin(mark))

    def keep_until(self, step: int) -> None:
        """Drop the records after `step`, before training continues from there."""
        kept = [json.dumps(record) for record in self.read() if int(record["step"]) <= step]
        self._replace("".join(line + "\n" for line in kept).encode())

    def _append(self) -> None:
        while self._waiting:
            storage.append_line(self.path, self._waiting[0])
            del self._waiting[0]

    def _begin(self, mark: Mapping[str, Any]) -> bytes:
        return self.path.read_bytes()[: mark["bytes"]] if self.path.exists() else b""

    def _replace(self, data: bytes) -> None:
        if not self.is_kept:
            return
        storage.write_file(self.path, data)
        self._waiting, self._size, self._digest = [], 0, hashlib.sha256()
        self._count(data)

    def _count(self, data: bytes) -> None:
        self._size += len(data)
        self._digest.update(data)
