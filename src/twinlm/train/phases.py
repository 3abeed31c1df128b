"""Pre-training in one phase or two: short sequences first, or left to right first.

Attention costs the square of the length: BERT took 90 % of its steps at 128 tokens (Devlin et al. 2018, A.2).
Until the second phase, the position embeddings beyond the first length are not trained.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache

from twinlm.batch import Batch, LazyBatches
from twinlm.data.sequences.examples import Examples
from twinlm.objectives import Averaging
from twinlm.settings import PretrainSettings


@dataclass(frozen=True, slots=True)
class Phase:
    """A phase of pre-training."""

    share: float  # share of the steps
    settings: PretrainSettings  # settings with this phase's length
    is_causal: bool = False  # whether next tokens are predicted, whatever the kind's own objective is


def phases(settings: PretrainSettings) -> list[Phase]:
    """Return the phases of pre-training, one or two."""
    last = replace(settings, first_length=0, first_objective="same")
    if not _has_two(settings):
        return [Phase(1.0, last)]
    first = replace(last, length=settings.first_length or settings.length)
    is_causal = settings.first_objective == "causal"
    return [Phase(settings.first_share, first, is_causal), Phase(1 - settings.first_share, last)]


def phased_batches(
    settings: PretrainSettings,
    steps: int,
    examples: Callable[[Phase], Examples],
    averaging: Averaging = "step",
) -> Callable[[int], Sequence[Batch]]:
    """Return the function from a step of all phases, from 0, to its micro-batches."""
    parts = [(phase.settings, examples(phase)) for phase in phases(settings)]
    change = steps_of_first(settings, steps)

    def batches(step: int) -> Sequence[Batch]:
        options, order = parts[0 if step < change else -1]
        return micro_batches(order, options, step if step < change else step - change, averaging)

    return batches


def steps_of_first(settings: PretrainSettings, steps: int) -> int:
    """Return the number of steps in the first of two phases; 0 if there is one phase."""
    return round(settings.first_share * steps) if _has_two(settings) else 0


def _has_two(settings: PretrainSettings) -> bool:
    return bool(settings.first_length) or settings.first_objective != "same"


def micro_batch_count(settings: PretrainSettings) -> int:
    """Return the number of micro-batches in a step."""
    return settings.batch_sequences // (settings.micro_batch_sequences or settings.batch_sequences)


def micro_batches(
    examples: Examples, settings: PretrainSettings, step: int, averaging: Averaging = "step"
) -> Sequence[Batch]:
    """Return the micro-batches of a phase's step."""
    size = settings.micro_batch_sequences or settings.batch_sequences
    first = step * settings.batch_sequences
    starts = range(0, settings.batch_sequences, size)
    if averaging == "micro-batch":
        return LazyBatches(lambda number: examples.batch(first + starts[number], size), len(starts))
    # Pairs and masks are drawn for the whole step, so that any cut trains on the same rows.
    whole = cache(lambda: examples.batch(first, settings.batch_sequences))
    if len(starts) == 1:
        return LazyBatches(lambda number: whole(), 1)
    return LazyBatches(lambda number: whole().rows(starts[number], starts[number] + size), len(starts))
