"""From answers to scores: which seeds failed, and what frozen probes change: nothing but their own rows."""

import numpy as np
import pytest
from msgspec.structs import replace

from twinlm.data.labels.tags import ENTITIES, RUNS, WORDS
from twinlm.evidence.intervals import difference, difference_within
from twinlm.evidence.multiple_testing import adjusted
from twinlm.evidence.outcomes import Outcomes
from twinlm.evidence.scores import failed_seeds, scored
from twinlm.report.verdict import sentences, with_verdicts
from twinlm.rng import stream
from twinlm.tasks.table import task_kind


def test_a_seed_that_gives_one_class_only_has_failed():
    answers = [["b", "b", "b"], ["a", "b", "b"], ["c", "c", "c"]]
    assert failed_seeds(["0", "1", "7"], answers, task_kind("classification").metric([])) == ["0", "7"]


@pytest.mark.parametrize(
    ("kind", "scheme", "answers", "has_failed"),
    [
        ("tagging", ENTITIES, [["O", "O"], ["O"]], True),
        ("tagging", ENTITIES, [["O", "O"], ["B-PER"]], False),
        ("tagging", ENTITIES, [["O", "0"], ["odd"]], True),  # stray tags count as O
        ("tagging", ENTITIES, [["B-PER", "U-PER"], ["S-PER"]], True),
        ("tagging", ENTITIES, [["I-PER", "I-PER"], ["I-PER"]], True),
        ("tagging", ENTITIES, [["B-PER", "I-PER"], ["B-PER"]], False),
        ("tagging", RUNS, [["O", "o"], ["0"]], True),
        ("tagging", RUNS, [["O", "PER"], ["O"]], False),
        ("tagging", WORDS, [["O", "0"], ["O"]], False),
        ("span_qa", "", ["", "", ""], True),
        ("span_qa", "", ["", "Ada", ""], False),
        ("span_qa", "", ["", ".", "the"], True),  # SQuAD's script reads all three as no answer
        ("choice", "", [0, 0], True),
        ("choice", "", [0, 1], False),
        ("similarity", "", [2.5, 2.5], True),
        ("similarity", "", [2.5, 2.500001], False),
    ],
)
def test_one_answer_or_one_tag_to_everything_is_a_failure_whatever_the_kind_of_task(
    kind, scheme, answers, has_failed
):
    metric = task_kind(kind).metric([], scheme)
    assert metric.is_one_answer(answers) == has_failed
    assert failed_seeds(["3"], [answers], metric) == (["3"] if has_failed else [])


@pytest.mark.parametrize("groups", [1, 2])
def test_scores_winners_and_verdicts_are_those_without_frozen_probes(made, groups):
    answers = made.answers("classification", models=4, groups=groups)
    whole, plain = (
        with_verdicts(adjusted([scored(given)])) for given in (answers, replace(answers, frozen=[]))
    )
    assert [score.arm for score in whole[0].frozen] == ["gpt", "bert", "old"]
    assert replace(whole[0], frozen=[]) == plain[0]
    assert sentences(whole) == sentences(plain)


def test_the_lead_over_a_frozen_body_is_paired_by_pre_training():
    """Two pre-trainings of very different quality; fine-tuning mends 40 of 400 answers of both."""
    chance = stream(3, "bodies")
    frozen_RE = np.stack([chance.random(400) < 0.4, chance.random(400) < 0.8])
    tuned_RE = np.repeat(frozen_RE, 3, axis=0)
    for row_E in tuned_RE:
        row_E[chance.choice(np.flatnonzero(~row_E), 40, replace=False)] = True
    arm, frozen = Outcomes(tuned_RE, groups=2), Outcomes(frozen_RE, groups=2)
    lead = difference_within(arm, frozen)
    assert lead.estimate == pytest.approx(0.1)
    assert 0 < lead.low < lead.high < 0.2
    assert difference(arm, frozen).low < 0  # the bodies' own variation would hide it
