"""Runs whose training text was packed before, and runs whose own text is larger than a shard."""

from pathlib import Path

import numpy as np
import pytest

from twinlm.cli.main import run as command
from twinlm.comparison.run import Run
from twinlm.data.tokens import packed
from twinlm.errors import UsageError
from twinlm.settings import presets
from twinlm.system import storage
from twinlm.system.log import Silent
from twinlm.system.stopping import Stop
from twinlm.tokenizer import train_tokenizer

PACKED = {"corpus.train": "store", "corpus.valid": "valid.txt", "corpus.test": "test.txt"}
OWN = {"corpus.train": "train.txt", "corpus.valid_share": "0.2", "corpus.test_share": "0.2"}
SIZES = {
    "model.layers": "1",
    "model.width": "16",
    "model.heads": "2",
    "model.max_length": "32",
    "pretrain.length": "32",
    "finetune.max_length": "32",
    "pretrain.batch_sequences": "4",
    "pretrain.validation_sequences": "4",
    "budget.match": "steps",
    "budget.amount": "10",
    "tokenizer.vocab_size": "300",
    "threads": "1",
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    texts = [
        " ".join(f"Sentence {number} of document {document}." for number in range(8))
        for document in range(80)
    ]
    for name, some in {"train": texts, "valid": texts[:20], "test": [*texts[20:40], texts[0]]}.items():
        Path(f"{name}.txt").write_text("\n\n".join(some))
    tokenizer = train_tokenizer(
        texts, algorithm="byte-bpe", vocab_size=300, lowercase=False, progress=Silent()
    )
    storage.publish_folder(Path("tok"), tokenizer.to_files())
    return tmp_path


def pack(*more: str) -> int:
    return command(["data", "pack", "train.txt", "--tokenizer", "tok", "--out", "store", *more])


def opened(folder: str, **overrides: str) -> Run:
    settings = presets.resolve(None, {**SIZES, **overrides})
    return Run(Path(folder), settings, is_demo=False, progress=Silent(), stop=Stop())


def test_both_kinds_pre_train_on_a_packed_store(project: Path) -> None:
    Path("task.txt").write_text("Sentence 0 of no document.")
    held_out = [word for name in ("test", "task", "valid") for word in ("--held-out", f"{name}.txt")]
    assert pack(*held_out) == 0
    with opened("run", **PACKED) as run:
        for kind in ("gpt", "bert"):
            assert run.pretraining.trained(kind).history["pretraining"]["step"] == 10
        stores = run.workspace.stores("gpt")
        assert {name: store.document_count for name, store in stores.items()} == {
            "train": 40,
            "valid": 19,
            "test": 21,
        }
        assert run.workspace.prepared.counts["validation documents that stand in test"] == 1
        assert run.workspace.tokenizer("gpt").fingerprint == stores["train"].tokenizer


def test_a_packed_store_is_refused_where_held_out_texts_could_be_trained_on(project: Path) -> None:
    assert pack() == 0
    with opened("run", **PACKED) as run, pytest.raises(UsageError, match=r"--held-out valid\.txt --held-out"):
        run.workspace.stores("gpt")
    with (
        opened("run", **{"corpus.train": "store"}) as run,
        pytest.raises(UsageError, match=r"set corpus\.valid"),
    ):
        run.workspace.stores("gpt")
    both = {**PACKED, "corpus.train": "store,train.txt"}
    with opened("run", **both) as run, pytest.raises(UsageError, match="name it alone"):
        run.workspace.stores("gpt")


def test_another_tokenizer_than_the_stores_is_refused(project: Path) -> None:
    assert pack("--held-out", "test.txt", "--held-out", "valid.txt") == 0
    own = {**PACKED, "tokenizer.sharing": "own"}
    with opened("run", **own) as run, pytest.raises(UsageError, match="packed with a byte-bpe tokenizer"):
        run.workspace.stores("bert")


def test_a_text_larger_than_a_shard_is_written_in_shards_and_reads_the_same(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened("whole", **OWN) as run:
        whole = run.workspace.stores("gpt")
    monkeypatch.setattr(packed, "SHARD_CHARACTERS", 1500)
    with opened("shards", **OWN) as run:
        stores = run.workspace.stores("gpt")
    with opened("shards", **OWN) as run:  # found again
        assert run.workspace.stores("gpt")["train"].token_count == stores["train"].token_count
    folder = Path("shards/tokens/byte-bpe/train")
    assert len(list(folder.glob("part-*/0*"))) > 2
    for name, store in stores.items():
        assert np.array_equal(store.tokens_T[0 : store.token_count], whole[name].tokens_T)
        assert np.array_equal(store.documents_E, whole[name].documents_E)
