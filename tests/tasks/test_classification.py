"""Classes of one or two texts: what is read, and what is answered."""

from collections import Counter

import numpy as np
import pytest

from twinlm.batch import IGNORE
from twinlm.data.labels.examples import Example
from twinlm.errors import UsageError
from twinlm.tasks.classification import KIND
from twinlm.tasks.kind import CUT

TEXTS = ["The red cat sat on the mat", "tea"]
SINGLE, PAIR = {"texts": 1.0}, {"texts": 2.0}


def example(*texts: str, gold=None) -> Example:
    return Example("test-1", texts, gold)


def test_one_text_and_two_are_read_as_the_papers_draw_it(reader, config_for, enclosed):
    first, second = (reader.tokenizer.encode(text) for text in TEXTS)
    for texts, constants, wanted in [
        (TEXTS[:1], SINGLE, enclosed(reader, first)),
        (TEXTS, PAIR, enclosed(reader, first, second)),
    ]:
        config = config_for("classification", labels=("a", "b"), constants=constants)
        (given,) = KIND.inputs([example(*texts, gold="b")], reader, config, Counter())
        (packed,) = given.sequences
        assert (packed.tokens, given.target, given.length) == (wanted, 1, len(wanted))
        is_decoder = reader.reads_both_orders
        assert packed.summary == (len(wanted) - 1 if is_decoder else 0)
        of_second = 0 if is_decoder or len(texts) == 1 else len(second) + 1
        assert packed.segments == [0] * (len(wanted) - of_second) + [1] * of_second


def test_a_batch_holds_every_text_its_class_and_padding(reader, config_for):
    config = config_for("classification", labels=("a", "b"), constants=SINGLE)
    rows = [example(TEXTS[0], gold="b"), example(TEXTS[1])]
    inputs = KIND.inputs(rows, reader, config, Counter())
    batch = KIND.collate(inputs, reader.tokenizer.specials.pad)
    assert batch.labels_G.tolist() == [1, IGNORE]
    assert batch.owners_B.tolist() == [0, 1]
    assert batch.real_BL.sum(1).tolist() == [given.length for given in inputs]
    assert (batch.tokens_BL[~batch.real_BL] == reader.tokenizer.specials.pad).all()


def test_what_is_too_long_is_cut_and_counted_but_no_special_token(reader, config_for):
    counts: Counter[str] = Counter()
    config = config_for("classification", labels=("a", "b"), max_length=12, constants=PAIR)
    rows = [example(TEXTS[0] * 3, TEXTS[1]), example("tea", "tea"), example(TEXTS[0] * 3, TEXTS[0] * 3)]
    inputs = KIND.inputs(rows, reader, config, counts)
    assert counts[CUT] == 2
    assert inputs[0].length == inputs[2].length == 12
    for given in inputs:
        (packed,) = given.sequences
        special = set(reader.tokenizer.specials.ids)
        assert sum(token in special for token in packed.tokens) == 3
    assert (
        inputs[2].sequences[0].starts[1] - inputs[2].sequences[0].starts[0] == 5
    )  # 4 tokens and one between


def test_the_most_probable_class_is_said_and_all_probabilities(reader, config_for):
    config = config_for("classification", labels=("x", "y", "z"), constants=SINGLE)
    rows = [example(text) for text in TEXTS]
    inputs = KIND.inputs(rows, reader, config, Counter())
    scores = [np.array(row, np.float32) for row in ([0.0, 2.0, 1.0], [500.0, -500.0, 0.0])]
    found = KIND.answers(rows, inputs, scores, config)
    assert [answer["predicted"] for answer in found] == ["y", "x"]
    weights = np.exp([0.0, 2.0, 1.0])
    assert found[0]["probabilities"] == pytest.approx(weights / weights.sum(), abs=1e-6)
    assert found[1]["probabilities"] == [1, 0, 0]


def test_how_many_texts_belong_together_is_learned_and_held_to(reader, config_for):
    assert KIND.learn([example("a", "b", gold="x")]) == {"texts": 2.0}
    config = config_for("classification", labels=("x", "y"), constants=PAIR)
    with pytest.raises(UsageError, match="classifies 2 texts at once, not 1"):
        KIND.inputs([example("a", "b"), example("a")], reader, config, Counter())
