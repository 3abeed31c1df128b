"""The lead that a test set can show, said before any training, is the one that a report would show."""

import numpy as np
import pytest
from scipy import optimize, stats

from twinlm.evidence.intervals import LEVEL, claim_p, half_width, pooled
from twinlm.evidence.power import (
    LEAST_EXAMPLES,
    POWER,
    SEED_EXAMPLES,
    Prospect,
    needed,
    power,
    prospect,
    smallest_lead,
)
from twinlm.evidence.power import expected_variances as expected
from twinlm.evidence.variance import noise, of_models, variances
from twinlm.rng import stream

SPREAD, MEDIAN = 0.75 * 0.25, stats.norm.ppf(0.75)
DEVIATION = (SPREAD / SEED_EXAMPLES) ** 0.5 / stats.norm.pdf(MEDIAN)  # of seeds, on the probit scale
ASSUMED = {"common": 0.66**0.5, "own": 0.2**0.5}  # on the probit scale; as shares they correlate as assumed


def _prospect(*, examples=1500, share=0.75, seeds=3, pretraining_seeds=1, claims=1) -> Prospect:
    right_E = np.arange(examples) < share * examples
    design = {"seeds": seeds, "pretraining_seeds": pretraining_seeds, "claims": claims}
    return prospect("topic", "accuracy", "TF-IDF", right_E, **design)


def _draw(draw_pair, random, *, examples, seeds, pretraining_seeds, lead):
    above = DEVIATION * (pretraining_seeds > 1)
    spread = (1 + DEVIATION**2 + above**2) ** 0.5

    def missing(effect):
        sides = [stats.norm.cdf(MEDIAN + sign * effect / spread) for sign in (0.5, -0.5)]
        return sides[0] - sides[1] - lead

    return draw_pair(
        random,
        seeds=seeds,
        examples=examples,
        pretrainings=pretraining_seeds,
        seed_deviations=(DEVIATION,) * 2,
        pretraining_deviations=(above,) * 2,
        effect=optimize.brentq(missing, 0, 3),
        **ASSUMED,
    )


@pytest.mark.parametrize(("seeds", "pretraining_seeds"), [(8, 1), (1, 8), (4, 4)])
def test_the_expected_components_are_those_that_a_report_finds(draw_pair, seeds, pretraining_seeds):
    design = {"seeds": seeds, "pretraining_seeds": pretraining_seeds}
    random, found = stream(1, "components", str(design)), []
    for _ in range(20):
        found.append(variances(*_draw(draw_pair, random, examples=3000, lead=0.0, **design)))
    wanted = expected(SPREAD, **design)
    assert np.mean([one.examples for one in found]) == pytest.approx(wanted.examples, rel=0.1)
    for name in ("pretraining", "pretraining_by_example", "finetuning", "finetuning_by_example"):
        mean = np.mean([getattr(arm, name) for one in found for arm in one.arms])
        rough = 0.3 * SPREAD / SEED_EXAMPLES if name in ("pretraining", "finetuning") else 1e-3
        assert mean == pytest.approx(getattr(wanted.arms[0], name), rel=0.1, abs=rough), name


@pytest.mark.parametrize(
    ("examples", "seeds", "pretraining_seeds"), [(300, 3, 1), (1500, 2, 1), (1000, 5, 1), (400, 2, 3)]
)
def test_a_lead_of_this_size_is_named_four_times_in_five(draw_pair, examples, seeds, pretraining_seeds):
    design = {"examples": examples, "seeds": seeds, "pretraining_seeds": pretraining_seeds}
    lead = _prospect(**design).lead
    random, count = stream(2, "lead", str(design)), 200
    drawn = (_draw(draw_pair, random, lead=lead, **design) for _ in range(count))
    named = np.mean([claim_p(*pair) < LEVEL for pair in drawn])
    assert named == pytest.approx(POWER, abs=0.04 + 2.6 * (POWER * (1 - POWER) / count) ** 0.5)


@pytest.mark.parametrize(
    "design", [{}, {"claims": 4}, {"seeds": 1, "pretraining_seeds": 3}, {"examples": 200}]
)
def test_the_reports_own_function_says_that_what_there_is_suffices_for_it_and_for_no_less(design):
    row = _prospect(**design)
    assert needed(row, row.lead).examples == row.examples
    assert power(row.variances, row.examples, row.lead, LEVEL / row.claims) == pytest.approx(POWER, abs=1e-3)
    less = needed(row, 0.97 * row.lead)
    assert less.examples is None or less.examples > row.examples


def test_more_of_anything_but_tasks_shows_smaller_leads():
    base = _prospect().lead
    assert _prospect(examples=3000).lead < base
    assert _prospect(seeds=6).lead < base
    assert _prospect(share=0.95).lead < base  # where models are nearly always right, they differ on few
    assert _prospect(claims=6).lead > base


@pytest.mark.parametrize(
    "design",
    [
        {"seeds": 1},
        {"examples": LEAST_EXAMPLES - 1},
        {"examples": 1},
        {"share": 1.0},
        {"share": 0.0},
        {"seeds": 2, "claims": 10_000},
    ],
)
def test_what_cannot_be_estimated_has_no_number(design):
    assert _prospect(**design).lead is None


def test_a_lead_beyond_all_that_figures_can_differ_by_is_none():
    assert smallest_lead(expected(SPREAD, seeds=3, pretraining_seeds=1), 1, LEVEL) is None


# GPT against BERT in earlier runs (docs/results.md, docs/log.md), three seeds: test examples, half width of
# the best baseline's interval, half width of the interval of the difference.
PILOTS = {
    "SST-2": (1821, 0.020, 0.026),
    "MRPC": (1725, 0.0215, 0.0205),
    "STS": (4186, 0.021, 0.065),
    "parts of speech": (2077, 0.006, 0.005),
    "names": (2077, 0.033, 0.053),
    "SQuAD": (2575, 0.0075, 0.0145),
    "topic": (1451, 0.0245, 0.033),
}


@pytest.mark.parametrize("name", PILOTS)
def test_intervals_of_earlier_runs_were_about_as_wide_as_expected(name):
    examples, of_baseline, found = PILOTS[name]
    components = expected((of_baseline / 1.96) ** 2 * examples, seeds=3, pretraining_seeds=1)
    of_examples = (components.examples + sum(map(noise, components.arms))) / examples
    of_seeds = pooled([(of_models(arm) + noise(arm) / examples, 2) for arm in components.arms])
    half = float(half_width([(of_examples, examples - 1), of_seeds], LEVEL))
    assert 0.5 < half / found < 2
