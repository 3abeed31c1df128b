"""What must hold of a token store beside its hashes, which a stranger can make anew."""

from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from twinlm.data.tokens.pieces import Pieces
from twinlm.errors import ModelError

_AT_ONCE = 1 << 20


def check_places(
    sentences_S2: NDArray[Any], documents_E: NDArray[Any], token_count: int, folder: Path
) -> None:
    """Check that sentences stand in the tokens, and documents in the sentences, one behind the other.

    Args:
        sentences_S2: begin and end of each, in tokens.
        documents_E: the first sentence of each, and the number of sentences at the end.
        token_count: T.
        folder: of the store.

    Raises:
        ModelError: they don't.
    """
    ends = (int(documents_E[0]), int(documents_E[-1]))
    if not _rises(documents_E, is_strict=True) or ends != (0, len(sentences_S2)):
        raise ModelError("its documents are not made of its sentences", file=folder)
    flat_N = sentences_S2.reshape(-1)
    if not (_rises(flat_N, is_strict=False) and flat_N[0] >= 0 and flat_N[-1] <= token_count):
        raise ModelError("its sentences are not made of its tokens", file=folder)


def check_ids(tokens_T: NDArray[Any] | Pieces, vocab_size: int, folder: Path) -> None:
    """Check that all tokens are those of a vocabulary of so many.

    Raises:
        ModelError: there are others.
    """
    for begin in range(0, len(tokens_T), _AT_ONCE):
        if (largest := int(tokens_T[begin : begin + _AT_ONCE].max())) >= vocab_size:
            message = f"a token has the id {largest:,}, but the vocabulary has {vocab_size:,}"
            raise ModelError(message, file=folder)


def _rises(values_N: NDArray[Any], *, is_strict: bool) -> bool:
    """Tell whether each number is above the one before, or at least not below it."""
    for begin in range(0, len(values_N) - 1, _AT_ONCE):
        some_N = values_N[begin : begin + _AT_ONCE + 1]
        before_N, after_N = some_N[:-1], some_N[1:]
        if (after_N <= before_N if is_strict else after_N < before_N).any():
            return False
    return True
