"""Where arms differ, how sure they are, what both together gain: against counts written out."""

import numpy as np
import pytest

from twinlm import rng
from twinlm.evidence.calibration import calibration, calibration_error
from twinlm.evidence.decisions import judged
from twinlm.evidence.details import Details, find_details
from twinlm.evidence.disagreement import disagreement
from twinlm.evidence.ensemble import Measurer, together
from twinlm.system.log import Silent
from twinlm.system.records import as_record, to_json


@pytest.fixture(scope="module")
def topics(made):
    """Answers of four arms, three models each, to 200 examples with three classes."""
    return made.answers("classification", examples=200)


def rights(answers, arm):
    rows = answers.arm(arm).predicted
    return np.array([[said == gold for said, gold in zip(row, answers.golds, strict=True)] for row in rows])


def test_the_four_cells_are_shares_over_models_and_examples(topics):
    found = disagreement(
        topics, judged(topics, topics.arm("gpt")), judged(topics, topics.arm("bert")), shown=5
    )
    gpt, bert = rights(topics, "gpt"), rights(topics, "bert")
    cells = [found.both_right, found.only_first, found.only_second, found.neither]
    wanted = [gpt & bert, gpt & ~bert, ~gpt & bert, ~gpt & ~bert]
    assert [cell.estimate for cell in cells] == pytest.approx([cell.mean() for cell in wanted])
    assert sum(cell.estimate for cell in cells) == pytest.approx(1)
    assert all(cell.low <= cell.estimate <= cell.high for cell in cells)


def test_an_example_is_telling_where_most_models_of_one_arm_are_right_and_most_of_the_other_wrong(topics):
    found = disagreement(
        topics, judged(topics, topics.arm("gpt")), judged(topics, topics.arm("bert")), shown=5
    )
    gpt, bert = rights(topics, "gpt").mean(0), rights(topics, "bert").mean(0)
    assert found.telling_counts == [((gpt > 0.5) & (bert < 0.5)).sum(), ((bert > 0.5) & (gpt < 0.5)).sum()]
    for number, item in enumerate(found.tellings):
        place = topics.ids.index(item.id)
        ahead, behind = (gpt, bert) if number < min(5, found.telling_counts[0]) else (bert, gpt)
        assert ahead[place] > 0.5 > behind[place]
        assert item.gold == topics.golds[place]
        assert item.gold in item.answers and len(set(item.answers)) == 2
        assert item.texts == list(topics.texts[place])


def test_slices_cover_every_example_once_each_way(topics):
    found = disagreement(
        topics, judged(topics, topics.arm("gpt")), judged(topics, topics.arm("bert")), shown=0
    )
    classes = [item for item in found.slices if item.name.startswith("class: ")]
    lengths = [item for item in found.slices if item not in classes]
    assert sum(item.decisions for item in classes) == sum(item.decisions for item in lengths) == 200
    for item in classes:
        of_class = [gold == item.name.removeprefix("class: ") for gold in topics.golds]
        shares = [rights(topics, arm)[:, of_class].mean() for arm in ("gpt", "bert")]
        assert item.shares == pytest.approx(shares)


def test_brier_and_confidence_are_those_written_out(topics):
    found = calibration(judged(topics, topics.arm("bert")))
    right = rights(topics, "bert")
    sure = np.array([[max(said["probabilities"]) for said in row] for row in topics.arm("bert").said])
    assert found.brier.estimate == pytest.approx(((sure - right) ** 2).mean())
    assert found.confidence.estimate == pytest.approx(sure.mean())
    assert found.excess.estimate == pytest.approx((sure - right).mean())
    assert sum(one.decisions for one in found.bins) == right.size
    assert [one.confidence for one in found.bins] == sorted(one.confidence for one in found.bins)


@pytest.mark.parametrize(("overconfidence", "is_shown"), [(0.0, False), (0.25, True)])
def test_a_calibration_error_is_shown_only_where_there_is_one(overconfidence, is_shown):
    shown = 0
    for number in range(20):
        chance = rng.stream(3, "calibrated", number)
        sure_RU = chance.uniform(0.4, 0.95, (5, 400))
        rights_RU = (chance.random((5, 400)) < sure_RU - overconfidence).astype(float)
        found = calibration_error(rights_RU, sure_RU, np.arange(400))
        shown += found.low > 0
        if is_shown:
            assert found.low < overconfidence + 0.05 and abs(found.estimate - overconfidence) < 0.1
    assert shown == 20 if is_shown else shown <= 4


def test_both_together_are_the_mean_of_their_probabilities(topics):
    measurer = Measurer(topics)
    found = together(topics, "gpt", "bert", measurer)
    expected = []
    for gpt, bert in zip(topics.arm("gpt").said, topics.arm("bert").said, strict=True):
        mean = np.mean([[said["probabilities"] for said in row] for row in (gpt, bert)], axis=0)
        said = [topics.classes[place] for place in mean.argmax(axis=1)]
        expected.append(np.mean([one == gold for one, gold in zip(said, topics.golds, strict=True)]))
    assert found.gains[0].score.estimate == pytest.approx(np.mean(expected))
    better = max(("gpt", "bert"), key=lambda arm: rights(topics, arm).mean())
    assert found.better == better
    assert found.gains[0].gain.estimate == pytest.approx(np.mean(expected) - rights(topics, better).mean())
    oracle = (rights(topics, "gpt") | rights(topics, "bert")).mean()
    assert found.oracle.estimate == pytest.approx(oracle)
    assert [gain.members for gain in found.gains] == [["gpt", "bert"], [better], ["gpt", "bert"]]


def test_every_kind_of_task_has_details_that_come_back_from_json(made):
    tasks = [made.answers(kind, examples=60) for kind in made.KINDS]
    found = find_details(tasks, Silent())
    assert as_record(Details, to_json(found)) == found
    assert isinstance(found, Details)
    for task, answers in zip(found.tasks, tasks, strict=True):
        assert task.task == answers.name
        assert len(task.disagreements) == len(task.together) == 3
        assert task.calibrations or task.why_not_calibrated
        assert all(pair.gains or pair.why_not for pair in task.together)
