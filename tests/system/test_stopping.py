"""Signals, sent to a process of its own."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import twinlm
from twinlm.errors import StoppedError
from twinlm.system.stopping import Stop, on_signals

SOURCE = Path(twinlm.__file__).parents[1]


def _run(body: str) -> tuple[int, str]:
    """Return exit status and output of a program that sends itself signals with `send(number)`."""
    program = textwrap.dedent("""
        import os, signal, sys
        from twinlm.errors import StoppedError
        from twinlm.system.stopping import on_signals
        def send(number):
            os.kill(os.getpid(), number)
        def say(text):
            print(text, flush=True)
        try:
            with on_signals() as stop:
        """) + textwrap.indent(textwrap.dedent(body), " " * 8)
    program += "\nexcept StoppedError as error:\n    sys.exit(error.exit_code)\n"
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
    )
    assert not done.stderr, done.stderr
    return done.returncode, done.stdout


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_a_signal_stops_at_once_where_nothing_can_be_lost(name: str) -> None:
    assert _run(f"""
        say("before")
        send(signal.{name})
        say("after")
    """) == (75, "before\n")


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_a_signal_waits_for_a_deferred_block_to_see_it(name: str) -> None:
    assert _run(f"""
        with stop.deferred():
            send(signal.{name})
            say(f"asked {{stop.asked}}")
        say("after")
    """) == (75, "asked True\n")


@pytest.mark.parametrize("first", ["SIGTERM", "SIGINT"])
@pytest.mark.parametrize("second", ["SIGTERM", "SIGINT"])
def test_a_second_signal_ends_the_process(first: str, second: str) -> None:
    status, output = _run(f"""
        with stop.deferred():
            send(signal.{first})
            say("one")
            send(signal.{second})
            say("two")
    """)
    assert status == -getattr(signal, second)  # which a shell shows as 128 + number: 130 or 143
    assert output == "one\n"


def test_the_handlers_from_before_come_back() -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    with on_signals() as stop:
        assert signal.getsignal(signal.SIGTERM) == stop.handle
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


def test_a_block_inside_a_deferred_block_ends_no_deferral() -> None:
    stop = Stop()
    with pytest.raises(StoppedError), stop.deferred():
        with stop.deferred():
            stop.handle(signal.SIGTERM, None)
        assert stop.asked


def test_work_that_nothing_is_lost_of_stops_at_once_inside_a_deferred_block() -> None:
    stop, done = Stop(), []
    with pytest.raises(StoppedError), stop.deferred():
        try:
            with stop.at_once():
                stop.handle(signal.SIGTERM, None)
                done.append("the rest of the work")
        except StoppedError:
            done.append("saved")
        with pytest.raises(StoppedError), stop.at_once():
            done.append("more work")
    assert done == ["saved"]


def test_an_error_in_a_deferred_block_is_not_hidden_by_a_signal() -> None:
    stop = Stop()
    with pytest.raises(ValueError, match="mine"), stop.deferred():
        stop.handle(signal.SIGTERM, None)
        raise ValueError("mine")


def test_without_a_signal_nothing_is_raised() -> None:
    stop = Stop()
    with stop.deferred():
        pass
    assert not stop.asked


def test_a_signal_soon_after_the_first_is_the_same_where_each_may_come_twice() -> None:
    assert _run("""
        stop.same_s = 0.2
        with stop.deferred():
            send(signal.SIGTERM)
            send(signal.SIGTERM)
            say(f"asked {stop.asked}")
    """) == (75, "asked True\n")
    status, said = _run("""
        import time
        stop.same_s = 0.2
        with stop.deferred():
            send(signal.SIGTERM)
            time.sleep(0.3)
            send(signal.SIGTERM)
            say("after")
    """)
    assert (status, said) == (-signal.SIGTERM, "")


def test_a_thread_stops_the_process_in_order_or_with_an_error() -> None:
    assert _run("""
        import threading, time
        with stop.deferred():
            threading.Thread(target=stop.ask).start()
            while not stop.asked:
                time.sleep(0.001)
            say("asked")
        say("after")
    """) == (75, "asked\n")
    assert _run("""
        import threading, time
        error = StoppedError("lost")
        error.exit_code = 8
        with stop.deferred():
            threading.Thread(target=stop.fail, args=[error]).start()
            time.sleep(20)
            say("after")
    """) == (8, "")
