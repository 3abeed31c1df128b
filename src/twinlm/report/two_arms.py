"""What is said of two arms: which one is better, or why that cannot be told and what would show it."""

from twinlm.evidence.intervals import LEVEL
from twinlm.evidence.power import OF_INTEREST, Needed, needed
from twinlm.evidence.results import ArmScore, Comparison
from twinlm.report.numbers import INTERVAL, counted, listed, p_value, points

_SPACE = "\N{NO-BREAK SPACE}"
_UNEQUAL = " Their data and compute are not equal: this says which one to use, not which kind is better."


def of_two(comparison: Comparison, of_first: ArmScore, of_second: ArmScore, metric: str) -> list[str]:
    """Return what a comparison says of two pre-trained arms, in sentences."""
    first, second = of_first.label, of_second.label
    evidence = f"{_p(comparison)}; {_counts(comparison)}"
    if comparison.winner is not None:
        better, worse = (first, second) if comparison.winner == comparison.first else (second, first)
        return [
            f"{better} is better than {worse} by {points(abs(comparison.difference.estimate))} points of "
            f"{metric} ({INTERVAL} {ends(comparison, positive=True)}, {evidence})."
            + (_UNEQUAL if of_first.is_imported or of_second.is_imported else "")
        ]
    return [
        f"Cannot tell {first} from {second}.",
        f"The difference of {points(comparison.difference.estimate, signed=True)} points for {first} could "
        f"be anything from {ends(comparison)} ({INTERVAL}, {evidence}).",
        _why_not(comparison),
    ]


def ends(comparison: Comparison, *, positive: bool = False) -> str:
    """Return the interval as "1.2 to 5.0"; with `positive`, of the difference seen from the winner's side."""
    low, high = comparison.difference.low, comparison.difference.high
    if positive and comparison.difference.estimate < 0:
        low, high = -high, -low
    return f"{points(low)}{_SPACE}to{_SPACE}{points(high)}"


def doubt(comparison: Comparison) -> str:
    """Return the interval of a difference that names no winner, and the p value where that is the reason."""
    return ends(comparison) + (f", but {_p(comparison)}" if _is_enough_alone(comparison) else "")


def _p(comparison: Comparison) -> str:
    """Return the p value that counts, and how many tasks it is adjusted for."""
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
            f"Alone, this task would speak for a difference; among the {comparison.claims} tasks on which "
            "the same is asked, it may be chance."
        )
    elif comparison.p_value < LEVEL and _has_seeds(comparison):
        text = "The examples speak for a difference, but the seeds vary too much to be sure."
    else:
        text = ""
    takes = _takes(comparison, seen)
    if takes:
        text += f" Were it real, it would take {takes} to show it."
    elif not text:
        text = "If there is a difference, it is too small for any test set of a usual size."
    of_interest = _takes(comparison, OF_INTEREST) if seen < OF_INTEREST else ""
    if of_interest:
        text += f" One of {points(OF_INTEREST)} points would take {of_interest}."
    return text.strip()


def _takes(comparison: Comparison, size: float) -> str:
    """Return what would show a difference of this size four times in five; nothing if it is out of reach."""
    found = needed(comparison, size)
    if found.examples == comparison.examples:
        return "no more than these examples and seeds"
    ways = _ways(comparison, found)
    return f"about {ways}" if ways else ""


def _ways(comparison: Comparison, found: Needed) -> str:
    """Return "2,400 test examples or 9 seeds": what is enough by itself, or else both together."""
    has_pretrainings = comparison.pretraining_seeds > 1
    seed = "fine-tuning seed" if has_pretrainings else "seed"
    alone = [
        counted(_rough(number), noun)
        for number, noun in [
            (found.examples, "test example"),
            (found.seeds, seed),
            (found.pretraining_seeds, "pre-training seed"),
        ]
        if number
    ]
    if alone and not found.examples:
        return f"{listed(alone, 'or')} (more test examples alone would not do)"
    if alone:
        no_seeds = _has_seeds(comparison) and len(alone) == 1
        return alone[0] + " (more seeds alone would not do)" if no_seeds else listed(alone, "or")
    if found.together is None:
        return ""
    examples, seeds = found.together
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
