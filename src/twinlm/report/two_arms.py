"""Sentences on two arms: which one is better, or why that cannot be told and what would show it.

Each follows from the interval, the power and the failed trainings together: no power is given where trainings
failed, and where all of both arms failed, nothing is said but that neither learned the task.
"""

from twinlm.evidence.intervals import LEVEL
from twinlm.evidence.power import OF_INTEREST, POWER, examples_suffice
from twinlm.evidence.records import Comparison, Interval
from twinlm.evidence.results import ArmScore
from twinlm.report.leads import what_it_takes
from twinlm.report.numbers import (
    INTERVAL,
    bare,
    counted,
    difference,
    ends,
    is_share,
    p_value,
    whole_percent,
)

NEITHER, CANNOT_TELL = "neither learned", "cannot tell"
_UNEQUAL = " Their data and compute are not equal: this says which one to use, not which kind is better."


def of_two(comparison: Comparison, of_first: ArmScore, of_second: ArmScore, metric: str) -> list[str]:
    """Return what a comparison says of two pre-trained arms, in sentences."""
    first, second = of_first.label, of_second.label
    who = outcome(comparison, of_first, of_second)
    if who == NEITHER:
        return [
            f"Neither {first} nor {second} learned the task: each model gives one answer to all examples."
        ]
    failures = [failure_sentence(score) for score in (of_first, of_second) if score.failed_seeds]
    if who == CANNOT_TELL:
        head = cannot_tell(comparison.difference, first, second, evidence(comparison), metric)
        why = _why_not(comparison, metric, has_power=not failures)
        return [*head, *failures, *[why] * bool(why)]
    worse = second if comparison.winner == comparison.first else first
    by = lead(comparison.difference, metric, evidence(comparison))
    is_unequal = of_first.is_imported or of_second.is_imported
    return [f"{who} is better than {worse} by {by}." + _UNEQUAL * is_unequal, *failures]


def outcome(comparison: Comparison, of_first: ArmScore, of_second: ArmScore) -> str:
    """Return the better arm's label, `CANNOT_TELL`, or `NEITHER` if all trainings of both failed."""
    if of_first.has_failed and of_second.has_failed:
        return NEITHER
    labels = {of_first.arm: of_first.label, of_second.arm: of_second.label}
    return CANNOT_TELL if comparison.winner is None else labels[comparison.winner]


def what_would_tell(comparison: Comparison, of_first: ArmScore, of_second: ArmScore) -> str:
    """Return what would show which arm is better, for a cell of a table; nothing if that is known."""
    if outcome(comparison, of_first, of_second) not in (NEITHER, CANNOT_TELL):
        return ""
    if of_first.failed_seeds or of_second.failed_seeds:
        return "more training: these failed"
    takes = what_it_takes(comparison, abs(comparison.difference.estimate))
    return takes.split(" (")[0] or "as many examples and seeds again"


def failures(score: ArmScore) -> str:
    """Return how many trainings of an arm failed: "2 of 3"."""
    return f"{len(score.failed_seeds)} of {max(len(score.score_by_seed), len(score.failed_seeds))}"


def failure_sentence(score: ArmScore) -> str:
    """Return the failed trainings of an arm as a sentence."""
    return f"Failed trainings of {score.label}: {failures(score)} (one answer to all examples)."


def lead(gap: Interval, metric: str, evidence: str = "") -> str:
    """Return the lead of either arm: "3.8 points of accuracy (95 % interval 2.0 to 5.6, p = 0.01)".

    Without evidence such as a p value, metric and interval are not named: "3.8 points (2.0 to 5.6)".
    """
    ahead = turned(gap) if gap.estimate < 0 else gap
    named = f" {'of' if is_share(metric) else 'in'} {metric}" * bool(evidence and metric)
    name, rest = (f"{INTERVAL} ", f", {evidence}") if evidence else ("", "")
    return f"{difference(ahead.estimate, metric)}{named} ({name}{ends(ahead, metric)}{rest})"


def cannot_tell(gap: Interval, first: str, second: str, evidence: str, metric: str) -> list[str]:
    """Return that two can't be told apart, and what their difference could be."""
    seen = difference(gap.estimate, metric, signed=True)
    named = f" in {metric}" * (not is_share(metric))
    return [
        f"Cannot tell {first} from {second}.",
        f"The difference of {seen}{named} for {first} could be anything from {ends(gap, metric)} "
        f"({INTERVAL}, {evidence}).",
    ]


def standing(label: str, comparison: Comparison, metric: str) -> str:
    """Return where the first arm, of this name, stands beside the second, "it"."""
    if comparison.winner is None:
        return f"{label} cannot be told apart from it ({signed(comparison, metric)})"
    way = "ahead of" if comparison.winner == comparison.first else "behind"
    size, interval = lead(comparison.difference, metric).split(" (", 1)
    return f"{label} is {size} ({interval} {way} it"


def signed(comparison: Comparison, metric: str) -> str:
    """Return "+1.0; 0.2 to 1.8", with the p value where that alone is why no winner is named."""
    estimate = bare(comparison.difference.estimate, metric, signed=True)
    gap = comparison.difference
    is_apart = gap.low > 0 or gap.high < 0 or _is_enough_alone(comparison)
    is_doubtful = comparison.winner is None and is_apart
    doubt = f", but {_p(comparison)}" if is_doubtful else ""
    return f"{estimate}; {ends(gap, metric)}{doubt}"


def turned(gap: Interval) -> Interval:
    """Return a difference seen from the other side."""
    return Interval(estimate=-gap.estimate, low=-gap.high, high=-gap.low)


def evidence(comparison: Comparison) -> str:
    """Return the p value that counts, and what a comparison rests on."""
    examples, seeds = counted(comparison.examples, "test example"), counted(comparison.seeds, "seed")
    if comparison.pretraining_seeds > 1:
        seeds = f"{comparison.pretraining_seeds} pre-trainings, {seeds} each"
    return f"{_p(comparison)}; {examples}, {seeds}"


def _p(comparison: Comparison) -> str:
    text = p_value(comparison.p_adjusted)
    return f"{text} adjusted for {comparison.claims} tasks" if comparison.claims > 1 else text


def _why_not(comparison: Comparison, metric: str, *, has_power: bool) -> str:
    """Return why there is no winner, and how many test examples or seeds it would take."""
    seen = abs(comparison.difference.estimate)
    texts = []
    if _is_enough_alone(comparison):
        texts.append(
            f"On its own, this task would show a difference; among {comparison.claims} tasks with the same "
            "question, it may be chance."
        )
    elif comparison.p_value < LEVEL and examples_suffice(comparison):
        texts.append("The test examples suggest a difference, but the seeds vary too much to be sure.")
    elif min(comparison.p_value, comparison.p_interval) < LEVEL:
        texts.append("Only one of the interval and the paired test shows a difference; a winner takes both.")
    if has_power and float(bare(seen, metric)) > 0 and (takes := what_it_takes(comparison, seen)):
        texts.append(f"Showing a difference of this size would take {takes}.")
    if has_power and seen < OF_INTEREST:
        size = difference(OF_INTEREST, metric)
        takes = what_it_takes(comparison, OF_INTEREST)
        texts.append(
            f"Showing one of {size} would take {takes}."
            if takes
            else f"A difference of {size} would be shown {whole_percent(POWER)} of the time or more."
        )
    return " ".join(texts)


def _is_enough_alone(comparison: Comparison) -> bool:
    """Tell whether there would be a winner if nothing were asked on other tasks."""
    return max(comparison.p_value, comparison.p_interval) < LEVEL
