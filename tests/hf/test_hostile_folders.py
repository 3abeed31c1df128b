"""Folders that want to run code, read elsewhere or eat memory: each gives one ModelError, quickly."""

import json
import os
import struct
import time
import zipfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from twinlm.checkpoint import Trained
from twinlm.errors import ModelError
from twinlm.hf.export import to_hf_files, write_folder
from twinlm.hf.reading import read_folder

MOST_SECONDS = 5
Watched = Callable[[Path], AbstractContextManager[None]]


@pytest.fixture
def folder(ours: Callable[..., Trained], tmp_path: Path) -> Path:
    """A sound folder of a BERT, and beside it a secret and a place for a canary."""
    (tmp_path / "secret").write_text("{}")
    write_folder(tmp_path / "model", to_hf_files(ours("bert", "wordpiece")))
    return tmp_path / "model"


Change = Callable[[Path], None]


def config(**changes: Any) -> Change:
    def change(folder: Path) -> None:
        place = folder / "config.json"
        place.write_text(json.dumps(json.loads(place.read_text()) | changes))

    return change


def file(name: str, contents: bytes) -> Change:
    return lambda folder: (folder / name).write_bytes(contents) and None


def header(change: Callable[[dict[str, Any]], Any]) -> Change:
    """Change the header of model.safetensors, not the numbers behind it."""

    def apply(folder: Path) -> None:
        place = folder / "model.safetensors"
        contents = place.read_bytes()
        length = struct.unpack("<Q", contents[:8])[0]
        about = json.loads(contents[8 : 8 + length])
        about = change(about) or about
        text = about if isinstance(about, bytes) else json.dumps(about).encode()
        place.write_bytes(struct.pack("<Q", len(text)) + text + contents[8 + length :])

    return apply


def entry(**changes: Any) -> Change:
    """Change the header's entry of one tensor."""
    return header(lambda about: about["bert.pooler.dense.bias"].update(changes))


def tensors(**changes: Any) -> Change:
    def apply(folder: Path) -> None:
        place = folder / "model.safetensors"
        found = load_file(place) | {name.replace("__", "."): tensor for name, tensor in changes.items()}
        save_file({name: tensor for name, tensor in found.items() if tensor is not None}, place)

    return apply


def index(shard: Any, *, moved: str = "shard.safetensors") -> Change:
    """Say in an index that all tensors lie in `shard`; they lie in `moved`."""

    def apply(folder: Path) -> None:
        names = list(load_file(folder / "model.safetensors"))
        (folder / "model.safetensors").rename(folder / moved)
        about = {"weight_map": dict.fromkeys(names, shard) if isinstance(shard, str) else shard}
        (folder / "model.safetensors.index.json").write_text(json.dumps(about))

    return apply


def gone(name: str) -> Change:
    return lambda folder: (folder / name).unlink()


def link(name: str, target: str) -> Change:
    def apply(folder: Path) -> None:
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(target)

    return apply


def moved_out(name: str) -> Change:
    """Put a file beside the folder and a link in its place."""

    def apply(folder: Path) -> None:
        (folder / name).rename(folder.parent / name)
        (folder / name).symlink_to(folder.parent / name)

    return apply


def pipe(name: str) -> Change:
    def apply(folder: Path) -> None:
        (folder / name).unlink()
        os.mkfifo(folder / name)

    return apply


def directory(name: str) -> Change:
    def apply(folder: Path) -> None:
        (folder / name).unlink()
        (folder / name).mkdir()

    return apply


def both(*changes: Change) -> Change:
    def apply(folder: Path) -> None:
        for change in changes:
            change(folder)

    return apply


def pickled(name: str) -> Change:
    """A pickle that makes a canary file if anyone loads it."""

    def apply(folder: Path) -> None:
        canary = str(folder.parent / "canary").encode()
        program = b"cos\nsystem\n(S'touch " + canary + b"'\ntR."
        (folder / name).write_bytes(program)

    return apply


def zipped(folder: Path) -> None:
    with zipfile.ZipFile(folder / "model.safetensors", "w") as archive:
        archive.writestr("data.pkl", "cos\nsystem\n.")


def many(about: dict[str, Any]) -> bytes:
    empty = {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}
    return json.dumps({f"t{number}": empty for number in range(100_001)}).encode()


def truncated(folder: Path) -> None:
    place = folder / "model.safetensors"
    place.write_bytes(place.read_bytes()[:-4])


def longer(folder: Path) -> None:
    place = folder / "model.safetensors"
    place.write_bytes(place.read_bytes() + b"0000")


WEIGHTS = "model.safetensors"
HOSTILE: dict[str, Change] = {
    "config is no JSON": file("config.json", b"{"),
    "config is a list": file("config.json", b"[]"),
    "config is deep": file("config.json", b'{"a":' + b"[" * 100_000),
    "config has NaN": file("config.json", b'{"model_type": NaN}'),
    "config has a key twice": file("config.json", b'{"model_type": "bert", "model_type": "gpt2"}'),
    "config is not UTF-8": file("config.json", b'{"model_type": "\xff"}'),
    "config is huge": file("config.json", b" " * (17 * 2**20)),
    "config has a number of 10,000 digits": file("config.json", b'{"vocab_size": ' + b"9" * 10_000 + b"}"),
    "config is not there": gone("config.json"),
    "config is a pipe": pipe("config.json"),
    "config is a folder": directory("config.json"),
    "config is a link out": moved_out("config.json"),
    "config is a link to a device": link("config.json", "/dev/zero"),
    "config is a link to itself": link("config.json", "config.json"),
    "no model type": config(model_type=None),
    "another model type": config(model_type="llama"),
    "a model type that is a list": config(model_type=["bert"]),
    "code of its own": config(auto_map={"AutoModel": "modeling.Evil"}),
    "asks for trust": config(trust_remote_code=True),
    "width of 2**40": config(hidden_size=2**40),
    "width of a million": config(hidden_size=10**6),
    "vocabulary of a million": config(vocab_size=10**6),
    "negative width": config(hidden_size=-1),
    "width is true": config(hidden_size=True),
    "width is a text": config(hidden_size="24"),
    "width is a fraction": config(hidden_size=24.5),
    "no heads": config(num_attention_heads=0),
    "heads that do not fit": config(num_attention_heads=7),
    "a million layers": config(num_hidden_layers=10**6),
    "a thousand layers": config(num_hidden_layers=1000),
    "a million positions": config(max_position_embeddings=10**6),
    "relative positions": config(position_embedding_type="relative_key"),
    "a decoder": config(is_decoder=True),
    "cross attention": config(add_cross_attention=True),
    "another activation": config(hidden_act="relu"),
    "an activation that is a list": config(hidden_act=["gelu"]),
    "no epsilon": config(layer_norm_eps=0),
    "epsilon is a text": config(layer_norm_eps="1e-12"),
    "dropout of two": config(hidden_dropout_prob=2),
    "weights that are not tied": config(tie_word_embeddings=False),
    "quantized": config(quantization_config={"bits": 4}),
    "heads cut off": config(pruned_heads={"0": [1]}),
    "a class of nobody's": config(architectures=["Evil"]),
    "two classes": config(architectures=["BertModel", "BertForMaskedLM"]),
    "fewer rows than tokens": config(vocab_size=5),
    "weights are not there": gone(WEIGHTS),
    "weights are a pickle": both(gone(WEIGHTS), pickled("pytorch_model.bin")),
    "weights are a pickle named .pt": both(gone(WEIGHTS), pickled("model.pt")),
    "weights are a pickle under another name": pickled(WEIGHTS),
    "weights are an archive": zipped,
    "weights are a pipe": pipe(WEIGHTS),
    "weights are a folder": directory(WEIGHTS),
    "weights are a link out": moved_out(WEIGHTS),
    "weights are empty": file(WEIGHTS, b""),
    "weights are 7 bytes": file(WEIGHTS, b"1234567"),
    "header of 2**63 bytes": file(WEIGHTS, struct.pack("<Q", 2**63) + b"{}"),
    "header longer than the file": file(WEIGHTS, struct.pack("<Q", 100) + b"{}"),
    "header of 17 MB": file(WEIGHTS, struct.pack("<Q", 17 * 2**20) + b" " * (17 * 2**20)),
    "header is no JSON": header(lambda about: b"{" * 50),
    "header is deep": header(lambda about: b'{"a":' + b"[" * 100_000),
    "header has a name twice": header(lambda about: b'{"a": 1, "a": 2}'),
    "header has no tensor": header(lambda about: b"{}"),
    "header has 100,001 tensors": header(many),
    "notes that are no texts": header(lambda about: about.update(__metadata__={"format": 1})),
    "a name that is a path": header(
        lambda about: about.update({"../x": about.pop("bert.pooler.dense.bias")})
    ),
    "a name with a line end": header(
        lambda about: about.update({"x\n": about.pop("bert.pooler.dense.bias")})
    ),
    "a name of 300 letters": header(
        lambda about: about.update({"x" * 300: about.pop("bert.pooler.dense.bias")})
    ),
    "an entry that is a list": header(lambda about: about.update({"bert.pooler.dense.bias": []})),
    "an unknown dtype": entry(dtype="F128"),
    "a dtype that is a list": entry(dtype=["F32"]),
    "numbers of 8 bits": entry(dtype="F8_E4M3", shape=[96]),
    "whole numbers": entry(dtype="I32"),
    "a shape of 2**62": entry(shape=[2**62]),
    "a shape of ten dimensions": entry(shape=[24, *[1] * 9]),
    "a negative shape": entry(shape=[-24]),
    "another shape": entry(shape=[4, 6]),
    "negative offsets": entry(data_offsets=[-96, 0]),
    "offsets behind the end": entry(data_offsets=[2**50, 2**50 + 96]),
    "offsets of another tensor": entry(data_offsets=[0, 96]),
    "offsets that are too short": entry(data_offsets=[0, 4]),
    "offsets that are no numbers": entry(data_offsets=["0", "96"]),
    "three offsets": entry(data_offsets=[0, 96, 96]),
    "a file that was cut": truncated,
    "a file with more behind it": longer,
    "a tensor is missing": tensors(bert__pooler__dense__bias=None),
    "a tensor is unknown": tensors(evil=torch.zeros(3)),
    "a tensor is not finite": tensors(bert__pooler__dense__bias=torch.full((24,), torch.nan)),
    "copies that differ": tensors(cls__predictions__decoder__bias=torch.full((90,), 9.0)),
    "index names a path upwards": index("../shard.safetensors", moved="../shard.safetensors"),
    "index names an absolute path": index("/etc/passwd"),
    "index names a path downwards": index("sub/shard.safetensors"),
    "index names a hidden file": index(".shard.safetensors", moved=".shard.safetensors"),
    "index names a pickle": both(pickled("shard.bin"), index("shard.bin")),
    "index names a file that is not there": index("other.safetensors"),
    "index is a list": index([]),
    "index names numbers": index({"a": 1}),
    "index names another tensor": index({"a": "shard.safetensors"}),
    "index is no JSON": both(index("shard.safetensors"), file("model.safetensors.index.json", b"{")),
    "a shard is a link out": both(index("shard.safetensors"), moved_out("shard.safetensors")),
    "a shard is a pipe": both(index("shard.safetensors"), pipe("shard.safetensors")),
    "no tokenizer": both(gone("tokenizer.json"), gone("vocab.txt")),
    "the tokenizer is a link out": moved_out("tokenizer.json"),
    "the tokenizer is a pipe": pipe("tokenizer.json"),
    "the tokenizer is a pickle": pickled("tokenizer.json"),
    "the tokenizer's configuration is a list": file("tokenizer_config.json", b"[]"),
    "any other file is a link out": link("notes.txt", "../secret"),
}


def test_there_are_many_of_them() -> None:
    assert len(HOSTILE) >= 100


def test_the_folder_is_sound_before_it_is_changed(folder: Path, watched: Watched) -> None:
    read_folder(folder)  # imports what it needs
    with watched(folder):
        read_folder(folder)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_folder_is_refused_quickly_and_touches_nothing_else(
    name: str, folder: Path, watched: Watched
) -> None:
    read_folder(folder)  # imports what it needs
    HOSTILE[name](folder)
    begin = time.monotonic()
    with watched(folder), pytest.raises(ModelError) as caught:
        read_folder(folder)
    assert time.monotonic() - begin < MOST_SECONDS
    assert caught.value.exit_code == 4
    assert len(str(caught.value)) < 1000
    assert not (folder.parent / "canary").exists()


def test_the_pickle_makes_its_canary_if_anyone_loads_it(folder: Path) -> None:
    import pickle

    pickled("evil")(folder)
    pickle.loads((folder / "evil").read_bytes())
    assert (folder.parent / "canary").exists()
