"""Settings of one model: its sizes, its pre-training, its fine-tuning."""

from dataclasses import dataclass, field
from typing import Literal

from twinlm.errors import UsageError
from twinlm.settings.build import option
from twinlm.settings.data import check_name


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelSettings:
    """Sizes of a model."""

    layers: int = option(4, least=1, most=1000)
    """Number of transformer layers; 12 in GPT-1 and BERT base."""
    width: int = option(128, least=1, most=100_000)
    """D, the width of the hidden states; 768 in GPT-1 and BERT base."""
    heads: int = option(4, least=1, most=1000)
    """H, the number of attention heads in a layer. Must divide `width`."""
    feed_forward: int = option(0, least=0, most=1_000_000)
    """F, the inner width of the feed-forward layers; 0 means 4 * width, as in both papers."""
    max_length: int = option(128, least=8, most=100_000)
    """Longest sequence in tokens; 512 in both papers."""
    dropout: float = option(0.1, least=0, most=0.9)
    """Probability of dropout on embeddings, attention weights and residuals; 0.1 in both papers."""
    norm: Literal["post", "pre"] = "post"
    """Normalization after each residual sum, as in both papers, or before each layer, as in GPT-2."""
    first_deviation: float = option(0.02, above=0, most=1)
    """Standard deviation of the initial weights; 0.02 in both papers, at width 768."""
    first_positions: Literal["normal", "sinusoidal"] = "normal"
    """Initial position embeddings, which are then learned: random as in the papers, or sine waves."""

    def __post_init__(self) -> None:
        if self.width % self.heads:
            message = f"width must be a multiple of heads, but width={self.width} and heads={self.heads}"
            raise UsageError(message, hint="change one of the two")


@dataclass(frozen=True, kw_only=True, slots=True)
class OptimizerSettings:
    """The optimizer and its schedule."""

    method: Literal["adamw", "muon"] = "adamw"
    """AdamW as in both papers, or Muon for the matrices of the layers and AdamW for all other weights."""
    learning_rate: float = option(1e-3, above=0, most=1)
    """Peak learning rate, reached at the end of the warm-up."""
    schedule: Literal["linear", "cosine"] = "linear"
    """Shape of the learning rate's decay to 0 after the warm-up."""
    warmup_share: float = option(0.1, least=0, most=0.9)
    """Share of all steps in which the learning rate rises from 0 to its peak."""
    warmup_steps: int = option(0, least=0, most=1_000_000_000)
    """Number of warm-up steps; 0 to use `warmup_share`. In pre-training, GPT-1 used 2,000, BERT 10,000."""
    released_schedule: bool = False
    """Whether to follow BERT's code: first step at rate 0, decay counted from it, shares rounded down."""
    weight_decay: float = option(0.01, least=0, most=10)
    """Decoupled weight decay, on all weights except biases and gains; 0.01 in both papers."""
    clip_norm: float = option(1.0, above=0)
    """Largest norm of the gradient; longer ones are scaled down. 1 in both released codes."""
    beta1: float = option(0.9, least=0, most=0.9999)
    """Adam's decay rate of the average gradient; 0.9 in both released codes."""
    beta2: float = option(0.999, least=0, most=0.999999)
    """Adam's decay rate of the average squared gradient; 0.999 in both released codes."""
    epsilon: float = option(1e-8, above=0)
    """Adam's constant against division by zero; 1e-8 in GPT-1's code, 1e-6 in BERT's."""
    bias_correction: bool = True
    """Whether Adam's averages are corrected in the first steps; BERT's code omits that."""
    non_finite: Literal["stop", "skip", "roll_back"] = "stop"
    """Reaction to a loss that is not finite: stop, skip that step, or go back to the last checkpoint."""

    def __post_init__(self) -> None:
        if self.method == "muon" and not self.bias_correction:
            message = 'bias_correction = false is a form of AdamW, but method="muon"'
            raise UsageError(message, hint='set method = "adamw" beside it')
        if self.learning_rate * self.weight_decay > 1:
            message = (
                f"weight_decay={self.weight_decay} times learning_rate={self.learning_rate} is above 1: "
            )
            raise UsageError(f"{message}a step would turn weights around", hint="lower one of the two")


@dataclass(frozen=True, kw_only=True, slots=True)
class PretrainSettings:
    """Pre-training on text without labels."""

    length: int = option(128, least=8, most=100_000)
    """L, tokens in a window (GPT) or in a packed pair (BERT); at most `model.max_length`."""
    batch_sequences: int = option(32, least=1, most=1_000_000)
    """Sequences in an optimizer step; 64 in GPT-1's paper, 256 in BERT's."""
    micro_batch_sequences: int = option(0, least=0, most=1_000_000)
    """Sequences in memory at once. Must divide `batch_sequences`; 0 for all of them."""
    first_length: int = option(0, least=0, most=100_000)
    """Length in a first phase of training; 0 for one phase. BERT's paper trains at 128, then at 512."""
    first_objective: Literal["same", "causal"] = "same"
    """Objective of the first phase; "causal" predicts next tokens. For a BERT this is "CLM, then MLM"."""
    first_share: float = option(0.9, above=0, most=1)
    """Share of the steps in the first phase, if there is one; 0.9 in BERT's paper."""
    both_sides_share: float = option(0, least=0, most=0.95)
    """GPT only. Share of the windows read from both sides, with masked tokens (GPT-BERT); 0 in the paper."""
    start: str = ""
    """Model folder to continue from, with its tokenizer and sizes; imported ones too. Empty for none."""
    grown_positions: Literal["copied", "drawn"] = "copied"
    """New positions if `model.max_length` is above the start's: repeated copies of its own, or random."""
    validations: int = option(10, least=1, most=1000)
    """Number of validations in a run; the weights that did best are kept."""
    validation_sequences: int = option(256, least=1, most=1_000_000)
    """Sequences in each validation."""
    checkpoint_every_steps: int = option(100, least=1)
    """Steps between checkpoints, the most that a crash can lose. A signal saves at once."""
    mask_share: float = option(0.15, above=0, most=0.9)
    """Share of a masked row's tokens to predict; 0.15 in BERT's paper. With small budgets 0.4 is better."""
    mask_unit: Literal["token", "whole_word", "span"] = "token"
    """Unit of masking: single tokens (BERT's paper), whole words (its later code), or spans (SpanBERT)."""
    max_predictions: int = option(0, least=0, most=100_000)
    """Most tokens to predict in a masked row; 0 for no limit. BERT's code has 20 at length 128."""
    random_tokens: Literal["ordinary", "all"] = "ordinary"
    """Tokens that replace 1 in 10 masked ones; "all" includes special tokens, as in BERT's code."""
    static_masks: int = option(0, least=0, most=1000)
    """BERT only. Masked variants of each example, used in turn; 10 in BERT's code, 0 for always new ones."""
    sentence_task: Literal["next_sentence", "sentence_order", "none"] = "next_sentence"
    """BERT only. Task beside the masked tokens: the paper's next sentence, ALBERT's order, or none."""
    pairs: Literal["balanced", "google"] = "balanced"
    """BERT only. Sentence pairs: exactly half true, or made as in BERT's code, with more random ones."""
    short_share: float = option(0.1, least=0, most=1)
    """BERT only. Share of the pairs cut to a random shorter length; 0.1 in BERT's code."""
    optimizer: OptimizerSettings = field(default_factory=OptimizerSettings)
    """The optimizer and its schedule."""

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
    """Examples in memory at once. Must divide `batch_examples`; 0 for all of them."""
    max_length: int = option(128, least=8, most=100_000)
    """Longest input in tokens, with special tokens. Longer inputs are cut at the end, and counted."""
    stride: int = option(128, least=1, most=100_000)
    """Question answering only. Tokens from one window of a context to the next; at most half a window."""
    dropout: float = option(0.1, least=0, most=0.9)
    """Probability of dropout before the head; 0.1 in both papers."""
    auxiliary_weight: float = option(0.5, least=0, most=100)
    """GPT only. Weight lambda in the loss L = lambda * L1 + L2; 0.5 in the paper, 0 for none."""
    both_sides: bool = False
    """GPT only. Whether inputs are read from both sides (BERT 5.1). Needs auxiliary_weight = 0."""
    summary: Literal["token", "mean"] = "token"
    """State that the head of a whole text reads: the papers' ([CLS], GPT's last), or the mean of all."""
    head_start: Literal["random", "probe"] = "random"
    """First weights of a classifier: random as in the papers, or a logistic regression's on the states."""
    transferred_layers: int = option(-1, least=-1, most=1000)
    """Pre-trained layers to keep, with the embeddings; others start random (GPT-1, figure 2). -1 for all."""
    frozen_layers: int = option(-1, least=-1, most=1000)
    """Layers that are not trained, with the embeddings; 0 for the embeddings alone, -1 for none."""
    optimizer: OptimizerSettings = field(default_factory=OptimizerSettings)
    """The optimizer and its schedule."""

    def __post_init__(self) -> None:
        if self.both_sides and self.auxiliary_weight:
            message = "both_sides shows each token the ones after it, so auxiliary_weight="
            message += f"{self.auxiliary_weight} would train it to copy the next one"
            raise UsageError(message, hint="set auxiliary_weight = 0 beside both_sides = true")
        if 0 <= self.transferred_layers < self.frozen_layers:
            message = f"frozen_layers={self.frozen_layers} is more than "
            message += f"transferred_layers={self.transferred_layers}: random layers would never learn"
            raise UsageError(message, hint="freeze fewer layers, or transfer more")


@dataclass(frozen=True, kw_only=True, slots=True)
class KindSettings:
    """One of the two models: its sizes and its training."""

    model: ModelSettings = field(default_factory=ModelSettings)
    """Sizes."""
    pretrain: PretrainSettings = field(default_factory=PretrainSettings)
    """Pre-training."""
    finetune: FinetuneSettings = field(default_factory=FinetuneSettings)
    """Fine-tuning."""

    def __post_init__(self) -> None:
        for part, name in (("pretrain", "batch_sequences"), ("finetune", "batch_examples")):
            whole, micro = (getattr(getattr(self, part), key) for key in (name, f"micro_{name}"))
            if micro and whole % micro:
                message = f"{part}.micro_{name}={micro} does not divide {part}.{name}={whole}"
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
    """Name in folders, files and options."""
    kind: str = ""
    """Model kind; settings that are not given here are those of the kind."""
    label: str = ""
    """Name in reports; `name` if empty."""
    pretrained: bool = True
    """Whether the arm is pre-trained; if not, it is fine-tuned from its initial weights."""
    budget_share: float = option(1, above=0, most=1)
    """Share of the kinds' budget that the arm may spend."""

    def __post_init__(self) -> None:
        KindSettings.__post_init__(self)
        check_name(self.name, "an arm")
