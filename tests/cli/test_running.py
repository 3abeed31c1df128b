import signal
from pathlib import Path

import pytest
from msgspec.structs import replace

from twinlm.cli.running import interruptible, show_results, start_over
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


def test_a_comparison_ends_with_one_table_and_what_the_report_lacks(capsys, load_helper):
    made = load_helper(Path(__file__).parents[1] / "made_results.py").build()
    results = replace(
        made, caveats=["One seed.", "Two tasks.", "Left out of this report: samples of GPT (why)."]
    )
    show_results(results, Path("runs/my"), is_json=False)
    header, *rows = capsys.readouterr().out.splitlines()
    assert header.split("  ")[0] == "Task" and "Winner" in header and "What would tell" in header
    assert [row.split("  ")[0] for row in rows[: len(results.tasks)]] == [task.name for task in results.tasks]
    assert rows[len(results.tasks)] == ""
    assert "Note: Left out of this report: samples of GPT (why)." in rows
    assert "What this does not show: 2 notes in the report." in rows
    assert len(rows) < len(results.tasks) + 12 and rows[-1].startswith("Report: ")


def test_without_a_task_there_is_no_table(capsys, load_helper):
    made = load_helper(Path(__file__).parents[1] / "made_results.py").build()
    show_results(replace(made, tasks=[], caveats=[]), Path("runs/my"), is_json=False)
    said = capsys.readouterr().out
    assert "Winner" not in said and "Left out" not in said and "runs/my/report.html" in said
