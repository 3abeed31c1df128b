"""Read token sequences side by side, each token once: keys and values of earlier tokens are cached."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from twinlm.checkpoint import Trained
from twinlm.core.attention import KeyValueCache
from twinlm.system import hardware


class Reader:
    """Next-token scores of a generative model for several texts that grow together.

    Shorter texts are padded on the left, which no token attends to: scores do not depend on the other texts.
    """

    def __init__(self, trained: Trained) -> None:
        self._where = hardware.device()
        model: Any = trained.model.to(self._where).eval()
        self._model = model
        self._pad = trained.tokenizer.specials.pad
        self._caches = [KeyValueCache() for _ in model.blocks]
        self._seen = 0
        self._padding_B: Tensor | None = None

    def read(self, rows: Sequence[Sequence[int]]) -> NDArray[np.float64]:
        """Read the next tokens of each text; return the score of every token as the next one, (B, V)."""
        longest = max(map(len, rows))
        padding = [longest - len(row) for row in rows]
        if any(padding):
            assert self._seen == 0, "after the first call, texts grow by equally many tokens"
            self._padding_B = torch.tensor(padding, device=self._where)
        padded = [[self._pad] * missing + list(row) for missing, row in zip(padding, rows, strict=True)]
        with torch.inference_mode():
            tokens_BL = torch.tensor(padded, device=self._where)
            hidden_BLD = self._model.step(
                tokens_BL, self._caches, first_position=self._seen, padding_B=self._padding_B
            )
            logits_BV = self._model.next_token_logits(hidden_BLD[:, -1:])[:, 0]
        self._seen += longest
        scores_BV: NDArray[np.float64] = logits_BV.double().cpu().numpy()
        return scores_BV

    def keep(self, rows: Sequence[int]) -> None:
        """Keep these texts only, in this order; one may come several times."""
        rows_B = torch.tensor(rows, device=self._where)
        trimmed = 0
        if self._padding_B is not None:
            padding_B = self._padding_B[rows_B]
            trimmed = int(padding_B.min())
            self._padding_B = padding_B - trimmed if int(padding_B.max()) > trimmed else None
        self._seen -= trimmed
        for cache in self._caches:
            cache.keep(rows_B, first=trimmed)
