"""Metrics on disk."""

import inspect
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from twinlm.errors import ModelError, ResourceError
from twinlm.system.log import EVENTS, MetricsLog, Progress, Silent, note_event

NUMBERS = (
    st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**60), 2**60) | st.text(max_size=5)
)


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from(["loss", "tokens", "note"]), NUMBERS), max_size=5))
def test_what_is_written_is_read_again(tmp_path: Path, rows: list[dict[str, float]]) -> None:
    path = tmp_path / "metrics.jsonl"
    path.unlink(missing_ok=True)
    log = MetricsLog(path)
    for step, row in enumerate(rows):
        log.write(step, row)
    assert log.read() == [{"step": step, **row} for step, row in enumerate(rows)]


def test_a_log_that_was_never_written_is_empty(tmp_path: Path) -> None:
    assert MetricsLog(tmp_path / "none.jsonl").read() == []


def test_a_torn_last_line_is_left_out_wherever_it_was_torn(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    log = MetricsLog(path)
    log.write(1, {"loss": 2.5})
    whole = len(path.read_bytes())
    log.write(2, {"loss": 1.25})
    data = path.read_bytes()
    for end in range(whole, len(data) - 1):
        path.write_bytes(data[:end])
        assert [record["step"] for record in log.read()] == [1]


def test_a_resumed_log_equals_one_that_was_never_stopped(tmp_path: Path) -> None:
    straight, resumed = MetricsLog(tmp_path / "a.jsonl"), MetricsLog(tmp_path / "b.jsonl")
    for step in range(1, 7):
        straight.write(step, {"loss": 1 / (3 * step), "note": "ä\u2028"})
    for step in range(1, 5):
        resumed.write(step, {"loss": 1 / (3 * step), "note": "ä\u2028"})
    with resumed.path.open("ab") as file:
        file.write(b'{"step": 5, "lo')
    resumed.keep_until(3)
    for step in range(4, 7):
        resumed.write(step, {"loss": 1 / (3 * step), "note": "ä\u2028"})
    assert resumed.path.read_bytes() == straight.path.read_bytes()


def test_lines_that_a_full_disk_refuses_wait_and_none_is_lost(faulty: Any, tmp_path: Path) -> None:
    straight, log = MetricsLog(tmp_path / "a.jsonl"), MetricsLog(tmp_path / "b.jsonl")
    for step in range(1, 4):
        straight.write(step, {"loss": 1 / step})
    log.write(1, {"loss": 1.0})
    with faulty.put_in(faulty.FaultyDisk("ENOSPC for ever", 1)):
        log.write(2, {"loss": 1 / 2})
        with pytest.raises(ResourceError, match="No space left"):
            log.sync()
    assert [record["step"] for record in log.read()] == [1]
    log.write(3, {"loss": 1 / 3})
    assert log.sync() == straight.sync()
    assert log.path.read_bytes() == straight.path.read_bytes()


def test_a_mark_tells_whether_the_records_before_it_are_those_that_were_written(tmp_path: Path) -> None:
    log = MetricsLog(tmp_path / "metrics.jsonl")
    for step in (1, 2):
        log.write(step, {"loss": 1 / step})
    mark, data = log.sync(), log.path.read_bytes()
    log.write(3, {"loss": 0.1})
    log.check(mark)
    for place in range(len(data)):
        for changed in (data[:place], data[:place] + bytes([data[place] ^ 4]) + data[place + 1 :]):
            log.path.write_bytes(changed)
            with pytest.raises(ModelError, match="not what was written"):
                log.check(mark)
    log.path.unlink()
    with pytest.raises(ModelError, match="not what was written"):
        log.check(mark)


def test_cut_at_a_mark_a_log_goes_on_as_if_nothing_had_come_after(tmp_path: Path) -> None:
    log = MetricsLog(tmp_path / "metrics.jsonl")
    log.write(1, {"loss": 0.5})
    mark = log.sync()
    log.write(1, {"valid_loss": 0.25})
    wanted = log.sync()
    again = MetricsLog(log.path)
    again.cut(mark)
    again.write(1, {"valid_loss": 0.25})
    assert again.sync() == wanted


def test_events_are_lines_of_json(tmp_path: Path) -> None:
    note_event(tmp_path, "resumed", step=3)
    note_event(tmp_path, "stopped", step=5)
    rows = [json.loads(line) for line in (tmp_path / EVENTS).read_text().splitlines()]
    assert rows == [{"event": "resumed", "step": 3}, {"event": "stopped", "step": 5}]


def test_keeping_nothing_leaves_an_empty_file(tmp_path: Path) -> None:
    log = MetricsLog(tmp_path / "new" / "metrics.jsonl")
    log.keep_until(0)
    assert log.path.read_bytes() == b""


def test_silent_progress_takes_every_call_that_progress_has() -> None:
    silent = Silent()
    silent.start("work", 3, "steps")
    silent.advance(1, loss=2.0, note="x")
    silent.say("a line")
    silent.finish()
    public = [name for name in vars(Progress) if not name.startswith("_")]
    for name in public:
        assert inspect.signature(getattr(Silent, name)) == inspect.signature(getattr(Progress, name))
