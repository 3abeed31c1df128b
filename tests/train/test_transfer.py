"""What keeps its weights when only the first layers are transferred, and what stays still in training."""

from functools import partial
from typing import Any

import pytest
import torch

from twinlm.core.initialize import initialize
from twinlm.errors import UsageError
from twinlm.families import FAMILIES
from twinlm.settings import OptimizerSettings
from twinlm.train.optimizer import build_optimizer
from twinlm.train.transfer import ALL, NONE, freeze_layers, lower_part, transfer_layers

SIZES = {"vocab_size": 31, "max_length": 12, "width": 16, "layers": 3, "heads": 2, "feed_forward": 32}
EMBEDDINGS = ("token_embedding.", "position_embedding.", "segment_embedding.", "embedding_norm.")


def _model(name: str, seed: int = 1) -> Any:
    model = FAMILIES[name].model(FAMILIES[name].config(**SIZES))
    initialize(model, seed=seed, is_truncated=False)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.5)  # so that biases and gains too differ from first weights
    return model


def _is_low(name: str, layers: int) -> bool:
    return name.startswith((*EMBEDDINGS, *(f"blocks.{number}." for number in range(layers))))


@pytest.mark.parametrize("layers", [0, 1, 3])
@pytest.mark.parametrize("name", FAMILIES)
def test_embeddings_and_first_layers_keep_their_weights_and_the_rest_is_drawn(name: str, layers: int) -> None:
    model, again, other = _model(name), _model(name), _model(name)
    before = {key: weight.clone() for key, weight in model.state_dict().items()}
    for changed, seed in ((model, 5), (again, 5), (other, 6)):
        transfer_layers(changed, layers, seed=seed, is_truncated=True)
    for key, weight in model.state_dict().items():
        assert torch.equal(weight, before[key]) == _is_low(key, layers), key
        assert torch.equal(weight, again.state_dict()[key])
        if not _is_low(key, layers) and weight.dim() > 1:
            assert not torch.equal(weight, other.state_dict()[key])
            assert weight.std().item() == pytest.approx(0.02, rel=0.35)
            assert weight.abs().max() <= 0.04 + 1e-6


@pytest.mark.parametrize("name", FAMILIES)
def test_all_transferred_and_none_frozen_change_nothing(name: str) -> None:
    model, before = _model(name), _model(name).state_dict()
    transfer_layers(model, ALL, seed=5, is_truncated=False)
    freeze_layers(model, NONE)
    assert all(torch.equal(weight, before[key]) for key, weight in model.state_dict().items())
    assert all(weight.requires_grad for weight in model.parameters())


@pytest.mark.parametrize("is_corrected", [True, False])
@pytest.mark.parametrize("layers", [0, 2])
@pytest.mark.parametrize("name", FAMILIES)
def test_frozen_weights_do_not_move_and_the_others_do(name: str, layers: int, is_corrected: bool) -> None:
    model = _model(name)
    freeze_layers(model, layers)
    settings = OptimizerSettings(learning_rate=0.1, weight_decay=0.1, bias_correction=is_corrected)
    optimizer = build_optimizer(model, settings)
    before = {key: weight.clone() for key, weight in model.state_dict().items()}
    tokens_BL = torch.randint(31, (2, 6))
    inputs = [tokens_BL, torch.zeros_like(tokens_BL), torch.ones_like(tokens_BL).bool()]
    hidden_BLD = model(*inputs[: 1 if name == "gpt" else 3])
    hidden_BLD.pow(3).sum().backward()
    optimizer.step()
    for key, weight in model.state_dict().items():
        if _is_low(key, layers):
            assert torch.equal(weight, before[key]), key
        elif key.startswith("blocks.") and key.endswith("weight"):
            assert not torch.equal(weight, before[key]), key


@pytest.mark.parametrize("change", [freeze_layers, partial(transfer_layers, seed=5, is_truncated=False)])
def test_more_layers_than_an_imported_model_has_are_refused(change: Any) -> None:
    with pytest.raises(UsageError, match="4 layers are to be transferred or frozen, but the model has 3"):
        change(_model("bert"), 4)


def test_the_lower_part_of_a_whole_bert_leaves_out_its_heads() -> None:
    model = _model("bert")
    above = set(model.state_dict()) - lower_part(model, 3)
    assert {name.split(".")[0] for name in above} == {"pooler", "masked_token_head", "next_sentence_head"}
