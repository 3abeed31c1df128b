"""Which weights decay, and that the update is Adam with decoupled decay."""

import pytest
import torch
from torch import nn

from twinlm.families import FAMILIES
from twinlm.settings import OptimizerSettings
from twinlm.train.optimizer import build_optimizer

SIZES = {"vocab_size": 31, "max_length": 12, "width": 16, "layers": 2, "heads": 2, "feed_forward": 32}


@pytest.mark.parametrize("name", FAMILIES)
def test_matrices_and_embeddings_decay_biases_and_gains_do_not(name: str) -> None:
    model = FAMILIES[name].model(FAMILIES[name].config(**SIZES))
    optimizer = build_optimizer(
        model, OptimizerSettings(weight_decay=0.01, beta1=0.8, beta2=0.95, epsilon=1e-6)
    )
    decay = {
        id(weight): group["weight_decay"] for group in optimizer.param_groups for weight in group["params"]
    }
    assert len(decay) == sum(1 for _ in model.parameters())
    for part_name, part in model.named_modules():
        for weight_name, weight in part.named_parameters(recurse=False):
            is_matrix = isinstance(part, nn.Linear | nn.Embedding) and weight_name == "weight"
            assert decay[id(weight)] == (0.01 if is_matrix else 0.0), f"{part_name}.{weight_name}"
    assert all(group["betas"] == (0.8, 0.95) and group["eps"] == 1e-6 for group in optimizer.param_groups)


@pytest.mark.parametrize("is_corrected", [True, False])
def test_updates_are_those_of_the_formula(is_corrected: bool) -> None:
    """Adam, then decay times the rate (Loshchilov and Hutter 2019); BERT leaves the correction out."""
    torch.manual_seed(0)
    layer = nn.Linear(3, 2)
    settings = OptimizerSettings(
        learning_rate=0.1,
        weight_decay=0.5,
        beta1=0.9,
        beta2=0.99,
        epsilon=1e-3,
        bias_correction=is_corrected,
    )
    optimizer = build_optimizer(layer, settings)
    wanted = {"weight": layer.weight.detach().clone(), "bias": layer.bias.detach().clone()}
    first = {name: torch.zeros_like(value) for name, value in wanted.items()}
    second = {name: torch.zeros_like(value) for name, value in wanted.items()}
    for step in (1, 2, 3):
        gradients = {name: torch.randn_like(value) for name, value in wanted.items()}
        for name, gradient in gradients.items():
            layer.get_parameter(name).grad = gradient.clone()
            first[name] = 0.9 * first[name] + 0.1 * gradient
            second[name] = 0.99 * second[name] + 0.01 * gradient**2
            mean, square = first[name], second[name]
            if is_corrected:
                mean, square = mean / (1 - 0.9**step), square / (1 - 0.99**step)
            decay = 0.5 if name == "weight" else 0.0
            wanted[name] = wanted[name] * (1 - 0.1 * decay) - 0.1 * mean / (square.sqrt() + 1e-3)
        optimizer.step()
    for name, value in wanted.items():
        torch.testing.assert_close(layer.get_parameter(name).detach(), value, atol=1e-6, rtol=1e-5)


def test_uncorrected_adam_passes_over_weights_without_a_gradient() -> None:
    layer = nn.Linear(3, 2)
    optimizer = build_optimizer(layer, OptimizerSettings(weight_decay=0.5, bias_correction=False))
    before = layer.weight.detach().clone()
    layer.bias.grad = torch.ones(2)
    optimizer.step()
    assert torch.equal(layer.weight, before)
    assert list(optimizer.state) == [layer.bias]
