"""Sentences on two arms: which one is better, or why that cannot be told and what would show it."""

from twinlm.evidence.intervals import LEVEL
from twinlm.evidence.power import OF_INTEREST, Needed, needed
from twinlm.evidence.records import Comparison, Interval
from twinlm.evidence.results import ArmScore
from twinlm.report.numbers import INTERVAL, counted, listed, low_to_high, p_value, points

_UNEQUAL = " Their data and compute are not equal: this says which one to use, not which kind is better."


def of_two(comparison: Comparison, of_first: ArmScore, of_second: ArmScore, metric: str) -> list[str]:
    """Return what a comparison says of two pre-trained arms, in sentences."""
    first, second = of_first.label, of_second.label
    if comparison.winner is None:
        return [
            *cannot_tell(comparison.difference, first, second, evidence(comparison)),
            _why_not(comparison),
        ]
    better, worse = (first, second) if comparison.winner == comparison.first else (second, first)
    by = by_points(comparison.difference, metric, evidence(comparison))
    is_unequal = of_first.is_imported or of_second.is_imported
    return [f"{better} is better than {worse} by {by}." + (_UNEQUAL if is_unequal else "")]


def by_points(difference: Interval, metric: str = "", evidence: str = "") -> str:
    """Return the lead of either arm: "3.8 points of accuracy (95 % interval 2.0 to 5.6, p = 0.01)".

    Without evidence such as a p value, the interval has no name: "3.8 points (2.0 to 5.6)".
    """
    lead = turned(difference) if difference.estimate < 0 else difference
    name, rest = (f"{INTERVAL} ", f", {evidence}") if evidence else ("", "")
    return f"{points(lead.estimate)} points{metric and f' of {metric}'} ({name}{low_to_high(lead)}{rest})"


def cannot_tell(difference: Interval, first: str, second: str, evidence: str) -> list[str]:
    """Return that two can't be told apart, and what their difference could be."""
    signed = points(difference.estimate, signed=True)
    return [
        f"Cannot tell {first} from {second}.",
        f"The difference of {signed} points for {first} could be anything from {low_to_high(difference)} "
        f"({INTERVAL}, {evidence}).",
    ]


def standing(label: str, comparison: Comparison) -> str:
    """Return where the first arm, of this name, stands beside the second, "it"."""
    if comparison.winner is None:
        return f"{label} cannot be told apart from it ({signed(comparison)})"
    size, interval = by_points(comparison.difference).split(" (", 1)
    way = "ahead of" if comparison.winner == comparison.first else "behind"
    return f"{label} is {size} ({interval} {way} it"


def signed(comparison: Comparison) -> str:
    """Return "+1.0; 0.2 to 1.8", with the p value where that alone is why no winner is named."""
    estimate = points(comparison.difference.estimate, signed=True)
    is_doubtful = comparison.winner is None and _is_enough_alone(comparison)
    doubt = f", but {_p(comparison)}" if is_doubtful else ""
    return f"{estimate}; {low_to_high(comparison.difference)}{doubt}"


def turned(interval: Interval) -> Interval:
    """Return a difference seen from the other side."""
    return Interval(estimate=-interval.estimate, low=-interval.high, high=-interval.low)


def evidence(comparison: Comparison) -> str:
    """Return the p value that counts, and what a comparison rests on."""
    return f"{_p(comparison)}; {_counts(comparison)}"


def _p(comparison: Comparison) -> str:
    text = p_value(comparison.p_adjusted)
    return f"{text} adjusted for {comparison.claims} tasks" if comparison.claims > 1 else text


def _counts(comparison: Comparison) -> str:
    examples, seeds = counted(comparison.examples, "test example"), counted(comparison.seeds, "seed")
    if comparison.pretraining_seeds == 1:
        return f"{examples}, {seeds}"
    return f"{examples}, {comparison.pretraining_seeds} pre-trainings, {seeds} each"


def _why_not(comparison: Comparison) -> str:
    """Return why there is no winner, and how many test examples or seeds it would take."""
    seen = abs(comparison.difference.estimate)
    if _is_enough_alone(comparison):
        text = (
            f"On its own, this task would show a difference; among {comparison.claims} tasks with the same "
            "question, it may be chance."
        )
    elif comparison.p_value < LEVEL and _has_seeds(comparison):
        text = "The test examples suggest a difference, but the seeds vary too much to be sure."
    else:
        text = ""
    takes = _takes(comparison, seen)
    if takes:
        text += f" Showing a difference of this size would take {takes}."
    elif not text:
        text = "Any difference is too small for a test set of usual size."
    of_interest = _takes(comparison, OF_INTEREST) if seen < OF_INTEREST else ""
    if of_interest:
        text += f" Showing one of {points(OF_INTEREST)} points would take {of_interest}."
    return text.strip()


def _takes(comparison: Comparison, size: float) -> str:
    """Return what would show a difference of this size four times in five; nothing if it is out of reach."""
    need = needed(comparison, size)
    if need.examples == comparison.examples:
        return "no more than these examples and seeds"
    ways = _ways(comparison, need)
    return f"about {ways}" if ways else ""


def _ways(comparison: Comparison, need: Needed) -> str:
    """Return "2,400 test examples or 9 seeds": what is enough by itself, or else both together."""
    has_pretrainings = comparison.pretraining_seeds > 1
    seed = "fine-tuning seed" if has_pretrainings else "seed"
    alone = [
        counted(_rough(number), noun)
        for number, noun in [
            (need.examples, "test example"),
            (need.seeds, seed),
            (need.pretraining_seeds, "pre-training seed"),
        ]
        if number
    ]
    if alone and not need.examples:
        return f"{listed(alone, 'or')} (more test examples alone are not enough)"
    if alone:
        no_seeds = _has_seeds(comparison) and len(alone) == 1
        return alone[0] + " (more seeds alone are not enough)" if no_seeds else listed(alone, "or")
    if need.together is None:
        return ""
    examples, seeds = need.together
    noun = "pre-training seed" if has_pretrainings else seed
    return f"{counted(_rough(examples), 'test example')} and {counted(_rough(seeds), noun)}"


def _is_enough_alone(comparison: Comparison) -> bool:
    """Tell whether there would be a winner if nothing were asked on other tasks."""
    return max(comparison.p_value, comparison.p_interval) < LEVEL


def _rough(number: int) -> int:
    """Return a number with two digits that count, none of them smaller: 11,942 is 12,000."""
    step = int(10 ** max(0, len(str(number)) - 2))
    return -(-number // step) * step


def _has_seeds(comparison: Comparison) -> bool:
    return comparison.seeds * comparison.pretraining_seeds > 1
