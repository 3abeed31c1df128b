"""Rows of a vocabulary that nobody has trained: special tokens that an imported model lacked.

A softmax over all rows would ruin the model: its own logits may all be far below 0, where a new row's is. So
such rows stay out of it until training shows their tokens.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch

PER_TOKEN = ("token_embedding.weight", "masked_token_head.bias_V")
"""Parameters with a row for each token."""


def start_from_mean(model: Any, tokens: Sequence[int], vocab_size: int) -> None:
    """Set the rows of tokens to the mean of the trained ones below `vocab_size`; let them into the softmax.

    Each then takes at most the mean probability of the others (Hewitt 2021, "Initializing new word embeddings
    for pretrained language models").
    """
    fresh = {*tokens, *model.config.unscored}
    trained = [number for number in range(vocab_size) if number not in fresh]
    with torch.no_grad():
        for name, rows in model.named_parameters():
            if name in PER_TOKEN:
                rows[list(tokens)] = rows[trained].mean(0)
    rest = tuple(number for number in model.config.unscored if number not in tokens)
    model.config = replace(model.config, unscored=rest)
