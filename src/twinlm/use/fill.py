"""Fill each [MASK] in a text (Devlin et al. 2018, 3.1, Task 1)."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from twinlm.checkpoint import Trained, require_part
from twinlm.errors import DataError, ModelError, UsageError
from twinlm.system import hardware
from twinlm.system.arguments import check_list, checked
from twinlm.system.log import Silent
from twinlm.tokenizer import Tokenizer
from twinlm.use.inputs import batches, room

MASK = "[MASK]"
_MASKS_AT_ONCE = 256


class Guess(NamedTuple):
    """A token that may stand at a mask."""

    text: str
    """Token as people read it; with byte-level BPE, with the space before its word."""
    probability: float
    """P(token | the rest of the text); each mask is filled without knowing the others."""
    token: int
    """Id of the token."""


class Filled(NamedTuple):
    """A text whose masks were filled one by one."""

    text: str
    """Text without masks, as its tokens spell it."""
    guesses: list[Guess]
    """Token at each mask, in the order of the text; its probability given those filled in before it."""


@checked
def fill(trained: Trained, text: str, top_k: int = 5) -> list[list[Guess]]:
    """Return the `top_k` best guesses for each [MASK] of a text, best first; see `fill_batch`."""
    return fill_batch(trained, [text], top_k)[0]


@checked
def fill_batch(trained: Trained, texts: Sequence[str], top_k: int = 5) -> list[list[list[Guess]]]:
    """Return the best guesses for each [MASK] of each text, best first, independent of the other texts.

    Raises:
        ModelError: the model continues texts instead of filling masks.
        DataError: a text has no [MASK] or is too long.
        UsageError: `top_k` is below 1.
    """
    if top_k < 1:
        raise UsageError(f"top_k must be at least 1, not {top_k}")
    rows = [masked_row(trained, text) for text in texts]
    display, count = trained.tokenizer.display, min(top_k, trained.tokenizer.vocab_size)
    return [
        [
            [Guess(display(token), chance, token) for token, chance in zip(tokens, chances, strict=True)]
            for tokens, chances in masks
        ]
        for masks in _best(trained, rows, count)
    ]


@checked
def fill_together(trained: Trained, text: str) -> Filled:
    """Fill all masks of a text so that they fit each other: the most confident one first, then guess again.

    Raises:
        ModelError: the model continues texts instead of filling masks.
        DataError: the text has no [MASK] or is too long.
    """
    row, specials = masked_row(trained, text), trained.tokenizer.specials
    filled: dict[int, Guess] = {}
    while specials.mask in row:
        masks = [position for position, token in enumerate(row) if token == specials.mask]
        # With this many guesses, at least one is not a special token.
        (best,) = _best(trained, [row], 1 + len(specials.ids))
        guesses = [
            next(
                (chance, position, token)
                for token, chance in zip(*of_mask, strict=True)
                if token not in specials.ids
            )
            for position, of_mask in zip(masks, best, strict=True)
        ]
        chance, position, token = max(guesses, key=lambda guess: guess[0])
        row[position] = token
        filled[position] = Guess(trained.tokenizer.display(token), chance, token)
    return Filled(trained.tokenizer.decode(row), [filled[position] for position in sorted(filled)])


def _best(
    trained: Trained, rows: Sequence[list[int]], count: int
) -> list[list[tuple[list[int], list[float]]]]:
    """Return the best tokens and their probabilities for each mask of each row."""
    model: Any = trained.model.to(hardware.device()).eval()
    by_row: dict[int, list[tuple[list[int], list[float]]]] = {}
    for group, batch in batches(trained, rows, Silent()):
        is_masked_BL = batch.tokens_BL == trained.tokenizer.specials.mask
        with torch.inference_mode():
            hidden_MD = model.read(batch).hidden_BLD[is_masked_BL]
            best = [
                pair
                for part_MD in torch.split(hidden_MD, _MASKS_AT_ONCE)
                for pair in _top(model, part_MD, count, trained.tokenizer.vocab_size)
            ]
        masks = iter(best)
        for number, size in zip(group, is_masked_BL.sum(1).tolist(), strict=True):
            by_row[number] = [next(masks) for _ in range(size)]
    return [by_row[number] for number in range(len(rows))]


def _top(model: Any, hidden_MD: Tensor, count: int, known: int) -> list[tuple[list[int], list[float]]]:
    chances_MV = model.masked_token_logits(hidden_MD[None])[0].float().softmax(-1)
    best = chances_MV[:, :known].topk(min(count, known))  # an imported model may have rows without a token
    return list(zip(best.indices.tolist(), best.values.tolist(), strict=True))


def masked_row(trained: Trained, text: str) -> list[int]:
    """Return [CLS] text [SEP] as tokens, with the mask token at each [MASK]."""
    if trained.family.is_generative:
        message = f"a {trained.family.label} continues texts and can't fill gaps"
        raise ModelError(message, hint="use generate")
    require_part(trained, "masked_token_head")
    check_list(text, "text", depth=0)
    if MASK not in text:
        raise DataError(f"the text has no {MASK}: {text[:60]!r}", hint=f"write {MASK} in place of a word")
    tokens = masked_tokens(trained.tokenizer, text)
    if len(tokens) > room(trained):
        message = f"the text has {len(tokens):,} tokens, but the model reads at most {room(trained):,}"
        raise DataError(message, hint="shorten it")
    return trained.enclose(tokens)


def masked_tokens(tokenizer: Tokenizer, text: str) -> list[int]:
    """Return the tokens of a text, without [CLS] and [SEP], with the mask token at each [MASK]."""
    *pieces, last = text.split(MASK)
    tokens: list[int] = []
    for piece in pieces:
        # A mask replaces a whole token, which includes the space before its word.
        tokens += [*tokenizer.encode(piece.removesuffix(" ")), tokenizer.specials.mask]
    return tokens + tokenizer.encode(last)
