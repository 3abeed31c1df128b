"""Whether a text follows another: against transformers' model of the same weights."""

from dataclasses import replace

import pytest
import torch
from transformers import BertForNextSentencePrediction

from twinlm.errors import DataError, ModelError
from twinlm.use.next_sentence import next_sentence, next_sentence_batch

PAIRS = [
    ("The red cat sat on the mat.", "A big dog ran."),
    ("tea", "tea"),
    ("A big dog ran to the old house.", "She drinks tea with café milk."),
]


@pytest.fixture(scope="module")
def theirs(bert, in_transformers):
    return in_transformers(bert, BertForNextSentencePrediction)


@pytest.mark.parametrize("tokens_at_once", [8192, 20])
def test_probabilities_are_those_of_transformers_whatever_else_is_asked(
    bert, theirs, tokens_at_once, monkeypatch
):
    monkeypatch.setattr("twinlm.data.sequences.packing.by_length.__defaults__", (tokens_at_once,))
    ids, encode = bert.tokenizer.specials, bert.tokenizer.encode
    for found, (first, second) in zip(next_sentence_batch(bert, PAIRS), PAIRS, strict=True):
        one, two = [ids.cls, *encode(first), ids.sep], [*encode(" " + second), ids.sep]
        segments = torch.tensor([[0] * len(one) + [1] * len(two)])
        with torch.inference_mode():
            logits = theirs(torch.tensor([one + two]), token_type_ids=segments).logits
        assert found == pytest.approx(float(logits.softmax(-1)[0, 0]), abs=1e-5)


def test_white_space_between_the_texts_changes_nothing(bert):
    assert next_sentence(bert, *PAIRS[0]) == next_sentence(bert, PAIRS[0][0] + "\n", "  " + PAIRS[0][1])


def test_a_model_that_did_not_learn_it_is_refused_with_the_reason(gpt, bert):
    with pytest.raises(ModelError, match=r"a GPT cannot tell.*; use rank"):
        next_sentence(gpt, *PAIRS[0])
    for task in ("none", "sentence_order"):
        other = replace(bert, history={"pretraining": {"sentence_task": task}})
        with pytest.raises(ModelError, match=f"pre-trained with sentence_task = '{task}'"):
            next_sentence(other, *PAIRS[0])
    known = replace(bert, history={"pretraining": {"sentence_task": "next_sentence"}})
    assert next_sentence(known, *PAIRS[0]) == next_sentence(bert, *PAIRS[0])


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        ("", "tea", "the first text is empty"),
        ("tea", " ", "the second text is empty"),
        ("The cat. " * 20, "tea", r"have \d+ tokens, but at most 29 are read"),
    ],
)
def test_texts_that_can_not_be_read_are_refused(bert, first, second, said):
    with pytest.raises(DataError, match=said):
        next_sentence(bert, first, second)
