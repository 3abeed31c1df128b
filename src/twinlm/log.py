"""Metrics on disk, and the interface through which long work shows how far it is.

Metrics hold what is the same in every repetition of a run (losses, counts); seconds go into a file of
their own, so that the metrics of a resumed run equal those of a run that was never stopped, byte for byte.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from twinlm import storage


class Progress(Protocol):
    """Where long work reports to. The command line draws it; tests and libraries may pass `Silent`."""

    def start(self, what: str, total: int, unit: str) -> None:
        """Begin a piece of work of `total` units, such as ("pre-training gpt", 400, "steps")."""

    def advance(self, done: int, **shown: float | str) -> None:
        """Say that `done` of the units are done in all, and what to show beside the bar."""

    def finish(self) -> None:
        """End the piece of work."""

    def say(self, line: str) -> None:
        """Show one line that stays."""


class Silent:
    """Shows nothing."""

    def start(self, what: str, total: int, unit: str) -> None:
        """Ignore it."""

    def advance(self, done: int, **shown: float | str) -> None:
        """Ignore it."""

    def finish(self) -> None:
        """Ignore it."""

    def say(self, line: str) -> None:
        """Ignore it."""


class MetricsLog:
    """A file of JSON lines, one for each record, each with its step.

    Args:
        path: of the file.
        is_kept: whether to write at all; of the processes of one run only one does.
    """

    def __init__(self, path: Path, *, is_kept: bool = True) -> None:
        self.path = path
        self.is_kept = is_kept

    def write(self, step: int, values: Mapping[str, float | int | str]) -> None:
        """Add one record."""
        if self.is_kept:
            storage.append_line(self.path, json.dumps({"step": step, **values}))

    def read(self) -> list[dict[str, float | int | str]]:
        """Return all records; a last line that a crash tore is left out."""
        if not self.path.exists():
            return []
        records = []
        for line in self.path.read_text(errors="replace").splitlines():
            try:
                records.append(json.loads(line))
            except ValueError:
                break
        return records

    def keep_until(self, step: int) -> None:
        """Drop the records after `step`, before training goes on from there."""
        kept = [json.dumps(record) for record in self.read() if int(record["step"]) <= step]
        if self.is_kept:
            storage.write_file(self.path, "".join(line + "\n" for line in kept).encode())
