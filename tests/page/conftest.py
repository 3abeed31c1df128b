"""Small untrained models of all forms, a page of each, and Node to ask its engine."""

import json
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from twinlm.checkpoint import Trained
from twinlm.families import FAMILIES
from twinlm.objectives.fine_tuning import FineTuned
from twinlm.page.models import PageModel
from twinlm.page.page import Twins, page
from twinlm.system.log import Silent
from twinlm.tasks.kind import TaskConfig
from twinlm.tasks.table import task_kind
from twinlm.tokenizer import Tokenizer, train_tokenizer

NODE = shutil.which("node")
TEXTS = [
    "The river Loire flows \u2014 na\u00efve caf\u00e9, Stra\u00dfe, 12,345 tokens; it's he'll WE'VE.",
    "\u4e2d\u6587\u5b57\u7b26\u6ca1\u6709\u7a7a\u683c\u3002 \u65e5\u672c\u8a9e\u306e\u30c6\u30ad\u30b9\u30c8",
    "\u0939\u093f\u0928\u094d\u0926\u0940 \u092e\u0947\u0902 \u0932\u093f\u0916\u093e",
    "\u0627\u0644\u0644\u063a\u0629 \u0627\u0644\u0639\u0631\u0628\u064a\u0629",
    "\u0130stanbul, \u041f\u0440\u0438\u0432\u0435\u0442 \u043c\u0438\u0440, \u039f\u0394\u039f\u03a3",
]
Asked = tuple[dict[str, float], list[Any]]


def tokenizer(algorithm: str, *, lowercase: bool = False) -> Tokenizer:
    return train_tokenizer(
        TEXTS * 3,
        algorithm=algorithm,
        vocab_size=460 if algorithm == "byte-bpe" else 400,
        lowercase=lowercase,
        progress=Silent(),
    )


def untrained(
    kind: str, cut: Tokenizer, *, labels: Sequence[str] = (), texts: int = 1, **sizes: Any
) -> Trained:
    """Return a model with random weights, under a head if it has labels."""
    family = FAMILIES[kind]
    common = {"vocab_size": cut.vocab_size, "max_length": 40, "width": 24, "layers": 2, "heads": 3}
    torch.manual_seed(len(labels) + 1)
    model = family.model(family.config(**{**common, "feed_forward": 48, **sizes}))
    for weight in model.parameters():
        torch.nn.init.normal_(weight, std=0.3)
    if not labels:
        return Trained(family=family, model=model.eval(), tokenizer=cut)
    task = TaskConfig(
        kind="classification",
        labels=tuple(labels),
        max_length=32,
        dropout=0.0,
        has_bias=family.has_head_bias,
        constants={"texts": float(texts)},
    )
    tuned = FineTuned(model, task_kind(task.kind).build_head(task, 24)).eval()
    return Trained(family=family, model=model, tokenizer=cut, task=task, tuned=tuned)


def moved(trained: Trained, **sizes: Any) -> Trained:
    """Return a fine-tuned copy of a model whose weights have moved a little."""
    tuned = untrained(trained.family.name, trained.tokenizer, labels=("a", "b", "c"), texts=2, **sizes)
    state = {
        name: value + 0.01 * torch.randn(value.shape) for name, value in trained.model.state_dict().items()
    }
    tuned.model.load_state_dict(state)
    return tuned


@pytest.fixture(scope="session")
def models() -> dict[str, Trained]:
    torch.manual_seed(0)
    bytes_, pieces = tokenizer("byte-bpe"), tokenizer("wordpiece", lowercase=True)
    gpt = untrained("gpt", bytes_, norm="pre")
    bert = untrained("bert", pieces, norm="post", unscored=(3,))
    return {
        "gpt": gpt,
        "bert": bert,
        "topic/gpt": moved(gpt, norm="pre", summary="mean", both_sides=True),
        "topic/bert": moved(bert, norm="post"),
        "other/gpt": untrained("gpt", bytes_, norm="post", labels=("x", "y")),
        "other/bert": untrained(
            "bert", pieces, norm="pre", activation="gelu_tanh", labels=("x", "y"), summary="mean", segments=1
        ),
    }


def twins_of(models: dict[str, Trained], **more: Any) -> Twins:
    bases = {"topic/gpt": "gpt", "topic/bert": "bert"}
    listed = [
        PageModel(name=name, label=trained.family.label, trained=trained, base=bases.get(name, ""))
        for name, trained in models.items()
    ]
    return Twins(title="Twins", models=listed, **more)


@pytest.fixture(scope="session")
def written(models: dict[str, Trained], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of all models."""
    path = tmp_path_factory.mktemp("page") / "twins.html"
    path.write_text(page(twins_of(models)))
    return path


@pytest.fixture(scope="session")
def ask(written: Path) -> Callable[[Sequence[tuple[str, dict[str, Any]]]], Asked]:
    """Ask the engine under Node; returns differences from Python as it measures them, and answers."""
    if NODE is None:
        pytest.skip("there is no Node")

    def asked(questions: Sequence[tuple[str, dict[str, Any]]]) -> Asked:
        given = {"page": str(written), "questions": [{"route": r, "body": b} for r, b in questions]}
        script = Path(__file__).with_name("ask_engine.js")
        done = subprocess.run(
            [NODE, script], input=json.dumps(given), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        said = json.loads(done.stdout)
        return said["differences"], said["answers"]

    return asked


@pytest.fixture(scope="session")
def twins() -> Callable[..., Twins]:
    """Return the function (models, facts of the page) to twins."""
    return twins_of
