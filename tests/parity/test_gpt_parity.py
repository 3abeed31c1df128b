"""From the same weights our GPT has the logits, losses and gradients of OpenAIGPTLMHeadModel."""

import pytest
import torch
from torch import Tensor
from transformers import OpenAIGPTConfig, OpenAIGPTLMHeadModel

from twinlm.batch import Batch
from twinlm.core import vocabulary_loss
from twinlm.core.count import parameter_count
from twinlm.hf.gpt import PREFIX, TABLE
from twinlm.hf.names import from_hf, to_hf
from twinlm.models.gpt import GPT, GPTConfig
from twinlm.objectives.causal_lm import auxiliary_causal_lm, causal_lm

V, LAYERS = 61, 3


def without_head(named: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor for name, tensor in named.items() if name.startswith(PREFIX)}


def pair(dropout: float = 0.0) -> tuple[GPT, OpenAIGPTLMHeadModel]:
    theirs = OpenAIGPTLMHeadModel(
        OpenAIGPTConfig(
            vocab_size=V,
            n_positions=16,
            n_embd=24,
            n_layer=LAYERS,
            n_head=4,
            initializer_range=0.2,
            resid_pdrop=dropout,
            embd_pdrop=dropout,
            attn_pdrop=dropout,
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
        )
    )
    ours.load_state_dict(from_hf(TABLE, LAYERS, without_head(theirs.state_dict())))
    return ours, theirs


def batch() -> Batch:
    tokens_BL = torch.randint(V, (3, 11))
    real_BL = torch.arange(11) < torch.tensor([[11], [7], [2]])
    return Batch(tokens_BL=tokens_BL, segments_BL=torch.zeros_like(tokens_BL), real_BL=real_BL)


def compare_gradients(ours: GPT, theirs: OpenAIGPTLMHeadModel) -> None:
    found = to_hf(TABLE, LAYERS, {name: weight.grad for name, weight in ours.named_parameters()})
    wanted = without_head({name: weight.grad for name, weight in theirs.named_parameters()})
    assert found.keys() == wanted.keys()
    for name, gradient in found.items():
        torch.testing.assert_close(gradient, wanted[name], atol=1e-5, rtol=1e-4, msg=name)


@torch.no_grad()
def test_logits_and_states_in_evaluation_mode() -> None:
    ours, theirs = (model.eval() for model in pair(dropout=0.1))
    given = batch()
    out = theirs(given.tokens_BL, output_hidden_states=True)
    hidden_BLD = ours(given.tokens_BL)
    torch.testing.assert_close(hidden_BLD, out.hidden_states[-1], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(ours.next_token_logits(hidden_BLD), out.logits, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_real_states_are_hugging_faces_with_an_attention_mask() -> None:
    ours, theirs = (model.eval() for model in pair())
    given = batch()
    out = theirs(given.tokens_BL, attention_mask=given.real_BL.long(), output_hidden_states=True)
    found, wanted = ours(given.tokens_BL)[given.real_BL], out.hidden_states[-1][given.real_BL]
    torch.testing.assert_close(found, wanted, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("rows", [1, 4, 1000])
def test_loss_and_gradients_in_training_mode(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hugging Face computes all logits at once and takes its own loss; ours goes through `causal_lm`."""
    monkeypatch.setattr(vocabulary_loss, "_LOGITS_AT_ONCE", {"cpu": rows * V})
    ours, theirs = (model.train() for model in pair())
    given = batch()
    wanted = theirs(given.tokens_BL, labels=given.tokens_BL.masked_fill(~given.real_BL, -100)).loss
    loss = causal_lm(ours, given)
    torch.testing.assert_close(loss.total, wanted, atol=1e-5, rtol=1e-5)
    assert loss.targets == 10 + 6 + 1
    loss.total.backward()
    wanted.backward()
    compare_gradients(ours, theirs)


def test_the_auxiliary_loss_is_hugging_faces_loss_of_each_text_on_average() -> None:
    ours, theirs = (model.train() for model in pair())
    given = batch()
    lengths = given.real_BL.sum(1).tolist()
    texts = [given.tokens_BL[row : row + 1, :length] for row, length in enumerate(lengths)]
    wanted = torch.stack([theirs(text, labels=text).loss for text in texts]).mean()
    found = auxiliary_causal_lm(ours, ours(given.tokens_BL), given)
    torch.testing.assert_close(found, wanted, atol=1e-5, rtol=1e-5)
    found.backward()
    wanted.backward()
    compare_gradients(ours, theirs)


def test_the_table_of_names_goes_both_ways() -> None:
    ours, theirs = pair()
    state = without_head(theirs.state_dict())
    back = to_hf(TABLE, LAYERS, ours.state_dict())
    assert back.keys() == state.keys()
    assert all(torch.equal(tensor, state[name]) for name, tensor in back.items())
    again = from_hf(TABLE, LAYERS, back)
    assert again.keys() == ours.state_dict().keys()
    assert all(torch.equal(tensor, ours.state_dict()[name]) for name, tensor in again.items())


def test_the_default_configuration_has_the_papers_116_534_784_weights() -> None:
    with torch.device("meta"):
        ours, theirs = GPT(GPTConfig()), OpenAIGPTLMHeadModel(OpenAIGPTConfig())
    assert parameter_count(ours) == 116_534_784
    assert sum(weight.numel() for weight in theirs.parameters()) == 116_534_784
