"""Tiny models of transformers with random weights, and folders of theirs."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from tokenizers import Tokenizer as Engine
from tokenizers import decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from tests.made_models import TEXTS, random_model, tokenizer_of
from twinlm.checkpoint import Trained
from twinlm.tokenizer import Tokenizer

END = "<|endoftext|>"
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
SIZES["megatron-bert"] = SIZES["bert"]


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


@pytest.fixture
def gpt2(saved: Callable[..., tuple[Any, Path]]) -> Callable[..., tuple[Any, Path]]:
    """Return a function that makes the folder of a GPT-2 with a tokenizer of GPT-2's kind."""

    def make(architecture: str, *, empty_rows: int = 0, **more: Any) -> tuple[Any, Path]:
        engine = Engine(models.BPE())
        engine.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        engine.decoder = decoders.ByteLevel()
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        trainer = trainers.BpeTrainer(
            vocab_size=300, special_tokens=[END], initial_alphabet=alphabet, show_progress=False
        )
        engine.train_from_iterator(TEXTS, trainer)
        rows = engine.get_vocab_size() + empty_rows
        theirs, folder = saved(
            architecture, vocab_size=rows, n_positions=32, bos_token_id=0, eos_token_id=0, **more
        )
        wrapped = PreTrainedTokenizerFast(
            tokenizer_object=engine, bos_token=END, eos_token=END, unk_token=END, pad_token=None
        )
        wrapped.save_pretrained(folder)
        return theirs, folder

    return make


@pytest.fixture
def gpt1(saved: Callable[..., tuple[Any, Path]]) -> tuple[Any, Path]:
    """Return a GPT-1 and its folder; its tokenizer has no special token but <unk>."""
    engine = Engine(models.BPE(unk_token="<unk>", end_of_word_suffix="</w>"))
    engine.normalizer = normalizers.BertNormalizer(lowercase=True)
    engine.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.BpeTrainer(
        vocab_size=90, special_tokens=["<unk>"], end_of_word_suffix="</w>", show_progress=False
    )
    engine.train_from_iterator(TEXTS, trainer)
    theirs, folder = saved(
        "OpenAIGPTLMHeadModel", vocab_size=engine.get_vocab_size(), n_positions=32, pad_token_id=None
    )
    PreTrainedTokenizerFast(tokenizer_object=engine, unk_token="<unk>", pad_token=None).save_pretrained(
        folder
    )
    return theirs, folder


@pytest.fixture
def bert(saved: Callable[..., tuple[Any, Path]]) -> Callable[..., tuple[Any, Path]]:
    """Return a function that makes the folder of a BERT whose tokenizer lacks some special tokens."""

    def make(architecture: str, lacks: str = "", *, empty_rows: int = 0, **more: Any) -> tuple[Any, Path]:
        words = ["the", "red", "cat", "sat", "on", "mat", "a", "big", "dog", ".", "##s"]
        specials = [token for token in ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]") if token not in lacks]
        vocabulary = {token: number for number, token in enumerate([*specials, *words])}
        engine = Engine(models.WordPiece(vocabulary, unk_token="[UNK]", max_input_chars_per_word=100))
        engine.normalizer = normalizers.BertNormalizer(lowercase=True)
        engine.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        engine.decoder = decoders.WordPiece(prefix="##")
        engine.post_processor = processors.TemplateProcessing(
            single="[CLS] $A [SEP]",
            pair="[CLS] $A [SEP] $B:1 [SEP]:1",
            special_tokens=[(token, vocabulary[token]) for token in ("[CLS]", "[SEP]")],
        )
        theirs, folder = saved(
            architecture, vocab_size=len(vocabulary) + empty_rows, max_position_embeddings=32, **more
        )
        names = {f"{token[1:-1].lower()}_token": token for token in specials}
        PreTrainedTokenizerFast(tokenizer_object=engine, **names).save_pretrained(folder)
        return theirs, folder

    return make


@pytest.fixture(scope="session")
def tokenizers() -> dict[str, Tokenizer]:
    """Return a tokenizer of each algorithm."""
    return {algorithm: tokenizer_of(algorithm) for algorithm in ("byte-bpe", "wordpiece")}


@pytest.fixture
def ours() -> Callable[..., Trained]:
    """Return a function that makes a model of ours with random weights."""
    return random_model
