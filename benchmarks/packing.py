"""Peak memory and speed from text to tokens, at growing sizes of one corpus.

    python benchmarks/packing.py books.jsonl.xz
    python benchmarks/packing.py books.jsonl.xz --megabytes 10 50 200

Each figure is of a process of its own: the splits (every document read once), the same and then a tokenizer
trained on the training text, or the tokens of all three splits; all texts packed in shards of 16 million
characters, as a huge corpus is in shards of 256 million, and joined; 20,000 sequences of each kind read from
that. The tokens are cut by the tokenizer of the smallest size. Memory is the largest resident set, of which
Python and its libraries have the first column; it counts files that are mapped, which the last stage does.
"""

import argparse
import json
import lzma
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

VOCAB = 8192
STAGES = ("splits", "tokenizer", "tokens", "shards", "examples")
SHARD_CHARACTERS = 1 << 24
SEQUENCES, AT_ONCE = 20_000, 16


def main() -> None:
    """Measure every size and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("corpus", type=Path, help=".jsonl.xz with a field text")
    parser.add_argument("--megabytes", type=int, nargs="+", default=[10, 50, 200])
    parser.add_argument("--stages", nargs="+", default=list(STAGES))
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        stage, folder = given.child
        print(json.dumps(measure(given.corpus, stage, Path(folder))))
        return
    with tempfile.TemporaryDirectory() as folder:
        for megabytes in given.megabytes:
            text = Path(folder) / f"{megabytes}.jsonl"
            documents = cut(given.corpus, text, megabytes * 10**6)
            stages = given.stages if (Path(folder) / "tokenizer").is_dir() else list(STAGES)
            for stage in stages:
                command = [sys.executable, __file__, str(text), "--child", stage, folder]
                done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
                print(f"{megabytes:>5} MB, {documents:,} documents, {stage}: {said(json.loads(done.stdout))}")
                sys.stdout.flush()


def said(found: dict[str, float]) -> str:
    """Return what was found as a line."""
    peaks = ", ".join(f"{found[name] / 2**20:,.0f} MiB {name}" for name in ("libraries", "peak"))
    return f"{peaks}, {found['bytes'] / found['seconds'] / 1e6:.2f} MB of text a second"


def cut(corpus: Path, place: Path, most: int) -> int:
    """Write the first documents of a corpus that have so many characters in all; return how many they are."""
    size = documents = 0
    with lzma.open(corpus, "rt") as lines, place.open("w") as file:
        for line in lines:
            text = json.loads(line)["text"]
            if size >= most:
                break
            file.write(json.dumps({"text": text[: most - size]}) + "\n")
            size, documents = size + len(text), documents + 1
    return documents


def measure(text: Path, stage: str, folder: Path) -> dict[str, float]:
    """Do a stage; return the peaks, the bytes of text, and the seconds of the stage alone."""
    from twinlm.data.text.documents import Texts, read_splits
    from twinlm.data.text.sentences import split_sentences
    from twinlm.data.text.splits import SPLITS
    from twinlm.data.tokens.writing import write_store
    from twinlm.settings import CorpusSettings
    from twinlm.system import hardware, storage
    from twinlm.system.log import Silent
    from twinlm.tokenizer import Tokenizer, train_tokenizer

    libraries, size_bytes, began_s = hardware.peak_memory_bytes(), text.stat().st_size, time.perf_counter()
    place = folder / text.stem
    if stage in ("splits", "tokenizer", "tokens"):
        corpus = CorpusSettings(train=(str(text),), valid_share=0.2, test_share=0.2)
        splits = read_splits(corpus, seed=0, held_out=frozenset(), counts=Counter())
    if stage != "splits":
        began_s = time.perf_counter()
    if stage == "tokenizer":
        texts = Texts(splits.train)
        made = train_tokenizer(
            texts, algorithm="byte-bpe", vocab_size=VOCAB, lowercase=False, progress=Silent()
        )
        if not storage.is_published(folder / "tokenizer"):
            storage.publish_folder(folder / "tokenizer", made.to_files())
    if stage == "tokens":
        tokenizer = Tokenizer.from_folder(folder / "tokenizer")
        for name in SPLITS:
            texts = Texts(getattr(splits, name))
            write_store(place / name, texts, tokenizer, split_sentences, total=len(texts), progress=Silent())
    if stage == "shards":
        pack(text, place / "packed", folder / "tokenizer")
    if stage == "examples":
        read_examples(place / "packed", folder / "tokenizer")
    seconds = time.perf_counter() - began_s
    peak = hardware.peak_memory_bytes()
    return {"libraries": libraries, "peak": peak, "bytes": size_bytes, "seconds": seconds}


def pack(text: Path, place: Path, tokenizer: Path) -> None:
    """Write a store of one part in many shards, and join them."""
    from twinlm.data.text.corpus import read_documents
    from twinlm.data.tokens import packed
    from twinlm.system.log import Silent
    from twinlm.tokenizer import Tokenizer

    packed.SHARD_CHARACTERS = SHARD_CHARACTERS
    texts = (document.text for document in read_documents([str(text)], counts=Counter()))
    packed.write_part(
        place / packed.part_name(1, 1),
        texts,
        Tokenizer.from_folder(tokenizer),
        inputs={"part": 1, "parts": 1},
        counts={},
        progress=Silent(),
    )
    packed.join_parts(place)


def read_examples(store: Path, tokenizer: Path) -> None:
    """Read sequences of both kinds, BERT's with pairs and masks, at size tiny."""
    from twinlm.data.tokens.store import TokenStore
    from twinlm.families import FAMILIES
    from twinlm.settings import presets
    from twinlm.tokenizer import Tokenizer

    opened, settings = TokenStore(store), presets.resolve(None, {})
    for name, family in FAMILIES.items():
        options = getattr(settings, name).pretrain
        examples = family.examples(opened, options, Tokenizer.from_folder(tokenizer), 0)
        for first in range(0, SEQUENCES, AT_ONCE):
            examples.batch(first, AT_ONCE)


if __name__ == "__main__":
    main()
