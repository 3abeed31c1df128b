"""What a model expects at each place of a text, and how surprised it is by what stands there.

decoder   P(token | tokens before it)
encoder   P(token | all other tokens): each token is masked in turn (Salazar et al. 2020)
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from twinlm.checkpoint import Trained, require_part
from twinlm.errors import DataError, UsageError
from twinlm.system import hardware
from twinlm.system.arguments import checked
from twinlm.system.log import Silent
from twinlm.use.inputs import batches, room

_POSITIONS_AT_ONCE = 256  # with a vocabulary of 32,000 their logits take 32 MB


class Expected(NamedTuple):
    """What a model expected at the place of a token."""

    log_likelihood: float
    """log P(token), in nats."""
    best: list[tuple[int, float]]
    """The most probable tokens there and their log P, best first."""


class Surprise(NamedTuple):
    """A token of a text and what was expected in its place."""

    token: int
    """Id of the token."""
    begin: int
    """Place of its first character in the text, white space aside."""
    end: int
    """Place after its last character; parts of one character have the same places."""
    word: int
    """Number of its word."""
    bits: float | None
    """-log2 P(token); None for a first token of which the model can say nothing."""
    candidates: list[tuple[int, float]]
    """The most probable tokens in its place and their probabilities, best first."""


@checked
def surprise(trained: Trained, text: str, *, top_k: int = 5) -> list[Surprise]:
    """Return the surprise at each token of a text; see `surprise_batch`."""
    return surprise_batch(trained, [text], top_k=top_k)[0]


@checked
def surprise_batch(trained: Trained, texts: Sequence[str], *, top_k: int = 5) -> list[list[Surprise]]:
    """Return the surprise at each token of each text, independent of the other texts.

    A text that is too long loses its end. The surprises of a text add up to the score of `score_batch`, in
    bits instead of nats.

    Raises:
        DataError: a text is empty.
        UsageError: `top_k` is below 1.
    """
    if top_k < 1:
        raise UsageError(f"top_k must be at least 1, not {top_k}")
    require_part(trained, "masked_token_head")
    tokenizer, most = trained.tokenizer, room(trained)
    encoded = tokenizer.encode_with_offsets(texts)
    for text, (tokens, _) in zip(texts, encoded, strict=True):
        if not tokens:
            raise DataError(f"there is nothing to read in {text!r}")
    rows = [trained.enclose(tokens[:most]) for tokens, _ in encoded]
    ask = expected_next if trained.family.is_generative else expected_masked
    found = []
    for text, (tokens, offsets), expected in zip(
        texts, encoded, ask(trained, rows, top_k=top_k), strict=True
    ):
        kept = tokens[:most]
        first = trained.enclose(kept[:1]).index(kept[0])  # a special token may stand before it
        words = tokenizer.words(text)[:most]
        found.append(
            [
                _as_surprise(token, place, word, each)
                for token, place, word, each in zip(
                    kept, offsets[:most], words, expected[first : first + len(kept)], strict=True
                )
            ]
        )
    return found


def expected_next(
    trained: Trained, rows: Sequence[Sequence[int]], *, top_k: int
) -> list[list[Expected | None]]:
    """Return what a decoder expected at each token of each row, given those before it; None at the first."""
    model: Any = trained.model.to(hardware.device()).eval()
    by_row: dict[int, list[Expected | None]] = {}
    for group, batch in batches(trained, rows, Silent()):
        with torch.inference_mode():
            hidden_BLD = model(batch.tokens_BL)
            for row, number in enumerate(group):
                end = len(rows[number])
                states_ND, targets_N = hidden_BLD[row, : end - 1], batch.tokens_BL[row, 1:end]
                expected = _expected_at(trained, states_ND, targets_N, model.next_token_logits, top_k)
                by_row[number] = [None, *expected]
    return [by_row[number] for number in range(len(rows))]


def expected_masked(
    trained: Trained, rows: Sequence[Sequence[int]], *, top_k: int
) -> list[list[Expected | None]]:
    """Return what an encoder expected at each token of each row, given all others; None at special ones."""
    model: Any = trained.model.to(hardware.device()).eval()
    mask, specials = trained.tokenizer.specials.mask, frozenset(trained.tokenizer.specials.ids)
    known = specials - {trained.tokenizer.specials.unknown}
    places = [
        (number, place)
        for number, row in enumerate(rows)
        for place, token in enumerate(row)
        if token not in known
    ]
    views = [[*rows[number][:place], mask, *rows[number][place + 1 :]] for number, place in places]
    found: list[list[Expected | None]] = [[None] * len(row) for row in rows]
    for group, batch in batches(trained, views, Silent()):
        places_B = torch.tensor([places[index][1] for index in group], device=batch.tokens_BL.device)
        targets_B = torch.tensor([rows[places[index][0]][places[index][1]] for index in group])
        with torch.inference_mode():
            hidden_BLD = model.read(batch).hidden_BLD
            states_BD = hidden_BLD[torch.arange(len(group), device=places_B.device), places_B]
            expected = _expected_at(
                trained, states_BD, targets_B.to(states_BD.device), model.masked_token_logits, top_k
            )
        for index, each in zip(group, expected, strict=True):
            number, place = places[index]
            found[number][place] = each
    return found


def _expected_at(
    trained: Trained,
    hidden_ND: Tensor,
    targets_N: Tensor,
    score: Callable[[Tensor], Tensor],
    top_k: int,
) -> list[Expected]:
    known = trained.tokenizer.vocab_size  # an imported model may have rows without a token
    expected: list[Expected] = []
    for part_ND, part_N in zip(
        torch.split(hidden_ND, _POSITIONS_AT_ONCE), torch.split(targets_N, _POSITIONS_AT_ONCE), strict=True
    ):
        log_NV = score(part_ND[None])[0].float().log_softmax(-1)
        values = log_NV.gather(1, part_N[:, None])[:, 0].tolist()
        best = log_NV[:, :known].topk(min(top_k, known))
        for value, tokens, logs in zip(values, best.indices.tolist(), best.values.tolist(), strict=True):
            expected.append(Expected(value, list(zip(tokens, logs, strict=True))))
    return expected


def _as_surprise(token: int, place: tuple[int, int], word: int, expected: Expected | None) -> Surprise:
    if expected is None:
        return Surprise(token, *place, word, None, [])
    candidates = [(each, math.exp(log)) for each, log in expected.best]
    return Surprise(token, *place, word, -expected.log_likelihood / math.log(2), candidates)
