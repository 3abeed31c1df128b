"""Guess what stands at each [MASK] of a text (Devlin et al. 2018, 3.1, Task 1)."""

from typing import Any, NamedTuple

import torch

from twinlm import hardware
from twinlm.checkpoint import Trained
from twinlm.data.packing import pad
from twinlm.errors import DataError, ModelError, UsageError

MASK = "[MASK]"


class Guess(NamedTuple):
    """A token that may stand at a mask."""

    text: str
    """As people read it; with byte-level BPE a space before a word is part of it."""
    probability: float
    """P(token | the rest of the text); each mask is guessed without knowing the others."""


def fill(trained: Trained, text: str, top_k: int = 5) -> list[list[Guess]]:
    """Return the `top_k` best guesses for each [MASK] of a text, best first.

    Raises:
        ModelError: the model continues texts and doesn't fill masks.
        DataError: the text has no [MASK] or is too long.
        UsageError: `top_k` is below 1.
    """
    if trained.family.is_generative:
        message = f"a {trained.family.label} continues texts and can't fill gaps"
        raise ModelError(message, hint="use generate")
    if top_k < 1:
        raise UsageError(f"top_k must be at least 1, not {top_k}")
    tokenizer = trained.tokenizer
    model: Any = trained.model.to(hardware.device()).eval()
    row = masked_row(trained, text, model.config.max_length)
    batch = pad([row], tokenizer.specials.pad).to(hardware.device())
    with torch.inference_mode():
        hidden_BLD = model.read(batch).hidden_BLD
        chosen_BMD = hidden_BLD[:, batch.tokens_BL[0] == tokenizer.specials.mask]
        chances_MV = model.masked_token_logits(chosen_BMD)[0].float().softmax(-1).cpu()
    best = chances_MV.topk(min(top_k, tokenizer.vocab_size))
    return [
        [Guess(tokenizer.display(token), chance) for token, chance in zip(tokens, chances, strict=True)]
        for tokens, chances in zip(best.indices.tolist(), best.values.tolist(), strict=True)
    ]


def masked_row(trained: Trained, text: str, max_length: int) -> list[int]:
    """Return [CLS] text [SEP] as tokens, with the mask token wherever the text says [MASK].

    A mask stands for a whole token, which holds the space before its word: so that space goes with it.

    Raises:
        DataError: the text has no [MASK] or is too long.
    """
    pieces, specials = text.split(MASK), trained.tokenizer.specials
    if len(pieces) == 1:
        raise DataError(
            f"the text has no {MASK}: {text[:60]!r}", hint=f"write {MASK} where a word is to be guessed"
        )
    tokens: list[int] = []
    for piece in pieces[:-1]:
        tokens += [*trained.tokenizer.encode(piece.removesuffix(" ")), specials.mask]
    tokens += trained.tokenizer.encode(pieces[-1])
    if len(tokens) > max_length - 2:
        message = f"the text has {len(tokens):,} tokens, but the model reads at most {max_length - 2:,}"
        raise DataError(message, hint="shorten it")
    return trained.family.pack([tokens], specials).tokens
