"""Tiny models of both kinds with first weights: pre-trained ones, which prefer some tokens to others without
having learned anything, and fine-tuned ones for every kind of task, with examples."""

from collections.abc import Callable

import pytest

from twinlm.checkpoint import Trained
from twinlm.core.initialize import initialize
from twinlm.data.labels.examples import Example
from twinlm.families import FAMILIES
from twinlm.objectives.fine_tuning import FineTuned
from twinlm.settings import ModelSettings, presets
from twinlm.system.log import Silent
from twinlm.tasks.kind import TaskConfig
from twinlm.tasks.table import TASKS
from twinlm.tokenizer import Tokenizer, train_tokenizer

SENTENCES = [
    "The red cat sat on the mat.",
    "A big dog ran to the old house, and in 1984 it came back.",
    "She drinks tea with café milk.",
    "Then Ada went to Paris. It rained for 12 days.",
]
TEXTS = ["The red cat sat on the mat.", "A big dog ran to the old house.", "She drinks tea with milk."]
CONSTANTS = {"classification": {"texts": 1.0}, "similarity": {"mean": 2.0, "deviation": 0.5}}
ROWS = {
    "classification": [(text,) for text in TEXTS],
    "similarity": [(TEXTS[0], TEXTS[1]), (TEXTS[2], TEXTS[1])],
    "choice": [(TEXTS[0], "sat", "ran", "slept"), (TEXTS[2], "tea", "milk")],
    "tagging": [tuple(text.split()) for text in TEXTS],
    "span_qa": [("Who ran?", TEXTS[1] * 4), ("Who sat?", TEXTS[0])],
}


@pytest.fixture(scope="session")
def task_examples() -> Callable[[str], list[Example]]:
    """Return a function that gives examples of a kind of task."""
    return lambda kind: [Example(f"test-{number}", row, None) for number, row in enumerate(ROWS[kind], 1)]


@pytest.fixture(scope="session")
def tokenizer() -> Tokenizer:
    return train_tokenizer(
        TEXTS * 3, algorithm="byte-bpe", vocab_size=300, lowercase=False, progress=Silent()
    )


@pytest.fixture(scope="session")
def tuned(tokenizer: Tokenizer) -> Callable[..., Trained]:
    """Return a function that makes a model of a family for a kind of task."""

    def make(name: str, kind: str = "classification", *, width: int = 16, layers: int = 1) -> Trained:
        family = FAMILIES[name]
        sizes = ModelSettings(layers=layers, width=width, heads=2, max_length=64, dropout=0)
        model = family.model(family.configure(sizes, tokenizer.vocab_size))
        initialize(model, seed=1, is_truncated=family.is_truncated)
        task = TaskConfig(
            kind=kind,
            labels=("cat", "dog"),
            max_length=32,
            stride=8,
            dropout=0.0,
            constants=CONSTANTS.get(kind, {}),
        )
        head = TASKS[kind].build_head(task, width)
        initialize(head, seed=2, is_truncated=False, deviation=0.5)
        tuned = FineTuned(model, head).eval()
        return Trained(family=family, model=model, tokenizer=tokenizer, task=task, tuned=tuned)

    return make


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
