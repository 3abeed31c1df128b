"""The formulas for many GPUs against sums by hand, a ring of messages, and what a CPU is measured to take."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch.autograd.graph import saved_tensors_hooks

from twinlm.batch import IGNORE, MaskedBatch
from twinlm.core import scale
from twinlm.core.count import parameter_count
from twinlm.core.scale import Sizes
from twinlm.families import FAMILIES, Family
from twinlm.objectives.causal_lm import causal_lm
from twinlm.objectives.masked_lm import masked_lm
from twinlm.train.checkpoints import save_training

OBJECTIVES = {"gpt": causal_lm, "bert": masked_lm}
VOCAB = 1000
ORDERED = Path(__file__).with_name("ordered_threads.py")


def build(family: Family, *, layers: int, width: int, dropout: float = 0.0) -> torch.nn.Module:
    sizes = {"layers": layers, "width": width, "heads": width // 64, "feed_forward": 3 * width}
    model = family.model(family.config(vocab_size=VOCAB, max_length=256, dropout=dropout, **sizes)).train()
    for block in model.blocks:
        block.attention.dropout = 0.0  # a CPU keeps attention weights where they are dropped
    return model


def batch(sequences: int, length: int) -> MaskedBatch:
    tokens_BL = torch.randint(8, VOCAB, (sequences, length), generator=torch.Generator().manual_seed(0))
    originals_BL = torch.full_like(tokens_BL, IGNORE)
    originals_BL[:, 1::7] = tokens_BL[:, 1::7]
    return MaskedBatch(
        tokens_BL=tokens_BL,
        segments_BL=torch.zeros_like(tokens_BL),
        real_BL=torch.ones_like(tokens_BL, dtype=torch.bool),
        originals_BL=originals_BL,
        is_random_B=torch.zeros(sequences, dtype=torch.int64),
    )


def kept_bytes(family: Family, model: torch.nn.Module, *, is_half: bool) -> int:
    """Return what a forward pass keeps, weights and their casts left out; each memory once."""
    weights = {tuple(weight.shape) for weight in model.parameters()}
    weights |= {shape[::-1] for shape in weights}
    kept = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        if tuple(tensor.shape) not in weights:
            kept[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    with saved_tensors_hooks(keep, lambda tensor: tensor), torch.autocast("cpu", enabled=is_half):
        OBJECTIVES[family.name](model, batch(2, 256))
    return sum(tensor.untyped_storage().nbytes() for tensor in kept.values())


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
@pytest.mark.parametrize("is_half", [False, True], ids=["float32", "bfloat16"])
@pytest.mark.parametrize("dropout", [0.0, 0.1])
def test_a_layer_keeps_what_the_formula_says_within_2_percent(
    family: Family, is_half: bool, dropout: float
) -> None:
    few, many = (
        kept_bytes(family, build(family, layers=layers, width=128, dropout=dropout), is_half=is_half)
        for layers in (1, 3)
    )
    mask_bytes = (2 if is_half else 4) if dropout else 0
    formula = scale.activation_bytes(
        positions=512, width=128, layers=2, feed_forward=384, is_half=is_half, mask_bytes=mask_bytes
    )
    assert formula == pytest.approx(many - few, rel=0.02)


def test_the_state_is_16_bytes_a_weight_and_its_checkpoint_12(tmp_path: Path) -> None:
    family = FAMILIES["gpt"]
    model = build(family, layers=2, width=128)
    optimizer = torch.optim.AdamW(model.parameters())
    causal_lm(model, batch(2, 64)).total.backward()
    optimizer.step()
    tensors = [tensor for weight in model.parameters() for tensor in (weight, weight.grad)]
    tensors += [part for state in optimizer.state.values() for part in state.values() if part.dim()]
    count = parameter_count(model)
    assert scale.state_bytes(count) == sum(tensor.nbytes for tensor in tensors) == 16 * count
    assert scale.state_bytes(count, gpus=8) == 2 * count
    save_training(tmp_path, 1, model, optimizer, {})
    written = sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file())
    assert scale.checkpoint_bytes(count) == pytest.approx(written, rel=0.02)


_MEASURE = """
import sys, torch
from twinlm.system import hardware
from twinlm.core.count import layer_count, parameter_count
from twinlm.families import FAMILIES
sys.path.insert(0, {folder!r})
from test_scale import OBJECTIVES, batch, build

torch.set_num_threads(1)
family = FAMILIES[{name!r}]

def step(model, optimizer, given):
    for _ in range(2):
        with torch.autocast("cpu", torch.bfloat16):
            loss = OBJECTIVES[family.name](model, given)
        loss.total.backward()
    optimizer.step()
    optimizer.zero_grad(set_to_none=False)
    return loss.targets

small = build(family, layers=1, width=64)  # so that libraries are loaded
step(small, torch.optim.AdamW(small.parameters()), batch(1, 256))
hardware.forget_peak_memory()
before = hardware.peak_memory_bytes()
model = build(family, layers=6, width=384)
optimizer = torch.optim.AdamW(model.parameters(), fused=True)
targets = [step(model, optimizer, batch(4, 256)) for _ in range(2)][0]
print(parameter_count(model), layer_count(model), targets, hardware.peak_memory_bytes() - before)
"""


@pytest.mark.parametrize("name", FAMILIES)
def test_a_process_takes_the_memory_of_the_formula_within_10_percent(name: str) -> None:
    """A real training process of 10 million weights. Its C library gives all tensors back at once."""
    script = _MEASURE.format(folder=str(Path(__file__).parent), name=name)
    environment = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "131072"}
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment
    )
    parameters, of_layers, targets, peak_bytes = map(int, done.stdout.split())
    sizes = Sizes(
        parameters=parameters,
        layer_parameters=of_layers,
        layers=6,
        width=384,
        feed_forward=1152,
        vocab_size=VOCAB,
    )
    formula = scale.memory(sizes, positions=4 * 256, targets=targets, mask_bytes=0)
    assert formula.total == pytest.approx(peak_bytes, rel=0.1)


def ring(parts: list[list[float]]) -> tuple[list[list[float]], int]:
    """Sum vectors, one a GPU, by passing parts round a ring; return the sums and the numbers each sent."""
    gpus, sent = len(parts), 0
    vectors = [list(part) for part in parts]
    for is_sum in (True, False):
        for turn in range(gpus - 1):
            first = 0 if is_sum else 1
            moving = [vectors[gpu][(gpu + first - turn) % gpus] for gpu in range(gpus)]
            for gpu, value in enumerate(moving):
                place = (gpu + first - turn) % gpus
                there = vectors[(gpu + 1) % gpus]
                there[place] = there[place] + value if is_sum else value
            sent += 1
    return vectors, sent


@pytest.mark.parametrize("gpus", [2, 3, 8])
def test_a_ring_sends_what_the_formula_says(gpus: int) -> None:
    parts = [[float(10**gpu + place) for place in range(gpus)] for gpu in range(gpus)]
    vectors, sent = ring(parts)
    assert all(vector == [sum(column) for column in zip(*parts, strict=True)] for vector in vectors)
    assert sent == scale.all_reduce_bytes(gpus, gpus) == 2 * (gpus - 1)
    assert scale.all_gather_bytes(gpus, gpus) == scale.reduce_scatter_bytes(gpus, gpus) == gpus - 1


@pytest.mark.parametrize(("gpus", "micro_batches", "sums"), [(2, 1, 1), (2, 4, 1), (4, 2, 1), (2, 3, 2)])
def test_gradients_in_a_fixed_order_take_what_the_formulas_say(
    gpus: int, micro_batches: int, sums: int
) -> None:
    """Messages and additions of the real code are counted; its memory is bounded by the formula."""
    weights = 2**22
    given = [str(number) for number in (gpus, micro_batches, weights)]
    environment = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "131072"}
    done = subprocess.run(
        [sys.executable, str(ORDERED), *given], capture_output=True, text=True, check=True, env=environment
    )
    sent, added, more_bytes = json.loads(done.stdout)
    assert set(sent) == {scale.ordered_traffic_bytes(weights, gpus, sums=sums)}
    formula = scale.ordered_additions(weights, gpus, micro_batches=micro_batches, sums=sums)
    assert set(added) == {formula}
    # The sums are there before it begins; not all threads are at their fullest in the same moment.
    expected = gpus * (scale.ordered_memory_bytes(weights, sums=sums) + 4 * weights * (1 - sums))
    assert 0.5 * expected < more_bytes < 1.1 * expected


def test_traffic_by_hand() -> None:
    # A billion weights on 8 GPUs: 4 GB of gradients, 7/8 of them twice; sharded 7/8 of 2 + 2 + 4 GB.
    assert scale.replicated_traffic_bytes(10**9, 8) == 7e9
    # The same in a fixed order, if a GPU has one sum; with two it sends half as much again.
    assert scale.ordered_traffic_bytes(10**9, 8) == 7e9
    assert scale.ordered_traffic_bytes(10**9, 8, sums=2) == 10.5e9
    assert scale.sharded_traffic_bytes(10**9, 8) == 7e9
    assert scale.sharded_traffic_bytes(10**9, 8, micro_batches=4) == 28e9
    assert scale.replicated_traffic_bytes(10**9, 1) == scale.sharded_traffic_bytes(10**9, 1) == 0


def test_a_ring_is_as_fast_as_its_narrowest_place() -> None:
    places = {"gpus_of_a_node": 8, "gpu_bytes_per_s": 450e9, "node_bytes_per_s": 50e9}
    assert scale.ring_bytes_per_s(8, **places) == 450e9
    assert scale.ring_bytes_per_s(16, **places) == 50e9
    assert scale.ring_bytes_per_s(16, **{**places, "node_bytes_per_s": 800e9}) == 450e9


def test_only_exposed_communication_costs() -> None:
    assert scale.efficiency(1.0, 0.5) == pytest.approx(2 / 3)
    assert scale.efficiency(1.0, 0.5, hidden_s=0.25) == pytest.approx(0.8)
    assert scale.efficiency(1.0, 0.5, hidden_s=0.6) == 1


def test_sharded_memory_falls_with_the_number_of_gpus_by_hand() -> None:
    sizes = Sizes(parameters=1100, layer_parameters=1000, layers=10, width=4, feed_forward=16, vocab_size=20)
    alone = scale.memory(sizes, positions=100, targets=100)
    parted = scale.memory(sizes, positions=100, targets=100, gpus=4)
    assert (alone.state, parted.state) == (17_600, 4_400)
    assert alone.weights_in_use == 2 * 1000
    assert parted.weights_in_use == 6 * (2 * 100 + 100)
    assert alone.activations == parted.activations == 100 * 10 * (22 * 4 + 4 * 16)
    assert alone.vocabulary == 6 * 20 * 4 + 6 * 100 * 4 + 8 * 2000
    assert alone.total == alone.state + alone.weights_in_use + alone.activations + alone.vocabulary


def lost_shares(interval_s: float, checkpoint_s: float, failure_s: float) -> Iterator[float]:
    """Yield the share of time that goes into checkpoints, and that which is done over after failures."""
    yield checkpoint_s / interval_s
    yield interval_s / 2 / failure_s


def test_no_other_interval_of_checkpoints_loses_less() -> None:
    best_s = scale.checkpoint_interval_s(20, 40_000)
    least = sum(lost_shares(best_s, 20, 40_000))
    assert best_s == pytest.approx(1264.9, abs=0.1)
    assert all(sum(lost_shares(factor * best_s, 20, 40_000)) > least for factor in (0.5, 0.9, 1.1, 2))
