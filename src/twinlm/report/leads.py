"""What would show a difference: the smallest lead that a task shows, more test examples, more seeds."""

from collections.abc import Sequence

from twinlm import families
from twinlm.evidence.intervals import LEVEL
from twinlm.evidence.power import (
    KINDS_CORRELATE,
    LEAST_EXAMPLES,
    MOST,
    OF_INTEREST,
    POWER,
    SEED_EXAMPLES,
    SEEDS_CORRELATE,
    Design,
    Needed,
    Prospect,
    needed,
)
from twinlm.report.document import Table
from twinlm.report.numbers import capital, counted, difference, listed, whole_percent

UNKNOWN = "cannot be estimated"


def what_it_takes(comparison: Design, size: float) -> str:
    """Return what would show a difference of this size four times in five; nothing if what there is would."""
    need = needed(comparison, size)
    if need.examples == comparison.examples:
        return ""
    seeds = " and seeds" * _has_seeds(comparison)
    return (
        f"about {ways}"
        if (ways := _ways(comparison, need))
        else f"over {MOST} times the test examples{seeds}"
    )


def smallest_leads(prospects: Sequence[Prospect]) -> Table:
    """Return the smallest lead that the test set of each task would show, and what 2 points would take."""
    kinds = " or ".join(family.label for family in families.FAMILIES.values())
    claims = prospects[0].claims
    level = f"p < {LEVEL}" + f" / {claims}, for {claims} tasks" * (claims > 1)
    most = whole_percent(POWER)
    return Table(
        caption=f"Smallest lead of {kinds} that {most} of such comparisons would show ({level}):",
        header=[
            "Task",
            "Measured by",
            "Test examples",
            "Seeds",
            "Lead shown",
            f"{100 * OF_INTEREST:.0f} points ({OF_INTEREST}) would take",
        ],
        rows=[_of_task(prospect) for prospect in prospects],
        is_text=(0, 1, 4, 5),
    )


def assumptions(prospects: Sequence[Prospect]) -> list[str]:
    """Return what the smallest leads rest on, as sentences."""
    kinds = " and a ".join(family.label for family in families.FAMILIES.values())
    sentences = [
        "Assumed, as in earlier runs: models' answers vary over the examples as the best baseline's do.",
        f"Answers correlate by {SEEDS_CORRELATE} between seeds, by {KINDS_CORRELATE} between a {kinds}.",
        f"Scores vary between seeds as much as between test sets of {SEED_EXAMPLES:,} examples.",
    ]
    if prospects[0].pretraining_seeds == 1:
        sentences.append("There is one pre-training seed, so the variation between them is not included.")
    return sentences


def _ways(comparison: Design, need: Needed) -> str:
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


def _rough(number: int) -> int:
    """Return a number rounded up to two digits: 11,942 is 12,000."""
    step = int(10 ** max(0, len(str(number)) - 2))
    return -(-number // step) * step


def _has_seeds(comparison: Design) -> bool:
    return comparison.seeds * comparison.pretraining_seeds > 1


def _of_task(prospect: Prospect) -> list[str]:
    several = f"{prospect.pretraining_seeds} x " * (prospect.pretraining_seeds > 1)
    row = [prospect.task, capital(prospect.metric), f"{prospect.examples:,}", f"{several}{prospect.seeds}"]
    if prospect.lead is None:
        return [*row, f"{UNKNOWN}: {_why_unknown(prospect)}", ""]
    takes = what_it_takes(prospect, OF_INTEREST).split(" (")[0]
    return [*row, difference(prospect.lead, prospect.metric), takes or "no more than there is"]


def _why_unknown(prospect: Prospect) -> str:
    if prospect.seeds * prospect.pretraining_seeds == 1:
        return "one seed"
    if prospect.examples < LEAST_EXAMPLES:
        return f"under {LEAST_EXAMPLES} examples"
    if prospect.variances.examples == 0:
        return "the best baseline does equally well on all"
    return "too few seeds"
