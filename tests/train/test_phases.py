"""Short sequences first: each phase takes its share of the steps and reads an order of its own."""

from dataclasses import replace
from typing import Any

import pytest
import torch

from twinlm.settings import PretrainSettings
from twinlm.train.phases import Phase, micro_batches, phased_batches, phases, steps_of_first


class Numbers:
    """Examples that say where they stand."""

    def __init__(self, phase: Phase) -> None:
        self.length = phase.settings.length

    def batch(self, first: int, count: int) -> Any:
        return torch.arange(first, first + count), self.length


TWO = PretrainSettings(length=64, first_length=16, first_share=0.9, batch_sequences=4)


def test_without_a_first_length_there_is_one_phase() -> None:
    options = PretrainSettings(length=64, batch_sequences=4)
    (only,) = phases(options)
    assert (only.share, only.settings) == (1.0, options)
    batches = phased_batches(options, 10, Numbers)
    assert [(batch[0][0].tolist(), batch[0][1]) for batch in map(batches, (0, 9))] == [
        ([0, 1, 2, 3], 64),
        ([36, 37, 38, 39], 64),
    ]


@pytest.mark.parametrize(("steps", "first"), [(10, 9), (1_000_000, 900_000), (7, 6), (1, 1), (15, 14)])
def test_the_first_phase_takes_its_share_of_the_steps(steps: int, first: int) -> None:
    assert steps_of_first(TWO, steps) == first
    assert [phase.share for phase in phases(TWO)] == pytest.approx([0.9, 0.1])


def test_left_to_right_first_is_a_first_phase_too() -> None:
    options = PretrainSettings(length=64, first_objective="causal", first_share=0.25)
    first, second = phases(options)
    assert (first.is_causal, first.share, first.settings.length) == (True, 0.25, 64)
    assert (second.is_causal, second.share, second.settings) == (
        False,
        0.75,
        phases(second.settings)[0].settings,
    )
    assert steps_of_first(options, 100) == 25
    both = phases(replace(options, first_length=16))
    assert [(phase.is_causal, phase.settings.length) for phase in both] == [(True, 16), (False, 64)]


def test_the_second_phase_begins_its_own_order() -> None:
    batches = phased_batches(TWO, 20, Numbers)
    lengths = [batches(step)[0][1] for step in range(20)]
    assert lengths == [16] * 18 + [64] * 2
    assert batches(17)[0][0].tolist() == [68, 69, 70, 71]
    assert batches(18)[0][0].tolist() == [0, 1, 2, 3]


class Rows:
    """A batch that is only the numbers of its rows."""

    def __init__(self, numbers: range) -> None:
        self.numbers = numbers

    def rows(self, begin: int, end: int) -> "Rows":
        return Rows(self.numbers[begin:end])


class Once:
    """Examples that count how often they are drawn."""

    drawn = 0

    def batch(self, first: int, count: int) -> Any:
        self.drawn += 1
        return Rows(range(first, first + count))


def test_micro_batches_are_cut_from_one_draw_for_the_step() -> None:
    examples = Once()
    parts = micro_batches(examples, replace(TWO, micro_batch_sequences=2), 3)
    assert [list(part.numbers) for part in parts] == [[12, 13], [14, 15]]  # type: ignore[attr-defined]
    assert examples.drawn == 1
