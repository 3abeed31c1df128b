"""Peak memory and speed from text to tokens, at growing sizes of one corpus.

    python benchmarks/packing.py books.jsonl.xz
    python benchmarks/packing.py books.jsonl.xz --megabytes 10 50 200

Each size runs in a process of its own: splits (every document read once), a tokenizer on the training text,
then the tokens of all three splits. Memory is the largest resident set; what libraries take stands apart.
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


def main() -> None:
    """Measure every size and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("corpus", type=Path, help=".jsonl.xz with a field text")
    parser.add_argument("--megabytes", type=int, nargs="+", default=[10, 50, 200])
    parser.add_argument("--child", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        print(json.dumps(measure(given.corpus, Path(given.child))))
        return
    names = ("libraries", "splits", "tokenizer", "tokens")
    print("MB     documents  " + "  ".join(f"{name:>9} MiB" for name in names) + "   read MB/s  tokens MB/s")
    with tempfile.TemporaryDirectory() as folder:
        for megabytes in given.megabytes:
            text = Path(folder) / f"{megabytes}.jsonl"
            documents = cut(given.corpus, text, megabytes * 10**6)
            command = [sys.executable, __file__, str(text), "--child", folder]
            found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
            peaks = "  ".join(f"{found[name] / 2**20:>13,.0f}" for name in names)
            rates = f"{found['read_rate'] / 1e6:>10.1f}  {found['token_rate'] / 1e6:>10.1f}"
            print(f"{megabytes:<6} {documents:>9,}  {peaks}  {rates}", flush=True)


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


def measure(text: Path, folder: Path) -> dict[str, float]:
    """Do what a run does with a corpus; return peaks in bytes and rates in bytes of text a second."""
    from twinlm import hardware
    from twinlm.data.rereading import Texts, read_splits
    from twinlm.data.sentences import split_sentences
    from twinlm.data.splits import SPLITS
    from twinlm.data.token_store import write_store
    from twinlm.log import Silent
    from twinlm.settings import CorpusSettings
    from twinlm.tokenizer import train_tokenizer

    found: dict[str, float] = {"libraries": hardware.peak_memory_bytes()}
    corpus, began_s = CorpusSettings(train=(str(text),), valid_share=0.2, test_share=0.2), time.perf_counter()
    splits = read_splits(corpus, seed=0, held_out=frozenset(), counts=Counter())
    found["read_rate"] = text.stat().st_size / (time.perf_counter() - began_s)
    found["splits"] = hardware.peak_memory_bytes()
    hardware.forget_peak_memory()
    tokenizer = train_tokenizer(
        Texts(splits.train), algorithm="byte-bpe", vocab_size=VOCAB, lowercase=False, progress=Silent()
    )
    found["tokenizer"] = hardware.peak_memory_bytes()
    hardware.forget_peak_memory()
    size_bytes, began_s = 0, time.perf_counter()
    for name in SPLITS:
        texts = Texts(getattr(splits, name))
        store = write_store(
            folder / text.stem / name, texts, tokenizer, split_sentences, total=len(texts), progress=Silent()
        )
        size_bytes += store.text_bytes
    found["token_rate"] = size_bytes / (time.perf_counter() - began_s)
    found["tokens"] = hardware.peak_memory_bytes()
    return found


if __name__ == "__main__":
    main()
