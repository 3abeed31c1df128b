"""Every recipe loads, names the source of each value, and makes the model and the schedule of its paper."""

import dataclasses
import re
import typing
from pathlib import Path
from typing import Any

import pytest
import torch

from twinlm.core.count import parameter_count
from twinlm.errors import UsageError
from twinlm.families import FAMILIES
from twinlm.settings import KindSettings, Settings, presets, recipes
from twinlm.settings.tree import read_toml
from twinlm.train.optimizer import learning_rate
from twinlm.train.phases import phases, steps_of_first

# A section of a paper, released code, a calculation, or a choice of ours; then what there is to add.
SOURCE = re.compile(r"(GPT|BERT) (\d|[A-Z])[\d.]*(, .+)?|code: .+|calc: .+|ours(: .+)?")
PAPERS = {"gpt1-paper": "gpt", "bert-base-paper": "bert", "bert-large-paper": "bert"}
# Without effect beside what the recipe sets, or for how a run is kept.
UNNAMED = {
    "pretrain.optimizer.warmup_share",
    "pretrain.grown_positions",
    "pretrain.optimizer.non_finite",
    "finetune.optimizer.non_finite",
    "finetune.micro_batch_examples",
    "gpt.pretrain.first_share",
    "gpt.pretrain.mask_share",
    "gpt.pretrain.mask_unit",
    "gpt.pretrain.max_predictions",
    "gpt.pretrain.random_tokens",
}


def _read(name: str) -> Settings:
    return presets.resolve(Path(name), {})


def _leaves(record: type, path: str = "") -> list[str]:
    hints = typing.get_type_hints(record)
    found = []
    for field in dataclasses.fields(record):
        inner = hints[field.name]
        found += (
            _leaves(inner, f"{path}{field.name}.")
            if dataclasses.is_dataclass(inner)
            else [f"{path}{field.name}"]
        )
    return found


@pytest.mark.parametrize("name", recipes.names())
def test_every_recipe_loads_and_every_value_has_a_source(name: str) -> None:
    _read(name)
    file = recipes.find(Path(name))
    sources = recipes.read_notes(file).sources
    for number, line in enumerate(file.read_text().splitlines(), 1):
        if "=" in line and not line.startswith("#"):
            assert number in sources, line
            assert SOURCE.fullmatch(sources[number]), line
    assert recipes.read_notes(file).title
    assert recipes.read_notes(file).deviations


@pytest.mark.parametrize("name", PAPERS)
def test_a_papers_recipe_leaves_no_setting_of_its_kind_to_defaults(name: str) -> None:
    tree: Any = read_toml(recipes.find(Path(name)))
    meanings = Path(presets.__file__).parent.joinpath("training.py").read_text()
    for leaf in _leaves(KindSettings):
        table: Any = tree if leaf.startswith("model.") else tree[PAPERS[name]]
        for part in leaf.split("."):
            table = table.get(part) if isinstance(table, dict) else None
        key = leaf.rpartition(".")[2]
        other = "GPT only" if PAPERS[name] == "bert" else "BERT only"
        is_others = re.search(rf"    {key}: .*\n    \"\"\"{other}", meanings)
        if not is_others and leaf not in UNNAMED and f"{PAPERS[name]}.{leaf}" not in UNNAMED:
            assert table is not None, leaf


@pytest.mark.parametrize(
    ("name", "parameters"),
    [("gpt1-paper", 116_534_784), ("bert-base-paper", 109_482_240), ("bert-large-paper", 335_141_888)],
)
def test_the_model_has_the_papers_number_of_parameters(name: str, parameters: int) -> None:
    settings, family = _read(name), FAMILIES[PAPERS[name]]
    sizes = getattr(settings, family.name).model
    with torch.device("meta"):
        model = family.model(family.configure(sizes, settings.tokenizer.vocab_size))
    heads = sum(parameter_count(model.get_submodule(head)) for head in family.pretraining_heads)
    assert parameter_count(model) - heads == parameters


def test_gpts_rate_rises_for_2000_steps_and_falls_by_a_cosine() -> None:
    optimizer, steps = _read("gpt1-paper").gpt.pretrain.optimizer, 100_000
    rate = learning_rate(optimizer, steps)
    assert rate(0) == pytest.approx(2.5e-4 / 2000)
    assert rate(999) == pytest.approx(1.25e-4)
    assert rate(1999) == rate(2000) == 2.5e-4
    assert rate(51_000) == pytest.approx(1.25e-4)
    assert 0 < rate(steps - 1) < 1e-12
    assert rate(steps) == 0


@pytest.mark.parametrize("name", ["bert-base-paper", "bert-large-paper"])
def test_berts_rate_is_that_of_the_released_code(name: str) -> None:
    settings = _read(name)
    steps = int(settings.budget.amount)
    rate = learning_rate(settings.bert.pretrain.optimizer, steps)
    assert steps == 1_000_000
    assert rate(0) == 0
    assert rate(9_999) == pytest.approx(0.9999e-4)
    assert rate(10_000) == pytest.approx(0.99e-4)
    assert rate(500_000) == pytest.approx(0.5e-4)
    assert rate(999_999) == pytest.approx(1e-10)


def test_bert_reads_what_its_paper_says_it_reads() -> None:
    """900,000 steps of 256 x 128 tokens and 100,000 of 256 x 512: 42.6 billion."""
    settings = _read("bert-base-paper")
    options, steps = settings.bert.pretrain, int(settings.budget.amount)
    first = steps_of_first(options, steps)
    short, long = (phase.settings.length * phase.settings.batch_sequences for phase in phases(options))
    assert (first, short, long) == (900_000, 32_768, 131_072)
    assert first * short + (steps - first) * long == 42_598_400_000


def test_berts_own_adam_and_pairs_are_in_its_recipe_and_gpts_in_its_own() -> None:
    bert, gpt = _read("bert-base-paper").bert.pretrain, _read("gpt1-paper").gpt.pretrain
    assert (bert.optimizer.bias_correction, bert.optimizer.epsilon) == (False, 1e-6)
    assert (gpt.optimizer.bias_correction, gpt.optimizer.epsilon) == (True, 1e-8)
    assert (bert.pairs, bert.static_masks, bert.short_share) == ("google", 10, 0.1)


@pytest.mark.parametrize("size", presets.SIZES)
def test_pairs_are_of_equal_size_with_heads_of_64(size: str) -> None:
    settings = _read(f"pair-{size}")
    assert settings.gpt.model == settings.bert.model
    model = settings.gpt.model
    assert model.width // model.heads == 64
    assert (model.layers, model.width) == {
        "tiny": (2, 128),
        "mini": (4, 256),
        "small": (4, 512),
        "medium": (8, 512),
        "base": (12, 768),
    }[size]


def test_options_win_over_a_recipe_and_a_file_of_its_name_is_taken_instead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert presets.resolve(Path("gpt1-paper"), {"gpt.model.layers": "6"}).gpt.model.layers == 6
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gpt1-paper").write_text("[model]\nlayers = 3\n")
    assert _read("gpt1-paper").gpt.model.layers == 3


def test_an_unknown_name_gets_the_nearest_one() -> None:
    with pytest.raises(
        UsageError, match="no settings file and no recipe 'pair-tinny'; did you mean 'pair-tiny'"
    ):
        _read("pair-tinny")
    assert recipes.find(Path("my.toml")) == Path("my.toml")
    assert recipes.find(Path("folder/name")) == Path("folder/name")


def test_notes_join_the_lines_of_a_deviation(tmp_path: Path) -> None:
    file = tmp_path / "x.toml"
    file.write_text(
        "# A title\n#\n# deviation: one\n#   and more\n# deviation: two\nseed = 1  # ours: why\ntitle = 'x'\n"
    )
    notes = recipes.read_notes(file)
    assert notes.title == "A title"
    assert notes.deviations == ["one and more", "two"]
    assert notes.sources == {6: "ours: why"}


@pytest.mark.parametrize(
    ("name", "without_heads"),
    [
        ("bert-tiny", 4_385_920),
        ("bert-mini", 11_170_560),
        ("bert-small", 28_763_648),
        ("bert-medium", 41_373_184),
    ],
)
def test_the_small_berts_are_those_that_were_released(name: str, without_heads: int) -> None:
    """The released README says 4.4, 11.3, 29.1 and 41.7 million, heads included."""
    settings, family = _read(name), FAMILIES["bert"]
    with torch.device("meta"):
        model = family.model(family.configure(settings.bert.model, settings.tokenizer.vocab_size))
    heads = sum(parameter_count(model.get_submodule(part)) for part in family.pretraining_heads)
    assert parameter_count(model) - heads == without_heads
    assert settings.bert.pretrain == _read("bert-base-paper").bert.pretrain
    assert settings.bert.finetune.epochs == 4


def test_a_file_may_begin_with_a_recipe_and_wins_over_it(tmp_path: Path) -> None:
    file = tmp_path / "my.toml"
    file.write_text('recipe = "bert-mini"\n[bert.model]\nlayers = 6\n')
    model = presets.resolve(file, {}).bert.model
    assert (model.layers, model.width, model.max_length) == (6, 256, 512)
    trees = recipes.read_trees(file)
    assert [Path(str(tree.file)).stem for tree in trees] == ["bert-base-paper", "bert-mini", "my"]


@pytest.mark.parametrize("given", ['"bert-mimi"', "3", '["bert-mini"]', '"my"'])
def test_a_recipe_that_is_none_is_refused_with_its_line(given: str, tmp_path: Path) -> None:
    file = tmp_path / "my.toml"
    file.write_text(f"seed = 1\nrecipe = {given}\n")
    with pytest.raises(UsageError, match=r"my\.toml:2: recipe can't be"):
        presets.resolve(file, {})


def test_a_folder_of_a_recipes_name_hides_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as that of a run: `--out bert-mini`."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bert-mini").mkdir()
    assert _read("bert-mini").bert.model.width == 256


def test_a_file_may_have_the_name_of_the_recipe_that_it_begins_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("bert-mini", "bert-mini.toml"):
        (tmp_path / name).write_text('recipe = "bert-mini"\n[bert.model]\nlayers = 6\n')
        assert (_read(name).bert.model.layers, _read(name).bert.model.width) == (6, 256)
