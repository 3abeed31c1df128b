"""A verified folder is the model that was exported; a changed one is not, and the problems say where."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save_file

from twinlm.checkpoint import Trained
from twinlm.errors import UsageError
from twinlm.hf.calls import MASKED_TEXTS, NEXT_SENTENCES
from twinlm.hf.export import to_hf_files, write_folder
from twinlm.hf.sentence_transformers import to_sentence_transformers_files
from twinlm.hf.verification import NASTY_TEXTS
from twinlm.hf.verify import verify_folder, verify_sentence_transformers

MODELS: list[tuple[str, str, dict[str, Any]]] = [
    ("bert", "wordpiece", {}),
    ("bert", "byte-bpe", {"activation": "gelu_tanh"}),
    ("gpt", "byte-bpe", {}),
    ("gpt", "wordpiece", {"norm": "pre"}),
]


@pytest.mark.parametrize(("kind", "algorithm", "sizes"), MODELS, ids=str)
def test_what_was_exported_is_equal(
    kind: str, algorithm: str, sizes: dict[str, Any], ours: Callable[..., Trained], tmp_path: Path
) -> None:
    trained = ours(kind, algorithm, **sizes)
    write_folder(tmp_path / "out", to_hf_files(trained))
    found = verify_folder(tmp_path / "out", trained)
    assert found.problems() == []
    assert found.is_equal
    others = len(MASKED_TEXTS) + len(NEXT_SENTENCES) if kind == "bert" else 0
    assert found.inputs == 2 * len(NASTY_TEXTS) + others
    assert found.tool.startswith("transformers ")
    assert 0 < max(found.largest_differences.values()) < 1e-4


@pytest.mark.parametrize(
    ("missing", "names"),
    [
        (["masked_token_head", "next_sentence_head"], {"last_hidden_state", "pooler_output"}),
        (["masked_token_head"], {"logits"}),
        (["next_sentence_head", "pooler"], {"logits", "fill-mask"}),
    ],
)
def test_models_without_some_parts_are_compared_by_what_they_have(
    missing: list[str], names: set[str], ours: Callable[..., Trained], tmp_path: Path
) -> None:
    trained = ours("bert", history={"import": {"missing": missing}})
    write_folder(tmp_path / "out", to_hf_files(trained))
    found = verify_folder(tmp_path / "out", trained)
    assert found.is_equal
    assert found.largest_differences.keys() == names


@pytest.mark.parametrize(("kind", "pooling"), [("bert", "mean"), ("bert", "cls"), ("gpt", "last")])
def test_vectors_are_verified_too(
    kind: str, pooling: Any, ours: Callable[..., Trained], tmp_path: Path
) -> None:
    trained = ours(kind)
    write_folder(tmp_path / "out", to_sentence_transformers_files(trained, pooling=pooling))
    found = verify_sentence_transformers(tmp_path / "out", trained, pooling=pooling)
    assert found.problems() == []
    assert found.tool.startswith("sentence-transformers ")
    other: Any = "cls" if pooling == "mean" else "mean"
    problems = verify_sentence_transformers(tmp_path / "out", trained, pooling=other).problems()
    assert problems[0].startswith("vectors differ by up to ")


def test_a_changed_weight_is_found(ours: Callable[..., Trained], tmp_path: Path) -> None:
    trained = ours("gpt")
    write_folder(tmp_path / "out", to_hf_files(trained))
    place = tmp_path / "out" / "model.safetensors"
    tensors = load_file(place)
    tensors["transformer.h.2.mlp.c_fc.bias"][3] += 0.5
    save_file(tensors, place, {"format": "pt"})
    problems = verify_folder(tmp_path / "out", trained).problems()
    assert len(problems) == 2
    assert problems[0].startswith("logits differ by up to ")
    assert problems[1].startswith("generate differ by up to ")


def test_a_lost_weight_is_found(ours: Callable[..., Trained], tmp_path: Path) -> None:
    trained = ours("bert")
    write_folder(tmp_path / "out", to_hf_files(trained))
    place = tmp_path / "out" / "model.safetensors"
    tensors = load_file(place)
    tensors["extra.weight"] = tensors.pop("cls.seq_relationship.weight")
    save_file(tensors, place, {"format": "pt"})
    problems = verify_folder(tmp_path / "out", trained).problems()
    assert "missing keys: cls.seq_relationship.weight" in problems
    assert "unexpected keys: extra.weight" in problems


def test_a_tokenizer_that_cuts_otherwise_is_found(ours: Callable[..., Trained], tmp_path: Path) -> None:
    trained = ours("gpt")
    write_folder(tmp_path / "out", to_hf_files(trained))
    place = tmp_path / "out" / "tokenizer.json"
    about = json.loads(place.read_text())
    about["pre_tokenizer"]["pretokenizers"][0]["pattern"] = {"Regex": r"\s|\S"}
    place.write_text(json.dumps(about))
    found = verify_folder(tmp_path / "out", trained)
    assert found.token_differences
    assert "gives [" in found.problems()[0]


def changed(file: Path, change: Callable[[Any], None]) -> None:
    about = json.loads(file.read_text())
    change(about)
    file.write_text(json.dumps(about))


def without_trimming(about: Any) -> None:
    about["post_processor"] = about["post_processor"]["processors"][1]


@pytest.mark.parametrize(
    ("kind", "name", "change", "said"),
    [
        ("bert", "tokenizer.json", without_trimming, "the tokens of 'The cat' are at "),
        ("bert", "tokenizer_config.json", {"bos_token": "<start>"}, "bos_token is 5, but none here"),
        ("gpt", "tokenizer_config.json", {"eos_token": None}, "eos_token is None, but 5 here"),
        ("gpt", "tokenizer_config.json", {"cls_token": "[CLS]"}, "cls_token is 2, but none here"),
    ],
    ids=["places", "start", "end", "class"],
)
def test_what_stands_between_tokens_and_answers_is_compared(
    kind: str, name: str, change: Any, said: str, ours: Callable[..., Trained], tmp_path: Path
) -> None:
    trained = ours(kind)
    write_folder(tmp_path / "out", to_hf_files(trained))
    changed(tmp_path / "out" / name, change if callable(change) else lambda about: about.update(change))
    problems = verify_folder(tmp_path / "out", trained).problems()
    assert any(problem.startswith(said) for problem in problems), problems


def test_the_tool_says_nothing_on_the_terminal(
    ours: Callable[..., Trained], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    trained = ours("bert")
    write_folder(tmp_path / "out", to_hf_files(trained))
    assert verify_folder(tmp_path / "out", trained).is_equal
    assert capfd.readouterr() == ("", "")


def test_texts_are_generated_in_padded_batches_where_the_class_can(
    ours: Callable[..., Trained], tmp_path: Path
) -> None:
    for norm in ("pre", "post"):
        trained = ours("gpt", norm=norm)
        write_folder(tmp_path / norm, to_hf_files(trained))
        assert "generate" in verify_folder(tmp_path / norm, trained).largest_differences
        card = (tmp_path / norm / "README.md").read_text()
        assert ("Give one text at a time to `generate`" in card) == (norm == "post")


@pytest.mark.parametrize("name", ["transformers", "sentence_transformers"])
def test_a_tool_that_is_not_installed_is_named(
    name: str, ours: Callable[..., Trained], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(UsageError, match=rf"{name.replace('_', '-')} is not installed"):
        if name == "transformers":
            verify_folder(tmp_path, ours("gpt"))
        else:
            verify_sentence_transformers(tmp_path, ours("gpt"), pooling="mean")
