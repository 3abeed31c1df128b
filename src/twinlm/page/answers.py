"""The page's questions, answered in Python: for a server that computes what `web/engine.js` does elsewhere.

Shapes of questions and answers are in docs/page.md; both sides give equal answers up to 16 bits.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from twinlm.checkpoint import Trained
from twinlm.core.masks import Mask
from twinlm.data.sequences.packing import pad
from twinlm.errors import DataError
from twinlm.system import hardware
from twinlm.use.ask import classify
from twinlm.use.inputs import room
from twinlm.use.next_sentence import next_sentence

MOST_CANDIDATES = 64
_LONGEST_IDS = 100_000
_ROWS_AT_ONCE = 16


def surprise(
    trained: Trained,
    *,
    name: str,
    text: str | None = None,
    ids: Sequence[int] | None = None,
    masked: Sequence[int] = (),
    positions: Sequence[int] | None = None,
    top: int = 8,
    next: bool = False,
    attention: bool = False,
) -> dict[str, Any]:
    """Return the answer of `/surprise`: figures of each token, candidates, attention weights.

    Raises:
        DataError: there is neither text nor ids, an id is unknown, or `top` is out of range.
    """
    given = trained.tokenizer.encode(text) if text is not None else list(ids or [])
    known = trained.tokenizer.vocab_size
    if text is None and ids is None:
        raise DataError("give a text or its ids")
    if not 0 <= top <= MOST_CANDIDATES:
        raise DataError(f"top must be from 0 to {MOST_CANDIDATES}, not {top}")
    if len(given) > _LONGEST_IDS or not all(0 <= number < known for number in given):
        raise DataError(f"give at most {_LONGEST_IDS:,} ids, each from 0 to {known - 1:,}")
    kept = given[: room(trained)]
    wanted = [
        place for place in (range(len(kept)) if positions is None else positions) if 0 <= place < len(kept)
    ]
    read = _from_left if trained.family.is_generative else _from_both_sides
    trained.model.to(hardware.device()).eval()
    with torch.inference_mode():
        rows = read(trained, kept, wanted, masked)
        scored = [_ranked(row_V, kept[place], top, known) for row_V, place in zip(rows, wanted, strict=True)]
        return {
            "model": name,
            "ids": kept,
            "cut": len(given) - len(kept),
            "positions": wanted,
            "bits": [bits for bits, _, _ in scored],
            "ranks": [rank for _, rank, _ in scored],
            "top": [best for _, _, best in scored],
            "next": _next(trained, kept, top, known) if next and trained.family.is_generative else None,
            "attention": _attention(trained, kept, masked) if attention else None,
        }


def predict(trained: Trained, *, inputs: str | Sequence[str]) -> list[dict[str, Any]]:
    """Return the answer of `/predict`: classes with their probabilities, best first."""
    (chances,) = classify(trained, [inputs if isinstance(inputs, str) else tuple(inputs)])
    return [{"label": label, "score": chance} for label, chance in chances.items()]


def follows(trained: Trained, *, first: str, second: str) -> dict[str, float]:
    """Return the answer of `/follows`."""
    return {"probability": next_sentence(trained, first, second)}


ANSWERS: Mapping[str, Any] = {"surprise": surprise, "predict": predict, "follows": follows}
"""Function for each route; it takes a model and the fields of the question but "model"."""


def _from_left(
    trained: Trained, ids: Sequence[int], positions: Sequence[int], masked: Sequence[int]
) -> list[Tensor | None]:
    """Return the logits of each position from the state before it; None where nothing stands before."""
    if not positions:
        return []
    model: Any = trained.model
    before = len(trained.enclose([]))
    hidden_BLD = model(_row(trained.enclose(ids)))
    places = [place + before - 1 for place in positions]
    logits = iter(
        model.next_token_logits(hidden_BLD[:, [place for place in places if place >= 0]])[0].float()
    )
    return [next(logits) if place >= 0 else None for place in places]


def _from_both_sides(
    trained: Trained, ids: Sequence[int], positions: Sequence[int], masked: Sequence[int]
) -> list[Tensor | None]:
    """Return the logits of each position, which is masked together with all of `masked`."""
    model: Any = trained.model
    before = trained.enclose([-1]).index(-1)
    found: list[Tensor | None] = []
    for begin in range(0, len(positions), _ROWS_AT_ONCE):
        part = positions[begin : begin + _ROWS_AT_ONCE]
        rows = [trained.enclose(_hidden(trained, ids, {*masked, place})) for place in part]
        batch = pad(rows, trained.tokenizer.specials.pad).to(hardware.device())
        states_BLD = model.read(batch).hidden_BLD
        states_ND = states_BLD[torch.arange(len(part)), [place + before for place in part]]
        found += model.masked_token_logits(states_ND[None])[0].float()
    return found


def _next(trained: Trained, ids: Sequence[int], top: int, known: int) -> list[tuple[int, float]]:
    model: Any = trained.model
    row = trained.enclose(ids)
    return (
        _ranked(model.next_token_logits(model(_row(row))[:, -1:])[0, 0].float(), 0, top, known)[2]
        if row
        else []
    )


def _ranked(
    logits_V: Tensor | None, token: int, top: int, known: int
) -> tuple[float | None, int | None, list[tuple[int, float]]]:
    """Return the bits of a token, its place among all, and the best of the first `known` tokens."""
    if logits_V is None:
        return None, None, []
    log_V = logits_V.log_softmax(-1)
    best = log_V[:known].topk(min(top, known))
    bits = -float(log_V[token]) / math.log(2)
    chances = zip(best.indices.tolist(), best.values.exp().tolist(), strict=True)
    return bits if math.isfinite(bits) else None, 1 + int((log_V > log_V[token]).sum()), list(chances)


def _attention(trained: Trained, ids: Sequence[int], masked: Sequence[int]) -> dict[str, Any]:
    """Return all attention weights, layers x heads x L x L, computed again from each layer's inputs."""
    hides = () if trained.family.is_generative else masked
    row = trained.enclose(_hidden(trained, ids, set(hides)))
    layers: list[list[list[list[float]]]] = []

    def note(module: Any, given: Any, output: Tensor) -> None:
        layers.append(_weights(module, given[0], given[1]).tolist())

    model: Any = trained.model
    hooks = [block.attention.register_forward_hook(note) for block in model.blocks]
    try:
        if row:
            read = pad([row], trained.tokenizer.specials.pad).to(hardware.device())
            model(read.tokens_BL) if trained.family.is_generative else model.read(read)
    finally:
        for hook in hooks:
            hook.remove()
    return {"ids": row, "weights": layers}


def _weights(module: Any, x_BLD: Tensor, mask: Mask) -> Tensor:
    """Return the attention weights of one layer, (H, L, L)."""
    query_HLK, key_HLK = (
        part_LD.unflatten(-1, (module.heads, -1)).transpose(0, 1)
        for part_LD in module.query_key_value(x_BLD)[0].chunk(3, dim=-1)[:2]
    )
    scores_HLL = query_HLK @ key_HLK.mT / math.sqrt(query_HLK.shape[-1])
    if mask.is_causal:
        later_LL = torch.ones_like(scores_HLL[0], dtype=torch.bool).triu(1)
        scores_HLL = scores_HLL.masked_fill(later_LL, -math.inf)
    weights_HLL: Tensor = scores_HLL.softmax(-1)
    return weights_HLL


def _hidden(trained: Trained, ids: Sequence[int], places: set[int]) -> list[int]:
    mask = trained.tokenizer.specials.mask
    return [mask if place in places else number for place, number in enumerate(ids)]


def _row(ids: Sequence[int]) -> Tensor:
    return torch.tensor([list(ids)], device=hardware.device())
