"""Weights to go on from: taken whole, with missing parts drawn and positions added."""

from dataclasses import replace
from typing import Any

import pytest
import torch

from twinlm.checkpoint import Trained, save_model
from twinlm.errors import ModelError
from twinlm.families import FAMILIES
from twinlm.settings import KindSettings, ModelSettings, PretrainSettings
from twinlm.system.log import Silent
from twinlm.tokenizer import Tokenizer, train_tokenizer
from twinlm.train.start import (
    first_model,
    fresh_model,
    grow_positions,
    start_fingerprint,
    started_model,
    untrained,
)

SIZES = ModelSettings(layers=2, width=16, heads=2, max_length=16)
HEADS = ["masked_token_head", "next_sentence_head"]


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return train_tokenizer(
        ["a few words"], algorithm="byte-bpe", vocab_size=270, lowercase=False, progress=Silent()
    )


def _settings(**pretrain: Any) -> KindSettings:
    size = {**{"max_length": 16, "dropout": 0.1}, **pretrain.pop("model", {})}
    options = {"length": 16, **pretrain}
    return KindSettings(
        model=replace(SIZES, **size),
        pretrain=PretrainSettings(**options),
        finetune=replace(KindSettings().finetune, max_length=16),
    )


def _trained(name: str, tokenizer: Tokenizer, **history: Any) -> Trained:
    model = fresh_model(FAMILIES[name], _settings(), tokenizer, 7)
    return Trained(family=FAMILIES[name], model=model, tokenizer=tokenizer, history=history)


@pytest.mark.parametrize("name", FAMILIES)
def test_all_weights_are_taken(name: str, tokenizer: Tokenizer) -> None:
    start = _trained(name, tokenizer)
    model, drawn = started_model(start, _settings(model={"dropout": 0.3}), 1)
    assert drawn == []
    assert model.config.dropout == 0.3
    wanted = start.model.state_dict()
    assert all(torch.equal(weight, wanted[key]) for key, weight in model.state_dict().items())


def test_parts_that_an_imported_model_lacks_are_drawn_by_the_seed(tokenizer: Tokenizer) -> None:
    start = _trained("bert", tokenizer, **{"import": {"missing": HEADS}})
    before = {key: weight.clone() for key, weight in start.model.state_dict().items()}
    models = [started_model(start, _settings(), seed) for seed in (1, 1, 2)]
    assert all(drawn == HEADS for _, drawn in models)
    one, again, other = (model.state_dict() for model, _ in models)
    for key, weight in one.items():
        is_drawn = key.startswith(tuple(HEADS)) and weight.dim() > 1
        assert torch.equal(weight, again[key])
        assert torch.equal(weight, other[key]) == (not is_drawn), key
        assert torch.equal(weight, before[key]) == (not is_drawn), key


@pytest.mark.parametrize(
    ("task", "lacking"), [("next_sentence", []), ("sentence_order", []), ("none", ["next_sentence_head"])]
)
def test_what_was_pre_trained_since_its_import_has_what_it_learned_with(
    task: str, lacking: list[str], tokenizer: Tokenizer
) -> None:
    history = {"import": {"missing": HEADS}, "pretraining": {"step": 9, "sentence_task": task}}
    start = _trained("bert", tokenizer, **history)
    assert started_model(start, _settings(), 1)[1] == lacking


@pytest.mark.parametrize("how", ["copied", "drawn"])
@pytest.mark.parametrize("name", FAMILIES)
def test_positions_are_added_and_the_old_ones_stay(name: str, how: str, tokenizer: Tokenizer) -> None:
    start = _trained(name, tokenizer)
    grown = _settings(model={"max_length": 40}, grown_positions=how)
    model, _ = started_model(start, grown, 1)
    assert model.config.max_length == 40
    old_LD: Any = start.model.get_parameter("position_embedding.weight")
    new_LD = model.position_embedding.weight
    assert torch.equal(new_LD[:16], old_LD)
    assert torch.equal(new_LD[16:32], old_LD) == (how == "copied")
    assert torch.equal(new_LD[32:], old_LD[:8]) == (how == "copied")
    fresh = fresh_model(FAMILIES[name], grown, tokenizer, 1).position_embedding.weight
    assert torch.equal(new_LD[16:], fresh[16:]) == (how == "drawn")


def test_positions_that_are_enough_stay_as_they_are() -> None:
    old_LD, fresh_LD = torch.randn(4, 3), torch.randn(4, 3)
    for how in ("copied", "drawn"):
        assert torch.equal(grow_positions(old_LD, fresh_LD, how), old_LD)


class Said(Silent):
    """Keeps what is said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        self.lines.append(text)


def test_a_folder_is_gone_on_from_and_its_history_is_kept(tokenizer: Tokenizer, tmp_path: Any) -> None:
    start = _trained("bert", tokenizer, **{"import": {"missing": HEADS, "source": "somewhere"}})
    save_model(tmp_path / "run" / "model", start)
    said = Said()
    for place in (tmp_path / "run", tmp_path / "run" / "model"):
        settings = _settings(start=str(place))
        _, history = first_model(FAMILIES["bert"], settings, tokenizer, 1, said)
        assert history["import"]["source"] == "somewhere"
        assert history["start"]["folder"] == str(place)
        assert history["start"]["drawn"] == HEADS
        assert history["start"]["sha256"] == start_fingerprint(settings)
    assert said.lines[0].startswith("BERT continues from ")
    assert said.lines[1].endswith("has no masked_token_head, no next_sentence_head: newly drawn")
    assert len(start_fingerprint(settings)) == 64


def test_without_a_start_weights_are_drawn_and_there_is_no_history(tokenizer: Tokenizer) -> None:
    model, history = first_model(FAMILIES["gpt"], _settings(), tokenizer, 1, Silent())
    assert history == {}
    assert start_fingerprint(_settings()) == ""
    wanted = fresh_model(FAMILIES["gpt"], _settings(), tokenizer, 1).state_dict()
    assert all(torch.equal(weight, wanted[key]) for key, weight in model.state_dict().items())
    nothing = untrained(FAMILIES["gpt"], _settings(), tokenizer, 1)
    assert nothing.history == {}
    assert all(torch.equal(weight, wanted[key]) for key, weight in nothing.model.state_dict().items())


def test_a_start_that_is_gone_is_a_model_error(tokenizer: Tokenizer, tmp_path: Any) -> None:
    with pytest.raises(ModelError):
        first_model(FAMILIES["gpt"], _settings(start=str(tmp_path / "none")), tokenizer, 1, Silent())
