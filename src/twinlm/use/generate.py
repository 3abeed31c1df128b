"""Continue texts, one token after another (Radford et al. 2018, 3.1: P(u) = softmax(h_n W_e^T)).

Each new token is read once, see `reader.py`. Text is returned in whole characters, although a token of
byte-level BPE may end inside one. Next: `sampling.py`, how a token is drawn; `beams.py`, the likeliest text.
"""

from collections.abc import Iterator, Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from twinlm import rng
from twinlm.checkpoint import Trained
from twinlm.data.sequences.packing import by_length
from twinlm.errors import DataError, ModelError, UsageError
from twinlm.system.arguments import check_list, checked
from twinlm.tokenizer import Tokenizer
from twinlm.use.reader import Reader
from twinlm.use.sampling import DEFAULT_SAMPLING, Sampling, choose

MAX_TOKENS = "max_tokens"
MAX_LENGTH = "max_length"
END_OF_TEXT = "end of text"
STOP_STRING = "stop string"
Prompt = str | Sequence[int]
_NOT_WHOLE = "\ufffd"  # decoded from bytes that are not a whole character


@checked
def generate(
    trained: Trained,
    prompt: Prompt,
    *,
    max_tokens: int = 64,
    sampling: Sampling = DEFAULT_SAMPLING,
    stop: Sequence[str] = (),
    seed: int = 0,
) -> str:
    """Return the continuation of a prompt, without the prompt; see `Continuation`."""
    return "".join(
        Continuation(trained, prompt, max_tokens=max_tokens, sampling=sampling, stop=stop, seed=seed)
    )


@checked
def generate_batch(
    trained: Trained,
    prompts: Sequence[str],
    *,
    n: int = 1,
    max_tokens: int = 64,
    sampling: Sampling = DEFAULT_SAMPLING,
    stop: Sequence[str] = (),
    seed: int = 0,
) -> "list[list[Continuation]]":
    """Return `n` finished continuations of each prompt, many at a time; see `Continuation`.

    Each equals the one that its prompt gets alone with the same seed, up to rounding of the scores.
    Errors are those of `Continuation`.
    """
    if n < 1:
        raise UsageError(f"n must be at least 1, not {n}")
    continuations = [
        Continuation(
            trained, prompt, max_tokens=max_tokens, sampling=sampling, stop=stop, seed=seed, sample=sample
        )
        for prompt in prompts
        for sample in range(n)
    ]
    for group in by_length([text.most_tokens for text in continuations]):
        _write_together(trained, [continuations[number] for number in group])
    return [continuations[first : first + n] for first in range(0, len(continuations), n)]


def _write_together(trained: Trained, texts: "Sequence[Continuation]") -> None:
    reader = Reader(trained)
    unread = [text.prompt_tokens for text in texts]
    while texts:
        for text, logits_V in zip(texts, reader.read(unread), strict=True):
            text.take(logits_V)
        going = [row for row, text in enumerate(texts) if not text.stopped_by]
        if 0 < len(going) < len(texts):
            reader.keep(going)
        texts = [texts[row] for row in going]
        unread = [text.tokens[-1:] for text in texts]


class Continuation:
    """The continuation of a prompt: iterate over it once, to get its text in pieces as they come.

    Args:
        trained: a generative model.
        prompt: a text, which may be empty, or token ids, which are read as they are, without <start>.
        max_tokens: most new tokens, at least 1.
        sampling: how tokens are drawn.
        stop: end before the first of these strings.
        seed: the same seed gives the same text.
        sample: number of the text, from 0; another number gives another text.

    Raises:
        ModelError: the model fills masks instead of continuing texts.
        DataError: the prompt is too long.
        UsageError: an option or a token id is out of range.
    """

    @checked
    def __init__(
        self,
        trained: Trained,
        prompt: Prompt,
        *,
        max_tokens: int,
        sampling: Sampling,
        stop: Sequence[str] = (),
        seed: int,
        sample: int = 0,
    ) -> None:
        self.prompt_tokens = read_prompt(trained, prompt, max_tokens)
        """Tokens that the model reads before the first new one."""
        if "" in stop:
            raise UsageError("a stop string is empty", hint="leave it out")
        self.trained = trained
        self.max_tokens = max_tokens
        self.sampling = sampling
        self.stop = tuple(stop)
        self.tokens: list[int] = []
        """New tokens so far."""
        self.stopped_by = ""
        """Reason of the end: `MAX_TOKENS`, `MAX_LENGTH` (of the model), `END_OF_TEXT` or `STOP_STRING`."""
        # The first sample uses the stream's plain name, so `n` does not change the first text.
        self._chance = rng.stream(seed, "generate", *([sample] if sample else []))

    @property
    def most_tokens(self) -> int:
        """Most tokens of prompt and continuation together."""
        return min(len(self.prompt_tokens) + self.max_tokens, longest_text(self.trained))

    @property
    def text(self) -> str:
        """Text so far, without an end that may become a stop string."""
        whole = self._whole_text()
        ends = [whole.index(stop) for stop in self.stop if stop in whole]
        waiting = 0 if self.stopped_by else _beginning(whole, self.stop)
        return whole[: min(ends, default=len(whole) - waiting)]

    def __iter__(self) -> Iterator[str]:
        """Yield pieces of text, each of whole characters."""
        reader, unread, shown = Reader(self.trained), self.prompt_tokens, ""
        while not self.stopped_by:
            self.take(reader.read([unread])[0])
            unread, text = self.tokens[-1:], self.text
            if len(text) > len(shown) and text.startswith(shown):
                yield text[len(shown) :]
                shown = text

    def take(self, logits_V: NDArray[np.float64]) -> None:
        """Choose the next token from its scores, and record whether the text ends."""
        specials = self.trained.tokenizer.specials
        logits_V[never_written(self.trained)] = -np.inf
        token = choose(logits_V, [*self.prompt_tokens, *self.tokens], self.sampling, self._chance)
        if token == specials.start:
            self.stopped_by = END_OF_TEXT
            return
        self.tokens.append(token)
        if any(stop in self._whole_text() for stop in self.stop):
            self.stopped_by = STOP_STRING
        elif len(self.tokens) == self.max_tokens:
            self.stopped_by = MAX_TOKENS
        elif len(self.prompt_tokens) + len(self.tokens) == self.most_tokens:
            self.stopped_by = MAX_LENGTH

    def _whole_text(self) -> str:
        return continued(self.trained.tokenizer, self.prompt_tokens, self.tokens)


def read_prompt(trained: Trained, prompt: Prompt, max_tokens: int) -> list[int]:
    """Return the tokens of a prompt that can be continued: <start> and those of a text, or the given ids."""
    if not trained.family.is_generative:
        message = f"a {trained.family.label} fills gaps and can't continue a text"
        raise ModelError(message, hint="use fill, with [MASK] in the text")
    if max_tokens < 1:
        raise UsageError(f"max_tokens must be at least 1, not {max_tokens}")
    tokens, longest = prompt_tokens(trained, prompt), longest_text(trained)
    if len(tokens) >= longest:
        added = int(isinstance(prompt, str))  # <start>
        message = f"the prompt has {len(tokens) - added:,} tokens, but the model reads {longest:,} in all"
        raise DataError(message, hint=f"give a prompt of at most {longest - 1 - added:,} tokens")
    return tokens


def prompt_tokens(trained: Trained, prompt: Prompt) -> list[int]:
    """Return <start> and the tokens of a text, or token ids as they are, of any length above 0."""
    if not isinstance(prompt, Sequence) or isinstance(prompt, str):
        check_list(prompt, "prompt", depth=0)
        assert isinstance(prompt, str)
        if tokens := trained.enclose(trained.tokenizer.encode(prompt)):
            return tokens
        message = "this model was imported without a token for the start of a text"
        raise DataError(message, hint="give a prompt")
    check_list(prompt, "prompt", int)  # a list of texts is one, too: its error says what is wrong
    known = trained.tokenizer.vocab_size
    if unknown := [token for token in prompt if not 0 <= token < known]:
        raise UsageError(f"there is no token {unknown[0]}", hint=f"ids are from 0 to {known - 1:,}")
    if not prompt:
        raise DataError("the prompt has no token", hint="give at least one id, or a text")
    return [int(token) for token in prompt]


def longest_text(trained: Trained) -> int:
    """Return the most tokens that the model reads, with <start>."""
    sizes: Any = trained.model.config
    longest: int = sizes.max_length
    return longest


def never_written(trained: Trained) -> list[int]:
    """Return the special tokens that no text contains, except <start>, which ends a text, and empty rows."""
    specials, sizes = trained.tokenizer.specials, cast(Any, trained.model.config)
    empty = range(trained.tokenizer.vocab_size, sizes.vocab_size)
    return [*(number for number in specials.ids if number != specials.start), *empty]


def continued(tokenizer: Tokenizer, prompt: Sequence[int], tokens: Sequence[int]) -> str:
    """Return the text of new tokens, with the space after the prompt and without an unfinished character."""
    return tokenizer.decode([*prompt, *tokens])[len(tokenizer.decode(prompt)) :].rstrip(_NOT_WHOLE)


def _beginning(text: str, stops: Sequence[str]) -> int:
    """Return how many characters at the end of a text may start a stop string."""
    sizes = [size for stop in stops for size in range(1, len(stop)) if text.endswith(stop[:size])]
    return max(sizes, default=0)
