import itertools
import re

import pytest
from msgspec import structs

from twinlm.evidence.records import ArmVariances, Comparison, Effect, Interval, Variances
from twinlm.evidence.results import ArmScore, Cost, TaskResult
from twinlm.evidence.scores import pairs_to_compare
from twinlm.report import caveats, verdict


def _score(arm, label, accuracy, *, family="", is_pretrained=False, seeds=3, failed=()):
    return ArmScore(
        arm=arm,
        label=label,
        family=family,
        is_pretrained=is_pretrained,
        is_imported=False,
        chosen_epochs={},
        score=Interval(estimate=accuracy, low=accuracy - 0.02, high=accuracy + 0.02),
        figures={"accuracy": accuracy},
        score_by_seed=dict.fromkeys(map(str, range(seeds)), accuracy) if family else {},
        f1_by_class={"a": accuracy},
        confusion=[[1]],
        failed_seeds=[*map(str, failed)],
        seconds=1.0,
    )


SCORES = [
    _score("gpt", "GPT", 0.75, family="gpt", is_pretrained=True),
    _score("bert", "BERT", 0.78, family="bert", is_pretrained=True),
    _score("gpt-scratch", "GPT without pre-training", 0.6, family="gpt"),
    _score("bert-scratch", "BERT without pre-training", 0.59, family="bert", failed=[2]),
    _score("linear", "TF-IDF + logistic regression", 0.77),
    _score("majority", "most frequent class", 0.2),
]
FAMILIES = {"gpt": "GPT", "bert": "BERT"}


def _comparison(first, second, estimate, half_width, *, p_value=None, seeds=3, examples=1461, claims=1):
    """A comparison whose chance is that of the examples alone."""
    is_sure = abs(estimate) > half_width
    interval = Interval(estimate=estimate, low=estimate - half_width, high=estimate + half_width)
    arm = ArmVariances(
        pretrainings=1,
        seeds=seeds,
        pretraining=0.0,
        pretraining_by_example=0.0,
        finetuning=0.0,
        finetuning_by_example=0.0,
    )
    p_interval = 0.002 if is_sure else 0.4
    return Comparison(
        first=first,
        second=second,
        difference=interval,
        p_value=p_value if p_value is not None else p_interval,
        p_interval=p_interval,
        p_adjusted=max(p_value or 0, p_interval),
        claims=claims,
        over_examples=interval,
        over_both=interval,
        effect=Effect(
            name="d_z", size=0.1, first_is_ahead=1.0, only_first=None, only_second=None, odds_ratio=None
        ),
        variances=Variances(examples=examples * (half_width / 1.96) ** 2, arms=[arm, arm]),
        examples=examples,
        seeds=seeds,
        pretraining_seeds=1,
        winner=None if not is_sure else first if estimate > 0 else second,
    )


def _task(*comparisons, scores=SCORES, **changes):
    fields = {
        "name": "topic",
        "kind": "classification",
        "metric": "accuracy",
        "classes": ["a"],
        "train_examples": 9,
        "valid_examples": 9,
        "test_examples": 1461,
    }
    return TaskResult(**fields | changes, scores=scores, comparisons=list(comparisons), verdict="")


def _said(*comparisons, **changes):
    return _plain(verdict.sentences([_task(*comparisons, **changes)]))


def _plain(texts):
    return [
        text.replace("\N{NARROW NO-BREAK SPACE}", " ")
        .replace("\N{NO-BREAK SPACE}", " ")
        .replace("\N{MINUS SIGN}", "-")
        for text in texts
    ]


def test_a_winner_is_named_with_its_lead_and_its_evidence():
    assert _said(_comparison("bert", "gpt", 0.031, 0.019)) == [
        "Topic: BERT is better than GPT by 3.1 points of accuracy "
        "(95 % interval 1.2 to 5.0, p = 0.002; 1,461 test examples, 3 seeds)."
    ]


def test_the_second_wins_with_a_positive_lead():
    (said,) = _said(_comparison("bert", "gpt", -0.031, 0.019))
    assert "GPT is better than BERT by 3.1 points of accuracy (95 % interval 1.2 to 5.0" in said


def test_without_a_winner_it_says_so_and_what_would_be_needed():
    assert _said(_comparison("bert", "gpt", 0.01, 0.02)) == [
        "Topic: Cannot tell BERT from GPT.",
        "Topic: The difference of +1.0 points for BERT could be anything from -1.0 to 3.0 "
        "(95 % interval, p = 0.40; 1,461 test examples, 3 seeds).",
        "Topic: Showing a difference of this size would take about 12,000 test examples (more seeds alone "
        "are not enough). Showing one of 2.0 points would take about 3,000 test examples (more seeds alone "
        "are not enough).",
    ]


@pytest.mark.parametrize(
    ("comparison", "expected"),
    [
        (_comparison("bert", "gpt", 0.001, 0.02), "over 100 times the test examples and seeds"),
        (_comparison("bert", "gpt", 0.0, 0.02), "Topic: Showing one of 2.0 points would take"),
        (_comparison("bert", "gpt", 0.019, 0.02, p_value=0.03), "Only one of the interval and the paired"),
        (_comparison("bert", "gpt", 0.01, 0.02, seeds=1), "would take about 12,000 test examples."),
    ],
)
def test_why_it_cannot_be_told_depends_on_the_evidence(comparison, expected):
    assert expected in _said(comparison)[-1]


def test_the_worth_of_pre_training_is_said_for_each_family():
    assert _said(
        _comparison("gpt", "gpt-scratch", 0.15, 0.02), _comparison("bert", "bert-scratch", 0.01, 0.02)
    ) == [
        "Topic: Pre-training was worth +15.0 points (13.0 to 17.0) to GPT.",
        "Topic: No effect of pre-training is shown for BERT (+1.0; -1.0 to 3.0).",
        "Topic: Failed trainings of BERT without pre-training: 1 of 3 (one answer to all examples).",
    ]


@pytest.mark.parametrize(
    ("gpt", "bert", "expected"),
    [
        (
            -0.05,
            0.01,
            "Neither GPT nor BERT is shown to beat the best baseline, TF-IDF + logistic regression "
            "(77.0 %): GPT is 5.0 points (3.0 to 7.0) behind it; "
            "BERT cannot be told apart from it (+1.0; -1.0 to 3.0).",
        ),
        (
            -0.05,
            0.05,
            "BERT beats the best baseline, TF-IDF + logistic regression (77.0 %), by 5.0 points (3.0 to "
            "7.0); GPT is 5.0 points (3.0 to 7.0) behind it.",
        ),
        (
            0.05,
            0.06,
            "GPT and BERT beat the best baseline, TF-IDF + logistic regression (77.0 %): GPT by 5.0 points "
            "(3.0 to 7.0) and BERT by 6.0 points (4.0 to 8.0).",
        ),
    ],
)
def test_it_is_plain_about_the_baseline(gpt, bert, expected):
    against = [_comparison("gpt", "linear", gpt, 0.02), _comparison("bert", "linear", bert, 0.02)]
    assert _said(*against) == [f"Topic: {expected}"]


def test_a_baseline_of_another_metric_is_named_with_it():
    (said,) = _said(_comparison("gpt", "linear", 0.05, 0.02), metric="entity F1")
    assert "TF-IDF + logistic regression (entity F1 0.770), by 0.050 (0.030 to 0.070)" in said


def test_most_important_comes_first_over_all_tasks():
    pair, against = _comparison("bert", "gpt", 0.05, 0.01), _comparison("gpt", "linear", 0.05, 0.01)
    said = verdict.sentences([_task(pair, against), _task(pair, against, name="tone")])
    assert [text.split(": ")[0] for text in said] == ["Topic", "Tone", "Topic", "Tone"]


def test_without_tasks_there_is_nothing_to_compare():
    assert "nothing to compare" in verdict.sentences([])[0]


def test_the_verdict_on_a_task_joins_pair_and_baseline():
    comparisons = [_comparison("bert", "gpt", 0.05, 0.01), _comparison("gpt", "linear", -0.05, 0.01)]
    said = verdict.task_verdict(_task(*comparisons))
    assert said.startswith("Topic: BERT is better than GPT")
    assert "GPT does not beat the best baseline, TF-IDF + logistic regression" in said


def test_the_better_model_comes_first_and_the_best_baseline_is_taken():
    assert pairs_to_compare(SCORES) == [
        ("bert", "gpt"),
        ("gpt", "gpt-scratch"),
        ("bert", "bert-scratch"),
        ("gpt", "linear"),
        ("bert", "linear"),
    ]


def _cost(family, tokens=6e6, seconds=100.0, targets=6e6, parameters=5e6):
    return Cost(
        name=family,
        label=family,
        family=family,
        parameters=int(parameters),
        non_embedding_parameters=1,
        steps=1,
        tokens=int(tokens),
        targets=int(targets),
        flops=1e14,
        seconds=seconds,
        planned_seconds=seconds,
        tokens_per_second=1.0,
        peak_memory_bytes=1,
        corpus_passes=1.0,
        model_bytes=1,
    )


def _caveats(task=None, costs=(), matched_by="tokens", **changes):
    settings = {"families": FAMILIES, "unknown_shares": {}, "starts": {}, "lost_steps": {}, **changes}
    settings.setdefault("lost_tuning_steps", {})
    return " ".join(caveats.caveats([task] if task else [], costs, matched_by, **settings))


def test_updates_that_were_left_out_are_said():
    lost = {"topic": {"GPT": 0, "BERT": 4}}
    said = _caveats(lost_steps={"GPT": 1203, "BERT": 0}, lost_tuning_steps=lost)
    assert "GPT skipped 1,203 updates in pre-training" in said
    assert "BERT skipped 0" not in said
    assert "Topic: BERT skipped 4 updates in fine-tuning" in said
    assert "GPT skipped 0" not in said


def test_caveats_name_what_these_results_lack():
    pair = _comparison("bert", "gpt", 0.05, 0.01)
    few = [structs.replace(score, score_by_seed={"1": 0.5}) if score.family else score for score in SCORES]
    said = _caveats(
        _task(pair, pair, scores=few, test_examples=80), [_cost("gpt"), _cost("bert", targets=9e5)]
    )
    assert "pre-trained once" in said
    assert "with one fine-tuning seed" in said
    assert "80 test examples are few: differences of up to 1.0 points can be chance." in said
    agreeing, apart = _comparison("bert", "gpt", 0.0, 0.01), _comparison("bert", "linear", 0.2, 0.06)
    assert "up to 6.0 points can be chance." in _caveats(_task(agreeing, apart, test_examples=80))
    assert "one answer to every example: BERT without pre-training with seed 2." in said
    assert "2 comparisons were made" in said
    assert "5.0 and 5.0 million parameters" in said
    small = [
        structs.replace(_cost(name), parameters=number) for name, number in (("gpt", 42_100), ("bert", 2e6))
    ]
    assert "small (42.1 and 2,000.0 thousand parameters)" in _caveats(costs=small)
    assert "equal in tokens only: GPT used 6.7 times as many predictions to learn from" in said
    assert "not comparable between the families" in said


def test_caveats_say_for_how_many_tasks_p_values_are_adjusted():
    pair = _comparison("bert", "gpt", 0.05, 0.01)
    assert "2 comparisons were made" in _caveats(_task(pair, pair))
    assert "They are not corrected for their number" in _caveats(_task(pair, pair))
    said = _caveats(_task(*[structs.replace(pair, claims=3)] * 3))
    assert "3 comparisons were made" in said and "several tasks ask the same question (up to 3)" in said
    assert "not corrected" not in said
    assert "comparisons were made" not in _caveats(_task(pair))


def test_caveats_that_do_not_apply_are_left_out():
    scores = [structs.replace(score, failed_seeds=[]) for score in SCORES]
    costs = [_cost("gpt", parameters=1e8), _cost("bert", parameters=1e8)]
    said = _caveats(_task(_comparison("bert", "gpt", 0.05, 0.01), scores=scores), costs, pretraining_seeds=3)
    assert said.startswith("Pre-training losses") and said.count(".") == 1


def test_a_plan_that_was_wrong_about_the_time_is_told_by_how_much():
    right = [_cost("gpt"), structs.replace(_cost("bert"), planned_seconds=119.0)]
    assert "plan" not in _caveats(costs=right)
    wrong = structs.replace(
        _cost("bert", seconds=97.0), name="no-nsp", label="BERT without NSP", planned_seconds=175.0
    )
    said = _caveats(costs=[*right, wrong]).replace("\N{NARROW NO-BREAK SPACE}", " ")
    assert "more than 20 %: 2 min 55 s for BERT without NSP, which took 1 min 37 s (+80 %)." in said
    assert "gpt, which took" not in said
    short = structs.replace(_cost("gpt"), planned_seconds=75.0)
    assert "(\N{MINUS SIGN}25" in _caveats(costs=[short])
    timed = _caveats(costs=[short], matched_by="money")
    assert "as the plan fixed the steps, the models did not get the same money." in timed


def test_two_seeds_are_called_few():
    scores = [structs.replace(SCORES[0], score_by_seed={"1": 0.5, "2": 0.6})]
    assert "2 fine-tuning seeds show little" in _caveats(_task(scores=scores))


def test_a_tokenizer_that_hides_much_of_the_text_is_named():
    said = _caveats(unknown_shares={"gpt": 0.01, "bert": 0.034})
    assert "of the tokens are unknown to BERT's tokenizer" in said
    assert "3.4" in said and "GPT's" not in said


def test_a_lead_over_an_imported_model_of_its_kind_is_no_worth_of_pre_training():
    imported = structs.replace(
        _score("mini", "mini (imported BERT)", 0.7, family="bert", is_pretrained=True), is_imported=True
    )
    said = _said(
        _comparison("bert", "mini", 0.08, 0.02),
        _comparison("bert", "bert-scratch", 0.19, 0.02),
        scores=[*SCORES, imported],
    )
    worth = [sentence for sentence in said if "re-training was worth" in sentence]
    assert worth == ["Topic: Pre-training was worth +19.0 points (17.0 to 21.0) to BERT."]
    said = _said(_comparison("bert", "mini", 0.01, 0.02), scores=[*SCORES, imported])
    assert not any("effect of pre-training" in sentence for sentence in said)


def test_a_family_that_went_on_from_another_model_is_named():
    said = _caveats(starts={"bert": "imported/minilm"})
    assert "BERT continued the pre-training of imported/minilm" in said
    assert "continued" not in _caveats()


def test_the_pair_that_was_made_here_comes_before_all_with_an_imported_model():
    imported = structs.replace(
        _score("mini", "mini (imported BERT)", 0.9, family="bert", is_pretrained=True), is_imported=True
    )
    pairs = pairs_to_compare([*SCORES, imported])
    assert pairs[:3] == [("bert", "gpt"), ("mini", "bert"), ("mini", "gpt")]


def test_several_winners_and_losers_are_spoken_of_as_several():
    imported = structs.replace(
        _score("mini", "mini (imported BERT)", 0.9, family="bert", is_pretrained=True), is_imported=True
    )
    against = [
        _comparison(arm, "linear", lead, 0.01) for arm, lead in [("gpt", -0.1), ("bert", -0.1), ("mini", 0.1)]
    ]
    said = " ".join(_said(*against, scores=[*SCORES, imported]))
    assert "mini (imported BERT) beats the best baseline, TF-IDF" in said
    assert "; GPT (-10.0; -11.0 to -9.0) and BERT (-10.0; -11.0 to -9.0) are behind it." in said


def test_further_arms_are_set_against_each_kind_and_not_against_one_another():
    arms = [
        _score(name, name, 0.7, family=family, is_pretrained=True)
        for name, family in [("no-nsp", "bert"), ("hybrid", "gpt")]
    ]
    pairs = pairs_to_compare([*SCORES, *arms])
    assert pairs[0] == ("bert", "gpt")
    assert {frozenset(pair) for pair in pairs[1:5]} == {
        frozenset(pair) for pair in itertools.product(("gpt", "bert"), ("no-nsp", "hybrid"))
    }
    assert pairs[5:7] == [("gpt", "gpt-scratch"), ("bert", "bert-scratch")]
    assert {pair[0] for pair in pairs[7:]} == {"gpt", "bert", "no-nsp", "hybrid"}


def test_an_arm_is_spoken_of_beside_its_rivals_whichever_came_first():
    arm = _score("no-nsp", "BERT without NSP", 0.7, family="bert", is_pretrained=True)
    against = [_comparison("bert", "no-nsp", 0.05, 0.01), _comparison("no-nsp", "gpt", 0.02, 0.05)]
    said = " ".join(_said(*against, scores=[*SCORES, arm]))
    assert re.search(r"Compared with BERT: BERT without NSP is 5.0 points \(4.0.to.6.0\) behind it\.", said)
    assert re.search(
        r"Compared with GPT: BERT without NSP cannot be told apart from it \(\+2.0; .3.0.to.7.0\)\.", said
    )


def test_several_tasks_begin_with_a_table_and_counts(example_results):
    table = verdict.by_task(example_results)
    assert table.header == [
        "Task",
        "Measured by",
        "Best baseline",
        "GPT",
        "BERT",
        "Winner",
        "What would tell",
        "Failed trainings",
    ]
    assert [row[0] for row in table.rows] == [task.name for task in example_results.tasks]
    assert [row[-3] for row in table.rows] == ["BERT", "cannot tell"]
    assert table.rows[0][-2] == "\N{EN DASH}" and "test examples" in table.rows[1][-2]
    assert [row[-1] for row in table.rows] == ["none", "BERT without pre-training: 1 of 3"]
    assert table.rows[0][2].startswith("TF-IDF + logistic regression: 77.2")
    assert verdict.counts(example_results) == [
        "Wins against the other kind: GPT on 0 of 2 tasks and BERT on 1 of 2 tasks.",
        "Wins against the best baseline: GPT on 0 of 2 tasks and BERT on 0 of 2 tasks.",
        "Wins against the same model without pre-training: GPT on 1 of 2 tasks and BERT on 1 of 2 tasks.",
    ]
    blocks = verdict.section(example_results, None).blocks
    assert blocks[0] == table
    alone = structs.replace(example_results, tasks=example_results.tasks[:1])
    first, *texts = verdict.section(alone, None).blocks
    assert first == verdict.by_task(alone)
    said = [text.text for text in texts[:3]]
    assert said[0].startswith("BERT is better than GPT by") and said[2].startswith("Pre-training was worth")
    assert "the best baseline" in said[1] and not hasattr(texts[3], "text")


def test_a_task_without_baselines_or_comparisons_has_dashes(example_results):
    first = example_results.tasks[0]
    scores = [score for score in first.scores if score.family and score.arm != "bert"]
    bare = structs.replace(first, scores=scores, comparisons=[])
    results = structs.replace(example_results, tasks=[bare])
    assert verdict.by_task(results).rows[0][2:] == [
        "\N{EN DASH}",
        verdict.by_task(example_results).rows[0][3],
        *["\N{EN DASH}"] * 3,
        "none",
    ]
    assert verdict.counts(results) == []
