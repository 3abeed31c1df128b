"""A process that is killed or silent ends all with one clear line, whatever the leader does."""

import signal
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from twinlm.errors import PeerError

KILLED, SILENT = "was ended by signal 9 (SIGKILL)", "did not answer the others"
HINT = "the last checkpoint is intact: run the same command again to continue"
TIMEOUT_S, MOST_S = 10.0, 10.0
FATES = [(signal.SIGKILL, 1), (signal.SIGKILL, 0), (signal.SIGSTOP, 1), (signal.SIGSTOP, 0)]
# Training steps in which one is killed, or the one that does not lead is silent: `test_processes.py`.
LOST = {"trains": FATES[3:], "tokenizes": FATES, "validates": FATES, "predicts": FATES[::2]}


@pytest.mark.slow
@pytest.mark.parametrize("phase", LOST)
def test_a_killed_or_silent_process_ends_all(
    phase: str, places: Callable[[int], list[Path]], commands: ModuleType
) -> None:
    """A killed one within ten seconds; a silent one has `processes.timeout_seconds` more."""
    fates = LOST[phase]
    begun = commands.hold(places(len(fates)), phase, "--processes.timeout_seconds", str(TIMEOUT_S))
    for fate, command in zip(fates, begun, strict=True):
        command.send(*fate)
    for (number, rank), command in zip(fates, begun, strict=True):
        code, said, taken_s = command.end()
        what = KILLED if number == signal.SIGKILL else SILENT
        error = f"error: rank {rank} {what}; {HINT}"
        assert (code, said) == (PeerError.exit_code, ["2 processes, 1 threads each", error])
        assert taken_s < MOST_S + (number == signal.SIGSTOP) * TIMEOUT_S
