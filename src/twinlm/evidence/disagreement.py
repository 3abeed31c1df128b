"""Where two arms differ: how often only one of them is right, on which decisions, with examples.

Both arms answer the same examples; model by model, each decision falls into one of four cells. An example is
shown where most models of one arm are right and most of the other wrong.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from twinlm.evidence import intervals
from twinlm.evidence.answers import TaskAnswers
from twinlm.evidence.decisions import Judged, outcomes, paired
from twinlm.evidence.records import Interval
from twinlm.system.records import Number, Record, Whole
from twinlm.tasks.judging import Decision, Passage
from twinlm.tasks.table import task_kind

_MOST_GROUPS = 12
_Mask = npt.NDArray[np.bool_]


class Telling(Record):
    """Decision on which most models of one arm are right and most of the other wrong."""

    id: str
    """Name of the example."""
    place: Whole
    """Number of the decision within the example, from 0."""
    texts: list[str]
    """Texts, as `Passage.texts`; empty where texts are left out."""
    focus: Whole
    """Text in focus, as `Passage.focus`."""
    gold: str
    """Right answer."""
    answers: list[str]
    """Answer of most models of the first arm, then of the second."""
    rights: list[Whole]
    """Number of each arm's models that are right."""
    confidences: list[Number]
    """Mean probability of each arm's answer over the models that give it; empty without probabilities."""


class Slice(Record):
    """Both arms' results on some of the decisions."""

    name: str
    """Common property: "texts of up to 80 characters", "class: sport"."""
    decisions: Whole
    """Number of decisions."""
    examples: Whole
    """Number of examples."""
    shares: list[Number]
    """Share of right decisions of the first arm and of the second, mean over models."""
    difference: Interval
    """First share minus the second."""


class Disagreement(Record):
    """Two arms on one task, decision by decision."""

    first: str
    """Name of an arm."""
    second: str
    """Name of the other arm."""
    decisions: Whole
    """Number of decisions of each model."""
    examples: Whole
    """Number of test examples."""
    models: Whole
    """Number of pairs of models; those of an arm with fewer are repeated."""
    both_right: Interval
    """Share of the decisions on which both are right, mean over models."""
    only_first: Interval
    """Share on which only the first arm is right."""
    only_second: Interval
    """Share on which only the second arm is right."""
    neither: Interval
    """Share on which both are wrong."""
    tellings: list[Telling]
    """Examples for the first arm, then for the second, the clearest first."""
    telling_counts: list[Whole]
    """Total number of such decisions for each arm."""
    slices: list[Slice]
    """Results by length of the texts, then by true class: a hint where to look, not a finding."""


def disagreement(answers: TaskAnswers, first: Judged, second: Judged, *, shown: int) -> Disagreement:
    """Compare two arms decision by decision, with at most `shown` examples for each."""
    one, other = paired(first, second)
    cells = {
        "both_right": one.rights_RU & other.rights_RU,
        "only_first": one.rights_RU & ~other.rights_RU,
        "only_second": ~one.rights_RU & other.rights_RU,
        "neither": ~one.rights_RU & ~other.rights_RU,
    }
    sides = _telling_decisions(one, other), _telling_decisions(other, one)
    chosen = [index for side in sides for index in _one_per_example(side, one)[:shown]]
    return Disagreement(
        first=one.arm,
        second=other.arm,
        decisions=len(one.owners_U),
        examples=len(answers.golds),
        models=len(one.rights_RU),
        tellings=[_telling(answers, one, other, index) for index in chosen],
        telling_counts=[len(side) for side in sides],
        slices=[_slice(one, other, *group) for group in [*_by_length(answers, one), *_by_class(one)]],
        **{
            name: intervals.mean_interval(outcomes(cell_RU, one.owners_U, one.groups))
            for name, cell_RU in cells.items()
        },
    )


def _telling_decisions(right: Judged, wrong: Judged) -> list[int]:
    """Return the decisions that most models of one arm get right and most of the other wrong.

    The largest lead comes first; of equal leads, the most confident answers.
    """
    is_telling_U = (right.rights_RU.mean(axis=0) > 0.5) & (wrong.rights_RU.mean(axis=0) < 0.5)
    lead_U = right.worths_RU.mean(axis=0) - wrong.worths_RU.mean(axis=0)
    surety_U = np.nan_to_num(right.confidences_RU.mean(axis=0) + wrong.confidences_RU.mean(axis=0))
    # Rounded, so that ties do not depend on the order in which models are summed.
    order = np.lexsort((-surety_U.round(9), -lead_U.round(9)))
    indices: list[int] = order[is_telling_U[order]].tolist()
    return indices


def _one_per_example(indices: Sequence[int], one: Judged) -> list[int]:
    by_example: dict[int, int] = {}
    for index in indices:
        by_example.setdefault(int(one.owners_U[index]), index)
    return list(by_example.values())


def _telling(answers: TaskAnswers, one: Judged, other: Judged, index: int) -> Telling:
    owner, within = int(one.owners_U[index]), int(one.places_U[index])
    judging = task_kind(answers.kind).judging
    by_arm = [[row[index] for row in arm.decisions] for arm in (one, other)]
    said = [judging.settled(_majority(decisions)) for decisions in by_arm]
    passage = (
        judging.passage(answers.texts[owner], within, answers.golds[owner], answers.scheme)
        if answers.texts
        else Passage([])
    )
    return Telling(
        id=answers.ids[owner],
        place=within,
        texts=passage.texts,
        focus=passage.focus,
        gold=by_arm[0][0].gold,
        answers=said,
        rights=[sum(decision.is_right for decision in decisions) for decisions in by_arm],
        confidences=[_confidence(decisions, answer) for decisions, answer in zip(by_arm, said, strict=True)]
        if one.is_sure and other.is_sure
        else [],
    )


def _majority(decisions: Sequence[Decision]) -> list[Decision]:
    """Return the right decisions if most are right, otherwise the wrong ones, whose answers may differ."""
    are_right = 2 * sum(decision.is_right for decision in decisions) > len(decisions)
    return [decision for decision in decisions if decision.is_right == are_right]


def _confidence(decisions: Sequence[Decision], answer: str) -> float:
    own = [decision.confidence for decision in decisions if decision.answer == answer]
    return float(np.mean([confidence for confidence in own if confidence is not None]))


def _by_length(answers: TaskAnswers, one: Judged) -> Iterator[tuple[str, _Mask]]:
    """Yield thirds of the examples by the length of their texts, if lengths are known and differ."""
    characters_E = np.array(answers.characters)
    if not len(characters_E):
        return
    limits = np.unique(np.quantile(characters_E, [1 / 3, 2 / 3, 1], method="lower"))
    below = -1
    for limit in limits if len(limits) > 1 else []:
        is_in_E = (characters_E > below) & (characters_E <= limit)
        name = (
            f"texts of up to {limit:,} characters" if below < 0 else f"{below + 1:,} to {limit:,} characters"
        )
        below = int(limit)
        yield name, is_in_E[one.owners_U]


def _by_class(one: Judged) -> Iterator[tuple[str, _Mask]]:
    """Yield the decisions of each true class; of many classes, the most frequent ones."""
    classes_U = [decision.group for decision in one.decisions[0]]
    counts = Counter(filter(None, classes_U))
    for name, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:_MOST_GROUPS]:
        yield f"class: {name}", np.array([own == name for own in classes_U])


def _slice(one: Judged, other: Judged, name: str, is_in_U: _Mask) -> Slice:
    owners_U = one.owners_U[is_in_U]
    first, second = (outcomes(arm.rights_RU[:, is_in_U], owners_U, arm.groups) for arm in (one, other))
    return Slice(
        name=name,
        decisions=int(is_in_U.sum()),
        examples=first.examples,
        shares=[float(first.means_E.mean()), float(second.means_E.mean())],
        difference=intervals.difference(first, second),
    )
