"""What models are asked without labels is the same for all, asked once, and not mixed with other settings."""

import itertools
from pathlib import Path

import pytest

from twinlm.comparison.run import Run
from twinlm.comparison.stages.language import FOUND, OWN_TEXT
from twinlm.comparison.stages.language_results import quality_result
from twinlm.comparison.stages.records import LanguageAnswers
from twinlm.data.probes.minimal_pairs import MOST_PAIRS
from twinlm.errors import DataError, UsageError
from twinlm.settings import QualitySettings
from twinlm.system import storage
from twinlm.system.log import Silent
from twinlm.system.records import to_json
from twinlm.system.stopping import Stop

SETTINGS = """
pretrain.length = 48
budget.amount = 4000
[quality]
sample_bytes = 600
own_pairs = 8
pairs = ["some.jsonl"]
most_pairs = 2
"""
PAIR = '{{"good": "The cats like it {0}.", "bad": "The cats likes it {0}.", "phenomenon": "agreement"}}\n'


@pytest.fixture(scope="module")
def project(tmp_path_factory, write_project) -> Path:
    folder = tmp_path_factory.mktemp("quality")
    write_project(folder, 150)
    (folder / "my.toml").write_text(SETTINGS)
    too_long = PAIR.format("very much " * 40)
    (folder / "some.jsonl").write_text(PAIR.format("a") + PAIR.format("b") + PAIR.format("c") + too_long)
    (folder / "long.jsonl").write_text(too_long)
    return folder


@pytest.fixture
def open_run(project, monkeypatch, tiny):
    """Return a function that opens the run, with other settings if they are given."""
    monkeypatch.chdir(project)

    def opened(out: str = "run", **overrides: str) -> Run:
        settings = tiny(project / "my.toml", overrides)
        return Run(project / out, settings, is_demo=False, progress=Silent(), stop=Stop())

    return opened


def test_both_kinds_are_asked_the_same_and_found_again(open_run):
    with open_run() as run:
        said = {name: run.language.measured(name) for name in run.pretraining.compared}
        assert [found.name for found in run.language.sets] == [OWN_TEXT, "some"]
        for given in run.language.sets:
            assert {len(row.pairs[given.name].right) for row in said.values()} == {len(given.pairs)}
        path = run.pretraining.folder("bert") / "quality" / FOUND
        assert storage.read_json(path) == to_json(said["bert"])
    with open_run() as again:
        assert {name: again.language.measured(name) for name in said} == said
        result = quality_result(again.language)
    by_models = [[figure.pretraining for figure in group.figures] for group in result.groups]
    assert by_models == [["gpt", "bert"], ["bert"], ["bert"]]
    paired = [[figure.difference is None for figure in group.figures] for group in result.groups]
    assert paired == [[True, False], [True], [True]]
    values = [figure.value for figure in result.groups[0].figures]
    assert result.groups[0].figures[1].difference.estimate == pytest.approx(values[1] - values[0])
    assert {figure.passages for group in result.groups for figure in group.figures} == {
        len(again.language.sample.texts)
    }
    assert [found.name for found in result.pairs] == [OWN_TEXT, "some"]
    assert all(found.overall.comparison.claims == 2 for found in result.pairs)
    assert any("name_swap: 0 of 8" in note for note in result.notes)


def test_other_pairs_are_not_mixed_into_what_was_asked_before(open_run):
    with open_run("other") as run:
        run.language.measured("gpt")
    with (
        open_run("other", **{"quality.own_pairs": "4"}) as run,
        pytest.raises(UsageError, match=r"pairs\.own text was"),
    ):
        run.language.measured("gpt")


def test_gaps_are_asked_of_both_kinds_beside_the_pairs_and_found_again(open_run, project):
    words = ["".join(letters) for letters in itertools.product("bdk", "aou", "lm", "ei")]
    sentences = [f"We saw how the {word} came to it." for word in words]
    trained = ["\n".join(sentences[place::6]) for place in range(6)] * 5
    (project / "train.txt").write_text(
        "\n\n".join(f"Part {number}.\n{text}" for number, text in enumerate(trained))
    )
    held_out = [f"There we were.\nThey knew why the {word} went away." for word in words[:12]]
    (project / "held-out.txt").write_text("\n\n".join(held_out))
    given = {
        "corpus.train": "train.txt",
        "corpus.valid": "text.txt",
        "corpus.test": "held-out.txt",
        "quality.own_cloze": "6",
        "model.max_length": "96",
    }
    with open_run("gaps", **given) as run:
        said = {name: [run.language.measured(name)] for name in run.pretraining.compared}
        gaps = run.language.gaps
        assert len(gaps) == 6
        for (row,) in said.values():
            assert [len(view.right) for view in row.gaps] == [6, 6]
    with open_run("gaps", **given) as again:
        assert {name: [again.language.measured(name)] for name in said} == said
        result = quality_result(again.language)
    assert result.cloze.overall.pairs == 6
    assert [row.pretraining for row in result.cloze.overall.scores] == ["gpt", "bert"]
    claims = [found.overall.comparison.claims for found in [*result.pairs, result.cloze]]
    assert claims == [len(claims)] * len(claims) and len(claims) > 1
    with (
        open_run("gaps", **{**given, "quality.own_cloze": "5"}) as run,
        pytest.raises(UsageError, match=r"cloze was"),
    ):
        run.language.measured("gpt")


def test_without_gaps_a_stage_of_before_there_were_gaps_is_found_again(open_run):
    with open_run("before") as run:
        run.language.measured("gpt")
        path = run.pretraining.folder("gpt") / "quality"
    assert set(storage.read_json(path / "inputs.json")) == {"weights", "window", "sample", "pairs"}
    assert set(storage.read_json(path / FOUND)) == {"figures", "pairs"}


def test_pairs_that_no_model_can_read_whole_are_counted(open_run):
    with open_run("long", **{"quality.pairs": "long.jsonl", "quality.own_pairs": "0"}) as run:
        assert run.language.sets == []
        assert run.language.notes == ["long: left out 1 of 1 pairs that a model can't read whole"]


def test_nothing_is_asked_where_nothing_is_wanted(open_run):
    off = {"quality.sample_bytes": "0", "quality.own_pairs": "0", "quality.pairs": "[]"}
    with open_run("off", **off) as run:
        assert run.language.sample is None
        assert run.language.measured("gpt") == LanguageAnswers(figures=[], pairs={})


def test_too_little_test_text_is_a_note_and_no_failure(open_run, monkeypatch):
    with open_run("short") as run:
        monkeypatch.setattr(type(run.language), "_held_out", ["One sentence only."])
        assert run.language.sample is None
        assert "at least 2 are needed" in run.language.notes[0]


def test_bad_files_of_pairs_stop_before_training(open_run, project):
    (project / "bad.jsonl").write_text('{"good": "a"}\n')
    with open_run("bad", **{"quality.pairs": "bad.jsonl"}) as run, pytest.raises(DataError, match="bad"):
        run.language.prepare()
    both = '["some.jsonl", "./some.jsonl"]'
    with open_run("bad", **{"quality.pairs": both}) as run, pytest.raises(UsageError, match="two sets"):
        run.language.prepare()


def test_as_many_pairs_of_a_file_are_taken_as_by_the_command():
    assert QualitySettings().most_pairs == MOST_PAIRS
