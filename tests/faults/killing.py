"""Kills and stops tiny runs at random instants, and lets them end: for the tests and for `make torture`.

Processes are forked from this one, which has imported everything and takes no step itself; those that get a
SIGTERM are command lines of their own.
"""

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from twinlm.comparison.run import Run
from twinlm.settings import presets
from twinlm.system.log import Silent
from twinlm.system.stopping import Stop

KINDS = ("gpt", "bert", "fine-tuning", "comparison")
SETTINGS = """
threads = 1
precision = "float32"
corpus.train = "text.txt"
model = {layers = 1, width = 16, heads = 2, max_length = 32}
finetune = {max_length = 32, epochs = 3, batch_examples = 8}
budget = {match = "steps", amount = 60}
pretrain.length = 32
pretrain.batch_sequences = 4
pretrain.validations = 4
pretrain.validation_sequences = 8
pretrain.checkpoint_every_steps = 7
tokenizer.vocab_size = 300
[[task]]
name = "topic"
train = "labels.csv"
"""
COMPARED = ("*.safetensors", "*.jsonl", "inputs.json", "*.bin", "store.json", "tokenizer.json")
"""Files that every repetition makes the same, byte for byte."""
OWN = ("timings.jsonl", "events.jsonl")
"""And those that tell of this one."""
MEASURED = ("command", "caveats", "cost_cards", "costs")
"""Of a comparison's results: what tells of seconds and memory. Its verdict and all figures do not."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Straight:
    """A run that nothing happened to."""

    files: dict[str, str]
    """Hashes of what it left."""
    seconds: float
    """How long it took."""


def work(kind: str, project: Path, out: str) -> None:
    """Run to the end from whatever lies there."""
    os.chdir(project)
    settings = presets.resolve(Path("my.toml"), {})
    with Run(Path(out), settings, is_demo=False, progress=Silent(), stop=Stop()) as run:
        if kind in presets.KINDS:
            run.pretraining.trained(kind)
        elif kind == "comparison":
            run.compare()
        else:
            run.finetuning.predictions(run.finetuning.trials(run.workspace.arm("bert-scratch"), "topic")[0])


def straight(kind: str, project: Path) -> Straight:
    """Run without any fault."""
    began = time.perf_counter()
    status = _end(_begin(kind, project, f"straight {kind}"))
    assert status == 0, f"{kind} ends with {status}"
    seconds = time.perf_counter() - began
    return Straight(files=left_by(project / f"straight {kind}"), seconds=seconds)


def kill_until_done(kind: str, project: Path, out: str, wanted: Straight, chance: random.Random) -> int:
    """Kill a run at random instants until it ends before one; return how often, once all is as it must be.

    Raises:
        AssertionError: it ended with something else.
    """
    kills = 0
    while True:
        child = _begin(kind, project, out)
        # Later each time, so that it gets to the end on a machine of any speed.
        status = _end(child, kill_after_s=chance.uniform(0, wanted.seconds) * (1 + kills / 10))
        if status != -signal.SIGKILL:
            break
        kills += 1
    assert status == 0, f"{kind} ends with {status} after {kills} kills, in {out}"
    _compare(left_by(project / out), wanted, f"{kind} after {kills} kills, in {out}")
    return kills


def stop_once(kind: str, project: Path, out: str, wanted: Straight, chance: random.Random) -> float | None:
    """Send a SIGTERM to a command at a random instant, and let the same command end.

    Returns:
        Seconds from the signal to the end; None if the command had ended before.

    Raises:
        AssertionError: it did not exit with 75, or the second one ended with something else.
    """
    command = [sys.executable, "-m", "twinlm", "pretrain", kind, "my.toml", "--out", out]
    process = subprocess.Popen(command, cwd=project, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    while process.poll() is None and not _catches_signals(process.pid):
        time.sleep(0.001)
    time.sleep(chance.uniform(0, 2 * wanted.seconds))  # importing takes about as long as the run
    began = time.perf_counter()
    process.send_signal(signal.SIGTERM)
    said = process.communicate()[1].decode()
    taken_s = time.perf_counter() - began
    if process.returncode == 0:
        return None
    assert process.returncode == 75, f"exit code {process.returncode} in {out}: {said}"
    status = _end(_begin(kind, project, out))
    assert status == 0, f"{kind} ends with {status} after a signal, in {out}"
    _compare(left_by(project / out), wanted, f"{kind} after a signal, in {out}")
    return taken_s


def write_project(folder: Path) -> None:
    """Write text, labels and settings."""
    animals, foods = ("cat", "dog", "horse", "bird", "mouse"), ("bread", "cheese", "soup")

    def sentence(number: int, words: Sequence[str]) -> str:
        return f"The {words[number % len(words)]} likes number {number * number % 997}."

    numbers = range(120)
    texts = ["\n".join(sentence(4 * number + more, animals) for more in range(4)) for number in numbers]
    rows = [f"{sentence(n, foods)},food\n{sentence(n, animals)},animal" for n in numbers]
    (folder / "text.txt").write_text("\n\n".join(texts))
    (folder / "labels.csv").write_text("\n".join(["text,label", *rows]))
    (folder / "my.toml").write_text(SETTINGS)


def left_by(folder: Path) -> dict[str, str]:
    """Return the hashes of what a run leaves, of the checkpoints the newest: signals add others."""
    paths = {path for pattern in COMPARED for path in folder.rglob(pattern) if path.name not in OWN}
    newest = {max(place.iterdir()) for place in folder.rglob("checkpoints")}
    found = {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(paths)
        if "checkpoints" not in path.parts or path.parent in newest
    }
    if (results := folder / "results.json").is_file():
        found[results.name] = _repeated(json.loads(results.read_text()))
    return found


def _repeated(results: dict[str, Any]) -> str:
    """Return what every repetition of a comparison finds, as JSON."""
    for row in [trial for ledger in results["ledger"] for trial in ledger["tried"]]:
        del row["seconds"]
    for row in [score for task in results["tasks"] for score in task["scores"]]:
        del row["seconds"]
    assert results["verdict"]
    return json.dumps({name: value for name, value in results.items() if name not in MEASURED})


def _compare(found: dict[str, str], wanted: Straight, said: str) -> None:
    names = found.keys() | wanted.files.keys()
    assert not sorted(name for name in names if found.get(name) != wanted.files.get(name)), said


def _begin(kind: str, project: Path, out: str) -> int:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # newer Pythons warn of forks beside threads
        child = os.fork()
    if child == 0:
        os._exit(_status_of(lambda: work(kind, project, out)))
    return child


def _status_of(act: Callable[[], None]) -> int:
    try:
        torch.set_num_threads(1)
        act()
    except BaseException:
        traceback.print_exc()
        return 70
    return 0


def _end(child: int, kill_after_s: float | None = None) -> int:
    """Wait for a process; return its exit code, or minus the number of the signal that ended it."""
    deadline = None if kill_after_s is None else time.perf_counter() + kill_after_s
    while deadline is not None:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        if time.perf_counter() >= deadline:
            os.kill(child, signal.SIGKILL)
            break
        time.sleep(0.0005)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _catches_signals(process: int) -> bool:
    """Tell whether a process has come so far that it does not just die of a SIGTERM."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return False
    caught = next((int(line.split()[1], 16) for line in lines if line.startswith("SigCgt")), 0)
    return bool(caught & 1 << signal.SIGTERM - 1)
