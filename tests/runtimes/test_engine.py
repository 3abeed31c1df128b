"""`twinlm.load(folder, engine="onnx")` answers as PyTorch does, and leaves to it what it can't compute."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import twinlm
from tests.made_models import random_model, with_head
from twinlm.checkpoint import Trained, save_model
from twinlm.runtimes.engine import compute_with_onnx
from twinlm.use.ask import classify, tag

TEXTS = ["The red cat", "Café", "мир!", "你好 🙂"]


def both(tmp_path: Path, trained: Trained) -> tuple[Trained, Trained]:
    save_model(tmp_path / "model", trained)
    return twinlm.load(tmp_path), twinlm.load(tmp_path, engine="onnx")


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def forbid_torch(trained: Trained, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the layers fail, so that only ONNX Runtime can have answered."""
    for block in trained.model.blocks:  # type: ignore[union-attr]
        monkeypatch.setattr(block, "forward", None)


@pytest.mark.parametrize("norm", ["post", "pre"])
def test_a_gpt_answers_alike(norm: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain, fast = both(tmp_path, random_model("gpt", norm=norm))
    forbid_torch(fast, monkeypatch)
    options: dict[str, Any] = {"max_tokens": 6, "seed": 3}
    texts = [
        [each.text for row in twinlm.generate_batch(model, TEXTS, **options) for each in row]
        for model in (plain, fast)
    ]
    assert texts[0] == texts[1]
    assert [beam.text for beam in twinlm.beam_search(plain, "The", beams=3, max_tokens=5)] == [
        beam.text for beam in twinlm.beam_search(fast, "The", beams=3, max_tokens=5)
    ]
    np.testing.assert_allclose(twinlm.embed(plain, TEXTS), twinlm.embed(fast, TEXTS), atol=1e-4)
    for ours, theirs in zip(twinlm.score_batch(plain, TEXTS), twinlm.score_batch(fast, TEXTS), strict=True):
        assert theirs.log_likelihood == pytest.approx(ours.log_likelihood, abs=1e-3)


@pytest.mark.parametrize("sizes", [{}, {"norm": "pre", "segments": 1}], ids=str)
def test_a_bert_answers_alike(sizes: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain, fast = both(tmp_path, random_model("bert", **sizes))
    forbid_torch(fast, monkeypatch)
    ours, theirs = (twinlm.fill(model, "The [MASK] [MASK] sat.") for model in (plain, fast))
    assert [[guess.text for guess in mask] for mask in ours] == [[g.text for g in mask] for mask in theirs]
    pair = ("The cat.", "A dog.")
    assert twinlm.next_sentence(fast, *pair) == pytest.approx(twinlm.next_sentence(plain, *pair), abs=1e-5)
    np.testing.assert_allclose(twinlm.embed(plain, TEXTS), twinlm.embed(fast, TEXTS), atol=1e-4)


def test_heads_answer_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain, fast = both(tmp_path / "c", with_head(random_model("gpt"), "classification", has_bias=False))
    forbid_torch(fast, monkeypatch)
    for ours, theirs in zip(classify(plain, TEXTS), classify(fast, TEXTS), strict=True):
        assert theirs == pytest.approx(ours, abs=1e-4)
    plain, fast = both(tmp_path / "t", with_head(random_model("bert"), "tagging", has_bias=True))
    assert tag(plain, [["The", "cat"]]) == tag(fast, [["The", "cat"]])


def test_pytorch_computes_what_the_session_can_not() -> None:
    plain = random_model("bert")
    wanted = twinlm.embed(plain, TEXTS, layers=(0, -1))
    compute_with_onnx(plain)
    np.testing.assert_allclose(twinlm.embed(plain, TEXTS, layers=(0, -1)), wanted, atol=1e-4)
    tokens_BL = torch.tensor([[5, 40, 41]])
    model: Any = plain.model
    assert model(tokens_BL, torch.zeros_like(tokens_BL), torch.ones_like(tokens_BL).bool()).requires_grad


def test_weights_that_were_trained_since_are_not_answered_by_the_old_ones() -> None:
    plain = random_model("gpt")
    compute_with_onnx(plain)
    with torch.no_grad():
        plain.model.blocks[0].feed_forward.expand.weight.add_(1.0)  # type: ignore[index, union-attr]
    changed = twinlm.embed(plain, TEXTS)
    del plain.model.forward, plain.model.step
    np.testing.assert_allclose(changed, twinlm.embed(plain, TEXTS), atol=1e-6)


def test_an_unknown_engine_is_refused(tmp_path: Path) -> None:
    with pytest.raises(twinlm.UserError, match="engine can't be 'tensorrt'"):
        twinlm.load(tmp_path, engine="tensorrt")  # type: ignore[arg-type]
