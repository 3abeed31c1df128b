"""Masks of dropout: of the right share, and the same for a row however its step is cut."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from twinlm.core import attention, dropout
from twinlm.core.attention import SelfAttention, explicit_attention, fused_attention
from twinlm.core.dropout import Dropout, drawing, drop, drop_weights
from twinlm.core.masks import Mask, bidirectional, causal, mixed

LONGEST = 24


@pytest.fixture(autouse=True, params=["as on a CPU", "as on a GPU"])
def of_device(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw masks in both ways; the one of a GPU is made of integer operations that each device has."""
    if request.param == "as on a GPU":
        for module in (dropout, attention):
            monkeypatch.setattr(module, "draws_by_hash", lambda device: True)


def dropped(rows: int, length: int, *, first_row: int = 0, key: int = 7, probability: float = 0.1) -> Tensor:
    with drawing(key, first_row=first_row, longest=LONGEST):
        return drop(torch.ones(rows, length, 32), probability)


def dropped_weights(rows: int, length: int, *, first_row: int = 0) -> Tensor:
    with drawing(7, first_row=first_row, longest=LONGEST):
        return drop_weights(torch.ones(rows, 2, length, length), 0.1)


def test_a_row_has_the_same_mask_in_every_cut_and_length() -> None:
    whole = dropped(8, LONGEST)
    assert torch.equal(dropped(3, LONGEST, first_row=5), whole[5:])
    assert torch.equal(dropped(3, 7, first_row=2), whole[2:5, :7])


def test_attention_weights_have_the_same_mask_in_every_cut_and_length() -> None:
    whole = dropped_weights(8, LONGEST)
    assert torch.equal(dropped_weights(3, LONGEST, first_row=5), whole[5:])
    assert torch.equal(dropped_weights(3, 7, first_row=2), whole[2:5, :, :7, :7])


@pytest.mark.parametrize("probability", [0.1, 0.25, 0.5, 0.9])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_the_share_and_the_mean_are_right(probability: float, dtype: torch.dtype) -> None:
    with drawing(1, first_row=0, longest=1):
        values = drop(torch.ones(64, 4096, dtype=dtype), probability).float()
    spread = (probability * (1 - probability) / values.numel()) ** 0.5
    assert (values == 0).float().mean().item() == pytest.approx(probability, abs=4 * spread + 1 / 2**16)
    kept = values[values != 0]
    assert kept.unique().numel() == 1
    assert kept[0].item() == pytest.approx(
        1 / (1 - probability), rel=2**-8 if dtype == torch.bfloat16 else 1e-4
    )


def test_masks_differ_between_rows_calls_steps_and_neighbours() -> None:
    with drawing(7, first_row=0, longest=LONGEST):
        first, second = (drop(torch.ones(4, LONGEST, 32), 0.5) for _ in range(2))
    masks = [first[0], first[1], second[0], dropped(1, LONGEST, key=8, probability=0.5)[0]]
    size = masks[0].numel()
    for number, mask in enumerate(masks):
        for other in masks[:number]:
            assert (mask == other).float().mean().item() == pytest.approx(0.5, abs=4 * 0.5 / size**0.5)
    flat = first.flatten()
    for shift in (1, 2, 3, 4, 32):
        same = (flat[shift:] == flat[:-shift]).float().mean().item()
        assert same == pytest.approx(0.5, abs=4 * 0.5 / flat.numel() ** 0.5)


def test_all_or_nothing() -> None:
    assert not dropped(2, 3, probability=1.0).any()
    assert torch.equal(dropped(2, 3, probability=0.0), torch.ones(2, 3, 32))


def test_gradients_pass_where_values_do() -> None:
    values = torch.ones(2, 3, 32, requires_grad=True)
    with drawing(7, first_row=0, longest=3):
        result = drop(values, 0.5)
    result.sum().backward()
    assert values.grad is not None
    assert torch.equal(values.grad, result.detach())


def test_rows_may_be_named() -> None:
    whole = dropped(8, 1)
    with drawing(7, first_row=2, longest=LONGEST):
        chosen = drop(torch.ones(3, 1, 32), 0.1, torch.tensor([0, 2, 5]))
    assert torch.equal(chosen, whole[[2, 4, 7]])


def test_outside_of_a_step_masks_are_pytorchs() -> None:
    layer, values = Dropout(0.3), torch.ones(4, 5)
    torch.manual_seed(0)
    ours = layer(values)
    torch.manual_seed(0)
    assert torch.equal(ours, F.dropout(values, 0.3))
    assert layer.eval()(values) is values


def test_attention_with_dropout_is_on_average_attention() -> None:
    torch.manual_seed(0)
    query, key, value = (torch.randn(1, 2, 6, 4) for _ in range(3))
    wanted = fused_attention(query, key, value, causal(), 0.0)
    with drawing(3, first_row=0, longest=6):
        rows = [part.expand(4000, -1, -1, -1) for part in (query, key, value)]
        means = explicit_attention(rows[0], rows[1], rows[2], causal(), 0.2).mean(0, keepdim=True)
    torch.testing.assert_close(means, wanted, atol=0.06, rtol=0)


def test_words_of_a_hash_are_those_of_splitmix64() -> None:
    """The first words of seed 1234567, as in the published tests of its authors' C code."""
    wanted = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431]
    words, state = [], 1234567
    for _ in wanted:
        state = (state + 0x9E3779B97F4A7C15) % 2**64
        words.append(int(dropout._mixed(torch.tensor([state if state < 2**63 else state - 2**64]))) % 2**64)
    assert words == wanted


def masks_of_rows(name: str, rows: int, length: int) -> Mask:
    real_BL = torch.arange(length) < torch.arange(1, rows + 1)[:, None]
    sees_all_B = torch.arange(rows) % 2 == 0
    return {"causal": causal(), "padded": bidirectional(real_BL), "mixed": mixed(sees_all_B, length)}[name]


@pytest.mark.parametrize("name", ["causal", "padded", "mixed"])
@pytest.mark.parametrize("most_weights", [1, 2**25])
def test_recomputed_attention_drops_what_written_out_attention_drops(
    name: str, most_weights: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In both passes, with all rows at once and row by row; the next mask is the same, too."""
    monkeypatch.setattr(attention, "_MOST_WEIGHTS", most_weights)
    mask, found = masks_of_rows(name, 4, 6), []
    for attend in (explicit_attention, attention.recomputed_attention):
        torch.manual_seed(0)
        parts = torch.randn(3, 4, 2, 6, 8, requires_grad=True)
        with drawing(7, first_row=2, longest=LONGEST):
            gathered = attend(parts[0], parts[1], parts[2], mask, 0.3)
            next_mask = drop(torch.ones(2, 8), 0.5)
        torch.manual_seed(1)
        (gathered * torch.randn_like(gathered)).sum().backward()
        assert parts.grad is not None
        found.append((gathered, parts.grad, next_mask))
    for wanted, value in zip(*found, strict=True):
        torch.testing.assert_close(value, wanted, atol=1e-6, rtol=1e-5)


def test_a_layer_attends_alike_in_every_cut() -> None:
    torch.manual_seed(0)
    layer, x_BLD = SelfAttention(width=16, heads=2, dropout=0.4).train(), torch.randn(4, 6, 16)
    with drawing(7, first_row=0, longest=6):
        whole = layer(x_BLD, causal())
    for row in range(4):
        with drawing(7, first_row=row, longest=6):
            torch.testing.assert_close(layer(x_BLD[row : row + 1], causal())[0], whole[row])
