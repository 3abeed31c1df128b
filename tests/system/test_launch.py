"""What becomes of several processes of one command."""

import signal
import subprocess
import sys

import pytest

from twinlm.errors import PeerError, StoppedError
from twinlm.system.launch import _outcome


def test_who_does_not_answer_is_named_also_if_another_one_aborts_over_it() -> None:
    with pytest.raises(PeerError, match="rank 1 did not answer"):
        _outcome({0: -signal.SIGABRT}, [1])
    with pytest.raises(PeerError, match="rank 0 was ended by signal 6"):
        _outcome({0: -signal.SIGABRT, 1: PeerError.exit_code}, [])


def test_a_signal_that_was_passed_on_stops_also_processes_that_had_not_begun_to_listen() -> None:
    stopped = StoppedError.exit_code
    with pytest.raises(StoppedError):
        _outcome({1: -signal.SIGTERM, 0: -signal.SIGTERM}, [], [signal.SIGTERM])
    with pytest.raises(StoppedError):
        _outcome({1: stopped, 0: -signal.SIGTERM}, [], [signal.SIGTERM])
    assert _outcome({1: -signal.SIGTERM, 0: stopped}, [], [signal.SIGTERM]) == stopped  # which said so
    with pytest.raises(PeerError, match=r"rank 1 was ended by signal 15"):
        _outcome({1: -signal.SIGTERM, 0: PeerError.exit_code}, [])


def test_leaving_ends_at_once_with_what_was_said() -> None:
    code = (
        "from twinlm.system.launch import leave; import atexit; atexit.register(print, 'late'); print('said')"
    )
    code += "; leave(8)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (8, "said\n")
