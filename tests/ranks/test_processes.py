"""Commands with `--nproc`: the same bytes as alone, and one clear line when a process is lost."""

import json
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import torch
from safetensors.torch import load_file

from twinlm.errors import PeerError, StoppedError, UsageError

PARTS = ("pretrain", "gpt", "my.toml", "--processes.reduce=fast", "--processes.shard=true", "--out")
TRAIN = ("finetune", "bert", "my.toml", "--budget.amount", "20")


def contents(folder: Path, *files: str) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in files}


@pytest.fixture(scope="module")
def alone(project: Path, commands: ModuleType) -> Iterator[Path]:
    """What one process leaves of pre-training a GPT, and of fine-tuning a BERT."""
    assert commands.run_here(project, "pretrain", "gpt", "my.toml", "--out", "alone") == 0
    assert commands.run_here(project, *TRAIN, "--out", "alone-tuned") == 0
    yield project


def test_two_processes_pretrain_and_finetune_to_the_bytes_of_one(alone: Path, commands: ModuleType) -> None:
    code, said = commands.run(alone, *TRAIN, "--out", "two-tuned", "--nproc", "2")
    assert code == 0, said
    assert said[0] == "2 processes, 1 threads each"
    files = [
        f"{place}/{name}"
        for place in ("bert", "tasks/topic/bert/seed-1")
        for name in ("model/model.safetensors", "metrics.jsonl", "inputs.json")
    ]
    assert contents(alone / "two-tuned", *files) == contents(alone / "alone-tuned", *files)
    names = [
        sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))
        for folder in (alone / "two-tuned", alone / "alone-tuned")
    ]
    assert names[0] == names[1]


@pytest.mark.parametrize(
    ("kills", "last"),
    [([(1, 5)], 1), pytest.param([(1, 5), (0, 30)], 4, marks=pytest.mark.slow)],
    ids=["once", "twice"],
)
def test_lost_and_stopped_processes_end_all_and_the_same_command_goes_on(
    kills: list[tuple[int, int]], last: int, alone: Path, commands: ModuleType
) -> None:
    """A signal to one of two stops both in order, a killed one ends both; as many others end as one would."""
    out = f"lost-{len(kills)}"
    wanted = ("pretrain", "gpt", "my.toml", "--out", out, "--nproc")
    log = alone / out / "gpt" / "metrics.jsonl"
    command = commands.Command(alone, *wanted, "2")
    command.wait_for(log, 5)
    command.send(signal.SIGTERM, 1)
    code, errors, _ = command.end()
    assert code == StoppedError.exit_code
    assert errors[-1].startswith("error: stopped by a signal")
    stopped_at = log.read_text().count("\n")
    for rank, later in kills:
        command = commands.Command(alone, *wanted, "2")
        command.wait_for(log, stopped_at + later)
        command.send(signal.SIGKILL, rank)
        code, errors, wait_s = command.end()
        assert code == PeerError.exit_code
        hint = "the last checkpoint is intact: run the same command again to continue"
        assert [line for line in errors if "processes, 1" not in line] == [
            f"error: rank {rank} was ended by signal 9 (SIGKILL); {hint}"
        ]
        assert wait_s < 10
    # One needs no process of its own; four make 2.5 s of imports each.
    goes_on = commands.run_here(alone, *wanted, "1") if last == 1 else commands.run(alone, *wanted, "4")[0]
    assert goes_on == 0
    files = ("gpt/model/model.safetensors", "gpt/metrics.jsonl")
    assert contents(alone / out, *files) == contents(alone / "alone", *files)


@pytest.mark.slow
def test_a_process_that_hangs_ends_all_within_the_timeout(project: Path, commands: ModuleType) -> None:
    arguments = ("pretrain", "gpt", "my.toml", "--out", "hung", "--processes.timeout_seconds", "5")
    command = commands.Command(project, *arguments, "--nproc", "2")
    command.wait_for(project / "hung" / "gpt" / "metrics.jsonl", 5)
    command.send(signal.SIGSTOP, 1)
    code, errors, wait_s = command.end()
    assert code == PeerError.exit_code
    assert errors[-1].startswith("error: rank 1 did not answer the others; ")
    assert wait_s < 5 + 20  # the timeout, and time to end


def test_micro_batches_that_can_not_be_shared_are_refused(project: Path, commands: ModuleType) -> None:
    arguments = ("pretrain", "gpt", "my.toml", "--out", "uneven", "--pretrain.batch_sequences", "6")
    code, errors = commands.run(project, *arguments, "--nproc", "2")
    assert code == UsageError.exit_code
    assert errors[-1].startswith("error: 2 processes can't share the 3 micro-batches of a step evenly; lower")


@pytest.mark.slow
def test_a_model_in_parts_goes_on_with_any_number_of_processes(alone: Path, commands: ModuleType) -> None:
    """Two processes keep half of a checkpoint each; four, and one, end near what one process makes."""
    command = commands.Command(alone, *PARTS, "parts", "--nproc", "2")
    command.wait_for(alone / "parts/gpt/metrics.jsonl", 20)
    command.send(signal.SIGTERM, 0)
    assert command.end()[0] == StoppedError.exit_code
    checkpoints = alone / "parts/gpt/checkpoints"
    stopped = max(checkpoints.glob("step-*")).name.removeprefix("step-")
    files = sorted((checkpoints / f"parts-{stopped}").glob("*/model.safetensors"))
    rows = [load_file(file)["token_embedding.weight"] for file in files]
    assert [len(part) for part in rows] == [150, 150]
    assert not (checkpoints / f"step-{stopped}" / "model.safetensors").exists()
    shutil.copytree(alone / "parts", alone / "parts-alone")
    assert commands.run(alone, *PARTS, "parts", "--nproc", "4")[0] == 0
    assert commands.run(alone, *PARTS, "parts-alone")[0] == 0
    whole = [json.loads(line) for line in (alone / "alone/gpt/metrics.jsonl").read_text().splitlines()]
    for out in ("parts", "parts-alone"):
        lines = (alone / out / "gpt/metrics.jsonl").read_text().splitlines()
        for row, other in zip(map(json.loads, lines), whole, strict=True):
            assert row == pytest.approx(other, rel=1e-3)
    weights = [load_file(alone / out / "gpt/model/model.safetensors") for out in ("parts", "alone")]
    for name, weight in weights[0].items():
        torch.testing.assert_close(weight, weights[1][name], atol=1e-2, rtol=0)


@pytest.mark.slow
def test_a_damaged_part_makes_the_checkpoint_before_it_count(project: Path, commands: ModuleType) -> None:
    """Of parts, too, each byte is looked at before the run goes on."""
    command = commands.Command(project, *PARTS, "damaged", "--nproc", "2")
    command.wait_for(project / "damaged/gpt/metrics.jsonl", 20)
    command.send(signal.SIGTERM, 0)
    assert command.end()[0] == StoppedError.exit_code
    checkpoints = project / "damaged/gpt/checkpoints"
    part = max(checkpoints.glob("parts-*")) / "00001" / "model.safetensors"
    contents = bytearray(part.read_bytes())
    contents[-1] ^= 1
    part.write_bytes(contents)
    code, said = commands.run(project, *PARTS, "damaged", "--nproc", "2")
    assert code == 0, said
    assert any("damaged; the checkpoint before it is used instead" in line for line in said)


@pytest.mark.slow
def test_a_signal_ends_the_validation_of_a_model_in_parts(project: Path, commands: ModuleType) -> None:
    long = ("--pretrain.validations=1", "--pretrain.validation_sequences=4000", "--budget.amount=20")
    command = commands.Command(project, *PARTS, "measured", "--nproc", "2", *long)
    metrics = project / "measured/gpt/metrics.jsonl"
    command.wait_for(metrics, 20)
    time.sleep(1)
    command.send(signal.SIGTERM, 1)
    assert command.end()[0] == StoppedError.exit_code
    assert "valid_loss" not in metrics.read_text()
    short = commands.run(project, *PARTS, "measured", *long)
    assert short[0] == 0, short[1]
    assert metrics.read_text().count("valid_loss") == 1
