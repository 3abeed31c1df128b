"""Which tokens BERT must guess, drawn afresh each time (Devlin et al. 2018, 3.1, Task 1 and A.1).

Of the chosen 15 %, 80 % become [MASK], 10 % another token, 10 % stay:

    [CLS] my dog is hairy [SEP]   ->   [CLS] my dog is [MASK] [SEP]     target at "hairy" only
"""

import numpy as np
from numpy.typing import NDArray

from twinlm.batch import IGNORE


def mask_tokens(
    tokens_BL: NDArray[np.int64],
    maskable_BL: NDArray[np.bool_],
    lengths_B: NDArray[np.int64],
    *,
    share: float,
    mask_id: int,
    ordinary: tuple[int, int],
    generator: np.random.Generator,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the tokens to show, and those to guess at chosen positions (elsewhere `IGNORE`), both (B, L).

    Args:
        tokens_BL: the tokens that stand in the text.
        maskable_BL: False at [CLS], [SEP] and padding, which are never chosen.
        lengths_B: real tokens of each sequence, special ones included.
        share: of each sequence's tokens ([CLS] and [SEP] count, as in the released code), rounded, but not 0.
        mask_id: the id of [MASK].
        ordinary: first and last + 1 of the ids to draw random tokens from. The released code draws from the
            special tokens too; we don't.
        generator: where chance comes from.
    """
    maskable_B = maskable_BL.sum(1)
    wanted_B = np.rint(share * lengths_B).astype(np.int64)
    wanted_B = np.minimum(np.maximum(wanted_B, 1), maskable_B)
    # The positions with the lowest draws are chosen: exactly `wanted_B` in each row.
    draws_BL = np.where(maskable_BL, generator.random(tokens_BL.shape), 2.0)
    ranks_BL = draws_BL.argsort(1).argsort(1)
    chosen_BL = ranks_BL < wanted_B[:, None]

    fate_BL = generator.random(tokens_BL.shape)
    random_BL = generator.integers(*ordinary, size=tokens_BL.shape)
    shown_BL = np.where(chosen_BL & (fate_BL < 0.8), mask_id, tokens_BL)
    shown_BL = np.where(chosen_BL & (fate_BL >= 0.9), random_BL, shown_BL)
    return shown_BL, np.where(chosen_BL, tokens_BL, IGNORE)
