"""Two tiny models with first weights, which prefer some tokens to others without having learned anything."""

from collections.abc import Callable

import pytest

from twinlm import presets
from twinlm.checkpoint import Trained
from twinlm.core.initialize import initialize
from twinlm.families import FAMILIES
from twinlm.log import Silent
from twinlm.settings import ModelSettings
from twinlm.tokenizer import train_tokenizer

SENTENCES = [
    "The red cat sat on the mat.",
    "A big dog ran to the old house, and in 1984 it came back.",
    "She drinks tea with café milk.",
    "Then Ada went to Paris. It rained for 12 days.",
]


@pytest.fixture(scope="session")
def make() -> Callable[..., Trained]:
    """Return a function that makes a model of a kind."""

    def model_of(kind: str, algorithm: str = "byte-bpe", max_length: int = 48) -> Trained:
        size, family = (320 if algorithm == "byte-bpe" else 120), FAMILIES[kind]
        tokenizer = train_tokenizer(
            SENTENCES * 3,
            algorithm=algorithm,
            vocab_size=size,
            lowercase=algorithm == "wordpiece",
            progress=Silent(),
        )
        sizes = ModelSettings(layers=2, width=16, heads=2, max_length=max_length, dropout=0)
        model = family.model(family.configure(sizes, tokenizer.vocab_size))
        initialize(model, seed=1, is_truncated=family.is_truncated, deviation=0.5)
        return Trained(family=family, model=model.eval(), tokenizer=tokenizer)

    return model_of


@pytest.fixture(scope="session")
def gpt(make: Callable[..., Trained]) -> Trained:
    return make(presets.KINDS[0])


@pytest.fixture(scope="session")
def bert(make: Callable[..., Trained]) -> Trained:
    return make(presets.KINDS[1])
