import json
from pathlib import Path

import pytest

from twinlm.doctor.examine import SCRATCH, examine
from twinlm.doctor.material import of_files, of_prepared
from twinlm.errors import UsageError
from twinlm.prepare.prepare import prepare_files, prepare_tasks
from twinlm.settings import presets
from twinlm.system.log import Silent

SMALL = {
    "tokenizer.vocab_size": "400",
    "model.width": "32",
    "model.heads": "2",
    "pretrain.length": "32",
    "model.max_length": "64",
    "finetune.max_length": "32",
    "budget.match": "passes",
    "budget.amount": "2",
}


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def settings_of(*, train=("text.txt",), tasks=("labels.csv",), **overrides):
    base = {"task": [{"name": Path(name).stem, "train": name} for name in tasks]}
    given = {**SMALL, **{name.replace("__", "."): value for name, value in overrides.items()}}
    if train:
        base["corpus"] = {"train": list(train)}
    return presets.resolve(None, given, base=base)


def look(settings, folder):
    material = of_files(settings, Silent())
    return examine(material, folder=folder, scratch=folder.parent / SCRATCH, progress=Silent())


def test_everything_is_looked_at_and_nothing_is_left_behind(write_project, tmp_path):
    write_project(tmp_path, 200)
    before = set(tmp_path.rglob("*"))
    diagnosis = look(settings_of(), tmp_path / "runs" / "mine")
    assert diagnosis.is_healthy
    facts = json.loads(json.dumps(diagnosis.facts))
    assert {*facts} == {"corpus", "tasks", "tokenizers", "models"}
    assert {"train", "characters", "copies", "sample", "lines", "scripts", "near duplicates", "lengths"} <= {
        *facts["corpus"]
    }
    assert {"in the corpus", "characters", "labels in train", "splits", "tokens", "inputs"} <= {
        *facts["tasks"]["labels"]
    }
    assert {*facts["models"]} == {"GPT", "BERT"}
    assert facts["models"]["GPT"]["passes of the budget"] == 2
    assert "trained now" in facts["tokenizers"]["byte-bpe"]["from"]
    assert {*tmp_path.rglob("*")} == before


def test_problems_come_first(write_project, tmp_path):
    write_project(tmp_path, 60)
    text = Path("text.txt").read_text()
    Path("text.txt").write_bytes((text + "\n\n" + text.split("\n\n")[0] + "\n\nCaf\xe9.").encode("latin-1"))
    diagnosis = look(settings_of(), Path("run"))
    levels = [finding.level for finding in diagnosis.findings]
    assert levels == sorted(levels, key=["problem", "warning", "note"].index)
    assert levels[0] == "problem"
    assert not diagnosis.is_healthy


def test_labels_alone_are_looked_at_too(write_project, tmp_path):
    write_project(tmp_path, 100)
    diagnosis = look(settings_of(train=()), Path("run"))
    assert {*diagnosis.facts} == {"tasks"}
    assert "tokens" in diagnosis.facts["tasks"]["labels"]


def test_with_nothing_to_look_at_it_says_what_to_give():
    with pytest.raises(UsageError, match=r"there is nothing to look at; give --corpus\.train"):
        look(settings_of(train=(), tasks=()), Path("run"))


def test_what_a_run_has_read_already_is_looked_at_as_it_was_split(write_project, tmp_path):
    write_project(tmp_path, 200)
    settings = settings_of()
    prepared = prepare_files(settings, prepare_tasks(settings))
    Path("labels.csv").unlink()
    found = examine(
        of_prepared(settings, prepared, "the embedded text"),
        folder=tmp_path / "run",
        scratch=tmp_path / SCRATCH,
        progress=Silent(),
    )
    assert found.is_healthy
    sizes = {name: len(getattr(prepared.documents, name)) for name in ("train", "valid", "test")}
    assert {name: found.facts["corpus"][name]["documents"] for name in sizes} == sizes
    task = prepared.tasks["labels"]
    held_out = found.facts["tasks"]["labels"]["in the corpus"]["held-out texts"]
    assert held_out == len({example.texts[0] for example in (*task.valid, *task.test)})
    assert found.facts["models"]["GPT"]["passes of the budget"] == 2
    assert not (tmp_path / SCRATCH).exists()
