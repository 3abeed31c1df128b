"""llama.cpp sees our models in their GGUF files; what it would compute otherwise is refused."""

import re
import sys
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
import torch

from tests.made_models import random_model, run_card, with_head
from twinlm.errors import ModelError, UsageError
from twinlm.hf.export import write_folder
from twinlm.runtimes.gguf_files import MODEL, to_gguf_files
from twinlm.runtimes.gguf_verify import verify_gguf


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def test_a_gpt2_has_equal_tokens_and_scores(tmp_path: Path) -> None:
    trained = random_model("gpt", norm="pre")
    write_folder(tmp_path / "out", to_gguf_files(trained))
    found = verify_gguf(tmp_path / "out", trained)
    assert found.problems() == []
    assert found.inputs >= 4
    assert found.largest_differences.keys() == {"log-probabilities"}
    assert "combining marks" in (tmp_path / "out/README.md").read_text()
    run_card(tmp_path / "out")


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_a_bert_has_equal_tokens_and_vectors(pooling: str, tmp_path: Path) -> None:
    trained = random_model("bert", "wordpiece", {"import": {"embedding": {"pooling": pooling}}})
    write_folder(tmp_path / "out", to_gguf_files(trained))
    found = verify_gguf(tmp_path / "out", trained)
    assert found.problems() == []
    assert found.largest_differences.keys() == {"vectors"}
    if pooling == "mean":
        run_card(tmp_path / "out")


def test_the_weights_are_read_back(tmp_path: Path) -> None:
    trained = random_model("gpt", norm="pre")
    write_folder(tmp_path / "out", to_gguf_files(trained))
    tensors = {tensor.name: tensor.data for tensor in gguf.GGUFReader(tmp_path / "out" / MODEL).tensors}
    state = trained.model.state_dict()
    assert len(tensors) == len(state)
    np.testing.assert_array_equal(tensors["token_embd.weight"], state["token_embedding.weight"])
    np.testing.assert_array_equal(
        tensors["blk.2.ffn_down.weight"], state["blocks.2.feed_forward.contract.weight"]
    )


REFUSED: list[tuple[Any, str]] = [
    (lambda: random_model("gpt"), "this GPT does so after it; use --to onnx, or pre-train with model.norm"),
    (lambda: random_model("gpt", "wordpiece", norm="pre"), "no WordPiece tokenizer for a GPT; use --to onnx"),
    (lambda: random_model("bert"), "cuts a BERT's text by WordPiece, in lower case and without accents"),
    (lambda: random_model("bert", "wordpiece", norm="pre"), "but this one does so before it; use --to onnx"),
    (
        lambda: with_head(random_model("bert", "wordpiece"), "classification", has_bias=True),
        "no place for the head of a classification task; use --to onnx",
    ),
]


@pytest.mark.parametrize(("make", "said"), REFUSED)
def test_what_llama_cpp_computes_otherwise_is_refused(make: Any, said: str) -> None:
    with pytest.raises(ModelError, match=re.escape(said)):
        to_gguf_files(make())


@pytest.mark.parametrize("name", ["gguf", "xllamacpp"])
def test_a_package_that_is_not_installed_is_named(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(UsageError, match=rf"^{name} is not installed") as error:
        if name == "gguf":
            to_gguf_files(random_model("gpt", norm="pre"))
        else:
            verify_gguf(tmp_path, random_model("gpt", norm="pre"))
    assert "pip install 'twinlm[gguf]'" in str(error.value)
