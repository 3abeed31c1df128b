"""One of several texts: each read with the first one, however many there are."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from twinlm.batch import IGNORE
from twinlm.data.labels.examples import Example
from twinlm.data.labels.forms import QUESTION
from twinlm.errors import UsageError
from twinlm.tasks.choice import CUT_QUESTIONS, KIND
from twinlm.tasks.kind import CUT

ROWS = [
    Example("test-1", ("The red cat", "sat", "ran to the house", "tea"), 2),
    Example("test-2", ("She drinks", "milk", "tea"), None),
]


def test_every_choice_is_read_behind_the_text(reader, config_for, enclosed):
    config, encode = config_for("choice"), reader.tokenizer.encode
    inputs = KIND.inputs(ROWS, reader, config, Counter())
    for read, row in zip(inputs, ROWS, strict=True):
        wanted = [enclosed(reader, encode(row.texts[0]), encode(choice)) for choice in row.texts[1:]]
        assert [packed.tokens for packed in read.sequences] == wanted
        assert read.length == max(map(len, wanted))
    batch = KIND.collate(inputs, reader.tokenizer.specials.pad)
    assert batch.owners_B.tolist() == [0, 0, 0, 1, 1]
    assert batch.labels_G.tolist() == [2, IGNORE]


def test_a_long_text_leaves_room_for_every_choice(reader, config_for):
    counts: Counter[str] = Counter()
    config, encode = config_for("choice", max_length=14), reader.tokenizer.encode
    row = Example("test-1", ("The red cat sat on the mat " * 4, "tea", "milk"), 0)
    (read,) = KIND.inputs([row], reader, config, counts)
    assert counts[CUT] == 2
    for packed, choice in zip(read.sequences, row.texts[1:], strict=True):
        tokens, second = encode(choice), packed.starts[1]
        assert packed.tokens[second : second + len(tokens)] == tokens
        assert len(packed.tokens) == 14


def test_probabilities_are_those_of_the_choices_that_there_are(reader, config_for):
    config = config_for("choice")
    inputs = KIND.inputs(ROWS, reader, config, Counter())
    scores = [np.array([0.0, 1.0, 3.0], np.float32), np.array([1.0, -1.0, -np.inf], np.float32)]
    found = KIND.answers(ROWS, inputs, scores, config)
    assert [answer["predicted"] for answer in found] == [2, 0]
    assert [len(answer["probabilities"]) for answer in found] == [3, 2]
    assert found[1]["probabilities"] == pytest.approx([1 / (1 + np.exp(-2)), 1 / (1 + np.exp(2))], abs=1e-6)


@pytest.mark.parametrize(
    ("gold", "said", "is_it"),
    [
        (1, {"predicted": 0}, True),
        (1, {"predicted": 10**30}, True),
        (1, {"predicted": -1}, False),
        (1, {"predicted": True}, False),
        (1, {"predicted": 0, "probabilities": [0.5, 0.5]}, True),
        (2, {"predicted": 0, "probabilities": [0.5, 0.5]}, False),
        (0, {"predicted": 10**30, "probabilities": [0.5, 0.5]}, False),
        (0, {"predicted": 0, "probabilities": {}}, False),
    ],
)
def test_an_answer_is_a_place_among_its_choices(gold, said, is_it):
    assert KIND.judging.is_sound(gold, said, []) == is_it


CONTEXT = "The red cat sat on the mat, and a big dog ran to the old house. " * 3
ASKED = Example("test-1", (CONTEXT, "Who ran to the house?", "the dog", "the red cat"), 0, stem=2)


@pytest.mark.parametrize("max_length", [64, 40, 30])
def test_a_question_is_read_whole_between_its_context_and_each_choice(reader, config_for, max_length):
    counts: Counter[str] = Counter()
    config, encode = config_for("choice", scheme=QUESTION, max_length=max_length), reader.tokenizer.encode
    (read,) = KIND.inputs([ASKED], reader, config, counts)
    context, asked = encode(CONTEXT), encode(" Who ran to the house?")
    assert (counts[CUT], counts[CUT_QUESTIONS]) == (2, 0)
    for packed, choice in zip(read.sequences, ASKED.texts[2:], strict=True):
        first, second = packed.starts
        text, said = packed.tokens[first : second - 1], encode(choice)
        assert packed.tokens[second : second + len(said)] == said
        assert text == [*context[: len(text) - len(asked)], *asked]
        assert len(packed.tokens) == max_length


def test_only_a_question_that_is_longer_than_the_input_is_cut_and_counted(reader, config_for):
    counts: Counter[str] = Counter()
    config = config_for("choice", scheme=QUESTION, max_length=12)
    row = replace(ASKED, texts=(ASKED.texts[0], "Who ran to the house? " * 9, *ASKED.texts[2:]))
    (read,) = KIND.inputs([row], reader, config, counts)
    assert counts[CUT_QUESTIONS] == 2
    assert [len(packed.tokens) for packed in read.sequences] == [12, 12]


@pytest.mark.parametrize(("row", "scheme"), [(ASKED, ""), (ROWS[0], QUESTION)], ids=["with", "without"])
def test_a_question_that_the_model_does_not_expect_or_that_is_missing_is_refused(
    row, scheme, reader, config_for
):
    with pytest.raises(UsageError, match=f"this model chooses {'with' if scheme else 'without'} a question"):
        KIND.inputs([row], reader, config_for("choice", scheme=scheme), Counter())


def test_a_question_is_shown_between_the_text_and_the_choices():
    texts = KIND.judging.passage(("It rained.", "What fell?", "rain", "snow"), 0, 0, QUESTION).texts
    assert texts == ["It rained.", "What fell?", "choice 1: rain", "choice 2: snow"]


def test_the_floors_take_the_question_for_no_choice():
    rows = [replace(ASKED, id=f"train-{number}", gold=1) for number in range(3)]
    places, overlap = KIND.baselines(rows, [], rows)
    assert places.predictions == [1, 1, 1]
    assert set(overlap.predictions) <= {0, 1}
