from collections import Counter
from pathlib import Path

import pytest

from twinlm.data.text.corpus import read_documents
from twinlm.data.text.splits import split_documents
from twinlm.doctor.checks.reading import CorpusSample
from twinlm.doctor.corpus import check_corpus
from twinlm.doctor.material import of_files
from twinlm.settings import presets
from twinlm.system.log import Silent


@pytest.fixture(autouse=True)
def _project(tmp_path, monkeypatch, write_project):
    monkeypatch.chdir(tmp_path)
    write_project(tmp_path, 120)


def look(sample=None, **given):
    settings = presets.resolve(None, {}, base={"corpus": {"train": ["text.txt"]}, **given})
    parts = list(check_corpus(of_files(settings, Silent()), sample or CorpusSample(), Silent()))
    return {path: checked for path, checked in parts if path != ("corpus",)}, [
        finding for _, checked in parts for finding in checked.findings
    ]


def test_a_held_out_task_text_in_the_corpus_is_found():
    Path("test.csv").write_text("text,label\nA sentence of seven words is here,food\nOther words,animals\n")
    Path("valid.csv").write_text("text,label\nWords of which none is in the text,food\n")
    Path("text.txt").write_text(Path("text.txt").read_text() + "\n\nSo: a sentence of seven words is here!")
    task = {"name": "t", "train": "labels.csv", "valid": "valid.csv", "test": "test.csv"}
    parts, findings = look(task=[task])
    assert parts["tasks", "t", "in the corpus"].facts["whole in the corpus"] == 1
    (finding,) = (finding for finding in findings if finding.where == "task t")
    assert finding.examples[0].startswith("test.csv row 1 in text.txt:")


def test_near_copies_across_the_split_of_the_run_are_told_apart():
    texts = [
        f"{number} is the number of this small document, which has nine words more" for number in range(60)
    ]
    texts = [text.replace("small", f"small{number} and {number}") for number, text in enumerate(texts)]
    Path("text.txt").write_text("\n\n".join(text for one in texts for text in (one, one + " now")))
    parts, _ = look()
    split = split_documents(
        read_documents(["text.txt"], counts=Counter()),
        valid_share=0.05,
        test_share=0.05,
        seed=0,
        counts=Counter(),
    )
    names = {document.text: name for name in ("train", "valid", "test") for document in getattr(split, name)}
    across = sum(names[text] != names[text + " now"] for text in texts)
    facts = parts["corpus", "near duplicates"].facts
    assert (facts["across splits"], facts["within a split"]) == (across, 60 - across)
    assert across > 0


def test_a_text_that_can_not_be_split_is_a_problem():
    Path("text.txt").write_text("All of it is one document.")
    _, findings = look()
    (problem,) = (finding for finding in findings if finding.level == "problem")
    assert "no " in problem.message
    assert "blank lines separate them" in problem.hint


def test_a_sample_is_said_to_be_one():
    parts, findings = look(CorpusSample(most_bytes=5000))
    assert parts["corpus", "sample"].facts["share"] < 1
    assert any("are judged by a sample: 1 text in" in finding.message for finding in findings)
    assert parts["corpus", "near duplicates"].facts["is all"] is False


def test_text_that_can_not_be_read_at_all_leaves_the_other_checks_out():
    Path("text.txt").write_bytes(b"\xff\xfeA\x00b\x00")
    parts, findings = look()
    assert {*parts} == {("corpus", "characters"), ("corpus", "copies")}
    assert findings[0].level == "problem"
