"""Every sentence on two arms is true of the numbers it is made from, whatever these are."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from scipy import stats

from twinlm.evidence import intervals
from twinlm.evidence.power import POWER, power
from twinlm.evidence.records import ArmVariances, Comparison, Effect, Interval, Variances
from twinlm.evidence.results import ArmScore, TaskResult
from twinlm.evidence.variance import noise
from twinlm.report import task_sentences, tasks_section, verdict
from twinlm.report.drawing import plots
from twinlm.report.two_arms import of_two, what_would_tell

SPACES = str.maketrans({"\N{NARROW NO-BREAK SPACE}": " ", "\N{NO-BREAK SPACE}": " ", "\N{MINUS SIGN}": "-"})
SMALL = st.floats(0, 0.3)


def score(arm, failed, trained, *, estimate=0.5, **nature):
    usual = {"label": arm.upper(), "family": arm, "is_pretrained": True, "is_imported": False}
    return ArmScore(
        arm=arm,
        **{**usual, **nature},
        score=Interval(estimate=estimate, low=estimate - 0.1, high=estimate + 0.1),
        figures={"accuracy": estimate},
        score_by_seed={str(seed): estimate for seed in range(trained)},
        f1_by_class={},
        confusion=[],
        failed_seeds=[str(seed) for seed in range(failed)],
        seconds=1.0,
        chosen_epochs={},
    )


@st.composite
def comparisons(draw):
    """Intervals, p values, variances, seeds and failures, drawn independently."""
    estimate = draw(st.one_of(st.just(0.0), st.floats(-0.3, 0.3)))
    comparison = comparison_of(draw, "a", "b", estimate)
    trained = comparison.seeds * comparison.pretraining_seeds
    return comparison, *(score(name, draw(st.integers(0, trained)), trained) for name in "ab")


def comparison_of(draw, first, second, estimate):
    """Return a comparison with drawn interval, p values, variances and seeds."""
    seeds, pretrainings = draw(st.integers(1, 4)), draw(st.integers(1, 3))
    arms = [
        ArmVariances(
            pretrainings=pretrainings,
            seeds=seeds,
            pretraining=draw(SMALL) ** 3 if pretrainings > 1 else 0.0,
            pretraining_by_example=0.0,
            finetuning=draw(SMALL) ** 3 if seeds > 1 else 0.0,
            finetuning_by_example=draw(SMALL),
        )
        for _ in range(2)
    ]
    half = draw(SMALL)
    p_value, p_interval = draw(st.floats(0, 0.2)), draw(st.floats(0, 0.2))
    if estimate == 0:
        p_value, p_interval = 1.0, 1.0  # no test finds a difference there
    claims = draw(st.integers(1, 3))
    p_adjusted = min(1.0, claims * max(p_value, p_interval))
    difference = Interval(estimate=estimate, low=estimate - half, high=estimate + half)
    return Comparison(
        first=first,
        second=second,
        difference=difference,
        p_value=p_value,
        p_interval=p_interval,
        p_adjusted=p_adjusted,
        claims=claims,
        over_examples=difference,
        over_both=difference,
        effect=Effect(
            name="h", size=0.1, first_is_ahead=0.5, only_first=None, only_second=None, odds_ratio=None
        ),
        variances=Variances(examples=draw(SMALL), arms=arms),
        examples=draw(st.integers(10, 5000)),
        seeds=seeds,
        pretraining_seeds=pretrainings,
        winner=intervals.winner(first, second, estimate, p_adjusted),
    )


def chance(comparison, size, *, examples=1, seeds=1, pretrainings=1):
    """The chance to show a difference of a size with so many times what there is."""
    arms = [
        replace(
            arm,
            seeds=arm.seeds * seeds if arm.seeds > 1 else arm.seeds,
            pretrainings=arm.pretrainings * pretrainings if arm.pretrainings > 1 else arm.pretrainings,
        )
        for arm in comparison.variances.arms
    ]
    variances = replace(comparison.variances, arms=arms)
    level = intervals.LEVEL / comparison.claims
    return power(variances, comparison.examples * examples, size, level)


def check_size(comparison, size, takes):
    assert chance(comparison, size) < POWER
    if takes.startswith("over 100 times"):
        assert all(
            chance(comparison, size, **{name: 100}) < POWER for name in ("examples", "seeds", "pretrainings")
        )
        return
    if both := re.fullmatch(r"about ([\d,]+) test examples and ([\d,]+) (pre-training )?seeds", takes):
        examples, draws = (int(both[number].replace(",", "")) for number in (1, 2))
        name, present = (
            ("pretrainings", comparison.pretraining_seeds) if both[3] else ("seeds", comparison.seeds)
        )
        factors = {"examples": examples / comparison.examples, name: draws / present}
        assert chance(comparison, size, **factors) >= POWER
        return
    if count := re.search(r"about ([\d,]+) test examples\b", takes):
        examples = int(count[1].replace(",", ""))
        assert chance(comparison, size, examples=examples / comparison.examples) >= POWER
    if "more test examples alone are not enough" in takes:
        assert chance(comparison, size, examples=100) < POWER
    if "more seeds alone are not enough" in takes:
        assert max(chance(comparison, size, seeds=100), chance(comparison, size, pretrainings=100)) < POWER


def check(sentence, comparison, scores):
    """Fail unless a sentence is known and true."""
    seen, has_failures = comparison.difference, any(each.failed_seeds for each in scores)
    small, large = (check(comparison.p_value, comparison.p_interval) for check in (min, max))
    if found := re.match(
        r"(.) is better than . by ([\d.]+) points of accuracy \(.* interval (.*) to (.*?),", sentence
    ):
        assert comparison.p_adjusted < intervals.LEVEL and found[1].lower() == comparison.winner
        low, high = sorted(map(abs, (seen.low, seen.high))) if seen.low * seen.high > 0 else (None, None)
        assert float(found[2]) == pytest.approx(abs(100 * seen.estimate), abs=0.06)
        if low is not None:
            assert [float(found[3]), float(found[4])] == pytest.approx([100 * low, 100 * high], abs=0.06)
    elif sentence == "Cannot tell A from B.":
        assert comparison.p_adjusted >= intervals.LEVEL
    elif found := re.match(
        r"The difference of (\S+) points for A could be anything from (\S+) to (\S+) \(", sentence
    ):
        ends = [100 * value for value in (seen.estimate, seen.low, seen.high)]
        assert list(map(float, found.groups())) == pytest.approx(ends, abs=0.06)
    elif found := re.fullmatch(
        r"Failed trainings of (.): (\d+) of (\d+) \(one answer to all examples\).", sentence
    ):
        own = scores["AB".index(found[1])]
        assert [int(found[2]), int(found[3])] == [len(own.failed_seeds), len(own.score_by_seed)] and found[
            2
        ] != "0"
    elif sentence.startswith("Neither A nor B learned the task"):
        assert all(len(each.failed_seeds) == len(each.score_by_seed) for each in scores)
    elif sentence.startswith("On its own, this task would show a difference"):
        assert large < intervals.LEVEL <= comparison.p_adjusted
    elif sentence.startswith("The test examples suggest a difference"):
        parts = comparison.variances
        square = (parts.examples + sum(map(noise, parts.arms))) / comparison.examples
        half = square**0.5 * stats.t.ppf(0.975, comparison.examples - 1)
        assert comparison.p_value < intervals.LEVEL and half < abs(seen.estimate)
        assert any(arm.finetuning + arm.pretraining > 0 for arm in parts.arms)
    elif sentence.startswith("Only one of the interval and the paired test"):
        assert small < intervals.LEVEL <= large
    elif found := re.fullmatch(
        r"Showing (a difference of this size|one of 2.0 points) would take (.*)\.", sentence
    ):
        assert not has_failures
        size = abs(seen.estimate) if "this" in found[1] else 0.02
        assert size > 0
        check_size(comparison, size, found[2])
    elif sentence == "A difference of 2.0 points would be shown 80 % of the time or more.":
        assert not has_failures and chance(comparison, 0.02) >= POWER
    else:
        pytest.fail(f"nobody checked: {sentence}")


@settings(max_examples=150, deadline=None)
@given(comparisons())
def test_each_sentence_on_two_arms_is_true(drawn):
    comparison, *scores = drawn
    texts = [text.translate(SPACES) for text in of_two(comparison, *scores, "accuracy")]
    sentences = [text for each in texts for text in re.split(r"(?<=[a-z)]\.) ", each)]
    for sentence in sentences:
        check(sentence, comparison, scores)
    if sentences[0].startswith("Neither"):
        assert len(sentences) == 1
    told = what_would_tell(comparison, *scores)
    assert bool(told) == (comparison.winner is None or sentences[0].startswith("Neither"))
    assert ("fail" in told) == (bool(told) and any(each.failed_seeds for each in scores))


WIDE = Interval(estimate=0.004, low=-0.128, high=0.135)


def wide(**changes):
    arm = ArmVariances(
        pretrainings=1,
        seeds=3,
        pretraining=0.0,
        pretraining_by_example=0.0,
        finetuning=0.01,
        finetuning_by_example=0.0,
    )
    effect = Effect(
        name="h", size=0.1, first_is_ahead=0.5, only_first=None, only_second=None, odds_ratio=None
    )
    fields = {
        "first": "a",
        "second": "b",
        "difference": WIDE,
        "p_value": 0.9,
        "p_interval": 0.9,
        "p_adjusted": 0.9,
        "claims": 1,
        "over_examples": WIDE,
        "over_both": WIDE,
        "effect": effect,
        "variances": Variances(examples=0.3, arms=[arm, arm]),
        "examples": 60,
        "seeds": 3,
        "pretraining_seeds": 1,
        "winner": None,
    }
    return Comparison(**fields | changes)


def test_a_wide_interval_is_never_called_a_small_difference():
    said = " ".join(of_two(wide(), score("a", 0, 3), score("b", 0, 3), "accuracy")).translate(SPACES)
    assert "from -12.8 to 13.5" in said and "small" not in said and "usual" not in said


@pytest.mark.parametrize("failed", [(3, 3), (3, 0), (1, 0)])
def test_failed_trainings_take_the_place_of_advice(failed):
    said = of_two(
        wide(), *(score(name, count, 3) for name, count in zip("ab", failed, strict=True)), "accuracy"
    )
    if failed == (3, 3):
        assert said == ["Neither A nor B learned the task: each model gives one answer to all examples."]
    else:
        assert said[2:] == [f"Failed trainings of A: {failed[0]} of 3 (one answer to all examples)."]


def test_a_winner_among_failed_models_is_no_winner(example_results):
    """Two models that each give one answer to all examples differ by the frequency of their answers alone."""
    task = example_results.tasks[0]
    failed = [
        replace(each, failed_seeds=list(each.score_by_seed)) if each.family else each for each in task.scores
    ]
    results = replace(example_results, tasks=[replace(task, scores=failed)])
    row = verdict.by_task(results).rows[0]
    assert task.comparisons[0].winner == "bert" and row[5:7] == [
        "neither learned",
        "more training: these failed",
    ]
    said = verdict.sentences(results.tasks)
    assert (
        said[0]
        == "Topic: Neither BERT nor GPT learned the task: each model gives one answer to all examples."
    )
    assert not any("Pre-training was worth" in text or "is better than" in text for text in said)
    assert "GPT on 0 of 1 task and BERT on 0 of 1 task" in verdict.counts(results)[0]
    named = {each.label for each in failed if each.family}
    assert named & {row[5] for row in tasks_section.comparisons(task).rows}
    better = [row[5] for row in tasks_section.comparisons(results.tasks[0]).rows]
    assert "neither learned" in better and not named & {*better}
    assert plots.difference_plot(results, results.tasks[0]).count("mark undecided") == len(better)


def test_nothing_is_said_of_a_further_arm_where_both_models_failed(example_results):
    task = example_results.tasks[0]
    bert, gpt = (next(each for each in task.scores if each.arm == name) for name in ("bert", "gpt"))
    # It takes the place of GPT in the comparison, behind in the frequency of its one answer.
    further = replace(gpt, arm="bert-2", label="BERT 2", family="bert")
    pair = replace(task.comparisons[0], second="bert-2")
    learned = replace(task, scores=[bert, further], comparisons=[pair])
    assert "BERT 2 is" in task_sentences.of_arms(learned)[0]
    scores = [replace(each, failed_seeds=list(each.score_by_seed)) for each in (bert, further)]
    assert task_sentences.of_arms(replace(learned, scores=scores)) == []


@pytest.mark.parametrize("name", ["intent: banking", "a: b: c", "line\rend", "tone | <b>"])
def test_a_task_may_have_any_name(example_results, name):
    tasks = [replace(task, name=name) for task in example_results.tasks[:1]]
    results = replace(example_results, tasks=tasks, verdict=verdict.sentences(tasks))
    blocks = verdict.section(results, None).blocks
    assert blocks[0].rows[0][0] == name
    assert all(": b" not in block.text for block in blocks[1:-1])
    assert isinstance(verdict.with_verdicts(tasks)[0], TaskResult)
