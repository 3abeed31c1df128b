"""A run that was stopped, killed or damaged ends as if nothing had happened, bit for bit."""

import json
import os
import random
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import twinlm
from twinlm.errors import ModelError, ResourceError, StoppedError
from twinlm.families import FAMILIES
from twinlm.settings import OptimizerSettings
from twinlm.system import storage
from twinlm.system.log import EVENTS, Silent
from twinlm.system.stopping import Stop, on_signals

STEPS = 12
FEW_STEPS = {"steps": 6, "validate_every": 4, "checkpoint_every": 2}


@pytest.fixture(scope="session")
def straight(tiny: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return what a run leaves that nothing happened to, by family."""
    outcomes = {}
    for name in FAMILIES:
        job = tiny.build(name, tmp_path_factory.mktemp(name), steps=STEPS)
        outcomes[name] = tiny.outcome(job, tiny.run(job))
        short = tiny.build(name, tmp_path_factory.mktemp(f"short {name}"), **FEW_STEPS)
        outcomes[f"short {name}"] = tiny.outcome(short, tiny.run(short))
    return outcomes


def finish(tiny: Any, name: str, folder: Path, **changes: Any) -> dict[str, Any]:
    """Run to the end from whatever lies in the folder, as a command does: under its lock."""
    with storage.lock(folder):
        job = tiny.build(name, folder, **{"steps": STEPS, **changes})
        return tiny.outcome(job, tiny.run(job))


def stop_at(tiny: Any, name: str, folder: Path, step: int, **changes: Any) -> None:
    """Run until a signal comes in the middle of a step."""
    stop = Stop()

    def batches(number: int) -> list[Any]:
        stop.asked = stop.asked or number == step
        return [tiny.batch(number)]

    with pytest.raises(StoppedError) as error:
        tiny.run(tiny.build(name, folder, steps=STEPS, batches=batches, **changes), stop)
    assert error.value.exit_code == 75


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("steps", [(0,), (2,), (4,), (5, 6, 9), (STEPS - 1,), tuple(range(STEPS))], ids=str)
def test_stopped_is_never_stopped(
    name: str, steps: tuple[int, ...], tiny: Any, straight: dict[str, Any], tmp_path: Path
) -> None:
    for step in steps:
        stop_at(tiny, name, tmp_path, step)
        newest = sorted((tmp_path / "checkpoints").iterdir())[-1]
        assert newest.name == f"step-{step + 1:09d}"
        assert json.loads((newest / "state.json").read_text())["step"] == step + 1
    assert finish(tiny, name, tmp_path) == straight[name]


@pytest.mark.parametrize("name", FAMILIES)
def test_stopped_is_never_stopped_where_all_validations_are_equally_good(
    name: str, tiny: Any, tmp_path: Path
) -> None:
    tied = {"validate": lambda: {"valid_error": 0.5}, "validate_every": 2}
    wanted = finish(tiny, name, tmp_path / "straight", **tied)
    for step in (2, 3, 7):
        stop_at(tiny, name, tmp_path / "stopped", step, **tied)
    assert finish(tiny, name, tmp_path / "stopped", **tied) == wanted
    assert wanted["spent"]["best_step"] == STEPS


def test_stopped_is_never_stopped_with_berts_own_adam_and_schedule(tiny: Any, tmp_path: Path) -> None:
    released = OptimizerSettings(
        learning_rate=5e-3, warmup_steps=3, released_schedule=True, bias_correction=False, epsilon=1e-6
    )
    wanted = finish(tiny, "bert", tmp_path / "straight", settings=released)
    for step in (2, 4, 9):
        stop_at(tiny, "bert", tmp_path / "stopped", step, settings=released)
    assert finish(tiny, "bert", tmp_path / "stopped", settings=released) == wanted


@pytest.mark.parametrize("name", FAMILIES)
def test_stopped_is_never_stopped_with_muon(name: str, tiny: Any, tmp_path: Path) -> None:
    muon = OptimizerSettings(method="muon", learning_rate=5e-3, warmup_share=0.2)
    wanted = finish(tiny, name, tmp_path / "straight", settings=muon)
    for step in (2, 4, 9):
        stop_at(tiny, name, tmp_path / "stopped", step, settings=muon)
    assert finish(tiny, name, tmp_path / "stopped", settings=muon) == wanted
    # What one optimizer kept is not taken for what another needs.
    with pytest.raises(ModelError, match="optimizer"):
        finish(tiny, name, tmp_path / "stopped", steps=STEPS + 1)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_finished_run_has_nothing_left_to_do(
    name: str, tiny: Any, straight: dict[str, Any], tmp_path: Path
) -> None:
    assert finish(tiny, name, tmp_path) == straight[name]
    assert finish(tiny, name, tmp_path) == straight[name]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_signal_stops_after_the_step(
    number: signal.Signals, tiny: Any, straight: dict[str, Any], tmp_path: Path
) -> None:
    def batches(step: int) -> list[Any]:
        if step == 6:
            os.kill(os.getpid(), number)
        return [tiny.batch(step)]

    with on_signals() as stop, pytest.raises(StoppedError):
        tiny.run(tiny.build("gpt", tmp_path, steps=STEPS, batches=batches), stop)
    assert (tmp_path / "checkpoints" / "step-000000007").is_dir()
    assert finish(tiny, "gpt", tmp_path) == straight["gpt"]


def damaged_file(folder: Path) -> None:
    path = folder / "model.safetensors"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


class Saying(Silent):
    """Keeps the lines that are to stay."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        self.lines.append(line)


def events(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / EVENTS).read_text().splitlines()]


DAMAGES: dict[str, Callable[[Path], Any]] = {
    "a flipped bit": damaged_file,
    "a cut file": lambda folder: os.truncate(folder / "optimizer.safetensors", 100),
    "a missing file": lambda folder: (folder / "state.json").unlink(),
    "an empty file": lambda folder: os.truncate(folder / "state.json", 0),
    "a missing manifest": lambda folder: (folder / "manifest.json").unlink(),
    "an empty manifest": lambda folder: os.truncate(folder / "manifest.json", 0),
}


@pytest.mark.parametrize("how", DAMAGES)
def test_a_damaged_newest_checkpoint_is_passed_over(
    how: str, tiny: Any, straight: dict[str, Any], tmp_path: Path
) -> None:
    stop_at(tiny, "gpt", tmp_path, 7)
    DAMAGES[how](tmp_path / "checkpoints" / "step-000000008")
    said = Saying()
    with storage.lock(tmp_path):
        job = tiny.build("gpt", tmp_path, steps=STEPS)
        assert tiny.outcome(job, tiny.run(job, progress=said)) == straight["gpt"]
    (line,) = said.lines
    assert line.startswith(f"{tmp_path / 'checkpoints' / 'step-000000008'}/")
    assert line.endswith("; the checkpoint before it is used instead")
    assert [event["event"] for event in events(tmp_path)] == ["stopped", "checkpoint passed over", "resumed"]
    assert [event.get("step") for event in events(tmp_path)] == [8, None, 6]


def test_when_all_checkpoints_are_damaged_the_run_says_so_and_touches_nothing(
    tiny: Any, tmp_path: Path
) -> None:
    stop_at(tiny, "gpt", tmp_path, 7)
    for folder in (tmp_path / "checkpoints").iterdir():
        damaged_file(folder)
    metrics = (tmp_path / "metrics.jsonl").read_bytes()
    with pytest.raises(ModelError, match="damaged"):
        finish(tiny, "gpt", tmp_path)
    assert (tmp_path / "metrics.jsonl").read_bytes() == metrics


def test_a_checkpoint_of_a_newer_version_is_refused(tiny: Any, tmp_path: Path) -> None:
    stop_at(tiny, "gpt", tmp_path, 7)
    for folder in (tmp_path / "checkpoints").iterdir():
        files = {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "manifest.json"}
        state = json.loads(files["state.json"]) | {"format": 99}
        storage.publish_folder(folder, {**files, "state.json": storage.json_bytes(state)})
    with pytest.raises(ModelError, match="format 99 is newer"):
        finish(tiny, "gpt", tmp_path)


def test_metrics_that_a_power_cut_took_are_made_again(
    tiny: Any, straight: dict[str, Any], tmp_path: Path
) -> None:
    """They reach the disk before a checkpoint does, so this takes a disk that lies, or somebody's hand."""
    stop_at(tiny, "gpt", tmp_path, 7)
    metrics = tmp_path / "metrics.jsonl"
    os.truncate(metrics, int(0.9 * metrics.stat().st_size))
    assert finish(tiny, "gpt", tmp_path) == straight["gpt"]
    passed = [event["message"] for event in events(tmp_path) if event["event"] == "checkpoint passed over"]
    assert passed == ["the metrics up to this checkpoint are not what was written"]


def test_metrics_that_are_lost_are_no_reason_to_begin_anew_unasked(tiny: Any, tmp_path: Path) -> None:
    stop_at(tiny, "gpt", tmp_path, 7)
    (tmp_path / "metrics.jsonl").unlink()
    with pytest.raises(ModelError, match="metrics up to this checkpoint are not what was written"):
        finish(tiny, "gpt", tmp_path)
    assert (tmp_path / "checkpoints" / "step-000000008").is_dir()


def test_a_checkpoint_without_a_mark_of_its_metrics_is_gone_on_with(
    tiny: Any, straight: dict[str, Any], tmp_path: Path
) -> None:
    """As runs have them that were begun before there were marks."""
    stop_at(tiny, "gpt", tmp_path, 7)
    for folder in (tmp_path / "checkpoints").iterdir():
        files = {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "manifest.json"}
        state = json.loads(files["state.json"])
        del state["metrics"], state["is_validation_due"]
        storage.publish_folder(folder, {**files, "state.json": storage.json_bytes(state)})
    assert finish(tiny, "gpt", tmp_path) == straight["gpt"]


@pytest.mark.parametrize(("step", "number"), [(5, 1), (STEPS, 3)], ids=["in the middle", "at the end"])
def test_a_signal_ends_a_validation_at_once_and_it_is_made_later(
    step: int, number: int, tiny: Any, straight: dict[str, Any], tmp_path: Path
) -> None:
    plain, calls = tiny.build("gpt", tmp_path, steps=STEPS), []

    def validate() -> dict[str, float]:
        calls.append(1)
        if len(calls) == number:
            os.kill(os.getpid(), signal.SIGTERM)
            raise AssertionError("the signal came too late")
        return dict(plain.validate())

    with on_signals() as stop, pytest.raises(StoppedError):
        tiny.run(replace(plain, validate=validate), stop)
    state = json.loads((tmp_path / "checkpoints" / f"step-{step:09d}" / "state.json").read_text())
    assert state["is_validation_due"]
    assert finish(tiny, "gpt", tmp_path) == straight["gpt"]


@pytest.mark.parametrize("fault", ["ENOSPC once", "ENOSPC for ever", "EIO"])
def test_a_disk_that_refuses_costs_no_more_than_a_new_start(
    fault: str, faulty: Any, tiny: Any, straight: dict[str, Any], tmp_path: Path
) -> None:
    """At every ninth operation; each writer alone meets all faults in `faults/`."""
    job = tiny.build("gpt", tmp_path / "counted", **FEW_STEPS)
    names = faulty.count(lambda: tiny.run(job))
    survived = []
    for at in range(0, len(names), 9):
        folder = tmp_path / str(at)
        try:
            with faulty.put_in(faulty.FaultyDisk(fault, at)):
                finish(tiny, "gpt", folder, **FEW_STEPS)
            survived.append(at)
        except ResourceError as error:
            assert error.exit_code == 5
        assert finish(tiny, "gpt", folder, **FEW_STEPS) == straight["short gpt"], (at, names[at])
    assert bool(survived) == (fault != "ENOSPC for ever")  # a line of a log waits until there is space


def test_after_a_power_cut_a_run_goes_on_as_if_there_had_been_none(
    faulty: Any, tiny: Any, straight: dict[str, Any], tmp_path: Path
) -> None:
    """In some of the states that it may leave, drawn from all that the model of a disk knows."""
    run, states = tmp_path / "run", set()
    run.mkdir()
    disk = faulty.RecordingDisk(
        run, lambda disk: states.update(tuple(state.items()) for state in disk.states())
    )
    with faulty.put_in(disk):
        finish(tiny, "bert", run, **FEW_STEPS)
    chosen = random.Random(0).sample(sorted(states, key=repr), 40)
    for number, state in enumerate(chosen):
        faulty.write_state(tmp_path / str(number), dict(state))
        assert finish(tiny, "bert", tmp_path / str(number), **FEW_STEPS) == straight["short bert"]


def test_a_torn_last_line_of_the_metrics_is_mended(
    tiny: Any, straight: dict[str, Any], tmp_path: Path
) -> None:
    stop_at(tiny, "gpt", tmp_path, 7)
    with (tmp_path / "metrics.jsonl").open("ab") as file:
        file.write(b'{"step": 9, "tok')
    assert finish(tiny, "gpt", tmp_path) == straight["gpt"]


def is_killed(operation: int, faulty: Any, tiny: Any, name: str, folder: Path) -> bool:
    """Run in a forked process that dies at an operation of the disk; tell whether it came so far."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # newer Pythons warn of forks beside threads
        child = os.fork()
    if child == 0:
        dying = faulty.FaultyDisk("die", operation, die=lambda: os.kill(os.getpid(), signal.SIGKILL))
        try:
            with faulty.put_in(dying):
                finish(tiny, name, folder, **FEW_STEPS)
        finally:
            os._exit(0)
    status = os.waitpid(child, 0)[1]
    return os.WIFSIGNALED(status)


@pytest.mark.parametrize("apart", [4, pytest.param(1, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", FAMILIES)
def test_killed_at_any_change_of_the_disk_is_never_killed(
    name: str, apart: int, faulty: Any, tiny: Any, straight: dict[str, Any], tmp_path: Path
) -> None:
    """Operations are tried by the two families in turn: each, or every fourth."""
    operation = first = list(FAMILIES).index(name) * apart
    while is_killed(operation, faulty, tiny, name, tmp_path / str(operation)):
        found = finish(tiny, name, tmp_path / str(operation), **FEW_STEPS)
        assert found == straight[f"short {name}"], f"killed at {operation}"
        operation += len(FAMILIES) * apart
    assert operation > first + 100


def test_killed_at_every_start_again_is_never_killed(
    faulty: Any, tiny: Any, straight: dict[str, Any], tmp_path: Path
) -> None:
    """Each attempt gets a little further, and dies while mending what the one before left."""
    attempts = [17, 3, 70, 1, 53, 72, 32, 105]
    assert sum(is_killed(operation, faulty, tiny, "bert", tmp_path) for operation in attempts) > 4
    assert finish(tiny, "bert", tmp_path, **FEW_STEPS) == straight["short bert"]


def test_kill_9_of_a_process_of_its_own(tiny: Any, tmp_path: Path) -> None:
    steps = 40
    program = [sys.executable, tiny.__file__, "gpt", str(tmp_path / "killed"), str(steps), "25"]
    source = str(Path(twinlm.__file__).parents[1])
    process = subprocess.Popen(program, env={**os.environ, "PYTHONPATH": source})
    deadline = time.monotonic() + 50
    while not list((tmp_path / "killed" / "checkpoints").glob("step-*")) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    outcomes = []
    for name in ("killed", "straight"):
        job = tiny.build("gpt", tmp_path / name, steps=steps, checkpoint_every=100)
        outcomes.append(tiny.outcome(job, tiny.run(job)))
    assert outcomes[0] == outcomes[1]
