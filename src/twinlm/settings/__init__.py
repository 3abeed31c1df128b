"""Every setting of a run, with its meaning, unit, range and the origin of its default.

`twinlm config list` prints them. See `settings/presets.py` for sizes and defaults that differ between GPT and
BERT, and `settings/build.py` for reading a TOML file into these records.
"""

import math
from dataclasses import dataclass, field
from typing import Literal

from twinlm.errors import UsageError
from twinlm.settings.build import option
from twinlm.settings.data import CorpusSettings, ImportedSettings, TaskSettings, TokenizerSettings
from twinlm.settings.training import (
    ArmSettings,
    FinetuneSettings,
    KindSettings,
    ModelSettings,
    OptimizerSettings,
    PretrainSettings,
)

__all__ = [
    "ArmSettings",
    "BudgetSettings",
    "CompareSettings",
    "CorpusSettings",
    "FinetuneSettings",
    "ImportedSettings",
    "KindSettings",
    "ModelSettings",
    "OptimizerSettings",
    "PretrainSettings",
    "ProcessSettings",
    "QualitySettings",
    "Settings",
    "TaskSettings",
    "TokenizerSettings",
]


UNTRAINED = "-scratch"
"""Ending of the name of an arm that is not pre-trained: "gpt-scratch"."""


LEAST_STEPS = 10
"""Fewest steps of a pre-training."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BudgetSettings:
    """Pre-training budget, equal for both models, so that the comparison is fair."""

    match: Literal["tokens", "targets", "flops", "seconds", "money", "steps", "passes"] = "flops"
    """Quantity that is equal for both models. `twinlm plan` shows all of them before training starts."""
    amount: float = option(2e13, above=0, most=1e27)
    """Amount for each model: tokens, predicted tokens, operations, seconds here, money, steps or passes."""
    price_per_hour: float = option(0, least=0, most=1e9)
    """Price of this machine in any currency, for `match = "money"`, plans and cost cards; 0 for no prices."""
    same_parameters: Literal["layers", "total"] = "layers"
    """Parameters that must agree within 5 %: those of the transformer layers, or all."""

    def __post_init__(self) -> None:
        if self.match == "money" and not self.price_per_hour:
            raise UsageError('match = "money" needs a price', hint="set budget.price_per_hour")
        if self.match == "steps" and self.amount < LEAST_STEPS:
            message = f"{self.amount:g} steps are too few: at least {LEAST_STEPS}"
            raise UsageError(message, hint=f"set budget.amount = {LEAST_STEPS} or more")


@dataclass(frozen=True, kw_only=True, slots=True)
class CompareSettings:
    """Comparison of the fine-tuned models."""

    seeds: tuple[int, ...] = (1, 2, 3)
    """Fine-tuning seeds, all different, used for every arm. At least 3 for a verdict."""
    pretrainings: int = option(1, least=1, most=1000)
    """Number of pre-training runs of each model, with the seeds `seed`, `seed` + 1 and so on."""
    learning_rates: tuple[float, ...] = ()
    """Learning rates to try in fine-tuning, for every arm; validation picks one. If empty, each arm's own."""
    label_counts: tuple[int, ...] = ()
    """Numbers of labels to fine-tune on as well, for the curve of score against labels: [30, 100, 300]."""
    budget_shares: tuple[float, ...] = ()
    """Shares of the budget to pre-train with as well, for the curve of score against pre-training."""
    timing_seconds: float = option(1, least=0, most=3600)
    """Seconds to time each model's predictions, singly and 32 at once, for the cost card; 0 for none."""
    untrained: bool = True
    """Whether to fine-tune both models without pre-training too, to show what pre-training is worth."""
    probes: bool = True
    """Whether to show, beside each fine-tuned model, a linear model on the states before fine-tuning."""
    doctor: bool = True
    """Whether to check text and labels first, as `twinlm doctor data` does, and report what it finds."""

    def __post_init__(self) -> None:
        if not self.seeds or len(set(self.seeds)) < len(self.seeds):
            message = f"seeds must be different numbers, at least one, not {list(self.seeds)}"
            raise UsageError(message, hint="such as seeds = [1, 2, 3]")
        _check_grid("learning_rates", self.learning_rates, most=1)
        _check_grid("label_counts", self.label_counts, most=math.inf)
        _check_grid("budget_shares", self.budget_shares, most=0.99)


def _check_grid(name: str, values: tuple[float, ...], *, most: float) -> None:
    if len(set(values)) < len(values) or not all(0 < value <= most for value in values):
        limit = "" if most == math.inf else f" and at most {most}"
        message = f"{name} must be different numbers above 0{limit}, not {list(values)}"
        raise UsageError(message, hint=f"leave {name} out to do without")


@dataclass(frozen=True, kw_only=True, slots=True)
class QualitySettings:
    """Measures of the pre-trained models' language, without labels."""

    sample_bytes: int = option(4096, least=0, most=1 << 30)
    """Bytes of test text in which every token is predicted, left to right and from both sides; 0 for none."""
    own_pairs: int = option(0, least=0, most=100_000)
    """Minimal pairs to make from test text for each phenomenon: swapped words, numbers, names, sentences."""
    own_cloze: int = option(0, least=0, most=100_000)
    """Gaps to make in test text, each with words of the training text to choose from."""
    pairs: tuple[str, ...] = ()
    """Files of minimal pairs, such as BLiMP's: .jsonl, .json, .csv or .tsv with the fields good and bad."""
    most_pairs: int = option(200, least=1, most=100_000)
    """Most pairs of each phenomenon in a file, drawn by `seed`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ProcessSettings:
    """Training of a model by several processes (--nproc); one process ignores all of it."""

    reduce: Literal["ordered", "fast"] = "ordered"
    """Order of adding gradients: fixed, with equal bits for any number of processes, or the fastest."""
    shard: bool = False
    """Whether each process holds a part of the weights in pre-training (FSDP2). Needs reduce = "fast"."""
    timeout_seconds: float = option(300, least=1, most=86_400)
    """Seconds that processes wait for each other's part of a step."""

    def __post_init__(self) -> None:
        if self.shard and self.reduce != "fast":
            message = f'shard = true adds gradients in no fixed order, but reduce = "{self.reduce}"'
            raise UsageError(message, hint='set reduce = "fast" beside it')

    @property
    def numerics(self) -> dict[str, str]:
        """Settings that change a result in its last bits, for `inputs.json` of a stage."""
        return {} if self.reduce == "ordered" else {"reduce": self.reduce}


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """Settings of a whole run."""

    title: str = "GPT and BERT on my text"
    """Title of the report."""
    seed: int = option(0, least=0)
    """Seed of pre-training: splits, initial weights, data order, masks, pairs and dropout."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Precision of matrix products in training; "auto" is bfloat16 on processors with instructions for it."""
    threads: int = option(0, least=0, most=1024)
    """Processor threads; 0 for all available ones. Results are repeatable only with equal threads."""
    corpus: CorpusSettings = field(default_factory=CorpusSettings)
    """Text to pre-train on."""
    task: tuple[TaskSettings, ...] = ()
    """Labelled tasks to compare on: one [[task]] each."""
    arm: tuple[ArmSettings, ...] = ()
    """Further contestants under the same budget: one [[arm]] each, with what differs from its kind."""
    imported: tuple[ImportedSettings, ...] = ()
    """Models from elsewhere to compare too: one [[imported]] each."""
    tokenizer: TokenizerSettings = field(default_factory=TokenizerSettings)
    """Tokenizers."""
    budget: BudgetSettings = field(default_factory=BudgetSettings)
    """Budget of pre-training, the same for both models."""
    compare: CompareSettings = field(default_factory=CompareSettings)
    """Comparison of the fine-tuned models."""
    processes: ProcessSettings = field(default_factory=ProcessSettings)
    """Training by several processes."""
    quality: QualitySettings = field(default_factory=QualitySettings)
    """Measures of language without labels."""
    gpt: KindSettings = field(default_factory=KindSettings)
    """GPT's settings: [gpt.model], [gpt.pretrain], ...; [model], [pretrain] and [finetune] set both kinds."""
    bert: KindSettings = field(default_factory=KindSettings)
    """BERT's settings, given like `gpt`."""

    def __post_init__(self) -> None:
        if self.budget.match != "steps":
            return
        shares = [("compare.budget_shares", share) for share in self.compare.budget_shares]
        shares += [("budget_share", arm.budget_share) for arm in self.arm if arm.pretrained]
        for name, share in shares:
            steps = math.floor(share * self.budget.amount)
            if steps < LEAST_STEPS:
                message = f"{share:g} in {name} of budget.amount={self.budget.amount:g} steps is {steps}"
                hint = f"raise one of the two: a model takes at least {LEAST_STEPS} steps"
                raise UsageError(message, hint=hint)
