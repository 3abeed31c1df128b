"""What was answered to test examples is read as it was written, whatever is in the texts."""

import json

import pytest

from twinlm.data.labels.examples import Example
from twinlm.errors import DataError
from twinlm.evaluate import predictions
from twinlm.evaluate.predictions import as_squad, read_predictions, write_predictions

ENDS = ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c", "\r", "\n"]


@pytest.mark.parametrize("end", ENDS, ids=ascii)
def test_characters_that_end_a_line_somewhere_end_none_here(end, tmp_path, monkeypatch):
    text = f"café{end}🙂"
    monkeypatch.setattr(predictions, "answered", lambda trained, examples: [{"predicted": text}] * 2)
    gold = [{"text": text, "start": 3}]
    examples = [Example("test-1", ("who", text), gold), Example("test-2", ("who", text), [])]
    path = tmp_path / "predictions.jsonl"
    write_predictions(path, None, examples)
    wanted = [
        {"id": f"test-{n}", "gold": g, "characters": 3 + len(text), "predicted": text}
        for n, g in ((1, gold), (2, []))
    ]
    assert read_predictions(path) == wanted
    assert [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]] == wanted


def test_the_ids_of_the_data_are_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(predictions, "answered", lambda trained, examples: [{"predicted": "x"}] * 2)
    examples = [Example("test-1", ("a",), "x", "56be4db0"), Example("test-2", ("b",), "y")]
    write_predictions(tmp_path / "predictions.jsonl", None, examples)
    first, second = read_predictions(tmp_path / "predictions.jsonl")
    assert (first["id"], first["data_id"]) == ("test-1", "56be4db0")
    assert "data_id" not in second


def test_squads_form_has_an_answer_for_each_id():
    examples = [Example("dev-1", ("who", "é"), None, "a1"), Example("dev-2", ("where", "é"), None, "b2")]
    answers = [{"predicted": "é"}, {"predicted": ""}]
    assert json.loads(as_squad(examples, answers)) == {"a1": "é", "b2": ""}


@pytest.mark.parametrize(
    ("ids", "said"),
    [
        (("a", ""), "dev-2 has none"),
        (("", ""), "dev-1 has none"),
        (("a", "a"), "2 examples have 1 different"),
    ],
)
def test_squads_form_needs_an_id_of_each_question(ids, said):
    examples = [Example(f"dev-{n}", ("who", "c"), None, own) for n, own in enumerate(ids, 1)]
    with pytest.raises(DataError, match=said):
        as_squad(examples, [{"predicted": ""}] * 2)
