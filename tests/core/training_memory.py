"""Memory that training takes in a process of its own, and what the formulas say: LAYERS WIDTH SEQUENCES.

Prints for each kind of model the peak and the formula, in bytes. `make torture` measures a larger model.
"""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import torch

from twinlm.batch import IGNORE, MaskedBatch
from twinlm.core.count import layer_count, parameter_count
from twinlm.families import FAMILIES
from twinlm.objectives.causal_lm import causal_lm
from twinlm.objectives.masked_lm import masked_lm
from twinlm.system import hardware

OBJECTIVES = {"gpt": causal_lm, "bert": masked_lm}
VOCAB, LENGTH = 1000, 256
SCALE = Path(__file__).parents[2] / "benchmarks" / "scale.py"


def build(family, *, layers, width, dropout=0.0):
    sizes = {"layers": layers, "width": width, "heads": width // 64, "feed_forward": 3 * width}
    model = family.model(family.config(vocab_size=VOCAB, max_length=LENGTH, dropout=dropout, **sizes)).train()
    for block in model.blocks:
        block.attention.dropout = 0.0  # a CPU keeps attention weights where they are dropped
    return model


def batch(sequences, length=LENGTH):
    tokens_BL = torch.randint(8, VOCAB, (sequences, length), generator=torch.Generator().manual_seed(0))
    originals_BL = torch.full_like(tokens_BL, IGNORE)
    originals_BL[:, 1::7] = tokens_BL[:, 1::7]
    return MaskedBatch(
        tokens_BL=tokens_BL,
        segments_BL=torch.zeros_like(tokens_BL),
        real_BL=torch.ones_like(tokens_BL, dtype=torch.bool),
        originals_BL=originals_BL,
        is_random_B=torch.zeros(sequences, dtype=torch.int64),
    )


def in_a_process(layers, width, sequences):
    """Return peak and formula by kind. The C library of the process gives all tensors back at once."""
    return json.loads(
        subprocess.run(
            [sys.executable, __file__, *map(str, (layers, width, sequences))],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "MALLOC_MMAP_THRESHOLD_": "131072"},
        ).stdout
    )


def step(family, model, optimizer, given):
    for _ in range(2):
        with torch.autocast("cpu", torch.bfloat16):
            loss = OBJECTIVES[family.name](model, given)
        loss.total.backward()
    optimizer.step()
    optimizer.zero_grad(set_to_none=False)
    return loss.targets


def train(scale, family, layers, width, sequences):
    """Train two steps; return what the formulas say they take."""
    model = build(family, layers=layers, width=width)
    optimizer = torch.optim.AdamW(model.parameters(), fused=True)
    step(family, model, optimizer, batch(1, 8))  # so that Adam has its averages
    targets = step(family, model, optimizer, batch(sequences))
    sizes = scale.Sizes(
        parameters=parameter_count(model),
        layer_parameters=layer_count(model),
        layers=layers,
        width=width,
        feed_forward=3 * width,
        vocab_size=VOCAB,
    )
    return scale.memory(sizes, positions=sequences * LENGTH, targets=targets, mask_bytes=0).total


def main():
    torch.set_num_threads(1)
    specification = importlib.util.spec_from_file_location("scale", SCALE)
    sys.modules["scale"] = scale = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(scale)
    sizes, measured = list(map(int, sys.argv[1:])), {}
    for name, family in FAMILIES.items():
        train(scale, family, 1, 64, 1)  # so that libraries are loaded
        hardware.forget_peak_memory()
        before_bytes = hardware.peak_memory_bytes()
        formula_bytes = train(scale, family, *sizes)
        measured[name] = hardware.peak_memory_bytes() - before_bytes, formula_bytes
    json.dump(measured, sys.stdout)


if __name__ == "__main__":
    main()
