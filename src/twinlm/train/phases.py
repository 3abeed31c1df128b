"""Pre-training in one phase, or in two: short sequences first, then long ones (Devlin et al. 2018, A.2).

Attention costs the square of the length, so BERT took 90 % of its steps at length 128, the rest at 512.
The position embeddings behind the first length wait for the second phase.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from twinlm.batch import Batch
from twinlm.families import Examples
from twinlm.settings import PretrainSettings


@dataclass(frozen=True, slots=True)
class Phase:
    """A stretch of the steps."""

    share: float
    """Of the steps."""
    settings: PretrainSettings
    """With this phase's length."""


def phases(settings: PretrainSettings) -> list[Phase]:
    """Return the phases of pre-training, one or two."""
    last = replace(settings, first_length=0)
    if not settings.first_length:
        return [Phase(1.0, last)]
    first = replace(last, length=settings.first_length)
    return [Phase(settings.first_share, first), Phase(1 - settings.first_share, last)]


def phased_batches(
    settings: PretrainSettings, steps: int, examples: Callable[[PretrainSettings], Examples]
) -> Callable[[int], Sequence[Batch]]:
    """Return the function from a step, from 0, to its micro-batches.

    Each phase reads an order of its own from the beginning; the first takes its share of the steps, rounded.

    Args:
        settings: of pre-training.
        steps: in all phases together.
        examples: makes the examples of a phase from its settings.
    """
    parts = [(phase.settings, examples(phase.settings)) for phase in phases(settings)]
    change = steps_of_first(settings, steps)

    def batches(step: int) -> Sequence[Batch]:
        options, order = parts[0 if step < change else -1]
        return micro_batches(order, options, step if step < change else step - change)

    return batches


def steps_of_first(settings: PretrainSettings, steps: int) -> int:
    """Return how many of the steps are at the first length; 0 if there is one length only."""
    return round(settings.first_share * steps) if settings.first_length else 0


def micro_batches(examples: Examples, settings: PretrainSettings, step: int) -> Sequence[Batch]:
    """Return the micro-batches of a phase's step, each at fixed places of the examples' order."""
    size = settings.micro_batch_sequences or settings.batch_sequences
    first = step * settings.batch_sequences
    return [examples.batch(first + offset, size) for offset in range(0, settings.batch_sequences, size)]
