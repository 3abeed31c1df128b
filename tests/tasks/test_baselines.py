import warnings

import numpy as np
import pytest

from twinlm.errors import DataError
from twinlm.rng import stream
from twinlm.tasks.baselines import fit_baselines

WORDS = {"sport": ["goal", "team", "match"], "music": ["song", "choir", "piano"], "physics": ["atom", "mass"]}


def _examples(count, name):
    random = stream(3, "baselines", name)
    labels = [str(random.choice(list(WORDS), p=[0.5, 0.3, 0.2])) for _ in range(count)]
    fillers = [f"word{number}" for number in range(40)]
    texts = [(" ".join([*random.choice(fillers, 8), *random.choice(WORDS[label], 2)]),) for label in labels]
    return texts, labels


def _fit(train=120, valid=40, test=60):
    parts = {"train": _examples(train, "train"), "valid": _examples(valid, "valid")}
    texts, labels = _examples(test, "test")
    arguments = {
        f"{part}_{what}": values[i]
        for part, values in parts.items()
        for i, what in enumerate(["texts", "labels"])
    }
    return fit_baselines(**arguments, test_texts=texts), labels


def test_the_majority_is_the_class_most_frequent_in_training():
    (majority, _), _ = _fit()
    assert set(majority.predictions) == {"sport"}
    assert len(majority.predictions) == 60


def test_the_linear_model_learns_what_words_tell():
    (_, linear), labels = _fit()
    assert np.mean([a == b for a, b in zip(linear.predictions, labels, strict=True)]) > 0.95
    assert linear.settings["C"] in (1.0, 10.0, 100.0)
    assert linear.seconds > 0 and linear.notes == {}


def test_the_same_input_gives_the_same_answers():
    (_, once), _ = _fit()
    (_, twice), _ = _fit()
    assert once.predictions == twice.predictions


def test_without_validation_examples_the_middle_setting_is_taken():
    (_, linear), _ = _fit(valid=0)
    assert linear.settings == {"C": 10.0}


def test_a_fit_that_does_not_converge_is_counted_and_warns_nobody(monkeypatch):
    monkeypatch.setattr("twinlm.tasks.baselines._MOST_ITERATIONS", 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (_, linear), _ = _fit()
    assert linear.notes == {"fits stopped before convergence": 3}


def test_one_class_is_refused():
    with pytest.raises(DataError, match="at least 2 classes, but there are 2 training examples of 1 classes"):
        fit_baselines(
            train_texts=[("a b",), ("c d",)],
            train_labels=["x", "x"],
            valid_texts=[],
            valid_labels=[],
            test_texts=[("a",)],
        )


def test_texts_without_words_are_refused():
    with pytest.raises(DataError, match="no word"):
        fit_baselines(
            train_texts=[("!",), ("?",)],
            train_labels=["x", "y"],
            valid_texts=[],
            valid_labels=[],
            test_texts=[("a",)],
        )


def test_of_two_texts_what_they_share_counts():
    random = stream(4, "baselines", "pairs")
    words = [f"word{number}" for number in range(30)]
    rows = [tuple(" ".join(random.choice(words, 4)) for _ in range(2)) for _ in range(200)]
    rows = [(a, a) if number % 2 else (a, b) for number, (a, b) in enumerate(rows)]
    labels = ["same" if number % 2 else "other" for number in range(200)]
    found = fit_baselines(
        train_texts=rows[:150],
        train_labels=labels[:150],
        valid_texts=[],
        valid_labels=[],
        test_texts=rows[150:],
    )
    assert np.mean([a == b for a, b in zip(found[1].predictions, labels[150:], strict=True)]) > 0.9


def test_words_of_one_letter_count():
    chinese = {"天 气 好": "sky", "天 上 云": "sky", "吃 米 饭": "food", "吃 面 条": "food"}
    found = fit_baselines(
        train_texts=[(text,) for text in chinese],
        train_labels=list(chinese.values()),
        valid_texts=[],
        valid_labels=[],
        test_texts=[("天",), ("吃",)],
    )
    assert found[1].predictions == ["sky", "food"]
