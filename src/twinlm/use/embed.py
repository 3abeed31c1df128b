"""Texts as vectors: one for each text, or one for each token (feature-based use, Devlin et al. 2018, 5.3).

A text's vector is made of its tokens' states. Special tokens count as well, as in sentence-transformers.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from twinlm.batch import Batch
from twinlm.checkpoint import Trained
from twinlm.errors import DataError, UsageError
from twinlm.system import hardware
from twinlm.system.arguments import checked
from twinlm.system.log import Progress, Silent
from twinlm.use.inputs import Inputs, batches, read_texts

# E is the width of a vector: D for one layer, k * D for k of them.
Pooling = Literal["mean", "cls", "last"]
LAST_LAYER = (-1,)
LAST_FOUR_LAYERS = (-4, -3, -2, -1)
"""Best layers of the paper's feature-based approach, Table 7."""
_OF_DOCUMENTS = ("document", "passage", "corpus")


class Defaults(NamedTuple):
    """What `embed` does unless told otherwise: for a model from sentence-transformers, what that does."""

    pooling: Pooling = "mean"
    """Pooling of states."""
    normalize: bool = False
    """Whether vectors are scaled to length 1."""
    max_length: int | None = None
    """Most tokens of a text, with special tokens; None if the model alone limits it."""
    prompts: Mapping[str, str] = MappingProxyType({})
    """Texts to put in front of others, by name."""
    default_prompt: str | None = None
    """Name of the prompt that is used if none is named."""
    similarity: str = "cosine"
    """Similarity that the vectors were trained for."""


class Features(NamedTuple):
    """A text's tokens and their states."""

    tokens: list[int]
    """Token ids with special tokens."""
    states_LE: NDArray[np.float32]
    """States, one row for each token."""


@checked
def embed(
    trained: Trained,
    texts: Sequence[str],
    *,
    pooling: Pooling | None = None,
    layers: Sequence[int] = LAST_LAYER,
    normalize: bool | None = None,
    prompt: str | None = None,
    progress: Progress | None = None,
) -> NDArray[np.float32]:
    """Return a vector for each text, (N, E), independent of the other texts.

    A model that was imported from a sentence-transformers folder follows that folder by default.

    Args:
        trained: a model of either kind.
        texts: N texts, none empty; a text that is too long loses its end.
        pooling: "mean" of all tokens' states, the state at [CLS] ("cls", without BERT's pooler), or that of
            the "last" token, the only one that has seen a GPT's whole text. By default "mean".
        layers: layers to read, from 0 (embeddings) to the number of layers, or from -1 (the last) down.
            States of several layers are put side by side.
        normalize: scale each vector to length 1, so that dot products are cosines; by default not.
        prompt: name of one of the model's prompts, which is put in front of each text; "" for none.
        progress: reports progress, and how many texts were cut.

    Raises:
        DataError: a text is empty.
        UsageError: the model has no such layer or prompt, or `pooling` makes no sense for it.
    """
    defaults = defaults_of(trained)
    if pooling not in (None, defaults.pooling):
        check_pooling(trained, pooling)
    pool = POOLINGS[pooling or defaults.pooling]
    inputs = read_texts(trained, texts, prompt=_prompt(defaults, prompt), max_length=defaults.max_length)
    sizes: Any = trained.model.config
    vectors_NE = np.zeros((len(texts), len(layers) * sizes.width), np.float32)
    for group, states_BLE, batch in _states(trained, inputs, layers, progress or Silent()):
        vectors_NE[group] = pool(states_BLE, batch.real_BL).cpu().numpy()
    if defaults.normalize if normalize is None else normalize:
        vectors_NE /= np.linalg.norm(vectors_NE, axis=1, keepdims=True).clip(min=1e-12)
    return vectors_NE


@checked
def features(
    trained: Trained,
    texts: Sequence[str],
    *,
    layers: Sequence[int] = LAST_FOUR_LAYERS,
    progress: Progress | None = None,
) -> list[Features]:
    """Return the states of each text's tokens, as input of another model; see `embed`."""
    by_text: dict[int, Features] = {}
    for group, states_BLE, batch in _states(
        trained, read_texts(trained, texts), layers, progress or Silent()
    ):
        for row, number in enumerate(group):
            real_L = batch.real_BL[row]
            tokens: list[int] = batch.tokens_BL[row, real_L].tolist()
            by_text[number] = Features(tokens, states_BLE[row, real_L].cpu().numpy())
    return [by_text[number] for number in range(len(texts))]


@checked
def cosines(
    trained: Trained,
    query: str,
    texts: Sequence[str],
    *,
    pooling: Pooling | None = None,
    layers: Sequence[int] = LAST_LAYER,
    progress: Progress | None = None,
) -> list[float]:
    """Return the cosine of each text's vector with that of `query`, from -1 to 1; see `embed`.

    If the model has prompts named "query" and "document", they are used, as in sentence-transformers.
    """
    if not trained.tokenizer.encode(query):
        raise DataError(f"the query is empty: {query!r}")
    prompts = defaults_of(trained).prompts
    asked, given = (
        next((name for name in names if name in prompts), None) for names in (("query",), _OF_DOCUMENTS)
    )
    options: dict[str, Any] = {"pooling": pooling, "layers": layers, "normalize": True}
    query_1E = embed(trained, [query], prompt=asked, **options)
    vectors_NE = embed(trained, texts, prompt=given, progress=progress, **options)
    products: list[float] = (vectors_NE @ query_1E[0]).tolist()
    return products


def defaults_of(trained: Trained) -> Defaults:
    """Return what `embed` does with a model unless told otherwise."""
    return Defaults(**trained.history.get("import", {}).get("embedding", {}))


def check_pooling(trained: Trained, name: str | None) -> None:
    """Check that a pooling makes sense for a model."""
    label = trained.family.label
    if name not in POOLINGS:
        raise UsageError(f"pooling can't be {name!r}", hint=f"use one of {', '.join(POOLINGS)}")
    if name == "cls" and trained.family.is_generative:
        message = f"a {label} reads from left to right: its first state is the same for every text"
        raise UsageError(message, hint="pool by mean or last")
    if name == "last" and not trained.family.is_generative:
        message = f"the last token of a {label} is [SEP], which was never trained to stand for the text"
        raise UsageError(message, hint="pool by mean or cls")


POOLINGS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "mean": lambda states_BLE, real_BL: (
        (states_BLE * real_BL[..., None]).sum(1) / real_BL.sum(1, keepdim=True)
    ),
    "cls": lambda states_BLE, real_BL: states_BLE[:, 0],
    "last": lambda states_BLE, real_BL: states_BLE.take_along_dim((real_BL.sum(1) - 1)[:, None, None], 1)[
        :, 0
    ],
}
"""Vectors of texts, (B, E), from states and which tokens are real, by pooling."""


def _prompt(defaults: Defaults, name: str | None) -> str:
    """Return the text of a prompt."""
    name = defaults.default_prompt if name is None else name
    if name and name not in defaults.prompts:
        known = ", ".join(defaults.prompts)
        hint = f"it has {known}" if known else "it has none: put the prompt into the texts"
        raise UsageError(f"the model has no prompt {name!r}", hint=hint)
    return defaults.prompts[name] if name else ""


def _states(
    trained: Trained, inputs: Inputs, layers: Sequence[int], progress: Progress
) -> Iterator[tuple[list[int], Tensor, Batch]]:
    """Yield the numbers of some texts, their states (B, L, E) and their batch, until all texts are read."""
    sizes: Any = trained.model.config
    if not layers:
        raise UsageError("layers is empty", hint="(-1,) is the last layer")
    for layer in layers:
        if not -sizes.layers - 1 <= layer <= sizes.layers:
            message = f"there is no layer {layer}: the model has {sizes.layers}"
            raise UsageError(message, hint="0 is the embeddings, -1 the last layer")
    if inputs.cut:
        longest = max(map(len, inputs.rows))
        progress.say(f"cut {inputs.cut:,} of {len(inputs.rows):,} texts to {longest:,} tokens")
    model = trained.model.to(hardware.device()).eval()
    progress.start("embedding", len(inputs.rows), "texts")
    for group, batch in batches(trained, inputs.rows, progress):
        with torch.inference_mode():
            yield group, layer_states(model, batch, layers), batch
    progress.finish()


def layer_states(model: Any, batch: Batch, layers: Sequence[int]) -> Tensor:
    """Return the states of these layers side by side, (B, L, E).

    A layer's state is the input of the next one; the last one's is the model's own output, which after a
    stack of pre-norm layers is normalized once more.
    """
    if tuple(layers) == LAST_LAYER:
        hidden_BLD: Tensor = model.read(batch).hidden_BLD
        return hidden_BLD.float()
    states: list[Tensor] = []
    hooks = [
        block.register_forward_pre_hook(lambda _, taken: states.append(taken[0])) for block in model.blocks
    ]
    try:
        states.append(model.read(batch).hidden_BLD)
    finally:
        for hook in hooks:
            hook.remove()
    return torch.cat([states[layer].float() for layer in layers], -1)
