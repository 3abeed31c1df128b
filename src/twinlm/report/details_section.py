"""What the page and the Markdown file show of `Details`: sentences, tables and examples for each task.

`templates/details.html.j2` lays them out on the page.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from twinlm.evidence.calibration import Calibration
from twinlm.evidence.details import TaskDetails
from twinlm.evidence.disagreement import Disagreement, Telling
from twinlm.evidence.ensemble import Gain, Together
from twinlm.evidence.records import Interval
from twinlm.evidence.results import ArmScore, Results, TaskResult
from twinlm.report.numbers import INTERVAL, counted, figure, p_value, percent, points, whole
from twinlm.report.tables import Table

_NOTHING = "\N{EN DASH}"
_SPACE = "\N{NO-BREAK SPACE}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """One example on which two arms differ."""

    name: str
    """The example's."""
    texts: list[str]
    """Cut; none where texts are left out."""
    focus: int
    """The place of the text that is decided on, if it is one of them."""
    truth: str
    """The right answer."""
    said: list[str]
    """What each arm says, and how surely."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PairShown:
    """What is shown of two arms."""

    title: str
    """Names of both."""
    sentences: list[str]
    """What they are together, most important first."""
    tables: list[Table]
    """How often which is right, what both together reach, and slices if there are any."""
    sides: list[tuple[str, int, list[Shown]]]
    """For each of the two: a heading, the place of its family, and examples that it alone gets right."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskShown:
    """What is shown of one task."""

    pairs: list[PairShown]
    """Two arms each."""
    surety: list[str]
    """How sure the arms are, or why this is not known, as sentences."""
    table: Table | None
    """The same in numbers; None if nothing is known."""


def blocks(shown: TaskShown) -> Iterator[str | list[str] | Table]:
    """Yield the same as headings, lists of sentences and tables, one after the other, for a page of text."""
    for pair in shown.pairs:
        yield f"{pair.title}: where they differ, and both together"
        yield pair.sentences
        yield from pair.tables
        for heading, _, examples in pair.sides:
            if examples:
                yield heading
                yield [_in_words(example) for example in examples]
    if shown.surety:
        yield "How sure the models are"
        yield shown.surety
    if shown.table:
        yield shown.table


def shown_details(results: Results, task: TaskResult, found: TaskDetails) -> TaskShown:
    """Return what to show of a task's details."""
    scores = {score.arm: score for score in task.scores}
    labels = {name: score.label for name, score in scores.items()}
    surety = [_calibration_sentence(item, labels[item.arm], found.unit) for item in found.calibrations]
    reasons = [found.why_not_calibrated] if found.why_not_calibrated else []
    return TaskShown(
        pairs=[
            _pair(results, scores, found, differing, together)
            for differing, together in zip(found.disagreements, found.together, strict=True)
        ],
        surety=surety + reasons,
        table=_calibrations(found.calibrations, labels, found.unit) if found.calibrations else None,
    )


def _pair(
    results: Results,
    scores: Mapping[str, ArmScore],
    found: TaskDetails,
    differing: Disagreement,
    together: Together,
) -> PairShown:
    labels = {name: score.label for name, score in scores.items()}
    names = [labels[differing.first], labels[differing.second]]
    half = len([item for item in differing.tellings if item.rights[0] > item.rights[1]])
    sides = []
    for number, (arm, count, items) in enumerate(
        zip(
            (differing.first, differing.second),
            differing.telling_counts,
            (differing.tellings[:half], differing.tellings[half:]),
            strict=True,
        )
    ):
        heading = (
            f"{names[number]} is right, {names[1 - number]} wrong: {whole(len(items))} of "
            f"{counted(count, found.unit)} on which most models of each agree"
        )
        place = list(results.families).index(scores[arm].family)
        sides.append((heading, place, [_shown(item, names, differing.models) for item in items]))
    tables = [_cells(differing, names, found), _uses(together, labels)]
    tables += [_slices(differing, names, found)] if differing.slices else []
    return PairShown(
        title=" and ".join(names),
        sentences=[_differing_sentence(differing, names, found), *together_sentences(together, labels)],
        tables=tables,
        sides=sides,
    )


def _shown(item: Telling, names: Sequence[str], models: int) -> Shown:
    said = []
    for number, (name, answer, rights) in enumerate(zip(names, item.answers, item.rights, strict=True)):
        sure = f", {percent(item.confidences[number])} sure" if item.confidences else ""
        said.append(f"{name}: {answer} ({rights} of {counted(models, 'model')} right{sure})")
    return Shown(name=item.id, texts=item.texts, focus=item.focus, truth=item.gold, said=said)


def _in_words(example: Shown) -> str:
    texts = [f"[{text}]" if place == example.focus else text for place, text in enumerate(example.texts)]
    text = (" " if example.focus >= 0 else " / ").join(texts) or f"{example.name} (its text is left out)"
    return f"{text} - True: {example.truth}. {'. '.join(example.said)}."


def _differing_sentence(found: Disagreement, names: Sequence[str], task: TaskDetails) -> str:
    first, second = (
        f"{percent(share.estimate)} ({INTERVAL} {_range(share)})"
        for share in (found.only_first, found.only_second)
    )
    return (
        f"Only {names[0]} is right on {first} of the {task.unit}s, only {names[1]} on {second}, both on "
        f"{percent(found.both_right.estimate)}, neither on {percent(found.neither.estimate)} "
        f"({_count(found, task.unit)})."
    )


def together_sentences(found: Together, labels: Mapping[str, str]) -> list[str]:
    """Return what using both arms gains in plain words, also that no gain is shown."""
    first, second, better = labels[found.first], labels[found.second], labels[found.better]
    oracle = (
        f"Whoever always knew which of {first} and {second} to ask would reach "
        f"{figure(found.oracle.estimate, found.metric)} ({INTERVAL} {_spaced_range(found.oracle)}), "
        f"{points(found.oracle_gain.estimate, signed=True)} points against {better} alone: so much room, "
        "luck included, there is for choosing between their answers."
    )
    if not found.gains:
        return [found.why_not, oracle]
    both, twins = f"{first} and {second}", f"two models of {better}"
    pairs = [(both, f"{better} alone"), (twins, "one of them"), (both, twins)]
    said = [
        _gain_sentence(who, whom, item, found.metric)
        for (who, whom), item in zip(pairs, found.gains, strict=False)
    ]
    if len(found.gains) == 1:
        said.append("With one model of each it can't be said whether two of one kind would gain as much.")
    return [*said, oracle]


def _gain_sentence(who: str, whom: str, found: Gain, metric: str) -> str:
    size = points(abs(found.gain.estimate))
    about = f"{counted(found.examples, 'test example')}, {counted(found.models, 'model')}"
    rest = f"({INTERVAL} {_spaced_range(found.gain)}, {p_value(found.p_value)}; {about})."
    if not found.is_shown:
        signed = points(found.gain.estimate, signed=True)
        return f"No gain is shown of {who} together over {whom}: {signed} points of {metric} {rest}"
    if found.gain.estimate > 0:
        return f"Together, {who} gain {size} points of {metric} over {whom} {rest}"
    lost = Interval(estimate=0.0, low=-found.gain.high, high=-found.gain.low)
    rest = f"({INTERVAL} {_spaced_range(lost)}, {p_value(found.p_value)}; {about})."
    return f"Together, {who} lose {size} points of {metric} against {whom} {rest}"


def _spaced_range(found: Interval) -> str:
    return f"{points(found.low)}{_SPACE}to{_SPACE}{points(found.high)}"


def _cells(found: Disagreement, names: Sequence[str], task: TaskDetails) -> Table:
    rows = [
        ("both right", found.both_right),
        (f"only {names[0]}", found.only_first),
        (f"only {names[1]}", found.only_second),
        ("neither", found.neither),
    ]
    return Table(
        caption=f"Which of the two is right. Right: {task.right}. {_count(found, task.unit)}.",
        header=["", f"Share of {task.unit}s", INTERVAL, f"{task.unit.capitalize()}s"],
        rows=[
            [name, percent(share.estimate), _range(share), whole(share.estimate * found.decisions)]
            for name, share in rows
        ],
    )


def _slices(found: Disagreement, names: Sequence[str], task: TaskDetails) -> Table:
    return Table(
        caption=f"Right {task.unit}s by length of the texts and by true class. So many differences at once "
        "are a hint where to look; some intervals leave out 0 by chance.",
        header=["", f"{task.unit.capitalize()}s", *names, "Difference", INTERVAL],
        rows=[
            [
                item.name,
                whole(item.decisions),
                *map(percent, item.shares),
                points(item.difference.estimate, signed=True),
                _range(item.difference),
            ]
            for item in found.slices
        ],
    )


def _uses(found: Together, labels: Mapping[str, str]) -> Table:
    better = labels[found.better]
    rows = [
        [f"{better} alone", figure(found.alone.estimate, found.metric), _range(found.alone), *[_NOTHING] * 3]
    ]
    names = [f"{labels[found.first]} and {labels[found.second]} together", f"two models of {better} together"]
    rows += [
        [name, figure(item.score.estimate, found.metric), _range(item.score), *_gain(item)]
        for name, item in zip(names, found.gains[:2], strict=False)
    ]
    oracle, gain = found.oracle, found.oracle_gain
    best = [figure(oracle.estimate, found.metric), _range(oracle), points(gain.estimate, signed=True)]
    rows.append(["always the better of the two answers", *best, _range(gain), _NOTHING])
    return Table(
        caption=f"{found.metric[:1].upper()}{found.metric[1:]} of one model and of two together (the mean of "
        f"what both say), and what that gains over {better} alone.",
        header=["", "Score", INTERVAL, "Gain", INTERVAL, "p"],
        rows=rows,
    )


def _gain(item: Gain) -> list[str]:
    p = p_value(item.p_value).lstrip("p=\N{NO-BREAK SPACE}")
    return [points(item.gain.estimate, signed=True), _range(item.gain), p]


def _calibrations(found: Sequence[Calibration], labels: Mapping[str, str], unit: str) -> Table:
    about = _count(found[0], unit)
    return Table(
        caption="How often each model is right, and how sure it says it is, with 95 % intervals over "
        "examples and models. Calibration error: mean gap between the two over ten equal groups of answers. "
        f"Brier score: mean squared gap between probability and truth; the lower, the better. {about}.",
        header=["", "Right", "Mean probability", "Too sure by", "Calibration error", "Brier score"],
        rows=[
            [
                labels[item.arm],
                *(f"{percent(part.estimate)} ({_range(part)})" for part in (item.right, item.confidence)),
                f"{points(item.excess.estimate, signed=True)} ({_range(item.excess)})",
                f"{points(item.error.estimate)} ({_range(item.error)})",
                f"{item.brier.estimate:.3f} ({item.brier.low:.3f} to {item.brier.high:.3f})",
            ]
            for item in found
        ],
    )


def _calibration_sentence(found: Calibration, label: str, unit: str) -> str:
    excess = found.excess
    off = f"{points(excess.estimate, signed=True)} points; {INTERVAL} {_range(excess)}"
    numbers = (
        f"{percent(found.confidence.estimate)} sure on average and right on {percent(found.right.estimate)} "
        f"({off}; {_count(found, unit)})."
    )
    if excess.low > 0:
        return f"{label} is too sure of its answers: it is {numbers}"
    if excess.high < 0:
        return f"{label} is not sure enough of its answers: it is {numbers}"
    return f"{label} is not shown to be too sure of its answers, or not sure enough: it is {numbers}"


def _count(found: Disagreement | Calibration, unit: str) -> str:
    of = f" of {counted(found.examples, 'test example')}" if found.decisions != found.examples else ""
    kind = unit if of else "test example"
    return f"{counted(found.decisions, kind)}{of}, {counted(found.models, 'model')}"


def _range(found: Interval) -> str:
    return f"{points(found.low)} to {points(found.high)}"
