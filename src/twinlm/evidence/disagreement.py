"""Where two arms differ: how often only one of them is right, on what, and the examples that tell most.

Both arms answer the same examples; model by model, each decision falls into one of four cells. An example is
shown where most models of one arm are right and most of the other wrong. A model is one fine-tuning: of an
arm that was pre-trained once, a seed.
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


class Telling(Record):
    """An example on which one arm is right and the other wrong, in most of their seeds."""

    id: str
    """Of the example."""
    place: Whole
    """Which of its decisions it is, from 0."""
    texts: list[str]
    """As `Passage.texts`; empty where texts are left out."""
    focus: Whole
    """As `Passage.focus`."""
    gold: str
    """The right answer."""
    answers: list[str]
    """Of the first and of the second arm: what most of its models say."""
    rights: list[Whole]
    """Of each arm: models that are right."""
    confidences: list[Number]
    """Of each arm: the mean probability of that answer over the models that give it; empty without any."""


class Slice(Record):
    """Some of the decisions, and how both arms do on them."""

    name: str
    """What they have in common: "texts of up to 80 characters", "class: sport"."""
    decisions: Whole
    """How many."""
    examples: Whole
    """Of how many examples."""
    shares: list[Number]
    """Right ones of the first and of the second arm, mean over models."""
    difference: Interval
    """The first arm's share minus the second's."""


class Disagreement(Record):
    """Two arms on one task, decision by decision."""

    first: str
    """Name of an arm."""
    second: str
    """Name of the other."""
    decisions: Whole
    """On the test examples, for each model."""
    examples: Whole
    """Test examples."""
    models: Whole
    """Fine-tuned ones of each arm; of fewer, as often as there are."""
    both_right: Interval
    """Share of the decisions, mean over models."""
    only_first: Interval
    """Share on which the first arm is right and the second wrong."""
    only_second: Interval
    """The other way round."""
    neither: Interval
    """Share on which both are wrong."""
    tellings: list[Telling]
    """Those for the first arm, then those for the second, the most telling first."""
    telling_counts: list[Whole]
    """How many there are in all for each of them."""
    slices: list[Slice]
    """By length of the texts, then by true class: a hint where to look, and no finding of its own."""


def disagreement(answers: TaskAnswers, first: Judged, second: Judged, *, shown: int) -> Disagreement:
    """Compare two arms decision by decision.

    Args:
        answers: to a task.
        first: those of an arm.
        second: those of another one.
        shown: how many examples to show at most for each.
    """
    one, other = paired(first, second)
    cells = {
        "both_right": one.rights_RU & other.rights_RU,
        "only_first": one.rights_RU & ~other.rights_RU,
        "only_second": ~one.rights_RU & other.rights_RU,
        "neither": ~one.rights_RU & ~other.rights_RU,
    }
    for_first, for_second = _telling_places(one, other), _telling_places(other, one)
    chosen = [*_of_examples(for_first, one, shown), *_of_examples(for_second, one, shown)]
    return Disagreement(
        first=one.arm,
        second=other.arm,
        decisions=len(one.owners_U),
        examples=len(answers.golds),
        models=len(one.rights_RU),
        tellings=[_telling(answers, one, other, place) for place in chosen],
        telling_counts=[len(for_first), len(for_second)],
        slices=[
            *_slices(one, other, _by_length(answers, one)),
            *_slices(one, other, _by_group(one)),
        ],
        **{
            name: intervals.mean_interval(outcomes(cell_RU, one.owners_U, one.groups))
            for name, cell_RU in cells.items()
        },
    )


def _telling_places(right: Judged, wrong: Judged) -> list[int]:
    """Return the decisions that most models of one arm get right and most of the other wrong.

    First comes what parts the two most; of equals, what both are surest of.
    """
    is_telling_U = (right.rights_RU.mean(axis=0) > 0.5) & (wrong.rights_RU.mean(axis=0) < 0.5)
    lead_U = right.worths_RU.mean(axis=0) - wrong.worths_RU.mean(axis=0)
    surety_U = np.nan_to_num(right.confidences_RU.mean(axis=0) + wrong.confidences_RU.mean(axis=0))
    # Rounded, so that equals are equals whatever the order in which models are added.
    order = np.lexsort((-surety_U.round(9), -lead_U.round(9)))
    found: list[int] = order[is_telling_U[order]].tolist()
    return found


def _of_examples(places: Sequence[int], one: Judged, shown: int) -> list[int]:
    """Return the first of the places, one for each example."""
    by_example = {int(one.owners_U[place]): place for place in reversed(places)}
    kept = set(by_example.values())
    return [place for place in places if place in kept][:shown]


def _telling(answers: TaskAnswers, one: Judged, other: Judged, place: int) -> Telling:
    owner, within = int(one.owners_U[place]), int(one.places_U[place])
    judging = task_kind(answers.kind).judging
    by_arm = [[row[place] for row in arm.decisions] for arm in (one, other)]
    said = [judging.settled(_of_most(decisions)) for decisions in by_arm]
    gold = answers.golds[owner]
    passage = judging.passage(answers.texts[owner], within, gold) if answers.texts else Passage([])
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


def _of_most(decisions: Sequence[Decision]) -> list[Decision]:
    """Return the right ones if most are right, or else the wrong ones, which may differ in what they say."""
    are_right = 2 * sum(decision.is_right for decision in decisions) > len(decisions)
    return [decision for decision in decisions if decision.is_right == are_right]


def _confidence(decisions: Sequence[Decision], answer: str) -> float:
    given = [decision.confidence for decision in decisions if decision.answer == answer]
    return float(np.mean([confidence for confidence in given if confidence is not None]))


def _by_length(answers: TaskAnswers, one: Judged) -> Iterator[tuple[str, npt.NDArray[np.bool_]]]:
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


def _by_group(one: Judged) -> Iterator[tuple[str, npt.NDArray[np.bool_]]]:
    """Yield the decisions of each true class; of many classes, the most frequent ones."""
    groups_U = [decision.group for decision in one.decisions[0]]
    counts = Counter(group for group in groups_U if group)
    for group, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:_MOST_GROUPS]:
        yield f"class: {group}", np.array([name == group for name in groups_U])


def _slices(
    one: Judged, other: Judged, groups: Iterator[tuple[str, npt.NDArray[np.bool_]]]
) -> Iterator[Slice]:
    for name, is_in_U in groups:
        owners_U = one.owners_U[is_in_U]
        first, second = (outcomes(arm.rights_RU[:, is_in_U], owners_U, arm.groups) for arm in (one, other))
        yield Slice(
            name=name,
            decisions=int(is_in_U.sum()),
            examples=first.examples,
            shares=[float(first.means_E.mean()), float(second.means_E.mean())],
            difference=intervals.difference(first, second),
        )
