"""sentence-transformers loads what we write and gives the vectors of `embed`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from sentence_transformers import SentenceTransformer

from tests.made_models import run_card
from twinlm.checkpoint import Trained
from twinlm.errors import UsageError
from twinlm.hf.export import write_folder
from twinlm.hf.sentence_transformers import to_sentence_transformers_files
from twinlm.use.embed import embed

TEXTS = ["The red cat sat.", "Café 你好 don't 🙂", "tea " * 60, "x"]


@pytest.mark.parametrize(
    ("kind", "sizes", "pooling"),
    [
        ("bert", {}, "mean"),
        ("bert", {}, "cls"),
        ("gpt", {}, "mean"),
        ("gpt", {}, "last"),
        ("gpt", {"norm": "pre"}, "mean"),
        ("gpt", {"norm": "pre"}, "last"),
    ],
    ids=str,
)
def test_vectors_are_equal(
    kind: str, sizes: dict[str, Any], pooling: Any, ours: Callable[..., Trained], tmp_path: Path
) -> None:
    trained = ours(kind, **sizes)
    write_folder(tmp_path / "out", to_sentence_transformers_files(trained, pooling=pooling))
    run_card(tmp_path / "out")
    theirs = SentenceTransformer(str(tmp_path / "out"), device="cpu")
    assert theirs.max_seq_length == 32
    torch.testing.assert_close(
        embed(trained, TEXTS, pooling=pooling), theirs.encode(TEXTS), atol=1e-5, rtol=1e-5
    )


def test_the_first_state_of_a_causal_model_is_refused(ours: Callable[..., Trained]) -> None:
    with pytest.raises(UsageError, match="its first state is the same for every text"):
        to_sentence_transformers_files(ours("gpt"), pooling="cls")


def test_the_last_state_of_a_bert_is_refused_as_embed_does(ours: Callable[..., Trained]) -> None:
    with pytest.raises(UsageError, match="never trained to stand for the text"):
        to_sentence_transformers_files(ours("bert"), pooling="last")


def test_an_unknown_pooling_is_refused(ours: Callable[..., Trained]) -> None:
    with pytest.raises(UsageError, match="mean, cls, last"):
        to_sentence_transformers_files(ours("gpt"), pooling="max")  # type: ignore[arg-type]
