"""Two libraries for MinHash on the same texts in one run: time, error of the similarity, and what is found.

    pip install rensa datasketch
    python benchmarks/near_duplicates.py

Texts: the demo's summaries, and 500 of them with 1 to 10 % of their words changed, whose similarity is known.
"""

import time

import numpy as np
from datasketch import MinHash, MinHashLSH
from rensa import RMinHash, RMinHashLSH

from twinlm import rng
from twinlm.doctor.checks.findings import words_of
from twinlm.prepare.demo import load_demo

HASHES, LEAST = 128, 0.8


def runs(words):
    """Return the runs of three words."""
    return {" ".join(words[place : place + 3]) for place in range(max(1, len(words) - 2))}


def of_rensa(sets, others):
    """Return times of signatures and index, estimates, and which of the others are found."""
    began_s = time.perf_counter()
    made = RMinHash.from_token_sets([list(some) for some in sets], num_perm=HASHES, seed=0)
    signed_s = time.perf_counter()
    index = RMinHashLSH(threshold=LEAST, num_perm=HASHES, num_bands=16)
    for number, signature in enumerate(made):
        index.insert(number, signature)
    done_s = time.perf_counter()
    changed = RMinHash.from_token_sets([list(some) for _, some in others], num_perm=HASHES, seed=0)
    pairs = [(place, signature) for (place, _), signature in zip(others, changed, strict=True)]
    estimates = [made[place].jaccard(signature) for place, signature in pairs]
    return (
        signed_s - began_s,
        done_s - signed_s,
        estimates,
        [place in index.query(one) for place, one in pairs],
    )


def of_datasketch(sets, others):
    """Return the same of the other library, with the same bands."""
    began_s = time.perf_counter()
    made = MinHash.bulk([[run.encode() for run in some] for some in sets], num_perm=HASHES)
    signed_s = time.perf_counter()
    index = MinHashLSH(params=(16, 8), num_perm=HASHES)
    for number, signature in enumerate(made):
        index.insert(number, signature)
    done_s = time.perf_counter()
    changed = MinHash.bulk([[run.encode() for run in some] for _, some in others], num_perm=HASHES)
    pairs = [(place, signature) for (place, _), signature in zip(others, changed, strict=True)]
    estimates = [made[place].jaccard(signature) for place, signature in pairs]
    return (
        signed_s - began_s,
        done_s - signed_s,
        estimates,
        [place in index.query(one) for place, one in pairs],
    )


def main():
    """Print both."""
    words = [words_of(document.text) for document in load_demo().documents.train]
    sets, chance = [runs(some) for some in words], rng.stream(0, "near duplicates")
    others = []
    for place in chance.choice(len(words), 500, replace=False).tolist():
        changed = list(words[place])
        for _ in range(max(1, int(len(changed) * chance.choice([0.01, 0.02, 0.03, 0.05, 0.1])))):
            changed[int(chance.integers(len(changed)))] = f"x{chance.integers(9999)}"
        others.append((place, runs(changed)))
    true_N = np.array([len(sets[place] & some) / len(sets[place] | some) for place, some in others])
    print(f"{len(sets):,} texts, {(true_N >= LEAST).sum()} of 500 changed ones at {LEAST} or more")
    for name, measure in (("rensa", of_rensa), ("datasketch", of_datasketch)):
        signatures_s, index_s, estimates, found = measure(sets, others)
        error = np.abs(np.array(estimates) - true_N).mean()
        recall = np.array(found)[true_N >= LEAST].mean()
        times = f"signatures {signatures_s:.2f} s, index {index_s:.2f} s"
        print(f"{name}: {times}, error {error:.3f}, found {recall:.1%}")


if __name__ == "__main__":
    main()
