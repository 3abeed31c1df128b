"""Records of a training run: cost and outcome so far, in `state.json`, and at the end, in a result file."""

from pathlib import Path
from typing import Annotated, Any, TypeVar

from msgspec import Meta, Struct

from twinlm.errors import ModelError
from twinlm.objectives import Averaging
from twinlm.system.records import Number, Record, Whole, read_record

NotNegative = Annotated[float, Meta(ge=0, le=1e100)]
Result = TypeVar("Result", bound="Spent")
_HINT = "the file was changed, or was written by another version"


# Not a Record, which is frozen: the training loop counts in its state.
class Spent(Struct, kw_only=True, forbid_unknown_fields=True):
    """Cost and outcome of a training run: `pretraining.json`."""

    step: Whole  # number of optimizer steps taken
    tokens: Whole  # number of real tokens read, padding left out
    targets: Whole  # number of predictions trained on
    flops: NotNegative  # floating point operations, forward and backward
    seconds: NotNegative  # time of the steps, without validations and checkpoints
    peak_memory_bytes: Whole  # peak memory of the process
    non_finite_steps: Whole = 0  # number of steps whose loss or gradient was not finite
    lost_steps: Whole = 0  # number of updates left out or rolled back for that, in early versions uncounted
    best: Number | None  # best validation score, the lowest; None before the first validation
    best_step: Whole  # step of that validation; the last of equally good ones
    best_sha256: str = ""  # SHA-256 of the weights at that step


class TuningSpent(Spent, kw_only=True, forbid_unknown_fields=True):
    """Cost and outcome of a fine-tuning: `fine-tuning.json`."""

    counts: dict[str, Whole]  # number of examples that were changed to be read, by reason
    validation: Annotated[dict[str, Number], Meta(min_length=1)]  # by the best weights, the main one first
    one_answer: bool  # whether all validation examples got the same answer: training failed


class Mark(Record):
    """Length and hash of the metrics that belong to a checkpoint."""

    bytes: Whole  # size of the metrics
    sha256: str  # SHA-256 of the metrics


class TrainingState(Spent, kw_only=True, forbid_unknown_fields=True):
    """State of a training run between two steps: `state.json` of a checkpoint."""

    is_validation_due: bool = False  # whether a signal interrupted a validation, which then comes first
    averaging: Averaging = "micro-batch"  # what losses are means over; versions before 0.2.0 did not write it
    metrics: Mark | None = None  # metrics before this checkpoint; None in checkpoints of early versions

    def spent(self) -> Spent:
        """Return cost and outcome alone."""
        return Spent(**{name: getattr(self, name) for name in Spent.__struct_fields__})


def fresh_state(averaging: Averaging) -> TrainingState:
    """Return the state of a run before its first step."""
    nothing: dict[str, Any] = {"step": 0, "tokens": 0, "targets": 0, "flops": 0.0, "seconds": 0.0}
    return TrainingState(**nothing, peak_memory_bytes=0, best=None, best_step=0, averaging=averaging)


def read_result(record: type[Result], path: Path) -> Result:
    """Return the record of a finished training; a ModelError if it took no steps or cost nothing."""
    result = read_record(record, path)
    for name in ("step", "tokens", "targets", "flops", "seconds", "peak_memory_bytes"):
        if getattr(result, name) <= 0:
            raise ModelError(f"{name} is {getattr(result, name)}, which can't be", file=path, hint=_HINT)
    return result
