"""What a model to go on from decides, and what is refused beside it."""

import json
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from twinlm.errors import UsageError
from twinlm.settings import build
from twinlm.settings.presets import SIZES, resolve
from twinlm.train.start import start_folder

WIDE = {"layers": 3, "width": 512, "heads": 8, "feed_forward": 1024, "max_length": 48, "dropout": 0.0}


@pytest.fixture
def start(tmp_path: Path) -> Path:
    """The folder of a BERT with sizes of no preset."""
    return _written(tmp_path / "old", "bert", WIDE)


def _written(folder: Path, family: str, sizes: dict[str, Any]) -> Path:
    (folder / "model").mkdir(parents=True)
    about = {"family": family, "sizes": {"vocab_size": 99, **sizes}}
    (folder / "model" / "config.json").write_text(json.dumps(about))
    return folder


def test_its_sizes_are_taken_and_the_other_kind_keeps_its_own(start: Path) -> None:
    for place in (start, start / "model"):
        run = resolve(None, {"bert.pretrain.start": str(place)})
        assert {name: getattr(run.bert.model, name) for name in WIDE} == WIDE
        assert (run.bert.pretrain.length, run.bert.finetune.max_length) == (48, 48)
        assert run.gpt == resolve(None, {}).gpt


def test_learning_rates_are_those_of_the_size_of_like_width_unless_one_is_named(start: Path) -> None:
    run = resolve(None, {"bert.pretrain.start": str(start)})
    assert (
        run.bert.pretrain.optimizer.learning_rate == SIZES["small"]["pretrain"]["optimizer"]["learning_rate"]
    )
    named = resolve(None, {"bert.pretrain.start": str(start), "size": "mini"})
    assert (
        named.bert.pretrain.optimizer.learning_rate == SIZES["mini"]["pretrain"]["optimizer"]["learning_rate"]
    )
    assert named.bert.model.width == 512


def test_more_positions_longer_texts_and_other_dropout_may_be_given(start: Path) -> None:
    more = {"bert.model.max_length": "64", "bert.pretrain.length": "64", "bert.model.dropout": "0.1"}
    run = resolve(None, {"bert.pretrain.start": str(start), **more})
    assert (run.bert.model.max_length, run.bert.pretrain.length, run.bert.model.dropout) == (64, 64, 0.1)


def test_the_settings_can_be_written_and_read_again(start: Path, tmp_path: Path) -> None:
    run = resolve(None, {"bert.pretrain.start": str(start)})
    (tmp_path / "again.toml").write_text(tomli_w.dumps(build.plain(run)))
    assert resolve(tmp_path / "again.toml", {}) == run


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"bert.model.layers": "4"}, "bert.model.layers=4, but .* has 3; leave it out"),
        ({"model.width": "256"}, "bert.model.width=256, but .* has 512"),
        ({"bert.model.heads": "4"}, "bert.model.heads=4, but"),
        ({"bert.model.feed_forward": "0"}, "bert.model.feed_forward=2048, but .* has 1024"),
        (
            {"bert.model.max_length": "32", "bert.pretrain.length": "16", "bert.finetune.max_length": "16"},
            "bert.model.max_length=32, but .* has 48; positions can be added",
        ),
    ],
)
def test_other_sizes_are_refused_with_the_place_of_the_start(
    start: Path, given: dict[str, str], words: str
) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        resolve(None, {"bert.pretrain.start": str(start), **given})
    assert caught.value.file == "--bert.pretrain.start"


@pytest.mark.parametrize(
    ("family", "sizes", "words"),
    [
        ("gpt", WIDE, "is a model of the kind 'gpt'; set gpt.pretrain.start"),
        ("bert", {"layers": 1}, "has a config.json that is not one of ours"),
        ("bert", {**WIDE, "layers": "3"}, "has sizes that are not whole numbers"),
        ("bert", {**WIDE, "dropout": "much"}, "has a config.json that is not one of ours"),
    ],
)
def test_what_is_no_start_is_refused(tmp_path: Path, family: str, sizes: dict[str, Any], words: str) -> None:
    folder = _written(tmp_path / "other", family, sizes)
    with pytest.raises(UsageError, match=words):
        resolve(None, {"bert.pretrain.start": str(folder)})


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    for text in ("[1, 2]", "no json"):
        (tmp_path / "config.json").write_text(text)
        with pytest.raises(UsageError, match="not one of ours"):
            resolve(None, {"bert.pretrain.start": str(tmp_path)})
    with pytest.raises(UsageError, match="is not a model folder; give a folder that"):
        resolve(None, {"bert.pretrain.start": str(tmp_path / "none")})


def test_a_tilde_stands_for_the_home_folder_as_in_other_settings(
    start: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(start.parent))
    run = resolve(None, {"bert.pretrain.start": "~/old"})
    assert run.bert.model.width == 512
    assert start_folder(run.bert) == start / "model"


def test_its_norm_is_taken_and_no_other_is_accepted(tmp_path: Path) -> None:
    start = _written(tmp_path / "pre", "bert", {**WIDE, "norm": "pre"})
    run = resolve(None, {"bert.pretrain.start": str(start)})
    assert (run.bert.model.norm, run.gpt.model.norm) == ("pre", "post")
    with pytest.raises(UsageError, match=r"bert\.model\.norm=post, but .* has pre"):
        resolve(None, {"bert.pretrain.start": str(start), "bert.model.norm": "post"})


def test_the_strong_recipe_pre_trains_new_models_only_and_fine_tunes_all(start: Path, tmp_path: Path) -> None:
    """Its rate would undo what a trained model knows."""
    file = tmp_path / "my.toml"
    file.write_text(f'recipe = "strong"\n[bert.pretrain]\nstart = "{start}"\n[model]\ndropout = 0.3\n')
    run, plain = resolve(file, {}), resolve(None, {"bert.pretrain.start": str(start)})
    assert (run.bert.model.norm, run.bert.model.dropout) == ("post", 0.3)
    assert run.bert.pretrain.optimizer == plain.bert.pretrain.optimizer
    assert (run.bert.finetune.summary, run.bert.finetune.head_start) == ("mean", "probe")
    assert (run.gpt.model.norm, run.gpt.pretrain.optimizer.method) == ("pre", "muon")
    assert resolve(None, {"recipe": "strong"}).bert.pretrain.optimizer.method == "muon"
