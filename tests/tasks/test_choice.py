"""One of several texts: each read with the first one, however many there are."""

from collections import Counter

import numpy as np
import pytest

from twinlm.batch import IGNORE
from twinlm.data.labels.examples import Example
from twinlm.tasks.choice import KIND
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
