"""Time to nanoGPT's final loss on tinyshakespeare, by characters: its published CPU recipe against ours.

    python benchmarks/shakespeare.py --nanogpt FOLDER --text tinyshakespeare.txt[.xz] [--seeds 1 2 3]

FOLDER is a clone of github.com/karpathy/nanoGPT; the recipe is the one of its README for a computer without a
GPU: 4 layers of width 128, windows of 64, 2,000 steps of 12 windows. Ours is a GPT of these layers with
`recipe = "strong"`. Both train on the first nine tenths of the text, and predict each character of the last
tenth from 1 to 64 characters before it. Ours reads bytes, which are characters here. The two run in turns, as
processes of their own, so that times include everything: start, reading, tokenizing, training, validation
and saving. The loss is in nats per character.
"""

import argparse
import json
import lzma
import os
import re
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

import torch

VALIDATION = 1742  # windows of 64 in the last tenth
OURS = {
    "recipe": "strong",
    "tokenizer.vocab_size": 270,  # the 256 bytes, and special tokens
    "model.layers": 4,
    "model.width": 128,
    "model.heads": 4,
    "model.max_length": 65,
    "pretrain.length": 65,
    "pretrain.validation_sequences": VALIDATION,
    "pretrain.checkpoint_every_steps": 1000,
    "budget.match": "steps",
}
THEIRS = {
    "device": "cpu",
    "compile": False,
    "eval_iters": 20,
    "log_interval": 100,
    "block_size": 64,
    "batch_size": 12,
    "n_layer": 4,
    "n_head": 4,
    "n_embd": 128,
    "max_iters": 2000,
    "lr_decay_iters": 2000,
    "dropout": 0.0,
}
# Their script always has seed 1337; this one adds ours to it.
SEEDED = (
    "import sys, torch; seed = int(sys.argv.pop(1)); first = torch.manual_seed; "
    "torch.manual_seed = lambda number: first(number + seed); exec(open('train.py').read())"
)


def nanogpt(folder, text, seed):
    """Train with nanoGPT's own scripts; return seconds and the last validation loss."""
    (folder / "data" / "shakespeare_char" / "input.txt").write_text(text)
    shutil.rmtree(folder / "out-shakespeare-char", ignore_errors=True)
    options = [f"--{name}={value}" for name, value in THEIRS.items()]
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, "data/shakespeare_char/prepare.py"], cwd=folder, check=True, capture_output=True
    )
    command = [sys.executable, "-c", SEEDED, str(seed), "config/train_shakespeare_char.py", *options]
    run = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    seconds = time.perf_counter() - began
    return seconds, float(re.findall(r"val loss ([\d.]+)", run.stdout)[-1])


def twinlm(folder, text, seed, options):
    """Train with `twinlm pretrain`; return seconds and the last validation loss."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    cut = int(0.9 * len(text))
    for name, part in (("train", text[:cut]), ("valid", text[cut:])):
        (folder / f"{name}.txt").write_text(part)
    files = {"corpus.train": "train.txt", "corpus.valid": "valid.txt", "corpus.test": "valid.txt"}
    options = {**OURS, **files, "seed": seed, **options}
    arguments = [text for name, value in options.items() for text in (f"--{name}", str(value))]
    began = time.perf_counter()
    command = [sys.executable, "-m", "twinlm", "pretrain", "gpt", "--out", "run", *arguments]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    seconds = time.perf_counter() - began
    rows = [json.loads(line) for line in (folder / "run" / "gpt" / "metrics.jsonl").read_text().splitlines()]
    return seconds, [row["valid_causal_lm"] for row in rows if "valid_loss" in row][-1]


def main():
    """Train both with each seed, in turns, and print seconds, losses and the ratio of the times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nanogpt", type=Path, required=True)
    parser.add_argument("--text", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--out", type=Path, default=Path("runs/shakespeare"))
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument(
        "--options", nargs="*", default=[], metavar="NAME=VALUE", help="other settings of ours"
    )
    given = parser.parse_args()
    opened = lzma.open if given.text.suffix == ".xz" else open
    with opened(given.text, "rt") as file:
        text = file.read()
    options = dict(option.split("=", 1) for option in given.options)
    print(
        f"torch {torch.__version__}, {os.cpu_count()} processors, float32 unless the processor has bfloat16"
    )
    ratios = []
    for seed in given.seeds:
        their_s, their_loss = nanogpt(given.nanogpt, text, seed)
        our_s, our_loss = twinlm(given.out, text, seed, {"budget.amount": given.steps, **options})
        ratios.append(their_s / our_s)
        print(
            f"seed {seed}: nanoGPT {their_loss:.3f} in {their_s:.0f} s, "
            f"ours {our_loss:.3f} in {our_s:.0f} s, theirs / ours {ratios[-1]:.2f}",
            flush=True,
        )
    print(f"median {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")


if __name__ == "__main__":
    main()
