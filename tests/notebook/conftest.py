"""A small pre-trained model of each kind, and labelled rows."""

import pytest

import twinlm

SETTINGS = {
    "threads": 1,
    "precision": "float32",
    "model": {"layers": 1, "width": 16, "heads": 2, "max_length": 48},
    "pretrain": {"length": 32, "batch_sequences": 4, "validations": 1, "validation_sequences": 8},
    "finetune": {"max_length": 48, "epochs": 2},
    "budget": {"match": "tokens", "amount": 1500},
    "tokenizer": {"vocab_size": 300},
    "quality": {"sample_bytes": 0},
    "compare": {"timing_seconds": 0, "doctor": False, "seeds": [1, 2]},
}
WORDS = {"animals": ["cat", "dog", "horse", "bird"], "food": ["bread", "cheese", "soup", "cake"]}


@pytest.fixture(scope="session")
def rows():
    """120 rows of a text and its topic."""
    return [
        {"text": f"The {WORDS[topic][number % 4]} has number {number}.", "label": topic}
        for number in range(60)
        for topic in WORDS
    ]


@pytest.fixture(scope="session")
def texts(rows):
    return ["\n".join(row["text"] for row in rows[start : start + 8]) for start in range(0, 112)]


@pytest.fixture(scope="session")
def settings():
    return SETTINGS


@pytest.fixture(scope="session")
def models(tmp_path_factory, texts):
    """Both models, pre-trained by `twinlm.pretrain` on a list of texts."""
    folder = tmp_path_factory.mktemp("pretrained")
    options = {"out": folder, "corpus": texts, "progress": twinlm.Silent()}
    return {kind: twinlm.pretrain(kind, settings=SETTINGS, **options) for kind in ("gpt", "bert")}
