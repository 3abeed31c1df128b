"""A network trained both ways, against losses written out."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from twinlm.batch import IGNORE, Batch, HybridBatch, MaskedBatch
from twinlm.core import masks
from twinlm.models.bert import BERT, BERTConfig
from twinlm.models.gpt import GPT, GPTConfig
from twinlm.objectives.causal_lm import causal_lm
from twinlm.objectives.hybrid import hybrid_lm, left_to_right_first, left_to_right_lm
from twinlm.objectives.masked_lm import masked_lm

SIZES: dict[str, Any] = {
    "vocab_size": 31,
    "max_length": 12,
    "width": 16,
    "layers": 2,
    "heads": 2,
    "feed_forward": 32,
    "dropout": 0.0,
}


@pytest.fixture
def gpt() -> GPT:
    torch.manual_seed(0)
    return GPT(GPTConfig(**SIZES))


@pytest.fixture
def bert() -> BERT:
    torch.manual_seed(0)
    return BERT(BERTConfig(**SIZES))


def hybrid(sees_all: list[bool]) -> HybridBatch:
    """Rows of nine tokens, of which 2, 5 and 8 are masked where a row is read from both sides."""
    torch.manual_seed(1)
    tokens_BL = torch.randint(8, 31, (len(sees_all), 9))
    sees_all_B = torch.tensor(sees_all)
    is_target_BL = ~sees_all_B[:, None] | torch.isin(torch.arange(9), torch.tensor([2, 5, 8]))
    is_target_BL[:, 0] = False
    return HybridBatch(
        tokens_BL=torch.where(is_target_BL & sees_all_B[:, None], 4, tokens_BL),
        segments_BL=torch.zeros_like(tokens_BL),
        real_BL=torch.ones_like(tokens_BL, dtype=torch.bool),
        originals_BL=torch.where(is_target_BL, tokens_BL, IGNORE),
        sees_all_B=sees_all_B,
    )


def test_each_part_is_the_mean_over_its_own_rows(gpt: GPT) -> None:
    batch = hybrid([True, False, False])
    loss = hybrid_lm(gpt, batch)
    by_row = []
    for row, sees_all in enumerate(batch.sees_all_B.tolist()):
        real_1L = batch.real_BL[row : row + 1]
        mask = masks.bidirectional(real_1L) if sees_all else masks.causal()
        states_1LD = gpt(batch.tokens_BL[row : row + 1], mask).detach()
        log_LV = gpt.next_token_logits(states_1LD)[0].detach().log_softmax(-1)
        wanted = [place for place in range(1, 9) if batch.originals_BL[row, place] != IGNORE]
        by_row.append([-float(log_LV[place - 1, batch.originals_BL[row, place]]) for place in wanted])
    masked, causal = sum(by_row[0]) / 3, sum(by_row[1] + by_row[2]) / 16
    assert loss.parts["masked_next_token"].item() == pytest.approx(masked, abs=1e-5)
    assert loss.parts["causal_lm"].item() == pytest.approx(causal, abs=1e-5)
    assert loss.total.item() == pytest.approx(masked / 3 + 2 * causal / 3, abs=1e-5)
    assert loss.targets == 3 + 16


def test_without_masked_rows_it_is_gpts_objective(gpt: GPT) -> None:
    batch = hybrid([False, False])
    plain = Batch(tokens_BL=batch.tokens_BL, segments_BL=batch.segments_BL, real_BL=batch.real_BL)
    wanted = causal_lm(gpt, plain).total.item()
    assert hybrid_lm(gpt, batch).total.item() == pytest.approx(wanted, abs=1e-5)
    assert hybrid_lm(gpt, plain).total.item() == wanted


def test_a_row_read_left_to_right_sees_nothing_of_what_comes(gpt: GPT) -> None:
    batch = hybrid([True, False])
    gradient = torch.autograd.functional.jacobian
    embedded = gpt.embed(batch.tokens_BL, first_position=0).detach()

    def states(hidden_BLD: torch.Tensor) -> torch.Tensor:
        for block in gpt.blocks:
            hidden_BLD = block(hidden_BLD, masks.mixed(batch.sees_all_B, 9))
        return hidden_BLD[:, 3] @ torch.linspace(-1, 2, 16)  # a plain sum of normalized states is constant

    flow_BBL = gradient(states, embedded).abs().sum(-1)
    assert (flow_BBL[0, 0] > 0).all()
    assert (flow_BBL[1, 1, :4] > 0).all()
    assert (flow_BBL[1, 1, 4:] == 0).all()
    assert (flow_BBL[0, 1] == 0).all()


def test_bert_left_to_right_predicts_each_next_token_from_those_before(bert: BERT) -> None:
    torch.manual_seed(2)
    tokens_BL, real_BL = torch.randint(8, 31, (2, 7)), torch.arange(7) < torch.tensor([[7], [4]])
    batch = Batch(tokens_BL=tokens_BL, segments_BL=torch.zeros_like(tokens_BL), real_BL=real_BL)
    values = []
    for row, length in enumerate((7, 4)):
        causal = bert(
            tokens_BL[row : row + 1, :length],
            batch.segments_BL[row : row + 1, :length],
            real_BL[row : row + 1, :length],
            masks.causal(),
        )
        log_LV = bert.masked_token_logits(causal)[0].detach().log_softmax(-1)
        values += [-float(log_LV[place - 1, tokens_BL[row, place]]) for place in range(1, length)]
    changed_BL = tokens_BL.clone()
    changed_BL[:, 3] = 30
    states = [bert(rows, batch.segments_BL, real_BL, masks.causal()) for rows in (tokens_BL, changed_BL)]
    assert torch.equal(states[0][:, :3], states[1][:, :3])
    loss = left_to_right_lm(bert, batch)
    assert loss.total.item() == pytest.approx(sum(values) / len(values), abs=1e-5)
    assert loss.targets == len(values) == 9


def test_the_kind_of_batch_decides_between_left_to_right_and_masked(bert: BERT) -> None:
    torch.manual_seed(2)
    tokens_BL = torch.randint(8, 31, (2, 7))
    plain: dict[str, Any] = {
        "tokens_BL": tokens_BL,
        "segments_BL": torch.zeros_like(tokens_BL),
        "real_BL": torch.ones_like(tokens_BL, dtype=torch.bool),
    }
    originals_BL = torch.full_like(tokens_BL, IGNORE)
    originals_BL[:, 3] = tokens_BL[:, 3]
    masked = MaskedBatch(**plain, originals_BL=originals_BL, is_random_B=torch.zeros(2, dtype=torch.long))
    objective: Callable[..., Any] = left_to_right_first(masked_lm)
    assert list(objective(bert, Batch(**plain)).parts) == ["causal_lm"]
    assert objective(bert, masked).total.item() == masked_lm(bert, masked).total.item()
