"""ONNX Runtime computes what our models compute: each kind, head and batch, with and without a cache."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from tests.made_models import HEADS, random_model, run_card, with_head
from twinlm.errors import ModelError, UsageError
from twinlm.hf.export import write_folder
from twinlm.runtimes import onnx_files
from twinlm.runtimes.onnx_files import MODEL, QUANTIZED, to_onnx_files
from twinlm.runtimes.onnx_verify import verify_onnx

BODIES: list[tuple[str, str, dict[str, Any]]] = [
    ("gpt", "byte-bpe", {}),
    ("gpt", "wordpiece", {"norm": "pre"}),
    ("bert", "byte-bpe", {"norm": "pre"}),
    ("bert", "wordpiece", {"activation": "gelu_tanh", "segments": 1}),
]


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def outputs_in(folder: Path) -> list[str]:
    return [output.name for output in onnx.load(folder / MODEL).graph.output]


@pytest.mark.parametrize(("kind", "algorithm", "sizes"), BODIES, ids=str)
def test_pre_trained_models_are_equal(
    kind: str, algorithm: str, sizes: dict[str, Any], tmp_path: Path
) -> None:
    trained = random_model(kind, algorithm, **sizes)
    write_folder(tmp_path / "out", to_onnx_files(trained, is_quantized=True))
    found = verify_onnx(tmp_path / "out", trained)
    assert found.problems() == []
    assert found.tool.startswith("ONNX Runtime ")
    assert 0 < found.largest_differences["logits"] < 1e-4
    assert 1e-4 < found.approximate["logits in int8"] < 1
    assert (tmp_path / "out" / QUANTIZED).stat().st_size < 0.6 * (tmp_path / "out" / MODEL).stat().st_size
    run_card(tmp_path / "out")


@pytest.mark.parametrize(("kind", "sizes", "task"), HEADS, ids=str)
def test_heads_are_equal(kind: str, sizes: dict[str, Any], task: str, tmp_path: Path) -> None:
    trained = with_head(random_model(kind, **sizes), task, has_bias=kind == "bert")
    write_folder(tmp_path / "out", to_onnx_files(trained))
    found = verify_onnx(tmp_path / "out", trained)
    assert found.problems() == []
    assert all(number > 0.1 for number in found.largest_numbers.values())
    run_card(tmp_path / "out")


@pytest.mark.parametrize(
    ("kind", "pooling", "embedding"),
    [("bert", "mean", {"normalize": True}), ("bert", "cls", {}), ("gpt", "last", {}), ("gpt", "mean", {})],
    ids=str,
)
def test_vectors_are_those_of_embed(kind: str, pooling: Any, embedding: Any, tmp_path: Path) -> None:
    trained = random_model(kind, history={"import": {"embedding": embedding}})
    write_folder(tmp_path / "out", to_onnx_files(trained, pooling=pooling))
    assert outputs_in(tmp_path / "out") == ["last_hidden_state", "sentence_embedding"]
    assert verify_onnx(tmp_path / "out", trained, pooling=pooling).problems() == []
    assert (tmp_path / "out" / "1_Pooling/config.json").is_file()
    run_card(tmp_path / "out")


@pytest.mark.parametrize(
    ("missing", "outputs"),
    [
        (["masked_token_head", "next_sentence_head", "pooler"], ["last_hidden_state"]),
        (["next_sentence_head"], ["logits", "last_hidden_state", "pooler_output"]),
        (["masked_token_head"], ["last_hidden_state", "pooler_output", "seq_relationship_logits"]),
    ],
)
def test_noise_is_not_written(missing: list[str], outputs: list[str], tmp_path: Path) -> None:
    trained = random_model("bert", history={"import": {"missing": missing}})
    write_folder(tmp_path / "out", to_onnx_files(trained))
    assert outputs_in(tmp_path / "out") == outputs
    assert verify_onnx(tmp_path / "out", trained).problems() == []


def test_a_changed_weight_and_another_tokenizer_are_found(tmp_path: Path) -> None:
    trained, other = random_model("gpt"), random_model("gpt")
    files = to_onnx_files(trained)
    tokenizer = to_onnx_files(random_model("gpt", "wordpiece"))["tokenizer.json"]
    write_folder(tmp_path / "out", {**files, MODEL: to_onnx_files(other)[MODEL], "tokenizer.json": tokenizer})
    problems = verify_onnx(tmp_path / "out", trained).problems()
    assert "gives [" in problems[0]
    assert problems[-1].startswith("logits differ by up to ")


def test_names_are_those_that_optimum_and_transformers_js_look_for(tmp_path: Path) -> None:
    write_folder(tmp_path / "out", to_onnx_files(random_model("gpt", norm="pre")))
    session = onnxruntime.InferenceSession(str(tmp_path / "out" / MODEL))
    shapes = {given.name: given.shape for given in (*session.get_inputs(), *session.get_outputs())}
    assert shapes["input_ids"] == ["batch_size", "sequence_length"]
    assert shapes["attention_mask"] == ["batch_size", "past_sequence_length + sequence_length"]
    assert shapes["past_key_values.0.key"] == ["batch_size", 4, "past_sequence_length", 6]
    assert shapes["present.2.value"] == ["batch_size", 4, "past_sequence_length + sequence_length", 6]


def test_the_embeddings_are_stored_once() -> None:
    trained = random_model("gpt")
    weights = sum(4 * weight.numel() for weight in trained.model.parameters())
    assert len(to_onnx_files(trained)[MODEL]) < weights + 40_000


def test_a_model_too_large_for_the_format_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_files, "_MOST_BYTES", 1000)
    with pytest.raises(ModelError, match="an ONNX file holds at most 2 GB"):
        to_onnx_files(random_model("gpt"))


@pytest.mark.parametrize("name", ["onnx", "onnxruntime"])
def test_a_package_that_is_not_installed_is_named(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(UsageError, match=rf"^{name} is not installed") as error:
        if name == "onnx":
            to_onnx_files(random_model("gpt"))
        else:
            verify_onnx(tmp_path, random_model("gpt"))
    assert "pip install 'twinlm[onnx]'" in str(error.value)


def test_a_text_may_be_padded_on_either_side(tmp_path: Path) -> None:
    trained = with_head(random_model("gpt"), "classification", has_bias=False)
    write_folder(tmp_path / "out", to_onnx_files(trained))
    session = onnxruntime.InferenceSession(str(tmp_path / "out" / MODEL))
    rows = [([5, 40, 41, 7, 0, 0], [1, 1, 1, 1, 0, 0]), ([0, 0, 5, 40, 41, 7], [0, 0, 1, 1, 1, 1])]
    right, left = (
        session.run(None, {"input_ids": np.array([ids]), "attention_mask": np.array([mask])})[0]
        for ids, mask in rows
    )
    np.testing.assert_allclose(right, left, atol=1e-6)
