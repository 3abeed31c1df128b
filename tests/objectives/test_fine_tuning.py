"""L = lambda * L1 + L2, and that both parts teach what they should."""

import pytest
import torch
from torch.nn import functional as F

from twinlm.batch import LabelledBatch
from twinlm.families import BERT_FAMILY, FAMILIES, GPT_FAMILY, Family
from twinlm.objectives.causal_lm import auxiliary_causal_lm
from twinlm.objectives.fine_tuning import FineTuned, fine_tuning
from twinlm.tasks.heads import SequenceHead

SIZES = {"vocab_size": 31, "max_length": 12, "width": 16, "layers": 2, "heads": 2, "feed_forward": 32}


def tuned(family: Family) -> FineTuned:
    torch.manual_seed(0)
    model = family.model(family.config(**SIZES, dropout=0.0))
    return FineTuned(model, SequenceHead(width=16, outputs=3, dropout=0.0, has_bias=True)).train()


@pytest.fixture
def batch() -> LabelledBatch:
    torch.manual_seed(1)
    tokens_BL = torch.randint(31, (4, 9))
    return LabelledBatch(
        tokens_BL=tokens_BL,
        segments_BL=torch.zeros_like(tokens_BL),
        real_BL=torch.arange(9) < torch.tensor([[9], [6], [3], [2]]),
        owners_B=torch.arange(4),
        labels_G=torch.tensor([0, 2, 1, 2]),
    )


@pytest.mark.parametrize("weight", [0.5, 2.0])
def test_the_total_is_lambda_times_l1_plus_l2(weight: float, batch: LabelledBatch) -> None:
    model = tuned(GPT_FAMILY)
    loss = fine_tuning(GPT_FAMILY.auxiliary(weight))(model, batch)
    task = F.cross_entropy(model(batch), batch.labels_G)
    language = auxiliary_causal_lm(model.model, model.read(batch).hidden_BLD, batch, batch.counts())
    torch.testing.assert_close(loss.total, weight * language + task)
    torch.testing.assert_close(loss.parts["task"], task.detach())
    torch.testing.assert_close(loss.parts["causal_lm"], language.detach())
    assert loss.targets == 4
    assert not any(part.requires_grad for part in loss.parts.values())


def test_its_gradient_is_lambda_times_that_of_l1_plus_that_of_l2(batch: LabelledBatch) -> None:
    both, language, task = (tuned(GPT_FAMILY) for _ in range(3))
    fine_tuning(GPT_FAMILY.auxiliary(0.5))(both, batch).total.backward()
    auxiliary_causal_lm(language.model, language.read(batch).hidden_BLD, batch, batch.counts()).backward()
    fine_tuning(None)(task, batch).total.backward()
    for name, weight in both.model.named_parameters():
        parts = [model.model.get_parameter(name).grad for model in (language, task)]
        of_language, of_task = (torch.zeros_like(weight) if grad is None else grad for grad in parts)
        torch.testing.assert_close(weight.grad, 0.5 * of_language + of_task, atol=1e-6, rtol=1e-5)


def test_lambda_0_and_bert_have_no_auxiliary_loss(batch: LabelledBatch) -> None:
    assert GPT_FAMILY.auxiliary(0) is None
    assert BERT_FAMILY.auxiliary(0.5) is None
    loss = fine_tuning(None)(tuned(BERT_FAMILY), batch)
    assert set(loss.parts) == {"task"}
    assert loss.parts["task"].item() == loss.total.item()


@pytest.mark.parametrize("name", FAMILIES)
def test_gradients_flow_to_the_head_and_through_the_whole_model(name: str, batch: LabelledBatch) -> None:
    family = FAMILIES[name]
    model = tuned(family)
    fine_tuning(family.auxiliary(0.5))(model, batch).total.backward()
    still = {name.split(".")[1] for name, weight in model.named_parameters() if weight.grad is None}
    assert still <= {"masked_token_head", "next_sentence_head"}  # BERT's pre-training heads stay as they are
    assert model.head.score.weight.grad is not None
    assert model.head.score.weight.grad.any()


def test_gpts_class_is_read_from_the_last_real_token_and_berts_from_the_first(batch: LabelledBatch) -> None:
    for family, place in [(GPT_FAMILY, 5), (BERT_FAMILY, 0)]:
        model = tuned(family)
        reading = model.model.read(batch)
        reading.hidden_BLD.retain_grad()
        model.head(reading, batch)[1].sum().backward()
        assert reading.hidden_BLD.grad is not None
        assert reading.hidden_BLD.grad[1].abs().sum(-1).nonzero()[:, 0].tolist() == [place]


@pytest.mark.parametrize("name", FAMILIES)
def test_a_model_learns_its_examples_by_heart(name: str, batch: LabelledBatch) -> None:
    family = FAMILIES[name]
    model = tuned(family)
    objective = fine_tuning(family.auxiliary(0.5))
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(60):
        loss = objective(model, batch)
        loss.total.backward()
        optimizer.step()
        optimizer.zero_grad()
    assert loss.parts["task"].item() < 0.1
