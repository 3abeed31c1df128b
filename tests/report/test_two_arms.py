import numpy as np
import pytest
from msgspec.structs import replace

from twinlm.evidence.intervals import compare
from twinlm.evidence.records import ArmVariances, Interval, Variances
from twinlm.evidence.results import ArmScore
from twinlm.report.two_arms import lead, of_two, signed, standing


def _score(name, *, is_imported=False):
    return ArmScore(
        arm=name,
        label=name.upper(),
        family=name,
        is_pretrained=True,
        score=Interval(estimate=0.7, low=0.6, high=0.8),
        figures={"accuracy": 0.7},
        score_by_seed={},
        f1_by_class={},
        confusion=[],
        failed_seeds=[],
        seconds=1.0,
        is_imported=is_imported,
        chosen_epochs={},
    )


def _comparison(estimate, *, examples=0.3, finetuning=0.0, pretraining=0.0, **changes):
    """A comparison on 1,000 examples with 3 seeds, without a winner, with these components of variance."""
    pretrainings = changes.get("pretraining_seeds", 1)
    arm = ArmVariances(
        pretrainings=pretrainings,
        seeds=changes.get("seeds", 3),
        pretraining=pretraining,
        pretraining_by_example=0.0,
        finetuning=finetuning,
        finetuning_by_example=0.0,
    )
    fields = {
        "difference": Interval(estimate=estimate, low=estimate - 0.03, high=estimate + 0.03),
        "p_value": 0.2,
        "p_interval": 0.3,
        "p_adjusted": 0.3,
        "variances": Variances(examples=examples, arms=[arm, arm]),
        "examples": 1000,
        "seeds": 3,
        "winner": None,
    }
    whole = compare("a", np.ones((1, 2), bool), "b", np.zeros((1, 2), bool))
    return replace(whole, **fields | changes)


def _said(comparison, **imported):
    said = of_two(comparison, _score("a", **imported), _score("b"), "accuracy")
    table = {"\N{NARROW NO-BREAK SPACE}": " ", "\N{NO-BREAK SPACE}": " ", "\N{MINUS SIGN}": "-"}
    return [text.translate(str.maketrans(table)) for text in said]


def test_a_winner_is_named_with_the_p_that_counts():
    wins = {"winner": "b", "p_adjusted": 0.01, "p_value": 0.001, "claims": 4, "pretraining_seeds": 2}
    assert _said(_comparison(-0.05, **wins)) == [
        "B is better than A by 5.0 points of accuracy (95 % interval 2.0 to 8.0, "
        "p = 0.01 adjusted for 4 tasks; 1,000 test examples, 2 pre-trainings, 3 seeds each)."
    ]
    assert "not equal" in _said(_comparison(-0.05, **wins), is_imported=True)[0]


@pytest.mark.parametrize(
    ("comparison", "wanted"),
    [
        (
            _comparison(0.03, examples=0.3),
            "Showing a difference of this size would take about 2,700 test examples (more seeds alone are "
            "not enough).",
        ),
        (
            _comparison(0.03, examples=0.3, seeds=1),
            "Showing a difference of this size would take about 2,700 test examples.",
        ),
        (
            _comparison(0.03, examples=0.02, finetuning=0.03**2),
            "Showing a difference of this size would take about 21 seeds (more test examples alone are not "
            "enough).",
        ),
        (
            _comparison(0.03, examples=0.08, finetuning=6e-5),
            "Showing a difference of this size would take about 3,600 test examples or 5 seeds.",
        ),
        (
            _comparison(0.03, examples=0.6, finetuning=0.02**2),
            "Showing a difference of this size would take about 7,700 test examples and 23 seeds.",
        ),
        (
            _comparison(0.03, examples=0.02, finetuning=1e-5, pretraining=0.02**2, pretraining_seeds=3),
            "Showing a difference of this size would take about 10 pre-training seeds (more test examples "
            "alone are not enough).",
        ),
        (
            _comparison(0.03, examples=0.02, finetuning=0.03**2, p_value=0.001),
            "The test examples suggest a difference, but the seeds vary too much to be sure. Showing a "
            "difference of this size would take about 21 seeds (more test examples alone are not enough).",
        ),
        (
            _comparison(0.001, examples=0.3),
            "Showing a difference of this size would take over 100 times the test examples and seeds. "
            "Showing one of 2.0 points would take about 5,900 test examples (more seeds alone are not "
            "enough).",
        ),
        (
            _comparison(0.001, examples=0.01),
            "Showing a difference of this size would take about 79,000 test examples (more seeds alone are "
            "not enough). A difference of 2.0 points would be shown 80 % of the time or more.",
        ),
        (
            _comparison(0.001, examples=0.3, finetuning=0.5),
            "Showing a difference of this size would take over 100 times the test examples and seeds. "
            "Showing one of 2.0 points would take over 100 times the test examples and seeds.",
        ),
        (
            _comparison(0.03, p_value=0.01, p_interval=0.02, p_adjusted=0.08, claims=4),
            "On its own, this task would show a difference; among 4 tasks with the same question, it may "
            "be chance. Showing a difference of this size would take about 3,800 test examples (more seeds "
            "alone are not enough).",
        ),
    ],
    ids=[
        "examples",
        "one seed",
        "seeds",
        "either",
        "both",
        "pre-trainings",
        "seeds vary",
        "too small",
        "would have been seen",
        "nothing at all",
        "Holm",
    ],
)
def test_without_a_winner_it_says_why_and_what_is_needed(comparison, wanted):
    head, could_be, why = _said(comparison)
    assert head == "Cannot tell A from B."
    assert "could be anything from" in could_be
    assert why == wanted


def _plain(text):
    return text.replace("\N{NO-BREAK SPACE}", " ").replace("\N{MINUS SIGN}", "-")


def test_a_lead_is_seen_from_the_side_of_the_arm_that_is_ahead():
    behind = _comparison(-0.05, winner="b")
    assert _plain(lead(behind.difference, "accuracy")) == "5.0 points (2.0 to 8.0)"
    assert _plain(standing("A", behind, "accuracy")) == "A is 5.0 points (2.0 to 8.0) behind it"
    ahead = _comparison(0.05, winner="a")
    assert _plain(standing("A", ahead, "accuracy")) == "A is 5.0 points (2.0 to 8.0) ahead of it"
    assert (
        _plain(standing("A", _comparison(0.01), "accuracy"))
        == "A cannot be told apart from it (+1.0; -2.0 to 4.0)"
    )


def test_an_interval_that_would_do_alone_comes_with_its_p():
    holm = _comparison(0.05, p_value=0.01, p_interval=0.02, p_adjusted=0.08, claims=4)
    items = (holm, _comparison(0.05), _comparison(0.05, winner="a"), _comparison(0.01))
    assert [_plain(signed(item, "accuracy")) for item in items] == [
        "+5.0; 2.0 to 8.0, but p = 0.08 adjusted for 4 tasks",
        "+5.0; 2.0 to 8.0, but p = 0.30",  # the paired test did not agree
        "+5.0; 2.0 to 8.0",
        "+1.0; -2.0 to 4.0",
    ]
