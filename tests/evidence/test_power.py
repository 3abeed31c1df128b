import numpy as np
import pytest
from msgspec.structs import replace
from scipy import special, stats

from twinlm.evidence.intervals import LEVEL, claim_p, compare
from twinlm.evidence.power import Needed, needed, power
from twinlm.evidence.records import ArmVariances, Variances
from twinlm.evidence.variance import variances
from twinlm.rng import stream


def _arm(*, pretrainings=1, seeds=1, pretraining=0.0, finetuning=0.0, by_example=0.0):
    return ArmVariances(
        pretrainings=pretrainings,
        seeds=seeds,
        pretraining=pretraining,
        pretraining_by_example=0.0,
        finetuning=finetuning,
        finetuning_by_example=by_example,
    )


def _comparison(found, *, examples=1000, claims=1):
    """A comparison with these components of variance."""
    whole = compare("a", np.ones((1, 2), bool), "b", np.zeros((1, 2), bool))
    return replace(
        whole,
        variances=found,
        examples=examples,
        claims=claims,
        seeds=max(arm.seeds for arm in found.arms),
        pretraining_seeds=max(arm.pretrainings for arm in found.arms),
    )


def test_where_only_examples_vary_it_is_the_textbooks_number():
    """Of 400 examples 30 speak for the one and 20 for the other."""
    first_RE, second_RE = np.zeros((1, 400), bool), np.zeros((1, 400), bool)
    first_RE[0, :30], second_RE[0, 30:50] = True, True
    found = needed(compare("a", first_RE, "b", second_RE), 0.025)
    wanted = ((1.96 + 0.84) / 0.025) ** 2 * (50 / 400 - 0.025**2)  # the textbook's, for paired shares
    assert found.examples == pytest.approx(wanted, rel=0.02)
    assert (found.seeds, found.pretraining_seeds, found.together) == (None, None, None)


def test_nothing_shows_no_difference():
    found = Variances(examples=0.3, arms=[_arm(seeds=3, finetuning=1e-4)] * 2)
    assert needed(_comparison(found), 0.0) == Needed(
        examples=None, seeds=None, pretraining_seeds=None, together=None
    )


def test_more_examples_cannot_do_what_more_seeds_can():
    """Seeds differ by 3 points, examples hardly."""
    found = Variances(examples=0.02, arms=[_arm(seeds=3, finetuning=0.03**2)] * 2)
    said = needed(_comparison(found, examples=5000), 0.03)
    assert said.examples is None
    assert 12 <= said.seeds <= 22


def test_more_seeds_cannot_do_what_more_examples_can():
    found = Variances(examples=0.4, arms=[_arm(seeds=3, finetuning=1e-6)] * 2)
    said = needed(_comparison(found, examples=500), 0.03)
    assert said.seeds is None
    assert said.examples == pytest.approx((2.8 / 0.03) ** 2 * 0.4, rel=0.02)


def test_neither_alone_can_but_both_together():
    found = Variances(examples=1.0, arms=[_arm(seeds=3, finetuning=0.02**2)] * 2)
    said = needed(_comparison(found, examples=1000), 0.03)
    assert (said.examples, said.seeds) == (None, None)
    examples, seeds = said.together
    assert examples == pytest.approx(1000 / 3 * seeds, abs=1)


def test_pre_trainings_are_the_bottleneck_where_they_vary():
    found = Variances(
        examples=0.05, arms=[_arm(pretrainings=3, seeds=3, pretraining=0.02**2, finetuning=1e-5)] * 2
    )
    said = needed(_comparison(found, examples=5000), 0.02)
    assert (said.examples, said.seeds) == (None, None)
    assert 12 <= said.pretraining_seeds <= 25


def test_a_baseline_and_a_model_that_is_pre_trained_once_stay_as_they_are():
    nested = _arm(pretrainings=3, seeds=2, pretraining=0.02**2, finetuning=1e-5)
    found = Variances(examples=0.05, arms=[nested, _arm()])
    said = needed(_comparison(found, examples=5000), 0.02)
    both = needed(_comparison(replace(found, arms=[nested, nested]), examples=5000), 0.02)
    assert said.pretraining_seeds < both.pretraining_seeds


def test_more_tasks_that_ask_the_same_need_more():
    found = Variances(examples=0.4, arms=[_arm(seeds=3, finetuning=1e-6)] * 2)
    one, six = (needed(_comparison(found, claims=claims), 0.02).examples for claims in (1, 6))
    assert six > 1.3 * one


def test_power_grows_with_all_that_helps():
    found = Variances(examples=0.3, arms=[_arm(seeds=3, finetuning=1e-4)] * 2)
    base = power(found, 1000, 0.03, LEVEL)
    assert power(found, 3000, 0.03, LEVEL) > base
    assert power(found, 1000, 0.04, LEVEL) > base
    assert power(replace(found, arms=[_arm(seeds=6, finetuning=1e-4)] * 2), 1000, 0.03, LEVEL) > base
    assert power(found, 1000, 0.03, LEVEL / 5) < base
    nothing = Variances(examples=0.0, arms=[_arm()])
    assert (power(nothing, 10, 0.1, LEVEL), power(nothing, 10, 0.0, LEVEL)) == (1, 0)


def test_power_of_a_t_test_is_that_of_the_noncentral_t():
    found = Variances(examples=0.0, arms=[_arm(seeds=6, finetuning=0.06)])
    critical = stats.t.ppf(1 - LEVEL / 2, 5)
    assert power(found, 1e6, 0.3, LEVEL) == pytest.approx(stats.nct.sf(critical, 5, 3.0), abs=0.005)


def _known(draw_pair, design, deviations):
    """The components of a simulation, from a pilot much larger than any comparison."""
    random = stream(1, "pilot", str(deviations))
    pretrainings = 1 if design["pretrainings"] == 1 else 12
    found = [
        variances(*draw_pair(random, seeds=12, pretrainings=pretrainings, examples=1500, **deviations))
        for _ in range(12)
    ]
    arms = [
        ArmVariances(
            pretrainings=design["pretrainings"],
            seeds=design["seeds"],
            **{
                name: float(np.mean([getattr(one.arms[place], name) for one in found]))
                for name in ("pretraining", "pretraining_by_example", "finetuning", "finetuning_by_example")
            },
        )
        for place in (0, 1)
    ]
    return Variances(examples=float(np.mean([one.examples for one in found])), arms=arms)


@pytest.mark.parametrize(
    ("grows", "design", "deviation"),
    [
        ("examples", {"pretrainings": 1, "seeds": 1, "examples": 200}, 0.0),
        ("examples", {"pretrainings": 1, "seeds": 5, "examples": 200}, 0.03),
        ("seeds", {"pretrainings": 1, "seeds": 3, "examples": 1500}, 0.1),
        ("pretraining_seeds", {"pretrainings": 3, "seeds": 1, "examples": 1500}, 0.06),
    ],
)
def test_what_is_said_to_be_needed_names_the_better_one_four_times_in_five(
    draw_pair, grows, design, deviation
):
    """A lead of 0.2 on the probit scale, 6.3 points."""
    nested = deviation * (design["pretrainings"] > 1)
    deviations = {"seed_deviations": (deviation,) * 2, "pretraining_deviations": (nested,) * 2, "effect": 0.2}
    spread = (1 + deviation**2 + nested**2) ** 0.5
    sides = [special.ndtr(special.ndtri(0.75) + sign * 0.1 / spread) for sign in (1, -1)]
    found = _known(draw_pair, design, deviations)
    wanted = needed(_comparison(found, examples=design["examples"]), sides[0] - sides[1])
    name = {"pretraining_seeds": "pretrainings"}.get(grows, grows)
    bigger = design | {name: getattr(wanted, grows)}
    assert bigger[name] > design[name]
    random, count = stream(2, "power", grows, str(bigger)), 300
    named = np.mean([claim_p(*draw_pair(random, **bigger, **deviations)) < LEVEL for _ in range(count)])
    assert named == pytest.approx(0.8, abs=0.03 + 2.6 * (0.8 * 0.2 / count) ** 0.5)
