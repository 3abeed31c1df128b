"""A signal to any process of a command stops all in order, whatever the leader does."""

import signal
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from twinlm.errors import StoppedError

# To who waits for the leader, to the leader, as a terminal does, and as some schedulers do.
TO = {"trains": (1, 0, "command", "all"), "tokenizes": (1, "all"), "validates": (1, 0), "predicts": (1, 0)}
MOST_S = 10.0


@pytest.mark.slow
@pytest.mark.parametrize("phase", TO)
def test_a_signal_to_one_or_to_all_stops_all(
    phase: str, places: Callable[[int], list[Path]], commands: ModuleType
) -> None:
    targets = TO[phase]
    begun = commands.hold(places(len(targets)), phase)
    for to, command in zip(targets, begun, strict=True):
        command.send(signal.SIGTERM, to)
    for to, command in zip(targets, begun, strict=True):
        code, said, taken_s = command.end()
        stopped = "error: stopped by a signal; all work is saved; run the same command again to continue"
        assert (code, said) == (StoppedError.exit_code, ["2 processes, 1 threads each", stopped]), to
        assert taken_s < MOST_S, to
