"""A number for two texts: standardized, and fair to both where a model reads left to right."""

from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from twinlm.checkpoint import Trained
from twinlm.core.initialize import initialize
from twinlm.data.labels.examples import Example
from twinlm.families import FAMILIES
from twinlm.objectives.fine_tuning import FineTuned
from twinlm.settings import ModelSettings
from twinlm.tasks.similarity import KIND
from twinlm.use.ask import similarity

PAIR = ("The red cat sat on the mat", "tea with milk")


def example(gold, texts=PAIR) -> Example:
    return Example("test-1", texts, gold)


def test_a_left_to_right_model_reads_both_orders_and_the_other_one(reader, config_for, enclosed):
    config = config_for("similarity", constants={"mean": 2.0, "deviation": 0.5})
    first, second = (reader.tokenizer.encode(text) for text in PAIR)
    (read,) = KIND.inputs([example(3.0)], reader, config, Counter())
    wanted = [enclosed(reader, first, second)]
    wanted += [enclosed(reader, second, first)] * reader.reads_both_orders
    assert [packed.tokens for packed in read.sequences] == wanted
    assert read.target == 2.0
    batch = KIND.collate([read, read], 0)
    assert batch.owners_B.tolist() == [number for number in (0, 1) for _ in wanted]
    assert batch.labels_G.dtype == torch.float32


@given(
    st.lists(st.integers(-(10**6), 10**6), min_size=2, max_size=20),
    st.sampled_from([1e-6, 1.0, 1e6]),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_learned_standardized_is_answered_in_the_unit_of_the_scores(reader, config_for, golds, unit):
    golds = [gold * unit / 1e6 for gold in golds]
    rows = [example(gold, ("a", "b")) for gold in golds]
    config = config_for("similarity", constants=KIND.learn(rows))
    inputs = KIND.inputs(rows, reader, config, Counter())
    targets = np.array([read.target for read in inputs], np.float32)
    if np.ptp(golds) > 1e-9 * unit:
        assert targets.mean() == pytest.approx(0, abs=1e-4)
        assert targets.std() == pytest.approx(1, abs=1e-4)
    found = [answer["predicted"] for answer in KIND.answers(rows, inputs, list(targets), config)]
    assert found == pytest.approx(golds, rel=1e-5, abs=1e-6 * max(map(abs, golds)))


def test_scores_of_a_small_unit_keep_their_order(reader, config_for):
    """Rounded to some decimals, they would all be one."""
    golds = [1e-9, 2e-9, 3e-9]
    rows = [example(gold) for gold in golds]
    config = config_for("similarity", constants=KIND.learn(rows))
    inputs = KIND.inputs(rows, reader, config, Counter())
    found = KIND.answers(rows, inputs, [np.float32(read.target) for read in inputs], config)
    assert [answer["predicted"] for answer in found] == pytest.approx(golds)


def test_scores_that_are_all_alike_divide_by_nothing(config_for):
    assert KIND.learn([example(3.0), example(3.0)]) == {"mean": 3.0, "deviation": 1.0}


def test_an_unlabelled_pair_is_read_as_a_labelled_one(reader, config_for):
    config = config_for("similarity", constants={"mean": 2.0, "deviation": 0.5})
    (labelled,) = KIND.inputs([example(3.0)], reader, config, Counter())
    (unlabelled,) = KIND.inputs([example(None)], reader, config, Counter())
    assert labelled.sequences == unlabelled.sequences


@pytest.mark.parametrize("name", FAMILIES)
def test_to_a_left_to_right_model_the_order_of_two_texts_does_not_matter(name, tokenizers, config_for):
    family, tokenizer = FAMILIES[name], tokenizers["byte-bpe"]
    sizes = ModelSettings(layers=2, width=32, heads=2, max_length=64, dropout=0.1)
    model = family.model(family.configure(sizes, tokenizer.vocab_size))
    task = config_for("similarity", constants={"mean": 0.0, "deviation": 1.0})
    tuned = FineTuned(model, KIND.build_head(task, 32))
    initialize(tuned, seed=1, is_truncated=False, deviation=0.2)
    trained = Trained(family=family, model=model, tokenizer=tokenizer, task=task, tuned=tuned.eval())
    pairs = [PAIR, ("tea", "The big dog ran to the old house, and she drinks tea"), ("a", "b")]
    forth = np.array(similarity(trained, pairs))
    back = np.array(similarity(trained, [pair[::-1] for pair in pairs]))
    assert np.ptp(forth) > 1e-3
    if family.reads_both_orders:
        assert np.abs(forth - back).max() < 1e-6
    else:
        assert np.abs(forth - back).max() > 1e-4
