"""Which of many sequences are read together: those of like length, never more tokens than memory takes."""

from collections.abc import Sequence

TOKENS_AT_ONCE = 8192
"""Padding included. At width 768 the widest states of so many tokens are 100 MB."""


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
