"""Progress of long work on standard error: a bar on a terminal, plain lines elsewhere."""

import contextlib
import sys
import time
from collections.abc import Iterator
from typing import Any, TextIO

from twinlm.system.log import Progress

_SHORT_S = 2.0
_BETWEEN_LINES_S = 5.0


@contextlib.contextmanager
def progress_on(stream: TextIO | None = None, *, quiet_s: float = 0.0) -> Iterator[Progress]:
    """Show progress in this block, by default on standard error; no lines for work shorter than `quiet_s`."""
    stream = stream or sys.stderr
    progress = Bar(stream) if stream.isatty() else Lines(stream, quiet_s=quiet_s)
    try:
        yield progress
    finally:
        progress.close()


class Clock:
    """Speed of a piece of work."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.done = 0
        self._began_s = time.monotonic()
        # Resumed work does not start at 0, so its speed is measured from the first report.
        self._first: tuple[int, float] | None = None

    @property
    def elapsed_s(self) -> float:
        """Seconds since the work started."""
        return time.monotonic() - self._began_s

    def advance(self, done: int) -> None:
        """Record how much is done."""
        self.done = done
        self._first = self._first or (done, time.monotonic())

    def left(self) -> list[str]:
        """Return the time left, such as "1:05 left"; nothing while it is unknown."""
        if self._first is None or self.done <= self._first[0]:
            return []
        per_unit_s = (time.monotonic() - self._first[1]) / (self.done - self._first[0])
        return [f"{duration((self.total - self.done) * per_unit_s)} left"]


class Lines:
    """Plain lines: the first and last report of a piece of work, and one every few seconds in between."""

    def __init__(self, stream: TextIO, between_s: float = _BETWEEN_LINES_S, *, quiet_s: float = 0.0) -> None:
        self._stream = stream
        self._quiet_s = quiet_s
        self._between_s = between_s
        self._title = self._unit = self._last = self._whole = ""
        self._clock = Clock(0)
        self._next_s = 0.0

    def start(self, what: str, total: int, unit: str) -> None:
        """Start a piece of work."""
        self._title, self._unit, self._last, self._whole = what, unit, "", ""
        self._clock = Clock(total)
        self._next_s = 0.0

    def whole(self, number: int, total: int, left_s: float) -> None:
        """Take which of all pieces of work this is, for the next report."""
        self._whole = numbered(number, total, left_s)

    def advance(self, done: int, **shown: float | str) -> None:
        """Report how much is done, unless the last line is too recent."""
        self._clock.advance(done)
        if self._clock.elapsed_s < self._quiet_s:
            return
        parts = [f"{done:,} of {self._clock.total:,} {self._unit}", *described(shown), *self._clock.left()]
        self._last = f"{self._whole}{self._title}: {', '.join(parts)}"
        if self._clock.elapsed_s >= self._next_s:
            self._next_s = self._clock.elapsed_s + self._between_s
            self.close()

    def finish(self) -> None:
        """Show the last report."""
        self._last = self._last.removesuffix(", 0:00 left")
        self.close()

    def say(self, line: str) -> None:
        """Show one line."""
        # A reader that is gone, or a full disk behind the stream, must not stop the work.
        with contextlib.suppress(OSError):
            print(line, file=self._stream, flush=True)

    def close(self) -> None:
        """Show the last report of interrupted work."""
        if self._last:
            self.say(self._last)
        self._last = ""


class Rewritten(Lines):
    """One line that is written again and again, for a notebook."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream, between_s=0.5, quiet_s=_SHORT_S)
        self._width = 0

    def close(self) -> None:
        """Write the last report over the one before."""
        if self._last:
            with contextlib.suppress(OSError):
                print(f"\r{self._last.ljust(self._width)}", end="", file=self._stream, flush=True)
            self._width = len(self._last)
        self._last = ""

    def finish(self) -> None:
        """Leave the last report."""
        super().finish()
        if self._width:
            self.say("")
        self._width = 0


class Bar:
    """A bar with loss, tokens per second and time left, for work of more than `after_s`."""

    def __init__(self, stream: TextIO, after_s: float = _SHORT_S) -> None:
        from rich.console import Console

        self._console = Console(file=stream, highlight=False)
        self._after_s = after_s
        self._bar: Any = None
        self._task: Any = None
        self._title = self._unit = self._whole = ""
        self._clock = Clock(0)

    def start(self, what: str, total: int, unit: str) -> None:
        """Start a piece of work."""
        self.close()
        self._title, self._unit, self._whole = what, unit, ""
        self._clock = Clock(total)

    def whole(self, number: int, total: int, left_s: float) -> None:
        """Take which of all pieces of work this is, for the next report."""
        self._whole = numbered(number, total, left_s)

    def advance(self, done: int, **shown: float | str) -> None:
        """Move the bar, or show it once the work takes long enough."""
        self._clock.advance(done)
        if self._bar is None:
            if self._clock.elapsed_s < self._after_s:
                return
            self._open()
        title = f"{self._whole}{self._title}: {done:,}/{self._clock.total:,} {self._unit}"
        shown_parts = [title, *self._clock.left(), *described(shown)]
        self._bar.update(self._task, completed=done, description=", ".join(shown_parts))

    def say(self, line: str) -> None:
        """Show one line above the bar."""
        self._console.print(line, markup=False, soft_wrap=True)

    def close(self) -> None:
        """Stop drawing, and leave the bar on the screen."""
        if self._bar is not None:
            self._bar.stop()
        self._bar = None

    finish = close

    def _open(self) -> None:
        from rich.progress import BarColumn, Progress, TextColumn
        from rich.table import Column

        text = TextColumn(
            "{task.description}", markup=False, table_column=Column(no_wrap=True, overflow="ellipsis")
        )
        bar = BarColumn(bar_width=10, table_column=Column(no_wrap=True, min_width=10))
        # All in one text column: a narrow terminal cuts only its end.
        self._bar = Progress(bar, text, console=self._console)
        self._task = self._bar.add_task(self._title, total=self._clock.total)
        self._bar.start()


def described(shown: dict[str, float | str]) -> list[str]:
    """Return values as people read them: "loss 4.201", "21,300 tokens/s"."""
    return [_described(name, value) for name, value in shown.items()]


def numbered(number: int, total: int, left_s: float) -> str:
    """Return which of all pieces of work one is, and the time left of all: "[7/32, 1:02:05 left] "."""
    return f"[{number}/{total}, {duration(left_s)} left] "


def duration(seconds: float) -> str:
    """Return a time as "1:05" or "2:01:05"."""
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def _described(name: str, value: float | str) -> str:
    counted, per, unit = name.partition("_per_")
    if per and not isinstance(value, str):
        return f"{value:,.0f} {counted.replace('_', ' ')}/{'s' if unit == 'second' else unit}"
    words = name.replace("_", " ")
    if isinstance(value, str):
        return f"{words} {value}"
    return f"{words} {value:.3f}" if isinstance(value, float) else f"{words} {value:,}"
