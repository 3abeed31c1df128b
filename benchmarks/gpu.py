"""Training steps on a GPU: speed, share of the card's peak, equality with the processor (under 8 minutes).

    python benchmarks/gpu.py --peak 790 [--sizes 12x768 24x1024] [--rounds 10] [--device cuda]

`--peak` is the card's rate for dense bfloat16 matrix products in TFLOP/s: 790 for an H200. Prints, for each
size and kind, plain and under torch.compile, tokens a second, TFLOP/s and MFU (model FLOPs utilization: the
operations that a step needs over what the card could do in its time), and the peak of its memory. Then trains
small models from the same weights on the processor and on the device, and prints the largest relative
difference of their losses. `--device cpu` tries the script itself.
"""

import argparse
import statistics
import time

import torch

from twinlm.batch import IGNORE, Batch, MaskedBatch
from twinlm.core.initialize import initialize
from twinlm.families import FAMILIES
from twinlm.objectives.causal_lm import causal_lm
from twinlm.objectives.masked_lm import masked_lm_and_next_sentence
from twinlm.settings import ModelSettings, OptimizerSettings
from twinlm.train.optimizer import build_optimizer

# layers x width: heads, sequences, length
SIZES = {"2x128": (2, 4, 64), "12x768": (12, 32, 512), "24x1024": (16, 16, 512)}
VOCABULARY, MASKED, PARITY_STEPS = 30_000, 0.15, 20
OBJECTIVES = {"gpt": causal_lm, "bert": masked_lm_and_next_sentence}


def batch_of(kind, sequences, length, device):
    """Return a batch of random tokens; BERT's has 15 % of them to predict."""
    tokens_BL = torch.randint(8, VOCABULARY, (sequences, length))
    inputs = {"tokens_BL": tokens_BL, "segments_BL": 0 * tokens_BL, "real_BL": tokens_BL >= 0}
    if kind == "gpt":
        return Batch(**inputs).to(device)
    originals_BL = torch.where(torch.rand(tokens_BL.shape) < MASKED, tokens_BL, IGNORE)
    is_random_B = torch.randint(2, (sequences,))
    return MaskedBatch(**inputs, originals_BL=originals_BL, is_random_B=is_random_B).to(device)


def trainer(kind, size, device, *, precision, is_compiled=False):
    """Return a training step of a kind, and the operations of a step."""
    layers, width = map(int, size.split("x"))
    heads, sequences, length = SIZES[size]
    family = FAMILIES[kind]
    settings = ModelSettings(layers=layers, width=width, heads=heads, max_length=length, dropout=0.0)
    sizes = family.configure(settings, VOCABULARY)
    model = family.model(sizes).train()
    initialize(model, seed=0, is_truncated=False)
    model.to(device)
    optimizer = build_optimizer(model, OptimizerSettings())
    torch.manual_seed(0)
    batch = batch_of(kind, sequences, length, device)
    if is_compiled:
        for block in model.blocks:
            block.compile()

    def step():
        with torch.autocast(device, torch.bfloat16, enabled=precision == "bfloat16"):
            loss = OBJECTIVES[kind](model, batch).total
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        return loss.detach()

    targets = int((batch.originals_BL >= 0).sum()) if kind == "bert" else sequences * (length - 1)
    flops = family.training_flops(sizes, sequences=sequences, length=length, targets=targets)
    return step, flops, sequences * length


def speed(kind, size, options, *, is_compiled):
    """Print the speed of a training step."""
    step, flops, tokens = trainer(kind, size, options.device, precision="bfloat16", is_compiled=is_compiled)
    wait = torch.cuda.synchronize if options.device == "cuda" else lambda: None
    for _ in range(3):  # kernels are made in the first steps
        step()
    wait()
    seconds = []
    for _ in range(options.rounds):
        began = time.perf_counter()
        step()
        wait()
        seconds.append(time.perf_counter() - began)
    low, middle, high = statistics.quantiles(seconds, n=4)
    rate = flops / middle / 1e12
    memory = torch.cuda.max_memory_allocated() / 2**30 if options.device == "cuda" else float("nan")
    print(
        f"{kind:4} {size:8} {'compiled' if is_compiled else 'plain':8} {tokens / middle:9,.0f} tokens/s "
        f"({tokens / high:,.0f} to {tokens / low:,.0f})  {rate:6.1f} TFLOP/s  "
        f"MFU {100 * rate / options.peak:4.1f} %  {memory:.1f} GiB",
        flush=True,
    )
    if options.device == "cuda":
        torch.cuda.reset_peak_memory_stats()


def parity(kind, device):
    """Print how far losses on the device are from those on the processor, in the same steps."""
    for precision in ("float32", "bfloat16"):
        losses = []
        for where, number_format in (("cpu", "float32"), (device, precision)):
            step, _, _ = trainer(kind, "2x128", where, precision=number_format)
            losses.append([float(step()) for _ in range(PARITY_STEPS)])
        worst = max(abs(a - b) / a for a, b in zip(*losses, strict=True))
        print(
            f"{kind:4} 2x128    {precision} on {device} against float32 on the processor: {worst:.1e}",
            flush=True,
        )


def main():
    """Measure speed, then equality."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peak", type=float, required=True, help="TFLOP/s")
    parser.add_argument("--sizes", nargs="+", default=["12x768", "24x1024"], choices=list(SIZES))
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--device", default="cuda", choices=["cuda", "cpu"])
    options = parser.parse_args()
    name = torch.cuda.get_device_name() if options.device == "cuda" else "processor"
    print(f"torch {torch.__version__}, {name}, bfloat16")
    for size in options.sizes:
        for kind in OBJECTIVES:
            for is_compiled in (False, True):
                speed(kind, size, options, is_compiled=is_compiled)
    for kind in OBJECTIVES:
        parity(kind, options.device)


if __name__ == "__main__":
    main()
