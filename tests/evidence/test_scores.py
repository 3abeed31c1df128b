"""From answers to scores: which seeds failed."""

import pytest

from twinlm.evidence.scores import failed_seeds


def test_a_seed_that_gives_one_class_only_has_failed():
    answers = [["b", "b", "b"], ["a", "b", "b"], ["c", "c", "c"]]
    assert failed_seeds(["0", "1", "7"], answers) == ["0", "7"]


@pytest.mark.parametrize(
    ("answers", "has_failed"),
    [
        ([["O", "O"], ["O"]], True),
        ([["O", "O"], ["B-PER"]], False),
        (["", "", ""], True),
        (["", "Ada", ""], False),
        ([0, 0], True),
        ([0, 1], False),
        ([2.5, 2.5], True),
        ([2.5, 2.500001], False),
    ],
)
def test_one_answer_or_one_tag_to_everything_is_a_failure_whatever_the_kind_of_task(answers, has_failed):
    assert failed_seeds(["3"], [answers]) == (["3"] if has_failed else [])
