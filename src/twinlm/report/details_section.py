"""What stands behind a task's scores: where arms differ, what both together reach, how sure they are."""

from collections.abc import Callable, Mapping, Sequence

from twinlm.evidence.calibration import Calibration
from twinlm.evidence.details import TaskDetails
from twinlm.evidence.disagreement import Disagreement, Slice, Telling
from twinlm.evidence.ensemble import Gain, Together
from twinlm.evidence.records import Interval
from twinlm.evidence.results import Results, TaskResult
from twinlm.report import document
from twinlm.report.drawing import plots
from twinlm.report.numbers import (
    INTERVAL,
    bare,
    bare_p,
    capital,
    counted,
    decimals,
    difference,
    ends,
    figure,
    low_to_high,
    p_value,
    percent,
    points,
    whole,
    with_interval,
)
from twinlm.report.two_arms import lead


def blocks(results: Results, task: TaskResult, details: TaskDetails) -> list[document.Block]:
    """Return what to show of a task's details."""
    labels = {score.arm: score.label for score in task.scores}
    shown: list[document.Block] = []
    pairs = zip(details.disagreements, details.together, strict=True)
    for number, (differing, together) in enumerate(pairs):
        texts = [_differing_sentence(differing, labels, details), *together_sentences(together, labels)]
        # Of the first pair, which are the two kinds, the main sentences are read without a click.
        open_texts, texts = (texts[:2], texts[2:]) if number == 0 else ([], texts)
        shown += [document.Text(" ".join(open_texts))] if open_texts else []
        title = (
            f"{labels[differing.first]} and {labels[differing.second]}: where they differ, and both together"
        )
        slices = [_slices(differing, labels, details)] if differing.slices else []
        tables = [_cells(differing, labels, details), _uses(together, labels), *slices]
        shown.append(
            document.Fold(
                title, [document.Items(texts), *tables, *_examples(results, task, differing, details)]
            )
        )
    return [*shown, *_calibration(results, task, details)]


def _examples(
    results: Results, task: TaskResult, pair: Disagreement, details: TaskDetails
) -> list[document.Block]:
    """Return examples that only the first of a pair gets right, then those that only the second does."""
    scores = {score.arm: score for score in task.scores}
    names = [scores[pair.first].label, scores[pair.second].label]
    for_first = [item for item in pair.tellings if item.rights[0] > item.rights[1]]
    sides = (for_first, pair.tellings[len(for_first) :])
    shown: list[document.Block] = []
    for number, (arm, items) in enumerate(zip((pair.first, pair.second), sides, strict=True)):
        if items:
            heading = (
                f"{names[number]} is right, {names[1 - number]} wrong: {whole(len(items))} of "
                f"{counted(pair.telling_counts[number], details.unit)} on which most models of each agree"
            )
            family = list(results.families).index(scores[arm].family)
            shown += [
                document.Heading(heading, 4),
                document.Passages(family, [_passage(item, names, pair.models) for item in items]),
            ]
    return shown


def _passage(item: Telling, names: Sequence[str], models: int) -> document.Passage:
    answers = []
    for number, (name, answer, rights) in enumerate(zip(names, item.answers, item.rights, strict=True)):
        sure = f", {percent(item.confidences[number])} sure" if item.confidences else ""
        answers.append(f"{name}: {answer} ({rights} of {counted(models, 'model')} right{sure}).")
    note = " ".join([f"True: {item.gold}.", *answers])
    spans = [
        document.Span(text, "focus" if number == item.focus else "") for number, text in enumerate(item.texts)
    ]
    if not spans:
        return document.Passage([[document.Span(f"{item.id} (its text is left out)")]], note)
    if item.focus < 0:
        return document.Passage([[span] for span in spans], note)
    spaced = [part for span in spans for part in (document.Span(" "), span)]
    return document.Passage([spaced[1:]], note)


def _differing_sentence(pair: Disagreement, labels: Mapping[str, str], details: TaskDetails) -> str:
    first, second = (
        f"{percent(share.estimate)} ({INTERVAL} {low_to_high(share)})"
        for share in (pair.only_first, pair.only_second)
    )
    return (
        f"Only {labels[pair.first]} is right on {first} of the {details.unit}s, only {labels[pair.second]} "
        f"on {second}, both on {percent(pair.both_right.estimate)}, neither on "
        f"{percent(pair.neither.estimate)} ({_count(pair, details.unit)})."
    )


def together_sentences(together: Together, labels: Mapping[str, str]) -> list[str]:
    """Return what using both arms gains in plain words, also that no gain is shown."""
    first, second, better = labels[together.first], labels[together.second], labels[together.better]
    oracle = (
        f"Always choosing the better answer of {first} and {second} would reach "
        f"{figure(together.oracle.estimate, together.metric)} ({INTERVAL} "
        f"{ends(together.oracle, together.metric)}), "
        f"{difference(together.oracle_gain.estimate, together.metric, signed=True)} against {better} alone: "
        "an upper bound, luck included, for choosing between their answers."
    )
    if not together.gains:
        return [together.why_not, oracle]
    both, twins = f"{first} and {second}", f"two models of {better}"
    pairs = [(both, f"{better} alone"), (twins, "one of them"), (both, twins)]
    texts = [
        _gain_sentence(who, whom, gain, together.metric)
        for (who, whom), gain in zip(pairs, together.gains, strict=False)
    ]
    if len(together.gains) == 1:
        texts.append("With one model of each, it is unknown whether two of one kind would gain as much.")
    return [*texts, oracle]


def _gain_sentence(who: str, whom: str, gain: Gain, metric: str) -> str:
    rests_on = f"{counted(gain.examples, 'test example')}, {counted(gain.models, 'model')}"
    evidence = f"{p_value(gain.p_value)}; {rests_on}"
    if not gain.is_shown:
        signed = difference(gain.gain.estimate, metric, signed=True)
        return (
            f"{capital(who)} together show no gain over {whom}: {signed} in {metric} ({INTERVAL} "
            f"{ends(gain.gain, metric)}, {evidence})."
        )
    verb, than = ("gain", "over") if gain.gain.estimate > 0 else ("lose", "against")
    size, rest = lead(gain.gain, metric, evidence).split(" (", 1)
    return f"Together, {who} {verb} {size} {than} {whom} ({rest}."


def _cells(pair: Disagreement, labels: Mapping[str, str], details: TaskDetails) -> document.Table:
    rows = [
        ("both right", pair.both_right),
        (f"only {labels[pair.first]}", pair.only_first),
        (f"only {labels[pair.second]}", pair.only_second),
        ("neither", pair.neither),
    ]
    columns: list[tuple[str, Callable[[tuple[str, Interval]], str]]] = [
        ("", lambda row: row[0]),
        (f"Share of {details.unit}s", lambda row: percent(row[1].estimate)),
        (INTERVAL, lambda row: low_to_high(row[1])),
        (f"{capital(details.unit)}s", lambda row: whole(row[1].estimate * pair.decisions)),
    ]
    caption = f"Which of the two is right. Right: {details.right}. {_count(pair, details.unit)}."
    return document.table_of(caption, rows, columns)


def _slices(pair: Disagreement, labels: Mapping[str, str], details: TaskDetails) -> document.Table:
    columns: list[tuple[str, Callable[[Slice], str]]] = [
        ("", lambda item: item.name),
        (f"{capital(details.unit)}s", lambda item: whole(item.decisions)),
        (labels[pair.first], lambda item: percent(item.shares[0])),
        (labels[pair.second], lambda item: percent(item.shares[1])),
        ("Difference", lambda item: points(item.difference.estimate, signed=True)),
        (INTERVAL, lambda item: low_to_high(item.difference)),
    ]
    return document.table_of(
        f"Right {details.unit}s by length of the texts and by true class. So many differences at once are "
        "only a hint where to look: some intervals exclude 0 by chance.",
        pair.slices,
        columns,
    )


def _uses(together: Together, labels: Mapping[str, str]) -> document.Table:
    first, second, better = labels[together.first], labels[together.second], labels[together.better]
    rows: list[tuple[str, Interval, Interval | None, str]] = [
        (f"{better} alone", together.alone, None, document.NOTHING)
    ]
    names = [f"{first} and {second} together", f"two models of {better} together"]
    for name, item in zip(names, together.gains[:2], strict=False):
        rows.append((name, item.score, item.gain, bare_p(item.p_value)))
    rows.append(
        ("always the better of the two answers", together.oracle, together.oracle_gain, document.NOTHING)
    )
    columns: list[tuple[str, Callable[[tuple[str, Interval, Interval | None, str]], str]]] = [
        ("", lambda row: row[0]),
        ("Score", lambda row: figure(row[1].estimate, together.metric)),
        (INTERVAL, lambda row: ends(row[1], together.metric)),
        (
            "Gain",
            lambda row: bare(row[2].estimate, together.metric, signed=True) if row[2] else document.NOTHING,
        ),
        (INTERVAL, lambda row: ends(row[2], together.metric) if row[2] else document.NOTHING),
        ("p", lambda row: row[3]),
    ]
    caption = (
        f"{capital(together.metric)} of one model and of two together (the mean of their outputs), and the "
        f"gain over {better} alone."
    )
    return document.table_of(caption, rows, columns)


def _calibration(results: Results, task: TaskResult, details: TaskDetails) -> list[document.Block]:
    labels = {score.arm: score.label for score in task.scores}
    texts = [_calibration_sentence(item, labels[item.arm], details.unit) for item in details.calibrations]
    texts += [details.why_not_calibrated] if details.why_not_calibrated else []
    picture = plots.reliability_plot(results, task, details)
    caption = (
        "How often answers are right, against how sure the models are of them, in ten equal groups of "
        "answers from all models of an arm. On the line both are equal; below it the models are "
        f"overconfident. Bars: {INTERVAL} over examples."
    )
    plot = [document.Plot(caption, picture)] if picture else []
    table = [_calibrations(details.calibrations, labels, details.unit)] if details.calibrations else []
    return [document.Fold("How sure the models are", [document.Items(texts), *plot, *table])] if texts else []


def _calibrations(items: Sequence[Calibration], labels: Mapping[str, str], unit: str) -> document.Table:
    columns: list[tuple[str, Callable[[Calibration], str]]] = [
        ("", lambda item: labels[item.arm]),
        ("Right", lambda item: with_interval(item.right)),
        ("Mean probability", lambda item: with_interval(item.confidence)),
        (
            "Overconfident by",
            lambda item: f"{points(item.excess.estimate, signed=True)} ({low_to_high(item.excess)})",
        ),
        ("Calibration error", lambda item: with_interval(item.error, points)),
        ("Brier score", lambda item: with_interval(item.brier, decimals, decimals)),
    ]
    return document.table_of(
        "How often each model is right and how sure it is, with 95 % intervals over examples and models. "
        "Calibration error: mean gap between the two over ten equal groups of answers. Brier score: mean "
        f"squared gap between probability and truth; lower is better. {_count(items[0], unit)}.",
        items,
        columns,
    )


def _calibration_sentence(item: Calibration, label: str, unit: str) -> str:
    excess = item.excess
    off = f"{points(excess.estimate, signed=True)} points; {INTERVAL} {low_to_high(excess)}"
    numbers = (
        f"{percent(item.confidence.estimate)} sure on average and right on {percent(item.right.estimate)} "
        f"({off}; {_count(item, unit)})."
    )
    if excess.low > 0:
        return f"{label} is overconfident: {numbers}"
    if excess.high < 0:
        return f"{label} is underconfident: {numbers}"
    return f"{label} is not shown to be over- or underconfident: {numbers}"


def _count(item: Disagreement | Calibration, unit: str) -> str:
    """Return how many decisions there are of how many examples and models."""
    of = f" of {counted(item.examples, 'test example')}" if item.decisions != item.examples else ""
    return f"{counted(item.decisions, unit if of else 'test example')}{of}, {counted(item.models, 'model')}"
