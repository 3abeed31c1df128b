"""Linear models on the states of a pre-trained model whose weights stay as they are.

A head may start from one: with few labels a random head distorts the states before it has learned to read
them; one that reads them from the first step on does not (Kumar et al. 2022, "Fine-tuning can distort
pretrained features", 3). A comparison shows one by itself, as what fine-tuning has to beat.
"""

import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from twinlm.batch import IGNORE, Batch, Reading
from twinlm.checkpoint import Trained
from twinlm.data.labels.examples import Example
from twinlm.data.sequences.packing import Packed, by_length
from twinlm.errors import DataError
from twinlm.system import hardware
from twinlm.tasks.heads import TokenHead
from twinlm.tasks.kind import Answer, TaskConfig, TaskKind
from twinlm.train.ranks import ALONE, Ranks
from twinlm.use.predict import task_of

INVERSE_PENALTIES = (0.0003, 0.003, 0.03, 0.3, 3.0)
"""Values tried for C of a frozen probe, on states of deviation 1; a larger one penalizes its weights less."""
_USUAL = 0.03  # C where nothing chooses one; docs/log.md
_MOST_VALUES = 2**24  # of the states that a probe is fitted on: 134 MB
_MOST_ITERATIONS = 1000
_LEAST_DEVIATION = 1e-6

_States = Callable[[Any, Reading, Batch, Sequence[Any]], Sequence[Tensor]]
"""Returns the states of each input of a batch, (L, D) or (D,), from head, reading, batch and inputs."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Probe:
    """Answers of a linear model on frozen states."""

    answers: list[Answer]
    """Answer to each test example."""
    seconds: float
    """Time to read all examples, to fit, for all penalties tried, and to answer."""
    settings: dict[str, float]
    """C as chosen on the validation examples, and the main figure there; C alone if there are none."""
    notes: dict[str, int]
    """Number of training inputs that were left out to bound the memory, and of fits that did not converge."""


class _Linear(NamedTuple):
    weights_CD: NDArray[np.float64]
    biases_C: NDArray[np.float64]


def start_from_probe(trained: Trained, inputs: Sequence[Any], ranks: Ranks = ALONE) -> bool:
    """Set the weights of a head to those of a linear probe; tell whether there is one.

    There is none for heads that rank states, if a class has no example, or if a state is not finite.
    """
    assert trained.tuned is not None
    head: Any = trained.tuned.head
    if not task_of(trained)[0].probe:
        return False
    # Another processor may round the states differently, and all processes must start from equal weights.
    weights = ranks.from_leader(lambda: _first_weights(trained, inputs))
    if weights is None:
        return False
    with torch.no_grad():
        for name, values in weights.items():
            own = head.score.get_parameter(name)
            own.copy_(torch.tensor(values, dtype=own.dtype))
    return True


def frozen_probe(
    trained: Trained, inputs: Sequence[Any], valid: Sequence[Example], test: Sequence[Example]
) -> Probe:
    """Fit a linear model on the states of a model, and answer the test examples with it.

    It reads the mean of a text's states; of two texts u and v, each the mean over its own tokens, it reads
    [u, v, |u - v|, u * v] (Conneau et al. 2017, "Supervised learning of universal sentence representations",
    3.1); for a tag, the state of its token.

    Args:
        trained: model under a new head, whose weights do not matter.
        inputs: of its training examples.
        valid: examples to choose C on: the smallest of equally good ones.
        test: examples to answer.

    Raises:
        DataError: a state is not finite.
    """
    began_s = time.perf_counter()
    kind, config = task_of(trained)
    reader = trained.family.reader(trained.tokenizer)
    some = _some(trained, inputs, parts=4 if len(inputs[0].sequences[0].starts) > 1 else 1)
    states_ND, targets_N = _gathered(trained, some, _of_texts)
    if not np.isfinite(states_ND).all():
        raise DataError("a state of the model is not finite, so no linear model can read them")
    notes = Counter({"training inputs left out": len(inputs) - len(some)})
    penalties = INVERSE_PENALTIES if valid else (_USUAL,)
    linears = [
        _of_all_classes(linear, targets_N, kind, config)
        for linear in _fitted(states_ND, targets_N, kind, penalties, has_bias=True, notes=notes)
    ]
    best, settings = linears[0], {"C": penalties[0]}
    if valid:
        given = kind.inputs(valid, reader, config, Counter())
        by_penalty = _scores(trained, given, linears)
        figures = [_figures(kind, config, valid, kind.answers(valid, given, s, config)) for s in by_penalty]
        main = next(iter(figures[0]))
        chosen = max(range(len(linears)), key=lambda number: figures[number][main])
        best = linears[chosen]
        settings = {"C": penalties[chosen], f"validation {main}": float(figures[chosen][main])}
    given = kind.inputs(test, reader, config, Counter())
    answers = kind.answers(test, given, _scores(trained, given, [best])[0], config)
    seconds = time.perf_counter() - began_s
    return Probe(answers=answers, seconds=seconds, settings=settings, notes=dict(+notes))


def _first_weights(trained: Trained, inputs: Sequence[Any]) -> dict[str, Any] | None:
    """Return the weights of a head, (C, D), and its biases, (C,), as lists; None without a probe."""
    assert trained.tuned is not None
    kind, config = task_of(trained)
    head: Any = trained.tuned.head
    has_bias = head.score.bias is not None
    states_ND, targets_N = _gathered(trained, _some(trained, inputs), _of_head)
    is_short = kind.probe == "classes" and len(np.unique(targets_N)) < max(2, len(config.labels))
    if is_short or not np.isfinite(states_ND).all():
        return None
    [linear] = _fitted(states_ND, targets_N, kind, (_USUAL,), has_bias=has_bias, notes=Counter())
    weights = {"weight": linear.weights_CD.tolist()}
    return {**weights, "bias": linear.biases_C.tolist()} if has_bias else weights


def _some(trained: Trained, inputs: Sequence[Any], parts: int = 1) -> list[Any]:
    """Return inputs whose states, each `parts` times the width, have about `_MOST_VALUES` numbers at most.

    Inputs of classes that these lack are added.
    """
    sizes: Any = trained.model.config
    values = sum(len(_labelled(one)) for one in inputs) * parts * sizes.width
    some = list(inputs[:: max(1, -(-values // _MOST_VALUES))])
    if task_of(trained)[0].probe == "numbers":
        return some
    classes = {label for one in some for label in _labelled(one)}
    return some + [one for one in inputs if not classes.issuperset(_labelled(one))]


def _labelled(one: Any) -> list[Any]:
    """Return the targets of an input: its own, or those of its labelled tokens."""
    targets = one.target if isinstance(one.target, list) else [one.target]
    return [target for target in targets if target != IGNORE]


def _gathered(trained: Trained, inputs: Sequence[Any], states: _States) -> tuple[Any, Any]:
    """Return the labelled states of inputs, (N, D), and their targets, (N,)."""
    of_input: list[Any] = [None] * len(inputs)
    for number, rows_RD in _read(trained, inputs, states):
        targets = np.atleast_1d(inputs[number].target)
        is_labelled = targets != IGNORE
        of_input[number] = rows_RD[: len(targets)][torch.from_numpy(is_labelled)], targets[is_labelled]
    rows, labels = zip(*of_input, strict=True)
    return torch.cat(rows).numpy(), np.concatenate(labels)


def _read(trained: Trained, inputs: Sequence[Any], states: _States) -> Iterator[tuple[int, Tensor]]:
    """Yield the number of each input and its states, (R, D), in float64 on the processor."""
    kind, config = task_of(trained)
    where = hardware.device()
    tuned: Any = trained.tuned
    tuned.to(where)
    was_training = tuned.training
    tuned.eval()
    with torch.no_grad():
        for numbers in by_length([given.length * len(given.sequences) for given in inputs]):
            chosen = [inputs[number] for number in numbers]
            batch = kind.batch(chosen, config, trained.tokenizer.specials.pad).to(where)
            for number, rows in zip(
                numbers, states(tuned.head, tuned.read(batch), batch, chosen), strict=True
            ):
                yield number, (rows if rows.dim() > 1 else rows[None]).double().cpu()
    tuned.train(was_training)


def _of_head(head: Any, reading: Reading, batch: Batch, inputs: Sequence[Any]) -> Sequence[Tensor]:
    """Return what a head reads of each input."""
    states: Tensor = head.states(reading, batch)
    return list(states)


def _of_texts(head: Any, reading: Reading, batch: Batch, inputs: Sequence[Any]) -> Sequence[Tensor]:
    """Return the states of each token for a head that reads tokens, else those of the texts."""
    if isinstance(head, TokenHead):
        return list(reading.hidden_BLD)
    rows = iter(reading.hidden_BLD)
    return [
        torch.stack([_texts_D(next(rows), packed) for packed in given.sequences]).mean(0) for given in inputs
    ]


def _texts_D(hidden_LD: Tensor, packed: Packed) -> Tensor:
    """Return the mean state of a whole input, (D,), or u, v, |u - v| and u * v of its two texts, (4 D,)."""
    length = len(packed.tokens)
    if len(packed.starts) == 1:
        return hidden_LD[:length].mean(0)
    ends = [*(start - 1 for start in packed.starts[1:]), length - 1]
    # A text without tokens has the state of the special token that ends it.
    u_D, v_D = (
        hidden_LD[start : max(end, start + 1)].mean(0) for start, end in zip(packed.starts, ends, strict=True)
    )
    return torch.cat([u_D, v_D, (u_D - v_D).abs(), u_D * v_D])


def _fitted(
    states_ND: Any,
    targets_N: Any,
    kind: TaskKind,
    penalties: Sequence[float],
    *,
    has_bias: bool,
    notes: Counter[str],
) -> Iterator[_Linear]:
    """Yield a linear model of the unscaled states for each value of C, which must ascend.

    It has a row for each class that there is, or one for numbers. The states are scaled in place.
    """
    deviations_D = np.maximum(states_ND.std(0), _LEAST_DEVIATION)
    # Without a bias nothing can be subtracted from the states either.
    means_D = states_ND.mean(0) if has_bias else np.zeros_like(deviations_D)
    states_ND -= means_D
    states_ND /= deviations_D
    fit = _fit_classes if kind.probe == "classes" else _fit_numbers
    for penalty in penalties:
        scaled_CD, offsets_C = fit(states_ND, targets_N, penalty, has_bias, notes)
        weights_CD = scaled_CD / deviations_D
        yield _Linear(weights_CD, offsets_C - weights_CD @ means_D)


def _fit_classes(states_ND: Any, targets_N: Any, penalty: float, has_bias: bool, notes: Counter[str]) -> Any:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    if len(np.unique(targets_N)) == 1:
        return np.zeros((1, states_ND.shape[1])), np.zeros(1)
    model = LogisticRegression(C=penalty, max_iter=_MOST_ITERATIONS, fit_intercept=has_bias)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        model.fit(states_ND, targets_N)
    notes["fits that did not converge"] += sum(issubclass(one.category, ConvergenceWarning) for one in caught)
    weights_CD, biases_C = model.coef_, np.broadcast_to(model.intercept_, len(model.coef_))
    if len(model.classes_) == 2:  # scikit-learn has one row of weights, for the second class
        return tuple(np.concatenate([-half / 2, half / 2]) for half in (weights_CD, biases_C))
    return weights_CD, biases_C


def _fit_numbers(states_ND: Any, targets_N: Any, penalty: float, has_bias: bool, notes: Counter[str]) -> Any:
    from sklearn.linear_model import Ridge

    # Ridge adds alpha |w|^2 to the sum of squares, logistic regression |w|^2 / 2 to C times the sum.
    model = Ridge(alpha=1 / penalty, fit_intercept=has_bias).fit(states_ND, targets_N)
    return model.coef_[None], np.broadcast_to(model.intercept_, 1)


def _of_all_classes(linear: _Linear, targets_N: Any, kind: TaskKind, config: TaskConfig) -> _Linear:
    """Return a model that also has a row for each class without an example, which it never answers."""
    if kind.probe != "classes":
        return linear
    known, count = np.unique(targets_N), len(config.labels)
    weights_CD = np.zeros((count, linear.weights_CD.shape[1]))
    biases_C = np.full(count, -np.inf)
    weights_CD[known], biases_C[known] = linear
    return _Linear(weights_CD, biases_C)


def _scores(trained: Trained, inputs: Sequence[Any], linears: Sequence[_Linear]) -> list[list[Any]]:
    """Return the scores of each input by each linear model, in the form of a head's."""
    kind, _ = task_of(trained)
    by_linear: list[list[Any]] = [[None] * len(inputs) for _ in linears]
    for number, rows_RD in _read(trained, inputs, _of_texts):
        for scores, (weights_CD, biases_C) in zip(by_linear, linears, strict=True):
            of_rows_RC = (rows_RD.numpy() @ weights_CD.T + biases_C).astype(np.float32)
            of_input = of_rows_RC if isinstance(inputs[number].target, list) else of_rows_RC[0]
            scores[number] = of_input[..., 0] if kind.probe == "numbers" else of_input
    return by_linear


def _figures(
    kind: TaskKind, config: TaskConfig, examples: Sequence[Example], answers: Sequence[Answer]
) -> dict[str, float]:
    golds, predicted = [one.gold for one in examples], [answer["predicted"] for answer in answers]
    return kind.measure(golds, predicted, config.scheme).figures
