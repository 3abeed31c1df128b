"""Attention against a version that loops over sequences, heads and positions; masks; the cache."""

import itertools
import math

import pytest
import torch
from torch import Tensor

from twinlm.core import attention as module
from twinlm.core import masks
from twinlm.core.attention import KeyValueCache, SelfAttention, explicit_attention, fused_attention
from twinlm.core.masks import Mask

B, L, D, H = 2, 5, 12, 3


def attention(dropout: float = 0.0) -> SelfAttention:
    torch.manual_seed(0)
    return SelfAttention(width=D, heads=H, dropout=dropout)


def slow(layer: SelfAttention, x_BLD: Tensor, is_seen: Tensor) -> Tensor:
    """Compute it one position at a time; `is_seen[b, i, j]` tells whether i may look at j."""
    width_of_head = D // H
    query_key_value = layer.query_key_value(x_BLD)
    output_BLD = torch.zeros_like(x_BLD)
    for sequence in range(x_BLD.shape[0]):
        for head in range(H):
            begin = head * width_of_head
            query_LK, key_LK, value_LK = (
                query_key_value[sequence, :, part * D + begin : part * D + begin + width_of_head]
                for part in range(3)
            )
            for position in range(x_BLD.shape[1]):
                seen = is_seen[sequence, position].nonzero()[:, 0]
                scores = torch.stack([query_LK[position] @ key_LK[j] for j in seen]) / math.sqrt(
                    width_of_head
                )
                shares = scores.exp() / scores.exp().sum()
                gathered = sum(share * value_LK[j] for share, j in zip(shares, seen, strict=True))
                output_BLD[sequence, position, begin : begin + width_of_head] = gathered
    return layer.output(output_BLD)


REAL_BL = torch.tensor([[True] * 5, [True] * 3 + [False] * 2])
SEEN = {
    "causal": (masks.causal(), torch.ones(L, L).tril().bool().expand(B, L, L)),
    "bidirectional": (masks.bidirectional(REAL_BL), REAL_BL[:, None].expand(B, L, L)),
    "after padding": (
        masks.following(0, torch.zeros(B, L), torch.tensor([0, 2])),
        torch.ones(L, L).tril().bool() & (torch.arange(L) >= torch.tensor([[0], [2]]))[:, None]
        | torch.eye(L).bool(),
    ),
    "everything": (masks.everything(), torch.ones(B, L, L).bool()),
}


@pytest.mark.parametrize("name", SEEN)
@torch.no_grad()
def test_attention_equals_a_slow_version(name: str) -> None:
    mask, is_seen = SEEN[name]
    layer, x_BLD = attention(), torch.randn(B, L, D)
    torch.testing.assert_close(layer(x_BLD, mask), slow(layer, x_BLD, is_seen), atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("name", SEEN)
def test_the_two_ways_to_attend_are_one(name: str) -> None:
    mask, _ = SEEN[name]
    torch.manual_seed(0)
    parts = torch.randn(2, 3, B, H, L, D // H)
    found = []
    for attend, part in zip((fused_attention, explicit_attention), (parts[0], parts[0].clone()), strict=True):
        part.requires_grad_()
        gathered = attend(*part, mask, 0.0)
        (gathered * parts[1, 0]).sum().backward()
        found.append((gathered, part.grad))
    for fused, explicit in zip(*found, strict=True):
        torch.testing.assert_close(fused, explicit, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize(
    ("dtype", "length", "is_explicit"),
    [(torch.bfloat16, 128, True), (torch.bfloat16, 129, False), (torch.float32, 128, False)],
)
def test_the_faster_way_is_taken(
    dtype: torch.dtype, length: int, is_explicit: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = []
    for name in ("fused_attention", "explicit_attention"):
        monkeypatch.setattr(module, name, lambda *given, name=name: taken.append(name) or given[0])
    attention().to(dtype)(torch.randn(1, length, D, dtype=dtype), masks.causal())
    assert taken == ["explicit_attention" if is_explicit else "fused_attention"]


@torch.no_grad()
def test_a_cache_gives_what_reading_all_at_once_gives() -> None:
    layer, x_BLD, cache = attention(), torch.randn(B, L, D), KeyValueCache()
    parts = [layer(x_BLD[:, :2], masks.causal(), cache)]
    parts += [layer(x_BLD[:, i : i + 1], masks.everything(), cache) for i in range(2, L)]
    torch.testing.assert_close(torch.cat(parts, 1), layer(x_BLD, masks.causal()), atol=1e-6, rtol=1e-5)


def test_a_cache_keeps_the_order_of_positions() -> None:
    cache = KeyValueCache()
    key_BHLK = torch.arange(4.0).reshape(1, 1, 4, 1)
    cache.append(key_BHLK[:, :, :3], -key_BHLK[:, :, :3])
    keys, values = cache.append(key_BHLK[:, :, 3:], -key_BHLK[:, :, 3:])
    assert torch.equal(keys, key_BHLK) and torch.equal(values, -key_BHLK)


def test_a_cache_keeps_the_rows_that_are_asked_for() -> None:
    cache = KeyValueCache()
    with pytest.raises(ValueError, match="empty cache"):
        cache.keep(torch.tensor([0]))
    key_BHLK = torch.arange(6.0).reshape(3, 1, 2, 1)
    cache.append(key_BHLK, -key_BHLK)
    cache.keep(torch.tensor([2, 0, 2]), first=1)
    new_BHLK = torch.tensor([7.0, 8.0, 9.0]).reshape(3, 1, 1, 1)
    keys, values = cache.append(new_BHLK, -new_BHLK)
    assert keys.flatten().tolist() == [5, 7, 1, 8, 5, 9]
    assert torch.equal(values, -keys)


def test_a_cache_copies_what_it_holds_only_when_its_room_has_doubled() -> None:
    cache, places = KeyValueCache(), []
    for position in range(100):
        new_BHLK = torch.full((2, 1, 1, 3), float(position))
        keys, values = cache.append(new_BHLK, -new_BHLK)
        places.append(keys.data_ptr())
        assert keys[1, 0, :, 2].tolist() == [*range(position + 1)]
        assert torch.equal(values, -keys)
    moves = sum(before != after for before, after in itertools.pairwise(places))
    assert moves <= 7  # 2, 4, ... 128


def test_the_mask_of_new_tokens_is_the_cheapest_that_is_right() -> None:
    several, one = torch.zeros(B, 2), torch.zeros(B, 1)
    assert masks.following(0, several) == masks.causal()
    assert masks.following(3, one) == masks.everything()
    allowed = masks.following(3, several).allowed_B1LM[0, 0]
    assert allowed.tolist() == [[True] * 4 + [False], [True] * 5]
    padded = masks.following(2, several, torch.tensor([1, 3])).allowed_B1LM[:, 0].int()
    assert padded.tolist() == [[[0, 1, 1, 0], [0, 1, 1, 1]], [[0, 0, 1, 0], [0, 0, 0, 1]]]


def test_dropout_acts_in_training_mode_only() -> None:
    layer, x_BLD = attention(dropout=0.5), torch.randn(B, L, D)
    mask: Mask = masks.causal()
    layer.train()
    assert not torch.equal(layer(x_BLD, mask), layer(x_BLD, mask))
    layer.eval()
    assert torch.equal(layer(x_BLD, mask), layer(x_BLD, mask))


def test_a_width_that_the_heads_do_not_divide_is_refused_with_both_numbers() -> None:
    with pytest.raises(ValueError, match="width=10 and heads=3"):
        SelfAttention(width=10, heads=3, dropout=0.0)
