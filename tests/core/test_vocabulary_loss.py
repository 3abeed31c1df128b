"""The loss over the vocabulary, made in pieces, is `F.cross_entropy` with all its gradients."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from twinlm.core import vocabulary_loss as module
from twinlm.core.vocabulary_loss import choose, vocabulary_loss

N, D, V = 13, 6, 29


def inputs(dtype: torch.dtype = torch.float32) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(7)
    return {
        "hidden_ND": torch.randn(N, D, generator=generator).to(dtype).requires_grad_(),
        "embedding_VD": torch.randn(V, D, generator=generator).to(dtype).requires_grad_(),
        "bias_V": torch.randn(V, generator=generator).to(dtype).requires_grad_(),
        "targets_N": torch.randint(V, (N,), generator=generator),
        "weights_N": torch.rand(N, generator=generator),
    }


def plain(given: dict[str, Tensor], *, bias: bool, weights: bool) -> Tensor:
    """Compute the same thing with all logits at once."""
    logits_NV = F.linear(given["hidden_ND"], given["embedding_VD"], given["bias_V"] if bias else None)
    each_N = F.cross_entropy(logits_NV, given["targets_N"], reduction="none")
    return (each_N * given["weights_N"]).sum() if weights else each_N.mean()


def ours(given: dict[str, Tensor], *, bias: bool, weights: bool) -> Tensor:
    return vocabulary_loss(
        given["hidden_ND"],
        given["embedding_VD"],
        given["targets_N"],
        given["weights_N"]
        if weights
        else torch.full((len(given["targets_N"]),), 1 / len(given["targets_N"])),
        bias_V=given["bias_V"] if bias else None,
    )


@pytest.fixture(params=[1, 5, N, 1000], ids=lambda rows: f"{rows} rows at once")
def _rows_at_once(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LOGITS_AT_ONCE", {"cpu": request.param * V})


@pytest.mark.usefixtures("_rows_at_once")
@pytest.mark.parametrize("bias", [False, True], ids=["no bias", "bias"])
@pytest.mark.parametrize("weights", [False, True], ids=["mean", "weights"])
def test_value_and_all_gradients_are_those_of_cross_entropy(bias: bool, weights: bool) -> None:
    mine, theirs = inputs(), inputs(torch.float64)
    # The gradient that arrives from above is not 1, as when a loss is divided by the number of micro-batches.
    (0.25 * ours(mine, bias=bias, weights=weights)).backward()
    (0.25 * plain(theirs, bias=bias, weights=weights)).backward()
    value, wanted = ours(mine, bias=bias, weights=weights), plain(theirs, bias=bias, weights=weights)
    torch.testing.assert_close(value, wanted.float(), atol=1e-6, rtol=1e-6)
    for name in ("hidden_ND", "embedding_VD", "bias_V"):
        if name == "bias_V" and not bias:
            assert mine[name].grad is None
            continue
        found_grad, wanted_grad = mine[name].grad, theirs[name].grad
        assert found_grad is not None and wanted_grad is not None
        torch.testing.assert_close(found_grad, wanted_grad.float(), atol=1e-6, rtol=1e-5, msg=name)


def test_double_inputs_give_gradients_in_double_with_the_precision_of_float() -> None:
    mine, theirs = inputs(torch.float64), inputs(torch.float64)
    value, wanted = ours(mine, bias=True, weights=True), plain(theirs, bias=True, weights=True)
    value.backward()
    wanted.backward()
    assert value.dtype == torch.float32
    torch.testing.assert_close(value.double(), wanted.detach(), atol=1e-5, rtol=1e-6)
    for name in ("hidden_ND", "embedding_VD", "bias_V"):
        torch.testing.assert_close(mine[name].grad, theirs[name].grad, atol=1e-6, rtol=1e-5)


def test_a_scaled_loss_gives_scaled_gradients() -> None:
    one, three = inputs(), inputs()
    ours(one, bias=True, weights=False).backward()
    (3 * ours(three, bias=True, weights=False)).backward()
    for name in ("hidden_ND", "embedding_VD", "bias_V"):
        found_grad, once = three[name].grad, one[name].grad
        assert once is not None
        torch.testing.assert_close(found_grad, 3 * once)


def test_bfloat16_autocast_stays_within_its_precision() -> None:
    mine, theirs = inputs(), inputs()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = ours(mine, bias=True, weights=False)
    wanted = plain(theirs, bias=True, weights=False)
    value.backward()
    wanted.backward()
    assert value.dtype == torch.float32
    torch.testing.assert_close(value, wanted, atol=0.02, rtol=0.01)
    for name in ("hidden_ND", "embedding_VD", "bias_V"):
        found_grad, wanted_grad = mine[name].grad, theirs[name].grad
        assert found_grad is not None and wanted_grad is not None
        assert found_grad.dtype == torch.float32
        # bfloat16 keeps 8 bits: 2**-8 of the largest entry, a few roundings deep.
        assert (found_grad - wanted_grad).abs().max() < 0.02 * wanted_grad.abs().max() + 2e-3


def test_weights_of_zero_leave_their_positions_out() -> None:
    given, other = inputs(), inputs()
    weights_N = torch.ones(N)
    weights_N[3] = 0
    given["weights_N"] = other["weights_N"] = weights_N
    other["targets_N"] = other["targets_N"].clone()
    other["targets_N"][3] = (other["targets_N"][3] + 1) % V
    first, second = ours(given, bias=False, weights=True), ours(other, bias=False, weights=True)
    first.backward()
    assert torch.equal(first, second)
    assert given["hidden_ND"].grad is not None
    assert given["hidden_ND"].grad[3].abs().max() == 0


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_without_gradients_the_value_is_the_same_and_no_gradient_is_computed(
    mode: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = inputs()
    wanted = ours(given, bias=True, weights=True).detach()
    made = []
    exp_ = Tensor.exp_
    monkeypatch.setattr(Tensor, "exp_", lambda self: made.append(1) or exp_(self))
    with mode():
        value = ours(given, bias=True, weights=True)
    assert torch.equal(value, wanted)
    assert not value.requires_grad
    assert not made, "gradients were computed in a mode that has no use for them"


def test_the_loss_of_huge_logits_is_finite() -> None:
    given = inputs()
    given["hidden_ND"] = (1e4 * given["hidden_ND"]).detach().requires_grad_()
    value = ours(given, bias=True, weights=False)
    value.backward()
    assert torch.isfinite(value)
    assert given["hidden_ND"].grad is not None
    assert torch.isfinite(given["hidden_ND"].grad).all()


def test_no_positions_give_no_loss() -> None:
    given = inputs()
    empty = {name: given[name][:0] for name in ("hidden_ND", "targets_N", "weights_N")}
    value = vocabulary_loss(**empty, embedding_VD=given["embedding_VD"])
    value.backward()
    assert value == 0


@pytest.mark.parametrize("count", [0, 1, 63, 64, 65])
def test_the_positions_with_a_weight_are_chosen_and_filled_up_with_weight_0(count: int) -> None:
    generator = torch.Generator().manual_seed(0)
    hidden_BLD = torch.randn(4, 50, D, generator=generator)
    weights_BL = torch.zeros(4, 50)
    places = torch.randperm(200, generator=generator)[:count].sort().values
    weights_BL.view(-1)[places] = torch.rand(count, generator=generator) + 0.1
    targets_BL = torch.where(weights_BL > 0, torch.arange(200).view(4, 50), -100)
    hidden_ND, targets_N, weights_N = choose(hidden_BLD, targets_BL, weights_BL)
    assert len(hidden_ND) == len(targets_N) == len(weights_N) == math.ceil(count / 64) * 64
    assert targets_N[:count].tolist() == places.tolist()
    assert torch.equal(hidden_ND[:count], hidden_BLD.flatten(0, 1)[places])
    assert torch.equal(weights_N[:count], weights_BL.flatten()[places])
    assert (weights_N[count:] == 0).all()
    assert (targets_N >= 0).all()
