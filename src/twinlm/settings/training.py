"""Settings of one model: its sizes, its pre-training, its fine-tuning."""

from dataclasses import dataclass, field
from typing import Literal

from twinlm.errors import UsageError
from twinlm.settings.build import option
from twinlm.settings.data import check_name


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelSettings:
    """The sizes of a model."""

    layers: int = option(4, least=1, most=1000)
    """Transformer layers."""
    width: int = option(128, least=1, most=100_000)
    """D, the width of the states."""
    heads: int = option(4, least=1, most=1000)
    """H, attention heads a layer. Must divide `width`."""
    feed_forward: int = option(0, least=0, most=1_000_000)
    """F, the width inside the feed-forward layers; 0 for 4 * width, as in both papers."""
    max_length: int = option(128, least=8, most=100_000)
    """The longest sequence in tokens; 512 in both papers."""
    dropout: float = option(0.1, least=0, most=0.9)
    """Probability, on embeddings, attention weights and residuals; 0.1 in both papers."""
    first_deviation: float = option(0.02, above=0, most=1)
    """Standard deviation of the first weights; 0.02 in both papers, at width 768."""
    first_positions: Literal["normal", "sinusoidal"] = "normal"
    """What position embeddings begin as, learned from there on: drawn as in the papers, or waves."""

    def __post_init__(self) -> None:
        if self.width % self.heads:
            message = f"width must be a multiple of heads, but width={self.width} and heads={self.heads}"
            raise UsageError(message, hint="change one of the two")


@dataclass(frozen=True, kw_only=True, slots=True)
class OptimizerSettings:
    """AdamW and its schedule."""

    learning_rate: float = option(1e-3, above=0, most=1)
    """The highest one, reached at the end of the warm-up."""
    schedule: Literal["linear", "cosine"] = "linear"
    """How the learning rate falls to 0 after the warm-up."""
    warmup_share: float = option(0.1, least=0, most=0.9)
    """Share of all steps in which the learning rate rises from 0."""
    warmup_steps: int = option(0, least=0, most=1_000_000_000)
    """Steps in which it rises; 0 for `warmup_share`. GPT-1 took 2,000 and BERT 10,000 in pre-training."""
    released_schedule: bool = False
    """As in BERT's code: the first step has rate 0, the fall is counted from it, a share is rounded down."""
    weight_decay: float = option(0.01, least=0, most=1)
    """Decoupled, on all weights but biases and gains; 0.01 in both papers."""
    clip_norm: float = option(1.0, above=0)
    """Largest length of the gradient; 1 in both released codes."""
    beta1: float = option(0.9, least=0, most=0.9999)
    """Of Adam."""
    beta2: float = option(0.999, least=0, most=0.999999)
    """Of Adam; 0.999 in both papers."""
    epsilon: float = option(1e-8, above=0)
    """Of Adam; 1e-8 in GPT-1's code, 1e-6 in BERT's."""
    bias_correction: bool = True
    """Of Adam's averages; BERT's code leaves it out, which makes the first updates smaller."""
    non_finite: Literal["stop", "skip", "roll_back"] = "stop"
    """At a loss that is not finite: stop, leave out that step, or all steps since the last checkpoint."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PretrainSettings:
    """Pre-training on text without labels."""

    length: int = option(128, least=8, most=100_000)
    """L, tokens in a window (GPT) or in a packed pair (BERT); at most `model.max_length`."""
    batch_sequences: int = option(32, least=1, most=1_000_000)
    """Sequences in an optimizer step."""
    micro_batch_sequences: int = option(0, least=0, most=1_000_000)
    """Sequences held in memory at once; 0 for all of `batch_sequences`, which it must divide."""
    first_length: int = option(0, least=0, most=100_000)
    """Length in a first phase of training; 0 for `length` throughout. 128 in BERT's paper, then 512."""
    first_objective: Literal["same", "causal"] = "same"
    """Of that first phase; "causal": next tokens, left to right. On a BERT this is "CLM, then MLM"."""
    first_share: float = option(0.9, above=0, most=1)
    """Share of the steps in the first phase, if there is one; 0.9 in BERT's paper."""
    both_sides_share: float = option(0, least=0, most=0.95)
    """GPT only. Share of the windows read from both sides, with masked tokens (GPT-BERT); 0 in the paper."""
    start: str = ""
    """Model folder to go on from, also an imported one: it gives tokenizer and sizes. Empty to begin anew."""
    grown_positions: Literal["copied", "drawn"] = "copied"
    """If `model.max_length` is above the start's: copy its positions over and over, or draw the new ones."""
    validations: int = option(10, least=1, most=1000)
    """How often to validate in a run; the weights that did best are kept."""
    validation_sequences: int = option(256, least=1, most=1_000_000)
    """Sequences in each of those validations."""
    checkpoint_every_steps: int = option(100, least=1)
    """Steps that a crash can cost at most. A signal saves at once."""
    mask_share: float = option(0.15, above=0, most=0.9)
    """Share of a masked row's tokens to predict; 0.15 in BERT's paper. With small budgets 0.4 is better."""
    mask_unit: Literal["token", "whole_word", "span"] = "token"
    """Masked together: tokens (as in BERT's paper), whole words (later code), spans (SpanBERT)."""
    max_predictions: int = option(0, least=0, most=100_000)
    """Tokens to predict in a masked row at most; 0 for no limit. 20 at length 128 in BERT's code."""
    random_tokens: Literal["ordinary", "all"] = "ordinary"
    """Drawn to replace 1 of 10 masked tokens; "all": also special ones, as in BERT's code."""
    static_masks: int = option(0, least=0, most=1000)
    """BERT only. Variants of each example, coming again and again; 10 in BERT's code, 0 for ever new ones."""
    sentence_task: Literal["next_sentence", "sentence_order", "none"] = "next_sentence"
    """BERT only. What is trained beside the masked tokens: the paper's, ALBERT's, or nothing."""
    pairs: Literal["balanced", "google"] = "balanced"
    """BERT only. Next sentences are half true, or made exactly as BERT's code does, with more random ones."""
    short_share: float = option(0.1, least=0, most=1)
    """BERT only. Share of pairs with a random shorter length; 0.1 in BERT's code."""
    optimizer: OptimizerSettings = field(default_factory=OptimizerSettings)
    """AdamW and its schedule."""

    def __post_init__(self) -> None:
        if self.first_length and not 8 <= self.first_length < self.length:
            message = f"first_length={self.first_length} must be from 8 to below length={self.length}"
            raise UsageError(message, hint="change one of the two, or set first_length = 0")
        if self.pairs != "balanced" and self.sentence_task != "next_sentence":
            message = f'pairs="{self.pairs}" is a way to make next sentences, but sentence_task is '
            raise UsageError(f'{message}"{self.sentence_task}"', hint="change one of the two")


@dataclass(frozen=True, kw_only=True, slots=True)
class FinetuneSettings:
    """Fine-tuning on a labelled task."""

    epochs: int = option(3, least=1, most=1000)
    """Passes over the training examples; 3 in both papers."""
    batch_examples: int = option(32, least=1, most=1_000_000)
    """Examples in an optimizer step; 32 in both papers."""
    micro_batch_examples: int = option(0, least=0, most=1_000_000)
    """Examples held in memory at once; 0 for all of `batch_examples`, which it must divide."""
    max_length: int = option(128, least=8, most=100_000)
    """Longest input in tokens, special tokens included; longer ones are cut at the end, and counted."""
    stride: int = option(128, least=1, most=100_000)
    """Question answering only. Tokens from one window of a context to the next; at most half a window."""
    dropout: float = option(0.1, least=0, most=0.9)
    """Probability, before the head; 0.1 in both papers."""
    auxiliary_weight: float = option(0.5, least=0, most=100)
    """GPT only. lambda in L = lambda * L1 + L2; 0.5 in the paper, 0 for none."""
    both_sides: bool = False
    """GPT only. Remove the mask: read inputs from both sides (BERT 5.1). Needs auxiliary_weight = 0."""
    transferred_layers: int = option(-1, least=-1, most=1000)
    """Layers taken over, with the embeddings; the rest is drawn anew (GPT-1, figure 2). -1 for all."""
    frozen_layers: int = option(-1, least=-1, most=1000)
    """Layers that keep their weights, with the embeddings; 0 for the embeddings alone, -1 for none."""
    optimizer: OptimizerSettings = field(default_factory=OptimizerSettings)
    """AdamW and its schedule."""

    def __post_init__(self) -> None:
        if self.both_sides and self.auxiliary_weight:
            message = "both_sides shows each token those after it, so that auxiliary_weight="
            message += f"{self.auxiliary_weight} would train it to copy the next one"
            raise UsageError(message, hint="set auxiliary_weight = 0 beside both_sides = true")
        if 0 <= self.transferred_layers < self.frozen_layers:
            message = f"frozen_layers={self.frozen_layers} is more than "
            message += f"transferred_layers={self.transferred_layers}: layers drawn anew would never learn"
            raise UsageError(message, hint="freeze fewer layers, or transfer more")


@dataclass(frozen=True, kw_only=True, slots=True)
class KindSettings:
    """One of the two models: its sizes and how it is trained."""

    model: ModelSettings = field(default_factory=ModelSettings)
    """Sizes."""
    pretrain: PretrainSettings = field(default_factory=PretrainSettings)
    """Pre-training."""
    finetune: FinetuneSettings = field(default_factory=FinetuneSettings)
    """Fine-tuning."""

    def __post_init__(self) -> None:
        micro = self.pretrain.micro_batch_sequences
        if micro and self.pretrain.batch_sequences % micro:
            whole = self.pretrain.batch_sequences
            message = f"micro_batch_sequences={micro} does not divide batch_sequences={whole}"
            raise UsageError(message, hint="change one of the two")
        micro = self.finetune.micro_batch_examples
        if micro and self.finetune.batch_examples % micro:
            whole = self.finetune.batch_examples
            message = f"micro_batch_examples={micro} does not divide batch_examples={whole}"
            raise UsageError(message, hint="change one of the two")
        for name in ("transferred_layers", "frozen_layers"):
            if (layers := getattr(self.finetune, name)) > self.model.layers:
                message = f"finetune.{name}={layers}, but the model has {self.model.layers} layers"
                raise UsageError(message, hint=f"lower finetune.{name}, or set it to -1")
        lengths = {"pretrain.length": self.pretrain.length, "finetune.max_length": self.finetune.max_length}
        for name, length in lengths.items():
            if length > self.model.max_length:
                message = f"{name}={length} is longer than model.max_length={self.model.max_length}"
                raise UsageError(message, hint=f"lower {name} or raise model.max_length")


@dataclass(frozen=True, kw_only=True, slots=True)
class ArmSettings(KindSettings):
    """A further contestant: a kind of model with some settings changed."""

    name: str = "arm"
    """In folders, files and options."""
    kind: str = ""
    """Which of the two it is; what is not given here is as that kind has it."""
    label: str = ""
    """How reports call it; its name if empty."""
    pretrained: bool = True
    """Whether it is pre-trained at all; if not, it is fine-tuned from its first weights."""
    budget_share: float = option(1, above=0, most=1)
    """Of the budget that both kinds have."""

    def __post_init__(self) -> None:
        KindSettings.__post_init__(self)
        check_name(self.name, "an arm")
