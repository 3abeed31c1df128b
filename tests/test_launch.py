"""What becomes of several processes of one command."""

import signal

import pytest

from twinlm.errors import PeerError
from twinlm.launch import _outcome


def test_who_does_not_answer_is_named_also_if_another_one_aborts_over_it() -> None:
    with pytest.raises(PeerError, match="rank 1 did not answer"):
        _outcome({0: -signal.SIGABRT}, [1])
    with pytest.raises(PeerError, match="rank 0 was ended by signal 6"):
        _outcome({0: -signal.SIGABRT, 1: PeerError.exit_code}, [])
