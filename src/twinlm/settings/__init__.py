"""Every setting of a run, with its meaning, unit, range and where its default comes from.

`twinlm config` prints this table. Defaults that differ between GPT and BERT, and the sizes, stand in
`settings/presets.py`; how a TOML file becomes these records, in `settings/build.py`.
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
"""Ends the name of an arm that is not pre-trained: "gpt-scratch"."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BudgetSettings:
    """What both models may spend on pre-training, so that the comparison is fair."""

    match: Literal["tokens", "targets", "flops", "seconds", "money", "steps", "passes"] = "flops"
    """What is equal for both. All other axes are shown by `twinlm plan` before training starts."""
    amount: float = option(2e13, above=0, most=1e27)
    """How much of it each gets: tokens, predicted tokens, operations, seconds here, money, steps, passes."""
    price_per_hour: float = option(0, least=0, most=1e9)
    """Of this machine, in any currency: for `match = "money"`, plans and cost cards; 0 shows no prices."""
    same_parameters: Literal["layers", "total"] = "layers"
    """Which parameters must be as many in both, within 5 %: those of the transformer layers, or all."""

    def __post_init__(self) -> None:
        if self.match == "money" and not self.price_per_hour:
            raise UsageError('match = "money" needs a price', hint="set budget.price_per_hour")


@dataclass(frozen=True, kw_only=True, slots=True)
class CompareSettings:
    """How the fine-tuned models are compared."""

    seeds: tuple[int, ...] = (1, 2, 3)
    """Fine-tuning seeds, all different; the same for every arm. At least 3 for a verdict."""
    pretrainings: int = option(1, least=1, most=1000)
    """How often each model is pre-trained anew, with the seeds `seed`, `seed` + 1 and so on."""
    learning_rates: tuple[float, ...] = ()
    """Try these in fine-tuning for every arm, keep what is best on validation examples; its own if empty."""
    label_counts: tuple[int, ...] = ()
    """Also fine-tune on so many labels, for the curve of score against labels, such as [30, 100, 300]."""
    budget_shares: tuple[float, ...] = ()
    """Also pre-train with these shares of the budget, for the curve of score against pre-training."""
    timing_seconds: float = option(1, least=0, most=3600)
    """Time each model's predictions so long, one by one and 32 at once, for the cost card; 0 for none."""
    untrained: bool = True
    """Also fine-tune both models without pre-training, to show what pre-training was worth."""
    doctor: bool = True
    """Look at text and labels first, as `twinlm doctor data` does, and report its problems and warnings."""

    def __post_init__(self) -> None:
        if not self.seeds or len(set(self.seeds)) < len(self.seeds):
            message = f"seeds must be different numbers, at least one, not {list(self.seeds)}"
            raise UsageError(message, hint="such as seeds = [1, 2, 3]")
        _check_grid("learning_rates", self.learning_rates, most=1)
        _check_grid("label_counts", self.label_counts, most=math.inf)
        _check_grid("budget_shares", self.budget_shares, most=0.99)


def _check_grid(name: str, values: tuple[float, ...], *, most: float) -> None:
    """Check that all are different, above 0 and at most `most`."""
    if len(set(values)) < len(values) or not all(0 < value <= most for value in values):
        limit = "" if most == math.inf else f" and at most {most}"
        message = f"{name} must be different numbers above 0{limit}, not {list(values)}"
        raise UsageError(message, hint=f"leave {name} out to do without")


@dataclass(frozen=True, kw_only=True, slots=True)
class QualitySettings:
    """What is asked of the pre-trained models without labels."""

    sample_bytes: int = option(4096, least=0, most=1 << 30)
    """Of test text whose every token is predicted, left to right and from both sides; 0 for none."""
    own_pairs: int = option(0, least=0, most=100_000)
    """Minimal pairs of each phenomenon to make of test text, by swaps of words, numbers, names, sentences."""
    own_cloze: int = option(0, least=0, most=100_000)
    """Gaps to make of test text, each with words of the training text to choose among."""
    pairs: tuple[str, ...] = ()
    """Files of minimal pairs, such as BLiMP's: .jsonl, .csv, .tsv with the fields good and bad."""
    most_pairs: int = option(200, least=1, most=100_000)
    """Of each phenomenon of a file, drawn by `seed`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ProcessSettings:
    """How several processes share the training of a model, see --nproc; one process asks for none of it."""

    reduce: Literal["ordered", "fast"] = "ordered"
    """How gradients are added: to the same bits with any number of processes, or to near ones."""
    shard: bool = False
    """Each process holds a part of the weights in pre-training (FSDP2). Needs reduce = "fast"."""
    timeout_seconds: float = option(300, least=1, most=86_400)
    """How long they wait for each other's part of a step before they give up."""

    def __post_init__(self) -> None:
        if self.shard and self.reduce != "fast":
            message = f'shard = true adds gradients in no fixed order, but reduce = "{self.reduce}"'
            raise UsageError(message, hint='set reduce = "fast" beside it')

    @property
    def numerics(self) -> dict[str, str]:
        """What of this changes a result in its last bits, for the records of what it was made from."""
        return {} if self.reduce == "ordered" else {"reduce": self.reduce}


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """A whole run."""

    title: str = "GPT and BERT on my text"
    """Of the report."""
    seed: int = option(0, least=0)
    """Of splits, first weights, data order, masks, pairs and dropout in pre-training."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Of matrix products in training; "auto" takes bfloat16 where the processor has instructions for it."""
    threads: int = option(0, least=0, most=1024)
    """Processor threads; 0 for all that this process may use. Part of what makes runs repeatable."""
    corpus: CorpusSettings = field(default_factory=CorpusSettings)
    """Text to pre-train on."""
    task: tuple[TaskSettings, ...] = ()
    """Labelled tasks to compare on: one [[task]] each."""
    arm: tuple[ArmSettings, ...] = ()
    """Further contestants under the same budget: one [[arm]] each, with what differs from its kind."""
    imported: tuple[ImportedSettings, ...] = ()
    """Models from elsewhere to compare too: one [[imported]] each."""
    tokenizer: TokenizerSettings = field(default_factory=TokenizerSettings)
    """How text becomes tokens."""
    budget: BudgetSettings = field(default_factory=BudgetSettings)
    """What both models may spend."""
    compare: CompareSettings = field(default_factory=CompareSettings)
    """How they are compared."""
    processes: ProcessSettings = field(default_factory=ProcessSettings)
    """How several processes share the training."""
    quality: QualitySettings = field(default_factory=QualitySettings)
    """What is asked of them without labels."""
    gpt: KindSettings = field(default_factory=KindSettings)
    """GPT's settings: [gpt.model], [gpt.pretrain], ...; [model], [pretrain] and [finetune] set both kinds."""
    bert: KindSettings = field(default_factory=KindSettings)
    """The same for BERT."""
