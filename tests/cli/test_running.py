import signal

import pytest

from twinlm.cli.running import interruptible, start_over
from twinlm.errors import StoppedError
from twinlm.system.log import Silent


def test_starting_over_removes_what_it_names_and_nothing_else(tmp_path):
    for name in ("plan", "tasks", "mine"):
        (tmp_path / name).mkdir()
    said = []
    progress = Silent()
    progress.say = said.append
    start_over(tmp_path, ("plan", "tasks", "tokens"), progress)
    assert {path.name for path in tmp_path.iterdir()} == {"mine", "run.lock"}
    assert said == [f"--fresh: removing {tmp_path / name}" for name in ("plan", "tasks")]


def test_a_signal_stops_in_order_even_when_a_library_wraps_the_error():
    with pytest.raises(StoppedError), interruptible():
        try:
            signal.raise_signal(signal.SIGTERM)
        except StoppedError as error:
            raise ImportError("half imported") from error
    with pytest.raises(ZeroDivisionError), interruptible():
        raise ZeroDivisionError
