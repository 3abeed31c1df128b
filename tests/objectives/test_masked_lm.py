"""BERT's objective by hand: only masked positions count; the two mean losses are summed."""

import itertools
import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from twinlm.batch import IGNORE, MaskedBatch
from twinlm.models.bert import BERT, BERTConfig
from twinlm.objectives.likelihood import Likelihoods, Stretch
from twinlm.objectives.masked_lm import (
    chain_rule_log_likelihoods,
    masked_lm,
    masked_lm_and_next_sentence,
    masked_lm_and_sentence_order,
    pseudo_log_likelihoods,
    pseudo_log_likelihoods_l2r,
)
from twinlm.tokenizer import SpecialIds

SIZES = {"vocab_size": 31, "max_length": 12, "width": 16, "layers": 2, "heads": 2, "feed_forward": 32}
MASKED = [(0, 1), (0, 8), (1, 3), (2, 1)]


@pytest.fixture
def model() -> BERT:
    torch.manual_seed(0)
    return BERT(BERTConfig(**SIZES, dropout=0.0))


@pytest.fixture
def batch() -> MaskedBatch:
    torch.manual_seed(1)
    tokens_BL = torch.randint(31, (3, 9))
    originals_BL = torch.full_like(tokens_BL, IGNORE)
    for row, column in MASKED:
        originals_BL[row, column] = (7 * row + column) % 31
    return MaskedBatch(
        tokens_BL=tokens_BL,
        segments_BL=torch.zeros_like(tokens_BL),
        real_BL=torch.arange(9) < torch.tensor([[9], [6], [3]]),
        originals_BL=originals_BL,
        is_random_B=torch.tensor([1, 0, 1]),
    )


def logits(model: BERT, batch: MaskedBatch) -> tuple[torch.Tensor, torch.Tensor]:
    hidden_BLD = model(batch.tokens_BL, batch.segments_BL, batch.real_BL)
    return model.masked_token_logits(hidden_BLD), model.next_sentence_logits(hidden_BLD)


def test_the_loss_is_the_mean_over_masked_tokens_plus_the_mean_over_pairs(
    model: BERT, batch: MaskedBatch
) -> None:
    logits_BLV, logits_B2 = logits(model, batch)
    log_BLV, log_B2 = logits_BLV.log_softmax(-1), logits_B2.log_softmax(-1)
    tokens = -sum(log_BLV[row, column, batch.originals_BL[row, column]].item() for row, column in MASKED) / 4
    pairs = -sum(log_B2[row, batch.is_random_B[row]].item() for row in range(3)) / 3
    right = sum(int(logits_B2[row].argmax()) == int(batch.is_random_B[row]) for row in range(3)) / 3

    loss = masked_lm_and_next_sentence(model, batch)
    assert loss.targets == 4
    assert loss.parts["masked_lm"].item() == pytest.approx(tokens, abs=1e-5)
    assert loss.parts["next_sentence"].item() == pytest.approx(pairs, abs=1e-5)
    assert loss.parts["next_sentence_accuracy"].item() == pytest.approx(right)
    assert loss.total.item() == pytest.approx(tokens + pairs, abs=1e-5)
    assert not any(part.requires_grad for part in loss.parts.values())

    ordered = masked_lm_and_sentence_order(model, batch)
    assert ordered.total.item() == loss.total.item()
    assert ordered.parts["sentence_order"] == loss.parts["next_sentence"]
    assert ordered.parts["sentence_order_accuracy"] == loss.parts["next_sentence_accuracy"]

    alone = masked_lm(model, batch)
    assert alone.total.item() == pytest.approx(tokens, abs=1e-5)
    assert alone.targets == 4
    assert set(alone.parts) == {"masked_lm"}


def test_only_masked_positions_send_gradients_into_the_output_layer(model: BERT, batch: MaskedBatch) -> None:
    seen = []
    model.masked_token_head.register_full_backward_hook(
        lambda part, given, taken: seen.append(int(taken[0].any(-1).sum()))
    )
    masked_lm(model, batch).total.backward()
    assert seen == [4]


def test_gradients_flow_to_both_heads_and_all_embeddings(model: BERT, batch: MaskedBatch) -> None:
    masked_lm_and_next_sentence(model, batch).total.backward()
    still = [
        name for name, weight in model.named_parameters() if weight.grad is None or not weight.grad.any()
    ]
    assert not still
    model.zero_grad()
    masked_lm(model, batch).total.backward()
    without = {name.split(".")[0] for name, weight in model.named_parameters() if weight.grad is None}
    assert without == {"pooler", "next_sentence_head"}


def test_unmasked_targets_have_no_say(model: BERT, batch: MaskedBatch) -> None:
    fewer_BL = batch.originals_BL.clone()
    fewer_BL[0, 8] = IGNORE
    fewer = masked_lm(model, replace(batch, originals_BL=fewer_BL))
    assert fewer.targets == 3
    assert fewer.total.item() != pytest.approx(masked_lm(model, batch).total.item(), abs=1e-4)


def stretch(before: list[int], tokens: list[int], after: list[int], words: list[int]) -> Stretch:
    return Stretch(before=before, tokens=tokens, after=after, words=words)


def alone(model: BERT, row: list[int], place: int, target: int) -> float:
    """Return log P(target) at a place of one row, read by itself."""
    tokens_1L = torch.tensor([row])
    with torch.inference_mode():
        hidden_1LD = model(tokens_1L, torch.zeros_like(tokens_1L), torch.ones_like(tokens_1L).bool())
        return float(model.masked_token_logits(hidden_1LD)[0, place].log_softmax(-1)[target])


IDS = SpecialIds()
TOKEN = st.integers(0, 30)
# max_length is 12: [CLS] and [SEP], and up to ten tokens.
STRETCH = st.builds(
    lambda before, tokens, after: stretch(
        before, [token for token, _ in tokens], after, list(itertools.accumulate(new for _, new in tokens))
    ),
    st.lists(TOKEN, max_size=3),
    st.lists(st.tuples(TOKEN, st.booleans()), min_size=1, max_size=4),
    st.lists(TOKEN, max_size=3),
)


@settings(max_examples=25)
@given(st.lists(STRETCH, min_size=1, max_size=4))
def test_each_token_gets_what_a_read_of_its_own_view_gives(stretches: list[Stretch]) -> None:
    torch.manual_seed(0)
    model = BERT(BERTConfig(**SIZES, dropout=0.0)).eval()
    methods = (pseudo_log_likelihoods, pseudo_log_likelihoods_l2r, chain_rule_log_likelihoods)
    with torch.inference_mode():
        found = [method(model, stretches, IDS) for method in methods]
    for number, part in enumerate(stretches):
        for token, target in enumerate(part.tokens):
            head = [IDS.cls, *part.before, *part.tokens[:token], IDS.mask]
            rest = list(part.tokens[token + 1 :])
            unknown = [
                IDS.mask if word == part.words[token] else other
                for other, word in zip(rest, part.words[token + 1 :], strict=True)
            ]
            rows = [[*head, *rest, *part.after], [*head, *unknown, *part.after], head]
            for values, row in zip(found, rows, strict=True):
                wanted = alone(model, [*row, IDS.sep], len(head) - 1, target)
                assert values[number][token] == pytest.approx(wanted, abs=1e-5)


def mass(method: Likelihoods, model: BERT, vocab_size: int, length: int) -> float:
    """Return the sum of exp(score) over all texts of so many tokens."""
    every = itertools.product(range(vocab_size), repeat=length)
    texts = [stretch([], list(tokens), [], list(range(length))) for tokens in every]
    with torch.inference_mode():
        return sum(math.exp(sum(values)) for values in method(model, texts, IDS))


def test_the_chain_rule_gives_a_distribution_over_texts_and_pseudo_likelihood_none() -> None:
    torch.manual_seed(0)
    model = BERT(BERTConfig(**{**SIZES, "vocab_size": 9}, dropout=0.0)).eval()
    for weight in model.parameters():
        if weight.dim() == 2:  # with small weights each token is as likely whatever stands around it
            torch.nn.init.normal_(weight, std=1.0)
    for length in (1, 2, 3):
        assert mass(chain_rule_log_likelihoods, model, 9, length) == pytest.approx(1, abs=1e-4)
    assert abs(mass(pseudo_log_likelihoods, model, 9, 3) - 1) > 0.1


def test_the_chain_rule_reads_nothing_that_comes_later(model: BERT) -> None:
    model.eval()
    short, long = stretch([3], [8, 9], [], [0, 1]), stretch([3], [8, 9, 10], [11], [0, 1, 1])
    with torch.inference_mode():
        first, second = chain_rule_log_likelihoods(model, [short, long], IDS)
    assert second[:2] == pytest.approx(first, abs=1e-5)
