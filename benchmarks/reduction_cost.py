"""What the same bits with any number of processes cost: steps with ordered against fast reduction, in turns.

    python benchmarks/reduction_cost.py [--processes 2] [--size small] [--micro-batches 4] [--rounds 7]

Prints, for each kind, the median step of both (forward, backward, reduction; no optimizer) and the ratio
ordered / fast with its quartiles. Each process has one thread; set OMP_NUM_THREADS for more.
"""

import argparse
import copy
import os
import statistics
import sys
import time

import numpy as np
import torch

from twinlm.batch import IGNORE, MaskedBatch
from twinlm.core.initialize import initialize
from twinlm.families import FAMILIES
from twinlm.objectives.causal_lm import causal_lm
from twinlm.objectives.masked_lm import masked_lm_and_next_sentence
from twinlm.system.launch import is_among_others, launch
from twinlm.train.ranks import join
from twinlm.train.replicated import Averaged, Ordered

SIZES = {"tiny": (2, 128, 2), "mini": (4, 256, 4), "small": (4, 512, 8), "base": (12, 768, 12)}
OBJECTIVES = {"gpt": causal_lm, "bert": masked_lm_and_next_sentence}
VOCABULARY, LENGTH, SEQUENCES = 8192, 128, 8


def batch(number):
    """Return a micro-batch of random tokens."""
    chance = torch.Generator().manual_seed(number)
    tokens_BL = torch.randint(8, VOCABULARY, (SEQUENCES, LENGTH), generator=chance)
    chosen_BL = torch.rand(tokens_BL.shape, generator=chance) < 0.15
    return MaskedBatch(
        tokens_BL=tokens_BL,
        segments_BL=torch.zeros_like(tokens_BL),
        real_BL=torch.ones_like(tokens_BL).bool(),
        originals_BL=torch.where(chosen_BL, tokens_BL, IGNORE),
        is_random_B=torch.randint(2, (SEQUENCES,), generator=chance),
    )


def take_step(gradients, ranks, count):
    """Take a step without an optimizer; return its seconds."""
    ranks.any(False)  # all begin together
    began_s = time.perf_counter()
    divisor = gradients.begin(count)
    for number in ranks.share(count):
        with gradients.adding(number):
            (gradients.loss(batch(number)).total / divisor).backward()
    gradients.finish()
    return time.perf_counter() - began_s


def main():
    """Measure in each process; the first one prints."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--size", choices=SIZES, default="small")
    parser.add_argument("--micro-batches", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    if not is_among_others():
        sys.exit(launch([sys.executable, *sys.argv], options.processes))
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    ranks = join(reduce="ordered", is_sharded=False, timeout_s=300)
    layers, width, heads = SIZES[options.size]
    for name, family in FAMILIES.items():
        sizes = {"vocab_size": VOCABULARY, "max_length": LENGTH, "dropout": 0.1}
        sizes |= {"layers": layers, "width": width, "heads": heads, "feed_forward": 4 * width}
        model = family.model(family.config(**sizes)).train()
        initialize(model, seed=0, is_truncated=family.is_truncated)
        twins = {"ordered": (Ordered, model), "fast": (Averaged, copy.deepcopy(model))}
        ways = {way: (kind(twin, OBJECTIVES[name], ranks), twin) for way, (kind, twin) in twins.items()}
        times_s = {way: [] for way in ways}
        for number in range(options.rounds + 1):
            for way, (gradients, twin) in ways.items():
                taken_s = take_step(gradients, ranks, options.micro_batches)
                twin.zero_grad()
                times_s[way] += [taken_s] if number else []  # the first round warms up
        ratios = [a / b for a, b in zip(times_s["ordered"], times_s["fast"], strict=True)]
        low, high = np.quantile(ratios, [0.25, 0.75])
        parameters = sum(weight.numel() for weight in model.parameters())
        shown = ", ".join(f"{way} {1000 * statistics.median(of):,.0f} ms" for way, of in times_s.items())
        if ranks.leads:
            ratio = f"ratio {statistics.median(ratios):.2f} ({low:.2f} to {high:.2f})"
            print(f"{name} {options.size}, {parameters:,} weights: {shown}, {ratio}", flush=True)
    ranks.close()


if __name__ == "__main__":
    main()
