"""Every sentence on baselines, further arms, the worth of pre-training, several tasks and curves is true."""

import re
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.report.test_claims import SPACES, comparison_of, score
from twinlm.evidence.crossing import _crossing as last_crossing
from twinlm.evidence.intervals import LEVEL, claim_p
from twinlm.evidence.multiple_testing import adjusted, holm
from twinlm.evidence.outcomes import Outcomes
from twinlm.evidence.records import Crossing, FrozenGap, Interval, ScoreCurve, ScorePoint
from twinlm.evidence.results import ArmScore, FrozenScore, TaskResult
from twinlm.evidence.scores import pairs_to_compare
from twinlm.report import caveats, task_sentences, verdict
from twinlm.report.curves_section import baseline_sentence, crossing_sentence
from twinlm.report.numbers import listed
from twinlm.rng import stream
from twinlm.settings import FinetuneSettings

KINDS = {"gpt": "GPT", "bert": "BERT"}
# Arm, label, kind, whether it is pre-trained, and whether it was imported.
MODELS = [
    ("gpt", "GPT", "gpt", True, False),
    ("bert", "BERT", "bert", True, False),
    ("wide", "WIDE", "bert", True, False),
    ("mini", "MINI", "gpt", True, True),
    ("gpt-scratch", "GPT0", "gpt", False, False),
    ("bert-scratch", "BERT0", "bert", False, False),
    ("lean", "LEAN", "gpt", False, False),
]
BASELINES = [("linear", "LINEAR"), ("frequent", "FREQUENT"), ("cosine", "COSINE")]
SEEDS = 3


def score_of(arm, label, family, is_pretrained, is_imported, estimate, failed):
    nature = {"label": label, "family": family, "is_pretrained": is_pretrained, "is_imported": is_imported}
    return score(arm, failed, SEEDS if family else 0, estimate=estimate, **nature)


@st.composite
def compared_tasks(draw):
    """One to three tasks with any scores, failures, p values and intervals, adjusted as a run does."""
    tasks = []
    share = st.sampled_from([0.5, 0.6, 0.7]) | st.floats(0.3, 0.9)
    for number in range(draw(st.integers(1, 3))):
        models = [
            score_of(*model, draw(share), draw(st.sampled_from([0, 0, 0, 1, SEEDS])))
            for model in MODELS
            if model[0] in KINDS or draw(st.booleans())
        ]
        floors = [
            score_of(*row, "", False, False, draw(share), 0) for row in BASELINES if draw(st.booleans())
        ]
        scores = [*models, *floors]
        estimates = {row.arm: row.score.estimate for row in scores}
        pairs = pairs_to_compare(scores)
        tasks.append(
            TaskResult(
                name=f"task{number}",
                kind="classification",
                metric="accuracy",
                classes=["a"],
                train_examples=9,
                valid_examples=9,
                test_examples=100,
                scores=scores,
                comparisons=[
                    comparison_of(draw, first, second, estimates[first] - estimates[second])
                    for first, second in pairs
                ],
                verdict="",
            )
        )
    return adjusted(tasks)


def plain(texts):
    return [text.translate(SPACES) for text in texts]


def result(task, first, second):
    """Return 1, -1 or 0: whether the first arm is better, the second, or neither is shown; None if not
    compared."""
    for item in task.comparisons:
        if {item.first, item.second} == {first, second}:
            gap = item.difference.estimate * (1 if item.first == first else -1)
            return 0 if item.p_adjusted >= LEVEL else 1 if gap > 0 else -1
    return None


def gap_of(task, first, second):
    for item in task.comparisons:
        if {item.first, item.second} == {first, second}:
            sign = 1 if item.first == first else -1
            ends = sorted(100 * sign * value for value in (item.difference.low, item.difference.high))
            return 100 * sign * item.difference.estimate, *ends
    raise AssertionError(first)


def named(task):
    return {row.label: row for row in task.scores}


def check_standings(task, phrases, rival):
    """Check phrases on where models stand beside a rival, "it"; return the labels."""
    seen = []
    for phrase in re.split(r"; (?![-+\d])", phrases):
        ways = {"ahead of it": 1, "behind it": -1, "cannot be told apart from it": 0}
        (way,) = [ways[words] for words in ways if words in phrase]
        for label, size, low, high in re.findall(
            r"([A-Z]+0?)(?: is| cannot be told apart from it)? \(?([-+\d.]+)"
            r"(?: points \(|; )([-\d.]+) to ([-\d.]+)",
            phrase,
        ):
            arm = named(task)[label].arm
            assert result(task, arm, rival) == way, phrase
            estimate, least, most = gap_of(task, arm, rival)
            if phrase.startswith(f"{label} is "):
                estimate, ends = abs(estimate), sorted((way * least, way * most))
            else:
                ends = [least, most]
            assert [float(size), float(low), float(high)] == pytest.approx([estimate, *ends], abs=0.06)
            seen.append(label)
    return seen


def check_baseline(task, said):
    """Each model that learned is said to beat the baseline if and only if that is shown."""
    floors = [row for row in task.scores if not row.family]
    most = max((row.score.estimate for row in floors), default=None)
    best = [row.label for row in floors if row.score.estimate == most]
    against = [row for row in task.scores if row.is_pretrained]
    if not floors:
        assert said == []
        return
    learned = [row.label for row in against if not row.has_failed]
    failed = [row.label for row in against if row.has_failed]
    if failed:
        assert re.match(r"(.*) did not learn the task[.,]", said[-1])
        assert re.findall(r"[A-Z]+", said[-1].split(" did ")[0]) == failed
    if not learned:
        assert len(said) == 1
        value = f"{100 * most:.1f} %"
        which = f"the best baseline, {best[0]} ({value})"
        if len(best) > 1:
            which = f"the best baselines: {listed(best)}, {'both' if len(best) == 2 else 'all'} {value}"
        assert not failed or said[0].endswith(f" not compared with {which}.")
        return
    which = rf"the best baseline, {best[0]} \({100 * most:.1f} %\)"
    if len(best) > 1:
        which = rf"{best[0]}, one of the best baselines \({100 * most:.1f} %, as {listed(best[1:])}\)"
    rival = next(row.arm for row in floors if row.label == best[0])
    results = {label: result(task, named(task)[label].arm, rival) for label in learned}
    winners = [label for label in learned if results[label] == 1]
    head = re.match(rf"(.*?) (beats?|does not beat|is (?:not )?shown to beat) {which}", said[0])
    assert head, said
    rest = said[0][head.end() :].removesuffix(".")
    if winners:
        assert re.findall(r"[A-Z]+", head[1]) == winners and head[2] == "beat" + "s" * (len(winners) == 1)
        won, *others = re.split(r"; (?![-+\d])", rest, maxsplit=1)
        for label, (size, low, high) in zip(
            winners, re.findall(r"by ([\d.]+) points \(([-\d.]+) to ([-\d.]+)\)", won), strict=True
        ):
            seen = gap_of(task, named(task)[label].arm, rival)
            assert [float(size), float(low), float(high)] == pytest.approx(seen, abs=0.06)
        stood = check_standings(task, others[0], rival) if others else []
    else:
        are_behind = all(way == -1 for way in results.values())
        assert are_behind == ("shown" not in head[2])
        if len(learned) > 2:
            assert head[1] == f"None of the {len(learned)} models"
        else:
            assert re.findall(r"[A-Z]{3,}", head[1]) == learned
        stood = check_standings(task, rest.removeprefix(": "), rival)
    assert sorted(winners + stood) == sorted(learned)


def check_worth(task, said):
    """Pre-training's worth is that against the same model without it, not against another arm without it."""
    shown, open_ones = [], []
    for text in said:
        if text.startswith("Pre-training was worth "):
            for size, low, high, label in re.findall(
                r"([-+\d.]+) points \(([-\d.]+) to ([-\d.]+)\) to ([A-Z]+)", text
            ):
                arm = named(task)[label].arm
                assert result(task, arm, f"{arm}-scratch") in (1, -1)
                assert [float(size), float(low), float(high)] == pytest.approx(
                    gap_of(task, arm, f"{arm}-scratch"), abs=0.06
                )
                shown.append(label)
        elif text.startswith("No effect of pre-training is shown for "):
            for label, size in re.findall(r"([A-Z]+) \(([-+\d.]+);", text):
                arm = named(task)[label].arm
                assert result(task, arm, f"{arm}-scratch") == 0
                assert float(size) == pytest.approx(gap_of(task, arm, f"{arm}-scratch")[0], abs=0.06)
                open_ones.append(label)
        else:
            found = re.fullmatch(r"Failed trainings of ([A-Z]+0): (\d) of 3 \(one .*\)\.", text)
            assert int(found[2]) == len(named(task)[found[1]].failed_seeds) > 0
    arms = {row.arm: row for row in task.scores}
    asked = [
        label
        for kind, label in KINDS.items()
        if f"{kind}-scratch" in arms and not (arms[kind].has_failed and arms[f"{kind}-scratch"].has_failed)
    ]
    assert sorted(shown + open_ones) == sorted(asked)


def check_arms(task, said):
    further = {"WIDE": ("gpt", "bert"), "LEAN": ("gpt",)}
    wanted = {
        (kind, label)
        for label, kinds in further.items()
        for kind in kinds
        if label in named(task)
        and not (named(task)[label].has_failed and named(task)[KINDS[kind]].has_failed)
    }
    found = set()
    for text in said:
        head = re.match(r"Compared with ([A-Z]+): (.*)\.$", text)
        kind = named(task)[head[1]].arm
        found |= {(kind, label) for label in check_standings(task, head[2], kind)}
    assert found == wanted


@settings(max_examples=80, deadline=None)
@given(compared_tasks())
def test_each_sentence_on_a_task_is_true(tasks):
    for task in tasks:
        check_baseline(task, plain(task_sentences.of_baseline(task)))
        check_worth(task, plain(task_sentences.of_worth(task)))
        check_arms(task, plain(task_sentences.of_arms(task)))


@settings(max_examples=40, deadline=None)
@given(compared_tasks())
def test_wins_are_counted_task_by_task_and_a_model_that_failed_beats_no_baseline(tasks):
    results = replace(example_results(), tasks=tasks)
    counted = {}
    for text in plain(verdict.counts(results)):
        whom, each = re.fullmatch(r"Wins against (.*?): (.*)\.", text).groups()
        for label, won, of in re.findall(r"([A-Z]+) on (\d) of (\d)", each):
            counted[whom, label] = int(won), int(of)
    wanted = {}
    is_tied = any(len(best_of(task)) > 1 for task in tasks)
    whom_best = "one of the best baselines" if is_tied else "the best baseline"
    for kind, other in (("gpt", "bert"), ("bert", "gpt")):
        for whom, rival in (
            ("the other kind", lambda task, other=other: other),
            (whom_best, lambda task: (best_of(task) or [None])[0]),
            ("the same model without pre-training", lambda task, kind=kind: f"{kind}-scratch"),
        ):
            ways = [
                result(task, kind, rival(task)) == 1 and may_win(task, kind, rival(task))
                for task in tasks
                if result(task, kind, rival(task)) is not None
            ]
            if ways:
                wanted[whom, KINDS[kind]] = sum(ways), len(ways)
    assert counted == wanted
    for task, row in zip(tasks, verdict.by_task(results).rows, strict=True):
        labels = [each.label for each in task.scores if each.arm in best_of(task)]
        assert re.findall(r"[A-Z]+", row[2].split(":")[0]) == labels


def may_win(task, kind, rival):
    arms = {row.arm: row for row in task.scores}
    return not arms[kind].has_failed or (arms[rival].family != "" and not arms[rival].has_failed)


def best_of(task):
    floors = [row for row in task.scores if not row.family]
    most = max((row.score.estimate for row in floors), default=0)
    return [row.arm for row in floors if row.score.estimate == most]


@settings(max_examples=60, deadline=None)
@given(compared_tasks(), st.data())
def test_a_fine_tuning_is_said_to_fall_short_if_and_only_if_its_interval_is_below_its_frozen_body(
    tasks, data
):
    tunings, wanted = {}, {}
    for number, task in enumerate(tasks):
        bodies = []
        for arm in (row for row in task.scores if row.is_pretrained):
            estimate, half = data.draw(st.floats(-0.3, 0.3)), data.draw(st.floats(0.001, 0.2))
            gap = Interval(estimate=estimate, low=estimate - half, high=estimate + half)
            own = {name: getattr(arm, name) for name in ArmScore.__struct_fields__}
            bodies.append(FrozenScore(**own, gaps=[FrozenGap(arm=arm.arm, difference=gap)]))
            if gap.high < 0:
                behind = [-100 * end for end in (estimate, gap.high, gap.low)]
                wanted[task.name, arm.label] = arm.arm, behind, f"{100 * arm.score.estimate:.1f}"
            tunings[arm.arm] = FinetuneSettings(
                epochs=4,
                head_start=data.draw(st.sampled_from(["random", "probe"])),
                summary=data.draw(st.sampled_from(["token", "mean"])),
            )
        tasks[number] = replace(task, frozen=bodies)
    said = caveats.caveats(
        tasks,
        [],
        "tokens",
        families=KINDS,
        unknown_shares={},
        starts={},
        lost_steps={},
        lost_tuning_steps={},
        tunings=tunings,
    )
    found = set()
    for text in plain(said):
        if not text.startswith(caveats.WORSE_TUNED):
            continue
        form = (
            r"Fine-tuning fell short on (\w+): (\w+) is ([-\d.]+) points of accuracy \(95 % interval "
            r"([-\d.]+) to ([-\d.]+), 100 test examples\) behind a linear model on its own "
            r"frozen states \(([\d.]+) %\); try (.*), or more than 4 epochs\."
        )
        name, label, *numbers, frozen, advice = re.fullmatch(form, text).groups()
        arm, expected, value = wanted[name, label]
        assert [float(each) for each in numbers] == pytest.approx(expected, abs=0.051)
        assert frozen == value
        assert ("head_start" in advice) == (tunings[arm].head_start == "random")
        assert ("summary" in advice) == (tunings[arm].summary == "token")
        assert ("strong" in advice) == ("head_start" in advice and "summary" in advice)
        found.add((name, label))
    assert found == wanted.keys()


@cache  # as a fixture, a failure would show all of it
def example_results():
    from tests.made_results import build

    return build()


PLACES = [10, 30, 100, 300, 1000]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from([-0.1, -0.02, 0.0, 0.02, 0.1]), min_size=2, max_size=5))
def test_who_is_ahead_on_which_side_of_a_crossing_is_true(gaps):
    places = PLACES[: len(gaps)]
    points = [
        ScorePoint(
            arm=arm, label=arm, x=x, tokens=0, score=Interval(estimate=0.5 + sign * gap, low=0, high=1)
        )
        for arm, sign in (("gpt", 0.5), ("bert", -0.5))
        for x, gap in zip(places, gaps, strict=True)
    ]
    at = last_crossing(np.log(places), np.array(gaps))
    crossing = None
    if at is not None:
        place = float(np.exp(at))
        last = next(gap for x, gap in zip(places, gaps, strict=True) if x > place and gap)
        below, above = ("gpt", "bert") if last < 0 else ("bert", "gpt")
        crossing = Crossing(first=below, second=above, at=Interval(estimate=place, low=place, high=place))
    curve = ScoreCurve(
        task="t", metric="accuracy", axis="labels", points=points, crossing=crossing, verdict=""
    )
    (said,) = plain([crossing_sentence(curve, KINDS)])
    if crossing is None:
        assert said.startswith("No crossing of GPT and BERT is shown")
        return
    sides = {"GPT": 1, "BERT": -1}
    above_it = [gap for x, gap in zip(places, gaps, strict=True) if x > place]
    below_it = [gap for x, gap in zip(places, gaps, strict=True) if x < place]
    if found := re.match(r"(GPT|BERT) is ahead below about .* and (GPT|BERT) above \(labels\)", said):
        assert all(sides[found[1]] * gap >= 0 for gap in below_it)
        assert all(sides[found[2]] * gap >= 0 for gap in above_it)
    else:
        found = re.match(
            r"(GPT|BERT) is ahead above about .*; below, the lead changes again \(labels\)", said
        )
        assert all(sides[found[1]] * gap >= 0 for gap in above_it)
        assert min(below_it) < 0 < max(below_it)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(*[st.sampled_from([0.5, 0.7, 0.9])] * 3), min_size=1, max_size=3), st.integers(0, 9)
)
def test_what_beats_the_baseline_with_which_labels_is_true(shares, seed):
    chance, counts = stream(seed, "claims"), PLACES[: len(shares)]
    drawn = [[Outcomes(chance.random((2, 60)) < share) for share in row] for row in shares]
    baseline = [row[0] for row in drawn]
    values = {kind: [row[index] for row in drawn] for index, kind in enumerate(KINDS, start=1)}
    failed = {kind: chance.choice([0, 0, 1, 2], len(counts)).tolist() for kind in KINDS}
    (said,) = plain([baseline_sentence("LINEAR", baseline, counts, KINDS, values, least=0.0, failed=failed)])
    beats = {}
    for kind, label in KINDS.items():
        p_values = holm([claim_p(*pair) for pair in zip(values[kind], baseline, strict=True)])
        ahead = [
            one.values_RE.mean() > row.values_RE.mean()
            for one, row in zip(values[kind], baseline, strict=True)
        ]
        beats[label] = [
            str(x).replace("1000", "1,000")
            for x, p, is_ahead, number in zip(counts, p_values, ahead, failed[kind], strict=True)
            if p < LEVEL and is_ahead and number < 2  # of two models
        ]
    shown = re.search(r"Shown to beat LINEAR: (.*) labels", said)
    told = {label: [] for label in KINDS.values()}
    for label, numbers in re.findall(
        r"(GPT|BERT) with ([\d,]+(?:(?:, | and )[\d,]+)*)", shown[1] if shown else ""
    ):
        told[label] = re.split(r", | and ", numbers)
    assert told == beats
    if none := re.match(r"Neither GPT nor BERT is shown to beat LINEAR with up to ([\d,]+) labels", said):
        most = int(none[1].replace(",", ""))
        won = [int(number.replace(",", "")) for each in beats.values() for number in each]
        assert all(number > most for number in won) and (shown is not None) == bool(won)
    assert (f"adjusted for {len(counts)} numbers" in said) == (len(counts) > 1)


@pytest.mark.parametrize(
    ("seeds", "said"),
    [
        (["1"], "with one fine-tuning seed, the intervals do not include"),
        (["1", "2"], "2 fine-tuning seeds show little"),
        (["1", "2", "3"], ""),
        (["0/1", "1/1"], "2 pre-trainings show little"),
        (["0/1", "0/2", "1/1", "1/2"], "2 pre-trainings show little"),
        (["0/1", "1/1", "2/1"], ""),
    ],
)
def test_a_caveat_counts_the_independent_trainings(seeds, said):
    task = example_results().tasks[0]
    scores = [replace(row, score_by_seed=dict.fromkeys(seeds, 0.5), failed_seeds=[]) for row in task.scores]
    found = [
        text
        for text in caveats._task_caveats(replace(task, scores=scores))
        if "seed" in text or "train" in text
    ]
    assert [text.partition(": ")[2].startswith(said) for text in found] == [True] * bool(said)
