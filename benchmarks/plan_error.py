"""What a plan says of the time of pre-training against what it takes, for both kinds at size tiny.

    python benchmarks/plan_error.py [--seconds 60] [--rounds 1] [--threads 0]

Plans both kinds on the demo's text with a budget of so many seconds each, then trains them, in a folder that
is removed. Prints, for each, the time planned and taken by steps, planned / taken, and the same with
validations and checkpoints: what `twinlm plan` adds up for a whole comparison, and what a clock says.
"""

import argparse
import tempfile
import time
from pathlib import Path

from twinlm.comparison.run import Run
from twinlm.settings import presets
from twinlm.system import storage
from twinlm.system.log import Silent
from twinlm.system.stopping import Stop
from twinlm.train.pretrain import RESULT


def measure(folder, options):
    """Plan and train both kinds once; print a line for each."""
    given = {
        "budget.match": "seconds",
        "budget.amount": str(options.seconds),
        "threads": str(options.threads),
    }
    settings = presets.resolve(None, given, base=presets.DEMO)
    with Run(folder, settings, is_demo=True, progress=Silent(), stop=Stop()) as run:
        plans, forecast = run.pretraining.plans, run.forecast
        whole_s = {
            training.pretraining: forecast.seconds(training)
            for training in forecast.trainings()[: len(plans)]
        }
        for name, plan in plans.items():
            began = time.perf_counter()
            run.pretraining.trained(name)
            wall_s = time.perf_counter() - began
            taken_s = storage.read_json(run.pretraining.folder(name) / RESULT)["seconds"]
            print(
                f"{name:5} {plan.steps:5} steps: planned {plan.seconds:6.1f} s, taken {taken_s:6.1f} s, "
                f"ratio {plan.seconds / taken_s:.2f}; with validations planned {whole_s[name]:6.1f} s, "
                f"taken {wall_s:6.1f} s, ratio {whole_s[name] / wall_s:.2f}",
                flush=True,
            )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--threads", type=int, default=0)
    chosen = parser.parse_args()
    for _ in range(chosen.rounds):
        with tempfile.TemporaryDirectory() as place:
            measure(Path(place), chosen)
