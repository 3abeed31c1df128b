"""A pair of unequal sizes is refused, and following the hint makes it equal."""

import re
from dataclasses import replace

import pytest

from twinlm.compare.plan.same_size import check_match, resized
from twinlm.errors import UsageError
from twinlm.families import FAMILIES
from twinlm.settings import ModelSettings, Settings, presets
from twinlm.train.costs import PretrainPlan, count_parameters

SMALL = {"model.layers": "2", "model.width": "32", "model.heads": "2"}
SHARED = {"gpt": 300, "bert": 300}


def settings_of(**more: str) -> Settings:
    return presets.resolve(
        None, {**SMALL, **{name.replace("__", "."): value for name, value in more.items()}}
    )


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
    larger = replace(second, non_embedding_parameters=int(1.06 * first.non_embedding_parameters))
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
