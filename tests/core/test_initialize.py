"""First weights: N(0, 0.02), truncated for BERT, the same for the same seed."""

import math

import pytest
import torch
from torch import nn

from twinlm.core.initialize import STANDARD_DEVIATION, initialize, waves, without_weights
from twinlm.models.bert import BERT, BERTConfig
from twinlm.models.gpt import GPT, GPTConfig

SIZES = {"vocab_size": 301, "max_length": 32, "width": 64, "layers": 2, "heads": 4, "feed_forward": 256}


def matrices(model: nn.Module) -> torch.Tensor:
    return torch.cat([weight.detach().flatten() for weight in model.parameters() if weight.dim() > 1])


@pytest.mark.parametrize("model", [GPT(GPTConfig(**SIZES)), BERT(BERTConfig(**SIZES))], ids=["gpt", "bert"])
@pytest.mark.parametrize("is_truncated", [False, True])
def test_matrices_are_normal_biases_0_and_gains_1(model: nn.Module, is_truncated: bool) -> None:
    initialize(model, seed=5, is_truncated=is_truncated)
    weights = matrices(model)
    # A normal distribution cut at two deviations keeps 0.8796 of its deviation.
    wanted = STANDARD_DEVIATION * (0.8796 if is_truncated else 1)
    assert abs(float(weights.mean())) < 4 * wanted / len(weights) ** 0.5
    assert float(weights.std()) == pytest.approx(wanted, rel=0.01)
    assert (float(weights.abs().max()) <= 2 * STANDARD_DEVIATION) == is_truncated
    for name, weight in model.named_parameters():
        if "bias" in name:
            assert (weight == 0).all(), name
        elif weight.dim() == 1:
            assert (weight == 1).all(), name


@pytest.mark.parametrize("is_truncated", [False, True])
def test_the_same_seed_gives_the_same_weights_whatever_the_global_generator(is_truncated: bool) -> None:
    first, second, other = (GPT(GPTConfig(**SIZES)) for _ in range(3))
    initialize(first, seed=5, is_truncated=is_truncated)
    torch.manual_seed(99)
    before = torch.random.get_rng_state()
    initialize(second, seed=5, is_truncated=is_truncated)
    assert torch.equal(before, torch.random.get_rng_state())
    initialize(other, seed=6, is_truncated=is_truncated)
    assert torch.equal(matrices(first), matrices(second))
    assert not torch.equal(matrices(first), matrices(other))


def test_no_two_matrices_are_alike() -> None:
    model = GPT(GPTConfig(**SIZES))
    initialize(model, seed=5, is_truncated=False)
    beginnings = {tuple(weight.flatten()[:4].tolist()) for weight in model.parameters() if weight.dim() > 1}
    assert len(beginnings) == sum(weight.dim() > 1 for weight in model.parameters())


def test_positions_may_begin_as_waves_of_the_same_deviation() -> None:
    drawn, model = GPT(GPTConfig(**SIZES)), GPT(GPTConfig(**SIZES))
    initialize(drawn, seed=5, is_truncated=False, deviation=0.07)
    initialize(model, seed=5, is_truncated=False, deviation=0.07, positions="sinusoidal")
    places = model.position_embedding.weight.detach()
    assert torch.equal(model.token_embedding.weight, drawn.token_embedding.weight)
    assert float(places.square().mean().sqrt()) == pytest.approx(0.07, rel=1e-5)
    expected = torch.tensor([math.sin(3), math.cos(3)]) * 0.07 * math.sqrt(2)
    assert places[3, :2].tolist() == pytest.approx(expected.tolist(), rel=1e-5)
    products = places @ places.T  # depend on the distance alone
    assert torch.allclose(products[3, 7], products[20, 24], atol=1e-6)
    assert (products[5, 6:9].diff() < 0).all()


def test_waves_of_odd_width_end_with_a_sine() -> None:
    assert waves(9, 5)[0].tolist() == pytest.approx([0, 2**0.5, 0, 2**0.5, 0])


@pytest.mark.parametrize(("kind", "config"), [(GPT, GPTConfig), (BERT, BERTConfig)])
def test_a_model_without_weights_has_every_shape_and_draws_nothing(kind, config) -> None:
    before = torch.random.get_rng_state()
    with without_weights():
        void = kind(config(**SIZES))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert all(weight.is_meta and weight.requires_grad for weight in void.parameters())
    whole = kind(config(**SIZES)).state_dict()
    assert {name: weight.shape for name, weight in void.state_dict().items()} == {
        name: weight.shape for name, weight in whole.items()
    }
