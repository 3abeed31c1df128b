"""What each ingredient of `recipe = "strong"` is worth: the demo's models without one of them at a time.

    python benchmarks/recipe.py [--steps 1000] [--seeds 1 2 3] [--out runs/recipe]

Prints, for each kind, the final validation loss in nats as mean and range over the seeds. Each training is
kept in its folder, so the script goes on where it was stopped. A training of 1,000 steps takes 3 to 5 minutes
on one core.
"""

import argparse
import json
import statistics
from pathlib import Path

from twinlm.cli.main import run

ADAMW = {"pretrain.optimizer.method": "adamw", "pretrain.optimizer.learning_rate": "2e-3"}
VARIANTS = {
    "strong": {},
    "AdamW at 2e-3 instead of Muon": ADAMW,
    "norms after the sums": {"model.norm": "post"},
    "dropout 0.1": {"model.dropout": "0.1"},
    "half the rate": {"pretrain.optimizer.learning_rate": "5e-3"},
    "twice the rate": {"pretrain.optimizer.learning_rate": "2e-2"},
    "the demo's recipe before: AdamW, norms after the sums": {**ADAMW, "model.norm": "post"},
}


def final_loss(folder, kind, settings, *, steps, seed):
    """Return the last validation loss of a training, its next sentence prediction left out."""
    options = {"budget.match": "steps", "budget.amount": steps, "seed": seed, **settings}
    command = ["pretrain", kind, "--demo", "--out", str(folder)]
    code = run([*command, *(text for name, value in options.items() for text in (f"--{name}", str(value)))])
    if code:
        raise SystemExit(code)
    rows = [json.loads(line) for line in (folder / kind / "metrics.jsonl").read_text().splitlines()]
    last = [row for row in rows if "valid_loss" in row][-1]
    return last["valid_causal_lm" if kind == "gpt" else "valid_masked_lm"]


def main():
    """Train, and print a line for each variant and kind."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--kinds", nargs="+", default=["gpt", "bert"])
    parser.add_argument("--out", type=Path, default=Path("runs/recipe"))
    given = parser.parse_args()
    for number, (name, settings) in enumerate(VARIANTS.items()):
        for kind in given.kinds:
            losses = [
                final_loss(given.out / f"{number}-{seed}", kind, settings, steps=given.steps, seed=seed)
                for seed in given.seeds
            ]
            print(f"{name} | {kind} | {statistics.mean(losses):.3f} | {min(losses):.3f} to {max(losses):.3f}")


if __name__ == "__main__":
    main()
