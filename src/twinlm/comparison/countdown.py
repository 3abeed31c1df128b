"""Which of how many trainings of a comparison runs, and how long all that are left will take.

The estimates are those of `comparison/forecast.py`, made before the first training. The pace of this call's
own trainings corrects them: the machine may be busier, or shared by more processes, than when they were made.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from twinlm.system.log import Progress

_AS_PLANNED_S = 10.0  # counts as done at the planned pace: a training's first steps are slow


@dataclass(frozen=True, kw_only=True, slots=True)
class Waiting:
    """A training that has not finished."""

    key: Path  # what `Countdown.counted` finds it by; trainings that cost the same may share one
    kind: str  # "pre-training" or "fine-tuning": each kind has a pace of its own
    seconds: float  # estimated time


@dataclass(frozen=True, kw_only=True, slots=True)
class _Running:
    """The training that runs, from where it started or resumed in this call."""

    training: Waiting
    began_s: float
    steps: int
    first: int | None = None  # steps done before this call; None until the first report
    reported_s: float = 0.0  # time of the first report
    done: int = 0

    def left_s(self, now_s: float, ratio: float) -> float:
        """Return the seconds of the steps left: as measured, or else `ratio` times the estimate."""
        reported = self.done - (self.first or 0) - 1
        if reported > 0:  # as the training's own bar says, which the whole must not fall below
            return (now_s - self.reported_s) / reported * (self.steps - self.done)
        return ratio * self.training.seconds * (1 - self.done / self.steps)

    @property
    def done_s(self) -> float:
        """Estimated seconds of the steps that this call did."""
        return self.training.seconds * (self.done - (self.first or 0)) / self.steps


@dataclass(frozen=True, kw_only=True, slots=True)
class _Pace:
    """How fast trainings of a kind are in this call."""

    measured_s: float = _AS_PLANNED_S
    estimated_s: float = _AS_PLANNED_S

    @property
    def ratio(self) -> float:
        """Measured time over estimated time."""
        return self.measured_s / self.estimated_s


@dataclass
class Countdown:
    """The trainings of a comparison; until they are planned, nothing is counted."""

    now_s: Callable[[], float] = time.monotonic
    _total: int = 0
    _waiting: list[Waiting] = field(default_factory=list)
    _paces: dict[str, _Pace] = field(default_factory=dict)
    _running: _Running | None = None

    def plan(self, total: int, waiting: Sequence[Waiting]) -> None:
        """Take the number of all trainings, and those that have not finished."""
        self._total, self._waiting = total, list(waiting)

    def counted(self, key: Path, progress: Progress) -> Progress:
        """Return a receiver of a training's progress that passes it on, with its number among all."""
        training = next((one for one in self._waiting if one.key == key), None)
        return progress if training is None else _Counted(progress, self, training)

    def begin(self, training: Waiting, steps: int) -> None:
        """Count a training as the one that runs now."""
        # What came after the last steps of the one before, such as answers, belongs to its time.
        self._paces = self._paces_now()
        self._waiting.remove(training)
        self._running = _Running(training=training, began_s=self.now_s(), steps=steps)

    def advance(self, done: int) -> tuple[int, int, float]:
        """Record the steps done; return the training's number, how many there are, and all seconds left."""
        running, now_s = self._running, self.now_s()
        assert running is not None
        if running.first is None:
            running = replace(running, first=done - 1, reported_s=now_s)
        self._running = replace(running, done=done)
        paces, one = self._paces_now(), _Pace()
        left_s = self._running.left_s(now_s, paces[running.training.kind].ratio)
        left_s += sum(paces.get(each.kind, one).ratio * each.seconds for each in self._waiting)
        return self._total - len(self._waiting), self._total, left_s

    def _paces_now(self) -> dict[str, _Pace]:
        if self._running is None:
            return self._paces
        kind, before = self._running.training.kind, self._paces.get(self._running.training.kind, _Pace())
        pace = _Pace(
            measured_s=before.measured_s + self.now_s() - self._running.began_s,
            estimated_s=before.estimated_s + self._running.done_s,
        )
        return {**self._paces, kind: pace}


@dataclass(frozen=True, slots=True)
class _Counted:
    """Progress of one training of a countdown."""

    progress: Progress
    countdown: Countdown
    training: Waiting

    def start(self, what: str, total: int, unit: str) -> None:
        self.progress.start(what, total, unit)
        self.countdown.begin(self.training, total)

    def advance(self, done: int, **shown: float | str) -> None:
        self.whole(*self.countdown.advance(done))
        self.progress.advance(done, **shown)

    def whole(self, number: int, total: int, left_s: float) -> None:
        self.progress.whole(number, total, left_s)

    def finish(self) -> None:
        self.progress.finish()

    def say(self, line: str) -> None:
        self.progress.say(line)
