"""Tiny models of ours with random weights, with and without heads of tasks, and the code of their cards."""

import os
import re
import warnings
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import torch

from twinlm.checkpoint import Trained
from twinlm.families import FAMILIES
from twinlm.objectives.fine_tuning import FineTuned
from twinlm.system.log import Silent
from twinlm.tasks.kind import TaskConfig
from twinlm.tasks.table import task_kind
from twinlm.tokenizer import Tokenizer, train_tokenizer

TEXTS = [
    "The red cat sat on the mat.",
    "A big dog ran to the old house.",
    "She drinks tea with café milk.",
] * 4
CONSTANTS: Mapping[str, dict[str, float]] = {
    "classification": {"texts": 1.0},
    "similarity": {"mean": 2.5, "deviation": 1.5},
    "span_qa": {"threshold": 0.25},
    "tagging": {"leading_blank": 1.0},
}
# Model kind, sizes and kind of task of all heads that can be exported.
HEADS: list[tuple[str, dict[str, Any], str]] = [
    *(("bert", {}, kind) for kind in ("classification", "similarity", "choice", "tagging", "span_qa")),
    *(("bert", {"norm": "pre"}, kind) for kind in ("classification", "tagging")),
    *(("gpt", {"norm": "pre"}, kind) for kind in ("classification", "similarity", "tagging", "span_qa")),
    *(("gpt", {}, kind) for kind in ("classification", "similarity")),
]


@cache
def tokenizer_of(algorithm: Any) -> Tokenizer:
    """Return a tokenizer of an algorithm."""
    size, is_lowercase = {"byte-bpe": (300, False), "wordpiece": (90, True)}[algorithm]
    return train_tokenizer(
        TEXTS, algorithm=algorithm, vocab_size=size, lowercase=is_lowercase, progress=Silent()
    )


def random_model(kind: str, algorithm: str = "byte-bpe", history: Any = None, **sizes: Any) -> Trained:
    """Return a model of ours whose weights, gains and biases are all random."""
    family, tokenizer = FAMILIES[kind], tokenizer_of(algorithm)
    given = {"width": 24, "layers": 3, "heads": 4, "feed_forward": 96, "max_length": 32} | sizes
    model = family.model(family.config(vocab_size=tokenizer.vocab_size, **given))
    with torch.no_grad():
        for weight in model.parameters():
            weight.normal_(std=0.3).add_(0.1)
    return Trained(family=family, model=model.eval(), tokenizer=tokenizer, history=history or {})


def with_head(trained: Trained, kind: str, *, has_bias: bool) -> Trained:
    """Return a model under a head with random weights."""
    labels = {"classification": ("no", "yes", "dunno"), "tagging": ("O", "B-PER", "I-PER")}
    task = TaskConfig(
        kind=kind,
        labels=labels.get(kind, ()),
        max_length=24,
        stride=9,
        dropout=0.25,
        has_bias=has_bias,
        constants=CONSTANTS.get(kind, {}),
    )
    head = task_kind(kind).build_head(task, 24)
    with torch.no_grad():
        for weight in head.parameters():
            weight.normal_()
    return replace(trained, task=task, tuned=FineTuned(trained.model, head).eval())


def run_card(folder: Path) -> None:
    """Run the Python of a model card in its folder, as people do."""
    (code,) = re.findall(r"```python\n(.*?)```", (folder / "README.md").read_text(), re.DOTALL)
    before = Path.cwd()
    os.chdir(folder)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exec(compile(code, str(folder / "README.md"), "exec"), {})
    finally:
        os.chdir(before)
