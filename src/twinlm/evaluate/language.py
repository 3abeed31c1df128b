"""Losses of a pre-trained model on held-out text. The two kinds answer different questions, so their figures
are never compared with each other (Devlin et al. 2018, Table 6, does not compare them either).
"""

import math
from typing import Any

import numpy as np
import torch

from twinlm.batch import Batch, total
from twinlm.checkpoint import Trained
from twinlm.data.sequences.packing import pad
from twinlm.data.tokens.store import TokenStore
from twinlm.objectives import sum_values
from twinlm.objectives.causal_lm import causal_lm
from twinlm.settings import PretrainSettings
from twinlm.system import hardware
from twinlm.system.records import Number, Record

_SEQUENCES_AT_ONCE = 32
BITS_PER_BYTE = "bits per byte"
NATS_PER_MASKED_TOKEN = "nats per masked token"


class Measured(Record):
    """A figure with its unit."""

    unit: str
    """Unit: `BITS_PER_BYTE` or `NATS_PER_MASKED_TOKEN`."""
    value: Number
    """Figure; lower is better."""
    others: dict[str, Number]
    """Further figures by name."""


def measure(trained: Trained, store: TokenStore, settings: PretrainSettings, *, seed: int) -> Measured:
    """Measure a model on a whole store, in float32.

    For a decoder that is bits per byte; for an encoder, the loss at masked tokens, whose masks `seed` draws.
    """
    model: Any = trained.model.to(hardware.device()).eval()
    with torch.inference_mode():
        if trained.family.is_generative:
            nats = next_token_nats(model, store, settings.length, trained.tokenizer.specials.pad)
            return Measured(unit=BITS_PER_BYTE, value=bits_per_byte(nats, store), others={})
        return _masked_loss(trained, store, settings, seed)


def bits_per_byte(nats: float, store: TokenStore) -> float:
    """Turn the sum of -log P over all tokens of a store into bits per byte of its text."""
    # Each document's <start> counts too: it is the cost of predicting where documents end.
    return nats / math.log(2) / store.text_bytes


def next_token_nats(model: Any, store: TokenStore, length: int, pad_id: int) -> float:
    """Return the sum of -log P(token | tokens before it in its window) over all tokens but the first."""
    # Windows overlap by one token, so that each token is predicted exactly once.
    begins = list(range(0, max(1, store.token_count - 1), length - 1))
    device, nats = hardware.device(), 0.0
    for first in range(0, len(begins), _SEQUENCES_AT_ONCE):
        chosen = begins[first : first + _SEQUENCES_AT_ONCE]
        rows = [store.tokens_T[begin : begin + length].astype(np.int64).tolist() for begin in chosen]
        batch: Batch = pad(rows, pad_id).to(device)
        loss = causal_lm(model, batch)
        nats += float(loss.total) * loss.targets
    return nats


def _masked_loss(trained: Trained, store: TokenStore, settings: PretrainSettings, seed: int) -> Measured:
    examples = trained.family.examples(store, settings, trained.tokenizer, seed)
    objective = trained.family.objective(settings)
    device = hardware.device()
    sequences = max(_SEQUENCES_AT_ONCE, store.token_count // settings.length)
    starts = range(0, sequences, _SEQUENCES_AT_ONCE)
    # Batches are made twice rather than held: a large store has too many.
    counts = total(examples.batch(first, _SEQUENCES_AT_ONCE).counts() for first in starts)
    losses = (
        objective(trained.model, examples.batch(first, _SEQUENCES_AT_ONCE).to(device), counts)
        for first in starts
    )
    means = sum_values(losses)
    others = {name.replace("_", " "): value for name, value in means.items() if name != "loss"}
    return Measured(unit=NATS_PER_MASKED_TOKEN, value=others.pop("masked lm"), others=others)
