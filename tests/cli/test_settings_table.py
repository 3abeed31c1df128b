import dataclasses
import typing

from twinlm import settings
from twinlm.cli import settings_table
from twinlm.settings import KindSettings, Settings, presets


def test_every_setting_has_a_row_and_a_meaning():
    rows = {row.name: row for row in settings_table.rows()}
    assert {
        "recipe",
        "size",
        "seed",
        "corpus.train",
        "task.train",
        "pretrain.optimizer.beta2",
        "model.width",
    } <= rows.keys()
    leaves = sum(
        not dataclasses.is_dataclass(typing.get_type_hints(record)[field.name])
        and field.name not in ("task", "arm", "imported")
        for record in vars(settings).values()
        if dataclasses.is_dataclass(record) and record is not KindSettings
        for field in dataclasses.fields(record)
    )
    leaves -= sum(  # an arm's tables are those of its kind
        not dataclasses.is_dataclass(typing.get_type_hints(settings.KindSettings)[field.name])
        for field in dataclasses.fields(settings.KindSettings)
    )
    optimizer = len(dataclasses.fields(settings.OptimizerSettings))  # stands twice: [pretrain] and [finetune]
    assert len(rows) == leaves + optimizer + len({"size", "recipe"})
    assert all(row.meaning for row in rows.values())


def test_the_meaning_is_the_docstring_below_the_field():
    assert settings_table.meanings(Settings)["seed"].startswith("Seed of pre-training: splits")


def test_defaults_that_differ_between_the_kinds_are_shown_for_each():
    rows = {row.name: row for row in settings_table.rows()}
    assert rows["pretrain.optimizer.schedule"].default == '"cosine" (gpt), "linear" (bert)'
    assert rows["model.width"].default == str(presets.resolve(None, {}).gpt.model.width)
    assert rows["pretrain.mask_share"].limits == "above 0, at most 0.9"
    assert rows["compare.seeds"].type == "list of whole number"


def test_values_are_shown_as_toml_writes_them():
    assert [settings_table.shown(value) for value in (True, 'a"b', (1, 2), 2e13, 0.1, 3)] == [
        "true", '"a\\"b"', "[1, 2]", "2e+13", "0.1", "3",
    ]  # fmt: skip
