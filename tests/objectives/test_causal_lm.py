"""L1 by hand: every token given all before it; each text's mean for the auxiliary loss."""

import pytest
import torch

from twinlm.batch import Batch
from twinlm.models.gpt import GPT, GPTConfig
from twinlm.objectives.causal_lm import auxiliary_causal_lm, causal_lm

SIZES = {"vocab_size": 31, "max_length": 12, "width": 16, "layers": 2, "heads": 2, "feed_forward": 32}


@pytest.fixture
def model() -> GPT:
    torch.manual_seed(0)
    return GPT(GPTConfig(**SIZES, dropout=0.0))


def batch(lengths: list[int]) -> Batch:
    torch.manual_seed(1)
    tokens_BL = torch.randint(31, (len(lengths), max(lengths)))
    real_BL = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
    return Batch(tokens_BL=tokens_BL, segments_BL=torch.zeros_like(tokens_BL), real_BL=real_BL)


def surprises(model: GPT, given: Batch) -> list[list[float]]:
    """Return -log P of every real token but the first of each text, one text and one token at a time."""
    rows = []
    for tokens_L, real_L in zip(given.tokens_BL, given.real_BL, strict=True):
        row = []
        for place in range(1, int(real_L.sum())):
            logits_V = model.next_token_logits(model(tokens_L[None, :place]))[0, -1]
            row.append(-float(logits_V.log_softmax(-1)[tokens_L[place]]))
        rows.append(row)
    return rows


@torch.no_grad()
def test_l1_is_minus_the_mean_log_likelihood_of_all_tokens(model: GPT) -> None:
    given = batch([9, 6, 2])
    flat = [value for row in surprises(model, given) for value in row]
    loss = causal_lm(model, given)
    assert loss.targets == len(flat) == 8 + 5 + 1
    assert float(loss.total) == pytest.approx(sum(flat) / len(flat), abs=1e-5)
    assert float(loss.parts["causal_lm"]) == float(loss.total)


@torch.no_grad()
def test_the_auxiliary_loss_is_each_texts_mean_then_the_mean_over_texts(model: GPT) -> None:
    given = batch([9, 6, 2])
    means = [sum(row) / len(row) for row in surprises(model, given)]
    found = auxiliary_causal_lm(model, model(given.tokens_BL), given, given.counts())
    assert float(found) == pytest.approx(sum(means) / len(means), abs=1e-5)
    assert float(found) != pytest.approx(float(causal_lm(model, given).total), abs=1e-3)


def test_padding_has_no_say(model: GPT) -> None:
    given = batch([9, 6, 2])
    noise_BL = torch.where(given.real_BL, given.tokens_BL, (given.tokens_BL + 5) % 31)
    noisy = Batch(tokens_BL=noise_BL, segments_BL=given.segments_BL, real_BL=given.real_BL)
    assert torch.equal(causal_lm(model, given).total, causal_lm(model, noisy).total)


def test_what_is_logged_holds_no_graph(model: GPT) -> None:
    loss = causal_lm(model, batch([9, 6]))
    assert loss.total.requires_grad
    assert not any(part.requires_grad for part in loss.parts.values())


def test_an_even_guess_costs_the_logarithm_of_the_vocabulary(model: GPT) -> None:
    with torch.no_grad():
        model.token_embedding.weight.zero_()
    loss = causal_lm(model, batch([9, 6])).total.detach()
    assert float(loss) == pytest.approx(torch.tensor(31.0).log().item(), abs=1e-5)
