"""A comparison comes to its end with text of any writing and models of any length, or is refused before."""

import contextlib
import random
import shutil
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from twinlm.comparison import rehearsal
from twinlm.comparison import run as run_module
from twinlm.comparison.run import Run
from twinlm.comparison.stages import language, learned
from twinlm.errors import DataError, UsageError
from twinlm.report import report
from twinlm.settings import presets
from twinlm.system.log import Silent
from twinlm.system.stopping import Stop
from twinlm.train.transfer import with_head

WORDS = {
    "latin": ["cat", "dog", "bread", "likes", "small", "seven"],
    "chinese": ["我们", "今天", "在学校", "学习", "汉语", "吃苹果", "很高兴"],
    "few blanks": ["我们今天在学校学习汉语", "今天吃苹果很高兴我们在学校", "很高兴学习汉语今天吃苹果"],
    "arabic": ["القط", "الصغير", "يشرب", "الحليب", "في", "البيت"],
    "hindi": ["बिल्ली", "छोटी", "दूध", "पीती", "है", "घर"],
    "emoji": ["😀😃", "🐱🐶", "👨‍👩‍👧", "🍎", "🚗🚕", "cat", "dog"],
    "emoji alone": ["😀😃", "🐱🐶", "👨‍👩‍👧", "🍎", "🚗🚕"],
}
BLANKS, ENDS = {"chinese": ""}, {"chinese": "。", "few blanks": "。", "hindi": "। "}
TINY = {
    "threads": 1,
    "precision": "float32",
    "corpus": {"train": ["text.txt"], "valid_share": 0.2, "test_share": 0.2},
    "model": {"layers": 1, "width": 16, "heads": 2},
    "pretrain": {"batch_sequences": 2, "validations": 1, "validation_sequences": 2},
    "finetune": {"epochs": 1},
    "budget": {"match": "steps", "amount": 10},
    "tokenizer": {"vocab_size": 300},
    "quality": {"sample_bytes": 300, "own_pairs": 3, "own_cloze": 3},
    "compare": {"timing_seconds": 0, "untrained": False, "doctor": False},
    "task": [{"name": "topic", "train": "labels.csv"}],
}


def texts(script: str, count: int, *, sentences: int, words: int = 10) -> list[str]:
    """Return documents of so many sentences of so many words, each on one line."""
    chance, blank, end = random.Random(0), BLANKS.get(script, " "), ENDS.get(script, ". ")
    return [
        "".join(blank.join(chance.choices(WORDS[script], k=words)) + end for _ in range(sentences)).strip()
        for _ in range(count)
    ]


def opened_run(
    folder: Path, script: str, length: int, overrides: dict[str, str] | None = None
) -> AbstractContextManager:
    """Open a tiny run in the current folder, on a script, with models of a length."""
    # Enough text for the longest model, and no more.
    documents = texts(script, 40, sentences=2 + length // 32)
    Path("text.txt").write_text("\n\n".join(documents), encoding="utf-8")
    rows = [f"{text},{'ab'[row % 2]}" for row, text in enumerate(texts(script, 30, sentences=1))]
    Path("labels.csv").write_text("\n".join(["text,label", *rows]), encoding="utf-8")
    lengths: dict[str, Any] = {
        "model": {**TINY["model"], "max_length": length},
        "pretrain": {**TINY["pretrain"], "length": length},
        "finetune": {**TINY["finetune"], "max_length": length},
    }
    settings = presets.resolve(None, overrides or {}, base={**TINY, **lengths})
    return Run(folder / "run", settings, is_demo=False, progress=Silent(), stop=Stop())


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Return `opened_run` for a folder of its own."""
    monkeypatch.chdir(tmp_path)
    return partial(opened_run, tmp_path)


@pytest.mark.parametrize(
    ("script", "length", "sharing"),
    [
        ("chinese", 8, "own"),
        ("few blanks", 64, "shared"),
        ("arabic", 64, "own"),
        ("hindi", 16, "shared"),
        ("emoji", 128, "shared"),
        ("emoji alone", 64, "shared"),
    ],
)
def test_a_comparison_ends_with_text_of_any_writing(opened, script, length, sharing) -> None:
    with opened(script, length, {"tokenizer.sharing": sharing}) as run:
        results = run.compare()
        left_out = run.workspace.left_out
    assert results.tasks and (run.folder / "report.html").is_file()
    assert results.quality.groups
    for of_kind in results.language:
        assert of_kind.samples or f"samples of {of_kind.label}" in left_out
    assert [line for line in results.caveats if line.startswith("Left out")] == run.workspace.left_out_lines


@pytest.mark.parametrize("script", [script for script in WORDS if script != "emoji alone"])
@pytest.mark.parametrize("length", [8, 32, 512])
def test_what_follows_the_trainings_is_tried_on_the_data_before_them(opened, script, length) -> None:
    with opened(script, length) as run:
        run.rehearsal.run()
        left_out = run.workspace.left_out
    assert not (run.folder / "gpt").exists()
    assert not left_out or (length == 8 and set(left_out) <= {"samples of BERT", "samples of GPT"})


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    """The project of a finished comparison."""
    folder = tmp_path_factory.mktemp("finished")
    with contextlib.chdir(folder), opened_run(folder, "latin", 32) as run:
        run.compare()
    return folder


def test_a_resumed_run_tries_only_what_has_not_started(finished, tmp_path, monkeypatch) -> None:
    tried = []

    def note_head(trained, task, *others, **named):
        tried.append((trained.family.name, task.name))
        return with_head(trained, task, *others, **named)

    monkeypatch.setattr(rehearsal, "with_head", note_head)
    monkeypatch.setattr(rehearsal.Rehearsal, "_language", lambda _, name: tried.append(name))
    monkeypatch.chdir(shutil.copytree(finished, tmp_path / "again"))
    with opened_run(Path.cwd(), "latin", 32) as run:
        run.rehearsal.run()
        assert tried == []
        for folder in ("gpt", "tasks/topic/bert"):
            shutil.rmtree(run.folder / folder)
        run.rehearsal.run()
    assert tried == ["gpt", ("bert", "topic")]


@pytest.mark.parametrize(
    ("place", "part", "stored"),
    [
        ((learned, "asked"), "samples of GPT", "gpt/samples.json"),
        ((language, "score_pairs"), "language without labels", "bert/quality/quality.json"),
        ((run_module, "find_details"), "details of the answers", "results.json"),
        ((report, "_SECTIONS"), "Verdict", "results.json"),
    ],
)
def test_a_part_of_the_report_that_fails_is_left_out_and_says_why(
    finished, monkeypatch, place, part, stored
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise IndexError("no such token")

    fail.__module__, fail.__name__ = "verdict_section", "section"
    (finished / "run" / stored).unlink()
    with monkeypatch.context() as patch, contextlib.chdir(finished):
        patch.setattr(*place, (fail,) if place[1] == "_SECTIONS" else fail)
        with opened_run(finished, "latin", 32) as run:
            results = run.compare()
        lines = (finished / "run" / "report.md").read_text().splitlines()
        assert any("IndexError: no such token" in line for line in lines)
        assert results.tasks and any(part in line for line in lines)
    with contextlib.chdir(finished), opened_run(finished, "latin", 32) as run:
        run.compare()
    assert "IndexError" not in (finished / "run" / "report.md").read_text()


@pytest.mark.parametrize(
    ("overrides", "error", "words"),
    [
        ({"finetune.transferred_layers": "3"}, UsageError, "transferred_layers"),
        ({"corpus.test_share": "0.01"}, DataError, "test"),
        ({"corpus.valid_share": "0.01"}, DataError, "valid"),
    ],
)
def test_what_would_fail_after_the_trainings_is_refused_before(opened, overrides, error, words) -> None:
    with pytest.raises(error, match=words), opened("latin", 32, overrides) as run:
        run.compare()
    assert not Path("run/gpt/checkpoints").exists()
