"""Two tiny models that have learned a few sentences by heart."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from twinlm.checkpoint import Trained
from twinlm.core.initialize import initialize
from twinlm.data.text.sentences import split_sentences
from twinlm.data.tokens.store import TokenStore
from twinlm.data.tokens.writing import write_store
from twinlm.families import FAMILIES
from twinlm.hf.configuration import layout_of, to_config
from twinlm.hf.layout import to_hf
from twinlm.objectives.fine_tuning import FineTuned
from twinlm.settings import ModelSettings, PretrainSettings, presets
from twinlm.system.log import Silent
from twinlm.tasks.heads import SequenceHead
from twinlm.tasks.kind import TaskConfig
from twinlm.tasks.table import TASKS
from twinlm.tokenizer import Tokenizer, train_tokenizer

SENTENCES = [
    "The red cat sat on the mat.",
    "A big dog ran to the old house.",
    "She drinks tea with café milk.",
]
_TEXTS = [" ".join(SENTENCES)] * 8 + [" ".join(reversed(SENTENCES))] * 8
_LENGTH = 32
_CONSTANTS: Mapping[str, Mapping[str, float]] = {
    "classification": {"texts": 1.0},
    "similarity": {"mean": 2.0, "deviation": 0.5},
    "span_qa": {"threshold": 0.1},
}


def _tokenizer(algorithm: str) -> Tokenizer:
    return train_tokenizer(
        _TEXTS,
        algorithm=algorithm,
        vocab_size=320 if algorithm == "byte-bpe" else 120,
        lowercase=False,
        progress=Silent(),
    )


def _learn(kind: str, tokenizer: Tokenizer, folder: Path, steps: int) -> Trained:
    family = FAMILIES[kind]
    write_store(folder, _TEXTS, tokenizer, split_sentences, total=len(_TEXTS), progress=Silent())
    sizes = ModelSettings(layers=2, width=32, heads=2, max_length=_LENGTH, dropout=0)
    model = family.model(family.configure(sizes, tokenizer.vocab_size))
    initialize(model, seed=1, is_truncated=family.is_truncated)
    options = PretrainSettings(length=24, mask_share=0.25)
    examples, objective = (
        family.examples(TokenStore(folder), options, tokenizer, 1),
        family.objective(options),
    )
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
    for step in range(steps):
        objective(model, examples.batch(16 * step, 16)).total.backward()
        optimizer.step()
        optimizer.zero_grad()
    return Trained(family=family, model=model.eval(), tokenizer=tokenizer)


@pytest.fixture(scope="session")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Trained]:
    """Return the trained model of a kind and an algorithm; each is trained once."""
    made: dict[tuple[str, str], Trained] = {}

    def model_of(kind: str, algorithm: str = "byte-bpe") -> Trained:
        if (kind, algorithm) not in made:
            folder = tmp_path_factory.mktemp("store") / "tokens"
            steps = 400 if (kind, algorithm) == (presets.KINDS[1], "byte-bpe") else 100
            made[kind, algorithm] = _learn(kind, _tokenizer(algorithm), folder, steps=steps)
        return made[kind, algorithm]

    return model_of


@pytest.fixture(scope="session")
def gpt(learned: Callable[..., Trained]) -> Trained:
    return learned(presets.KINDS[0])


@pytest.fixture(scope="session")
def bert(learned: Callable[..., Trained]) -> Trained:
    return learned(presets.KINDS[1])


@pytest.fixture(scope="session")
def classifier(gpt: Trained) -> Trained:
    """The GPT under a head that was never trained."""
    head = SequenceHead(width=32, outputs=3, dropout=0.1, has_bias=False)
    initialize(head, seed=2, is_truncated=False)
    return Trained(
        family=gpt.family,
        model=gpt.model,
        tokenizer=gpt.tokenizer,
        task=TaskConfig(
            kind="classification",
            labels=("cat", "dog", "tea"),
            max_length=16,
            dropout=0.1,
            has_bias=False,
            constants={"texts": 1.0},
        ),
        tuned=FineTuned(gpt.model, head).eval(),
    )


@pytest.fixture(scope="session", params=FAMILIES)
def tuned(request: pytest.FixtureRequest, learned: Callable[..., Trained]) -> Callable[[str], Trained]:
    """Return a function that puts a head with first weights on a model, by kind of task."""
    trained = learned(request.param)

    def make(kind: str) -> Trained:
        task = TaskConfig(
            kind=kind,
            labels=("cat", "dog", "tea"),
            max_length=24,
            stride=6,
            dropout=0.5,
            constants=_CONSTANTS.get(kind, {}),
        )
        head = TASKS[kind].build_head(task, 32)
        initialize(head, seed=2, is_truncated=False, deviation=0.3)
        model = FineTuned(trained.model, head).train()
        return Trained(
            family=trained.family, model=trained.model, tokenizer=trained.tokenizer, task=task, tuned=model
        )

    return make


@pytest.fixture(scope="session")
def in_transformers() -> Callable[..., Any]:
    """Return a function that puts a model's weights into a class of transformers."""

    def load(trained: Trained, kind: Any, **options: Any) -> Any:
        sizes = trained.model.config
        layout = layout_of(trained.family.name, sizes)
        theirs = kind(kind.config_class(**to_config(layout, sizes)), **options)
        named = to_hf(layout.table, sizes.layers, trained.model.state_dict())
        is_body = not hasattr(theirs, kind.base_model_prefix)
        named = {name.removeprefix(layout.prefix) if is_body else name: each for name, each in named.items()}
        missing, _ = theirs.load_state_dict(named, strict=False)
        assert set(missing) <= layout.copies.keys()
        theirs.tie_weights()
        return theirs.eval()

    return load
