"""Masked language modelling: what BERT predicts, and what it sees there (Devlin et al. 2018, 3.1, A.1).

Of the chosen 15 %, 80 % become [MASK], 10 % another token, 10 % stay:

    [CLS] my dog is hairy [SEP]   ->   [CLS] my dog is [MASK] [SEP]     target at "hairy" only

Read next: data/sequences/mask_units.py, which tokens are chosen together.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twinlm.batch import IGNORE
from twinlm.data.sequences.mask_units import NOT_CHOSEN, Chooser


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Masking:
    """Masks batches of tokens."""

    choose: Chooser
    """Chooser of the tokens to predict: single tokens, whole words or spans."""
    share: float
    """Share of a sequence's tokens to predict, rounded, at least one; [CLS] and [SEP] count, as released."""
    most: int
    """Most tokens to predict in a sequence; 0 for no limit."""
    mask_id: int
    """Id of [MASK]."""
    is_special_V: NDArray[np.bool_]
    """Whether each token of the vocabulary is special and so never chosen."""
    drawn_N: NDArray[np.int64]
    """Tokens that a random replacement is drawn from."""

    def __call__(
        self, tokens_BL: NDArray[np.int64], real_BL: NDArray[np.bool_], generator: np.random.Generator
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the tokens to show, and those to predict (`IGNORE` where not chosen), both (B, L)."""
        maskable_BL = real_BL & ~self.is_special_V[tokens_BL]
        wanted_B = wanted_counts(real_BL.sum(1), self.share, self.most)
        leaders_BL = self.choose(tokens_BL, maskable_BL, np.minimum(wanted_B, maskable_BL.sum(1)), generator)
        chosen_BL = leaders_BL != NOT_CHOSEN

        # One draw per token decides between [MASK], random and unchanged; a span shares its leader's draw.
        fate_BL = np.take_along_axis(generator.random(tokens_BL.shape), np.maximum(leaders_BL, 0), axis=1)
        random_BL = self.drawn_N[generator.integers(len(self.drawn_N), size=tokens_BL.shape)]
        shown_BL = np.where(chosen_BL & (fate_BL < 0.8), self.mask_id, tokens_BL)
        shown_BL = np.where(chosen_BL & (fate_BL >= 0.9), random_BL, shown_BL)
        return shown_BL, np.where(chosen_BL, tokens_BL, IGNORE)


def wanted_counts(lengths_B: NDArray[np.int64], share: float, most: int) -> NDArray[np.int64]:
    """Return how many tokens to predict in sequences of these lengths, counted as in the released code."""
    wanted_B: NDArray[np.int64] = np.maximum(np.rint(share * lengths_B).astype(np.int64), 1)
    return np.minimum(wanted_B, most) if most else wanted_B


def special_tokens(ids: tuple[int, ...], vocab_size: int) -> NDArray[np.bool_]:
    """Return whether each token of a vocabulary is special, given the special ids, (V,)."""
    is_special_V = np.zeros(vocab_size, np.bool_)
    is_special_V[list(ids)] = True
    return is_special_V
