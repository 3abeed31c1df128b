"""How often the statistics of a comparison err: false winners, coverage and power in simulated pairs of arms.

    python benchmarks/statistics_calibration.py [--repeats 1000] [--out calibration.csv]

Two arms answer the same examples. Examples are hard in common and for each arm apart; pre-trainings and
fine-tunings differ in skill, both with the same deviation (pre-trainings only where there are several); all
normal, on the probit scale. Each line of the file is one design:

- false winners: how often a winner is named where both have the same expected accuracy;
- coverage of that difference, 0, by the interval that decides, by BCa over examples and by the bootstrap over
  both (of half the repeats, 999 replicas each);
- power: how often the better arm is named where it leads by 2, 5 and 10 points (of half the repeats).

The tables of `docs/statistics.md` are printed at the end. It took 20 minutes on one core.
"""

import argparse
import csv
import itertools
from pathlib import Path

import numpy as np
from scipy import special

from twinlm.evidence.bootstrap import bootstrap_intervals
from twinlm.evidence.intervals import LEVEL, claim_p, difference
from twinlm.evidence.outcomes import Outcomes
from twinlm.rng import stream

ACCURACIES = (0.6, 0.75, 0.9)
EXAMPLES = (100, 300, 1500)
DESIGNS = ((1, 1), (1, 3), (1, 5), (3, 1), (3, 3), (3, 5))  # pre-trainings, fine-tuning seeds of each
DEVIATIONS = (0, 1, 3)  # of seeds, in points
LEADS = (2, 5, 10)  # in points
COMMON, OWN = 0.75, 0.45  # deviations of what makes an example hard for both, and for one


def draw(random, accuracy, examples, design, points, lead=0.0):
    """Return two arms; the first one's expected accuracy is `accuracy` and half of `lead`."""
    pretrainings, seeds = design
    common_E = random.normal(size=examples) * COMMON
    arms = []
    for sign in (0.5, -0.5):
        expected = accuracy + sign * lead
        # What moves the accuracy by so many points, where the normal curve is so high.
        deviation = points / 100 / np.exp(-(special.ndtri(expected) ** 2) / 2) * (2 * np.pi) ** 0.5
        skill_PS = random.normal(size=(pretrainings, seeds)) * deviation
        squares = deviation**2
        if pretrainings > 1:
            skill_PS = skill_PS + random.normal(size=(pretrainings, 1)) * deviation
            squares *= 2
        threshold = special.ndtri(expected) * (1 + squares) ** 0.5
        rest_RE = random.normal(size=(pretrainings * seeds, examples)) * (1 - COMMON**2 - OWN**2) ** 0.5
        ease_RE = threshold - common_E - random.normal(size=examples) * OWN - rest_RE
        arms.append(Outcomes(ease_RE + skill_PS.reshape(-1, 1) > 0, pretrainings))
    return arms


def holds(interval):
    """Tell whether an interval holds 0."""
    return interval.low <= 0 <= interval.high


def measure(cell, repeats):
    """Return the figures of one design."""
    random = stream(0, "calibration", str(cell))
    pairs = [draw(random, *cell) for _ in range(repeats)]
    few = pairs[: repeats // 2]
    bootstraps = [bootstrap_intervals(*pair, replicas=999) for pair in few]
    found = {
        "false winners": np.mean([claim_p(*pair) < LEVEL for pair in pairs]),
        "interval": np.mean([holds(difference(*pair)) for pair in pairs]),
        "BCa": np.mean([holds(over_examples) for over_examples, _ in bootstraps]),
        "both": np.mean([holds(over_both) for _, over_both in bootstraps]),
    }
    for lead in LEADS:
        led = [draw(random, *cell, lead / 100) for _ in few]
        named = [claim_p(*pair) < LEVEL and pair[0].means_E.mean() > pair[1].means_E.mean() for pair in led]
        found[f"power {lead}"] = np.mean(named)
    return found


def print_errors(rows):
    """Print false winners and coverage by design, the mean and the worst over accuracies and examples."""
    print("| P x S | seeds' deviation | false winners | interval | BCa, examples | bootstrap, both |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for design, points in itertools.product(DESIGNS, DEVIATIONS):
        some = [row for row in rows if row["design"] == design and row["deviation"] == points]
        cells = [f"{design[0]} x {design[1]}", f"{points}"]
        for name, worst in (("false winners", max), ("interval", min), ("BCa", min), ("both", min)):
            values = [100 * row[name] for row in some]
            cells.append(f"{np.mean(values):.1f} ({worst(values):.1f})")
        print("| " + " | ".join(cells) + " |")


def print_power(rows):
    """Print the power at 75 %, a column for each number of examples and lead."""
    columns = list(itertools.product(EXAMPLES, LEADS))
    print("| P x S | seeds' deviation | " + " | ".join(f"{e}, {lead}" for e, lead in columns) + " |")
    print("| --- | ---: |" + " ---: |" * len(columns))
    for design, points in itertools.product(DESIGNS, DEVIATIONS):
        cells = [f"{design[0]} x {design[1]}", f"{points}"]
        for examples, lead in columns:
            wanted = (0.75, examples, design, points)
            names = ("accuracy", "examples", "design", "deviation")
            (row,) = [row for row in rows if tuple(row[name] for name in names) == wanted]
            cells.append(f"{100 * row[f'power {lead}']:.0f}")
        print("| " + " | ".join(cells) + " |")


def main():
    """Simulate all designs."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=1000)
    parser.add_argument("--out", type=Path, default=Path("calibration.csv"))
    options = parser.parse_args()
    rows = []
    for cell in itertools.product(ACCURACIES, EXAMPLES, DESIGNS, DEVIATIONS):
        names = dict(zip(("accuracy", "examples", "design", "deviation"), cell, strict=True))
        rows.append(names | measure(cell, options.repeats))
        print(len(rows), {name: str(value) for name, value in rows[-1].items()}, flush=True)
    with options.out.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    print_errors(rows)
    print_power(rows)


if __name__ == "__main__":
    main()
