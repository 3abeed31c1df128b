"""A plan: equal budgets give what they say, unequal sizes are refused, and what was planned stays."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec import structs

from twinlm.comparison.plan.budgets import check_match, resized
from twinlm.comparison.plan.matches import all_matches, taken
from twinlm.comparison.run import Run
from twinlm.core.count import least_training_bytes
from twinlm.errors import ResourceError, UsageError
from twinlm.families import FAMILIES
from twinlm.settings import ModelSettings, Settings, presets
from twinlm.system.log import Silent
from twinlm.system.stopping import Stop
from twinlm.train.costs import PretrainPlan, count_parameters

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
PAIR = {"model.layers": "2", "model.width": "32", "model.heads": "2"}
SHARED = {"gpt": 300, "bert": 300}


@pytest.fixture
def plans(tmp_path: Path, write_project, monkeypatch):
    write_project(tmp_path, 80)
    monkeypatch.chdir(tmp_path)

    def make(out: str, **more: str) -> dict[str, PretrainPlan]:
        settings = presets.resolve(None, {**SMALL, **more})
        with Run(Path(out), settings, is_demo=False, progress=Silent(), stop=Stop()) as run:
            return run.pretraining.plans

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
    huge = {"model.layers": "99", "model.width": "65536", "model.heads": "64"}
    said = r"a GPT of [\d,]{15,} parameters needs at least [\d,]+\.\d GiB of memory, but [\d,.]+ GiB are free"
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


def settings_of(**more: str) -> Settings:
    return presets.resolve(None, {**PAIR, **{name.replace("__", "."): value for name, value in more.items()}})


def planned(settings: Settings, vocab_sizes: dict[str, int]) -> list[PretrainPlan]:
    """Return plans of which only the sizes matter."""
    plans = []
    for name, family in FAMILIES.items():
        total, layers = count_parameters(family, getattr(settings, name).model, vocab_sizes[name])
        nothing = {"tokens": 1.0, "targets": 1.0, "flops": 1.0, "seconds": 1.0, "corpus_passes": 1.0}
        sizes = {"parameters": total, "non_embedding_parameters": layers}
        plans.append(PretrainPlan(family=name, steps=10, memory_bytes=1, **nothing, **sizes))
    return plans


def check(settings: Settings, vocab_sizes: dict[str, int] = SHARED) -> None:
    check_match(planned(settings, vocab_sizes), settings, vocab_sizes)


def refusal(settings: Settings, vocab_sizes: dict[str, int] = SHARED) -> UsageError:
    with pytest.raises(
        UsageError, match=r"not of one size: gpt [\d,]+ and bert [\d,]+ parameters in"
    ) as caught:
        check(settings, vocab_sizes)
    return caught.value


def test_layers_of_different_sizes_are_no_pair() -> None:
    settings = settings_of()
    check(settings)
    first, second = planned(settings, SHARED)
    larger = structs.replace(second, non_embedding_parameters=int(1.06 * first.non_embedding_parameters))
    with pytest.raises(UsageError, match=r"in their layers.*set both sizes"):
        check_match([first, larger], settings, SHARED)


def test_all_parameters_can_be_asked_to_be_as_many_and_one_setting_makes_them() -> None:
    settings = settings_of(budget__same_parameters="total")
    hint = refusal(settings).hint
    found = re.fullmatch(r"set bert\.model\.feed_forward = (\d+)", hint)
    assert found and int(found[1]) < 128
    mended = settings_of(budget__same_parameters="total", bert__model__feed_forward=found[1])
    check(mended)
    gpt, bert = planned(mended, SHARED)
    assert abs(gpt.parameters / bert.parameters - 1) < 0.01


def test_a_large_vocabulary_costs_layers_or_width() -> None:
    """As with a tokenizer of its own for each kind: feed-forward layers alone can't make up for it."""
    sizes = {"gpt": 900, "bert": 300}
    settings = settings_of(budget__same_parameters="total")
    given = dict(re.findall(r"gpt\.model\.(\w+) = (\d+)", refusal(settings, sizes).hint))
    assert "width" in given or "layers" in given
    check(
        settings_of(budget__same_parameters="total", **{f"gpt__model__{k}": v for k, v in given.items()}),
        sizes,
    )


def test_a_model_that_goes_on_keeps_its_sizes_and_the_other_one_grows() -> None:
    settings = settings_of(budget__same_parameters="total")
    bert = replace(settings.bert, pretrain=replace(settings.bert.pretrain, start="somewhere"))
    assert refusal(replace(settings, bert=bert)).hint.startswith("set gpt.model.feed_forward = 1")
    gpt = replace(settings.gpt, pretrain=replace(settings.gpt.pretrain, start="elsewhere"))
    assert "more alike" in refusal(replace(settings, gpt=gpt, bert=bert)).hint


def test_what_no_sizes_can_reach_is_not_promised() -> None:
    assert resized(FAMILIES["gpt"], ModelSettings(layers=1, width=16, heads=2), 300, 100) is None
