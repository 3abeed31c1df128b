"""Each training of a comparison is one of all, and the time left of all follows from plan and measurement."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from twinlm.comparison.countdown import Countdown, Waiting
from twinlm.comparison.run import Run
from twinlm.errors import StoppedError
from twinlm.system import storage
from twinlm.system.log import Silent
from twinlm.system.progress import Lines
from twinlm.system.stopping import Stop

SETTINGS = """
[compare]
seeds = [1]
untrained = false
learning_rates = [1e-3, 2e-3]
label_counts = [30]
[[task]]
name = "topic"
train = "labels.csv"
[[imported]]
name = "earlier"
folder = "first/bert/model"
"""
TRAININGS = 2 + 3 * 2 + 2  # both kinds, then three arms at two rates, then both kinds with fewer labels


class Numbers(Silent):
    """Notes the numbers that are reported; asks to stop at a training, in the middle of it."""

    def __init__(self, stop_at: int = 0) -> None:
        self.stop, self.stop_at = Stop(), stop_at
        self.reports: list[tuple[int, int, float]] = []

    def whole(self, number: int, total: int, left_s: float) -> None:
        self.reports.append((number, total, left_s))
        self.stop.asked = self.stop.asked or number == self.stop_at

    @property
    def numbers(self) -> list[int]:
        """Numbers in the order of their trainings."""
        return list(dict.fromkeys(number for number, _, _ in self.reports))


@pytest.fixture(scope="module")
def opened(tmp_path_factory: Any, write_project: Any, tiny: Any) -> Any:
    """Return a function that opens the run in a folder that has text, labels and an earlier model."""
    folder = tmp_path_factory.mktemp("countdown")
    write_project(folder, 100)
    (folder / "my.toml").write_text(SETTINGS)
    (folder / "first.toml").write_text("[[task]]\nname = 'topic'\ntrain = 'labels.csv'")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        with Run("first", tiny("first.toml"), is_demo=False, progress=Silent(), stop=Stop()) as run:
            run.pretraining.trained("bert")
        yield lambda name, progress: Run(
            name, tiny("my.toml"), is_demo=False, progress=progress, stop=progress.stop
        )


def test_every_training_is_counted_once_also_over_a_stop(opened: Callable[..., Run]) -> None:
    before, after = Numbers(stop_at=2), Numbers()
    with opened("run", before) as run, pytest.raises(StoppedError):
        run.compare()
    with opened("run", after) as run:
        run.compare()
        run.forecast.start_countdown()  # as when the finished run's report is made again
        keys = [run.pretraining.folder("gpt"), *map(run.finetuning.key, run.forecast.trials())]
        assert all(run.workspace.countdown.counted(key, after) is after for key in keys)
    assert before.numbers == [1, 2]
    assert after.numbers == list(range(2, TRAININGS + 1))
    assert {total for _, total, _ in (*before.reports, *after.reports)} == {TRAININGS}
    assert after.reports[-1][2] == 0  # nothing is left after the last step of the last one


def test_what_is_not_trained_again_counts_as_done(opened: Callable[..., Run]) -> None:
    with opened("begun", Numbers()) as run:
        curve = [trial for trial in run.forecast.trials() if trial.labels]
        assert {trial.learning_rate for trial in curve} == {1e-3}
        # Its arm's best rate was the other one, and a trial of the grid diverged.
        done = Path(str(run.finetuning.folder(curve[0])).replace("rate-0.001", "rate-0.002"))
        storage.write_json(done / "fine-tuning.json", {})
        storage.write_json(run.finetuning.folder(run.forecast.trials()[0]) / "diverged.json", {})
        planned = run.forecast.trainings()
        assert sum(training.is_done for training in planned) == 2
        assert done in {training.folder for training in planned}


def _countdown(now: list[float], kinds: list[str], seconds: float = 100.0) -> Countdown:
    waiting = [Waiting(key=Path(str(place)), kind=kind, seconds=seconds) for place, kind in enumerate(kinds)]
    countdown = Countdown(now_s=lambda: now[0])
    countdown.plan(len(waiting) + 4, waiting)
    return countdown


def test_the_time_left_of_all_is_the_plans_corrected_by_what_was_measured() -> None:
    now, said = [0.0], Numbers()
    countdown = _countdown(now, ["pre-training", "pre-training", "fine-tuning"])
    first = countdown.counted(Path("0"), said)
    first.start("first", 10, "steps")
    now[0] = 10.0
    first.advance(1)
    now[0] = 50.0
    first.advance(5)  # as planned
    assert said.reports == [(5, 7, pytest.approx(290)), (5, 7, pytest.approx(250))]
    now[0] = 220.0
    first.advance(10)  # slower, and some time passes with what follows the steps
    now[0] = 300.0
    second = countdown.counted(Path("1"), said)
    second.start("second", 10, "steps")
    second.advance(1)
    ratio = (300 + 10) / (100 + 10 + 10)
    assert said.reports[-1] == (6, 7, pytest.approx(ratio * 90 + 100))  # fine-tuning is not measured yet


def test_a_resumed_training_counts_only_the_steps_of_this_call() -> None:
    now, said = [0.0], Numbers()
    resumed = _countdown(now, ["fine-tuning"]).counted(Path("0"), said)
    resumed.start("resumed", 100, "steps")
    now[0] = 2.0
    resumed.advance(81)
    assert said.reports[-1][2] == pytest.approx((10 + 2) / (10 + 1) * 19)


def test_the_pace_of_this_call_wins_where_the_plan_was_wrong() -> None:
    now, said = [0.0], Numbers()
    one = _countdown(now, ["fine-tuning"], seconds=1000.0).counted(Path("0"), said)
    one.start("one", 1000, "steps")
    for step in range(1, 501):
        now[0] += 3.0
        one.advance(step)
    assert said.reports[-1][2] == pytest.approx(3 * 500, rel=0.05)


def test_the_whole_is_never_shorter_than_the_rest_of_the_training_that_runs() -> None:
    now, said = [0.0], Numbers()
    countdown = _countdown(now, ["pre-training", "pre-training"])
    fast, slow = (countdown.counted(Path(key), said) for key in "01")
    for one, step_s in ((fast, 0.1), (slow, 30.0)):
        one.start("one", 100, "steps")
        for step in range(1, 51):
            now[0] += step_s
            one.advance(step)
    assert said.reports[-1][2] == pytest.approx(30 * 50)


def test_trainings_that_share_a_key_are_counted_one_by_one_and_unplanned_ones_are_not() -> None:
    said, countdown = Numbers(), Countdown()
    assert countdown.counted(Path("any"), said) is said
    same = Waiting(key=Path("rate"), kind="fine-tuning", seconds=1.0)
    countdown.plan(3, [same, same])
    for _ in range(2):
        one = countdown.counted(Path("rate"), said)
        one.start("one", 1, "steps")
        one.advance(1)
    assert said.numbers == [2, 3]
    assert countdown.counted(Path("rate"), said) is said


def test_a_line_of_each_finished_training_names_its_number_and_the_time_left() -> None:
    stream = io.StringIO()
    countdown = _countdown([0.0], ["pre-training", "fine-tuning"], seconds=10.0)
    for key, title in (("0", "pre-training GPT"), ("1", "fine-tuning GPT on topic, seed 1")):
        one = countdown.counted(Path(key), Lines(stream, between_s=60))
        one.start(title, 10, "steps")
        for step in range(1, 11):
            one.advance(step, loss=0.5)
        one.finish()
    lines = stream.getvalue().splitlines()
    assert lines[1].startswith("[5/6, 0:10 left] pre-training GPT: 10 of 10 steps, loss 0.500")
    assert lines[3] == "[6/6, 0:00 left] fine-tuning GPT on topic, seed 1: 10 of 10 steps, loss 0.500"
