"""Commands with several processes, as the tests start, hold and lose them.

As a script (PHASE ARGUMENTS...) it is such a command whose leader never gets done with a phase: it makes a
file HELD in the working folder and stays there.
"""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from twinlm import launch
from twinlm.cli import main

SETTINGS = """
threads = 1
precision = "float32"
corpus.train = ["text.txt"]
tokenizer.vocab_size = 300
quality.sample_bytes = 0
processes.timeout_seconds = 20
budget = {match = "steps", amount = 150}
model = {layers = 1, width = 16, heads = 2, max_length = 32}
finetune = {max_length = 32, epochs = 1, batch_examples = 16, micro_batch_examples = 4}
[pretrain]
length = 32
batch_sequences = 8
micro_batch_sequences = 2
validations = 2
validation_sequences = 8
checkpoint_every_steps = 10
[[task]]
name = "topic"
train = "labels.csv"
"""
HELD = "held"


class Command:
    """A running command and its processes."""

    def __init__(self, folder: Path, *arguments: str, start: Sequence[str] = ("-P", "-m", "twinlm")) -> None:
        self.began = subprocess.Popen(
            [sys.executable, *start, *arguments],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
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
        """Send a signal to a rank, or to the "group" of processes that a terminal would send it to."""
        if isinstance(to, int):
            os.kill(self.pid_of(to), number)
        else:
            os.killpg(self.began.pid, number)

    def wait_for(self, path: Path, lines: int = 0) -> None:
        """Wait until a file is there and has so many lines."""
        while not path.is_file() or path.read_text().count("\n") < lines:
            assert self.began.poll() is None, self.end()
            time.sleep(0.01)

    def end(self) -> tuple[int, list[str], float]:
        """Return exit code, what was said on standard error but for progress, and how long that took."""
        began_s = time.monotonic()
        _, said = self.began.communicate(timeout=300)
        lines = [line for line in said.splitlines() if not line.startswith(("pre-training", "fine-tuning"))]
        return self.began.returncode, lines, time.monotonic() - began_s


def run(folder: Path, *arguments: str) -> tuple[int, list[str]]:
    """Run a command to its end; return exit code and what it said."""
    code, said, _ = Command(folder, *arguments).end()
    return code, said


def held(folder: Path, phase: str, *arguments: str) -> Command:
    """Start a command with two processes, and wait until its leader is held in a phase."""
    (folder / HELD).unlink(missing_ok=True)
    command = Command(folder, phase, *arguments, "--nproc", "2", start=(__file__,))
    command.wait_for(folder / HELD)
    return command


def _hold(*_: Any, **__: Any) -> NoReturn:
    Path(HELD).touch()
    while True:
        time.sleep(0.01)


def _held_command(phase: str) -> None:
    from twinlm.compare import preparation, trials
    from twinlm.train import pretrain

    where: dict[str, tuple[Any, str]] = {
        "tokenizes": (preparation, "prepare_stores"),
        "validates": (pretrain, "evaluate"),
        "predicts": (trials, "write_predictions"),
    }
    if os.environ.get("RANK") == "0":
        setattr(*where[phase], _hold)
    begin = launch.launch
    launch.launch = lambda _, count: begin([sys.executable, __file__, phase, *sys.argv[1:]], count)
    main.main()


if __name__ == "__main__":
    _held_command(sys.argv.pop(1))
