"""Everything that the package writes, as (what was there, the writing, what can be read): for faults of each.

WRITERS holds them by name. What is read must be what was there before or what the writing leaves, after any
fault at any operation.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any, cast
from unittest import mock

import torch

from twinlm import checkpoint
from twinlm.checkpoint import Trained
from twinlm.core.initialize import initialize
from twinlm.data.text.sentences import split_sentences
from twinlm.data.tokens import packed
from twinlm.data.tokens.store import TokenStore, is_joined
from twinlm.data.tokens.writing import write_store
from twinlm.families import FAMILIES
from twinlm.report import report
from twinlm.settings import ModelSettings, presets
from twinlm.system import storage
from twinlm.system.log import MetricsLog, Silent
from twinlm.tokenizer import Tokenizer, train_tokenizer
from twinlm.train.checkpoints import (
    KEPT,
    averages,
    load_training,
    publish_parts,
    restore,
    save_part,
    save_training,
)

SENTENCES = ["The red cat sat on the mat.", "A big dog ran to the old house.", "She drinks tea with milk."]
OLD, NEW = 1, 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Writer:
    """A way to write."""

    prepare: Callable[[Path], Any]
    """Makes what is there before."""
    act: Callable[[Path], Any]
    """What meets the fault."""
    read: Callable[[Path], Any]
    """Returns what a later command finds, once it has the lock; raises if that is neither old nor new."""
    is_durable: bool = True
    """Whether a power cut afterwards leaves it."""
    is_one: bool = True
    """Whether it appears all at once; else what is read is a dictionary of parts that do."""
    repeats: bool = True
    """Whether doing it again leaves the same."""

    def found(self, folder: Path) -> Any:
        """Return what the next command finds: it takes the lock, which cleans, and reads."""
        storage.clean(folder)
        return self.read(folder)


@cache
def tokenizer(sentences: int = 3) -> Tokenizer:
    texts = SENTENCES[:sentences] * 3
    return train_tokenizer(texts, algorithm="byte-bpe", vocab_size=290, lowercase=False, progress=Silent())


@cache
def trained(seed: int) -> Trained:
    family = FAMILIES[presets.KINDS[0]]
    sizes = ModelSettings(layers=1, width=4, heads=1, feed_forward=8, max_length=8)
    model = family.model(family.configure(sizes, tokenizer().vocab_size))
    initialize(model, seed=seed, is_truncated=False)
    return Trained(family=family, model=model.eval(), tokenizer=tokenizer())


def _write_file(seed: int) -> Callable[[Path], None]:
    return lambda folder: storage.write_file(folder / "file", b"contents " * seed)


def _publish(seed: int) -> Callable[[Path], None]:
    files = {"a": b"contents " * seed, "in/b": [b"x" * seed, b"y"], f"only-{seed}": b""}
    return lambda folder: storage.publish_folder(folder / "store", files)


def _files(folder: Path) -> dict[str, bytes]:
    """Return all files that are no leftovers, and verify what is published."""
    if folder.is_dir() and storage.is_published(folder):
        storage.verify_folder(folder)
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _append(seed: int) -> Callable[[Path], None]:
    line = json.dumps({"step": seed, "loss": 1 / 3})
    return lambda folder: storage.append_line(folder / "metrics.jsonl", line)


def _leave_rubbish(folder: Path) -> None:
    _publish(OLD)(folder)
    (folder / "store").rename(folder / ".del-12-store")
    (folder / ".tmp-12-other" / "in").mkdir(parents=True)
    (folder / ".tmp-12-other" / "in" / "file").write_bytes(b"half")
    (folder / ".tmp-13-file").write_bytes(b"half")
    (folder / "kept").write_bytes(b"whole")


def _lock(folder: Path) -> None:
    with storage.lock(folder / "run"):
        pass


def _read_lock(folder: Path) -> Any:
    with storage.lock(folder / "run"):
        return None


def _write_store(seed: int) -> Callable[[Path], Any]:
    def write(folder: Path) -> None:
        rest: dict[str, Any] = {"total": 3, "progress": Silent()}
        write_store(folder / "tokens", SENTENCES[:seed], tokenizer(), split_sentences, **rest)

    return write


def _read_store(folder: Path) -> Any:
    store = TokenStore(folder / "tokens", verify=True)
    return store.tokens_T.tolist(), store.sentences_S2.tolist(), store.documents_E.tolist()


def _pack(folder: Path) -> None:
    """Write a store in two shards, and join them."""
    with mock.patch.object(packed, "SHARD_CHARACTERS", 20):
        packed.write_part(
            folder / "packed" / packed.part_name(1, 1),
            SENTENCES[:2],
            tokenizer(),
            inputs={"part": 1, "parts": 1},
            counts={"documents": 2},
            progress=Silent(),
        )
        packed.join_parts(folder / "packed")


def _read_packed(folder: Path) -> Any:
    if not is_joined(folder / "packed"):
        return None
    store = TokenStore(folder / "packed", verify=True)
    return store.tokens_T[:].tolist(), store.sentences_S2.tolist(), store.documents_E.tolist()


def _write_tokenizer(sentences: int) -> Callable[[Path], None]:
    return lambda folder: storage.publish_folder(folder / "files", tokenizer(sentences).to_files())


def _read_tokenizer(folder: Path) -> str:
    storage.verify_folder(folder / "files")
    return Tokenizer.from_folder(folder / "files").fingerprint


def _train(seed: int) -> tuple[torch.nn.Module, torch.optim.Optimizer]:
    module = torch.nn.Linear(2, 3)
    initialize(module, seed=seed, is_truncated=False)
    optimizer = torch.optim.AdamW(module.parameters(), lr=0.1)
    module(torch.ones(2)).sum().backward()
    optimizer.step()
    return module, optimizer


def _save_training(*seeds: int) -> Callable[[Path], None]:
    def save(folder: Path) -> None:
        for seed in seeds:
            module, optimizer = _train(seed)
            save_training(folder / "checkpoints", seed, module, optimizer, {"tokens": 10 * seed})

    return save


def _save_parts(*seeds: int) -> Callable[[Path], None]:
    """Save as two processes do, the first with two rows of three."""

    def save(folder: Path) -> None:
        for seed in seeds:
            module, optimizer = _train(seed)
            tensors = {"model": module.state_dict(), "optimizer": averages(optimizer)}
            for number, rows in enumerate((slice(2), slice(2, None))):
                part = {
                    kind: {name: value[rows] if value.dim() else value for name, value in values.items()}
                    for kind, values in tensors.items()
                }
                save_part(folder / "checkpoints", seed, number, part)
            publish_parts(folder / "checkpoints", {"step": seed, "tokens": 10 * seed}, 2)

    return save


def _fail(damage: Exception) -> None:
    raise AssertionError("a checkpoint is damaged") from damage


def _read_training(folder: Path) -> Any:
    module, optimizer = _train(9)
    state = load_training(
        folder / "checkpoints",
        partial(restore, module=module, optimizer=optimizer),
        check=lambda state, path: None,
        pass_over=_fail,
    )
    steps = [path.name for path in sorted((folder / "checkpoints").glob("step-*"))]
    assert len(steps) >= KEPT
    moments = {
        (number, name): value.tolist()
        for number, values in optimizer.state_dict()["state"].items()
        for name, value in values.items()
    }
    return state, [weight.tolist() for weight in module.parameters()], moments


def _save_model(seed: int) -> Callable[[Path], None]:
    return lambda folder: checkpoint.save_model(folder / "model", trained(seed))


def _read_model(folder: Path) -> Any:
    loaded = checkpoint.load_model(folder / "model")
    return [weight.tolist() for weight in loaded.model.parameters()]


def _predict(seed: int) -> Callable[[Path], None]:
    rows = [{"id": f"test-{number}", "gold": "a", "predicted": "a" * seed} for number in range(3)]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    return lambda folder: storage.write_file(folder / "predictions.jsonl", text.encode())


def _report(seed: int) -> Callable[[Path], None]:
    files = dict.fromkeys((report.PAGE, report.MARKDOWN, report.RECORDS), b"text " * seed)

    def write(folder: Path) -> None:
        with mock.patch.object(report, "report_files", lambda results, details, **others: files):
            report.write_report(cast(Any, None), folder)

    return write


WRITERS = {
    "file": Writer(prepare=_write_file(OLD), act=_write_file(NEW), read=_files),
    "first file": Writer(
        prepare=lambda folder: None,
        act=lambda folder: storage.write_file(folder / "new" / "in" / "file", b"contents"),
        read=_files,
    ),
    "folder": Writer(prepare=_publish(OLD), act=_publish(NEW), read=lambda at: _files(at / "store")),
    "first folder": Writer(prepare=lambda at: None, act=_publish(NEW), read=lambda at: _files(at / "store")),
    "log": Writer(
        prepare=_append(OLD),
        act=_append(NEW),
        read=lambda at: MetricsLog(at / "metrics.jsonl").read(),
        is_durable=False,
        repeats=False,
    ),
    "synced log": Writer(
        prepare=_append(OLD),
        act=lambda at: (_append(NEW)(at), storage.sync_log(at / "metrics.jsonl")),
        read=lambda at: MetricsLog(at / "metrics.jsonl").read(),
        repeats=False,
    ),
    "removal of a folder": Writer(
        prepare=_publish(OLD), act=lambda at: storage.remove(at / "store"), read=_files, is_durable=False
    ),
    "removal of a file": Writer(
        prepare=_write_file(OLD), act=lambda at: storage.remove(at / "file"), read=_files, is_durable=False
    ),
    "cleaning": Writer(prepare=_leave_rubbish, act=storage.clean, read=_files, is_durable=False),
    "lock": Writer(prepare=lambda folder: None, act=_lock, read=_read_lock),
    "token store": Writer(prepare=_write_store(OLD), act=_write_store(NEW), read=_read_store),
    "packed store": Writer(prepare=lambda folder: None, act=_pack, read=_read_packed),
    "tokenizer": Writer(prepare=_write_tokenizer(2), act=_write_tokenizer(3), read=_read_tokenizer),
    "training checkpoint": Writer(prepare=_save_training(1, 2), act=_save_training(3), read=_read_training),
    "checkpoint in parts": Writer(prepare=_save_parts(1, 2), act=_save_parts(3), read=_read_training),
    "model": Writer(prepare=_save_model(OLD), act=_save_model(NEW), read=_read_model),
    "predictions": Writer(prepare=_predict(OLD), act=_predict(NEW), read=_files),
    "report": Writer(prepare=_report(OLD), act=_report(NEW), read=_files, is_one=False),
}
