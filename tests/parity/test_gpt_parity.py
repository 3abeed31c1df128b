"""From the same weights our GPTs have the logits, losses and gradients of transformers' GPT-1 and GPT-2."""

from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import GPT2Config, GPT2LMHeadModel, OpenAIGPTConfig, OpenAIGPTLMHeadModel

from twinlm.batch import Batch
from twinlm.core import vocabulary_loss
from twinlm.core.count import parameter_count
from twinlm.hf.gpt import GPT1, GPT2
from twinlm.hf.layout import from_hf, to_hf
from twinlm.models.gpt import GPT, GPTConfig
from twinlm.objectives.causal_lm import auxiliary_causal_lm, causal_lm

V, LAYERS = 61, 3
# By our `norm`: their classes, and the table of names between them.
THEIRS: dict[str, Any] = {
    "post": (OpenAIGPTConfig, OpenAIGPTLMHeadModel, GPT1.table),
    "pre": (GPT2Config, GPT2LMHeadModel, GPT2.table),
}


@pytest.fixture(params=THEIRS)
def norm(request: pytest.FixtureRequest) -> str:
    return request.param


def without_head(named: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor for name, tensor in named.items() if name.startswith(GPT1.prefix)}


def pair(norm: str, dropout: float = 0.0) -> tuple[GPT, Any]:
    config, model, table = THEIRS[norm]
    theirs = model(
        config(
            vocab_size=V,
            n_positions=16,
            n_embd=24,
            n_layer=LAYERS,
            n_head=4,
            initializer_range=0.2,
            resid_pdrop=dropout,
            embd_pdrop=dropout,
            attn_pdrop=dropout,
            bos_token_id=1,
            eos_token_id=1,
        )
    )
    with torch.no_grad():  # biases of 0 and gains of 1 would hide a mistake
        for weight in theirs.parameters():
            weight.add_(0.1 * torch.randn_like(weight))
    ours = GPT(
        GPTConfig(
            vocab_size=V,
            max_length=16,
            width=24,
            layers=LAYERS,
            heads=4,
            feed_forward=96,
            dropout=dropout,
            norm=norm,
        )
    )
    ours.load_state_dict(from_hf(table, LAYERS, without_head(theirs.state_dict())))
    return ours, theirs


def batch() -> Batch:
    tokens_BL = torch.randint(V, (3, 11))
    real_BL = torch.arange(11) < torch.tensor([[11], [7], [2]])
    return Batch(tokens_BL=tokens_BL, segments_BL=torch.zeros_like(tokens_BL), real_BL=real_BL)


def compare_gradients(ours: GPT, theirs: Any) -> None:
    found = to_hf(
        THEIRS[ours.config.norm][2], LAYERS, {name: weight.grad for name, weight in ours.named_parameters()}
    )
    wanted = without_head({name: weight.grad for name, weight in theirs.named_parameters()})
    assert found.keys() == wanted.keys()
    for name, gradient in found.items():
        torch.testing.assert_close(gradient, wanted[name], atol=1e-5, rtol=1e-4, msg=name)


@torch.no_grad()
def test_logits_and_states_in_evaluation_mode(norm: str) -> None:
    ours, theirs = (model.eval() for model in pair(norm, dropout=0.1))
    given = batch()
    out = theirs(given.tokens_BL, output_hidden_states=True)
    hidden_BLD = ours(given.tokens_BL)
    torch.testing.assert_close(hidden_BLD, out.hidden_states[-1], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(ours.next_token_logits(hidden_BLD), out.logits, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_real_states_are_hugging_faces_with_an_attention_mask(norm: str) -> None:
    ours, theirs = (model.eval() for model in pair(norm))
    given = batch()
    out = theirs(given.tokens_BL, attention_mask=given.real_BL.long(), output_hidden_states=True)
    found, wanted = ours(given.tokens_BL)[given.real_BL], out.hidden_states[-1][given.real_BL]
    torch.testing.assert_close(found, wanted, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("rows", [1, 4, 1000])
def test_loss_and_gradients_in_training_mode(rows: int, norm: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hugging Face computes all logits at once and takes its own loss; ours goes through `causal_lm`."""
    monkeypatch.setattr(vocabulary_loss, "_LOGITS_AT_ONCE", {"cpu": rows * V})
    ours, theirs = (model.train() for model in pair(norm))
    given = batch()
    wanted = theirs(given.tokens_BL, labels=given.tokens_BL.masked_fill(~given.real_BL, -100)).loss
    loss = causal_lm(ours, given)
    torch.testing.assert_close(loss.total, wanted, atol=1e-5, rtol=1e-5)
    assert loss.targets == 10 + 6 + 1
    loss.total.backward()
    wanted.backward()
    compare_gradients(ours, theirs)


def test_the_auxiliary_loss_is_hugging_faces_loss_of_each_text_on_average(norm: str) -> None:
    ours, theirs = (model.train() for model in pair(norm))
    given = batch()
    lengths = given.real_BL.sum(1).tolist()
    texts = [given.tokens_BL[row : row + 1, :length] for row, length in enumerate(lengths)]
    wanted = torch.stack([theirs(text, labels=text).loss for text in texts]).mean()
    found = auxiliary_causal_lm(ours, ours(given.tokens_BL), given, given.counts())
    torch.testing.assert_close(found, wanted, atol=1e-5, rtol=1e-5)
    found.backward()
    wanted.backward()
    compare_gradients(ours, theirs)


def test_the_table_of_names_goes_both_ways(norm: str) -> None:
    ours, theirs = pair(norm)
    state = without_head(theirs.state_dict())
    back = to_hf(THEIRS[ours.config.norm][2], LAYERS, ours.state_dict())
    assert back.keys() == state.keys()
    assert all(torch.equal(tensor, state[name]) for name, tensor in back.items())
    again = from_hf(THEIRS[norm][2], LAYERS, back)
    assert again.keys() == ours.state_dict().keys()
    assert all(torch.equal(tensor, ours.state_dict()[name]) for name, tensor in again.items())


def test_the_default_configuration_has_the_papers_116_534_784_weights() -> None:
    with torch.device("meta"):
        ours, theirs = GPT(GPTConfig()), OpenAIGPTLMHeadModel(OpenAIGPTConfig())
    assert parameter_count(ours) == 116_534_784
    assert sum(weight.numel() for weight in theirs.parameters()) == 116_534_784


def test_gpt2s_sizes_have_its_124_439_808_weights() -> None:
    config = GPTConfig(vocab_size=50_257, max_length=1024, norm="pre")
    with torch.device("meta"):
        ours, theirs = GPT(config), GPT2LMHeadModel(GPT2Config())
    assert parameter_count(ours) == 124_439_808
    assert sum(weight.numel() for weight in theirs.parameters()) == 124_439_808
