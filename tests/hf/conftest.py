"""Tiny models of transformers with random weights, and folders of theirs."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from transformers import PreTrainedModel

SIZES: dict[str, dict[str, Any]] = {
    "bert": {
        "vocab_size": 61,
        "hidden_size": 24,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "intermediate_size": 40,
        "max_position_embeddings": 16,
        "pad_token_id": 0,
    },
    "gpt2": {
        "vocab_size": 61,
        "n_embd": 24,
        "n_layer": 3,
        "n_head": 4,
        "n_positions": 16,
        "bos_token_id": 1,
        "eos_token_id": 1,
        "pad_token_id": 0,
    },
    "openai-gpt": {
        "vocab_size": 61,
        "n_embd": 24,
        "n_layer": 3,
        "n_head": 4,
        "n_positions": 16,
        "pad_token_id": 0,
    },
}


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


@pytest.fixture
def build() -> Callable[..., PreTrainedModel]:
    """Return a function that builds a model in evaluation mode, its biases and gains no zeros and ones."""

    def build_one(architecture: str, **more: Any) -> PreTrainedModel:
        kind = getattr(transformers, architecture)
        model = kind(kind.config_class(**SIZES[kind.config_class.model_type] | more))
        with torch.no_grad():
            for weight in model.parameters():
                weight.add_(0.2 * torch.randn_like(weight))
        return model.eval()

    return build_one


@pytest.fixture
def saved(build: Callable[..., PreTrainedModel], tmp_path: Path) -> Callable[..., tuple[Any, Path]]:
    """Return a function that builds a model and lets transformers write its folder."""

    def save_one(
        architecture: str, *, options: dict[str, Any] | None = None, **more: Any
    ) -> tuple[Any, Path]:
        model = build(architecture, **more)
        folder = tmp_path / architecture
        model.save_pretrained(folder, **options or {})
        return model, folder

    return save_one
