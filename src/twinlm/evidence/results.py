"""Results of a comparison, stored in `results.json` and shown in the report.

An arm is one way to get a fine-tuned model: a kind with or without pre-training, or an imported model.
"""

from typing import ClassVar

from msgspec import field

from twinlm.evaluate.timings import ServingCost
from twinlm.evidence.records import (
    ArmFacts,
    Comparison,
    FrozenGap,
    Interval,
    Ledger,
    QualityResult,
    ScoreCurve,
)
from twinlm.system.records import Number, Record, Whole


class UndefinedFigure(Record):
    """A figure that would be 0 / 0, and so counts as 0."""

    name: str
    """Name of the figure."""
    reason: str
    """Reason, such as "one class is given to all examples"."""
    seeds: list[str]
    """Seeds of the models that it is true of; empty for a baseline."""


class ArmScore(ArmFacts):
    """Score of one arm or baseline on a task's test examples."""

    score: Interval
    """Main figure, mean over seeds, with its interval over examples and seeds."""
    figures: dict[str, Number]
    """Figures by name, means over seeds, the main figure first."""
    score_by_seed: dict[str, Number]
    """Main figure by seed, "1", or by pre-training and fine-tuning seed, "0/1"; empty for a baseline."""
    f1_by_class: dict[str, Number]
    """F1 of each class, tag or entity type, mean over seeds, from 0 to 1; empty without such."""
    confusion: list[list[Whole]]
    """Counts over all seeds: a row for each true class, a column for each predicted one, in the order of
    `classes`; empty if answers are not classes."""
    failed_seeds: list[str]
    """Seeds whose model gives the same answer to every example."""
    seconds: Number
    """Fine-tuning time of all seeds together, or the time to fit a baseline."""
    chosen_epochs: dict[str, Whole]
    """Epoch with the best weights on the validation examples, by seed."""
    is_imported: bool
    """Whether the model was pre-trained elsewhere, on other data."""
    undefined: tuple[UndefinedFigure, ...] = ()
    """Figures that would be 0 / 0; all of `score`, `figures` and comparisons count them as 0."""

    @property
    def has_failed(self) -> bool:
        """Whether all trainings failed: each model gives one answer to all examples."""
        return bool(self.failed_seeds) and len(self.failed_seeds) >= len(self.score_by_seed)

    def has_figure(self, name: str) -> bool:
        """Tell whether a figure is defined for at least one model."""
        lacking = [row.seeds for row in self.undefined if row.name == name]
        return not lacking or sum(map(len, lacking)) < len(self.score_by_seed)


class FrozenScore(ArmScore):
    """Score of a linear model on the states of a body before any fine-tuning; `arm` is the body's first one.

    There is one for each pre-training seed, in `score_by_seed`.
    """

    gaps: list[FrozenGap]
    """Comparisons of the arms that have this body with it."""


class TaskResult(Record):
    """Results on one labelled task."""

    name: str
    """Name in the settings."""
    kind: str
    """Type of task: "classification", "similarity", "choice", "tagging" or "span_qa"."""
    metric: str
    """Name of the main figure: "accuracy", "entity F1", "answer F1", "Spearman's correlation"."""
    metric_reason: str = ""
    """Reason for that figure, if tasks of this type may have another."""
    classes: list[str]
    """Classes in the order of `confusion`; empty without classes."""
    train_examples: Whole
    """Number of training examples."""
    valid_examples: Whole
    """Number of validation examples."""
    test_examples: Whole
    """Number of test examples."""
    scores: list[ArmScore]
    """Scores of arms, then of baselines."""
    comparisons: list[Comparison]
    """Comparisons in the order of `scores.pairs_to_compare`: the pre-trained pair first."""
    verdict: str
    """Verdict in plain words."""
    frozen: list[FrozenScore] = field(default_factory=list)
    """Scores of linear models on frozen states, in the order of the arms; empty without any."""


class CurvePoint(Record):
    """Point of a pre-training curve."""

    step: Whole
    """Number of optimizer steps so far."""
    tokens: Whole
    """Number of tokens read so far, padding left out."""
    flops: Number
    """Number of floating point operations so far."""
    value: Number
    """Loss in the unit of the curve."""


class Curve(Record):
    """Pre-training curve."""

    name: str
    """Name: "training" or "validation"."""
    unit: str
    """Unit: "bits per byte" or "nats per masked token"."""
    points: list[CurvePoint]
    """Points in the order of training."""


class LanguageResult(Record):
    """Pre-training results of one model. The two kinds' losses differ in meaning and never share a column."""

    name: str
    """Name of the pre-training run: "gpt", "bert", or an arm's."""
    label: str
    """Name in the report."""
    family: str
    """Kind: "gpt" or "bert"."""
    measure: str
    """Unit of `validation` and `test`: "bits per byte, left to right" or "nats per masked token, both sides
    seen"."""
    validation: Number
    """Loss on validation text."""
    test: Number
    """Loss on test text."""
    others: dict[str, Number]
    """Further measures by name, such as "accuracy of next sentence prediction"."""
    floors: dict[str, Number]
    """Counting losses on validation text, in the unit of the curves, by "unigrams" and "bigrams"."""
    curves: list[Curve]
    """Training curve, then validation curve."""
    remarks: list[str]
    """Remarks in plain words on runs that are far from the expected loss."""
    samples: list[dict[str, str]]
    """Samples of held-out text: {"prompt", "continuation", "original"} for a decoder, {"masked", "filled",
    "original"} for an encoder: "masked" has [MASK] for each hidden word, "filled" the [word] put there."""


class Cost(Record):
    """Costs of one pre-training run, means over its seeds."""

    name: str
    """Name of the pre-training run: "gpt", "bert", or an arm's."""
    label: str
    """Name in the report."""
    family: str
    """Kind: "gpt" or "bert"."""
    parameters: Whole
    """Number of weights."""
    non_embedding_parameters: Whole
    """Number of weights in the transformer layers."""
    steps: Whole
    """Number of optimizer steps."""
    tokens: Whole
    """Number of tokens read, padding left out."""
    targets: Whole
    """Number of tokens with a loss."""
    flops: Number
    """Floating point operations, from the formula in `core/count.py`."""
    seconds: Number
    """Training time, without validation."""
    planned_seconds: Number
    """Training time as planned from a few measured steps."""
    tokens_per_second: Number
    """Training speed, padding left out."""
    peak_memory_bytes: Whole
    """Peak memory of the process, or of the GPU."""
    corpus_passes: Number
    """Number of passes through the training text, in tokens."""
    model_bytes: Whole
    """Size of the weights on disk."""

    @property
    def plan_error(self) -> float:
        """Relative error of the planned time; 0.2 if the plan was 20 % too long."""
        return self.planned_seconds / self.seconds - 1


class ArmCost(Record):
    """Costs of one arm on one task: training and predictions."""

    arm: str
    """Name of the arm."""
    label: str
    """Name in the report."""
    pretraining_s: Number | None
    """Seconds of pre-training, the same for all tasks; 0 without one, None if it was done elsewhere."""
    pretraining_flops: Number | None
    """Floating point operations of pre-training."""
    fine_tuning_s: Number | None
    """Seconds of fine-tuning with one seed; None if it was done elsewhere."""
    fine_tuning_flops: Number | None
    """Floating point operations of fine-tuning."""
    fine_tuning_peak_bytes: Whole | None
    """Peak memory of the process, or of the GPU, in fine-tuning."""
    serving: ServingCost
    """Costs of predicting test examples; the arms of a task were measured in alternation."""


class DoctorFinding(Record):
    """A problem or a warning of the data doctor."""

    level: str
    """"problem" or "warning"."""
    where: str
    """Part of the settings, model kind or task."""
    message: str
    """Finding, with its numbers."""
    why: str
    """Effect on the models; "" if that is obvious."""
    hint: str
    """Remedy; "" if there is none."""


class DoctorResult(Record):
    """Findings of the data doctor on text and labels."""

    findings: list[DoctorFinding]
    """Problems, then warnings."""
    notes: Whole
    """Number of further notes."""


class Results(Record):
    """A finished comparison: `results.json`."""

    FORMAT: ClassVar[int] = 1

    title: str
    """Title of the report."""
    verdict: list[str]
    """Verdict in plain words, most important first, one sentence an item."""
    caveats: list[str]
    """Limits of the evidence, such as "one pre-training seed"."""
    families: dict[str, str]
    """Names of the kinds in the report, in its order: {"gpt": "GPT", "bert": "BERT"}."""
    matched_by: str
    """Quantity that was matched: "tokens", "FLOPs", "seconds", ..."""
    pretraining_seeds: Whole
    """Number of pre-training seeds."""
    tasks: list[TaskResult]
    """Results by task, in the order of the settings."""
    curves: list[ScoreCurve]
    """Scores against labels and against pre-training budgets, task by task."""
    ledger: list[Ledger]
    """Learning rates tried in fine-tuning, task by task, arm by arm."""
    language: list[LanguageResult]
    """Results of each pre-training run."""
    quality: QualityResult
    """Measurements of the pre-trained models without labels."""
    costs: list[Cost]
    """Costs of each pre-training run."""
    cost_cards: dict[str, list[ArmCost]]
    """Costs by task, for each arm; empty if predictions were not timed."""
    price_per_hour: Number | None
    """Price of the machine, in any currency; None to show no prices."""
    doctor: DoctorResult | None
    """Findings of the data doctor; None if it did not run."""
    data: dict[str, str | Whole | Number]
    """Facts of the corpus and its splits, by name, in the order to show."""
    removed: dict[str, Whole]
    """Counts of what was left out: duplicates, empty documents, cut texts, ..."""
    attribution: list[str]
    """Sources and licences of embedded text; empty for own data."""
    settings_toml: str
    """Resolved settings."""
    environment: dict[str, str]
    """Versions, processor, threads, precision, and so on."""
    fingerprints: dict[str, str]
    """SHA-256 of data, tokenizer and models."""
    command: str
    """Command that repeats the comparison."""

    def __repr__(self) -> str:
        return f"<Results of {self.title!r}: tasks {', '.join(task.name for task in self.tasks) or 'none'}>"
