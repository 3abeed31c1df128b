"""Which tokens BERT must guess, and what it sees in their place (Devlin et al. 2018, 3.1, Task 1 and A.1).

Of the chosen 15 %, 80 % become [MASK], 10 % another token, 10 % stay:

    [CLS] my dog is hairy [SEP]   ->   [CLS] my dog is [MASK] [SEP]     target at "hairy" only

Next: `data/sequences/mask_units.py`, what is chosen together.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twinlm.batch import IGNORE
from twinlm.data.sequences.mask_units import NOT_CHOSEN, Chooser


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Masking:
    """How a text is masked."""

    choose: Chooser
    """What is chosen together."""
    share: float
    """Of each sequence's tokens ([CLS] and [SEP] count, as in the released code), rounded, but not 0."""
    most: int
    """Tokens to guess in a sequence at most; 0 for no limit."""
    mask_id: int
    """The id of [MASK]."""
    is_special_V: NDArray[np.bool_]
    """Which tokens of the vocabulary are special: they are never chosen."""
    drawn_N: NDArray[np.int64]
    """The tokens that a random one is drawn from."""

    def __call__(
        self, tokens_BL: NDArray[np.int64], real_BL: NDArray[np.bool_], generator: np.random.Generator
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the tokens to show, and those to guess where chosen (elsewhere `IGNORE`), both (B, L).

        Args:
            tokens_BL: the tokens that stand in the text.
            real_BL: False at padding.
            generator: where chance comes from.
        """
        maskable_BL = real_BL & ~self.is_special_V[tokens_BL]
        wanted_B = wanted_counts(real_BL.sum(1), self.share, self.most)
        leaders_BL = self.choose(tokens_BL, maskable_BL, np.minimum(wanted_B, maskable_BL.sum(1)), generator)
        chosen_BL = leaders_BL != NOT_CHOSEN

        fate_BL = np.take_along_axis(generator.random(tokens_BL.shape), np.maximum(leaders_BL, 0), axis=1)
        random_BL = self.drawn_N[generator.integers(len(self.drawn_N), size=tokens_BL.shape)]
        shown_BL = np.where(chosen_BL & (fate_BL < 0.8), self.mask_id, tokens_BL)
        shown_BL = np.where(chosen_BL & (fate_BL >= 0.9), random_BL, shown_BL)
        return shown_BL, np.where(chosen_BL, tokens_BL, IGNORE)


def wanted_counts(lengths_B: NDArray[np.int64], share: float, most: int) -> NDArray[np.int64]:
    """Return how many tokens to guess in sequences of these lengths, as the released code counts them."""
    wanted_B: NDArray[np.int64] = np.maximum(np.rint(share * lengths_B).astype(np.int64), 1)
    return np.minimum(wanted_B, most) if most else wanted_B


def special_tokens(ids: tuple[int, ...], vocab_size: int) -> NDArray[np.bool_]:
    """Return which tokens of a vocabulary are special, given the ids of those."""
    is_special_V = np.zeros(vocab_size, np.bool_)
    is_special_V[list(ids)] = True
    return is_special_V
