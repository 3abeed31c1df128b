"""Commands with several processes, as the tests start, hold and lose them.

As a script (PHASE ARGUMENTS...) it is such a command whose leader comes to a phase and stays there: then a
file HELD is in the working folder.
"""

import contextlib
import io
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from twinlm.cli import main
from twinlm.system import launch

SETTINGS = """
threads = 1
precision = "float32"
corpus.train = ["text.txt"]
tokenizer.vocab_size = 300
quality.sample_bytes = 0
processes.timeout_seconds = 20
budget = {match = "steps", amount = 100}
model = {layers = 1, width = 16, heads = 2, max_length = 32}
finetune = {max_length = 32, epochs = 1, batch_examples = 16, micro_batch_examples = 4}
[pretrain]
length = 32
batch_sequences = 8
micro_batch_sequences = 2
validations = 2
validation_sequences = 8
checkpoint_every_steps = 10
[compare]
timing_seconds = 0
seeds = [1]
untrained = false
[[task]]
name = "topic"
train = "labels.csv"
"""
HELD = "held"
PHASES = {
    "trains": ("pretrain", "gpt", "--out", "new", "--budget.amount", "100000"),
    "tokenizes": ("pretrain", "gpt", "--out", "new"),
    "validates": ("pretrain", "gpt", "--out", "new"),
    "predicts": ("compare", "--out", "finished", "--budget.amount", "20"),
}
"""What the leader does, and a command in which it does it."""
PROGRESS = ("pre-training", "fine-tuning", "training a", "tokenizing", "reading", "looking", "fitting", "[")


class Command:
    """A running command and its processes."""

    def __init__(self, folder: Path, *arguments: str, start: Sequence[str] = ("-P", "-m", "twinlm")) -> None:
        self._sent_s = time.monotonic()
        self.began = subprocess.Popen(
            [sys.executable, *start, *arguments],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def pid_of(self, rank: int) -> int:
        """Return the process of a rank."""
        children = Path(f"/proc/{self.began.pid}/task/{self.began.pid}/children").read_text().split()
        wanted = f"RANK={rank}".encode()
        return next(
            int(child)
            for child in children
            if wanted in Path(f"/proc/{child}/environ").read_bytes().split(b"\0")
        )

    def send(self, number: int, to: int | str) -> None:
        """Send a signal to a rank, to the command ("command"), or to it and all its processes ("all")."""
        self._sent_s = time.monotonic()
        ranks = {"command": [], "all": [0, 1]}.get(to, [to])
        processes = [self.pid_of(rank) for rank in ranks]
        for process in [*processes, *[self.began.pid] * isinstance(to, str)]:
            os.kill(process, number)

    def wait_for(self, path: Path, lines: int = 0) -> None:
        """Wait until a file is there and has so many lines."""
        while not path.is_file() or path.read_text().count("\n") < lines:
            assert self.began.poll() is None, self.end()
            time.sleep(0.01)

    def end(self) -> tuple[int, list[str], float]:
        """Return exit code, what was said besides progress, and the seconds since a signal was sent."""
        _, said = self.began.communicate(timeout=300)
        lines = [line for line in said.splitlines() if not line.startswith(PROGRESS)]
        return self.began.returncode, lines, time.monotonic() - self._sent_s


def run(folder: Path, *arguments: str) -> tuple[int, list[str]]:
    """Run a command to its end; return exit code and what it said."""
    code, said, _ = Command(folder, *arguments).end()
    return code, said


def run_here(folder: Path, *arguments: str) -> int:
    """Run a command of one process to its end in this process; return its exit code."""
    with contextlib.chdir(folder), contextlib.redirect_stdout(io.StringIO()):
        return main.run(list(arguments))


def hold(folders: Sequence[Path], phase: str, *settings: str) -> list[Command]:
    """Start commands with two processes; return them when the leader of each is in a phase."""
    arguments = (phase, *PHASES[phase], "my.toml", *settings, "--nproc", "2")
    begun = [Command(folder, *arguments, start=(__file__,)) for folder in folders]
    for command, folder in zip(begun, folders, strict=True):
        command.wait_for(folder / HELD)
    return begun


def _hold(*_: Any, **__: Any) -> NoReturn:
    Path(HELD).touch()
    while True:
        time.sleep(0.01)


def _train_on(step: Any) -> Any:
    def take(job: Any, number: int, *rest: Any) -> Any:
        if number == 3:
            Path(HELD).touch()
        return step(job, number, *rest)

    return take


def _held_command(phase: str) -> None:
    from twinlm.comparison.stages import finetuning
    from twinlm.prepare import prepare
    from twinlm.train import loop, pretrain

    where: dict[str, tuple[Any, str, Any]] = {
        "trains": (loop, "_take_step", _train_on(loop._take_step)),
        "tokenizes": (prepare, "prepare_stores", _hold),
        "validates": (pretrain, "evaluate", _hold),
        "predicts": (finetuning, "write_predictions", _hold),
    }
    if os.environ.get("RANK") == "0":
        setattr(*where[phase])
    begin = launch.launch
    launch.launch = lambda _, count: begin([sys.executable, __file__, phase, *sys.argv[1:]], count)
    main.main()


if __name__ == "__main__":
    _held_command(sys.argv.pop(1))
