"""What training on many GPUs takes, by formula: memory of each, bytes between them, checkpoints, efficiency.

Replicated: every GPU holds the whole model, and gradients are summed (data parallelism, DDP). Sharded:
weights, gradients and Adam's averages lie in equal parts on all GPUs, and each layer's weights are gathered
when it is their turn (Rajbhandari et al. 2020, "ZeRO", stage 3; FSDP). `docs/scale.md` is a plan made with
these formulas; `tests/core/test_scale.py` holds them against what is measured. Operations: `count.py`.
"""

import math
from dataclasses import dataclass

_WEIGHT_BYTES, _GRADIENT_BYTES, _ADAM_BYTES = 4, 4, 8
_CAST_BYTES = 2
_LOGIT_BYTES = 8
_LOGITS_AT_ONCE = 2**26  # on a GPU, see vocabulary_loss.py
_LAYERS_AT_ONCE = 2  # of sharded weights: the one that is computed and the next one


@dataclass(frozen=True, kw_only=True, slots=True)
class Sizes:
    """A model, as far as memory and traffic depend on it."""

    parameters: int
    """All weights."""
    layer_parameters: int
    """Those of the transformer layers."""
    layers: int
    """Transformer layers."""
    width: int
    """D."""
    feed_forward: int
    """F."""
    vocab_size: int
    """V."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Memory:
    """What one GPU holds at the fullest moment of a step, in bytes."""

    state: float
    """Weights, gradients and Adam's averages in float32."""
    weights_in_use: float
    """Weights in the precision of the products; sharded, those of two layers and of the embeddings, and the
    gradients of the same before they are parted."""
    activations: float
    """What the backward pass needs of a micro-batch."""
    vocabulary: float
    """The output weights' gradient beside the summed one, states and logits of the loss."""

    @property
    def total(self) -> float:
        """All of them. What the allocator and the libraries need comes on top: a tenth is usual."""
        return self.state + self.weights_in_use + self.activations + self.vocabulary


def state_bytes(parameters: float, *, gpus: int = 1) -> float:
    """Return what weights, gradients and Adam's two averages take: four floats a weight.

    Args:
        parameters: weights.
        gpus: over which they are parted; 1 if every GPU holds all.
    """
    return (_WEIGHT_BYTES + _GRADIENT_BYTES + _ADAM_BYTES) * parameters / gpus


def activation_bytes(
    *,
    positions: float,
    width: int,
    layers: int,
    feed_forward: int,
    is_half: bool = True,
    mask_bytes: int = 1,
) -> float:
    """Return what the layers keep for the backward pass.

    For each position, of width D: the input of both parts, queries, keys, values and what was gathered (6),
    what goes into both norms, in float32 also under bfloat16 (2), and both dropout masks; of width F: before
    and after the activation. That is Korthikanti et al. 2022, equation 2, without attention weights, which a
    fused kernel makes again. A CPU's kernel keeps those if there is dropout: not counted.

    Args:
        positions: sequences of a micro-batch times their length.
        width: D.
        layers: transformer layers.
        feed_forward: F.
        is_half: whether products are in bfloat16, else float32.
        mask_bytes: of a dropout mask: 1 on a GPU, as wide as the products on a CPU, 0 without dropout.
    """
    number_bytes = 2 if is_half else 4
    per_position = (6 * number_bytes + 2 * 4 + 2 * mask_bytes) * width + 2 * number_bytes * feed_forward
    return positions * layers * per_position


def vocabulary_bytes(*, targets: float, width: int, vocab_size: int) -> float:
    """Return what the loss over the vocabulary takes: it is made a piece at a time (`vocabulary_loss.py`).

    Args:
        targets: positions to predict in a micro-batch.
        width: D.
        vocab_size: V.
    """
    weights = (_CAST_BYTES + _GRADIENT_BYTES) * vocab_size * width
    states = (_CAST_BYTES + _GRADIENT_BYTES) * targets * width
    return weights + states + _LOGIT_BYTES * min(targets * vocab_size, _LOGITS_AT_ONCE)


def memory(sizes: Sizes, *, positions: float, targets: float, gpus: int = 1, mask_bytes: int = 1) -> Memory:
    """Return the memory of one GPU, in bfloat16 over float32 weights, where steps have several micro-batches.

    Args:
        sizes: of the model.
        positions: sequences of a GPU's micro-batch times their length.
        targets: positions to predict among them.
        gpus: over which the state is parted; 1 if every GPU holds all.
        mask_bytes: as of `activation_bytes`.
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
    """Return what each GPU sends so that all have all parts of something: a ring passes N - 1 parts on."""
    return size_bytes * (gpus - 1) / gpus


def reduce_scatter_bytes(size_bytes: float, gpus: int) -> float:
    """Return what each GPU sends so that each has its part of a sum; the same ring the other way round."""
    return size_bytes * (gpus - 1) / gpus


def all_reduce_bytes(size_bytes: float, gpus: int) -> float:
    """Return what each GPU sends so that all have a sum: a reduce-scatter, then an all-gather.

    No way takes less (Patarasuk and Yuan 2009, "Bandwidth optimal all-reduce algorithms").
    """
    return reduce_scatter_bytes(size_bytes, gpus) + all_gather_bytes(size_bytes, gpus)


def replicated_traffic_bytes(parameters: float, gpus: int) -> float:
    """Return what each GPU sends in a step if all hold the whole model: its gradients, summed in float32."""
    return all_reduce_bytes(_GRADIENT_BYTES * parameters, gpus)


def ordered_traffic_bytes(parameters: float, gpus: int, *, sums: int = 1) -> float:
    """Return what each GPU sends in a step if gradients are added in a fixed order (`train/gradients.py`).

    Each GPU sends a slice of its sums to each other one, and passes on the slices that are whole. One number
    for each tensor, which says whether it has a gradient, is not counted.

    Args:
        parameters: weights that are trained.
        gpus: N.
        sums: that a GPU has left of its micro-batches: one if their number is a power of two, else more, as
            only whole branches of the tree can be added up before.
    """
    gradients_bytes = _GRADIENT_BYTES * parameters
    return reduce_scatter_bytes(sums * gradients_bytes, gpus) + all_gather_bytes(gradients_bytes, gpus)


def ordered_memory_bytes(parameters: float, *, sums: int = 1) -> float:
    """Return what each GPU holds beside the state while gradients are added in a fixed order.

    Its sums and the same cut into slices, one of them also in one piece; one gradient is in the state.
    """
    return 2 * sums * _GRADIENT_BYTES * parameters


def ordered_additions(parameters: float, gpus: int, *, micro_batches: int, sums: int = 1) -> float:
    """Return how many numbers each GPU adds in a step: its own, then one slice of what all have left.

    Args:
        parameters: weights that are trained.
        gpus: N.
        micro_batches: of one GPU.
        sums: as of `ordered_traffic_bytes`.
    """
    return (micro_batches - sums) * parameters + (sums * gpus - 1) * parameters / gpus


def sharded_traffic_bytes(parameters: float, gpus: int, *, micro_batches: int = 1) -> float:
    """Return what each GPU sends in a step if the state is parted.

    The weights are gathered in bfloat16 for the forward and again for the backward pass of every micro-batch,
    and the gradients are summed into their parts in float32 after each.
    """
    gathered = 2 * all_gather_bytes(_CAST_BYTES * parameters, gpus)
    return micro_batches * (gathered + reduce_scatter_bytes(_GRADIENT_BYTES * parameters, gpus))


def ring_bytes_per_s(
    gpus: int, *, gpus_of_a_node: int, gpu_bytes_per_s: float, node_bytes_per_s: float
) -> float:
    """Return the bandwidth of a ring over GPUs: that of its narrowest place.

    Args:
        gpus: N.
        gpus_of_a_node: that reach each other without the network.
        gpu_bytes_per_s: between two GPUs of a node, one way.
        node_bytes_per_s: of all network cards of a node together, one way.
    """
    return gpu_bytes_per_s if gpus <= gpus_of_a_node else min(gpu_bytes_per_s, node_bytes_per_s)


def efficiency(compute_s: float, communication_s: float, *, hidden_s: float = 0.0) -> float:
    """Return the share of a step in which GPUs compute: compute / (compute + exposed communication).

    Args:
        compute_s: of one step.
        communication_s: of one step.
        hidden_s: the part of the computing beside which communication can run: 0 at worst; at best the
            backward pass, two thirds of the computing, for summed gradients, and all of it for sharded
            weights.
    """
    exposed_s = max(0.0, communication_s - hidden_s)
    return compute_s / (compute_s + exposed_s)


def checkpoint_bytes(parameters: float) -> float:
    """Return the size of a training checkpoint: weights and Adam's averages in float32."""
    return (_WEIGHT_BYTES + _ADAM_BYTES) * parameters


def checkpoint_interval_s(checkpoint_s: float, failure_s: float) -> float:
    """Return how often to write checkpoints so that the least time is lost, writing and doing over together.

    The square root of twice the time to write one times the mean time between failures (Young 1974, "A first
    order approximation to the optimum checkpoint interval").
    """
    return math.sqrt(2 * checkpoint_s * failure_s)
