"""What a model must beat: plain rules checked by hand, and a linear model of words."""

import warnings

import numpy as np
import pytest
from scipy import stats

from twinlm.data.labels.examples import Example
from twinlm.errors import DataError
from twinlm.rng import stream
from twinlm.tasks.baselines import (
    choice_baselines,
    class_baselines,
    similarity_baselines,
    span_baselines,
    tagging_baselines,
)
from twinlm.tasks.table import TASKS

WORDS = {"sport": ["goal", "team", "match"], "music": ["song", "choir", "piano"], "physics": ["atom", "mass"]}


def examples(*rows) -> list[Example]:
    return [Example(f"train-{number}", tuple(texts), gold) for number, (texts, gold) in enumerate(rows)]


def unlabelled(*rows) -> list[Example]:
    return [Example(f"test-{number}", tuple(texts), None) for number, texts in enumerate(rows)]


def _examples(count, name):
    random = stream(3, "baselines", name)
    labels = [str(random.choice(list(WORDS), p=[0.5, 0.3, 0.2])) for _ in range(count)]
    fillers = [f"word{number}" for number in range(40)]
    texts = [(" ".join([*random.choice(fillers, 8), *random.choice(WORDS[label], 2)]),) for label in labels]
    return texts, labels


def _fit(train=120, valid=40, test=60):
    parts = {"train": _examples(train, "train"), "valid": _examples(valid, "valid")}
    texts, labels = _examples(test, "test")
    train_rows, valid_rows = (examples(*zip(*part, strict=True)) for part in parts.values())
    return class_baselines(train_rows, valid_rows, unlabelled(*texts)), labels


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
        class_baselines(examples((("a b",), "x"), (("c d",), "x")), [], unlabelled(("a",)))


def test_of_texts_without_words_the_characters_count():
    train = examples(*[(("😀 🍎",), "x"), (("🚗 👨\u200d👩\u200d👧",), "y")] * 4)
    _, linear = class_baselines(train, train, unlabelled(("🍎",), ("🚗!",), ("no such text",)))
    assert linear.predictions[:2] == ["x", "y"]
    assert linear.label == "TF-IDF of characters + logistic regression"
    pairs = examples((("😀😃", "😀😃"), 5.0), (("😀😃", "!?"), 0.0), (("🍎", "🍎!"), 4.0))
    _, alike = similarity_baselines(pairs, [], unlabelled(("🍎", "🍎"), ("🍎", "😀")))
    assert alike.predictions[0] > alike.predictions[1] + 1
    choices = examples((("😀😃", "🍎", "😀"), 1))
    assert choice_baselines(choices, [], choices)[1].predictions == [1]
    assert alike.label == choice_baselines(choices, [], choices)[1].label == "TF-IDF, characters in common"
    context, answer = "😀! 🍎🚗.", [{"text": "🍎", "start": 3}]
    asked = examples((("🍎?", context), answer))
    assert span_baselines(asked, [], asked)[-1].predictions == ["🍎🚗."]


def test_of_two_texts_what_they_share_counts():
    random = stream(4, "baselines", "pairs")
    words = [f"word{number}" for number in range(30)]
    rows = [tuple(" ".join(random.choice(words, 4)) for _ in range(2)) for _ in range(200)]
    rows = [(a, a) if number % 2 else (a, b) for number, (a, b) in enumerate(rows)]
    labels = ["same" if number % 2 else "other" for number in range(200)]
    train = examples(*zip(rows[:150], labels[:150], strict=True))
    found = class_baselines(train, [], unlabelled(*rows[150:]))
    assert np.mean([a == b for a, b in zip(found[1].predictions, labels[150:], strict=True)]) > 0.9


def test_words_of_one_letter_count():
    chinese = {"天 气 好": "sky", "天 上 云": "sky", "吃 米 饭": "food", "吃 面 条": "food"}
    train = examples(*(((text,), label) for text, label in chinese.items()))
    found = class_baselines(train, [], unlabelled(("天",), ("吃",)))
    assert found[1].predictions == ["sky", "food"]


def alike(count: int, name: str) -> list[Example]:
    """Pairs whose score is the number of words that they share."""
    chance = stream(3, "floors", name)
    rows = []
    for _ in range(count):
        words = [f"word{number}" for number in chance.permutation(60)[:8]]
        shared = int(chance.integers(0, 5))
        rows.append(((" ".join(words[:4]), " ".join(words[4 - shared : 8 - shared])), float(shared)))
    return examples(*rows)


def test_of_numbers_the_baselines_are_the_mean_and_a_line_through_what_words_share():
    train, test = alike(80, "train"), alike(40, "test")
    mean, overlap = similarity_baselines(train, [], test)
    assert mean.predictions == [pytest.approx(np.mean([e.gold for e in train]))] * 40
    golds = [example.gold for example in test]
    assert stats.spearmanr(golds, overlap.predictions).statistic > 0.95
    assert np.abs(np.array(golds) - overlap.predictions).mean() < 0.6
    assert all(type(number) is float for number in (*mean.predictions, *overlap.predictions))


def test_where_no_pair_shares_a_word_the_line_is_flat_and_nobody_is_warned():
    train = examples((("a b", "c d"), 1.0), (("e f", "g h"), 3.0))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _, overlap = similarity_baselines(train, [], train)
    assert overlap.predictions == [2.0, 2.0]


def test_of_choices_the_baselines_are_the_usual_position_and_the_choice_most_like_the_text():
    rows = [(("the red cat", "a blue sky", "one red cat sat", "no"), 1)] * 3
    rows += [(("the old dog", "an old dog ran", "a sky", "yes"), 0)]
    train = examples(*rows)
    test = examples((("the red cat", "one old dog", "the red sky"), 1), (("sky", "sky", "dog", "cat"), 0))
    usual, overlap = choice_baselines(train, [], test)
    assert usual.predictions == [1, 1]
    assert overlap.predictions == [1, 0]


def test_the_usual_position_is_the_last_one_where_there_are_fewer_choices():
    train = examples((("x", "a", "b", "c", "d"), 3), (("y", "a", "b", "c", "d"), 3))
    usual, _ = choice_baselines(train, [], examples((("x", "a", "b"), 0)))
    assert usual.predictions == [1]


def test_of_tags_the_baselines_are_the_usual_tag_and_each_words_usual_tag():
    train = examples(
        (["Ada", "met", "May"], ["B-PER", "O", "B-PER"]),
        (["in", "May", "May"], ["O", "O", "O"]),
        (["Ada"], ["O"]),
    )
    usual, by_word = tagging_baselines(
        train, [], examples((["Ada", "May", "new"], ["O"] * 3), (["in"], ["O"]))
    )
    assert usual.predictions == [["O", "O", "O"], ["O"]]
    assert by_word.predictions == [["B-PER", "O", "O"], ["O"]]  # Ada is as often both: the alphabet says


def question(context: str, answer: str = "") -> tuple:
    gold = [{"text": answer, "start": context.index(answer)}] if answer else []
    return ("Where is the red cat?", context), gold


def test_of_questions_the_baseline_is_the_sentence_most_like_the_question():
    context = "The dog ran. The red cat is here! It sleeps"
    train = examples(question(context, "here"))
    (overlap,) = span_baselines(train, [], examples(question(context), question("no end"), question("...")))
    assert overlap.predictions == ["The red cat is here!", "no end", "..."]


def test_no_answer_is_a_baseline_where_most_questions_have_none():
    train = examples(question("The red cat."), question("A dog."), question("He is here.", "here"))
    none, _ = span_baselines(train, [], examples(question("The red cat.")))
    assert none.predictions == [""]
    assert len(span_baselines(train[1:], [], train)) == 1


@pytest.mark.parametrize("name", TASKS)
def test_every_kind_of_task_has_baselines_whose_answers_can_be_measured(name):
    rows = {
        "classification": [(("good cat",), "a"), (("bad dog",), "b")],
        "similarity": [(("a cat", "the cat"), 1.0), (("a dog", "sky"), 0.0)],
        "choice": [(("a cat", "cat", "dog"), 0), (("a dog", "cat", "dog"), 1)],
        "tagging": [(["Ada", "ran"], ["B-PER", "O"]), (["He", "ran"], ["O", "O"])],
        "span_qa": [question("The cat is here.", "here"), question("The cat is there.", "there")],
    }
    given = examples(*rows[name])
    found = TASKS[name].baselines(given, given, given)
    assert len({baseline.name for baseline in found}) == len(found)
    for baseline in found:
        measured = TASKS[name].measure([example.gold for example in given], baseline.predictions)
        assert len(measured.values_E) == 2
        assert measured.least <= measured.main <= 1
