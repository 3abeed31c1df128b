"""Similarity: a number for two texts, such as how similar their meaning is.

BERT reads the pair once. For a left-to-right model no order is fair to both texts, so it reads both orders
and the two states are added (Radford et al. 2018, 3.3): score(a, b) = score(b, a).
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from twinlm.data.labels.examples import Example
from twinlm.data.labels.forms import SIMILARITY
from twinlm.tasks.baselines import similarity_baselines
from twinlm.tasks.heads import NumberHead
from twinlm.tasks.judging import Decision, Judging, Said, is_number
from twinlm.tasks.kind import Answer, Input, Metric, Reader, Scores, TaskConfig, TaskKind
from twinlm.tasks.metrics import of_numbers

_NEAR = 0.1
"""A number is right if its error is at most this share of the range of all true numbers."""


def learn(examples: Sequence[Example]) -> dict[str, float]:
    """Return mean and deviation of the scores; the head predicts standardized scores."""
    golds = np.array([example.gold for example in examples])
    return {"mean": float(golds.mean()), "deviation": float(golds.std()) if np.ptp(golds) else 1.0}


def inputs(
    examples: Sequence[Example], reader: Reader, config: TaskConfig, counts: Counter[str]
) -> list[Input]:
    """Return one input for each example: one sequence, or two if read in both orders."""
    orders = [1, -1] if reader.reads_both_orders else [1]
    pairs = [example.texts[::order] for example in examples for order in orders]
    rows = iter(reader.packed(pairs, config.max_length, counts))
    mean, deviation = config.constants["mean"], config.constants["deviation"]
    return [
        Input(
            number,
            tuple(next(rows) for _ in orders),
            ((mean if example.gold is None else example.gold) - mean) / deviation,
        )
        for number, example in enumerate(examples)
    ]


def answers(
    examples: Sequence[Example], inputs: Sequence[Input], scores: Sequence[Scores], config: TaskConfig
) -> list[Answer]:
    """Return the number for each example, in the unit of the training examples' scores."""
    mean, deviation = config.constants["mean"], config.constants["deviation"]
    return [{"predicted": float(score) * deviation + mean} for score in scores]


def decisions(golds: Sequence[float], rows: Sequence[Said], scheme: str) -> list[list[Decision]]:
    """Return the decision on each example: its number."""
    width = float(np.ptp(np.array(golds))) or 1.0
    by_example = []
    for gold, said in zip(golds, rows, strict=True):
        error = abs(said["predicted"] - gold) / width
        numbers = [f"{number:.2f}" for number in (gold, said["predicted"])]
        by_example.append([Decision(numbers[0], numbers[1], error <= _NEAR, max(0.0, 1.0 - error))])
    return by_example


def combined(rows: Sequence[Sequence[Said]], classes: Sequence[str]) -> list[float]:
    """Return the mean number over models."""
    means_E = np.mean([[said["predicted"] for said in row] for row in rows], axis=0)
    means: list[float] = means_E.tolist()
    return means


def is_sound(gold: Any, said: Said, classes: Sequence[str]) -> bool:
    """Tell whether both are numbers."""
    return is_number(gold) and is_number(said["predicted"])


def settled(decisions: Sequence[Decision]) -> str:
    """Return the mean of the numbers."""
    return f"{np.mean([float(decision.answer) for decision in decisions]):.2f}"


KIND = TaskKind(
    name="similarity",
    form=SIMILARITY,
    head=NumberHead,
    outputs=lambda config: 1,
    learn=learn,
    needs=("mean", "deviation"),
    inputs=inputs,
    answers=answers,
    metrics={"": Metric(of_numbers)},
    baselines=similarity_baselines,
    probe="numbers",
    judging=Judging(
        right="the number is no further from the true one than a tenth of the range of the true ones",
        decisions=decisions,
        needs="predicted",
        combined=combined,
        is_sound=is_sound,
        settled=settled,
        why_not_sure="Its answers are numbers, which come without a probability.",
    ),
)
