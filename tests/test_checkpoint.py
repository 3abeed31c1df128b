"""Model folders: what is saved comes back, and what is damaged or foreign is refused with one clear error."""

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load, save

from twinlm.checkpoint import Trained, load_model, save_model
from twinlm.core.initialize import initialize
from twinlm.data.sequences.packing import Packed
from twinlm.errors import ModelError
from twinlm.families import FAMILIES
from twinlm.objectives.fine_tuning import FineTuned
from twinlm.system import storage
from twinlm.system.log import Silent
from twinlm.tasks.heads import SequenceHead
from twinlm.tasks.kind import Input, TaskConfig, collate
from twinlm.tensor_files import tensor_bytes
from twinlm.tokenizer import Tokenizer, train_tokenizer

TASK = {
    "kind": "classification",
    "labels": ["a", "b", "c"],
    "max_length": 12,
    "stride": 128,
    "dropout": 0.1,
    "has_bias": True,
    "constants": {"texts": 1.0},
}
SIZES = {"max_length": 16, "width": 16, "layers": 2, "heads": 2, "feed_forward": 24, "dropout": 0.1}
TEXTS = ["a cat sat on a mat", "a dog sat on a log"] * 4


def tokenizer(vocab_size: int = 280) -> Tokenizer:
    return train_tokenizer(
        TEXTS, algorithm="byte-bpe", vocab_size=vocab_size, lowercase=False, progress=Silent()
    )


def make(name: str, *, is_tuned: bool) -> Trained:
    family, spelling = FAMILIES[name], tokenizer()
    model = family.model(family.config(vocab_size=spelling.vocab_size, **SIZES))
    initialize(model, seed=1, is_truncated=family.is_truncated)
    history = {"pretraining": {"step": 7, "best": 1.25}}
    if not is_tuned:
        return Trained(family=family, model=model, tokenizer=spelling, history=history)
    head = SequenceHead(width=16, outputs=3, dropout=0.2, has_bias=True)
    initialize(head, seed=2, is_truncated=family.is_truncated)
    return Trained(
        family=family,
        model=model,
        tokenizer=spelling,
        history=history,
        tuned=FineTuned(model, head),
        task=TaskConfig(
            kind="classification",
            labels=("no", "yes", "ünsure"),
            max_length=12,
            dropout=0.2,
            constants={"texts": 1.0},
        ),
    )


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "bert"
    save_model(folder, make("bert", is_tuned=True))
    return folder


@pytest.fixture
def folder(published: Path, tmp_path: Path) -> Path:
    """Return a copy of a model folder, to be spoiled."""
    return Path(shutil.copytree(published, tmp_path / "model"))


def republish(folder: Path, change: Callable[[dict[str, bytes]], None]) -> None:
    """Change files and write the manifest anew, as somebody does who means it."""
    files = {path.name: path.read_bytes() for path in folder.iterdir() if path.name != storage.MANIFEST}
    change(files)
    storage.publish_folder(folder, files)


def change_config(folder: Path, **changes: Any) -> None:
    def change(files: dict[str, bytes]) -> None:
        files["config.json"] = storage.json_bytes(json.loads(files["config.json"]) | changes)

    republish(folder, change)


def change_sizes(folder: Path, **changes: Any) -> None:
    sizes = json.loads((folder / "config.json").read_text())["sizes"]
    change_config(folder, sizes=sizes | changes)


def change_weights(folder: Path, change: Callable[[dict[str, torch.Tensor]], None]) -> None:
    def change_file(files: dict[str, bytes]) -> None:
        tensors = load(files["model.safetensors"])
        change(tensors)
        files["model.safetensors"] = save(tensors)

    republish(folder, change_file)


@pytest.mark.parametrize("is_tuned", [False, True], ids=["pre-trained", "fine-tuned"])
@pytest.mark.parametrize("name", FAMILIES)
def test_what_is_saved_comes_back(name: str, is_tuned: bool, tmp_path: Path) -> None:
    trained = make(name, is_tuned=is_tuned)
    save_model(tmp_path / "model", trained)
    loaded = load_model(tmp_path / "model")
    assert loaded.family is trained.family
    assert loaded.model.config == trained.model.config
    assert loaded.task == trained.task
    assert loaded.history == trained.history
    assert loaded.tokenizer.fingerprint == trained.tokenizer.fingerprint
    module, before = loaded.tuned or loaded.model, trained.tuned or trained.model
    assert not module.training and not loaded.model.training
    for weight_name, weight in before.state_dict().items():
        assert torch.equal(module.state_dict()[weight_name], weight), weight_name
    rows = [Packed(tokens, [0] * len(tokens), (0,), 0) for tokens in loaded.tokenizer.encode_batch(TEXTS[:2])]
    batch = collate([Input(number, (row,), 0) for number, row in enumerate(rows)], 0)
    before.eval()
    assert torch.equal(loaded.model.read(batch).summary_BD, trained.model.read(batch).summary_BD)
    if is_tuned:
        assert loaded.tuned is not None and trained.tuned is not None
        assert loaded.tuned.model is loaded.model
        assert torch.equal(loaded.tuned(batch), trained.tuned(batch))


@pytest.mark.parametrize("name", FAMILIES)
def test_saving_twice_writes_the_same_bytes(name: str, tmp_path: Path) -> None:
    for place in ("first", "second"):
        save_model(tmp_path / place, make(name, is_tuned=True))
    for path in (tmp_path / "first").iterdir():
        assert path.read_bytes() == (tmp_path / "second" / path.name).read_bytes(), path.name


def test_a_loaded_model_can_be_saved_again(published: Path, tmp_path: Path) -> None:
    save_model(tmp_path / "again", load_model(published))
    for path in published.iterdir():
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes(), path.name


def test_any_flipped_bit_is_found(folder: Path) -> None:
    chance = random.Random(0)
    for path in sorted(folder.iterdir()):
        whole = path.read_bytes()
        for place in {0, len(whole) - 1, *(chance.randrange(len(whole)) for _ in range(12))}:
            data = bytearray(whole)
            data[place] ^= 1 << chance.randrange(8)
            path.write_bytes(data)
            # In the manifest a flip may hit the white space, or give another spelling of the same.
            if path.name == storage.MANIFEST and same_json(whole, bytes(data)):
                continue
            with pytest.raises(ModelError):
                load_model(folder)
        path.write_bytes(whole)
    load_model(folder)


def same_json(first: bytes, second: bytes) -> bool:
    try:
        return bool(json.loads(first) == json.loads(second))
    except ValueError:
        return False


@pytest.mark.parametrize(
    "name", ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "manifest.json"]
)
@pytest.mark.parametrize("how", ["missing", "empty", "cut", "longer"])
def test_a_missing_cut_or_grown_file_is_named(name: str, how: str, folder: Path) -> None:
    path = folder / name
    data = path.read_bytes()
    if how == "missing":
        path.unlink()
    else:
        path.write_bytes({"empty": b"", "cut": data[: len(data) // 2], "longer": data + b"x"}[how])
    with pytest.raises(ModelError) as error:
        load_model(folder)
    assert name in str(error.value)
    assert error.value.exit_code == 4


@pytest.mark.parametrize("what", ["nothing", "an empty folder", "a file", "a foreign model"])
def test_what_is_no_model_folder_is_refused(what: str, tmp_path: Path) -> None:
    place = tmp_path / "model"
    if what == "a file":
        place.write_text("hello")
    elif what != "nothing":
        place.mkdir()
    if what == "a foreign model":
        (place / "config.json").write_text('{"model_type": "bert", "hidden_size": 16}')
        (place / "pytorch_model.bin").write_bytes(b"\x80\x02.")
    with pytest.raises(ModelError):
        load_model(place)


def test_a_newer_format_is_refused(folder: Path) -> None:
    change_config(folder, format=2)
    with pytest.raises(ModelError, match="format 2 is newer than this version; update twinlm"):
        load_model(folder)


@pytest.mark.parametrize(
    "changes",
    [
        {"format": "one"},
        {"format": None},
        {"family": "t5"},
        {"family": ["bert"]},
        {"sizes": None},
        {"sizes": 5},
        {"sizes": []},
        {"sizes": {}},
        {"sizes": {"width": 16, "colour": 3}},
        {"task": 3},
        {"task": {}},
        {"task": {**TASK, "labels": 3}},
        {"task": {**TASK, "kind": "clasification"}},
        {"task": {**TASK, "dropout": 7.0}},
        {"task": {**TASK, "max_length": "12"}},
        {"task": {**TASK, "constants": {"texts": "two"}}},
        {"task": {**TASK, "scheme": "entities"}},
        {"task": {**TASK, "scheme": 3}},
        {"task": {**TASK, "reading": "aloud"}},
        {"task": {**TASK, "fields": {"colour": "red"}}},
        {"task": {**TASK, "fields": {"text": 3}}},
        {"task": {**TASK, "beams": 4}},
        {"task": None},
        {"tokenizer": "other"},
        {"history": None},
    ],
    ids=str,
)
def test_a_configuration_that_is_not_ours_is_refused(changes: dict[str, Any], folder: Path) -> None:
    change_config(folder, **changes)
    with pytest.raises(ModelError):
        load_model(folder)


@pytest.mark.parametrize("text", [b"[]", b"3", b"null", b'"x"', b"{}"], ids=str)
def test_a_configuration_of_another_form_is_refused(text: bytes, folder: Path) -> None:
    republish(folder, lambda files: files.update({"config.json": text}))
    with pytest.raises(ModelError):
        load_model(folder)


@pytest.mark.parametrize(
    "changes",
    [
        {"width": 17},
        {"heads": 3},
        {"heads": 0},
        {"width": -16},
        {"width": 10**9},
        {"vocab_size": 10**6, "width": 10**6},
        {"layers": 10**6},
        {"feed_forward": 10**6, "layers": 999},
        {"layers": 1.5},
        {"layers": True},
        {"layers": 1},
        {"dropout": 2},
        {"dropout": "0.1"},
        {"max_length": 0},
        {"max_length": None},
        {"activation": "relu"},
        {"activation": []},
        {"norm_eps": 0.0},
        {"norm_eps": 1},
    ],
    ids=str,
)
def test_sizes_that_do_not_fit_are_refused_before_memory_is_asked_for(
    changes: dict[str, Any], folder: Path
) -> None:
    change_sizes(folder, **changes)
    with pytest.raises(ModelError):
        load_model(folder)


def test_a_tokenizer_of_another_model_is_refused(folder: Path) -> None:
    republish(folder, lambda files: files.update(tokenizer(275).to_files(template="encoder")))
    with pytest.raises(ModelError, match="a different tokenizer"):
        load_model(folder)


def test_a_missing_an_unknown_and_a_misshapen_tensor_are_named(folder: Path) -> None:
    change_weights(folder, lambda tensors: tensors.pop("head.score.bias"))
    with pytest.raises(ModelError, match=r"1 tensors are missing, such as head\.score\.bias"):
        load_model(folder)
    change_weights(
        folder, lambda tensors: tensors.update({"head.score.bias": torch.zeros(3), "x": torch.zeros(1)})
    )
    with pytest.raises(ModelError, match="1 tensors are unknown, such as x"):
        load_model(folder)
    change_weights(
        folder, lambda tensors: (tensors.pop("x"), tensors.update({"head.score.bias": torch.zeros(4)}))
    )
    with pytest.raises(ModelError, match=r"head\.score\.bias has shape \(4,\), but the model needs \(3,\)"):
        load_model(folder)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_weights_that_are_not_finite_are_refused(value: float, folder: Path) -> None:
    def spoil(tensors: dict[str, torch.Tensor]) -> None:
        tensors["model.token_embedding.weight"][3, 2] = value

    change_weights(folder, spoil)
    with pytest.raises(ModelError, match=r"model\.token_embedding\.weight holds values that are not finite"):
        load_model(folder)


def test_weights_whose_sum_overflows_are_finite_all_the_same(folder: Path) -> None:
    change_weights(folder, lambda tensors: tensors["model.token_embedding.weight"][:2].fill_(3e38))
    weight = load_model(folder).model.token_embedding.weight.detach()
    assert float(weight.max()) == pytest.approx(3e38)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.int64, torch.bool])
def test_weights_of_another_type_are_refused(dtype: torch.dtype, folder: Path) -> None:
    def convert(tensors: dict[str, torch.Tensor]) -> None:
        tensors["model.pooler.bias"] = tensors["model.pooler.bias"].to(dtype)

    change_weights(folder, convert)
    with pytest.raises(ModelError, match=r"model\.pooler\.bias"):
        load_model(folder)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00" * 8,
        b"\xff" * 64,
        (2**40).to_bytes(8, "little") + b"{}",
        (2).to_bytes(8, "little") + b"{}",
        (9).to_bytes(8, "little") + b'{"a": {}}',
        b"\x80\x04\x95",
    ],
    ids=["empty", "zeros", "ones", "huge header", "no tensors", "no facts", "a pickle"],
)
def test_weights_in_no_safetensors_file_are_refused(data: bytes, folder: Path) -> None:
    republish(folder, lambda files: files.update({"model.safetensors": data}))
    with pytest.raises(ModelError):
        load_model(folder)


def test_tensors_are_written_whole_whatever_their_layout() -> None:
    tensor = torch.arange(6.0).reshape(2, 3)
    found = load(tensor_bytes({"a": tensor.T, "b": tensor[:, 1], "c": torch.tensor(3.0)}))
    assert torch.equal(found["a"], tensor.T) and torch.equal(found["b"], tensor[:, 1]) and found["c"] == 3
