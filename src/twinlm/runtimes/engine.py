"""`twinlm.load` with a choice of what computes: PyTorch, or ONNX Runtime, which is faster on small models.

ONNX Runtime computes the states of the layers; heads and all functions of `use/` stay as they are.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from twinlm.checkpoint import Trained
from twinlm.core.attention import KeyValueCache
from twinlm.core.masks import Mask
from twinlm.errors import UsageError
from twinlm.system import hardware
from twinlm.system.arguments import checked
from twinlm.use import load as plain

Engine = Literal["torch", "onnx"]
_PURPOSE = 'for engine="onnx"'


@checked
def load(folder: str | Path, *, engine: Engine = "torch") -> Trained:
    """Return the model in a folder, such as "runs/demo/gpt" or "runs/demo/gpt/model", ready for use.

    Args:
        folder: folder of a model, or the one around it.
        engine: "onnx" lets ONNX Runtime compute on the CPU (extra [onnx]); answers are equal within 1e-4.
            PyTorch still trains, and computes what ONNX Runtime can't, such as the states of other layers.

    Raises:
        ModelError: there is no such folder, no finished model in it, or the model is damaged.
        UsageError: the engine is unknown or not installed, or there is a GPU, which only PyTorch uses.
    """
    trained = plain.load(folder)
    if engine == "onnx":
        if hardware.device().type != "cpu":
            raise UsageError('engine="onnx" is for the CPU, but this machine has a GPU', hint="leave it out")
        compute_with_onnx(trained)
    return trained


def compute_with_onnx(trained: Trained) -> None:
    """Let ONNX Runtime compute the states of a model's layers, in place."""
    # Here, so that loading a model for PyTorch imports no more than it needs.
    from twinlm.hf.hub import library
    from twinlm.runtimes.onnx_files import INSTALL
    from twinlm.runtimes.onnx_models import decoder, encoder

    onnx, runtime = library("onnx", _PURPOSE, INSTALL), library("onnxruntime", _PURPOSE, INSTALL)
    model: Any = trained.model
    state = model.state_dict()
    options = runtime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    if trained.family.is_generative:
        graph = decoder(onnx, state, model.config, has_logits=False)
        session = runtime.InferenceSession(graph, options)
        model.forward = _decoder_forward(model, session)
        model.step = _decoder_step(model, session)
    else:
        session = runtime.InferenceSession(encoder(onnx, state, model.config), options)
        model.forward = _encoder_forward(model, session)


def _decoder_forward(model: Any, session: Any) -> Callable[..., Tensor]:
    by_torch, is_for_use = model.forward, _Use(model)

    def forward(tokens_BL: Tensor, mask: Mask | None = None) -> Tensor:
        is_plain = mask is None or (mask.is_causal and mask.allowed is None)
        if not is_plain or not is_for_use():
            states_BLD: Tensor = by_torch(tokens_BL, mask)
            return states_BLD
        _check_length(model, tokens_BL.shape[1])
        empty = [torch.empty(len(tokens_BL), *_by_head(model))] * (2 * len(model.blocks))
        return _run(session, tokens_BL, torch.ones_like(tokens_BL), empty)[0]

    return forward


def _decoder_step(model: Any, session: Any) -> Callable[..., Tensor]:
    by_torch, is_for_use = model.step, _Use(model)

    def step(
        tokens_BL: Tensor,
        caches: Sequence[KeyValueCache],
        *,
        first_position: int,
        padding_B: Tensor | None = None,
    ) -> Tensor:
        if not is_for_use():
            states_BLD: Tensor = by_torch(
                tokens_BL, caches, first_position=first_position, padding_B=padding_B
            )
            return states_BLD
        end = first_position + tokens_BL.shape[1]
        _check_length(model, end)
        real_BM = torch.ones(len(tokens_BL), end, dtype=torch.long)
        if padding_B is not None:
            real_BM = (torch.arange(end) >= padding_B[:, None]).long()
        past = [part for cache in caches for part in cache.parts()]
        if not first_position:
            past = [torch.empty(len(tokens_BL), *_by_head(model))] * len(past)
        states_BLD, *present = _run(session, tokens_BL, real_BM, past)
        for cache, key, value in zip(caches, present[::2], present[1::2], strict=True):
            cache.append(key[:, :, first_position:], value[:, :, first_position:])
        return states_BLD

    return step


def _encoder_forward(model: Any, session: Any) -> Callable[..., Tensor]:
    by_torch, is_for_use = model.forward, _Use(model)

    def forward(tokens_BL: Tensor, segments_BL: Tensor, real_BL: Tensor, mask: Mask | None = None) -> Tensor:
        if mask is not None or not is_for_use():
            states_BLD: Tensor = by_torch(tokens_BL, segments_BL, real_BL, mask)
            return states_BLD
        _check_length(model, tokens_BL.shape[1])
        given = {
            "input_ids": _whole(tokens_BL),
            "attention_mask": _whole(real_BL.long()),
            "token_type_ids": _whole(segments_BL.clamp(max=model.config.segments - 1)),
        }
        return torch.from_numpy(session.run(["last_hidden_state"], given)[0])

    return forward


def _run(session: Any, tokens_BL: Tensor, real_BM: Tensor, past: Sequence[Tensor]) -> list[Tensor]:
    """Return the states of new tokens, then keys and values of all positions, layer by layer."""
    names = [given.name for given in session.get_inputs() if given.name.startswith("past")]
    cache = {name: _whole(part) for name, part in zip(names, past, strict=True)}
    given = {"input_ids": _whole(tokens_BL), "attention_mask": _whole(real_BM)}
    return [torch.from_numpy(output) for output in session.run(None, given | cache)]


def _check_length(model: Any, length: int) -> None:
    # PyTorch's embedding would say so, too; ONNX Runtime ends with an error of its own.
    if length > (longest := model.config.max_length):
        raise ValueError(f"a sequence of {length} tokens is longer than max_length={longest}")


def _by_head(model: Any) -> tuple[int, int, int]:
    """Return the shape of an empty cache after its rows."""
    return model.config.heads, 0, model.config.width // model.config.heads


def _whole(tensor: Tensor) -> NDArray[Any]:
    return np.ascontiguousarray(tensor.numpy())


class _Use:
    """Tells whether a model is asked for states alone: no gradients, nobody who listens to its layers."""

    def __init__(self, model: Any) -> None:
        self._model, self._weights = model, _versions(model)

    def __call__(self) -> bool:
        first = self._model.blocks[0]
        is_heard = first._forward_pre_hooks or first._forward_hooks
        if self._model.training or torch.is_grad_enabled() or is_heard:
            return False
        # After training, the session's copy of the weights would be an old one.
        return _versions(self._model) == self._weights


def _versions(model: nn.Module) -> list[tuple[int, int]]:
    return [(id(weight), weight._version) for weight in model.parameters()]
