"""THE table of two: every difference between GPT and BERT outside their own model files.

All other code takes a `Family` and uses its fields; nothing else asks which kind a model is.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from torch import nn

from twinlm.core import count
from twinlm.data.sequences.examples import Examples, masked, plain_rows, some_masked, windows
from twinlm.data.sequences.packing import Pack, pack_for_decoder, pack_for_encoder
from twinlm.errors import UsageError
from twinlm.models.bert import BERT, BERTConfig
from twinlm.models.gpt import GPT, GPTConfig
from twinlm.objectives import Objective
from twinlm.objectives.causal_lm import auxiliary_causal_lm, causal_lm, log_likelihoods
from twinlm.objectives.fine_tuning import Auxiliary
from twinlm.objectives.hybrid import hybrid_lm, left_to_right_first
from twinlm.objectives.likelihood import Likelihoods
from twinlm.objectives.masked_lm import (
    chain_rule_log_likelihoods,
    masked_lm,
    masked_lm_and_next_sentence,
    masked_lm_and_sentence_order,
    pseudo_log_likelihoods,
    pseudo_log_likelihoods_l2r,
)
from twinlm.settings import FinetuneSettings, ModelSettings, PretrainSettings
from twinlm.settings import build as config
from twinlm.tasks.kind import Reader
from twinlm.tokenizer import SpecialIds, Template, Tokenizer


@dataclass(frozen=True, kw_only=True, slots=True)
class Family:
    """One of the two kinds of model, with everything that belongs to it."""

    name: str
    """Name in settings, folders and files."""
    label: str
    """Name for people."""
    config: type[Any]
    """Class of the model's configuration."""
    model: Callable[[Any], nn.Module]
    """Model class, which takes the configuration."""
    is_truncated: bool
    """Whether first weights are drawn from a truncated normal distribution."""
    own_algorithm: str
    """Tokenizer algorithm of the paper, for `tokenizer.sharing = "own"`."""
    template: Template
    """Special tokens around a text in files for other tools: "decoder" or "encoder"."""
    examples: Callable[..., Examples]
    """Pre-training sequences from (store, settings, tokenizer, seed)."""
    causal_examples: Callable[..., Examples]
    """Pre-training sequences of a phase that predicts next tokens, left to right."""
    objective: Callable[[PretrainSettings], Objective[Any, Any]]
    """Pre-training objective."""
    pack: Pack
    """Input of one or more texts with their special tokens."""
    enclose: Callable[[Sequence[int], SpecialIds], list[int]]
    """Tokens of one text with the special tokens that pre-training shows around it."""
    reads_both_orders: bool
    """Whether two texts of equal rank are read in both orders: left to right, neither order is fair."""
    labels_last_piece: bool
    """Whether a word's tag is read at its last token, the only one that has seen the whole word."""
    has_head_bias: bool
    """Whether a new head's linear layer has a bias."""
    auxiliary: Callable[[float], Auxiliary | None]
    """Second fine-tuning loss for a weight lambda, if the family has one."""
    for_tasks: Callable[[Any, FinetuneSettings], Any]
    """Configuration of the model for reading labelled inputs."""
    fresh_tokens: Callable[[SpecialIds], list[int]]
    """Special tokens that pre-training never shows: fine-tuning redraws their embeddings."""
    pretraining_heads: tuple[str, ...]
    """Parts that only pre-training uses; papers leave them out of parameter counts."""
    likelihoods: Mapping[str, Likelihoods]
    """Log-likelihoods of a text's tokens by method, given the tokens before them (decoder) or all others
    (encoder); the family's own method comes first."""
    is_generative: bool
    """Whether the model continues a text; otherwise it fills masks."""

    def configure(self, sizes: ModelSettings, vocab_size: int) -> Any:
        """Return the configuration of a model with these sizes."""
        return self.config(
            vocab_size=vocab_size,
            max_length=sizes.max_length,
            width=sizes.width,
            layers=sizes.layers,
            heads=sizes.heads,
            feed_forward=sizes.feed_forward or 4 * sizes.width,
            dropout=sizes.dropout,
            norm=sizes.norm,
        )

    def reader(self, tokenizer: Tokenizer) -> Reader:
        """Return the reader that turns texts into inputs of this kind."""
        return Reader(
            tokenizer=tokenizer,
            pack=self.pack,
            reads_both_orders=self.reads_both_orders,
            labels_last_piece=self.labels_last_piece,
        )

    def training_flops(self, sizes: Any, *, sequences: float, length: float, targets: float) -> float:
        """Return the operations of one training step, forward and backward.

        `sizes` is the model's configuration, `sequences` is B, `length` is L with padding, and `targets` is
        the number of tokens to predict.
        """
        forward = count.stack_flops(
            positions=sequences * length,
            length=length,
            width=sizes.width,
            layers=sizes.layers,
            feed_forward=sizes.feed_forward,
        )
        forward += count.vocabulary_flops(targets=targets, width=sizes.width, vocab_size=sizes.vocab_size)
        return count.TRAINING_OVER_FORWARD * forward


GPT_FAMILY = Family(
    name="gpt",
    label="GPT",
    config=GPTConfig,
    model=GPT,
    is_truncated=False,
    own_algorithm="byte-bpe",
    template="decoder",
    examples=some_masked,
    causal_examples=windows,
    objective=lambda settings: hybrid_lm if settings.both_sides_share else causal_lm,
    pack=pack_for_decoder,
    enclose=lambda tokens, specials: [specials.start, *tokens],
    reads_both_orders=True,  # as the paper does for similarity (3.3)
    labels_last_piece=True,
    has_head_bias=False,  # softmax(h_l^m W_y), equation 3
    auxiliary=lambda weight: Auxiliary(weight, auxiliary_causal_lm) if weight else None,
    for_tasks=lambda sizes, settings: replace(
        sizes, both_sides=settings.both_sides, summary=settings.summary
    ),
    fresh_tokens=lambda specials: [specials.delimiter, specials.extract],  # "randomly initialized" (3.3)
    pretraining_heads=(),
    likelihoods={"likelihood": log_likelihoods},
    is_generative=True,
)

_OBJECTIVES: dict[str, Objective[Any, Any]] = {
    "next_sentence": masked_lm_and_next_sentence,
    "sentence_order": masked_lm_and_sentence_order,
    "none": masked_lm,
}


def _masked_objective(settings: PretrainSettings) -> Objective[Any, Any]:
    objective = _OBJECTIVES[settings.sentence_task]
    return left_to_right_first(objective) if settings.first_objective == "causal" else objective


BERT_FAMILY = Family(
    name="bert",
    label="BERT",
    config=BERTConfig,
    model=BERT,
    is_truncated=True,
    own_algorithm="wordpiece",
    template="encoder",
    examples=masked,
    causal_examples=plain_rows,
    objective=_masked_objective,
    pack=pack_for_encoder,
    enclose=lambda tokens, specials: [specials.cls, *tokens, specials.sep],
    reads_both_orders=False,
    labels_last_piece=False,
    has_head_bias=True,
    auxiliary=lambda weight: None,  # with the whole input in sight, predicting its tokens teaches nothing
    for_tasks=lambda sizes, settings: replace(sizes, summary=settings.summary),
    fresh_tokens=lambda specials: [],
    pretraining_heads=("masked_token_head", "next_sentence_head"),
    likelihoods={
        "pseudo-likelihood": pseudo_log_likelihoods,
        "pseudo-likelihood-l2r": pseudo_log_likelihoods_l2r,
        "chain-rule": chain_rule_log_likelihoods,
    },
    is_generative=False,
)

FAMILIES = {family.name: family for family in (GPT_FAMILY, BERT_FAMILY)}


def family(name: str) -> Family:
    """Return the family of a name; a UsageError if there is none."""
    if name not in FAMILIES:
        raise UsageError(f"there is no kind of model {name!r}", hint=config.closest(name, FAMILIES))
    return FAMILIES[name]
