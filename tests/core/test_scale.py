"""The formulas for many GPUs against sums by hand, a ring of messages, and what a CPU is measured to take."""

from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch.autograd.graph import saved_tensors_hooks

from twinlm.core.count import STATE_BYTES, parameter_count
from twinlm.families import FAMILIES, Family
from twinlm.objectives.causal_lm import causal_lm
from twinlm.train.checkpoints import save_training


@pytest.fixture(scope="module")
def scale(load_helper: Callable[[Path], ModuleType]) -> ModuleType:
    """`benchmarks/scale.py`: the formulas."""
    return load_helper(Path(__file__).parents[2] / "benchmarks" / "scale.py")


@pytest.fixture(scope="module")
def training(load_helper: Callable[[Path], ModuleType]) -> ModuleType:
    """`training_memory.py`: models, batches and steps."""
    return load_helper(Path(__file__).with_name("training_memory.py"))


@pytest.fixture(scope="module")
def live_tensors(load_helper: Callable[[Path], ModuleType]) -> ModuleType:
    """`live_tensors.py`: counts the bytes of all tensors."""
    return load_helper(Path(__file__).with_name("live_tensors.py"))


@pytest.fixture(scope="module")
def ordered(load_helper: Callable[[Path], ModuleType]) -> Callable[..., Any]:
    """What the real code sends, adds and takes among threads."""
    added: Callable[..., Any] = load_helper(Path(__file__).with_name("ordered_threads.py")).added
    return added


def kept_bytes(training: ModuleType, family: Family, model: torch.nn.Module, *, is_half: bool) -> int:
    """Return what a forward pass keeps, weights and their casts left out; each memory once."""
    weights = {tuple(weight.shape) for weight in model.parameters()}
    weights |= {shape[::-1] for shape in weights}
    kept = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        if tuple(tensor.shape) not in weights:
            kept[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    with saved_tensors_hooks(keep, lambda tensor: tensor), torch.autocast("cpu", enabled=is_half):
        training.OBJECTIVES[family.name](model, training.batch(2))
    return sum(tensor.untyped_storage().nbytes() for tensor in kept.values())


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
@pytest.mark.parametrize("is_half", [False, True], ids=["float32", "bfloat16"])
@pytest.mark.parametrize("dropout", [0.0, 0.1])
def test_a_layer_keeps_what_the_formula_says_within_2_percent(
    scale: ModuleType, training: ModuleType, family: Family, is_half: bool, dropout: float
) -> None:
    models = [training.build(family, layers=layers, width=128, dropout=dropout) for layers in (1, 3)]
    few, many = (kept_bytes(training, family, model, is_half=is_half) for model in models)
    mask_bytes = (2 if is_half else 4) if dropout else 0
    formula = scale.activation_bytes(
        positions=512, width=128, layers=2, feed_forward=384, is_half=is_half, mask_bytes=mask_bytes
    )
    assert formula == pytest.approx(many - few, rel=0.02)


def test_the_state_is_16_bytes_a_weight_and_its_checkpoint_12(
    scale: ModuleType, training: ModuleType, tmp_path: Path
) -> None:
    model = training.build(FAMILIES["gpt"], layers=2, width=128)
    optimizer = torch.optim.AdamW(model.parameters())
    causal_lm(model, training.batch(2, 64)).total.backward()
    optimizer.step()
    tensors = [tensor for weight in model.parameters() for tensor in (weight, weight.grad)]
    tensors += [part for state in optimizer.state.values() for part in state.values() if part.dim()]
    count = parameter_count(model)
    assert scale.state_bytes(count) == sum(tensor.nbytes for tensor in tensors) == STATE_BYTES * count
    assert scale.state_bytes(count, gpus=8) == 2 * count
    save_training(tmp_path, 1, model, optimizer, {})
    written = sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file())
    assert scale.checkpoint_bytes(count) == pytest.approx(written, rel=0.02)


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_a_step_takes_the_memory_of_the_formula_within_5_percent(
    scale: ModuleType, training: ModuleType, live_tensors: ModuleType, family: Family
) -> None:
    """All tensors of half a million weights' training; `make torture` measures processes of 10 million."""
    tally = live_tensors.Tally()
    with live_tensors.Counting(tally):
        formula_bytes = training.train(scale, family, layers=2, width=128, sequences=1)
    assert formula_bytes == pytest.approx(tally.peak_bytes, rel=0.05)


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
def test_a_ring_sends_what_the_formula_says(scale: ModuleType, gpus: int) -> None:
    parts = [[float(10**gpu + place) for place in range(gpus)] for gpu in range(gpus)]
    vectors, sent = ring(parts)
    assert all(vector == [sum(column) for column in zip(*parts, strict=True)] for vector in vectors)
    assert sent == scale.all_reduce_bytes(gpus, gpus) == 2 * (gpus - 1)
    assert scale.all_gather_bytes(gpus, gpus) == scale.reduce_scatter_bytes(gpus, gpus) == gpus - 1


@pytest.mark.parametrize(("gpus", "micro_batches", "sums"), [(2, 1, 1), (2, 4, 1), (4, 2, 1), (2, 3, 2)])
def test_gradients_in_a_fixed_order_take_what_the_formulas_say(
    scale: ModuleType,
    ordered: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    live_tensors: ModuleType,
    gpus: int,
    micro_batches: int,
    sums: int,
) -> None:
    """Messages and additions of the real code are counted; its memory is bounded by the formula."""
    weights = 2**16
    sent, added, more_bytes = ordered(monkeypatch, live_tensors, gpus, micro_batches, weights)
    assert set(sent) == {scale.ordered_traffic_bytes(weights, gpus, sums=sums)}
    formula = scale.ordered_additions(weights, gpus, micro_batches=micro_batches, sums=sums)
    assert set(added) == {formula}
    # The sums are there before it begins; not all threads are at their fullest in the same moment.
    expected = gpus * (scale.ordered_memory_bytes(weights, sums=sums) + 4 * weights * (1 - sums))
    assert 0.5 * expected < more_bytes < 1.1 * expected


def test_traffic_by_hand(scale: ModuleType) -> None:
    # A billion weights on 8 GPUs: 4 GB of gradients, 7/8 of them twice; sharded 7/8 of 2 + 2 + 4 GB.
    assert scale.replicated_traffic_bytes(10**9, 8) == 7e9
    # The same in a fixed order, if a GPU has one sum; with two it sends half as much again.
    assert scale.ordered_traffic_bytes(10**9, 8) == 7e9
    assert scale.ordered_traffic_bytes(10**9, 8, sums=2) == 10.5e9
    assert scale.sharded_traffic_bytes(10**9, 8) == 7e9
    assert scale.sharded_traffic_bytes(10**9, 8, micro_batches=4) == 28e9
    assert scale.replicated_traffic_bytes(10**9, 1) == scale.sharded_traffic_bytes(10**9, 1) == 0


def test_a_ring_is_as_fast_as_its_narrowest_place(scale: ModuleType) -> None:
    places = {"gpus_of_a_node": 8, "gpu_bytes_per_s": 450e9, "node_bytes_per_s": 50e9}
    assert scale.ring_bytes_per_s(8, **places) == 450e9
    assert scale.ring_bytes_per_s(16, **places) == 50e9
    assert scale.ring_bytes_per_s(16, **{**places, "node_bytes_per_s": 800e9}) == 450e9


def test_only_exposed_communication_costs(scale: ModuleType) -> None:
    assert scale.efficiency(1.0, 0.5) == pytest.approx(2 / 3)
    assert scale.efficiency(1.0, 0.5, hidden_s=0.25) == pytest.approx(0.8)
    assert scale.efficiency(1.0, 0.5, hidden_s=0.6) == 1


def test_sharded_memory_falls_with_the_number_of_gpus_by_hand(scale: ModuleType) -> None:
    sizes = scale.Sizes(
        parameters=1100, layer_parameters=1000, layers=10, width=4, feed_forward=16, vocab_size=20
    )
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


def test_no_other_interval_of_checkpoints_loses_less(scale: ModuleType) -> None:
    best_s = scale.checkpoint_interval_s(20, 40_000)
    least = sum(lost_shares(best_s, 20, 40_000))
    assert best_s == pytest.approx(1264.9, abs=0.1)
    assert all(sum(lost_shares(factor * best_s, 20, 40_000)) > least for factor in (0.5, 0.9, 1.1, 2))
