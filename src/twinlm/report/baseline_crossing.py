"""Up to which number of labels no model is shown to beat the best baseline.

The baseline is the one that is best with all labels, as in the verdict of the task; it is fitted anew on the
examples that the models have. Whether a kind beats it is asked at each number of labels, so that these p
values are adjusted for one another (Holm), as those of several tasks are.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from twinlm.evidence.holm import holm
from twinlm.evidence.intervals import LEVEL, claim_p, difference
from twinlm.evidence.outcomes import Outcomes
from twinlm.evidence.records import ScoreCurve
from twinlm.report.numbers import INTERVAL, amount, listed


class Floor(NamedTuple):
    """A baseline on each number of labels."""

    name: str
    """As `ArmScore.arm`."""
    label: str
    """For people."""
    values: list[Outcomes]
    """What each test example adds to its figure, by number of labels."""


def floor_sentence(
    floor: Floor,
    places: Sequence[float],
    labels: Mapping[str, str],
    values: Mapping[str, Sequence[Outcomes]],
    *,
    least: float,
) -> str:
    """Say with how many labels which kinds are shown to beat the baseline, and up to how many none is.

    Args:
        floor: the baseline.
        places: the numbers of labels, ascending.
        labels: the kinds' names for people.
        values: of each kind, what each example adds to its figure, by number of labels.
        least: the least value that the figure can have.
    """
    beats = {name: _beats(values[name], floor.values, least) for name in labels}
    shown = [any(of_kind[place] for of_kind in beats.values()) for place in range(len(places))]
    if not any(shown):
        return f"No model is shown to beat {floor.label} with up to {amount(places[-1])} labels."
    winners = [
        f"{label} with {listed([amount(x) for x, is_won in zip(places, beats[name], strict=True) if is_won])}"
        for name, label in labels.items()
        if any(beats[name])
    ]
    beaten = f"Shown to beat {floor.label}: {listed(winners)} labels."
    if shown[0]:
        return beaten
    below = places[shown.index(True) - 1]
    return f"Up to {amount(below)} labels no model is shown to beat {floor.label}. {beaten}"


def crossing_sentence(curve: ScoreCurve, labels: Mapping[str, str]) -> str:
    """Say where the curves of the two kinds cross, or that no crossing is shown.

    Args:
        curve: the curve.
        labels: the kinds' names for people.
    """
    low, high = min(point.x for point in curve.points), max(point.x for point in curve.points)
    if curve.crossing is None:
        names = listed(list(labels.values()))
        return f"No crossing of {names} is shown between {amount(low)} and {amount(high)} ({curve.axis})."
    first, second, at = labels[curve.crossing.first], labels[curve.crossing.second], curve.crossing.at
    where = f"{amount(at.estimate)} ({INTERVAL} {amount(at.low)} to {amount(at.high)})"
    return f"{first} is ahead below about {where} and {second} above ({curve.axis})."


def _beats(kind: Sequence[Outcomes], floor: Sequence[Outcomes], least: float) -> list[bool]:
    """Return for each number of labels whether a kind is shown to be ahead."""
    pairs = list(zip(kind, floor, strict=True))
    p_values = holm([claim_p(one, other, least=least) for one, other in pairs])
    return [
        p_value < LEVEL and difference(one, other, least=least).estimate > 0
        for p_value, (one, other) in zip(p_values, pairs, strict=True)
    ]
