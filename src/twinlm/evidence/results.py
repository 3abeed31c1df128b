"""What a comparison found, as plain records: `results.json` holds them, the report shows them.

An arm is one way to get a fine-tuned model: a family with or without pre-training, or a model from
elsewhere. Scores of arms are compared on the same test examples and the same fine-tuning seeds.
`evidence/intervals.py` makes the intervals and comparisons, `report/verdict.py` the sentences.
"""

from typing import ClassVar

from twinlm.evaluate.timings import ServingCost
from twinlm.evidence.quality_records import QualityResult
from twinlm.evidence.records import Comparison, DoctorResult, Interval, Ledger, ScoreCurve
from twinlm.system.records import Number, Record, Whole

__all__ = [
    "ArmScore",
    "Comparison",
    "Cost",
    "Curve",
    "CurvePoint",
    "Interval",
    "LanguageResult",
    "Results",
    "TaskResult",
]


class ArmScore(Record):
    """How one arm, or one baseline, did on a task's test examples."""

    arm: str
    """"gpt", "bert", "gpt-scratch", "bert-scratch", an imported model's name, "majority", ..."""
    label: str
    """The name that people read: "BERT", "BERT without pre-training", "TF-IDF + logistic regression"."""
    family: str
    """"gpt" or "bert"; empty for a baseline."""
    is_pretrained: bool
    """False for an arm without pre-training, and for a baseline."""
    score: Interval
    """The main figure, mean over seeds, with its interval over examples and seeds."""
    figures: dict[str, Number]
    """Means over seeds by name, the main figure first."""
    score_by_seed: dict[str, Number]
    """The main figure by seed, "1", or by pre-training and fine-tuning seed, "0/1"; empty for a baseline."""
    f1_by_class: dict[str, Number]
    """Mean over seeds of the F1 of each class, tag or type of entity, from 0 to 1; empty without such."""
    confusion: list[list[Whole]]
    """Counts over all seeds: a row for each true class, a column for each predicted one, as in `classes`;
    empty where an example's answer is no class."""
    failed_seeds: list[str]
    """Seeds whose model always gives one and the same answer."""
    seconds: Number
    """Fine-tuning time, all seeds together (fitting time for a baseline)."""
    chosen_epochs: dict[str, Whole]
    """For each seed, the epoch whose weights did best on the validation examples."""
    is_imported: bool
    """Whether the model was pre-trained elsewhere, on other data."""


class TaskResult(Record):
    """Everything about one labelled task."""

    name: str
    """As the settings call it."""
    kind: str
    """Of task: "classification", "similarity", "choice", "tagging" or "span_qa"."""
    metric: str
    """Name of the main figure: "accuracy", "entity F1", "answer F1", "Spearman's correlation"."""
    classes: list[str]
    """In the order of `confusion`; empty without classes."""
    train_examples: Whole
    """To learn from."""
    valid_examples: Whole
    """To choose epochs by."""
    test_examples: Whole
    """To compare on."""
    scores: list[ArmScore]
    """Of arms, then of baselines."""
    comparisons: list[Comparison]
    """The pre-trained pair first; then each of the two against its twin without pre-training; then each
    against the best baseline."""
    verdict: str
    """One or two sentences in plain words."""


class CurvePoint(Record):
    """One record of a pre-training run."""

    step: Whole
    """Optimizer steps so far."""
    tokens: Whole
    """Real (not padding) tokens read so far."""
    flops: Number
    """Operations so far."""
    value: Number
    """What the curve is of, in the unit that the curve states."""


class Curve(Record):
    """One line of a plot."""

    name: str
    """"training" or "validation"."""
    unit: str
    """"bits per byte" or "nats per masked token"."""
    points: list[CurvePoint]
    """In the order of training."""


class LanguageResult(Record):
    """Pre-training of one model. Two kinds' values measure different things: never in one column."""

    name: str
    """Of the pre-training: "gpt", "bert", or that of an arm."""
    label: str
    """For people."""
    family: str
    """"gpt" or "bert"."""
    measure: str
    """What `validation` and `test` are: "bits per byte, left to right" or "nats per masked token, both sides
    seen"."""
    validation: Number
    """On validation text."""
    test: Number
    """On test text."""
    others: dict[str, Number]
    """Further measures by name, such as "accuracy of next sentence prediction"."""
    floors: dict[str, Number]
    """What counting the training text reaches on validation text, in the unit of the curves, by what is
    counted: "unigrams", "bigrams"."""
    curves: list[Curve]
    """Training, then validation."""
    remarks: list[str]
    """Where a run, of any seed, is far from what it should reach, in plain words."""
    samples: list[dict[str, str]]
    """From held-out text: {"prompt", "continuation", "original"} for a decoder, and {"masked", "filled",
    "original"} for an encoder: "masked" has [MASK] for each hidden word, "filled" the [word] put there."""


class Cost(Record):
    """What one pre-training took; the mean over its seeds where there are several."""

    name: str
    """Of the pre-training: "gpt", "bert", or that of an arm."""
    label: str
    """For people."""
    family: str
    """"gpt" or "bert"."""
    parameters: Whole
    """Weights in all."""
    non_embedding_parameters: Whole
    """Weights in the transformer layers."""
    steps: Whole
    """Optimizer steps."""
    tokens: Whole
    """Real tokens read."""
    targets: Whole
    """Tokens predicted (with a loss)."""
    flops: Number
    """Floating point operations, from the formula in `core/count.py`."""
    seconds: Number
    """Training time, without validation."""
    planned_seconds: Number
    """What the plan said before, from a few measured steps."""
    tokens_per_second: Number
    """Real tokens, in training."""
    peak_memory_bytes: Whole
    """Largest memory of the process, or of the GPU."""
    corpus_passes: Number
    """How often the training text was read, in tokens."""
    model_bytes: Whole
    """Size of the weights on disk."""

    @property
    def plan_error(self) -> float:
        """How much longer than it took the plan said it would take: 0.2 if that was a fifth too much."""
        return self.planned_seconds / self.seconds - 1


class ArmCost(Record):
    """What one arm took to make for one task, and what its predictions cost."""

    arm: str
    """As `ArmScore.arm`."""
    label: str
    """As `ArmScore.label`."""
    pretraining_s: Number | None
    """Seconds of its pre-training, the same for all tasks; 0 without one, None if it was done elsewhere."""
    pretraining_flops: Number | None
    """Operations of it."""
    fine_tuning_s: Number | None
    """Seconds of its fine-tuning, of one seed; None if it was done elsewhere."""
    fine_tuning_flops: Number | None
    """Operations of it."""
    fine_tuning_peak_bytes: Whole | None
    """Largest memory of the process, or of the GPU, meanwhile."""
    serving: ServingCost
    """Of predictions of the task's test examples; arms of one task were measured in turns."""


class Results(Record):
    """A finished comparison: `results.json`."""

    FORMAT: ClassVar[int] = 1

    title: str
    """Of the report."""
    verdict: list[str]
    """The answer in plain words, most important first; one sentence an item."""
    caveats: list[str]
    """What the evidence does not support, such as "one pre-training seed"."""
    families: dict[str, str]
    """The names that people read, in the order to show: {"gpt": "GPT", "bert": "BERT"}."""
    matched_by: str
    """"tokens", "FLOPs" or "seconds"."""
    pretraining_seeds: Whole
    """How many times each model was pre-trained anew."""
    tasks: list[TaskResult]
    """In the order of the settings."""
    curves: list[ScoreCurve]
    """Of score against labels and against pre-training tokens, task by task."""
    ledger: list[Ledger]
    """What was tried in fine-tuning, task by task, arm by arm."""
    language: list[LanguageResult]
    """One for each pre-training."""
    quality: QualityResult
    """What the pre-trained models know of the language, without labels."""
    costs: list[Cost]
    """One for each pre-training."""
    cost_cards: dict[str, list[ArmCost]]
    """By task, for each arm; empty if predictions were not timed."""
    price_per_hour: Number | None
    """Of the machine, in any currency; None if no prices are to be shown."""
    doctor: DoctorResult | None
    """What the data doctor found; None if it was not asked."""
    data: dict[str, str | Whole | Number]
    """Facts of the corpus and its splits, by name, in the order to show."""
    removed: dict[str, Whole]
    """What was left out and how often: duplicates, empty documents, cut texts, ..."""
    attribution: list[str]
    """Sources and licences of embedded text; empty for own data."""
    settings_toml: str
    """The resolved settings."""
    environment: dict[str, str]
    """Versions, processor, threads, precision, and so on."""
    fingerprints: dict[str, str]
    """SHA-256 of data, tokenizer and models."""
    command: str
    """What to type to repeat it."""
