"""Continuing prompts for `/v1/completions`: many at once, token by token, each with its log-probabilities."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from twinlm.checkpoint import Trained
from twinlm.data.sequences.packing import by_length
from twinlm.errors import UserError
from twinlm.serve.engine import Engine, Item, as_exception
from twinlm.use.generate import END_OF_TEXT, STOP_STRING, Continuation, Prompt
from twinlm.use.reader import Reader
from twinlm.use.sampling import Sampling
from twinlm.use.spelling import token_starts
from twinlm.use.surprise import Expected

LEAST_LOG = -9999.0
"""Stands for log 0, which JSON can't hold, as in OpenAI's API."""


class Wanted(NamedTuple):
    """One text to write: its prompt and how to continue it."""

    prompt: Prompt
    """Text, or token ids to be read as they are."""
    sample: int
    """Number among the texts of this prompt."""
    max_tokens: int
    """Most new tokens."""
    sampling: Sampling
    """How tokens are drawn."""
    stop: tuple[str, ...]
    """Strings to stop before."""
    seed: int
    """Seed of the draws."""
    top_k: int | None
    """Number of alternatives to give the log-probabilities of; None for no log-probabilities at all."""


class Step(NamedTuple):
    """One step of a text: what it added."""

    text: str
    """New text, of whole characters; what may become a stop string is held back."""
    tokens: list[tuple[int, Expected | None]]
    """New tokens."""
    finish_reason: str | None
    """ "stop" or "length" in the last step; None before."""


class Written(NamedTuple):
    """A finished text."""

    text: str
    """New text."""
    tokens: list[tuple[int, Expected | None]]
    """New tokens; those of a stop string are left out, and one that ends the text is the last."""
    prompt_tokens: list[int]
    """Tokens that were read before."""
    finish_reason: str
    """ "stop" for a stop string or the end of the text, else "length"."""


@dataclass(frozen=True, slots=True)
class Write:
    """The call that continues prompts. All of them share batches, whatever their options."""

    def start(self, engine: Engine, items: Sequence[Item]) -> Iterator[None]:
        """Write a token of each text a turn, in groups of similar length."""
        sizes = [item.tokens for item in items]
        groups = [
            self._write(engine, [items[number] for number in group])
            for group in by_length(sizes, engine.batch_tokens)
        ]
        while groups:
            groups = [group for group in groups if next(group, None)]
            yield

    def _write(self, engine: Engine, items: Sequence[Item]) -> Iterator[bool]:
        """Write texts side by side; those that are done or given up leave."""
        going = [text for item in items if (text := _begun(engine.trained, item))]
        reader, unread = Reader(engine.trained), [text.continuation.prompt_tokens for text in going]
        while going:
            engine.watch([text.item for text in going])
            for text, logits_V in zip(going, reader.read(unread), strict=True):
                text.take(logits_V)
            left = [row for row, text in enumerate(going) if text.is_going]
            if 0 < len(left) < len(going):
                reader.keep(left)
            going = [going[row] for row in left]
            unread = [text.continuation.tokens[-1:] for text in going]
            yield True


WRITE = Write()


class _Text:
    def __init__(self, item: Item, continuation: Continuation, top_k: int | None) -> None:
        self.item = item
        self.continuation = continuation
        self._top_k = top_k
        self._expected: list[Expected | None] = []
        self._shown = ""
        self._told = 0
        self._is_failed = False
        # The token that ended the text, as OpenAI's API lists it: lm-eval takes the last one of all away, and
        # would otherwise score without the prompt's last token.
        self._end: list[tuple[int, Expected | None]] = []

    @property
    def is_going(self) -> bool:
        return not (self._is_failed or self.continuation.stopped_by or self.item.is_dead)

    def take(self, logits_V: NDArray[np.float64]) -> None:
        """Take the next token; an error is this text's alone."""
        try:
            self._take(logits_V)
        except BaseException as error:  # a panic of the tokenizers' library is no Exception
            self._is_failed = True
            self.item.fail(as_exception(error))

    def _take(self, logits_V: NDArray[np.float64]) -> None:
        if np.isnan(logits_V).any():
            raise ArithmeticError("the model's answer is not a number")
        scores_V = logits_V if self._top_k is None else _log_softmax(logits_V)
        self.continuation.take(logits_V)
        tokens = self.continuation.tokens
        if len(tokens) > len(self._expected):
            self._expected.append(self._expected_at(scores_V, tokens[-1]))
        elif self.continuation.stopped_by == END_OF_TEXT:
            end = self.continuation.trained.tokenizer.specials.start
            self._end = [(end, self._expected_at(scores_V, end))]
        text = self.continuation.text
        is_over = bool(self.continuation.stopped_by)
        if text.startswith(self._shown) and (len(text) > len(self._shown) or is_over):
            pairs = self._tokens()
            self.item.tell(Step(text[len(self._shown) :], pairs[self._told :], self._reason))
            self._shown, self._told = text, max(self._told, len(pairs))
        if is_over:
            self.item.finish(
                Written(text, self._tokens(), self.continuation.prompt_tokens, self._reason or "")
            )

    @property
    def _reason(self) -> str | None:
        if not self.continuation.stopped_by:
            return None
        return "stop" if self.continuation.stopped_by in (END_OF_TEXT, STOP_STRING) else "length"

    def _tokens(self) -> list[tuple[int, Expected | None]]:
        pairs = [*zip(self.continuation.tokens, self._expected, strict=True), *self._end]
        if not self.continuation.stop or self.continuation.stopped_by not in ("", STOP_STRING):
            return pairs
        # What may become a stop string is held back, and so are its tokens.
        prompt = self.continuation.prompt_tokens
        starts = token_starts(self.continuation.trained.tokenizer, [*prompt, *self.continuation.tokens])
        end = starts[len(prompt)] + len(self.continuation.text)
        return [pair for pair, start in zip(pairs, starts[len(prompt) :], strict=False) if start < end]

    def _expected_at(self, log_V: NDArray[np.float64], token: int) -> Expected | None:
        if self._top_k is None:
            return None
        known = self.continuation.trained.tokenizer.vocab_size
        best = np.argsort(-log_V[:known], kind="stable")[: self._top_k]
        rank = 1 + int((log_V > log_V[token]).sum())
        return Expected(float(log_V[token]), rank, [(int(each), float(log_V[each])) for each in best])


def logprobs(
    name_of: Callable[[int], str],
    tokens: Sequence[tuple[int, Expected | None]],
    starts: Sequence[int],
    top_k: int,
) -> dict[str, list[Any]]:
    """Return log-probabilities as OpenAI's API lists them; `starts` are the tokens' places in the text."""
    names = [name_of(token) for token, _ in tokens]
    best: list[dict[str, float] | None] = []
    for name, (_, each) in zip(names, tokens, strict=True):
        if each is None:
            best.append(None)
            continue
        top = {name_of(other): _finite(log) for other, log in each.best[:top_k]}
        best.append({**top, name: _finite(each.log_likelihood)})
    return {
        "tokens": names,
        "token_logprobs": [None if each is None else _finite(each.log_likelihood) for _, each in tokens],
        "top_logprobs": best,
        "text_offset": list(starts),
    }


def _begun(trained: Trained, item: Item) -> _Text | None:
    if item.is_dead:
        return None
    wanted: Wanted = item.payload
    try:
        continuation = Continuation(
            trained,
            wanted.prompt,
            max_tokens=wanted.max_tokens,
            sampling=wanted.sampling,
            stop=wanted.stop,
            seed=wanted.seed,
            sample=wanted.sample,
        )
    except UserError as error:
        item.fail(error)
        return None
    return _Text(item, continuation, wanted.top_k)


def _log_softmax(logits_V: NDArray[np.float64]) -> NDArray[np.float64]:
    shifted_V = logits_V - logits_V.max()
    scores_V: NDArray[np.float64] = shifted_V - np.log(np.exp(shifted_V).sum())
    return scores_V


def _finite(log: float) -> float:
    return max(log, LEAST_LOG)
