"""Metrics of answers, with one value for each example whose mean is the main metric.

Intervals and paired tests use these values. Accuracy and the F1 of an answer are means over examples. The F1
of entities and correlations are not: their values are jackknife pseudo-values (Efron and Stein 1981),
n * whole - (n - 1) * without the example, shifted so that their mean is the metric.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]
Rights = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Measured:
    """Metrics of a model's answers to labelled examples."""

    figures: dict[str, float]
    """Metrics by name, the main one first; higher is better."""
    find_values: Callable[[], Values | Rights]
    """Returns `values_E`; called only if needed, because a jackknife takes time."""
    least: float = 0.0
    """Least possible value of the main metric; the most is 1."""
    undefined: dict[str, str] = field(default_factory=dict)
    """Reasons by name of the figures that are 0 by convention only, because they would be 0 / 0."""

    @cached_property
    def values_E(self) -> Values | Rights:
        """Value for each example, whose mean is the main metric; booleans if right or wrong."""
        return self.find_values()

    @property
    def main(self) -> float:
        """Main metric."""
        return next(iter(self.figures.values()))


def of_classes(golds: Sequence[str], predicted: Sequence[str]) -> Measured:
    """Measure classes: accuracy (which is micro F1 too), macro F1, and Matthews' correlation.

    Where all examples are of one class there is no correlation, so that figure is left out. Where all are
    predicted to be of one class, it is 0 / 0.
    """
    _, counts_CC = class_table(golds, predicted)
    right_E = np.array(golds) == np.array(predicted)
    figures = {"accuracy": float(right_E.mean()), "macro F1": macro_f1(counts_CC)}
    if len(set(golds)) > 1:
        figures["MCC"] = matthews(counts_CC)
    is_undefined = "MCC" in figures and len(set(predicted)) == 1
    undefined = {"MCC": "one class is given to all examples"} if is_undefined else {}
    return Measured(figures, lambda: right_E, undefined=undefined)


def of_places(golds: Sequence[int], predicted: Sequence[int]) -> Measured:
    """Measure choices: accuracy."""
    right_E = np.array(golds) == np.array(predicted)
    return Measured({"accuracy": float(right_E.mean())}, lambda: right_E)


def of_numbers(golds: Sequence[float], predicted: Sequence[float]) -> Measured:
    """Measure numbers: Spearman's and Pearson's correlation with the gold ones; 0 if all are equal."""
    gold_E, predicted_E = np.array(golds, np.float64), np.array(predicted, np.float64)
    gold_ranks_E, predicted_ranks_E = ranks(gold_E), ranks(predicted_E)
    rho = pearson(gold_ranks_E, predicted_ranks_E)
    figures = {"Spearman's correlation": rho, "Pearson's correlation": pearson(gold_E, predicted_E)}

    def without(index: int) -> float:
        gold_rest_E = ranks_without(gold_E, gold_ranks_E, index)
        return pearson(gold_rest_E, ranks_without(predicted_E, predicted_ranks_E, index))

    def find_values() -> Values:
        return pseudo_values(rho, np.array([without(index) for index in range(len(gold_E))]))

    constant = "the right scores are all equal" if len({*golds}) == 1 else ""
    constant = constant or "one score is given to all examples" * (len({*predicted}) == 1)
    undefined = dict.fromkeys(figures, constant) if constant else {}
    return Measured(figures, find_values, least=-1.0, undefined=undefined)


def of_ratio(name: str, parts_E: npt.ArrayLike, wholes_E: npt.ArrayLike, **others: float) -> Measured:
    """Measure a ratio of sums, such as right words / words; 0 if the divisor is 0."""
    part_E, whole_E = np.asarray(parts_E, np.float64), np.asarray(wholes_E, np.float64)
    figure = float(part_E.sum() / max(1.0, whole_E.sum()))
    left_out_E = (part_E.sum() - part_E) / np.maximum(1.0, whole_E.sum() - whole_E)
    return Measured({name: figure, **others}, lambda: pseudo_values(figure, left_out_E))


def pseudo_values(figure: float, left_out_E: Values) -> Values:
    """Return jackknife pseudo-values with the mean `figure`, from the metric without each example."""
    values_E: Values = figure + (len(left_out_E) - 1) * (left_out_E.mean() - left_out_E)
    return values_E


def pearson(first_E: Values, second_E: Values) -> float:
    """Return the correlation of two rows of numbers; 0 if one of them is constant or empty."""
    # Constants are found by their range: rounding can make a constant row differ from its mean.
    widths = [float(np.ptp(row_E)) if len(row_E) else 0.0 for row_E in (first_E, second_E)]
    if min(widths) == 0:
        return 0.0
    a_E, b_E = (first_E - first_E.mean()) / widths[0], (second_E - second_E.mean()) / widths[1]
    return float(a_E @ b_E / np.sqrt((a_E @ a_E) * (b_E @ b_E)))


def ranks(numbers_E: Values) -> Values:
    """Return the rank of each number, from 1; equal numbers share their mean rank."""
    _, group_E, counts = np.unique(numbers_E, return_inverse=True, return_counts=True)
    last = counts.cumsum()
    shared: Values = (last - (counts - 1) / 2)[group_E]
    return shared


def ranks_without(numbers_E: Values, ranks_E: Values, index: int) -> Values:
    """Return the ranks of all numbers but one, from the ranks of all."""
    gone = numbers_E[index]
    moved_E = ranks_E - (numbers_E > gone) - 0.5 * (numbers_E == gone)
    return np.delete(moved_E, index)


def confusion(true_E: npt.ArrayLike, predicted_E: npt.ArrayLike, classes: int) -> npt.NDArray[np.int64]:
    """Return how often each true class (row) was predicted as each class (column); classes count from 0."""
    pairs_E = np.asarray(true_E, dtype=np.int64) * classes + np.asarray(predicted_E, dtype=np.int64)
    return np.bincount(pairs_E, minlength=classes * classes).reshape(classes, classes)


def class_table(golds: Sequence[str], predicted: Sequence[str]) -> tuple[list[str], npt.NDArray[np.int64]]:
    """Return the classes that are true or predicted, in alphabetical order, and their `confusion`."""
    classes = sorted({*golds, *predicted})
    numbers = {name: number for number, name in enumerate(classes)}
    true_E, predicted_E = ([numbers[name] for name in names] for names in (golds, predicted))
    return classes, confusion(true_E, predicted_E, len(classes))


def f1_by_class(confusion_CC: npt.ArrayLike) -> Values:
    """Return each class's F1, the harmonic mean of precision and recall; 0 for a class that never occurs."""
    counts_CC = np.asarray(confusion_CC, dtype=np.float64)
    occurrences_C = counts_CC.sum(axis=0) + counts_CC.sum(axis=1)
    f1_C: Values = 2 * np.diag(counts_CC) / np.maximum(occurrences_C, 1)
    return f1_C


def f1_of_classes(golds: Sequence[str], predicted: Sequence[str]) -> dict[str, float]:
    """Return the F1 of each class that is true at least once, by name."""
    classes, counts_CC = class_table(golds, predicted)
    by_class = zip(classes, f1_by_class(counts_CC).tolist(), strict=True)
    true = set(golds)
    return {name: f1 for name, f1 in by_class if name in true}


def macro_f1(confusion_CC: npt.ArrayLike) -> float:
    """Return the unweighted mean of the F1 of all classes that are true at least once.

    So all models divide by the same number on the same examples, whatever they predict; an answer of an
    absent class is an error of the class that is true.
    """
    counts_CC = np.asarray(confusion_CC)
    is_true_C = counts_CC.sum(axis=1) > 0
    return float(f1_by_class(counts_CC)[is_true_C].mean()) if is_true_C.any() else 0.0


def matthews(confusion_CC: npt.ArrayLike) -> float:
    """Return Matthews' correlation for any number of classes (Gorodkin 2004); 0 if one class is all."""
    counts_CC = np.asarray(confusion_CC, dtype=np.float64)
    true_C, predicted_C, all_of_them = counts_CC.sum(1), counts_CC.sum(0), counts_CC.sum()
    covariance = np.trace(counts_CC) * all_of_them - true_C @ predicted_C
    variances = (all_of_them**2 - predicted_C @ predicted_C) * (all_of_them**2 - true_C @ true_C)
    return float(covariance / np.sqrt(variances)) if variances > 0 else 0.0


def is_one_answer(answers: Sequence[Any]) -> bool:
    """Tell whether all examples, or all their words, got the same answer: training failed."""
    lists = [answer if isinstance(answer, list) else [answer] for answer in answers]
    items = [json.dumps(item) for answer in lists for item in answer]
    return len(items) > 1 and len(set(items)) == 1
