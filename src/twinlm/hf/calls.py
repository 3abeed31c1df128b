"""What is given to another tool and to our model, and what ours gives: the two sides of a comparison."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, cast

from torch import Tensor
from torch.nn import functional as F

from twinlm.batch import Batch, Reading
from twinlm.checkpoint import Trained, missing_parts
from twinlm.data.sequences.packing import Packed
from twinlm.hf.configuration import layout_of
from twinlm.hf.heads import head_of, head_to
from twinlm.hf.tokenizing import enclosed
from twinlm.hf.verification import TokenDifference
from twinlm.tasks.tagging import LEADING_BLANK
from twinlm.use.fill import MASK, masked_row

MASKED_TEXTS = ("The [MASK] sat on the mat.", "[MASK] big dog", "an [MASK] [MASK], of")
NEXT_SENTENCES = (("The cat sat.", " It was red."), ("Café", " don't"))
# For each class, its outputs and the method of our model that gives each; the states themselves without one.
_BERT_METHODS = {
    "BertForPreTraining": {
        "prediction_logits": "masked_token_logits",
        "seq_relationship_logits": "next_sentence_logits",
    },
    "BertForMaskedLM": {"logits": "masked_token_logits"},
    "BertForNextSentencePrediction": {"logits": "next_sentence_logits"},
    "BertModel": {"last_hidden_state": "", "pooler_output": "pooled"},
}
METHODS = {
    **_BERT_METHODS,
    **{f"Megatron{name}": methods for name, methods in _BERT_METHODS.items()},
    "GPT2LMHeadModel": {"logits": "next_token_logits"},
    "GPT2Model": {"last_hidden_state": ""},
    "OpenAIGPTLMHeadModel": {"logits": "next_token_logits"},
    "OpenAIGPTModel": {"last_hidden_state": ""},
}


@dataclass(frozen=True, slots=True)
class Call:
    """One call of their tokenizer, and our input for the same texts."""

    texts: tuple[Any, ...]
    """One text or list of words, or a pair of texts."""
    options: dict[str, Any]
    """Options of the call."""
    packed: Packed
    """Our input."""


def calls_for(trained: Trained, architecture: str, texts: Sequence[str]) -> list[Call]:
    """Return the ways in which people give texts to a model of this class."""
    tokenizer, specials, sizes = (
        trained.tokenizer,
        trained.tokenizer.specials,
        cast(Any, trained.model.config),
    )
    has_head = trained.task is not None
    is_text = {"split_special_tokens": True}  # names of special tokens in a text are text here
    if trained.task and trained.task.kind == "tagging":
        has_blank = bool(trained.task.constants.get(LEADING_BLANK))
        rows = [text.split() for text in texts]
        encoded = tokenizer.encode_words(rows, has_leading_blank=has_blank)
        return [
            Call(
                (words,),
                {**is_text, "is_split_into_words": True},
                trained.family.pack([list(chain.from_iterable(tokens))], specials),
            )
            for words, tokens in zip(rows, encoded, strict=True)
        ]
    groups = [*((text,) for text in texts), *zip(texts, [*texts[1:], texts[0]], strict=True)]
    calls = [Call(group, is_text, enclosed(trained, group, has_head=has_head)) for group in groups]
    outputs = METHODS.get(architecture, {}).values()
    if "masked_token_logits" in outputs and specials.mask not in sizes.unscored:
        mask = tokenizer.token(specials.mask)
        calls += [Call((text.replace(MASK, mask),), {}, _of_mask(trained, text)) for text in MASKED_TEXTS]
    if "next_sentence_logits" in outputs:  # the space before the second text is its first word's
        for first, second in NEXT_SENTENCES:
            packed = trained.family.pack(tokenizer.encode_batch([first, second]), specials)
            calls.append(Call((first, second), {}, packed))
    return calls


def _of_mask(trained: Trained, text: str) -> Packed:
    tokens = masked_row(trained, text)
    return Packed(tokens, [0] * len(tokens), (1,), 0)


def token_differences(tokenizer: Any, calls: Sequence[Call]) -> tuple[list[Any], list[TokenDifference]]:
    """Return the other tool's rows, and those that differ from ours."""
    rows = [tokenizer(*call.texts, **call.options) for call in calls]
    pairs = [(call, row["input_ids"]) for call, row in zip(calls, rows, strict=True)]
    return rows, [
        TokenDifference(tuple(map(str, call.texts)), call.packed.tokens, tokens)
        for call, tokens in pairs
        if tokens != call.packed.tokens
    ]


def outputs_of(trained: Trained, architecture: str, batch: Batch) -> dict[str, Tensor]:
    """Return what our model gives for the outputs of a class; a similarity is in the unit of its scores."""
    reading: Reading = trained.model.read(batch)  # type: ignore[operator]
    if architecture not in METHODS:
        return _head_outputs(trained, reading)
    outputs = {}
    for name, method in METHODS[architecture].items():
        if method != "pooled" or "pooler" not in missing_parts(trained):
            hidden_BLD = reading.hidden_BLD
            outputs[name] = getattr(trained.model, method)(hidden_BLD) if method else hidden_BLD
    return outputs


def _head_outputs(trained: Trained, reading: Reading) -> dict[str, Tensor]:
    assert trained.task is not None
    head = head_of(layout_of(trained.family.name, trained.model.config), trained.task)
    tensors = head_to(head, trained)
    weight, bias = tensors[f"{head.linear}.weight"], tensors.get(f"{head.linear}.bias")
    if trained.task.kind in ("tagging", "span_qa"):
        scores_BLC = F.linear(reading.hidden_BLD, weight, bias)
        if trained.task.kind == "tagging":
            return {"logits": scores_BLC}
        return {"start_logits": scores_BLC[..., 0], "end_logits": scores_BLC[..., 1]}
    scores_BC = F.linear(reading.summary_BD, weight, bias)
    return {"logits": scores_BC.T if trained.task.kind == "choice" else scores_BC}
