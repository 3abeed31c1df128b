"""What a step takes: the budget buys whole steps, and the time of one is that of training's own."""

from pathlib import Path

import pytest

from twinlm.data.text.sentences import split_sentences
from twinlm.data.tokens.store import TokenStore
from twinlm.data.tokens.writing import write_store
from twinlm.errors import UsageError
from twinlm.families import FAMILIES
from twinlm.settings import BudgetSettings, presets
from twinlm.system.log import Silent
from twinlm.tokenizer import Tokenizer, train_tokenizer
from twinlm.train.costs import budget_steps, seconds_per_step, step_costs, usual_s

TINY = {
    "model.layers": "1",
    "model.width": "16",
    "model.heads": "2",
    "pretrain.length": "32",
    "pretrain.batch_sequences": "4",
}
TEXTS = [f"The cat number {number} sleeps. The dog sees it. It runs away." for number in range(60)]


@pytest.fixture(scope="module")
def part(tmp_path_factory: pytest.TempPathFactory) -> tuple[TokenStore, Tokenizer]:
    made = train_tokenizer(TEXTS, algorithm="byte-bpe", vocab_size=300, lowercase=False, progress=Silent())
    folder = tmp_path_factory.mktemp("text") / "store"
    return write_store(folder, TEXTS, made, split_sentences, total=60, progress=Silent()), made


@pytest.mark.parametrize("name", FAMILIES)
def test_a_step_is_timed_at_any_rate_and_nothing_is_left(
    name: str, part, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = presets.resolve(None, {**TINY, "pretrain.optimizer.learning_rate": "1"})
    kind = getattr(settings, name)
    assert 0 < seconds_per_step(FAMILIES[name], kind, *part, seed=0, precision="float32") < 1
    assert not list(tmp_path.iterdir())


def test_two_phases_count_by_their_shares(part) -> None:
    kinds = {
        share: presets.resolve(
            None, {**TINY, "pretrain.first_length": "8", "pretrain.first_share": str(share)}
        ).gpt
        for share in (0.25, 0.5, 0.75)
    }
    tokens = {
        share: step_costs(FAMILIES["gpt"], kind, *part, seed=0)["tokens"] for share, kind in kinds.items()
    }
    assert tokens == {0.25: 4 * 26, 0.5: 4 * 20, 0.75: 4 * 14}


def test_the_usual_time_of_a_step_is_that_of_most_steps() -> None:
    first, disturbed = [9.0, 9.0, 9.0], [50.0, 0.1]
    assert usual_s([*first, 2.0, *disturbed, 2.0, 2.0, 2.0, 2.0, 2.0]) == 2
    assert usual_s([*first, 1.0, 2.0]) == 1.5


def test_a_budget_of_a_few_steps_is_refused_with_its_price() -> None:
    costs = {"tokens": 100.0, "flops": 1e6}
    assert budget_steps(BudgetSettings(match="tokens", amount=1099), costs, 0.1) == 10
    said = (
        "999 tokens buys 9 steps of 100 each; 9 are too few: at least 10, which take 1e[+]03; .* the batch$"
    )
    with pytest.raises(UsageError, match=said):
        budget_steps(BudgetSettings(match="tokens", amount=999), costs, 0.1)
    with pytest.raises(UsageError, match="or lower the batch or the model's size"):
        budget_steps(BudgetSettings(match="flops", amount=1e6), costs, 0.1)


def test_too_few_steps_are_refused_with_the_settings() -> None:
    assert BudgetSettings(match="steps", amount=10).amount == 10
    with pytest.raises(
        UsageError, match=r"5 steps are too few: at least 10; set budget\.amount = 10 or more"
    ):
        BudgetSettings(match="steps", amount=5)


def test_predicted_tokens_and_money_are_budgets() -> None:
    costs = {"targets": 50.0}
    assert budget_steps(BudgetSettings(match="targets", amount=1000), costs, 0.1) == 20
    priced = BudgetSettings(match="money", amount=1, price_per_hour=36)
    assert budget_steps(priced, costs, 2.5) == 40
    with pytest.raises(UsageError, match="needs a price"):
        BudgetSettings(match="money", amount=1)
