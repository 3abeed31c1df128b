"""What a model must beat: plain rules, checked by hand."""

import warnings

import numpy as np
import pytest
from scipy import stats

from twinlm.data.labels.examples import Example
from twinlm.rng import stream
from twinlm.tasks.floors import choice_floors, similarity_floors, span_floors, tagging_floors
from twinlm.tasks.table import TASKS


def examples(*rows) -> list[Example]:
    return [Example(f"train-{number}", tuple(texts), gold) for number, (texts, gold) in enumerate(rows)]


def alike(count: int, name: str) -> list[Example]:
    """Pairs whose score is the number of words that they share."""
    chance = stream(3, "floors", name)
    rows = []
    for _ in range(count):
        words = [f"word{number}" for number in chance.permutation(60)[:8]]
        shared = int(chance.integers(0, 5))
        rows.append(((" ".join(words[:4]), " ".join(words[4 - shared : 8 - shared])), float(shared)))
    return examples(*rows)


def test_of_numbers_the_floors_are_the_mean_and_a_line_through_what_words_share():
    train, test = alike(80, "train"), alike(40, "test")
    mean, overlap = similarity_floors(train, [], test)
    assert mean.predictions == [pytest.approx(np.mean([e.gold for e in train]))] * 40
    golds = [example.gold for example in test]
    assert stats.spearmanr(golds, overlap.predictions).statistic > 0.95
    assert np.abs(np.array(golds) - overlap.predictions).mean() < 0.6
    assert all(type(number) is float for number in (*mean.predictions, *overlap.predictions))


def test_where_no_pair_shares_a_word_the_line_is_flat_and_nobody_is_warned():
    train = examples((("a b", "c d"), 1.0), (("e f", "g h"), 3.0))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _, overlap = similarity_floors(train, [], train)
    assert overlap.predictions == [2.0, 2.0]


def test_of_choices_the_floors_are_the_usual_place_and_the_choice_most_like_the_text():
    rows = [(("the red cat", "a blue sky", "one red cat sat", "no"), 1)] * 3
    rows += [(("the old dog", "an old dog ran", "a sky", "yes"), 0)]
    train = examples(*rows)
    test = examples((("the red cat", "one old dog", "the red sky"), 1), (("sky", "sky", "dog", "cat"), 0))
    usual, overlap = choice_floors(train, [], test)
    assert usual.predictions == [1, 1]
    assert overlap.predictions == [1, 0]


def test_the_usual_place_is_the_last_one_where_there_are_fewer_choices():
    train = examples((("x", "a", "b", "c", "d"), 3), (("y", "a", "b", "c", "d"), 3))
    usual, _ = choice_floors(train, [], examples((("x", "a", "b"), 0)))
    assert usual.predictions == [1]


def test_of_tags_the_floors_are_the_usual_tag_and_each_words_usual_tag():
    train = examples(
        (["Ada", "met", "May"], ["B-PER", "O", "B-PER"]),
        (["in", "May", "May"], ["O", "O", "O"]),
        (["Ada"], ["O"]),
    )
    usual, by_word = tagging_floors(train, [], examples((["Ada", "May", "new"], ["O"] * 3), (["in"], ["O"])))
    assert usual.predictions == [["O", "O", "O"], ["O"]]
    assert by_word.predictions == [["B-PER", "O", "O"], ["O"]]  # Ada is as often both: the alphabet says


def question(context: str, answer: str = "") -> tuple:
    gold = [{"text": answer, "start": context.index(answer)}] if answer else []
    return ("Where is the red cat?", context), gold


def test_of_questions_the_floor_is_the_sentence_most_like_the_question():
    context = "The dog ran. The red cat is here! It sleeps"
    train = examples(question(context, "here"))
    (overlap,) = span_floors(train, [], examples(question(context), question("no end"), question("...")))
    assert overlap.predictions == ["The red cat is here!", "no end", "..."]


def test_no_answer_is_a_floor_where_most_questions_have_none():
    train = examples(question("The red cat."), question("A dog."), question("He is here.", "here"))
    none, _ = span_floors(train, [], examples(question("The red cat.")))
    assert none.predictions == [""]
    assert len(span_floors(train[1:], [], train)) == 1


@pytest.mark.parametrize("name", TASKS)
def test_every_kind_of_task_has_floors_whose_answers_can_be_measured(name):
    rows = {
        "classification": [(("good cat",), "a"), (("bad dog",), "b")],
        "similarity": [(("a cat", "the cat"), 1.0), (("a dog", "sky"), 0.0)],
        "choice": [(("a cat", "cat", "dog"), 0), (("a dog", "cat", "dog"), 1)],
        "tagging": [(["Ada", "ran"], ["B-PER", "O"]), (["He", "ran"], ["O", "O"])],
        "span_qa": [question("The cat is here.", "here"), question("The cat is there.", "there")],
    }
    given = examples(*rows[name])
    floors = TASKS[name].floors(given, given, given)
    assert len({floor.name for floor in floors}) == len(floors)
    for floor in floors:
        measured = TASKS[name].measure([example.gold for example in given], floor.predictions)
        assert len(measured.values_E) == 2
        assert measured.least <= measured.main <= 1
