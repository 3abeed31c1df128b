"""How likely a model finds a text. Next: `rank.py`, to choose among candidates without any training.

A decoder's score is the log-probability of the text. An encoder's is a pseudo-log-likelihood, each token
given all others (Salazar et al. 2020): compare texts within one model, never scores of the two kinds. Only an
encoder's "chain-rule" is a log-probability too.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch

from twinlm.checkpoint import Trained, require_part
from twinlm.data.sequences.packing import by_length
from twinlm.errors import DataError, UsageError
from twinlm.objectives.likelihood import Stretch
from twinlm.system import hardware
from twinlm.system.arguments import checked
from twinlm.system.log import Progress, Silent
from twinlm.use.inputs import room

_TOKENS_BETWEEN_REPORTS = 2048


class Score(NamedTuple):
    """Likelihood of a text and of its tokens."""

    text: str
    """Scored text."""
    log_likelihood: float
    """Sum over the tokens, in nats; lower for longer texts."""
    tokens: list[tuple[str, float]]
    """Each token as people read it, with its part of the sum."""
    method: str
    """Scoring method; scores of different methods must not be compared."""

    @property
    def mean(self) -> float:
        """Mean log-likelihood of a token, to compare texts of different lengths."""
        return self.log_likelihood / len(self.tokens)


@checked
def score(trained: Trained, text: str, *, method: str | None = None) -> Score:
    """Return how likely a model finds a text; see `score_batch`."""
    return score_batch(trained, [text], method=method)[0]


@checked
def score_batch(trained: Trained, texts: Sequence[str], *, method: str | None = None) -> list[Score]:
    """Return how likely a model finds each text, independent of the other texts.

    Args:
        trained: a model of either kind.
        texts: none empty or too long.
        method: "likelihood" for a decoder; for an encoder "pseudo-likelihood" (default),
            "pseudo-likelihood-l2r", which masks the rest of a word with each of its tokens (Kauf & Ivanova
            2023), or "chain-rule", which reads only the tokens before: a log-probability, but not what the
            model was trained for.

    Raises:
        DataError: a text is empty or too long.
        UsageError: the model's kind has no such method.
    """
    tokenizer = trained.tokenizer
    stretches = [
        Stretch(before=[], tokens=tokens, after=[], words=tokenizer.words(text))
        for text, tokens in zip(texts, tokenizer.encode_batch(texts), strict=True)
    ]
    for text, stretch in zip(texts, stretches, strict=True):
        if not stretch.tokens:
            raise DataError(f"there is nothing to score in {text!r}")
    scores = []
    for text, stretch, each in zip(texts, stretches, likelihoods(trained, stretches, method), strict=True):
        tokens = zip(map(tokenizer.display, stretch.tokens), each, strict=True)
        scores.append(Score(text, sum(each), list(tokens), method_of(trained, method)))
    return scores


def likelihoods(
    trained: Trained, stretches: Sequence[Stretch], method: str | None, progress: Progress | None = None
) -> list[list[float]]:
    """Return the log-likelihood of each scored token of each stretch, in nats; report progress."""
    require_part(trained, "masked_token_head")
    longest, progress = room(trained), progress or Silent()
    sizes = [len(s.before) + len(s.tokens) + len(s.after) for s in stretches]
    if (size := max(sizes, default=0)) > longest:
        message = f"the text has {size:,} tokens, but at most {longest:,} can be scored"
        raise DataError(message, hint="shorten it")
    if not trained.enclose([]):
        progress.say("this model has no token for the start of a text: first tokens are not scored")
    ask = trained.family.likelihoods[method_of(trained, method)]
    model = trained.model.to(hardware.device()).eval()
    by_stretch: list[list[float]] = [[] for _ in stretches]
    progress.start("scoring", len(stretches), "texts")
    done = 0
    for group in by_length(sizes, _TOKENS_BETWEEN_REPORTS):
        with torch.inference_mode():
            values = ask(model, [stretches[index] for index in group], trained.tokenizer.specials)
        for index, each in zip(group, values, strict=True):
            by_stretch[index] = each
        done += len(group)
        progress.advance(done)
    progress.finish()
    return by_stretch


def method_of(trained: Trained, method: str | None) -> str:
    """Return the method, by default the first one of the model's kind."""
    known = tuple(trained.family.likelihoods)
    if method is not None and method not in known:
        message = f"a {trained.family.label} can't be scored by {method!r}"
        raise UsageError(message, hint=f"its methods: {', '.join(known)}")
    return method or known[0]
