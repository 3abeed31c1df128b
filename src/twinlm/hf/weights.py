"""Tensors of untrusted safetensors files: every header is checked before any weight is read.

The library is not used: each tensor comes through the very descriptor whose header was checked.
"""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Annotated, Any, Self

import msgspec
import torch
from msgspec import Meta
from torch import Tensor

from twinlm.errors import ModelError
from twinlm.system.foreign_folder import Folder, parse_object, read_at

WHOLE = "model.safetensors"
INDEX = "model.safetensors.index.json"
_LARGEST_HEADER_BYTES = 16 * 2**20
_MOST_TENSORS = 100_000
_MOST_SHARDS = 10_000
_NAME = re.compile(r"[A-Za-z0-9_.\-]{1,256}")
_SHARD = re.compile(r"[A-Za-z0-9_\-][A-Za-z0-9_.\-]{0,200}\.safetensors")
_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".npy", ".npz", ".joblib", ".msgpack", ".h5")
_FLOATS = {"F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}
_SIZES_BYTES = {
    **{"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "F8_E4M3": 1, "F8_E5M2": 1, "F8_E8M0": 1},
    **{"I64": 8, "I32": 4, "I16": 2, "I8": 1, "U64": 8, "U32": 4, "U16": 2, "U8": 1, "BOOL": 1},
}
_Offset = Annotated[int, Meta(ge=0, le=2**62)]


class _Stored(msgspec.Struct, forbid_unknown_fields=True):
    dtype: str
    shape: Annotated[list[Annotated[int, Meta(ge=0, le=2**40)]], Meta(max_length=8)]
    data_offsets: tuple[_Offset, _Offset]


@dataclass(frozen=True, slots=True)
class _Entry:
    descriptor: int
    path: Path
    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


class Weights(Mapping[str, Tensor]):
    """The tensors of a folder by name, each read on request, in float32. A context that holds files open."""

    def __init__(self, folder: Folder) -> None:
        self._entries: dict[str, _Entry] = {}
        self._opened = ExitStack()
        with self._opened as opened:  # closes them if the rest fails
            if WHOLE in folder.names:
                self._add(folder, WHOLE)
            elif INDEX in folder.names:
                self._add_shards(folder)
            else:
                raise _no_weights(folder)
            self._opened = opened.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._opened.close()

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __getitem__(self, name: str) -> Tensor:
        entry = self._entries[name]
        if entry.dtype not in _FLOATS:
            message = f"{name} has type {entry.dtype}, but weights must be one of {', '.join(_FLOATS)}"
            raise ModelError(message, file=entry.path)
        contents = bytearray(read_at(entry.descriptor, entry.begin, entry.end - entry.begin))
        if len(contents) != entry.end - entry.begin:
            raise ModelError("the file became shorter while it was read", file=entry.path)
        tensor = torch.frombuffer(contents, dtype=_FLOATS[entry.dtype]).reshape(entry.shape).float()
        if not torch.isfinite(tensor).all():
            raise ModelError(f"{name} has values that are not finite", file=entry.path)
        return tensor

    def entry(self, name: str) -> _Entry:
        """Return a tensor's file, type in the format's words, and shape, from its header."""
        return self._entries[name]

    def _add_shards(self, folder: Folder) -> None:
        path = folder.path / INDEX
        expected = folder.read_json(INDEX).get("weight_map")
        if not isinstance(expected, dict) or not all(isinstance(shard, str) for shard in expected.values()):
            raise ModelError("weight_map must name the file of each tensor", file=path)
        shards = sorted(set(expected.values()))
        if len(shards) > _MOST_SHARDS:
            raise ModelError(f"{len(shards):,} files are more than {_MOST_SHARDS:,}", file=path)
        if strange := [shard for shard in shards if not _SHARD.fullmatch(shard)]:
            message = f"weight_map names {strange[0][:100]!r}, not a plain name of a safetensors file"
            raise ModelError(message, file=path)
        for shard in shards:
            self._add(folder, shard)
        actual = {name: entry.path.name for name, entry in self._entries.items()}
        for name in sorted(actual.keys() | expected.keys()):
            file, named = actual.get(name, "no file"), expected.get(name, "no file")
            if file != named:
                message = f"{name[:100]} is stored in {file}, but weight_map names {named}"
                raise ModelError(message, file=path)

    def _add(self, folder: Folder, name: str) -> None:
        path = folder.path / name
        descriptor = folder.open(name)
        self._opened.callback(os.close, descriptor)
        size_bytes = os.fstat(descriptor).st_size
        header, begin = _read_header(descriptor, size_bytes, path)
        entries = {key: _checked(key, value, descriptor, begin, path) for key, value in header.items()}
        _check_ranges(entries, begin, size_bytes, path)
        if twice := sorted(entries.keys() & self._entries.keys()):
            message = f"{twice[0]} is also stored in {self._entries[twice[0]].path.name}"
            raise ModelError(message, file=path)
        self._entries |= entries


def _no_weights(folder: Folder) -> ModelError:
    if pickles := [name for name in folder.names if name.endswith(_PICKLES)]:
        message = f"{pickles[0]} is not read: files of its type can run code or hide other formats"
        hint = "convert it to model.safetensors with a tool you trust, apart from your data"
        return ModelError(message, file=folder.path, hint=hint)
    shards = [name for name in folder.names if name.endswith(".safetensors")]
    hint = f"there is {shards[0]}, but no {INDEX}" if shards else "give a folder with safetensors weights"
    return ModelError(f"there is no {WHOLE}", file=folder.path, hint=hint)


def _read_header(descriptor: int, size_bytes: int, path: Path) -> tuple[dict[str, Any], int]:
    length = int.from_bytes(read_at(descriptor, 0, 8), "little")
    if size_bytes < 8 or length < 2 or 8 + length > size_bytes:
        message = f"a header of {length:,} bytes doesn't fit into a file of {size_bytes:,}"
        raise ModelError(message, file=path)
    if length > _LARGEST_HEADER_BYTES:
        message = f"a header of {length:,} bytes is larger than {_LARGEST_HEADER_BYTES:,}"
        raise ModelError(message, file=path)
    header = parse_object(read_at(descriptor, 8, length), path)
    notes = header.pop("__metadata__", {})
    if not isinstance(notes, dict) or not all(isinstance(note, str) for note in notes.values()):
        raise ModelError("__metadata__ must contain texts only", file=path)
    if not 0 < len(header) <= _MOST_TENSORS:
        raise ModelError(f"expected 1 to {_MOST_TENSORS:,} tensors, found {len(header):,}", file=path)
    return header, 8 + length


def _checked(name: str, value: Any, descriptor: int, first: int, path: Path) -> _Entry:
    if not _NAME.fullmatch(name):
        raise ModelError(f"{name[:100]!r} can't be the name of a tensor", file=path)
    try:
        stored = msgspec.convert(value, _Stored)
    except msgspec.ValidationError as error:
        raise ModelError(f"the header's entry of {name}: {error}", file=path) from error
    if stored.dtype not in _SIZES_BYTES:
        raise ModelError(f"{name} has an unknown type: {stored.dtype[:40]}", file=path)
    begin, end = stored.data_offsets
    size_bytes = prod(stored.shape) * _SIZES_BYTES[stored.dtype]
    if end - begin != size_bytes:
        message = f"{name} needs {size_bytes:,} bytes, but its offsets are {begin} and {end}"
        raise ModelError(message, file=path)
    return _Entry(descriptor, path, stored.dtype, tuple(stored.shape), first + begin, first + end)


def _check_ranges(entries: Mapping[str, _Entry], first: int, size_bytes: int, path: Path) -> None:
    """Check that the tensors fill the file without a gap or an overlap."""
    end = first
    for name, entry in sorted(entries.items(), key=lambda item: (item[1].begin, item[1].end)):
        if entry.begin != end:
            raise ModelError(f"there is a gap or an overlap before {name}", file=path)
        end = entry.end
    if end != size_bytes:
        message = f"the header describes {end:,} bytes, but the file has {size_bytes:,}"
        raise ModelError(message, file=path)
