"""Search for the likeliest continuation with several beams, instead of drawing one.

In each step every beam is continued by every token, and the best of all those stay. A beam ends with
<start>, the end of a text, or when there is no room left. Rules and scores are those of transformers.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax

from twinlm.checkpoint import Trained
from twinlm.errors import UsageError
from twinlm.use.generate import continued, longest_text, never_written, read_prompt
from twinlm.use.reader import Reader

Stopping = Literal["full", "likely", "never"]


class Beam(NamedTuple):
    """One continuation that was found."""

    text: str
    """Without the prompt."""
    score: float
    """Log-likelihood of the tokens, the end included, over their number to the power of `length_penalty`."""
    tokens: list[int]
    """New tokens, the end not included."""
    is_ended: bool
    """Whether the model ended the text; else there was no room for more."""


class Hypothesis(NamedTuple):
    """A beam as the search holds it; R are the beams that go on."""

    tokens: tuple[int, ...]
    """New tokens, the end included."""
    log_likelihood: float
    """Of all of them, in nats."""
    row: int
    """The beam it continues, among those of the step before."""

    def score(self, length_penalty: float) -> float:
        """Return what finished beams are compared by."""
        return float(self.log_likelihood / len(self.tokens) ** length_penalty)


class Reading(Protocol):
    """What the search asks for the next tokens' scores: `Reader`."""

    def read(self, rows: Sequence[Sequence[int]]) -> NDArray[np.float64]:
        """Read on in each beam; return the scores of every token as the next one, (R, V)."""

    def keep(self, rows: Sequence[int]) -> None:
        """Go on with these beams, in this order."""


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
    """Return the `n` best continuations that so many beams find, the best first; seldom fewer than `n`.

    Args:
        trained: a generative model.
        prompt: may be empty.
        beams: how many are kept; 1 always takes the best token.
        n: at most `beams`.
        length_penalty: above 0 prefers longer texts, below 0 shorter ones.
        stopping: when `beams` texts have ended: stop at once ("full"), when those that go on are no better so
            far ("likely"), or when they can't become better ("never" before that). Hugging Face's
            `early_stopping` True, False and "never".
        max_tokens: of a continuation.

    Raises:
        ModelError: the model fills masks and doesn't continue texts.
        DataError: the prompt is too long.
        UsageError: an option is out of range.
    """
    if not 1 <= beams <= 1000:
        raise UsageError(f"beams must be from 1 to 1,000, not {beams}")
    if not 1 <= n <= beams:
        raise UsageError(f"n must be from 1 to the number of beams, {beams}, not {n}")
    if not -100 <= length_penalty <= 100:
        raise UsageError(f"length_penalty must be from -100 to 100, not {length_penalty}")
    read = read_prompt(trained, prompt, max_tokens)
    tokenizer, room = trained.tokenizer, longest_text(trained) - len(read)
    found = search(
        Reader(trained),
        read,
        beams=beams,
        length_penalty=length_penalty,
        stopping=stopping,
        most=min(max_tokens, room),
        end=tokenizer.specials.start,
        never=never_written(tokenizer),
    )
    shown = []
    for hypothesis in found[:n]:
        is_ended = hypothesis.tokens[-1] == tokenizer.specials.start
        tokens = list(hypothesis.tokens[: len(hypothesis.tokens) - is_ended])
        score = hypothesis.score(length_penalty)
        shown.append(Beam(continued(tokenizer, read, tokens), score, tokens, is_ended))
    return shown


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
    """Return up to `beams` finished hypotheses, the best first.

    Args:
        reader: that has read nothing yet.
        prompt: tokens.
        beams: how many are kept.
        length_penalty: see `beam_search`.
        stopping: see `beam_search`.
        most: new tokens, at least 1.
        end: the token that ends a text.
        never: tokens that are not written.
    """
    going, finished = [Hypothesis((), 0.0, 0)], list[Hypothesis]()
    unread: list[Sequence[int]] = [prompt]
    for length in range(1, most + 1):
        scores_RV = log_softmax(reader.read(unread), axis=1)
        scores_RV[:, never] = -np.inf
        # Twice as many as go on, since up to one half may end here.
        best = _continuations(going, scores_RV, 2 * beams)
        ended = [found for found in best[:beams] if length == most or found.tokens[-1] == end]
        finished = sorted([*finished, *ended], key=lambda found: -found.score(length_penalty))[:beams]
        going = [found for found in best if found.tokens[-1] != end][:beams]
        if length == most or not going:
            break
        if len(finished) == beams:
            reach = most if stopping == "never" and length_penalty > 0 else length
            hoped = going[0].log_likelihood / reach**length_penalty
            if stopping == "full" or hoped <= finished[-1].score(length_penalty):
                break
        reader.keep([found.row for found in going])
        unread = [found.tokens[-1:] for found in going]
    return finished


def _continuations(
    going: Sequence[Hypothesis], scores_RV: NDArray[np.float64], most: int
) -> list[Hypothesis]:
    """Return the best continuations of all beams by one token, the best first."""
    sums_RV = scores_RV + np.array([found.log_likelihood for found in going])[:, None]
    sums_N = sums_RV.ravel()
    count = min(most, int(np.isfinite(sums_N).sum()))
    places_N = np.sort(np.argpartition(-sums_N, count - 1)[:count])
    places_N = places_N[np.argsort(-sums_N[places_N], kind="stable")]
    rows_N, tokens_N = np.divmod(places_N, sums_RV.shape[1])
    return [
        Hypothesis((*going[row].tokens, token), float(sums_RV[row, token]), row)
        for row, token in zip(rows_N.tolist(), tokens_N.tolist(), strict=True)
    ]
