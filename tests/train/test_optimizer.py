"""Which weights decay, that the update is Adam with decoupled decay, and the learning rate of each step."""

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from twinlm.errors import UsageError
from twinlm.families import FAMILIES
from twinlm.settings import OptimizerSettings
from twinlm.train.optimizer import build_optimizer, learning_rate

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


@pytest.mark.parametrize("name", FAMILIES)
def test_muon_updates_the_layers_matrices_and_adamw_all_else(name: str) -> None:
    """Against singular values in float64, each of which goes through the same five polynomials."""
    torch.manual_seed(0)
    model = FAMILIES[name].model(FAMILIES[name].config(**SIZES))
    settings = OptimizerSettings(method="muon", learning_rate=0.01, weight_decay=0.5)
    muon = build_optimizer(model, settings)
    twin = FAMILIES[name].model(FAMILIES[name].config(**SIZES))
    twin.load_state_dict(model.state_dict())
    adamw = build_optimizer(twin, replace(settings, method="adamw"))
    means: dict[str, torch.Tensor] = {}
    for _ in range(3):
        before = {key: weight.detach().double() for key, weight in model.named_parameters()}
        for key, weight in model.named_parameters():
            weight.grad = torch.randn_like(weight)
            twin.get_parameter(key).grad = weight.grad.clone()
        muon.step()
        adamw.step()
        for key, weight in model.named_parameters():
            if not ("blocks." in key and weight.dim() == 2):
                other = twin.get_parameter(key)
                torch.testing.assert_close(weight, other, atol=1e-6, rtol=1e-5, msg=key)
                continue
            assert weight.grad is not None
            gradient = weight.grad.double()
            means[key] = 0.95 * means.get(key, 0) + 0.05 * gradient
            parts = (0.95 * means[key] + 0.05 * gradient).chunk(3 if "query_key_value" in key else 1)
            update = torch.cat(
                [made_orthogonal(part) * 7 * max(1, len(part) / part.shape[1]) ** 0.5 for part in parts]
            )
            wanted = before[key] * (1 - 0.01 * 0.5) - 0.01 * update
            torch.testing.assert_close(weight.detach().double(), wanted, atol=1e-5, rtol=0, msg=key)


def made_orthogonal(matrix_MN: torch.Tensor) -> torch.Tensor:
    left, values, right = torch.linalg.svd(matrix_MN, full_matrices=False)
    values = values / values.norm()
    for _ in range(5):
        values = 3.4445 * values - 4.7750 * values**3 + 2.0315 * values**5
    return left @ values.diag() @ right


def test_muon_in_bfloat16_updates_almost_as_in_float32() -> None:
    torch.manual_seed(0)
    updates = []
    for precision in ("float32", "bfloat16"):
        torch.manual_seed(1)
        model = FAMILIES["gpt"].model(FAMILIES["gpt"].config(**SIZES))
        optimizer = build_optimizer(model, OptimizerSettings(method="muon", weight_decay=0.0), precision)
        matrix = model.get_parameter("blocks.0.feed_forward.expand.weight")
        before, matrix.grad = matrix.detach().clone(), torch.randn_like(matrix)
        optimizer.step()
        assert optimizer.state[matrix]["momentum"].dtype == torch.float32
        updates.append(before - matrix.detach())
    assert (updates[0] - updates[1]).norm() < 0.05 * updates[0].norm()


def test_muon_keeps_frozen_and_zero_gradients_finite() -> None:
    model = FAMILIES["gpt"].model(FAMILIES["gpt"].config(**SIZES))
    optimizer = build_optimizer(model, OptimizerSettings(method="muon", weight_decay=0.0))
    before = {name: weight.detach().clone() for name, weight in model.named_parameters()}
    matrix = model.get_parameter("blocks.0.attention.output.weight")
    matrix.grad = torch.zeros_like(matrix)
    optimizer.step()
    assert all(torch.equal(weight, before[name]) for name, weight in model.named_parameters())
    assert list(optimizer.state) == [matrix]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"method": "muon", "bias_correction": False}, "a form of AdamW"),
        ({"learning_rate": 1.0, "weight_decay": 1.5}, "would turn weights around"),
    ],
)
def test_settings_that_no_optimizer_has_are_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        OptimizerSettings(**values)


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
def test_it_rises_to_the_peak_at_the_end_of_the_warm_up_and_falls_to_almost_0(schedule: str) -> None:
    rate = learning_rate(OptimizerSettings(learning_rate=2.0, warmup_share=0.1, schedule=schedule), 100)
    assert rate(0) == pytest.approx(0.2)
    assert rate(4) == pytest.approx(1.0)
    assert rate(9) == rate(10) == 2.0
    assert rate(55) == pytest.approx(1.0)  # both are at a half in the middle of the fall
    wanted = 2 / 90 if schedule == "linear" else 1 + math.cos(math.pi * 89 / 90)
    assert rate(99) == pytest.approx(wanted)
    assert rate(99) > 0
    assert rate(100) == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize(
    ("steps", "warmup"), [(10, 1), (30, 3), (70, 7), (1000, 100), (11, 2), (1, 1)], ids=str
)
def test_the_warm_up_takes_its_share_of_the_steps_rounded_up(steps: int, warmup: int) -> None:
    """Rounded up, but not over an error of floating point: 0.1 * 70 is a little more than 7."""
    rate = learning_rate(OptimizerSettings(learning_rate=1.0, warmup_share=0.1), steps)
    assert rate(0) == pytest.approx(1 / warmup)
    assert rate(warmup - 1) == 1.0


def test_without_warm_up_the_first_step_has_the_full_rate() -> None:
    assert learning_rate(OptimizerSettings(learning_rate=1.0, warmup_share=0.0), 10)(0) == 1.0


def test_gpts_fine_tuning_warms_up_for_one_step() -> None:
    """0.2 % of the 530 steps that a task of that time took (Radford et al. 2018, 4.1) is one step, or two."""
    rate = learning_rate(OptimizerSettings(learning_rate=6.25e-5, warmup_share=0.002), 500)
    assert rate(0) == 6.25e-5


def test_the_warm_up_may_be_given_in_steps() -> None:
    rate = learning_rate(OptimizerSettings(learning_rate=1.0, warmup_steps=4, warmup_share=0.9), 100)
    assert [rate(step) for step in (0, 1, 3, 4)] == [0.25, 0.5, 1.0, 1.0]


def test_the_released_schedule_counts_from_the_first_step() -> None:
    """optimization.py: rate * step / warm-up below it, then polynomial_decay of power 1 over all steps."""
    settings = OptimizerSettings(learning_rate=1e-4, warmup_steps=10_000, released_schedule=True)
    rate = learning_rate(settings, 1_000_000)
    for step in (0, 1, 5000, 9999):
        assert rate(step) == pytest.approx(1e-4 * step / 10_000, rel=1e-12)
    for step in (10_000, 500_000, 999_999):
        assert rate(step) == pytest.approx(1e-4 * (1 - step / 1_000_000), rel=1e-9)


def test_the_released_schedule_rounds_a_share_of_the_steps_down() -> None:
    """run_classifier.py: int(num_train_steps * warmup_proportion); 0.1 * 70 is a little above 7 in floats."""
    for steps, warmup in ((70, 7), (79, 7), (9, 0)):
        settings = OptimizerSettings(learning_rate=1.0, warmup_share=0.1, released_schedule=True)
        rate = learning_rate(settings, steps)
        assert rate(warmup) == pytest.approx(1 - warmup / steps)
        assert all(rate(step) == pytest.approx(step / warmup) for step in range(warmup))


@given(
    share=st.floats(0, 0.9),
    steps=st.integers(1, 5000),
    schedule=st.sampled_from(["linear", "cosine"]),
)
def test_every_step_learns_and_none_above_the_peak(share: float, steps: int, schedule: str) -> None:
    rate = learning_rate(OptimizerSettings(learning_rate=0.5, warmup_share=share, schedule=schedule), steps)
    rates = [rate(step) for step in range(0, steps, max(1, steps // 50))] + [rate(steps - 1)]
    assert all(0 < value <= 0.5 for value in rates)
    peak = rates.index(max(rates))
    assert rates[: peak + 1] == sorted(rates[: peak + 1])
    assert rates[peak:] == sorted(rates[peak:], reverse=True)
