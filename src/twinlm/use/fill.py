"""Guess what stands at each [MASK] of a text (Devlin et al. 2018, 3.1, Task 1)."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from twinlm.checkpoint import Trained, require_part
from twinlm.errors import DataError, ModelError, UsageError
from twinlm.system import hardware
from twinlm.system.log import Silent
from twinlm.use.inputs import batches, room

MASK = "[MASK]"
_MASKS_AT_ONCE = 256


class Guess(NamedTuple):
    """A token that may stand at a mask."""

    text: str
    """As people read it; with byte-level BPE a space before a word is part of it."""
    probability: float
    """P(token | the rest of the text); each mask is guessed without knowing the others."""


class Filled(NamedTuple):
    """A text whose masks were filled one after another."""

    text: str
    """Without masks, as its tokens spell it."""
    guesses: list[Guess]
    """What was put at each mask, in the order of the text; each probability given those put in before it."""


def fill(trained: Trained, text: str, top_k: int = 5) -> list[list[Guess]]:
    """Return the `top_k` best guesses for each [MASK] of a text, best first.

    Raises:
        ModelError: the model continues texts and doesn't fill masks.
        DataError: the text has no [MASK] or is too long.
        UsageError: `top_k` is below 1.
    """
    return fill_batch(trained, [text], top_k)[0]


def fill_batch(trained: Trained, texts: Sequence[str], top_k: int = 5) -> list[list[list[Guess]]]:
    """Return for each text what `fill` returns, whatever else is filled with it.

    Raises:
        ModelError: the model continues texts and doesn't fill masks.
        DataError: a text has no [MASK] or is too long.
        UsageError: `top_k` is below 1.
    """
    if top_k < 1:
        raise UsageError(f"top_k must be at least 1, not {top_k}")
    rows = [masked_row(trained, text) for text in texts]
    display, count = trained.tokenizer.display, min(top_k, trained.tokenizer.vocab_size)
    return [
        [
            [Guess(display(token), chance) for token, chance in zip(tokens, chances, strict=True)]
            for tokens, chances in masks
        ]
        for masks in _best(trained, rows, count)
    ]


def fill_together(trained: Trained, text: str) -> Filled:
    """Fill all masks of a text so that they fit each other: the surest one first, then anew with it in place.

    Raises:
        ModelError: the model continues texts and doesn't fill masks.
        DataError: the text has no [MASK] or is too long.
    """
    row, specials = masked_row(trained, text), trained.tokenizer.specials
    put: dict[int, Guess] = {}
    while specials.mask in row:
        masks = [place for place, token in enumerate(row) if token == specials.mask]
        # One of so many is no special token.
        (best,) = _best(trained, [row], 1 + len(specials.ids))
        found = [
            next(
                (chance, place, token)
                for token, chance in zip(*guesses, strict=True)
                if token not in specials.ids
            )
            for place, guesses in zip(masks, best, strict=True)
        ]
        chance, place, token = max(found, key=lambda guess: guess[0])
        row[place] = token
        put[place] = Guess(trained.tokenizer.display(token), chance)
    return Filled(trained.tokenizer.decode(row), [put[place] for place in sorted(put)])


def _best(
    trained: Trained, rows: Sequence[list[int]], count: int
) -> list[list[tuple[list[int], list[float]]]]:
    """Return for each mask of each row the best tokens and their probabilities."""
    model: Any = trained.model.to(hardware.device()).eval()
    found: dict[int, list[tuple[list[int], list[float]]]] = {}
    for group, batch in batches(trained, rows, Silent()):
        is_masked_BL = batch.tokens_BL == trained.tokenizer.specials.mask
        with torch.inference_mode():
            hidden_MD = model.read(batch).hidden_BLD[is_masked_BL]
            best = [
                pair
                for part_MD in torch.split(hidden_MD, _MASKS_AT_ONCE)
                for pair in _top(model, part_MD, count)
            ]
        masks = iter(best)
        for number, size in zip(group, is_masked_BL.sum(1).tolist(), strict=True):
            found[number] = [next(masks) for _ in range(size)]
    return [found[number] for number in range(len(rows))]


def _top(model: Any, hidden_MD: Tensor, count: int) -> list[tuple[list[int], list[float]]]:
    chances_MV = model.masked_token_logits(hidden_MD[None])[0].float().softmax(-1)
    best = chances_MV.topk(min(count, chances_MV.shape[1]))
    return list(zip(best.indices.tolist(), best.values.tolist(), strict=True))


def masked_row(trained: Trained, text: str) -> list[int]:
    """Return [CLS] text [SEP] as tokens, with the mask token wherever the text says [MASK].

    A mask stands for a whole token, which holds the space before its word: so that space goes with it.

    Raises:
        ModelError: the model continues texts and doesn't fill masks, or was imported without what fills them.
        DataError: the text has no [MASK] or is too long.
    """
    if trained.family.is_generative:
        message = f"a {trained.family.label} continues texts and can't fill gaps"
        raise ModelError(message, hint="use generate")
    require_part(trained, "masked_token_head")
    pieces, specials = text.split(MASK), trained.tokenizer.specials
    if len(pieces) == 1:
        raise DataError(
            f"the text has no {MASK}: {text[:60]!r}", hint=f"write {MASK} where a word is to be guessed"
        )
    tokens: list[int] = []
    for piece in pieces[:-1]:
        tokens += [*trained.tokenizer.encode(piece.removesuffix(" ")), specials.mask]
    tokens += trained.tokenizer.encode(pieces[-1])
    if len(tokens) > room(trained):
        message = f"the text has {len(tokens):,} tokens, but the model reads at most {room(trained):,}"
        raise DataError(message, hint="shorten it")
    return trained.family.enclose(tokens, specials)
