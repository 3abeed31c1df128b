"""What minimal pairs and gaps say about the two kinds, in plain words."""

from twinlm.evidence.quality_records import PairAccuracy, Phenomenon, QualityResult
from twinlm.report.numbers import INTERVAL, counted, listed, p_value, percent, points
from twinlm.report.two_arms import ends

CHANCE = 0.5


def sentences(quality: QualityResult) -> list[str]:
    """Return for pairs, set by set, and gaps which kind knows the language better, if that can be said."""
    said = [
        f"Minimal pairs ({found.name}): {text}"
        for found in quality.pairs
        for text in _of_set(found.overall, "pair", "text", CHANCE)
    ]
    if quality.cloze is None:
        return said
    gaps = _of_set(quality.cloze.overall, "gap", "word", quality.cloze.chance)
    return [*said, *(f"Gaps ({quality.cloze.name}): {text}" for text in gaps)]


def _of_set(overall: Phenomenon, noun: str, what: str, chance: float) -> list[str]:
    comparison, scores = overall.comparison, {row.pretraining: row for row in overall.scores}
    first, second = scores[comparison.first], scores[comparison.second]
    again = comparison.pretraining_seeds
    evidence = f"{p_value(comparison.p_adjusted)}; {counted(overall.pairs, noun)}" + (
        f", {again} pre-trainings" if again > 1 else ""
    )
    if comparison.winner is None:
        signed = points(comparison.difference.estimate, signed=True)
        said = [
            f"Cannot tell {first.label} from {second.label}.",
            f"The right {what} is likelier to {_share(first)} and to {_share(second)}; the difference of "
            f"{signed} points for {first.label} could be anything from {ends(comparison)} ({INTERVAL}, "
            f"{evidence}).",
        ]
    else:
        better, worse = (first, second) if comparison.winner == comparison.first else (second, first)
        said = [
            f"{better.label} chooses the right {what} more often than {worse.label}, by "
            f"{points(abs(comparison.difference.estimate))} points ({INTERVAL} "
            f"{ends(comparison, positive=True)}, {evidence}): {_share(better)} and {_share(worse)}."
        ]
    guessing = [row.label for row in (first, second) if row.accuracy.low <= chance]
    doubt = f"No better than chance ({percent(chance)}) as far as this shows: {listed(guessing)}."
    return [*said, doubt] if guessing else said


def _share(row: PairAccuracy) -> str:
    return f"{row.label} in {percent(row.accuracy.estimate)}"
