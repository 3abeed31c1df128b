"""A classifier that starts from a linear probe: a logistic regression on the states of the pre-trained model.

With few labels a random head distorts the states before it has learned to read them; one that reads them
from the first step on does not (Kumar et al. 2022, "Fine-tuning can distort pretrained features", 3).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from twinlm.checkpoint import Trained
from twinlm.data.sequences.packing import by_length
from twinlm.system import hardware
from twinlm.tasks.heads import SequenceHead
from twinlm.train.ranks import ALONE, Ranks
from twinlm.use.predict import task_of

_INVERSE_PENALTY = 0.03  # of weights on states of deviation 1; docs/log.md
_MOST_INPUTS = 20_000
_MOST_ITERATIONS = 1000
_LEAST_DEVIATION = 1e-6


def start_from_probe(trained: Trained, inputs: Sequence[Any], ranks: Ranks = ALONE) -> bool:
    """Set the weights of a classifier's head to those of a linear probe; tell whether there is one.

    There is none for other heads, if a class has no example, or if a state is not finite.
    """
    assert trained.tuned is not None
    head: Any = trained.tuned.head
    if not isinstance(head, SequenceHead):
        return False
    # Another processor may round the states differently, and all processes must start from equal weights.
    weights = ranks.from_leader(lambda: _probe(trained, _some(inputs), has_bias=head.score.bias is not None))
    if weights is None:
        return False
    with torch.no_grad():
        for name, values in weights.items():
            own = head.score.get_parameter(name)
            own.copy_(torch.tensor(values, dtype=own.dtype))
    return True


def _some(inputs: Sequence[Any]) -> list[Any]:
    """Return at most about `_MOST_INPUTS` inputs, and all of the classes that these lack."""
    some = list(inputs[:: -(-len(inputs) // _MOST_INPUTS)])
    classes = {one.target for one in some}
    return some + [one for one in inputs if one.target not in classes]


def _probe(trained: Trained, inputs: Sequence[Any], *, has_bias: bool) -> dict[str, Any] | None:
    """Return the weights of a logistic regression for all classes, (C, D), and its biases, (C,)."""
    states_ND, classes_N = _states(trained, inputs)
    assert trained.task is not None
    if len(np.unique(classes_N)) < max(2, len(trained.task.labels)) or not np.isfinite(states_ND).all():
        return None
    from sklearn.linear_model import LogisticRegression

    deviations_D = np.maximum(states_ND.std(0), _LEAST_DEVIATION)
    # Without a bias nothing can be subtracted from the states either.
    means_D = states_ND.mean(0) if has_bias else np.zeros_like(deviations_D)
    probe = LogisticRegression(C=_INVERSE_PENALTY, max_iter=_MOST_ITERATIONS, fit_intercept=has_bias)
    probe.fit((states_ND - means_D) / deviations_D, classes_N)
    weights_CD = probe.coef_ / deviations_D
    biases_C = probe.intercept_ - weights_CD @ means_D
    if len(probe.classes_) == 2:  # scikit-learn has one row of weights, for the second class
        weights_CD, biases_C = (np.concatenate([-half / 2, half / 2]) for half in (weights_CD, biases_C))
    return {"weight": weights_CD.tolist(), **({"bias": biases_C.tolist()} if has_bias else {})}


def _states(trained: Trained, inputs: Sequence[Any]) -> tuple[Any, Any]:
    """Return the summary of each input, (N, D), and its class, (N,)."""
    kind, config = task_of(trained)
    where = hardware.device()
    tuned: Any = trained.tuned
    tuned.to(where).eval()
    states, classes = [], []
    with torch.no_grad():
        for numbers in by_length([given.length * len(given.sequences) for given in inputs]):
            batch: Any = kind.batch(
                [inputs[number] for number in numbers], config, trained.tokenizer.specials.pad
            )
            states.append(tuned.read(batch.to(where)).summary_BD.double().cpu())
            classes.append(batch.labels_G)
    tuned.train()
    return torch.cat(states).numpy(), torch.cat(classes).numpy()
