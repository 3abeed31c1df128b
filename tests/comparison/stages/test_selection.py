"""The learning rate of an arm is chosen on validation examples, from the same grid for all."""

from types import SimpleNamespace

import pytest

from twinlm.comparison.plan.arms import arms
from twinlm.comparison.stages.finetuning import Trial
from twinlm.comparison.stages.selection import Selection
from twinlm.errors import DivergedError
from twinlm.settings import presets

SETTINGS = presets.resolve(None, {})
ARM = arms(SETTINGS)[0]


class Finetuning:
    """Fine-tunings whose validation figures are given by learning rate; None diverged."""

    def __init__(self, figures):
        self.figures = figures
        self.asked = []

    def trials(self, arm, task, learning_rate=None):
        return [
            Trial(arm=arm, task=task, seed=seed, first_seed=0, learning_rate=learning_rate) for seed in (0, 1)
        ]

    def tried(self, trial):
        self.asked.append(trial.learning_rate)
        figure = self.figures[trial.learning_rate][trial.seed]
        if figure is None:
            return None
        return SimpleNamespace(
            validation={"accuracy": figure}, one_answer=figure == 0.5, flops=2.0, seconds=1.0
        )


def selection(figures):
    rates = tuple(rate for rate in figures if rate is not None)
    settings = SimpleNamespace(compare=SimpleNamespace(learning_rates=rates))
    return Selection(SimpleNamespace(settings=settings), Finetuning(figures))


def kept(figures):
    return selection(figures).chosen(ARM, "topic")[0].learning_rate


def test_the_rate_with_the_best_mean_is_kept():
    assert kept({1e-4: (0.6, 0.6), 1e-3: (0.9, 0.5), 1e-2: (0.7, 0.65)}) == 1e-3


@pytest.mark.parametrize(
    ("figures", "wanted"),
    [
        ({1e-2: (0.7, 0.7), 1e-3: (0.7, 0.7)}, 1e-3),
        ({1e-3: (0.7, 0.7), 1e-2: (0.7, 0.7)}, 1e-3),
        ({1e-4: (0.75, 0.75), 1e-3: (1.0, 0.5), 1e-2: (0.5, 0.5)}, 1e-4),
        ({1e-3: (0.7, 0.7), 1e-2: (0.7, None)}, 1e-3),
    ],
)
def test_of_equal_rates_the_lowest_is_kept_whatever_their_order(figures, wanted):
    assert kept(figures) == wanted


def test_a_rate_that_diverged_with_one_seed_is_not_kept():
    assert kept({1e-3: (0.6, 0.6), 1e-2: (0.99, None)}) == 1e-3


def test_an_arm_that_always_diverges_is_an_error_that_says_what_to_do():
    with pytest.raises(DivergedError, match="GPT on topic diverged at each of the learning rates") as caught:
        kept({1e-2: (None, 0.6), 1e-1: (None, None)})
    assert "lower" in caught.value.hint


def test_rates_are_chosen_once():
    made = selection({1e-3: (0.6, 0.6), 1e-2: (0.5, 0.5)})
    made.chosen(ARM, "topic")
    asked = len(made.finetuning.asked)
    made.chosen(ARM, "topic")
    assert len(made.finetuning.asked) == asked


def test_without_a_grid_the_arm_has_its_own_rate_and_nothing_is_tried():
    made = selection({None: (0.6, 0.6)})
    assert [trial.learning_rate for trial in made.chosen(ARM, "topic")] == [None, None]
    assert made.finetuning.asked == []


def test_the_ledger_counts_all_trials_and_failures():
    made = selection({1e-3: (0.8, 0.6), 1e-2: (0.5, None)})
    found = made.ledger(ARM, "topic")
    low, high = found.tried
    assert found.kept == 1e-3
    assert (low.trials, low.failed, low.validation, low.flops) == (2, 0, pytest.approx(0.7), 4.0)
    assert (high.trials, high.failed, high.validation, high.flops) == (2, 2, None, 2.0)


def test_a_trial_that_diverged_makes_the_mean_minus_infinity():
    made = selection({1e-2: (0.5, None)})
    assert made.validation_mean(made.finetuning.trials(ARM, "topic", learning_rate=1e-2)) == float("-inf")
