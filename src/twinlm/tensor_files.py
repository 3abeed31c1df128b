"""Tensors in safetensors files: written, read, and checked against the module that takes them."""

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from twinlm.errors import ModelError


def load_weights(module: nn.Module, path: Path) -> None:
    """Fill a module with the weights of a file, which must hold exactly its tensors."""
    fill(module, read_tensors(path), path)


def fill(module: nn.Module, tensors: Mapping[str, Tensor], path: Path) -> None:
    """Fill a module with tensors read from `path`: exactly its own, finite, of the same shapes and types."""
    wanted = module.state_dict()
    check_tensors({name: tuple(tensor.shape) for name, tensor in tensors.items()}, wanted, path)
    for name, tensor in tensors.items():
        check_values(name, tensor, wanted[name].dtype, path)
    if any(tensor.is_meta for tensor in wanted.values()):
        # Copies lie where PyTorch aligns them. `to_empty` would do the same, but imports the compiler.
        module.load_state_dict({name: tensor.clone() for name, tensor in tensors.items()}, assign=True)
    else:
        module.load_state_dict(tensors)


def check_tensors(shapes: Mapping[str, tuple[int, ...]], wanted: Mapping[str, Tensor], path: Path) -> None:
    """Raise a ModelError if tensors of these names and shapes are not the wanted ones."""
    if missing := sorted(wanted.keys() - shapes.keys()):
        raise ModelError(f"{len(missing)} tensors are missing, such as {missing[0]}", file=path)
    if unknown := sorted(shapes.keys() - wanted.keys()):
        raise ModelError(f"{len(unknown)} tensors are unknown, such as {unknown[0]}", file=path)
    for name, shape in shapes.items():
        if shape != (needed := tuple(wanted[name].shape)):
            raise ModelError(f"{name} has shape {shape}, but the model needs {needed}", file=path)


def check_values(name: str, tensor: Tensor, dtype: torch.dtype, path: Path) -> None:
    """Raise a ModelError if a tensor, or rows of it, is of another type or not finite."""
    if tensor.dtype != dtype:
        raise ModelError(f"{name} holds {tensor.dtype}, but the model needs {dtype}", file=path)
    # The sum needs no other memory and finds all; only one that overflows needs a second look.
    if not tensor.sum().isfinite() and not torch.isfinite(tensor).all():
        raise ModelError(f"{name} holds values that are not finite", file=path)


def tensor_bytes(tensors: Mapping[str, Tensor]) -> bytes:
    """Return tensors in the safetensors format."""
    contents: bytes = save({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()})
    return contents


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a safetensors file of ours."""
    with as_tensor_error(path):
        tensors: dict[str, Tensor] = load(path.read_bytes())
        return tensors


@contextlib.contextmanager
def as_tensor_error(path: Path) -> Iterator[None]:
    """Turn errors of the safetensors library about a file into a ModelError that names it.

    The library checks header, layout and size. Hashes, names, shapes and values are ours to check: for files
    of ours, `storage.verify_folder` and `fill` do that. Untrusted files are read by `hf/weights.py`.
    """
    try:
        yield
    except FileNotFoundError as error:
        raise ModelError("the file is missing", file=path) from error
    except SafetensorError as error:
        raise ModelError(f"this is not a complete safetensors file: {error}", file=path) from error
