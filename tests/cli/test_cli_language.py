"""`twinlm pairs` and `twinlm quality`, on tiny models with first weights: what they print, and refuse."""

import inspect
import json

import pytest

from twinlm.cli.look import pairs, quality
from twinlm.data.probes.minimal_pairs import MOST_PAIRS
from twinlm.data.probes.pairs_from_text import PHENOMENA
from twinlm.data.probes.passages import SAMPLE_BYTES
from twinlm.settings import presets

PAIRS = """phenomenon,good,bad
order,The red cat sat.,The cat red sat.
order,A big dog ran.,A dog big ran.
same,tea,tea
"""
# Short words, so that a model of 32 positions can read two sentences.
HELD_OUT = "\n\n".join(
    f"In {1900 + 7 * n} the {name} sat. Then {name} ran to {name}."
    for n, name in enumerate(["Ada", "Bob", "Cleo", "Dora"])
)
# Words of one token each.
TRAINING = " ".join(["cat", "dog", "sat", "to", "tea", "the"] * 6)


@pytest.fixture
def written(cli, tmp_path):
    (tmp_path / "pairs.csv").write_text(PAIRS)
    (tmp_path / "held-out.txt").write_text(HELD_OUT)
    (tmp_path / "training.txt").write_text(TRAINING)
    return tmp_path


@pytest.mark.parametrize("kind", presets.KINDS)
def test_pairs_of_a_file_are_judged_by_phenomenon(cli, models, written, kind):
    answer = cli("pairs", models / kind, "pairs.csv", "--json", "--out", "scores.jsonl")
    assert answer.code == 0
    assert answer.err == "1 pairs whose two texts are equal: they count half\nscores.jsonl: 3 pairs\n"
    (found,) = answer.json["models"].values()
    assert {name: row["examples"] for name, row in found["phenomena"].items()} == {"order": 2, "same": 1}
    assert found["phenomena"]["same"]["accuracy"] == 0.5
    order = found["phenomena"]["order"]["accuracy"]
    assert found["micro"]["accuracy"] == pytest.approx((2 * order + 0.5) / 3)
    assert found["macro"] == pytest.approx((order + 0.5) / 2)
    assert found["micro"]["low"] <= found["micro"]["accuracy"] <= found["micro"]["high"]
    rows = [json.loads(line) for line in (written / "scores.jsonl").read_text().splitlines()]
    assert [row["id"] for row in rows] == ["pairs-1", "pairs-2", "pairs-3"]
    for row in rows:
        good, bad = row["good_score"], row["bad_score"]
        assert row["right"] == (0.5 if good == bad else float(good > bad))
    shown = cli("pairs", models / kind, "pairs.csv").out
    assert shown.splitlines()[0] == f"1: {models / kind}, by {found['method']}"
    assert [line.split()[0] for line in shown.splitlines()[2:]] == ["order", "same", "all", "mean"]


def test_models_stand_side_by_side_and_choose_among_the_same_pairs(cli, models, written):
    both = [models / kind for kind in presets.KINDS]
    found = cli("pairs", *both, "pairs.csv", "--json", "--out", "scores.jsonl").json["models"]
    alone = [cli("pairs", model, "pairs.csv", "--json").json["models"] for model in both]
    assert found == alone[0] | alone[1]
    rows = [json.loads(line) for line in (written / "scores.jsonl").read_text().splitlines()]
    assert [row["model"] for row in rows] == [str(model) for model in both for _ in range(3)]
    lines = cli("pairs", *both, "pairs.csv").out.splitlines()
    assert [line[:2] for line in lines[:2]] == ["1:", "2:"]
    assert [line.count(" to ") for line in lines[3:]] == [2, 2, 2, 0]


def test_at_most_so_many_pairs_are_drawn_and_it_is_said(cli, models, written):
    answer = cli("pairs", models / "gpt", "pairs.csv", "--most", "1", "--json")
    (found,) = answer.json["models"].values()
    assert found["micro"]["examples"] == 2
    assert "took 2 of 3 pairs, at most 1 of each phenomenon" in answer.json["notes"]
    assert "took 2 of 3 pairs" in answer.err


@pytest.mark.parametrize("kind", presets.KINDS)
def test_pairs_and_gaps_are_made_of_own_text(cli, models, written, monkeypatch, kind):
    monkeypatch.setattr("twinlm.data.probes.gaps_from_text.MOST_SHARE", 0.5)
    asked = ["pairs", models / kind, "--from-text", "held-out.txt", "--most", "2"]
    (found,) = cli(*asked, "--json").json["models"].values()
    assert set(found["phenomena"]) <= set(PHENOMENA) and found["cloze"] == []
    answer = cli(*asked, "--training-text", "training.txt", "--json", "--out", "scores.jsonl")
    (more,) = answer.json["models"].values()
    assert more["phenomena"] == found["phenomena"]
    rows = [json.loads(line) for line in (written / "scores.jsonl").read_text().splitlines()]
    gaps = [row for row in rows if "sees" in row]
    assert sum(view["examples"] for view in more["cloze"]) == len(gaps) > 0
    assert {view["chance"] for view in more["cloze"]} == {0.2}
    assert all(len(row["choices"]) == len(row["scores"]) == 5 for row in gaps)
    shown = cli(*asked, "--training-text", "training.txt").out
    assert shown.count("chance 20") == 2


def test_figures_that_may_not_be_compared_stand_apart(cli, models, written):
    asked = ["quality", models / "gpt", models / "bert", "--text", "held-out.txt"]
    found = cli(*asked, "--json").json
    assert found["sample"]["passages"] == found["sample"]["documents"] == 4
    kinds = [
        {model.rsplit("/", 1)[-1]: row["method"] for model, row in g.items()}
        for g in found["groups"].values()
    ]
    assert kinds == [
        {"gpt": "likelihood", "bert": "chain-rule"},
        {"bert": "pseudo-likelihood"},
        {"bert": "pseudo-likelihood-l2r"},
    ]
    shown = cli(*asked).out.split("\n\n")
    assert [part.count(" ± ") for part in shown] == [0, 2, 1, 1]
    assert "off its training" in shown[1]


MISTAKES = [
    (["pairs", "gpt"], 2, "either from a file or from --from-text; give one of them"),
    (["pairs", "gpt", "pairs.csv", "--from-text", "held-out.txt"], 2, "give one of them"),
    (["pairs", "gpt", "pairs.csv", "--training-text", "training.txt"], 2, "goes with --from-text"),
    (["pairs", "gpt", "pairs.csv", "--most", "0"], 2, "--most must be at least 1, not 0"),
    (["pairs", "gpt", "pairs.csv", "--method", "chain-rule"], 2, "a GPT can't be scored by 'chain-rule'"),
    (["pairs", "gpt", "pairs.csv", "--phenomenon-field", "UID"], 3, "has no column 'UID'"),
    (["pairs", "gpt", "nowhere.csv"], 3, "nowhere.csv: no such file"),
    (["pairs", "nowhere", "pairs.csv"], 4, "there is no such folder"),
    (["pairs", "gpt", "--from-text", "nowhere.txt"], 3, "no such file"),
    (
        ["pairs", "gpt", "long.csv"],
        3,
        "there is no pair to score: left out 1 pairs that the model can't read",
    ),
    (["pairs", "gpt", "--from-text", "short.txt"], 3, "word_order: 0 of 200 pairs could be made"),
    (["quality", "gpt"], 2, "no text was given"),
    (["quality", "nowhere", "--text", "held-out.txt"], 4, "there is no such folder"),
    (["quality", "gpt", "--text", "short.txt"], 3, "1 documents give 1 passages, but at least 2 are needed"),
]


@pytest.mark.parametrize(("arguments", "code", "said"), MISTAKES)
def test_a_mistake_is_answered_in_one_line(cli, models, written, arguments, code, said):
    (written / "long.csv").write_text(f"good,bad\n{'cat ' * 40},tea\n")
    (written / "short.txt").write_text("Too short.")
    answer = cli(arguments[0], models / arguments[1], *arguments[2:])
    assert said in answer.err
    assert (answer.code, answer.out, answer.err.count("\n")) == (code, "", 1)


@pytest.mark.parametrize("arguments", [["quality", "--text", "held-out.txt"], ["pairs"], ["pairs", "a.csv"]])
def test_without_a_model_there_is_nothing_to_measure(cli, arguments):
    answer = cli(*arguments)
    assert (answer.code, answer.err) == (2, "error: no model was given; give one or more model folders\n")


def test_the_commands_draw_as_much_as_the_functions_do():
    """Help must appear at once, so that the commands don't import these numbers."""
    assert inspect.signature(pairs.command).parameters["most"].default == MOST_PAIRS
    assert inspect.signature(quality.command).parameters["most_bytes"].default == SAMPLE_BYTES
