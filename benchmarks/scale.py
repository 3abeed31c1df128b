"""Costs of training on many GPUs, by formula: memory, traffic, checkpoints, efficiency.

Replicated: every GPU holds the whole model, and gradients are summed (data parallelism, DDP). Sharded: each
GPU holds an equal part of weights, gradients and Adam's averages, and a layer's weights are gathered when
they are needed (Rajbhandari et al. 2020, "ZeRO", stage 3; FSDP). Traffic is what one GPU sends in one step.
`docs/scale.md` plans with these formulas, and `tests/core/test_scale.py` compares them with measurements.
"""

import math
from dataclasses import dataclass

from twinlm.core.count import STATE_BYTES

_GRADIENT_BYTES = 4
_CAST_BYTES = 2
_LOGIT_BYTES = 8
_LOGITS_AT_ONCE = 2**26  # on a GPU, see vocabulary_loss.py
_LAYERS_AT_ONCE = 2  # gathered layers of a sharded model: the current one and the next


@dataclass(frozen=True, kw_only=True, slots=True)
class Sizes:
    """Sizes of a model that memory and traffic depend on."""

    parameters: int
    """Number of weights."""
    layer_parameters: int
    """Number of weights in the transformer layers."""
    layers: int
    """Number of transformer layers."""
    width: int
    """D."""
    feed_forward: int
    """F."""
    vocab_size: int
    """V."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Memory:
    """Peak memory of one GPU in a step, in bytes."""

    state: float
    """Weights, gradients and Adam's averages in float32."""
    weights_in_use: float
    """Weights in the precision of the products. Of a sharded model: those of two layers and of the
    embeddings, and their gradients before these are scattered."""
    activations: float
    """Values that the backward pass needs of a micro-batch."""
    vocabulary: float
    """Gradient of the output weights beside the summed one; states and logits of the loss."""

    @property
    def total(self) -> float:
        """Sum of all parts. Allocator and libraries usually add a tenth."""
        return self.state + self.weights_in_use + self.activations + self.vocabulary


def state_bytes(parameters: float, *, gpus: int = 1) -> float:
    """Return the bytes of weights, gradients and Adam's two averages: four floats a weight.

    `gpus` is the number of GPUs that share them; 1 if every GPU holds all.
    """
    return STATE_BYTES * parameters / gpus


def activation_bytes(
    *,
    positions: float,
    width: int,
    layers: int,
    feed_forward: int,
    is_half: bool = True,
    mask_bytes: int = 1,
) -> float:
    """Return the bytes that the layers keep for the backward pass (Korthikanti et al. 2022, equation 2).

    `positions` is B * L of a micro-batch; `mask_bytes` are the bytes a number of a dropout mask: 1 on a GPU,
    as the products on a CPU, 0 without dropout. Attention weights are left out, as a fused kernel recomputes
    them; a CPU's kernel keeps them under dropout.
    """
    number_bytes = 2 if is_half else 4
    # Width D: the inputs of both parts, queries, keys, values and the gathered values (6), the inputs of both
    # norms, which are float32 under bfloat16 too (2), both masks. Width F: before and after the activation.
    per_position = (6 * number_bytes + 2 * 4 + 2 * mask_bytes) * width + 2 * number_bytes * feed_forward
    return positions * layers * per_position


def vocabulary_bytes(*, targets: float, width: int, vocab_size: int) -> float:
    """Return the bytes of the loss over the vocabulary, computed piece by piece (`vocabulary_loss.py`)."""
    weights = (_CAST_BYTES + _GRADIENT_BYTES) * vocab_size * width
    states = (_CAST_BYTES + _GRADIENT_BYTES) * targets * width
    return weights + states + _LOGIT_BYTES * min(targets * vocab_size, _LOGITS_AT_ONCE)


def memory(sizes: Sizes, *, positions: float, targets: float, gpus: int = 1, mask_bytes: int = 1) -> Memory:
    """Return the memory of one GPU, for bfloat16 products, float32 weights and several micro-batches a step.

    `positions` is B * L of one GPU's micro-batch, `targets` the number of them to predict, and `gpus` the
    number of GPUs that share the state; 1 if every GPU holds all. `mask_bytes` is as in `activation_bytes`.
    """
    others = sizes.parameters - sizes.layer_parameters
    at_once = min(_LAYERS_AT_ONCE, sizes.layers) * sizes.layer_parameters / sizes.layers + others
    sharded = (_CAST_BYTES + _GRADIENT_BYTES) * at_once
    return Memory(
        state=state_bytes(sizes.parameters, gpus=gpus),
        weights_in_use=sharded if gpus > 1 else _CAST_BYTES * sizes.layer_parameters,
        activations=activation_bytes(
            positions=positions,
            width=sizes.width,
            layers=sizes.layers,
            feed_forward=sizes.feed_forward,
            mask_bytes=mask_bytes,
        ),
        vocabulary=vocabulary_bytes(targets=targets, width=sizes.width, vocab_size=sizes.vocab_size),
    )


def all_gather_bytes(size_bytes: float, gpus: int) -> float:
    """Return the traffic of gathering all parts on all GPUs: in a ring each GPU sends N - 1 parts."""
    return size_bytes * (gpus - 1) / gpus


def reduce_scatter_bytes(size_bytes: float, gpus: int) -> float:
    """Return the traffic of leaving each GPU one part of a sum: the same ring in reverse."""
    return size_bytes * (gpus - 1) / gpus


def all_reduce_bytes(size_bytes: float, gpus: int) -> float:
    """Return the traffic of a sum that all GPUs get: a reduce-scatter, then an all-gather.

    No algorithm sends less (Patarasuk and Yuan 2009, "Bandwidth optimal all-reduce algorithms").
    """
    return reduce_scatter_bytes(size_bytes, gpus) + all_gather_bytes(size_bytes, gpus)


def replicated_traffic_bytes(parameters: float, gpus: int) -> float:
    """Return the traffic of a replicated model: its gradients, summed in float32."""
    return all_reduce_bytes(_GRADIENT_BYTES * parameters, gpus)


def ordered_traffic_bytes(parameters: float, gpus: int, *, sums: int = 1) -> float:
    """Return the traffic of gradients that are added in a fixed order (`train/replicated.py`).

    `sums` is the number of sums that a GPU's micro-batches leave: one if there are a power of two of them,
    else more, since only whole branches of the tree can be added before. Not counted is one number per
    tensor, which says whether it has a gradient.
    """
    gradients_bytes = _GRADIENT_BYTES * parameters
    return reduce_scatter_bytes(sums * gradients_bytes, gpus) + all_gather_bytes(gradients_bytes, gpus)


def ordered_memory_bytes(parameters: float, *, sums: int = 1) -> float:
    """Return the bytes that each GPU holds beside the state while gradients are added in a fixed order."""
    # Its sums, the same cut into slices, and one of them in one piece; one gradient is in the state.
    return 2 * sums * _GRADIENT_BYTES * parameters


def ordered_additions(parameters: float, gpus: int, *, micro_batches: int, sums: int = 1) -> float:
    """Return the additions of each GPU in a step: its own micro-batches, then its slice of all sums.

    `micro_batches` are those of one GPU; the rest is as in `ordered_traffic_bytes`.
    """
    return (micro_batches - sums) * parameters + (sums * gpus - 1) * parameters / gpus


def sharded_traffic_bytes(parameters: float, gpus: int, *, micro_batches: int = 1) -> float:
    """Return the traffic of a sharded model."""
    # Every micro-batch gathers bfloat16 weights twice, forward and backward, and scatters float32 gradients.
    gathered = 2 * all_gather_bytes(_CAST_BYTES * parameters, gpus)
    return micro_batches * (gathered + reduce_scatter_bytes(_GRADIENT_BYTES * parameters, gpus))


def ring_bytes_per_s(
    gpus: int, *, gpus_of_a_node: int, gpu_bytes_per_s: float, node_bytes_per_s: float
) -> float:
    """Return the bandwidth of a ring over GPUs: that of its slowest link.

    One-way bandwidths are between two GPUs of a node, and of all network cards of a node together.
    """
    return gpu_bytes_per_s if gpus <= gpus_of_a_node else min(gpu_bytes_per_s, node_bytes_per_s)


def efficiency(compute_s: float, communication_s: float, *, hidden_s: float = 0.0) -> float:
    """Return the share of a step in which GPUs compute: compute / (compute + exposed communication).

    `hidden_s` is the computing time during which communication can run. At worst that is 0; at best it is
    the backward pass, two thirds of the computing, for summed gradients, and all of it for sharded weights.
    """
    exposed_s = max(0.0, communication_s - hidden_s)
    return compute_s / (compute_s + exposed_s)


def checkpoint_bytes(parameters: float) -> float:
    """Return the size of a training checkpoint: weights and Adam's averages in float32."""
    return (STATE_BYTES - _GRADIENT_BYTES) * parameters


def checkpoint_interval_s(checkpoint_s: float, failure_s: float) -> float:
    """Return the time between checkpoints that loses the least time, in writing and in repeated work.

    `checkpoint_s` is the time to write one, `failure_s` the mean time between failures (Young 1974, "A first
    order approximation to the optimum checkpoint interval").
    """
    return math.sqrt(2 * checkpoint_s * failure_s)
