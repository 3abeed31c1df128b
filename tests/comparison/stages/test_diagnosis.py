"""The data doctor in a comparison: it is asked first, once, and stops nothing."""

from pathlib import Path

import pytest

from twinlm.comparison.run import Run
from twinlm.comparison.stages import diagnosis
from twinlm.comparison.stages.diagnosis import FOLDER, FOUND
from twinlm.doctor.examine import SCRATCH
from twinlm.evidence.results import Results
from twinlm.prepare.prepare import prepare_files, prepare_tasks
from twinlm.system import storage
from twinlm.system.log import Silent
from twinlm.system.records import read_record
from twinlm.system.stopping import Stop

SETTINGS = """
[compare]
doctor = true
seeds = [1]
untrained = false
[[task]]
name = "topic"
train = "labels.csv"
test = "test.csv"
"""


class Spoken(Silent):
    def __init__(self):
        self.said = []

    def say(self, text):
        self.said.append(text)


@pytest.fixture
def project(tmp_path, monkeypatch, write_project) -> Path:
    """A folder with text that holds the test examples, labels and settings."""
    monkeypatch.chdir(tmp_path)
    write_project(tmp_path, 150)
    (tmp_path / "my.toml").write_text(SETTINGS)
    texts = [f"A sentence that only the test has of number {number}" for number in range(20)]
    rows = [f"{text},{['food', 'animals'][number % 2]}" for number, text in enumerate(texts)]
    (tmp_path / "test.csv").write_text("\n".join(["text,label", *rows]))
    text = (tmp_path / "text.txt").read_text()
    (tmp_path / "text.txt").write_text(text + "".join(f"\n\nSo it is: {given}.\nYes." for given in texts))
    return tmp_path


@pytest.fixture
def open_run(project, tiny):
    """Return a function that opens the run, with other settings if they are given."""

    def opened(*, is_demo: bool = False, **overrides: str) -> Run:
        settings = tiny(project / "my.toml", overrides)
        return Run(project / "run", settings, is_demo=is_demo, progress=Spoken(), stop=Stop())

    return opened


def test_problems_and_warnings_are_said_kept_and_found_again(open_run, monkeypatch):
    with open_run() as run:
        found = run.diagnosis.result()
        said = [text for text in run.progress.said if text.startswith("data doctor: ")]
        kept = storage.read_json(run.folder / FOLDER / FOUND)
        assert "trained now" not in kept["facts"]["tokenizers"]["byte-bpe"]["from"]
        assert not (run.folder / FOLDER / SCRATCH).exists()
    assert {finding.level for finding in found.findings} == {"problem", "warning"}
    (problem,) = (finding for finding in found.findings if finding.level == "problem")
    assert problem.where == "task topic" and "validation and test texts are in the corpus" in problem.message
    assert len(said) == len(found.findings) and said[0].startswith("data doctor: Problem, task topic: ")
    monkeypatch.setattr(diagnosis, "examine", None)
    with open_run() as again:
        assert again.diagnosis.result() == found
        assert again.progress.said == []


@pytest.mark.parametrize("change", ["settings", "labels"])
def test_of_other_settings_or_files_it_is_made_anew(open_run, project, change):
    with open_run() as run:
        before = run.diagnosis.result()
    if change == "labels":
        rows = (project / "test.csv").read_text().splitlines()
        (project / "test.csv").write_text("\n".join(rows[:11]))
    with open_run(**({"budget.amount": "150000"} if change == "settings" else {})) as run:
        assert run.diagnosis.result() != before


def test_who_does_not_want_it_has_none(open_run):
    with open_run(**{"compare.doctor": "false"}) as run:
        assert run.diagnosis.result() is None
        assert not (run.folder / FOLDER).exists()


def test_embedded_text_is_looked_at_as_it_was_split(open_run):
    with open_run(is_demo=True) as run:
        run.workspace.prepared = prepare_files(run.settings, prepare_tasks(run.settings))
        run.workspace.settings = open_run(**{"corpus.train": "[]"}).settings
        found = run.diagnosis.result()
        facts = storage.read_json(run.folder / FOLDER / FOUND)["facts"]
    assert facts["corpus"]["train"]["documents"] == len(run.workspace.prepared.documents.train)
    assert any("are in the corpus" in finding.message for finding in found.findings)


def test_a_problem_stops_nothing_and_stands_beside_the_verdict(open_run, project):
    with open_run() as run:
        results = run.compare()
    problem = next(finding for finding in results.doctor.findings if finding.level == "problem")
    assert results.caveats[0].startswith(f"The data doctor found a problem, task topic: {problem.message}.")
    assert read_record(Results, project / "run" / "results.json").doctor == results.doctor
    assert "## Data doctor" in (project / "run" / "report.md").read_text()
