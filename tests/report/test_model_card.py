"""The card of an exported model says what its run found: scores, verdict, budget, text and a picture."""

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from twinlm.report.model_card import PICTURE, evidence
from twinlm.system import storage
from twinlm.system.records import to_json


@pytest.fixture
def run(example_results: Any, tmp_path: Path) -> Path:
    task, arm = example_results.tasks[0], example_results.tasks[0].scores[0].arm
    storage.write_file(tmp_path / "results.json", storage.json_bytes(to_json(example_results)))
    for model in (tmp_path / "gpt/model", tmp_path / f"tasks/{task.name}/{arm}/seed-1/model"):
        model.mkdir(parents=True)
        (model / "config.json").write_text("{}")
    return tmp_path


def test_a_pre_trained_model_has_the_scores_of_all_tasks_and_its_curve(
    run: Path, example_results: Any
) -> None:
    found = evidence(run / "gpt")
    assert found is not None
    for task in example_results.tasks:
        assert f"### Scores on {task.name.split()[0]}" in found.words
    for heading in ("### Verdict", "### Pre-training", "### Text"):
        assert heading in found.words
    assert "| tokens read |" in found.words
    assert f"![Learning curve]({PICTURE})" in found.words
    assert ElementTree.fromstring(found.picture).tag == "{http://www.w3.org/2000/svg}svg"


def test_a_fine_tuned_model_has_the_verdict_of_its_task_with_the_caveats(
    run: Path, example_results: Any
) -> None:
    task = example_results.tasks[0]
    found = evidence(run / "tasks" / task.name / task.scores[0].arm / "seed-1")
    assert found is not None
    assert found.words.count("### Scores on") == 1
    assert all(score.label in found.words for score in task.scores)
    assert "What this does not show:" in found.words


def test_a_model_outside_of_a_finished_run_has_no_evidence(run: Path) -> None:
    (run / "results.json").unlink()
    assert evidence(run / "gpt") is None
