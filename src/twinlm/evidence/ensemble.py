"""The gain of combining two arms: the mean of their outputs, against the better arm alone.

Any two models together do better than one, so two models of one arm are combined as well: only what two arms
gain beyond that is due to their difference. The oracle, which always chooses the better of two answers, shows
how much room there is for choosing between them.
"""

from collections.abc import Callable, Iterator, Sequence
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
    """Score of models combined in pairs, and its difference to another score."""

    members: list[str]
    """Combined arms: two, or one whose models are combined with each other."""
    against: list[str]
    """Arm they are compared with; twice the same for two models of it."""
    score: Interval
    """Main figure, mean over models."""
    gain: Interval
    """Main figure minus that of `against`."""
    p_value: Number
    """P value of the claim that there is a gain or a loss, as `intervals.claim_p`."""
    examples: Whole
    """Number of test examples."""
    models: Whole
    """Number of pairs of models behind the interval."""

    @property
    def is_shown(self) -> bool:
        """Whether a gain or a loss is shown."""
        return self.p_value < intervals.LEVEL


class Together(Record):
    """Two arms combined on one task."""

    first: str
    """Name of an arm."""
    second: str
    """Name of the other arm."""
    better: str
    """Name of the arm with the better score."""
    metric: str
    """Name of the main figure."""
    alone: Interval
    """Score of the better arm."""
    oracle: Interval
    """Score of always choosing the better of the two answers."""
    oracle_gain: Interval
    """Oracle's score minus the better arm's."""
    gains: list[Gain]
    """Gain of both against the better one, of two models of the better one against one, and of both against
    two models of the better one; the last two need two models. Empty where answers can't be combined."""
    why_not: str
    """Reason why `gains` is empty, as a sentence; empty if it is not."""


class Measurer:
    """Measures answers to one task, once each: some figures take seconds."""

    def __init__(self, answers: TaskAnswers) -> None:
        self._answers = answers
        self._kind = task_kind(answers.kind)
        self._kept: dict[tuple[str, str], Any] = {}
        measured = self._kind.measure(answers.golds, answers.arms[0].predicted[0], answers.scheme)
        self.metric, self.least = next(iter(measured.figures)), measured.least

    def of(self, rows: Sequence[Sequence[Any]], groups: int) -> Outcomes:
        """Return the outcomes of several sets of answers."""
        answers = self._answers
        measured = [self._kind.measure(answers.golds, row, answers.scheme) for row in rows]
        return Outcomes(stacked(measured), groups)

    def judged(self, arm: ArmAnswers) -> Judged:
        """Return an arm's answers decision by decision."""
        decisions: Judged = self._once("judged", arm, lambda: judged(self._answers, arm))
        return decisions

    def alone(self, arm: ArmAnswers) -> Outcomes:
        """Return the outcomes of an arm's answers."""
        outcomes: Outcomes = self._once("alone", arm, lambda: self.of(arm.predicted, arm.groups))
        return outcomes

    def both(self, first: ArmAnswers, second: ArmAnswers) -> Outcomes:
        """Return the outcomes of two arms combined, model by model."""
        rows = max(len(first.said), len(second.said))
        pairs = [[arm.said[row % len(arm.said)] for arm in (first, second)] for row in range(rows)]
        return self.of([self._combined(pair) for pair in pairs], max(first.groups, second.groups))

    def twins(self, arm: ArmAnswers) -> Outcomes:
        """Return the outcomes of two models of an arm combined, a row for each independently drawn model U.

        These are seeds, or pre-trainings where there are several. Each is in several pairs, so pairs are not
        independent. The rows are jackknife pseudo-values over the pairs without each model: their mean is
        that of the pairs, and their spread gives its standard error (Arvesen 1969). Two models give one row.
        """
        outcomes: Outcomes = self._once("twins", arm, lambda: self._twins(arm))
        return outcomes

    def _twins(self, arm: ArmAnswers) -> Outcomes:
        each = len(arm.said) // arm.groups if arm.groups > 1 else 1
        pairs = list(combinations(range(len(arm.said) // each), 2))
        rows = [
            self._combined([arm.said[unit * each + seed] for unit in pair])
            for pair in pairs
            for seed in range(each)
        ]
        values_RE = self.of(rows, 1).values_RE.astype(np.float64)
        values_PE = values_RE.reshape(len(pairs), each, -1).mean(axis=1)
        return Outcomes(_pseudo_rows(values_PE, pairs, len(arm.said) // each))

    def _once(self, measure: str, arm: ArmAnswers, compute: Callable[[], Any]) -> Any:
        if (measure, arm.arm) not in self._kept:
            self._kept[measure, arm.arm] = compute()
        return self._kept[measure, arm.arm]

    def _combined(self, rows: Sequence[Sequence[Said]]) -> list[Any]:
        combined = self._kind.judging.combined
        assert combined is not None, "only kinds whose answers can be combined are asked"
        return combined(rows, self._answers.classes)


def together(answers: TaskAnswers, first: str, second: str, measurer: Measurer) -> Together:
    """Return the gain of combining two arms, given by name."""
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
    one, other = (Outcomes(arm.values_RE.astype(np.float64), arm.groups) for arm in (values, others))
    # A pair and a single model have a model in common, so their difference is taken model by model.
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


def _of_units(outcomes: Outcomes, groups: int) -> Outcomes:
    """Return a row for each pre-training, where an arm has several: only these are independent."""
    return Outcomes(outcomes.values_PSE.mean(axis=1)) if groups > 1 else outcomes


def _why_not(judging: Judging, arms: Sequence[ArmAnswers]) -> str:
    if judging.combined is None:
        return judging.why_not_combined
    lacking = any(judging.needs not in said for arm in arms for row in arm.said for said in row)
    return f"The stored answers have no {judging.needs}: an older version wrote them." if lacking else ""


def _oracle(better: ArmAnswers, other: ArmAnswers, measurer: Measurer) -> Outcomes:
    """Return the outcomes of the better answer to each example; of equal ones, the better arm's is taken."""
    ones = paired(measurer.judged(better), measurer.judged(other))
    chosen = []
    for row in range(len(ones[0].decisions)):
        worths = [np.bincount(one.owners_U, weights=one.worths_RU[row]) for one in ones]
        of_both = zip(*(arm.predicted[row % len(arm.said)] for arm in (better, other)), strict=True)
        takes_other_E = (worths[1] > worths[0]).tolist()
        chosen.append([pair[takes] for pair, takes in zip(of_both, takes_other_E, strict=True)])
    return measurer.of(chosen, ones[0].groups)


def _pseudo_rows(values_PE: Matrix, pairs: Sequence[tuple[int, int]], units: int) -> Matrix:
    """Return for each of n units: n * mean over all pairs - (n - 1) * mean over the pairs without it."""
    if units < 3:
        return values_PE
    rows = []
    for unit in range(units):
        others = [index for index, pair in enumerate(pairs) if unit not in pair]
        rows.append(units * values_PE.mean(axis=0) - (units - 1) * values_PE[others].mean(axis=0))
    pseudo_UE: Matrix = np.array(rows, np.float64)
    return pseudo_UE
