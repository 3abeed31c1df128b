"""The gain of using two arms together: the mean of what both say, against the better one alone.

Any two models together do better than one, so that two models of one arm are put together as well: only what
two arms gain beyond that is due to their being different. The oracle, who always knew which of the two to
ask, shows how much room there is for choosing between their answers.

A pair and a single model have a model in common. So their difference is taken model by model, which
`statistics.difference` does not do for arms that have nothing in common.
"""

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from twinlm.evidence import intervals
from twinlm.evidence.answers import ArmAnswers, TaskAnswers
from twinlm.evidence.decisions import Judged, judged, paired
from twinlm.evidence.outcomes import Matrix, Outcomes
from twinlm.evidence.records import Interval
from twinlm.evidence.scores import stacked
from twinlm.system.records import Number, Record, Whole
from twinlm.tasks.judging import Judging, Said
from twinlm.tasks.table import task_kind


class Gain(Record):
    """What several models together reach, and how much that is above something else."""

    members: list[str]
    """The arms whose answers are put together: two, or one whose models are, two by two."""
    against: list[str]
    """What they are compared with: a single arm, or twice the same for two models of it."""
    score: Interval
    """The main figure, mean over models."""
    gain: Interval
    """How much it is above that of `against`."""
    p_value: Number
    """Of the claim that there is a gain or a loss, as `statistics.claim_p`."""
    examples: Whole
    """Test examples."""
    models: Whole
    """Pairs of models whose gains the interval is made from."""

    @property
    def is_shown(self) -> bool:
        """Whether the evidence is enough for a claim."""
        return self.p_value < intervals.LEVEL


class Together(Record):
    """Two arms used together on one task."""

    first: str
    """Name of an arm."""
    second: str
    """Name of the other."""
    better: str
    """The one with the better score."""
    metric: str
    """Name of the main figure."""
    alone: Interval
    """The better one's score."""
    oracle: Interval
    """The score of asking for each example the one whose answer is better, which nobody can know."""
    oracle_gain: Interval
    """The oracle's score minus the better one's."""
    gains: list[Gain]
    """Of both together against the better one; of two models of the better one against one; of both together
    against two models of the better one. The last two need two models. Empty where answers can't be put
    together."""
    why_not: str
    """Why `gains` is empty, as a sentence; empty if it is not."""


class Measurer:
    """Measures answers to one task, keeping what it measured: some figures take seconds.

    Args:
        answers: to the task.
    """

    def __init__(self, answers: TaskAnswers) -> None:
        self._answers = answers
        self._kind = task_kind(answers.kind)
        self._alone: dict[str, Outcomes] = {}
        self._pairs: dict[str, Outcomes] = {}
        self._judged: dict[str, Judged] = {}
        measured = self._kind.measure(answers.golds, answers.arms[0].predicted[0])
        self.metric, self.least = next(iter(measured.figures)), measured.least

    def of(self, rows: Sequence[Sequence[Any]], groups: int) -> Outcomes:
        """Return what several sets of answers are worth."""
        measured = [self._kind.measure(self._answers.golds, row) for row in rows]
        return Outcomes(stacked(measured), groups)

    def judged(self, arm: ArmAnswers) -> Judged:
        """Return an arm's answers decision by decision."""
        if arm.arm not in self._judged:
            self._judged[arm.arm] = judged(self._answers, arm)
        return self._judged[arm.arm]

    def alone(self, arm: ArmAnswers) -> Outcomes:
        """Return what an arm's answers are worth."""
        if arm.arm not in self._alone:
            self._alone[arm.arm] = self.of(arm.predicted, arm.groups)
        return self._alone[arm.arm]

    def both(self, first: ArmAnswers, second: ArmAnswers) -> Outcomes:
        """Return what two arms are worth together, model by model."""
        rows = max(len(first.said), len(second.said))
        pairs = [[arm.said[row % len(arm.said)] for arm in (first, second)] for row in range(rows)]
        return self.of([self._combined(pair) for pair in pairs], max(first.groups, second.groups))

    def twins(self, arm: ArmAnswers) -> Outcomes:
        """Return what two models of an arm are worth together: a row for each model U drawn independently.

        These are seeds, or pre-trainings where there are several. Each takes part in several pairs, so that
        pairs are no independent rows. The rows are jackknife pseudo-values instead, from the mean over all
        pairs without each one: their mean is that of the pairs, and their spread over the root of their
        number is its standard error (Arvesen 1969). Of two models there is one pair, and one row.
        """
        if arm.arm not in self._pairs:
            each = len(arm.said) // arm.groups if arm.groups > 1 else 1
            pairs = list(combinations(range(len(arm.said) // each), 2))
            rows = [
                self._combined([arm.said[unit * each + seed] for unit in pair])
                for pair in pairs
                for seed in range(each)
            ]
            values_RE = self.of(rows, 1).values_RE.astype(np.float64)
            values_PE = values_RE.reshape(len(pairs), each, -1).mean(axis=1)
            self._pairs[arm.arm] = Outcomes(_pseudo_rows(values_PE, pairs, len(arm.said) // each))
        return self._pairs[arm.arm]

    def _combined(self, rows: Sequence[Sequence[Said]]) -> list[Any]:
        combined = self._kind.judging.combined
        assert combined is not None, "asked of kinds only that have a way to put answers together"
        return combined(rows, self._answers.classes)


def together(answers: TaskAnswers, first: str, second: str, measurer: Measurer) -> Together:
    """Return what using two arms together gains.

    Args:
        answers: to a task.
        first: name of an arm.
        second: name of another one.
        measurer: of these answers.
    """
    arms = [answers.arm(first), answers.arm(second)]
    better, other = sorted(arms, key=lambda arm: -float(measurer.alone(arm).means_E.mean()))
    oracle = _oracle(better, other, measurer)
    why_not = _why_not(task_kind(answers.kind).judging, arms)
    return Together(
        first=first,
        second=second,
        better=better.arm,
        metric=measurer.metric,
        alone=intervals.mean_interval(measurer.alone(better), least=measurer.least),
        oracle=intervals.mean_interval(oracle, least=measurer.least),
        oracle_gain=_gain([], oracle, [], measurer.alone(better), measurer.least).gain,
        gains=[] if why_not else list(_gains(arms, better, measurer)),
        why_not=why_not,
    )


def _gains(arms: Sequence[ArmAnswers], better: ArmAnswers, measurer: Measurer) -> Iterator[Gain]:
    names, one, least = [arm.arm for arm in arms], [better.arm], measurer.least
    both, alone = measurer.both(arms[0], arms[1]), measurer.alone(better)
    yield _gain(names, both, one, alone, least)
    if len(better.said) > 1:
        twins = measurer.twins(better)
        yield _gain(one, twins, one, _of_units(alone, better.groups), least)
        yield _gain(names, _of_units(both, better.groups), one * 2, twins, least)


def _gain(members: list[str], values: Outcomes, against: list[str], others: Outcomes, least: float) -> Gain:
    """Compare two that have models in common row by row, where they have rows that belong together."""
    one, other = (Outcomes(found.values_RE.astype(np.float64), found.groups) for found in (values, others))
    if one.rows % other.rows == 0:
        gains_RE = one.values_RE - other.values_RE[np.arange(one.rows) % other.rows]
        one, other = Outcomes(gains_RE, one.groups), Outcomes(np.zeros((1, one.examples)))
    return Gain(
        members=members,
        against=against,
        score=intervals.mean_interval(values, least=least),
        gain=intervals.difference(one, other, least=least),
        p_value=intervals.claim_p(one, other, least=least),
        examples=values.examples,
        models=max(values.rows, others.rows),
    )


def _of_units(found: Outcomes, groups: int) -> Outcomes:
    """Return a row for each pre-training, where an arm has several: they are what was drawn independently."""
    return Outcomes(found.values_PSE.mean(axis=1)) if groups > 1 else found


def _why_not(judging: Judging, arms: Sequence[ArmAnswers]) -> str:
    if judging.combined is None:
        return judging.why_not_combined
    lacking = any(judging.needs not in said for arm in arms for row in arm.said for said in row)
    return f"The stored answers have no {judging.needs}: an older version wrote them." if lacking else ""


def _oracle(better: ArmAnswers, other: ArmAnswers, measurer: Measurer) -> Outcomes:
    """Return what the better answer to each example is worth; of equal ones, the better arm's is taken."""
    ones = paired(measurer.judged(better), measurer.judged(other))
    found = []
    for row in range(len(ones[0].decisions)):
        worths = [np.bincount(one.owners_U, weights=one.worths_RU[row]) for one in ones]
        of_both = zip(*(arm.predicted[row % len(arm.said)] for arm in (better, other)), strict=True)
        takes_other_E = (worths[1] > worths[0]).tolist()
        found.append([pair[takes] for pair, takes in zip(of_both, takes_other_E, strict=True)])
    return measurer.of(found, ones[0].groups)


def _pseudo_rows(values_PE: Matrix, pairs: Sequence[tuple[int, int]], units: int) -> Matrix:
    """Return for each of n units n * the mean over all pairs - (n - 1) * that over the pairs without it."""
    if units < 3:
        return values_PE
    rows = []
    for unit in range(units):
        others = [place for place, pair in enumerate(pairs) if unit not in pair]
        rows.append(units * values_PE.mean(axis=0) - (units - 1) * values_PE[others].mean(axis=0))
    pseudo_UE: Matrix = np.array(rows, np.float64)
    return pseudo_UE
