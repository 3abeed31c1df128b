"""The leader hears of the others, through a store of PyTorch's in one process."""

import time

import pytest
from torch.distributed import HashStore

from twinlm.errors import PeerError, StoppedError, UserError
from twinlm.system.stopping import Stop, on_signals, stopped
from twinlm.train.heartbeat import heartbeat


class Heard(Stop):
    """Keeps what it is told instead of stopping."""

    def __init__(self) -> None:
        super().__init__()
        self.failures = list[UserError]()

    def ask(self) -> None:
        self.asked = True

    def fail(self, error: UserError) -> None:
        self.failures.append(error)


def wait_until(is_so, most_s: float = 10) -> bool:
    until_s = time.monotonic() + most_s
    while not is_so() and time.monotonic() < until_s:
        time.sleep(0.01)
    return is_so()


def test_a_signal_to_another_one_stops_the_leader() -> None:
    store, leader, other = HashStore(), Heard(), Stop()
    with heartbeat(store, 0, 2, timeout_s=60, stop=leader):
        with heartbeat(store, 1, 2, timeout_s=60, stop=other):
            time.sleep(0.5)
            assert not leader.asked
            other.asked = True
        assert wait_until(lambda: leader.asked)
    assert not leader.failures


def test_a_silent_one_is_a_failure_and_one_that_is_there_is_none() -> None:
    store, leader = HashStore(), Heard()
    with heartbeat(store, 0, 2, timeout_s=1.5, stop=leader):
        with heartbeat(store, 1, 2, timeout_s=1.5, stop=Stop()):
            time.sleep(2.5)
            assert not leader.failures
        assert wait_until(lambda: bool(leader.failures))
        time.sleep(0.6)
    (failure,) = leader.failures  # said once
    assert isinstance(failure, PeerError)
    assert failure.message == "rank 1 did not answer for 1.5 seconds"


def test_the_leader_is_stopped_at_once_in_what_it_does_alone() -> None:
    store, other = HashStore(), Stop()
    other.asked = True
    with (
        pytest.raises(StoppedError, match=str(stopped())),
        on_signals() as leader,
        heartbeat(store, 1, 2, timeout_s=60, stop=other),
        heartbeat(store, 0, 2, timeout_s=60, stop=leader),
    ):
        time.sleep(20)
