"""The formulas for parameters and operations against what PyTorch counts on a real pass."""

from collections.abc import Callable

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from twinlm.batch import IGNORE, MaskedBatch
from twinlm.core.count import layer_count, parameter_count
from twinlm.families import FAMILIES
from twinlm.objectives.causal_lm import causal_lm
from twinlm.objectives.masked_lm import masked_lm_and_next_sentence

SIZES = {
    "vocab_size": 307,
    "max_length": 64,
    "width": 64,
    "layers": 3,
    "heads": 4,
    "feed_forward": 192,
    "dropout": 0.0,
}
OBJECTIVES: dict[str, Callable] = {"gpt": causal_lm, "bert": masked_lm_and_next_sentence}
BATCH, LENGTH = 3, 48


def batch() -> MaskedBatch:
    tokens_BL = torch.randint(307, (BATCH, LENGTH), generator=torch.Generator().manual_seed(0))
    originals_BL = torch.full_like(tokens_BL, IGNORE)
    originals_BL[:, 1::7] = tokens_BL[:, 1::7]
    return MaskedBatch(
        tokens_BL=tokens_BL,
        segments_BL=torch.zeros_like(tokens_BL),
        real_BL=torch.ones_like(tokens_BL, dtype=torch.bool),
        originals_BL=originals_BL,
        is_random_B=torch.tensor([0, 1, 0]),
    )


@pytest.mark.parametrize("name", FAMILIES)
def test_training_flops_are_what_pytorch_counts_within_3_percent(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("twinlm.core.vocabulary_loss._ROUNDED_TO", 1)
    family = FAMILIES[name]
    sizes = family.config(**SIZES)
    model = family.model(sizes)
    # PyTorch's counter knows no formula for the CPU's fused attention: take the one made of matrix products.
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counted:
        loss = OBJECTIVES[name](model, batch())
        loss.total.backward()
    formula = family.training_flops(sizes, sequences=BATCH, length=LENGTH, targets=loss.targets)
    assert formula == pytest.approx(counted.get_total_flops(), rel=0.03)


@pytest.mark.parametrize("name", FAMILIES)
def test_layers_of_equal_sizes_have_equally_many_weights_in_both_kinds(name: str) -> None:
    width, wide, layers = SIZES["width"], SIZES["feed_forward"], SIZES["layers"]
    model = FAMILIES[name].model(FAMILIES[name].config(**SIZES))
    one = 4 * (width * width + width) + 2 * width * wide + wide + width + 4 * width
    assert layer_count(model) == layers * one


def test_a_tied_weight_counts_once() -> None:
    model = FAMILIES["gpt"].model(FAMILIES["gpt"].config(**SIZES))
    embeddings = (SIZES["vocab_size"] + SIZES["max_length"]) * SIZES["width"]
    assert parameter_count(model) == layer_count(model) + embeddings
