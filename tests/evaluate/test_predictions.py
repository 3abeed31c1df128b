"""What was answered to test examples is read as it was written, whatever is in the texts."""

import json

import pytest

from twinlm.data.labels.examples import Example
from twinlm.evaluate import predictions
from twinlm.evaluate.predictions import read_predictions, write_predictions

ENDS = ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c", "\r", "\n"]


@pytest.mark.parametrize("end", ENDS, ids=ascii)
def test_characters_that_end_a_line_somewhere_end_none_here(end, tmp_path, monkeypatch):
    text = f"café{end}🙂"
    monkeypatch.setattr(predictions, "predict", lambda trained, examples: [{"predicted": text}] * 2)
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
