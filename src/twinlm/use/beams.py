"""Beam search: the likeliest continuation, instead of a drawn one.

Each step continues every beam by every token and keeps the best. A beam ends with <start>, the end of a text,
or when there is no room left. Rules and scores are those of transformers.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from twinlm.checkpoint import Trained
from twinlm.errors import UsageError
from twinlm.system.arguments import checked
from twinlm.use.generate import continued, longest_text, never_written, read_prompt
from twinlm.use.reader import Reader

Stopping = Literal["full", "likely", "never"]


class Beam(NamedTuple):
    """One continuation."""

    text: str
    """Text without the prompt."""
    score: float
    """Log-likelihood of the tokens and the end, divided by their number to the power of `length_penalty`."""
    tokens: list[int]
    """New tokens without the end."""
    is_ended: bool
    """Whether the model ended the text; otherwise there was no room for more."""


class Hypothesis(NamedTuple):
    """A beam during the search; R are the beams that continue."""

    tokens: tuple[int, ...]
    """New tokens with the end."""
    log_likelihood: float
    """Log-likelihood of all of them, in nats."""
    row: int
    """Index of the beam that it continues, in the step before."""

    def score(self, length_penalty: float) -> float:
        """Return the score that finished beams are compared by."""
        return float(self.log_likelihood / len(self.tokens) ** length_penalty)


class Reading(Protocol):
    """Source of the next tokens' scores: `Reader`."""

    def read(self, rows: Sequence[Sequence[int]]) -> NDArray[np.float64]:
        """Read the next tokens of each beam; return the score of every token as the next one, (R, V)."""

    def keep(self, rows: Sequence[int]) -> None:
        """Keep these beams only, in this order."""


@checked
def beam_search(
    trained: Trained,
    prompt: str,
    *,
    beams: int = 4,
    n: int = 1,
    length_penalty: float = 1.0,
    stopping: Stopping = "likely",
    max_tokens: int = 64,
) -> list[Beam]:
    """Return the `n` best continuations found with `beams` beams, best first; seldom fewer than `n`.

    Args:
        trained: a generative model.
        prompt: may be empty.
        beams: number of beams; 1 always takes the best token.
        n: at most `beams`.
        length_penalty: above 0 prefers longer texts, below 0 shorter ones.
        stopping: once `beams` texts have ended, stop at once ("full"), when the others are no better so far
            ("likely"), or when they can't become better ("never" before that). Hugging Face's
            `early_stopping` True, False and "never".
        max_tokens: most new tokens.

    Raises:
        ModelError: the model fills masks instead of continuing texts.
        DataError: the prompt is too long.
        UsageError: an option is out of range.
    """
    if not 1 <= beams <= 1000:
        raise UsageError(f"beams must be from 1 to 1,000, not {beams}")
    if not 1 <= n <= beams:
        raise UsageError(f"n must be from 1 to the number of beams, {beams}, not {n}")
    if not -100 <= length_penalty <= 100:
        raise UsageError(f"length_penalty must be from -100 to 100, not {length_penalty}")
    prompt_tokens = read_prompt(trained, prompt, max_tokens)
    tokenizer, room = trained.tokenizer, longest_text(trained) - len(prompt_tokens)
    hypotheses = search(
        Reader(trained),
        prompt_tokens,
        beams=beams,
        length_penalty=length_penalty,
        stopping=stopping,
        most=min(max_tokens, room),
        end=tokenizer.specials.start,
        never=never_written(trained),
    )
    continuations = []
    for hypothesis in hypotheses[:n]:
        is_ended = hypothesis.tokens[-1] == tokenizer.specials.start
        tokens = list(hypothesis.tokens[: len(hypothesis.tokens) - is_ended])
        score = hypothesis.score(length_penalty)
        continuations.append(Beam(continued(tokenizer, prompt_tokens, tokens), score, tokens, is_ended))
    return continuations


def search(
    reader: Reading,
    prompt: Sequence[int],
    *,
    beams: int,
    length_penalty: float,
    stopping: Stopping,
    most: int,
    end: int,
    never: Sequence[int],
) -> list[Hypothesis]:
    """Return up to `beams` finished hypotheses, best first; see `beam_search`.

    The reader has read nothing yet; `end` is the token that ends a text, and no token of `never` is written.
    """
    going, finished = [Hypothesis((), 0.0, 0)], list[Hypothesis]()
    unread: list[Sequence[int]] = [prompt]
    for length in range(1, most + 1):
        scores_RV = torch.from_numpy(reader.read(unread)).log_softmax(1).numpy()
        scores_RV[:, never] = -np.inf
        # Twice as many as continue, because up to one half may end here.
        best = _continuations(going, scores_RV, 2 * beams)
        ended = [beam for beam in best[:beams] if length == most or beam.tokens[-1] == end]
        finished = sorted([*finished, *ended], key=lambda beam: -beam.score(length_penalty))[:beams]
        going = [beam for beam in best if beam.tokens[-1] != end][:beams]
        if length == most or not going:
            break
        if len(finished) == beams:
            reach = most if stopping == "never" and length_penalty > 0 else length
            hoped = going[0].log_likelihood / reach**length_penalty
            if stopping == "full" or hoped <= finished[-1].score(length_penalty):
                break
        reader.keep([beam.row for beam in going])
        unread = [beam.tokens[-1:] for beam in going]
    return finished


def _continuations(
    going: Sequence[Hypothesis], scores_RV: NDArray[np.float64], most: int
) -> list[Hypothesis]:
    sums_RV = scores_RV + np.array([beam.log_likelihood for beam in going])[:, None]
    sums_N = sums_RV.ravel()
    count = min(most, int(np.isfinite(sums_N).sum()))
    best_N = np.sort(np.argpartition(-sums_N, count - 1)[:count])
    best_N = best_N[np.argsort(-sums_N[best_N], kind="stable")]
    rows_N, tokens_N = np.divmod(best_N, sums_RV.shape[1])
    return [
        Hypothesis((*going[row].tokens, token), float(sums_RV[row, token]), row)
        for row, token in zip(rows_N.tolist(), tokens_N.tolist(), strict=True)
    ]
