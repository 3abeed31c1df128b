"""Continue a text, one token after another (Radford et al. 2018, 3.1: P(u) = softmax(h_n W_e^T)).

Each new token is read once: keys and values of those before it are kept (`GPT.step`). Only whole characters
leave this file, although a token of byte-level BPE may end inside one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import astuple
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from twinlm import hardware, rng
from twinlm.checkpoint import Trained
from twinlm.core.attention import KeyValueCache
from twinlm.errors import DataError, ModelError, UsageError
from twinlm.use.sampling import DEFAULT_SAMPLING, Sampling, choose

MAX_TOKENS = "max_tokens"
MAX_LENGTH = "max_length"
END_OF_TEXT = "end of text"
STOP_STRING = "stop string"
_NOT_WHOLE = "\ufffd"  # what decoding shows for bytes that are no whole character


def generate(
    trained: Trained,
    prompt: str,
    *,
    max_tokens: int = 64,
    sampling: Sampling = DEFAULT_SAMPLING,
    stop: Sequence[str] = (),
    seed: int = 0,
) -> str:
    """Return what a model writes after `prompt`, without the prompt; see `Continuation`.

    Raises:
        ModelError: the model fills masks and doesn't continue texts.
        DataError: the prompt is too long.
        UsageError: an option is out of range.
    """
    return "".join(
        Continuation(trained, prompt, max_tokens=max_tokens, sampling=sampling, stop=stop, seed=seed)
    )


class Continuation:
    """What a model writes after a prompt: iterate over it once, to get its text in pieces as they come.

    Args:
        trained: a generative model.
        prompt: may be empty.
        max_tokens: stop after so many new tokens, at least 1.
        sampling: how tokens are drawn.
        stop: end before the first of these strings.
        seed: the same one gives the same text.

    Raises:
        ModelError: the model fills masks and doesn't continue texts.
        DataError: the prompt is too long.
        UsageError: an option is out of range.
    """

    def __init__(
        self,
        trained: Trained,
        prompt: str,
        *,
        max_tokens: int,
        sampling: Sampling,
        stop: Sequence[str] = (),
        seed: int,
    ) -> None:
        if not trained.family.is_generative:
            message = f"a {trained.family.label} fills gaps and can't continue a text"
            raise ModelError(message, hint="use fill, with [MASK] in the text")
        if max_tokens < 1:
            raise UsageError(f"max_tokens must be at least 1, not {max_tokens}")
        if "" in stop:
            raise UsageError("a stop string is empty", hint="leave it out")
        self.trained = trained
        self.max_tokens = max_tokens
        self.sampling = sampling
        self.stop = tuple(stop)
        self.tokens: list[int] = []
        """The new tokens so far."""
        self.stopped_by = ""
        """Why the text ended: `MAX_TOKENS`, `MAX_LENGTH` (of the model), `END_OF_TEXT` or `STOP_STRING`."""
        self._longest: int = trained.model.config.max_length  # type: ignore[union-attr, assignment]
        self._read = [trained.tokenizer.specials.start, *trained.tokenizer.encode(prompt)]
        self._chance = rng.stream(seed, "generate")
        if len(self._read) >= self._longest:
            message = (
                f"the prompt has {len(self._read) - 1:,} tokens, but the model holds {self._longest:,} in all"
            )
            raise DataError(message, hint=f"give a prompt of at most {self._longest - 2:,} tokens")

    def __iter__(self) -> Iterator[str]:
        """Yield pieces of text, each of whole characters."""
        shown = ""
        for _ in self._new_tokens():
            text = self._whole_text()
            ends = [text.index(stop) for stop in self.stop if stop in text]
            # What may yet become a stop string waits.
            end = min(ends, default=len(text) - _beginning(text, self.stop))
            if end > len(shown) and text.startswith(shown):
                yield text[len(shown) : end]
                shown = text[:end]
            if ends:
                self.stopped_by = STOP_STRING
                return
        text = self._whole_text()
        if len(text) > len(shown) and text.startswith(shown):
            yield text[len(shown) :]

    def _whole_text(self) -> str:
        """Return what was written without a character at its end whose rest may be the next token."""
        return self._text().rstrip(_NOT_WHOLE)

    def _text(self) -> str:
        """Return all that was written, with the space that joins it to the prompt."""
        decode = self.trained.tokenizer.decode
        return decode([*self._read, *self.tokens])[len(decode(self._read)) :]

    def _new_tokens(self) -> Iterator[int]:
        specials = self.trained.tokenizer.specials
        for logits_V in self._logits():
            logits_V[[number for number in astuple(specials) if number != specials.start]] = -np.inf
            token = choose(logits_V, [*self._read, *self.tokens], self.sampling, self._chance)
            if token == specials.start:
                self.stopped_by = END_OF_TEXT
                return
            self.tokens.append(token)
            yield token
            if len(self.tokens) == self.max_tokens:
                self.stopped_by = MAX_TOKENS
                return
        self.stopped_by = MAX_LENGTH

    def _logits(self) -> Iterator[NDArray[np.float64]]:
        """Yield the scores of every next token, (V,), until the model's length is used up."""
        where = hardware.device()
        model: Any = self.trained.model.to(where).eval()
        caches = [KeyValueCache() for _ in model.blocks]
        unread, seen = self._read, 0
        while seen + len(unread) < self._longest:
            with torch.inference_mode():
                tokens_BL = torch.tensor([unread], device=where)
                hidden_BLD = model.step(tokens_BL, caches, first_position=seen)
                logits_BLV = model.next_token_logits(hidden_BLD[:, -1:])
            yield logits_BLV[0, 0].double().cpu().numpy()
            seen, unread = seen + len(unread), self.tokens[-1:]


def _beginning(text: str, stops: Sequence[str]) -> int:
    """Return how many characters at the end of a text may be the beginning of a stop string."""
    sizes = [size for stop in stops for size in range(1, len(stop)) if text.endswith(stop[:size])]
    return max(sizes, default=0)
