"""`compare` with two processes: every file as one process leaves it, but for what is measured."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

MORE = """
[[arm]]
name = "bert-whole"
kind = "bert"
label = "BERT without micro-batches"
finetune.micro_batch_examples = 0
"""
MEASURED = ("seconds", "planned_seconds", "tokens_per_second", "peak_memory_bytes")
OF_MEASURES = ("timings.jsonl", "manifest.json", "plan.json", "run.lock", "report.html", "report.md")


def facts(value: Any) -> Any:
    """Return all of a JSON value but what is measured, or follows from it, or is of this command."""
    if isinstance(value, dict):
        return {name: facts(item) for name, item in value.items() if name not in (*MEASURED, "command")}
    if isinstance(value, list):
        return [facts(item) for item in value if not is_of_times(item)]
    return value


def is_of_times(item: Any) -> bool:
    return isinstance(item, str) and bool(
        re.match("The (budgets are equal|planned training time was wrong)", item)
    )


def left_by(folder: Path) -> Iterator[tuple[str, Any]]:
    """Yield the name of each file of a run, and what is to be the same in it."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name not in OF_MEASURES:
            contents = path.read_bytes()
            yield (
                str(path.relative_to(folder)),
                facts(json.loads(contents)) if path.suffix == ".json" else contents,
            )


@pytest.mark.slow
def test_two_processes_compare_to_what_one_does(
    tmp_path: Path, make_project: Callable[[Path], Path], commands: ModuleType
) -> None:
    """Pre-trainings, few labels, and fine-tunings with micro-batches (shared) and without (not)."""
    settings = commands.SETTINGS.replace("amount = 150", "amount = 20")
    settings = settings.replace("seeds = [1]", "seeds = [1]\nlabel_counts = [20]")
    left = []
    for processes in ("1", "2"):
        place = make_project(tmp_path / processes)
        (place / "my.toml").write_text(settings + MORE)
        code, said = commands.run(place, "compare", "my.toml", "--out", "run", "--nproc", processes)
        assert code == 0, said
        left.append(dict(left_by(place / "run")))
    assert said[0] == "2 processes, 1 threads each"
    one, two = left
    assert one.keys() == two.keys()
    assert [name for name in one if one[name] != two[name]] == []
    assert {"results.json", "tasks/topic/bert-whole/seed-1/model/model.safetensors"} <= one.keys()
    assert one["results.json"]["verdict"]
