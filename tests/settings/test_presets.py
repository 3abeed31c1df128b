"""How a file, overrides and presets become the settings of a run."""

import copy
import dataclasses
import typing
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from twinlm.errors import UsageError
from twinlm.settings import Settings, build
from twinlm.settings.presets import DEFAULT_SIZE, DEMO, KINDS, SIZES, resolve


def _resolve(tmp_path: Path, text: str, overrides: dict[str, str] | None = None, **base: Any) -> Settings:
    path = tmp_path / "run.toml"
    path.write_text(text)
    return resolve(path, overrides or {}, base=base)


def test_the_kinds_differ_as_their_papers_do() -> None:
    run = resolve(None, {})
    assert run.gpt.pretrain.optimizer.schedule == "cosine"
    assert run.bert.pretrain.optimizer.schedule == "linear"
    assert (run.gpt.pretrain.optimizer.epsilon, run.bert.pretrain.optimizer.epsilon) == (1e-8, 1e-6)
    assert run.gpt.finetune.optimizer.warmup_share == 0.002
    assert run.bert.finetune.optimizer.warmup_share == 0.1
    assert run.gpt.model == run.bert.model


@pytest.mark.parametrize("size", SIZES)
def test_every_size_is_a_valid_run_with_equal_models(size: str) -> None:
    run = resolve(None, {"size": size})
    assert run.gpt.model == run.bert.model
    assert run.gpt.model.layers == SIZES[size]["model"]["layers"]
    assert run.gpt.pretrain.optimizer.learning_rate == SIZES[size]["pretrain"]["optimizer"]["learning_rate"]


def test_the_demo_is_a_valid_run() -> None:
    resolve(None, {}, base=DEMO)
    assert resolve(None, {"title": "mine"}, base=DEMO).title == "mine"


# Where the number of layers is given -> the layers of GPT and of BERT. A later source wins.
LAYERS = [
    ("size", "", {}, {}, (2, 2)),
    ("size in the file", "size = 'base'", {}, {}, (12, 12)),
    ("size in the command line", "size = 'base'", {"size": "mini"}, {}, (4, 4)),
    ("base", "", {}, {"model": {"layers": 20}}, (20, 20)),
    ("base of one kind", "", {}, {"gpt": {"model": {"layers": 20}}}, (20, 2)),
    ("base over size", "size = 'base'", {}, {"model": {"layers": 20}}, (20, 20)),
    ("file over base", "[model]\nlayers = 30", {}, {"model": {"layers": 20}}, (30, 30)),
    ("file over base of one", "[model]\nlayers = 30", {}, {"gpt": {"model": {"layers": 20}}}, (30, 30)),
    ("file of one over both", "[gpt.model]\nlayers = 31\n[model]\nlayers = 30", {}, {}, (31, 30)),
    ("line over file", "[model]\nlayers = 30", {"model.layers": "40"}, {}, (40, 40)),
    ("line over file of one", "[gpt.model]\nlayers = 31", {"model.layers": "40"}, {}, (40, 40)),
    ("line of one over line", "", {"bert.model.layers": "41", "model.layers": "40"}, {}, (40, 41)),
    ("line of one over file", "[model]\nlayers = 30", {"bert.model.layers": "41"}, {}, (30, 41)),
]


@pytest.mark.parametrize(
    ("text", "overrides", "base", "wanted"), [row[1:] for row in LAYERS], ids=[row[0] for row in LAYERS]
)
def test_a_later_source_wins(
    tmp_path: Path, text: str, overrides: dict[str, str], base: dict[str, Any], wanted: tuple[int, int]
) -> None:
    run = _resolve(tmp_path, text, overrides, **base)
    assert (run.gpt.model.layers, run.bert.model.layers) == wanted


def test_a_table_for_both_kinds_leaves_what_it_does_not_name() -> None:
    run = resolve(None, {"pretrain.optimizer.weight_decay": "0.5"})
    for kind, schedule in [(run.gpt, "cosine"), (run.bert, "linear")]:
        assert kind.pretrain.optimizer.weight_decay == 0.5
        assert kind.pretrain.optimizer.schedule == schedule
        assert kind.finetune.optimizer.weight_decay == 0.01


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("[modle]\nlayers = 1", 1, "did you mean 'model'?"),
        ("\nsiez = 'mini'", 2, "did you mean 'size'?"),
        ("[pretrian]", 1, "did you mean 'pretrain'?"),
        ("[model]\nlayer = 1", 2, "did you mean 'layers'?"),
        ("[gtp.model]\nlayers = 1", 1, "did you mean 'gpt'?"),
        ("size = 'tinny'", 1, "size can't be 'tinny'; did you mean 'tiny'?"),
        ("size = ['tiny']", 1, "size can't be ['tiny']"),
        ("[size]\nx = 1", 1, "size can't be {'x': 1}"),
        ("size = true", 1, "size can't be True"),
        ("model = 5", 1, "'model' can't be both a table of settings and the value 5"),
        ("gpt = 5", 1, "'gpt' can't be both a table of settings and the value 5"),
        ("[gpt]\nmodel = 'x'", 2, "'model' can't be both"),
        (
            "[[model]]\nlayers = 1",
            1,
            "'model' can't be both a table of settings and the value [{'layers': 1}]",
        ),
        ("[task]\ntrain = 'x.csv'", 1, "task is a list of tables, not a table of settings; write [[task]]"),
        ("[gpt.model]\nwidth = 130\nheads = 4", 2, "[gpt.model] width must be a multiple of heads"),
        ("[model]\nmax_length = 64", None, "pretrain.length=128 is longer than model.max_length=64"),
    ],
)
def test_a_mistake_names_file_line_and_the_way_out(
    tmp_path: Path, text: str, line: int | None, words: str
) -> None:
    with pytest.raises(UsageError) as caught:
        _resolve(tmp_path, text)
    assert words in str(caught.value)
    assert caught.value.file == str(tmp_path / "run.toml")
    if line is not None:
        assert caught.value.line == line


def test_a_table_and_a_value_of_one_name_are_refused_across_sources(tmp_path: Path) -> None:
    for text, overrides in [
        ("gpt = 5", {"gpt.model.layers": "3"}),
        ("[gpt.model]\nlayers = 3", {"gpt": "5"}),
        ("model = 5", {"gpt.model.layers": "3", "bert.model.layers": "3"}),
        ("[[task]]\ntrain = 'a.csv'", {"task.name": "x"}),
    ]:
        with pytest.raises(UsageError, match="can't be both"):
            _resolve(tmp_path, text, overrides)


# Values that a person or a program may write, right and wrong ones, into any place of the schema.
TEXTS = st.text(st.characters(blacklist_categories=["Cs"]), max_size=8)
GARBAGE = (
    st.none()
    | st.booleans()
    | st.integers(-5, 600)
    | st.integers()
    | st.floats()
    | TEXTS
    | st.sampled_from(
        [10**400, "1e-3", "true", "linear", "tokens", "nan", {}, {"x": 1}, [], [[1]], [{"name": 1}]]
    )
    | st.lists(st.integers(0, 3) | TEXTS | st.dictionaries(TEXTS, st.integers(), max_size=1), max_size=3)
)


def _names(record: type, depth: int = 0) -> list[str]:
    """Return the dotted names of all settings in a record, and some that are none."""
    names = ["typo", ""]
    hints = typing.get_type_hints(record)
    for item in dataclasses.fields(record):
        names.append(item.name)
        if dataclasses.is_dataclass(hints[item.name]):
            names += [f"{item.name}.{name}" for name in _names(hints[item.name], depth + 1)]
    return names


EVERY_NAME = [*_names(Settings), "size", "model", "model.heads", "model.width", "pretrain.length", "finetune"]


def _nested(values: dict[str, Any]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for name, value in values.items():
        place, (*tables, key) = tree, name.split(".")
        for table in tables:
            if not isinstance(place.get(table), dict):
                place[table] = {}
            place = place[table]
        place[key] = copy.deepcopy(value)
    return tree


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.sampled_from(EVERY_NAME), GARBAGE, max_size=4))
def test_any_tree_is_valid_settings_or_a_usage_error(values: dict[str, Any]) -> None:
    try:
        run = resolve(None, {}, base=_nested(values))
    except UsageError as error:
        assert len(str(error)) < 2000
    else:
        assert isinstance(run, Settings)
        assert resolve(None, {}, base=build.plain(run)) == run


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(st.sampled_from(EVERY_NAME), GARBAGE.filter(lambda value: value is not None), max_size=4)
)
def test_any_file_is_valid_settings_or_a_usage_error_that_names_it(
    tmp_path: Path, values: dict[str, Any]
) -> None:
    try:
        text = tomli_w.dumps(_nested(values))
    except TypeError:  # a None inside
        return
    path = tmp_path / "run.toml"
    path.write_text(text, encoding="utf-8", newline="")
    try:
        resolve(path, {})
    except UsageError as error:
        assert error.file == str(path)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=60) | st.text(alphabet="[]{}=.\"'\\#,\n ae1-", max_size=40))
def test_any_bytes_are_valid_settings_or_a_usage_error(tmp_path: Path, data: bytes | str) -> None:
    path = tmp_path / "run.toml"
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    try:
        resolve(path, {})
    except UsageError as error:
        assert error.file == str(path)


@settings(max_examples=300, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(EVERY_NAME),
        st.text(max_size=8) | GARBAGE.map(lambda value: str(value)[:99]),
        max_size=3,
    )
)
@example({"title": "x", "bert.finetune.micro_batch_examples": "3"})
def test_any_overrides_are_valid_settings_or_a_usage_error(overrides: dict[str, str]) -> None:
    try:
        resolve(None, overrides)
    except UsageError as error:
        assert str(error.file).startswith("--")


@pytest.mark.parametrize("size", SIZES)
def test_the_resolved_settings_can_be_written_and_read_again(tmp_path: Path, size: str) -> None:
    text = f"""
        size = "{size}"
        title = 'quotes " and ä'
        [corpus]
        train = ["a.txt", "b c.jsonl"]
        [[task]]
        name = "one"
        train = "x.csv"
        [[task]]
        name = "two"
        [gpt.model]
        dropout = 0.2
        [bert.pretrain]
        mask_share = 0.3
        [budget]
        amount = 2.5e13
    """
    run = _resolve(tmp_path, text)
    again = _resolve(tmp_path, tomli_w.dumps(build.plain(run)))
    assert again == run
    assert again.gpt.model.dropout == 0.2
    assert again.bert.model.dropout == 0.1


def test_written_settings_do_not_depend_on_the_presets_of_later_versions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = _resolve(tmp_path, "")
    text = tomli_w.dumps(build.plain(run))
    monkeypatch.setitem(SIZES, DEFAULT_SIZE, SIZES["base"])
    assert _resolve(tmp_path, text) == run


def test_the_kinds_are_the_fields_of_settings() -> None:
    assert set(KINDS) <= {item.name for item in dataclasses.fields(Settings)}


@pytest.mark.parametrize(
    ("file", "given", "origin"),
    [
        ("", {"model.max_length": "64", "threads": "1"}, "--model.max_length: [gpt] "),
        (
            "",
            {"threads": "1", "bert.finetune.max_length": "256", "seed": "1"},
            "--bert.finetune.max_length: [bert]",
        ),
        ("\n[model]\nmax_length = 64", {"threads": "1"}, "my.toml:3: [gpt] "),
        ("[gpt.model]\nwidth = 100", {"model.heads": "3", "seed": "2"}, "--model.heads: [gpt.model] width"),
        ('[budget]\nmatch = "money"', {"budget.amount": "3"}, "my.toml:2: [budget] match"),
        ("[compare]\nseeds = [1, 1]", {"compare.untrained": "false"}, "my.toml:2: [compare] seeds"),
        (
            "",
            {"processes.shard": "true", "processes.timeout_seconds": "9"},
            "--processes.shard: [processes] shard",
        ),
    ],
)
def test_a_rule_between_settings_names_the_option_or_line_that_breaks_it(tmp_path, file, given, origin):
    (tmp_path / "my.toml").write_text(file)
    with pytest.raises(UsageError) as error:
        resolve(tmp_path / "my.toml", given)
    assert str(error.value).replace(f"{tmp_path}/", "").startswith(origin)
