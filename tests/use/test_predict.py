"""Answers of all kinds of task: the same alone and together, and refusals."""

from collections import Counter

import numpy as np
import pytest
import torch

from twinlm.data.labels.examples import Example
from twinlm.errors import ModelError
from twinlm.evaluate.predictions import read_predictions, write_predictions
from twinlm.tasks.table import TASKS
from twinlm.use import predict as predicting
from twinlm.use.ask import classify
from twinlm.use.predict import input_scores, predict, task_of

ROWS = {
    "classification": [("The red cat",), ("A big dog ran to the old house, and to the old house",), ("tea",)],
    "similarity": [("The red cat", "tea"), ("A big dog ran to the old house", "She drinks tea"), ("a", "b")],
    "choice": [
        ("The red cat", "sat", "ran to the old house", "x"),
        ("She drinks", "tea with café milk", "y"),
    ],
    "tagging": [("The", "red", "cat"), ("A", "big", "dog", *["ran", "to", "the", "old", "house"] * 2)],
    "span_qa": [("Who ran?", "A big dog ran to the old house."), ("Who?", "The red cat sat. " * 6)],
}


def examples(kind: str) -> list[Example]:
    return [Example(str(number), texts, None) for number, texts in enumerate(ROWS[kind])]


def flat(answer: dict) -> list[float]:
    """All numbers of an answer."""
    values = [list(value.values()) if isinstance(value, dict) else value for value in answer.values()]
    rows = [value if isinstance(value, list) else [value] for value in values]
    return [value for row in rows for value in row if isinstance(value, float)]


@pytest.mark.parametrize("kind", TASKS)
def test_answers_do_not_depend_on_what_else_is_in_the_batch(kind, tuned, monkeypatch):
    trained, given = tuned(kind), examples(kind)
    together = predict(trained, given)
    alone = [predict(trained, [example])[0] for example in given]
    monkeypatch.setattr(predicting, "by_length", lambda lengths: [[n] for n in reversed(range(len(lengths)))])
    for found in (alone, predict(trained, given)):
        for row, single in zip(together, found, strict=True):
            assert row.keys() == single.keys()
            assert flat(row) == pytest.approx(flat(single), abs=2e-5)


@pytest.mark.parametrize("kind", TASKS)
def test_answers_come_in_the_order_of_the_examples(kind, tuned):
    trained, given = tuned(kind), examples(kind)
    forth, back = predict(trained, given), predict(trained, given[::-1])[::-1]
    for row, other in zip(forth, back, strict=True):
        assert flat(row) == pytest.approx(flat(other), abs=2e-5)
        assert row.get("best") == other.get("best")


@pytest.mark.parametrize("kind", TASKS)
def test_no_example_gets_no_answer(kind, tuned):
    assert predict(tuned(kind), []) == []


@pytest.mark.parametrize("kind", TASKS)
def test_gold_answers_are_not_looked_at(kind, tuned):
    golds = {
        "classification": "dog",
        "similarity": 99.0,
        "choice": 1,
        "span_qa": [{"text": "o", "start": ROWS["span_qa"][0][1].index("o")}],
    }
    trained, given = tuned(kind), examples(kind)[:1]
    gold = golds.get(kind, ["dog"] * len(given[0].texts))
    assert predict(trained, [Example("0", given[0].texts, gold)]) == predict(trained, given)


def test_dropout_is_off_while_answering_and_on_again_after_it(tuned):
    trained, given = tuned("classification"), examples("classification")
    assert trained.tuned is not None and trained.tuned.training
    assert predict(trained, given) == predict(trained, given)
    assert trained.tuned.training


def test_scores_come_with_their_inputs_and_the_work_done_is_told(tuned):
    trained, given = tuned("tagging"), examples("tagging")
    kind, config = task_of(trained)
    inputs = kind.inputs(given, trained.family.reader(trained.tokenizer), config, Counter())
    told: list[int] = []
    scores = input_scores(trained, inputs, done=told.append)
    assert told[-1] == len(inputs) == len(scores)
    for read, scores_LC in zip(inputs, scores, strict=True):
        batch = kind.collate([read], trained.tokenizer.specials.pad)
        with torch.inference_mode():
            wanted_LC = trained.tuned.eval()(batch)[0].numpy()
        np.testing.assert_allclose(scores_LC[: read.length], wanted_LC, atol=1e-5)
        assert scores_LC.dtype == np.float32


def test_what_a_model_was_not_fine_tuned_for_is_refused(tuned, gpt):
    with pytest.raises(ModelError, match="only pre-trained"):
        task_of(gpt)
    with pytest.raises(ModelError, match="fine-tuned for tagging, not for choice"):
        task_of(tuned("tagging"), "choice")
    assert task_of(tuned("tagging"), "tagging")[0] is TASKS["tagging"]


def test_probabilities_have_the_names_of_classes_and_files_keep_the_order(tuned, tmp_path):
    trained, given = tuned("classification"), examples("classification")
    write_predictions(tmp_path / "p.jsonl", trained, given)
    for answer, row, chances in zip(
        predict(trained, given),
        read_predictions(tmp_path / "p.jsonl"),
        classify(trained, [example.texts[0] for example in given]),
        strict=True,
    ):
        named = answer["probabilities"]
        assert list(named) == list(trained.task.labels)
        assert max(named, key=named.get) == answer["predicted"] == row["predicted"]
        assert named == chances and list(named.values()) == row["probabilities"]
