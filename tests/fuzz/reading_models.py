"""Tokenizers, models, checkpoints and token stores, ours and strangers': whole ones, and what reads them."""

import functools
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from twinlm import checkpoint
from twinlm.batch import Batch
from twinlm.checkpoint import Trained
from twinlm.core.initialize import initialize
from twinlm.data.text.sentences import split_sentences
from twinlm.data.tokens import packed
from twinlm.data.tokens.store import TokenStore, check_ids
from twinlm.data.tokens.writing import write_store
from twinlm.families import FAMILIES
from twinlm.hf.export import to_hf_files
from twinlm.hf.reading import read_folder
from twinlm.hf.sentence_transformers import to_sentence_transformers_files
from twinlm.objectives.fine_tuning import FineTuned
from twinlm.prepare.packed_corpus import open_packed, packed_tokenizer
from twinlm.settings import ModelSettings, OptimizerSettings, PretrainSettings, presets
from twinlm.system import storage
from twinlm.system.log import Silent
from twinlm.system.stopping import Stop
from twinlm.tasks.heads import SequenceHead
from twinlm.tasks.kind import TaskConfig
from twinlm.tokenizer import Tokenizer, read_foreign, train_tokenizer
from twinlm.train.checkpoints import averages, publish_parts, save_part
from twinlm.train.job import CHECKPOINTS, Job
from twinlm.train.loop import train
from twinlm.train.optimizer import build_optimizer
from twinlm.train.start import load_start
from twinlm.use.ask import classify
from twinlm.use.embed import embed
from twinlm.use.fill import fill_batch, fill_together
from twinlm.use.generate import generate_batch
from twinlm.use.load import load
from twinlm.use.next_sentence import next_sentence_batch
from twinlm.use.rank import rank
from twinlm.use.score import score_batch

SENTENCES = ["The red cat sat on the mat.", "A big dog ran to the old house.", "She drinks tea with milk."]
ODD = ["", " ", "\0", "\ud7ff\u2028[MASK] <start>", "caf\u00e9\u0301 \U0001f600 " * 9]
GPT, BERT = presets.KINDS
_SIZES = ModelSettings(layers=1, width=8, heads=2, feed_forward=32, max_length=64)


@functools.cache
def tokenizer(algorithm: str) -> Tokenizer:
    size = 290 if algorithm == "byte-bpe" else 90
    made: Any = {"algorithm": algorithm, "vocab_size": size, "lowercase": False, "progress": Silent()}
    return train_tokenizer(SENTENCES * 3, **made)


def trained(kind: str, *, has_head: bool = False) -> Trained:
    family, cut = FAMILIES[kind], tokenizer("byte-bpe" if kind == GPT else "wordpiece")
    model = family.model(family.configure(_SIZES, cut.vocab_size))
    initialize(model, seed=1, is_truncated=False)
    if not has_head:
        return Trained(family=family, model=model.eval(), tokenizer=cut)
    head = SequenceHead(width=8, outputs=2, dropout=0.1, has_bias=family.has_head_bias)
    initialize(head, seed=2, is_truncated=False)
    task = TaskConfig(
        kind="classification",
        labels=("cat", "dog"),
        max_length=16,
        dropout=0.1,
        has_bias=family.has_head_bias,
        constants={"texts": 1.0},
    )
    tuned = FineTuned(model, head).eval()
    return Trained(family=family, model=model, tokenizer=cut, task=task, tuned=tuned)


def _own_tokenizer(algorithm: str) -> Callable[[Path], Any]:
    return lambda folder: storage.publish_folder(folder / "files", _files(algorithm, None))


def _lay(make: Callable[[], dict[str, bytes]]) -> Callable[[Path], Any]:
    """Write a stranger's folder, which has no manifest."""
    return lambda folder: storage.publish_folder(folder / "files", make(), has_manifest=False)


def _use(found: Tokenizer) -> None:
    for row in found.encode_batch([*SENTENCES, *ODD]):
        found.decode(row)
    found.encode_words([["a", "\0", "caf\u00e9"]])
    assert found.fingerprint


def _foreign(template: Any) -> Callable[[Path], Any]:
    return lambda folder: _use(read_foreign(folder / "files", template=template))


def _legacy(algorithm: str) -> dict[str, bytes]:
    """Return the files that were there before tokenizer.json."""
    model = json.loads(tokenizer(algorithm).to_files()["tokenizer.json"])["model"]
    vocabulary = model["vocab"]
    if algorithm == "wordpiece":
        lines = "".join(f"{token}\n" for token in sorted(vocabulary, key=vocabulary.get))
        return {"vocab.txt": lines.encode(), "tokenizer_config.json": b'{"do_lower_case": false}'}
    merges = [pair if isinstance(pair, str) else " ".join(pair) for pair in model["merges"]]
    text = "".join(f"{line}\n" for line in ("#version: 0.2", *merges))
    return {"vocab.json": json.dumps(vocabulary).encode(), "merges.txt": text.encode()}


def _own_model(folder: Path) -> None:
    found = load(folder / "files")
    if found.task:
        classify(found, SENTENCES)
    else:
        score_batch(found, SENTENCES)


def _ask(folder: Path) -> None:
    """Ask a model about lines of text; which one, and what, goes by the text."""
    data = (folder / "input.txt").read_bytes().decode(errors="replace").removesuffix("\n")
    texts = [line for line in data.split("\n") if line.strip()][:6] or [data]
    gpt, bert = _models()
    asks: list[Callable[[], Any]] = [
        lambda: score_batch(gpt, texts),
        lambda: score_batch(bert, texts, method="chain-rule"),
        lambda: generate_batch(gpt, texts, max_tokens=3, seed=1),
        lambda: fill_batch(bert, texts),
        lambda: fill_together(bert, texts[0]),
        lambda: next_sentence_batch(bert, [(texts[0], texts[-1])]),
        lambda: rank(gpt, texts[0], texts[1:]),
        lambda: embed(bert, texts),
        lambda: classify(_classifier(), texts),
    ]
    asks[len(data) % len(asks)]()


@functools.cache
def _models() -> tuple[Trained, Trained]:
    return trained(GPT), trained(BERT)


@functools.cache
def _classifier() -> Trained:
    return trained(GPT, has_head=True)


def _import(folder: Path) -> None:
    found = read_folder(folder / "files")
    _use(found.tokenizer)


def _encoder() -> dict[str, bytes]:
    how = {"pooling": "cls", "normalize": True, "max_length": 9, "prompts": {"query": "a "}}
    found = replace(trained(BERT), history={"import": {"embedding": how}})
    return to_sentence_transformers_files(found)


def _import_encoder(folder: Path) -> None:
    embed(read_folder(folder / "files"), SENTENCES)


def _start(folder: Path) -> None:
    settings = presets.resolve(None, {f"{BERT}.pretrain.start": str(folder / "files")})
    load_start(settings.bert)


def _model(kind: str, *, has_head: bool = False) -> Callable[[Path], Any]:
    return lambda folder: checkpoint.save_model(folder / "files", trained(kind, has_head=has_head))


def _early_import(folder: Path) -> None:
    """Write a model as version 0.1.0 imported it."""
    about = {"source": "x", "missing": [], "drawn_rows": 3, "unused_rows": 0}
    checkpoint.save_model(folder / "files", replace(trained(GPT), history={"import": about}))


def _write_store(folder: Path) -> None:
    rest: dict[str, Any] = {"total": 3, "progress": Silent()}
    texts = [" ".join(SENTENCES), " ".join(reversed(SENTENCES)), *SENTENCES]
    write_store(folder / "files", texts, tokenizer("byte-bpe"), split_sentences, **rest)


def _read_store(folder: Path) -> None:
    store, cut = TokenStore(folder / "files", verify=True), tokenizer("byte-bpe")
    check_ids(store.tokens_T, cut.vocab_size, folder)
    _draw(store, cut)


def _draw(store: TokenStore, cut: Tokenizer) -> None:
    """Take pre-training examples of both kinds from a store."""
    for number in (0, store.document_count - 1):
        store.document(number)
    assert store.single_sentence_count >= 0
    for family in FAMILIES.values():
        family.examples(store, PretrainSettings(length=16), cut, 1).batch(0, 4)


def _pack(folder: Path) -> None:
    cut = tokenizer("byte-bpe")
    for part in (1, 2):
        texts = [f"{first} {second}" for first in SENTENCES for second in SENTENCES[part:]]
        inputs = {"parts": 2, "part": part, "held_out": []}
        where = folder / packed.part_name(part, 2)
        packed.write_part(where, texts, cut, inputs=inputs, counts={"documents": 3}, progress=Silent())


def _joined(folder: Path) -> None:
    _pack(folder)
    packed.join_parts(folder)


def _read_joined(folder: Path) -> None:
    cut = packed_tokenizer(folder, "byte-bpe")
    _draw(open_packed(folder, cut), cut)


def _job(folder: Path, steps: int) -> Job:
    """Return a training of a tiny GPT."""
    batch = Batch(
        tokens_BL=torch.arange(8, 14)[None],
        segments_BL=torch.zeros(1, 6, dtype=torch.long),
        real_BL=torch.ones(1, 6, dtype=torch.bool),
    )
    model: Any = FAMILIES[GPT].model(FAMILIES[GPT].configure(_SIZES, 20))
    initialize(model, seed=1, is_truncated=False)
    return Job(
        name="fuzz",
        module=model,
        objective=FAMILIES[GPT].objective(PretrainSettings()),
        batches=lambda step: [batch],
        optimizer=build_optimizer(model, OptimizerSettings()),
        learning_rate=lambda step: 0.001,
        validate=lambda: {"valid_loss": 1.0},
        flops=lambda batch, targets: 1.0,
        steps=steps,
        validate_every=10,
        checkpoint_every=2,
        clip_norm=1.0,
        seed=1,
        precision="float32",
        folder=folder / "run",
        averaging="step",
    )


def _train(folder: Path, steps: int) -> None:
    train(_job(folder, steps), progress=Silent(), stop=Stop())


def _train_in_parts(folder: Path) -> None:
    """Leave what two processes do that have half of the rows each."""
    job = _job(folder, 2)
    train(job, progress=Silent(), stop=Stop())
    place = job.folder / CHECKPOINTS / "step-000000002"
    state = storage.read_json(place / "state.json")
    storage.remove(place)
    tensors = {"model": job.module.state_dict(), "optimizer": averages(job.optimizer)}
    for number in (0, 1):
        rows = {
            kind: {name: value.chunk(2)[number] if value.dim() else value for name, value in values.items()}
            for kind, values in tensors.items()
        }
        save_part(place.parent, 2, number, rows)
    publish_parts(place.parent, {name: value for name, value in state.items() if name != "format"}, 2)


def _files(algorithm: str, template: Any) -> dict[str, bytes]:
    return tokenizer(algorithm).to_files(template=template, max_length=16)


_STRANGER = {"codes": (4,)}
PARSERS: dict[str, dict[str, Any]] = {
    "own tokenizer, byte-bpe": {
        "write": _own_tokenizer("byte-bpe"),
        "read": lambda folder: _use(Tokenizer.from_folder(folder / "files")),
        "codes": (4,),
    },
    "own tokenizer, wordpiece": {
        "write": _own_tokenizer("wordpiece"),
        "read": lambda folder: _use(Tokenizer.from_folder(folder / "files")),
        "codes": (4,),
    },
    "foreign tokenizer.json, GPT": {
        "write": _lay(lambda: _files("byte-bpe", "decoder")), "read": _foreign("decoder"), **_STRANGER,
    },
    "foreign tokenizer.json, BERT": {
        "write": _lay(lambda: _files("wordpiece", "encoder")), "read": _foreign("encoder"), **_STRANGER,
    },
    "foreign vocab.txt": {
        "write": _lay(lambda: _legacy("wordpiece")), "read": _foreign("encoder"), **_STRANGER,
    },
    "foreign vocab.json and merges.txt": {
        "write": _lay(lambda: _legacy("byte-bpe")), "read": _foreign("decoder"), **_STRANGER,
    },
    "foreign model, GPT": {"write": _lay(lambda: to_hf_files(trained(GPT))), "read": _import, **_STRANGER},
    "foreign model, BERT": {"write": _lay(lambda: to_hf_files(trained(BERT))), "read": _import, **_STRANGER},
    "foreign model, classifier": {
        "write": _lay(lambda: to_hf_files(trained(BERT, has_head=True))), "read": _import, **_STRANGER,
    },
    "foreign model in shards": {
        "write": _lay(lambda: to_hf_files(trained(BERT), max_shard_bytes=3000)), "read": _import, **_STRANGER,
    },
    "foreign sentence encoder": {"write": _lay(_encoder), "read": _import_encoder, **_STRANGER},
    "own model, GPT": {"write": _model(GPT), "read": _own_model, "codes": (4,)},
    "own model, BERT": {"write": _model(BERT), "read": _own_model, "codes": (4,)},
    "own model, early import": {
        "write": _early_import,
        "read": _own_model,
        "codes": (4,),
        "files": "config.json",
    },
    "own model, classifier": {"write": _model(GPT, has_head=True), "read": _own_model, "codes": (2, 4)},
    "texts to models": {
        "write": lambda folder: (folder / "input.txt").write_text("The [MASK] cat\nsat\na big dog\n"),
        "read": _ask,
        "codes": (2, 3, 4),
    },
    "model to go on from": {"write": _model(BERT), "read": _start, "codes": (2, 4)},
    "token store": {"write": _write_store, "read": _read_store, "codes": (3, 4)},
    "joined token store": {"write": _joined, "read": _read_joined, "codes": (2, 3, 4), "weight": 0.5},
    "parts of a token store": {
        "write": _pack, "read": packed.join_parts, "codes": (3, 4), "weight": 0.2, "is_writing": True,
    },
    "training checkpoint": {
        "write": lambda folder: _train(folder, 2),
        "read": lambda folder: _train(folder, 3),
        "codes": (4, 6),
        "is_writing": True,
    },
    "checkpoint in parts": {
        "write": _train_in_parts,
        "read": lambda folder: _train(folder, 3),
        "codes": (4, 6),
        "weight": 0.2,
        "is_writing": True,
    },
}  # fmt: skip
"""By name, what `bench.Parser` is made of."""
