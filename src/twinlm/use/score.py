"""How likely a model finds a text: to choose among candidates without any training.

A decoder's figure is the log-probability of the text. An encoder's is a pseudo-log-likelihood, each token
given all others (Salazar et al. 2020): compare candidates within one model, never figures of the two kinds.
"""

from typing import Any, NamedTuple

import torch

from twinlm import hardware
from twinlm.checkpoint import Trained, require_part
from twinlm.errors import DataError


class Score(NamedTuple):
    """A text's likelihood and that of its tokens."""

    text: str
    """What was scored."""
    log_likelihood: float
    """Sum over the tokens, in nats: longer texts have lower ones."""
    tokens: list[tuple[str, float]]
    """Each token as people read it, and its part of the sum."""

    @property
    def mean(self) -> float:
        """The log-likelihood of a token on average, to compare texts of different lengths."""
        return self.log_likelihood / len(self.tokens)


def score(trained: Trained, text: str) -> Score:
    """Return how likely a model finds a text.

    Raises:
        ModelError: the model was imported without what scores tokens.
        DataError: the text is empty or too long.
    """
    require_part(trained, "masked_token_head")
    tokenizer = trained.tokenizer
    sizes: Any = trained.model.config
    tokens, longest = tokenizer.encode(text), sizes.max_length - 2
    if not tokens:
        raise DataError(f"there is nothing to score in {text!r}")
    if len(tokens) > longest:
        message = f"the text has {len(tokens):,} tokens, but at most {longest:,} can be scored"
        raise DataError(message, hint="shorten it")
    model = trained.model.to(hardware.device()).eval()
    with torch.inference_mode():
        each = trained.family.log_likelihoods(model, tokens, tokenizer.specials).tolist()
    shown = [tokenizer.display(token) for token in tokens]
    return Score(text, sum(each), list(zip(shown, each, strict=True)))
