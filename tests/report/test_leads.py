"""The smallest leads in words, before any training."""

import numpy as np
import pytest

from twinlm.evidence.power import Prospect, prospect
from twinlm.report.leads import UNKNOWN, assumptions, smallest_leads


def _prospect(metric="accuracy", *, examples=1500, seeds=3, pretraining_seeds=1, claims=1) -> Prospect:
    right_E = np.arange(examples) < 0.7 * examples
    design = {"seeds": seeds, "pretraining_seeds": pretraining_seeds, "claims": claims}
    return prospect("topic", metric, "TF-IDF", right_E, **design)


def test_each_task_has_its_lead_in_the_unit_of_its_figure_and_what_less_would_take():
    share, f1 = (_prospect(metric, claims=2) for metric in ("accuracy", "entity F1"))
    table = smallest_leads([share, f1])
    assert table.caption.endswith("(p < 0.05 / 2, for 2 tasks):")
    assert [row[4] for row in table.rows] == [f"{100 * share.lead:.1f} points", f"{f1.lead:.3f}"]
    assert table.rows[0][:4] == ["topic", "Accuracy", "1,500", "3"]
    assert table.rows[0][5].startswith("about ") and "seeds" in table.rows[0][5]


def test_enough_for_two_points_is_said():
    [row] = smallest_leads([_prospect(examples=50_000, seeds=9)]).rows
    assert row[5] == "no more than there is"


@pytest.mark.parametrize(
    ("design", "why"),
    [
        ({"seeds": 1}, "one seed"),
        ({"examples": 40}, "under 50 examples"),
        ({"seeds": 2, "claims": 10_000}, "few"),
    ],
)
def test_why_nothing_can_be_said(design, why):
    [row] = smallest_leads([_prospect(**design)]).rows
    assert row[4].startswith(UNKNOWN) and why in row[4]
    assert row[5] == ""


def test_what_it_rests_on_is_named_and_so_is_what_is_left_out():
    one, several = assumptions([_prospect()]), assumptions([_prospect(pretraining_seeds=2)])
    assert "0.65" in one[1] and "0.45" in one[1] and "2,000" in one[2]
    assert "one pre-training seed" in one[-1] and several == one[:-1]
