"""Which of many sequences are read together: those of like length, never more tokens than memory takes."""

from collections.abc import Sequence

TOKENS_AT_ONCE = 8192
"""Padding included. At width 768 the widest states of so many tokens are 100 MB."""


LENGTHS_APART = 8
"""Between padded lengths. A CPU's matrix kernels are made for each shape and kept: fine-tuning MiniLM on MRPC
took 2.3 GB with lengths as they came and 1.85 GB so, and no more time (2026-11, 2 cores)."""


def few_lengths(longest: int, most: int) -> int:
    """Return to how many tokens a batch is padded: a round number, if the model can read as many.

    Args:
        longest: tokens of its longest sequence.
        most: that the model reads.
    """
    return min(most, longest + -longest % LENGTHS_APART)


def by_length(lengths: Sequence[int], tokens_at_once: int = TOKENS_AT_ONCE) -> list[list[int]]:
    """Return the numbers 0 .. len(lengths) - 1 in groups, the shortest sequences first.

    A group padded to its longest sequence has at most `tokens_at_once` tokens; a sequence that is longer by
    itself is a group of its own. Sequences of one length keep their order.
    """
    groups: list[list[int]] = []
    for number in sorted(range(len(lengths)), key=lambda number: lengths[number]):
        if groups and (len(groups[-1]) + 1) * lengths[number] <= tokens_at_once:
            groups[-1].append(number)
        else:
            groups.append([number])
    return groups
