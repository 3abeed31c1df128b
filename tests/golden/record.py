"""Losses of the first 20 steps of each family: a change that should change no number changes none of these.

python tests/golden/record.py    writes them anew, after a change that is meant to change them
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from twinlm import rng
from twinlm.batch import IGNORE, MaskedBatch
from twinlm.core.initialize import initialize
from twinlm.families import FAMILIES
from twinlm.objectives.causal_lm import causal_lm
from twinlm.objectives.masked_lm import masked_lm_and_next_sentence
from twinlm.settings import OptimizerSettings
from twinlm.train.optimizer import build_optimizer, learning_rate

STEPS = 20
V, L, COUNT = 101, 24, 16
SIZES = {"vocab_size": V, "max_length": L, "width": 32, "layers": 2, "heads": 4, "feed_forward": 128}
OBJECTIVES: dict[str, Callable[..., Any]] = {"gpt": causal_lm, "bert": masked_lm_and_next_sentence}


def batch(step: int) -> MaskedBatch:
    """Return pairs of runs of numbers; the second run goes on from the first one or starts elsewhere."""
    chance = rng.stream(0, "golden", step)
    starts_B2, is_random_B = chance.integers(4, size=(COUNT, 2)), chance.integers(2, size=COUNT)
    middle = L // 2
    first_BL = starts_B2[:, :1] + 2 * np.arange(middle)
    second_BL = first_BL[:, -1:] + 2 + 2 * np.arange(L - middle)
    second_BL = np.where(
        is_random_B[:, None] == 1, 40 + starts_B2[:, 1:] + 2 * np.arange(L - middle), second_BL
    )
    tokens_BL = 8 + np.concatenate([first_BL, second_BL], axis=1) % 93
    real_BL = np.arange(L) < chance.integers(L - 4, L + 1, size=(COUNT, 1))
    masked_BL = real_BL & (chance.random((COUNT, L)) < 0.15)
    masked_BL[:, 3] = True
    return MaskedBatch(
        tokens_BL=torch.from_numpy(np.where(masked_BL, 4, tokens_BL)),
        segments_BL=torch.from_numpy(np.where(real_BL, np.arange(L) >= middle, 0).astype(np.int64)),
        real_BL=torch.from_numpy(real_BL),
        originals_BL=torch.from_numpy(np.where(masked_BL, tokens_BL, IGNORE)),
        is_random_B=torch.from_numpy(is_random_B),
    )


def losses(name: str) -> list[float]:
    """Train a family from its first weights, without dropout; return the loss of each step."""
    family = FAMILIES[name]
    model: Any = family.model(family.config(**SIZES, dropout=0.0))
    initialize(model, seed=0, is_truncated=family.is_truncated)
    settings = OptimizerSettings(learning_rate=1e-2)
    optimizer, rate = build_optimizer(model, settings), learning_rate(settings, STEPS)
    found = []
    for step in range(STEPS):
        loss = OBJECTIVES[name](model, batch(step))
        loss.total.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), settings.clip_norm)
        for group in optimizer.param_groups:
            group["lr"] = rate(step)
        optimizer.step()
        optimizer.zero_grad()
        found.append(loss.total.item())
    return found


def place(name: str) -> Path:
    """Return the file of a family's losses."""
    return Path(__file__).with_name(f"{name}.txt")


def main() -> None:
    """Write the files anew."""
    torch.set_num_threads(1)
    for name in FAMILIES:
        place(name).write_text("".join(f"{loss:.5f}\n" for loss in losses(name)))


if __name__ == "__main__":
    main()
