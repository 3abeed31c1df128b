"""What our models give, under the names of what each class of transformers gives."""

from collections.abc import Callable
from typing import Any

from torch import Tensor
from torch.nn import functional as F

from twinlm.batch import Batch, Reading
from twinlm.checkpoint import Trained, missing_parts
from twinlm.hf.heads import head_of, head_to
from twinlm.hf.layouts import layout_of

Outputs = dict[str, Tensor]


def outputs(trained: Trained, architecture: str, batch: Batch) -> Outputs:
    """Return what a class of transformers should give for a batch."""
    reading: Reading = trained.model.read(batch)  # type: ignore[operator]
    body = _BODIES.get(architecture)
    return body(trained, reading.hidden_BLD) if body else _head(trained, reading)


def _head(trained: Trained, reading: Reading) -> Outputs:
    """Return the scores of a head; a similarity is in the unit of its scores, as it is written."""
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


def _states(trained: Trained, hidden_BLD: Tensor) -> Outputs:
    return {"last_hidden_state": hidden_BLD}


def _states_and_summary(trained: Trained, hidden_BLD: Tensor) -> Outputs:
    model: Any = trained.model
    summary = {} if "pooler" in missing_parts(trained) else {"pooler_output": model.pooled(hidden_BLD)}
    return {"last_hidden_state": hidden_BLD, **summary}


def _next_tokens(trained: Trained, hidden_BLD: Tensor) -> Outputs:
    model: Any = trained.model
    return {"logits": model.next_token_logits(hidden_BLD)}


def _masked_tokens(trained: Trained, hidden_BLD: Tensor) -> Outputs:
    model: Any = trained.model
    return {"logits": model.masked_token_logits(hidden_BLD)}


def _next_sentence(trained: Trained, hidden_BLD: Tensor) -> Outputs:
    model: Any = trained.model
    return {"logits": model.next_sentence_logits(hidden_BLD)}


def _pretraining(trained: Trained, hidden_BLD: Tensor) -> Outputs:
    model: Any = trained.model
    return {
        "prediction_logits": model.masked_token_logits(hidden_BLD),
        "seq_relationship_logits": model.next_sentence_logits(hidden_BLD),
    }


_BODIES: dict[str, Callable[[Trained, Tensor], Outputs]] = {
    "BertForPreTraining": _pretraining,
    "BertForMaskedLM": _masked_tokens,
    "BertForNextSentencePrediction": _next_sentence,
    "BertModel": _states_and_summary,
    "GPT2LMHeadModel": _next_tokens,
    "GPT2Model": _states,
    "OpenAIGPTLMHeadModel": _next_tokens,
    "OpenAIGPTModel": _states,
}
