"""The rules that settings keep."""

import ast
import dataclasses
import inspect
import typing
from typing import Any

import pytest

from twinlm import settings
from twinlm.errors import UsageError
from twinlm.settings import (
    CompareSettings,
    FinetuneSettings,
    ImportedSettings,
    KindSettings,
    ModelSettings,
    PretrainSettings,
    Settings,
    TaskSettings,
    build,
    presets,
)
from twinlm.settings.tree import given

RECORDS = [value for value in vars(settings).values() if dataclasses.is_dataclass(value)]


def _refuse(table: dict[str, Any]) -> UsageError:
    with pytest.raises(UsageError) as caught:
        build.build(Settings, given(table))
    return caught.value


def test_heads_must_divide_the_width() -> None:
    error = _refuse({"gpt": {"model": {"width": 770, "heads": 12}}})
    assert "[gpt.model] width must be a multiple of heads, but width=770 and heads=12" in error.message
    assert error.hint


@pytest.mark.parametrize(
    ("part", "name", "value"),
    [
        ("model", "layers", 0),
        ("model", "width", -4),
        ("model", "heads", 0),
        ("model", "max_length", 7),
        ("model", "dropout", 1.0),
        ("pretrain", "length", 0),
        ("pretrain", "batch_sequences", 0),
        ("pretrain", "batch_sequences", 10**12),
        ("pretrain", "micro_batch_sequences", -1),
        ("pretrain", "validations", 0),
        ("pretrain", "validation_sequences", 0),
        ("pretrain", "checkpoint_every_steps", 0),
        ("pretrain", "mask_share", 0),
        ("pretrain", "mask_share", 1),
        ("pretrain", "sentence_task", "both"),
        ("pretrain", "short_share", 1.5),
        ("pretrain", "static_masks", -1),
        ("pretrain", "max_predictions", -1),
        ("pretrain", "mask_unit", "sentence"),
        ("pretrain", "pairs", "bing"),
        ("finetune", "epochs", 0),
        ("finetune", "batch_examples", 0),
        ("finetune", "auxiliary_weight", -0.5),
    ],
)
def test_a_value_out_of_range_is_refused_by_name(part: str, name: str, value: float) -> None:
    assert _refuse({"bert": {part: {name: value}}}).message.startswith(
        (f"bert.{part}.{name} must be ", f"bert.{part}.{name} can't be ")
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [("learning_rate", 0), ("learning_rate", -1e-3), ("warmup_share", 1.5), ("clip_norm", 0), ("epsilon", 0)],
)
def test_an_optimizer_that_can_not_learn_is_refused(name: str, value: float) -> None:
    error = _refuse({"gpt": {"pretrain": {"optimizer": {name: value}}}})
    assert error.message.startswith(f"gpt.pretrain.optimizer.{name} must be ")


@pytest.mark.parametrize(
    "table",
    [
        {"seed": -1},
        {"threads": -1},
        {"precision": "float16"},
        {"budget": {"amount": 0}},
        {"budget": {"match": "epochs"}},
        {"tokenizer": {"vocab_size": 8}},
        {"corpus": {"valid_share": 0}},
        {"corpus": {"test_share": 0.5}},
        {"task": [{"valid_share": 0.5}]},
        {"task": [{"max_train_examples": -1}]},
    ],
)
def test_a_run_that_can_not_be_made_is_refused(table: dict[str, Any]) -> None:
    _refuse(table)


def test_something_is_left_to_train_on_at_the_largest_shares() -> None:
    for record in (settings.CorpusSettings, settings.TaskSettings):
        shares = [
            f.metadata["most"]
            for f in dataclasses.fields(record)
            if f.name.endswith("_share") and "bad" not in f.name
        ]
        assert 2 * max(shares) < 1


@pytest.mark.parametrize("seeds", [(), (1, 1), (1, 2, 3, 2)])
def test_seeds_must_differ_since_equal_runs_prove_nothing_twice(seeds: tuple[int, ...]) -> None:
    with pytest.raises(UsageError, match="seeds must be different numbers, at least one"):
        CompareSettings(seeds=seeds)


def test_a_length_must_fit_the_model() -> None:
    model = ModelSettings(max_length=64)
    short = {"pretrain": PretrainSettings(length=64), "finetune": FinetuneSettings(max_length=64)}
    KindSettings(model=model, **short)
    for name, part in [
        ("pretrain.length", PretrainSettings(length=65)),
        ("finetune.max_length", FinetuneSettings(max_length=65)),
    ]:
        with pytest.raises(UsageError, match=f"{name}=65 is longer than model.max_length=64"):
            KindSettings(model=model, **{**short, name.partition(".")[0]: part})


def test_no_more_layers_are_transferred_or_frozen_than_there_are() -> None:
    for name in ("transferred_layers", "frozen_layers"):
        KindSettings(finetune=FinetuneSettings(**{name: 4}))
        with pytest.raises(UsageError, match=f"finetune.{name}=5, but the model has 4 layers"):
            KindSettings(finetune=FinetuneSettings(**{name: 5}))
    with pytest.raises(UsageError, match="frozen_layers=3 is more than transferred_layers=2"):
        FinetuneSettings(transferred_layers=2, frozen_layers=3)
    FinetuneSettings(transferred_layers=-1, frozen_layers=3)


@pytest.mark.parametrize("first_length", [7, 128, 200])
def test_a_first_length_is_a_shorter_one(first_length: int) -> None:
    PretrainSettings(length=128, first_length=64)
    with pytest.raises(UsageError, match=f"first_length={first_length} must be from 8 to below length=128"):
        PretrainSettings(length=128, first_length=first_length)


def test_pairs_of_the_released_code_are_next_sentences() -> None:
    PretrainSettings(pairs="google")
    for task in ("sentence_order", "none"):
        with pytest.raises(UsageError, match=f'pairs="google" .* but sentence_task is "{task}"'):
            PretrainSettings(pairs="google", sentence_task=task)


def test_micro_batches_must_divide_the_batch() -> None:
    KindSettings(pretrain=PretrainSettings(batch_sequences=32, micro_batch_sequences=8))
    for micro in (5, 64):
        with pytest.raises(
            UsageError,
            match=rf"pretrain\.micro_batch_sequences={micro} does not divide pretrain\.batch_sequences=32",
        ):
            KindSettings(pretrain=PretrainSettings(batch_sequences=32, micro_batch_sequences=micro))


@pytest.mark.parametrize(
    "lines",
    [
        "compare.budget_shares = [0.5, 0.05]",
        "arm = [{kind = 'bert', budget_share = 0.05}]",
    ],
)
def test_a_share_of_a_budget_of_steps_is_as_many_steps_as_a_budget(tmp_path, lines: str) -> None:
    file = tmp_path / "my.toml"
    for match, amount in (("steps", 200), ("tokens", 100), ("steps", 199)):
        file.write_text(f"budget = {{match = '{match}', amount = {amount}}}\n{lines}")
        if (match, amount) != ("steps", 199):
            presets.resolve(file, {})
            continue
        said = r"0\.05 in (compare\.)?budget_shares? of budget\.amount=199 steps is 9; .* at least 10 steps"
        with pytest.raises(UsageError, match=said) as error:
            presets.resolve(file, {})
        assert error.value.file == str(file)


def test_every_default_keeps_its_own_range() -> None:
    assert build.build(Settings, given(build.plain(Settings()))) == Settings()


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.__name__)
def test_every_setting_says_what_it_means_and_numbers_have_a_range(record: type) -> None:
    body = ast.parse(inspect.getsource(record)).body[0].body  # type: ignore[attr-defined]
    for number, node in enumerate(body):
        if isinstance(node, ast.AnnAssign):
            assert isinstance(body[number + 1], ast.Expr), ast.unparse(node)
    hints = typing.get_type_hints(record)
    for item in dataclasses.fields(record):
        if hints[item.name] in (int, float):
            limits = item.metadata
            assert limits["least"] is not None or limits["above"] is not None, item.name


@pytest.mark.parametrize("name", ["", "..", "../x", "a/b", ".hidden", "a\nb", "x" * 81, "/tmp"])
def test_a_name_that_can_be_no_folder_of_its_own_is_refused(name: str) -> None:
    for record in (TaskSettings, ImportedSettings):
        with pytest.raises(UsageError, match="can't be the name of"):
            record(name=name)


@pytest.mark.parametrize("name", ["sst2", "ud-ewt-pos", "größe", "a b (c).d+e_f"])
def test_a_usual_name_is_taken(name: str) -> None:
    assert TaskSettings(name=name).name == ImportedSettings(name=name).name == name


def test_reading_from_both_sides_goes_without_the_loss_of_next_tokens() -> None:
    FinetuneSettings(both_sides=True, auxiliary_weight=0)
    with pytest.raises(UsageError, match=r"auxiliary_weight=0.5 would train it to copy") as caught:
        FinetuneSettings(both_sides=True)
    assert "auxiliary_weight = 0" in caught.value.hint


def test_micro_batches_divide_the_examples_of_a_step() -> None:
    with pytest.raises(
        UsageError, match=r"finetune\.micro_batch_examples=5 does not divide finetune\.batch_examples=32"
    ):
        settings.KindSettings(finetune=settings.FinetuneSettings(micro_batch_examples=5))


def test_a_model_in_parts_needs_the_fast_reduction() -> None:
    with pytest.raises(UsageError, match='but reduce = "ordered"'):
        settings.ProcessSettings(shard=True)
    assert settings.ProcessSettings(shard=True, reduce="fast").numerics == {"reduce": "fast"}
    assert settings.ProcessSettings().numerics == {}
