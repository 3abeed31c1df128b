"""Records of a training run in JSON files: what it has spent and reached, so far or in the end."""

from typing import Annotated

import msgspec
from msgspec import Meta

Count = Annotated[int, Meta(ge=0, lt=2**63 - 1)]
Amount = Annotated[float, Meta(ge=0, lt=1e30)]
Score = Annotated[float, Meta(gt=-1e30, lt=1e30)]


class Spent(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Cost and outcome of a training run: `pretraining.json`."""

    step: Count = 0
    """Number of optimizer steps taken."""
    tokens: Count = 0
    """Number of real tokens read, padding left out."""
    targets: Count = 0
    """Number of predictions trained on."""
    flops: Amount = 0.0
    """Floating point operations, forward and backward."""
    seconds: Amount = 0.0
    """Time of the steps, without validations and checkpoints."""
    peak_memory_bytes: Count = 0
    """Largest memory of the process."""
    non_finite_steps: Count = 0
    """Number of steps whose loss or gradient was not finite."""
    lost_steps: Count = 0
    """Number of updates left out or rolled back for that."""
    best: Score | None = None
    """Best score of a validation; the lowest is the best."""
    best_step: Count = 0
    """Step of that validation."""
    best_sha256: str = ""
    """SHA-256 of the weights at that step."""


class TuningSpent(Spent, kw_only=True):
    """Cost and outcome of a fine-tuning: `fine-tuning.json`."""

    counts: dict[str, Count]
    """Number of examples that were changed to be read, by reason."""
    validation: Annotated[dict[str, float], Meta(min_length=1)]
    """Figures of the best weights on the validation examples, the main one first."""
    one_answer: bool
    """Whether all validation examples got the same answer: training failed."""


class Mark(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Length and hash of the metrics that belong to a checkpoint."""

    bytes: Count
    """Size of the metrics."""
    sha256: str
    """SHA-256 of the metrics."""


class TrainingState(Spent, kw_only=True):
    """State of a training run between two steps: `state.json` of a checkpoint."""

    is_validation_due: bool = False
    """Whether the run is to validate before its next step: a signal interrupted the validation."""
    metrics: Mark | None = None
    """Metrics written before this checkpoint; None in checkpoints of early versions."""

    def spent(self) -> Spent:
        """Return cost and outcome alone."""
        return Spent(**{name: getattr(self, name) for name in Spent.__struct_fields__})
