"""Tensors of safetensors files that strangers made: every header is checked before a byte of weights is read.

The format is a length, a JSON header and raw numbers, so it is read here rather than by its library: through
the one descriptor whose header was checked, one tensor at a time.
"""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor

from twinlm.errors import ModelError
from twinlm.system.foreign_folder import Folder, parse_object, read_at

WHOLE = "model.safetensors"
INDEX = "model.safetensors.index.json"
_LARGEST_HEADER_BYTES = 16 * 2**20
_MOST_TENSORS = 100_000
_MOST_SHARDS = 10_000
_MOST_DIMENSIONS = 8
_LARGEST_DIMENSION = 2**40
_NAME = re.compile(r"[A-Za-z0-9_.\-]{1,256}")
_SHARD = re.compile(r"[A-Za-z0-9_\-][A-Za-z0-9_.\-]{0,200}\.safetensors")
_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".npy", ".npz", ".joblib", ".msgpack", ".h5")
_FLOATS = {"F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}
_SIZES_BYTES = {
    **{"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "F8_E4M3": 1, "F8_E5M2": 1, "F8_E8M0": 1},
    **{"I64": 8, "I32": 4, "I16": 2, "I8": 1, "U64": 8, "U32": 4, "U16": 2, "U8": 1, "BOOL": 1},
}


@dataclass(frozen=True, slots=True)
class _Entry:
    """Where a tensor lies."""

    descriptor: int
    place: Path
    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


class Weights(Mapping[str, Tensor]):
    """The tensors of a folder by name, each read when it is asked for, in float32.

    Use it as a context: it holds files open.

    Raises:
        ModelError: there are no safetensors, or a header or the index is not sound.
    """

    def __init__(self, folder: Folder) -> None:
        self._entries: dict[str, _Entry] = {}
        self._descriptors: list[int] = []
        self._places: dict[str, str] = {}
        try:
            if WHOLE in folder.names:
                self._add(folder, WHOLE)
            elif INDEX in folder.names:
                self._add_shards(folder)
            else:
                raise _no_weights(folder)
        except BaseException:
            self.__exit__()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *about: object) -> None:
        for descriptor in self._descriptors:
            os.close(descriptor)
        self._descriptors = []

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __getitem__(self, name: str) -> Tensor:
        """Return a tensor.

        Raises:
            KeyError: there is none of that name.
            ModelError: it holds no floating point numbers, or some are not finite.
        """
        entry = self._entries[name]
        if entry.dtype not in _FLOATS:
            allowed = ", ".join(_FLOATS)
            raise ModelError(
                f"{name} holds {entry.dtype}, but weights must be one of {allowed}", file=entry.place
            )
        contents = bytearray(read_at(entry.descriptor, entry.begin, entry.end - entry.begin))
        if len(contents) != entry.end - entry.begin:
            raise ModelError("the file became shorter while it was read", file=entry.place)
        tensor = torch.frombuffer(contents, dtype=_FLOATS[entry.dtype]).reshape(entry.shape).float()
        if not torch.isfinite(tensor).all():
            raise ModelError(f"{name} holds values that are not finite", file=entry.place)
        return tensor

    def shape(self, name: str) -> tuple[int, ...]:
        """Return a tensor's shape, as its header says."""
        return self._entries[name].shape

    def dtype(self, name: str) -> str:
        """Return the word of the format for a tensor's type."""
        return self._entries[name].dtype

    def place(self, name: str) -> Path:
        """Return the file of a tensor."""
        return self._entries[name].place

    def _add_shards(self, folder: Folder) -> None:
        place = folder.path / INDEX
        names = folder.read_json(INDEX).get("weight_map")
        if not isinstance(names, dict) or not all(isinstance(shard, str) for shard in names.values()):
            raise ModelError("weight_map must say for each tensor which file it lies in", file=place)
        shards = sorted(set(names.values()))
        if len(shards) > _MOST_SHARDS:
            raise ModelError(f"{len(shards):,} files are more than {_MOST_SHARDS:,}", file=place)
        if strange := [shard for shard in shards if not _SHARD.fullmatch(shard)]:
            raise ModelError(
                f"weight_map names {strange[0][:100]!r}, which is no plain name of a safetensors file",
                file=place,
            )
        for shard in shards:
            self._add(folder, shard)
        found = {name: entry.place.name for name, entry in self._entries.items()}
        if wrong := sorted(
            name for name in found.keys() | names.keys() if found.get(name) != names.get(name)
        ):
            there, said = found.get(wrong[0], "no file"), names.get(wrong[0], "no file")
            message = f"{wrong[0][:100]} lies in {there}, but weight_map says {said}"
            raise ModelError(message, file=place)

    def _add(self, folder: Folder, name: str) -> None:
        place = folder.path / name
        descriptor = folder.open(name)
        self._descriptors.append(descriptor)
        size_bytes = os.fstat(descriptor).st_size
        header, begin = _read_header(descriptor, size_bytes, place)
        entries = _checked_entries(header, descriptor, begin, place)
        _check_ranges(entries, begin, size_bytes, place)
        if twice := sorted(entries.keys() & self._entries.keys()):
            raise ModelError(f"{twice[0]} also lies in {self._entries[twice[0]].place.name}", file=place)
        self._entries |= entries


def _no_weights(folder: Folder) -> ModelError:
    pickles = [name for name in folder.names if name.endswith(_PICKLES)]
    if pickles:
        message = f"{pickles[0]} is not read: files of its kind can run code or hide other formats"
        hint = "convert it to model.safetensors with a tool you trust, apart from your data"
        return ModelError(message, file=folder.path, hint=hint)
    shards = [name for name in folder.names if name.endswith(".safetensors")]
    hint = f"there is {shards[0]}, but no {INDEX}" if shards else "give a folder with safetensors weights"
    return ModelError(f"there is no {WHOLE}", file=folder.path, hint=hint)


def _read_header(descriptor: int, size_bytes: int, place: Path) -> tuple[dict[str, Any], int]:
    """Return a file's header and where its numbers begin."""
    length = int.from_bytes(read_at(descriptor, 0, 8), "little")
    if size_bytes < 8 or length < 2 or 8 + length > size_bytes:
        message = f"a header of {length:,} bytes doesn't fit into a file of {size_bytes:,}"
        raise ModelError(message, file=place)
    if length > _LARGEST_HEADER_BYTES:
        message = f"a header of {length:,} bytes is larger than {_LARGEST_HEADER_BYTES:,}"
        raise ModelError(message, file=place)
    header = parse_object(read_at(descriptor, 8, length), place)
    notes = header.pop("__metadata__", {})
    if not isinstance(notes, dict) or not all(isinstance(note, str) for note in notes.values()):
        raise ModelError("__metadata__ must hold texts only", file=place)
    if not 0 < len(header) <= _MOST_TENSORS:
        raise ModelError(f"{len(header):,} tensors are not from 1 to {_MOST_TENSORS:,}", file=place)
    return header, 8 + length


def _checked_entries(
    header: Mapping[str, Any], descriptor: int, first: int, place: Path
) -> dict[str, _Entry]:
    entries = {}
    for name, about in header.items():
        if not _NAME.fullmatch(name):
            raise ModelError(f"{name[:100]!r} is no name of a tensor", file=place)
        if not isinstance(about, dict) or about.keys() != {"dtype", "shape", "data_offsets"}:
            raise ModelError(
                f"the header's entry of {name} must have dtype, shape and data_offsets", file=place
            )
        dtype, shape, offsets = about["dtype"], about["shape"], about["data_offsets"]
        if not isinstance(dtype, str) or dtype not in _SIZES_BYTES:
            raise ModelError(f"{name} has an unknown dtype: {str(dtype)[:40]}", file=place)
        if not _are_numbers(shape, _LARGEST_DIMENSION) or len(shape) > _MOST_DIMENSIONS:
            raise ModelError(f"{name} has a wrong shape: {str(shape)[:80]}", file=place)
        if not _are_numbers(offsets, 2**63) or len(offsets) != 2:
            raise ModelError(f"{name} has wrong offsets: {str(offsets)[:80]}", file=place)
        size_bytes = prod(shape) * _SIZES_BYTES[dtype]
        if offsets[1] - offsets[0] != size_bytes:
            message = f"{name} needs {size_bytes:,} bytes, but its offsets are {offsets[0]} and {offsets[1]}"
            raise ModelError(message, file=place)
        entries[name] = _Entry(descriptor, place, dtype, tuple(shape), first + offsets[0], first + offsets[1])
    return entries


def _check_ranges(entries: Mapping[str, _Entry], first: int, size_bytes: int, place: Path) -> None:
    """Check that the tensors lie one behind the other and end with the file."""
    end = first
    for name, entry in sorted(entries.items(), key=lambda item: (item[1].begin, item[1].end)):
        if entry.begin != end:
            raise ModelError(f"there is a gap or an overlap before {name}", file=place)
        end = entry.end
    if end != size_bytes:
        message = f"the header describes {end:,} bytes, but the file has {size_bytes:,}"
        raise ModelError(message, file=place)


def _are_numbers(value: Any, most: int) -> bool:
    return isinstance(value, list) and all(type(number) is int and 0 <= number <= most for number in value)
