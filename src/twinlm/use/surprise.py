"""What a model expects at each place of a text, and how surprised it is by what stands there.

decoder   P(token | tokens before it)
encoder   P(token | all other tokens): each token is masked in turn (Salazar et al. 2020)

`page/web/engine.js` computes the same in a browser. Next: `attention.py`, who attends to whom.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from twinlm.checkpoint import Trained, require_part
from twinlm.errors import DataError, UsageError
from twinlm.system import hardware
from twinlm.system.arguments import check_list, checked
from twinlm.system.log import Silent
from twinlm.use.attention import Attention, attention_weights
from twinlm.use.inputs import batches, room

_POSITIONS_AT_ONCE = 256  # with a vocabulary of 32,000 their logits take 32 MB


class Expected(NamedTuple):
    """What a model expected at the place of a token."""

    log_likelihood: float
    """log P(token), in nats."""
    rank: int
    """Place of the token among all tokens, from 1 for the most probable."""
    best: list[tuple[int, float]]
    """The most probable tokens there and their log P, best first."""


class Masked(NamedTuple):
    """A row of an encoder with a token hidden."""

    row: list[int]
    """Tokens as they are read, with special ones and masks."""
    place: int
    """Place of the hidden token in the row."""
    token: int
    """Token that was hidden."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Surprise:
    """What a model expected in the places of a text's tokens; one entry for each of `positions`."""

    ids: list[int]
    """Tokens of the text that were read, without special ones."""
    cut: int
    """Number of tokens left off at the end, because the model reads no more."""
    positions: list[int]
    """Tokens that were asked for, as places in `ids`."""
    bits: list[float | None]
    """-log2 P(token); None for a first token of which the model can say nothing, and for P = 0."""
    ranks: list[int | None]
    """Place of the token among all tokens, from 1."""
    top: list[list[tuple[int, float]]]
    """The most probable tokens in its place and their probabilities, best first."""
    next: list[tuple[int, float]] | None
    """The most probable tokens after the last one; None if not asked for, and for an encoder."""
    attention: Attention | None
    """Attention weights; None if not asked for."""


@checked
def surprise(
    trained: Trained,
    text: str | Sequence[int],
    *,
    masked: Sequence[int] = (),
    positions: Sequence[int] | None = None,
    top_k: int = 8,
    with_next: bool = False,
    with_attention: bool = False,
) -> Surprise:
    """Return how surprised a model is by each token of a text. A text that is too long loses its end.

    The bits of all tokens add up to the score of `score`, which is in nats.

    Args:
        trained: a model of either kind.
        text: text, or its token ids without special ones.
        masked: positions that an encoder must not see in any case; a decoder ignores them.
        positions: tokens to ask for, from 0; by default all. Those that are not read are left out.
        top_k: number of candidates at each position.
        with_next: also give the candidates after the last token.
        with_attention: also give all attention weights, with `masked` hidden from an encoder.

    Raises:
        DataError: there is no token with one of the ids.
        UsageError: `top_k` is below 0.
        ModelError: an encoder lacks its head for masked tokens.
    """
    if top_k < 0:
        raise UsageError(f"top_k must be at least 0, not {top_k}")
    check_list(masked, "masked", int)
    if not trained.family.is_generative:
        require_part(trained, "masked_token_head")
    given = _ids(trained, text)
    kept = given[: room(trained)]
    wanted = [
        each for each in (range(len(kept)) if positions is None else positions) if 0 <= each < len(kept)
    ]
    following: list[Expected] = []
    if trained.family.is_generative:
        expected, following = _from_left(trained, kept, wanted, top_k, with_next=with_next)
        read = trained.enclose(kept)
    else:
        hidden = _hide(trained, kept, masked)
        before = trained.enclose([-1]).index(-1)
        views = [
            Masked(trained.enclose(_hide(trained, hidden, [each])), each + before, kept[each])
            for each in wanted
        ]
        expected = list(expected_masked(trained, views, top_k=top_k))
        read = trained.enclose(hidden)
    return Surprise(
        ids=kept,
        cut=len(given) - len(kept),
        positions=wanted,
        bits=[None if each is None else _bits(each) for each in expected],
        ranks=[None if each is None else each.rank for each in expected],
        top=[[] if each is None else _probabilities(each) for each in expected],
        next=_probabilities(following[0]) if following else None,
        attention=attention_weights(trained, read) if with_attention else None,
    )


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


def expected_masked(trained: Trained, views: Sequence[Masked], *, top_k: int) -> list[Expected]:
    """Return what an encoder expected in the place of each hidden token."""
    model: Any = trained.model.to(hardware.device()).eval()
    found: dict[int, Expected] = {}
    for group, batch in batches(trained, [view.row for view in views], Silent()):
        where = batch.tokens_BL.device
        places_B = torch.tensor([views[number].place for number in group], device=where)
        targets_B = torch.tensor([views[number].token for number in group], device=where)
        with torch.inference_mode():
            hidden_BLD = model.read(batch).hidden_BLD
            states_BD = hidden_BLD[torch.arange(len(group), device=where), places_B]
            expected = _expected_at(trained, states_BD, targets_B, model.masked_token_logits, top_k)
        found.update(zip(group, expected, strict=True))
    return [found[number] for number in range(len(views))]


def _from_left(
    trained: Trained, ids: Sequence[int], positions: Sequence[int], top_k: int, *, with_next: bool
) -> tuple[list[Expected | None], list[Expected]]:
    """Return what was expected at positions, and after the last token; only the scores asked for are made."""
    row = trained.enclose(ids)
    if not row:
        return [], []
    before = len(trained.enclose([]))  # without a token for the start, nothing stands before a first token
    places = [each + before - 1 for each in positions]
    asked = [place for place in places if place >= 0]
    model: Any = trained.model.to(hardware.device()).eval()
    with torch.inference_mode():
        tokens_L = torch.tensor(row, device=hardware.device())
        hidden_LD = model(tokens_L[None])[0]
        targets_N = tokens_L[[place + 1 for place in asked]]
        expected = iter(_expected_at(trained, hidden_LD[asked], targets_N, model.next_token_logits, top_k))
        following = hidden_LD[-1:] if with_next else hidden_LD[:0]
        # What follows is not known: the target stands for any token.
        after = _expected_at(trained, following, tokens_L[: len(following)], model.next_token_logits, top_k)
    return [next(expected) if place >= 0 else None for place in places], after


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
        if not len(part_N):
            continue
        log_NV = score(part_ND[None])[0].float().log_softmax(-1)
        if log_NV.isnan().any():
            raise ArithmeticError("the model's answer is not a number")
        own_N1 = log_NV.gather(1, part_N[:, None])
        ranks = (1 + (log_NV > own_N1).sum(1)).tolist()
        best = log_NV[:, :known].topk(min(top_k, known))
        for value, rank, tokens, logs in zip(
            own_N1[:, 0].tolist(), ranks, best.indices.tolist(), best.values.tolist(), strict=True
        ):
            expected.append(Expected(value, rank, list(zip(tokens, logs, strict=True))))
    return expected


def _ids(trained: Trained, text: str | Sequence[int]) -> list[int]:
    if isinstance(text, str):
        check_list(text, "text", depth=0)
        return trained.tokenizer.encode(text)
    check_list(text, "text", int)
    known = trained.tokenizer.vocab_size
    if (odd := next((each for each in text if not 0 <= each < known), None)) is not None:
        raise DataError(f"there is no token {odd}", hint=f"ids are from 0 to {known - 1:,}")
    return list(text)


def _hide(trained: Trained, ids: Sequence[int], places: Sequence[int]) -> list[int]:
    mask, hidden = trained.tokenizer.specials.mask, set(places)
    return [mask if place in hidden else token for place, token in enumerate(ids)]


def _bits(expected: Expected) -> float | None:
    bits = -expected.log_likelihood / math.log(2)
    return bits if math.isfinite(bits) else None


def _probabilities(expected: Expected) -> list[tuple[int, float]]:
    return [(token, math.exp(log)) for token, log in expected.best]
