"""A plan: equal budgets give what they say, unequal sizes are refused, and what was planned stays."""

import json
from pathlib import Path

import pytest

from twinlm.compare.plan.matches import all_matches, taken
from twinlm.compare.run import Run
from twinlm.core.count import least_training_bytes
from twinlm.errors import ResourceError
from twinlm.settings import presets
from twinlm.system.log import Silent
from twinlm.system.stopping import Stop
from twinlm.train.costs import PretrainPlan

SMALL = {
    "corpus.train": "text.txt",
    "tokenizer.vocab_size": "300",
    "model.layers": "1",
    "model.width": "16",
    "model.heads": "2",
    "model.max_length": "32",
    "pretrain.length": "32",
    "finetune.max_length": "32",
    "pretrain.batch_sequences": "4",
    "threads": "1",
}


@pytest.fixture
def plans(tmp_path: Path, write_project, monkeypatch):
    write_project(tmp_path, 80)
    monkeypatch.chdir(tmp_path)

    def make(out: str, **more: str) -> dict[str, PretrainPlan]:
        settings = presets.resolve(None, {**SMALL, **more})
        with Run(Path(out), settings, is_demo=False, progress=Silent(), stop=Stop()) as run:
            return run.bodies.plans

    return make


@pytest.mark.parametrize(("match", "amount"), [("tokens", 20_000.0), ("flops", 3e9)])
def test_both_kinds_get_the_budget_within_one_step(plans, match: str, amount: float) -> None:
    made = plans("run", **{"budget.match": match, "budget.amount": str(amount)})
    for plan in made.values():
        spent = getattr(plan, match)
        assert amount - spent / plan.steps <= spent <= amount
        assert plan.seconds > 0 and plan.memory_bytes > 0 and plan.corpus_passes > 0
    assert len({plan.non_embedding_parameters for plan in made.values()}) == 1


def test_steps_bought_with_seconds_are_planned_once(plans) -> None:
    budget = {"budget.match": "seconds", "budget.amount": "2"}
    assert plans("run", **budget) == plans("run", **budget)


def test_what_can_not_fit_into_memory_is_refused_at_once_with_numbers(plans) -> None:
    huge = {"model.layers": "999", "model.width": "65536", "model.heads": "64"}
    said = r"a GPT of [\d,]{15,} parameters takes at least [\d,]+\.\d GiB of memory, and [\d,.]+ GiB are free"
    with pytest.raises(ResourceError, match=said):
        plans("run", **huge)


def test_the_least_memory_is_no_more_than_what_is_used(plans) -> None:
    sizes = {"width": 16, "layers": 1, "feed_forward": 64}
    for plan in plans("run", **{"budget.match": "tokens", "budget.amount": "20000"}).values():
        assert least_training_bytes(parameters=plan.parameters, positions=128, **sizes) < plan.memory_bytes


def test_what_another_match_would_mean_is_what_its_plan_says(plans) -> None:
    made = plans("run", **{"budget.match": "tokens", "budget.amount": "20000"})
    matches = {match.axis: match for match in all_matches(made, dict.fromkeys(made, 1.0))}
    for axis in ("flops", "targets", "steps"):
        budget = {"budget.match": axis, "budget.amount": repr(taken(made["gpt"], axis) * (1 + 1e-9))}
        found = plans(axis, **budget)["bert"]
        for what in ("steps", "tokens", "targets", "flops", "corpus_passes"):
            assert getattr(matches[axis].plans["bert"], what) == pytest.approx(getattr(found, what))


def test_a_plan_that_an_earlier_version_wrote_is_read(plans) -> None:
    budget = {"budget.match": "tokens", "budget.amount": "20000"}
    plans("run", **budget)
    path = Path("run/plan/gpt/plan.json")
    before = {
        "family": "gpt",
        "steps": 77,
        "tokens": 1.0,
        "targets": 1.0,
        "flops": 1.0,
        "seconds": 1.0,
        "memory_bytes": 1,
        "corpus_passes": 1.0,
        "parameters": json.loads(path.read_text())["parameters"],
        "non_embedding_parameters": json.loads(path.read_text())["non_embedding_parameters"],
    }
    path.write_text(json.dumps(before))
    assert plans("run", **budget)["gpt"].steps == 77
