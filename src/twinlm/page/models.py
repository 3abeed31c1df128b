"""Models as the page holds them: facts as JSON, and weights in 16 bits, packed for a browser.

A fine-tuned model is stored as its difference from the model that it started from, which packs better.
`web/engine.js` unpacks both.
"""

import base64
import dataclasses
import json
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from twinlm.checkpoint import Trained, missing_parts
from twinlm.data.sequences.packing import pad_packed
from twinlm.errors import ModelError
from twinlm.objectives.likelihood import Stretch
from twinlm.page.characters import character_classes
from twinlm.tasks.classification import TEXTS
from twinlm.tasks.kind import TaskConfig
from twinlm.tokenizer import Tokenizer

STEP = 2.0**-13
"""Unit of a difference: a weight of a fine-tuned model is right to half of it."""
_LARGEST_DIFFERENCE = STEP * (2**15 - 1)
_LARGEST_FLOAT16 = 65504.0
_CHECKED_TOKENS = 8

Weights = dict[str, NDArray[np.float32]]


@dataclass(frozen=True, kw_only=True, slots=True)
class PageModel:
    """A model of the page."""

    name: str
    """Name in the page: "gpt", or "topic/gpt" for a fine-tuned one."""
    label: str
    """Name for people."""
    trained: Trained
    """Model with its tokenizer, and its task if it was fine-tuned."""
    base: str = ""
    """Name of the model that it was fine-tuned from; "" if that is not in the page."""


def tokenizer_facts(tokenizer: Tokenizer) -> dict[str, Any]:
    """Return a tokenizer as `web/tokenizer.js` reads it; merges are ids, pair after pair."""
    model = json.loads(tokenizer.to_files()["tokenizer.json"])["model"]
    vocabulary: dict[str, int] = model["vocab"]
    tokens = [tokenizer.token(number) for number in range(tokenizer.vocab_size)]
    return {
        **dataclasses.asdict(tokenizer.pipeline),
        "tokens": tokens,
        "added": [number for number, token in enumerate(tokens) if token not in vocabulary],
        "merges": [vocabulary[token] for pair in model.get("merges", []) for token in pair],
        "specials": dataclasses.asdict(tokenizer.specials),
        "classes": {} if tokenizer.pipeline.is_of_bytes else character_classes(),
    }


def model_facts(model: PageModel, tokenizer: str) -> dict[str, Any]:
    """Return a model as `web/model.js` reads it, without weights; `tokenizer` is the name of its own."""
    trained, task = model.trained, model.trained.task
    sizes: Any = trained.model.config
    return {
        "name": model.name,
        "label": model.label,
        "kind": trained.family.template,
        "sizes": dataclasses.asdict(sizes),
        "tokenizer": tokenizer,
        "around": _around(trained),
        "missing": missing_parts(trained),
        "pairs": trained.history.get("pretraining", {}).get("sentence_task", "next_sentence"),
        "task": None if task is None else task_facts(task),
        "base": model.base,
        "parameters": sum(weight.numel() for weight in (trained.tuned or trained.model).parameters()),
    }


def task_facts(task: TaskConfig) -> dict[str, Any]:
    """Return what the page needs to know of a task."""
    texts = int(task.constants.get(TEXTS, 1))
    return {"kind": task.kind, "labels": list(task.labels), "max_length": task.max_length, "texts": texts}


def _around(trained: Trained) -> list[int]:
    """Return the special tokens before and after a text, with -1 for the text."""
    return trained.enclose([-1])


def weights_of(model: PageModel) -> Weights:
    """Return the weights that the page uses, by name; those of a head are named "head." and so on."""
    trained = model.trained
    left_out = trained.family.pretraining_heads if trained.tuned else ()
    weights = {name: tensor.float().numpy() for name, tensor in trained.model.state_dict().items()}
    weights = {name: array for name, array in weights.items() if not name.startswith(left_out)}
    if trained.tuned is not None:
        head = trained.tuned.head.state_dict()
        weights |= {f"head.{name}": tensor.float().numpy() for name, tensor in head.items()}
    return weights


def packed(weights: Weights, base: Weights | None, name: str) -> tuple[list[list[Any]], str]:
    """Return names, sizes and codings of a model's weights, and all of them as base64.

    Raises:
        ModelError: a weight is too large for 16 bits.
    """
    index: list[list[Any]] = []
    stream: list[NDArray[np.uint16]] = []
    for key, array in weights.items():
        if np.abs(array).max(initial=0) > _LARGEST_FLOAT16:
            message = f"{key} of {name} has values above {_LARGEST_FLOAT16:,.0f}, too large for 16 bits"
            raise ModelError(message, hint="use twinlm serve, which computes in 32 bits")
        difference = _difference(array, None if base is None else base.get(key))
        index.append([key, array.size, "float16" if difference is None else "difference"])
        stream.append(
            (array.astype(np.float16) if difference is None else difference).view(np.uint16).ravel()
        )
    values = np.concatenate(stream).astype("<u2")
    # All low bytes, then all high ones: the latter resemble each other, so that they pack.
    data = values.view(np.uint8).reshape(-1, 2).T.tobytes()
    return index, base64.b64encode(zlib.compress(data, 9)).decode("ascii")


def _difference(array: NDArray[np.float32], base: NDArray[np.float32] | None) -> NDArray[np.int16] | None:
    """Return a weight minus that of the base as the page holds it, in steps; None if that is no gain."""
    if base is None or base.shape != array.shape:
        return None
    difference = array - base.astype(np.float16).astype(np.float32)
    if np.abs(difference).max(initial=0) > _LARGEST_DIFFERENCE:
        return None
    steps: NDArray[np.int16] = np.rint(difference / STEP).astype(np.int16)
    return steps


def check_of(trained: Trained) -> dict[str, Any]:
    """Return tokens and what the model says of them, in 32 bits: the page compares its own figures with it.

    That is the log-likelihood of each token in nats, or of a fine-tuned model the scores of its classes.
    """
    size, specials = trained.tokenizer.vocab_size, trained.tokenizer.specials
    config: Any = trained.model.config
    count = min(_CHECKED_TOKENS, config.max_length - 2)
    tokens = [size * (2 * number + 1) // (2 * count) for number in range(count)]
    if trained.tuned is None:
        ask = next(iter(trained.family.likelihoods.values()))
        stretch = Stretch(before=[], tokens=tokens, after=[], words=list(range(count)))
        with torch.inference_mode():
            (figures,) = ask(trained.model, [stretch], specials)
        return {"ids": tokens, "figures": figures}
    batch = pad_packed([trained.family.pack([tokens], specials)], specials.pad)
    with torch.inference_mode():
        scores = trained.tuned.head.score(trained.tuned.read(batch).summary_BD)  # type: ignore[operator]
    return {"ids": tokens, "figures": scores[0].tolist()}
