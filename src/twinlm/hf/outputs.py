"""What our models give, under the names of what each class of transformers gives."""

from collections.abc import Callable
from typing import Any

from torch import Tensor

from twinlm.batch import Batch
from twinlm.checkpoint import Trained, missing_parts

Outputs = dict[str, Tensor]


def outputs(trained: Trained, architecture: str, batch: Batch) -> Outputs:
    """Return what a class of transformers should give for a batch."""
    return _BY_CLASS[architecture](trained, trained.model.read(batch).hidden_BLD)  # type: ignore[operator]


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


_BY_CLASS: dict[str, Callable[[Trained, Tensor], Outputs]] = {
    "BertForPreTraining": _pretraining,
    "BertForMaskedLM": _masked_tokens,
    "BertForNextSentencePrediction": _next_sentence,
    "BertModel": _states_and_summary,
    "GPT2LMHeadModel": _next_tokens,
    "GPT2Model": _states,
    "OpenAIGPTLMHeadModel": _next_tokens,
    "OpenAIGPTModel": _states,
}
