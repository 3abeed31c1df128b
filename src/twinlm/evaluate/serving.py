"""Times the predictions of fine-tuned models: one by one and 32 at once, on real examples, models in turns.

Only times that were taken side by side are fit for a comparison: on a machine with other work a model
measured a minute later may seem twice as slow. So all models answer the same requests in each round, and
every round begins with another model. A request goes from texts to answers, through `use/predict.py`.
"""

import itertools
import os
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from twinlm import rng
from twinlm.checkpoint import Trained
from twinlm.core.count import TRAINING_OVER_FORWARD
from twinlm.data.labels.examples import Example
from twinlm.data.sequences.packing import few_lengths
from twinlm.errors import DataError
from twinlm.evaluate.serving_memory import peak_memory_bytes
from twinlm.evaluate.timings import ServingCost, Timing, spread
from twinlm.system import hardware
from twinlm.system.log import Progress, Silent
from twinlm.use.load import load
from twinlm.use.predict import predict, task_of

BATCHES = (1, 32)
"""Examples in a request: a person who waits, and a pile of work."""
BUDGET_S = 3.0
"""For each model and each size of request, the warm-up not included."""
_MOST_EXAMPLES = 256
_MOST_REQUESTS = 64
_MOST_ROUNDS = 40
_WARM_UP_SHARE = 0.25
"""Of the budget. What is answered in it is what each round answers: some four rounds or more fit into it."""

Request = Sequence[Example]


def measure_serving(
    trained: Trained,
    examples: Sequence[Example],
    *,
    budget_s: float = BUDGET_S,
    progress: Progress | None = None,
) -> ServingCost:
    """Return what the predictions of one model cost; see `measure_in_turns`."""
    return measure_in_turns({"model": trained}, examples, budget_s=budget_s, progress=progress)["model"]


def measure_in_turns(
    models: Mapping[str, Trained],
    examples: Sequence[Example],
    *,
    budget_s: float = BUDGET_S,
    progress: Progress | None = None,
) -> dict[str, ServingCost]:
    """Return what the predictions of each model cost, all measured on the same requests in turns.

    Args:
        models: fine-tuned models by name.
        examples: of their task, such as those of the test; gold answers are not looked at.
        budget_s: time for each model and size of request. One round is measured even if it takes longer.
        progress: where to report.

    Raises:
        DataError: there is no example.
        ModelError: a model was not fine-tuned.
    """
    if not examples:
        raise DataError("there is no example to time predictions on")
    chosen = _chosen(examples)
    counted = {name: _counted(trained, chosen) for name, trained in models.items()}
    others = _Others()
    timings = [_timings(models, requests_of(examples, batch), budget_s, progress) for batch in BATCHES]
    others_share = others.share()
    return {
        name: ServingCost(
            timings=[of_batch[name] for of_batch in timings],
            **counted[name],
            others_share=others_share,
            threads=torch.get_num_threads(),
            precision="float32",
            device=hardware.device().type,
        )
        for name in models
    }


def measure_folders(
    folders: Mapping[str, Path],
    examples: Sequence[Example],
    *,
    budget_s: float = BUDGET_S,
    progress: Progress | None = None,
) -> dict[str, ServingCost]:
    """Return what the predictions of the models in folders cost, with the memory that each takes by itself.

    The memory is that of a process of its own for each model, which takes a few seconds each: this process
    holds all models and whatever was done before.

    Args:
        folders: of fine-tuned models, by name.
        examples: as `measure_in_turns`.
        budget_s: as `measure_in_turns`.
        progress: where to report.

    Raises:
        DataError: there is no example.
        ModelError: there is no model in a folder, or it was not fine-tuned.
    """
    progress = progress or Silent()
    models = {name: load(folder) for name, folder in folders.items()}
    costs = measure_in_turns(models, examples, budget_s=budget_s, progress=progress)
    largest = BATCHES[-1]
    found = {}
    for name, cost in costs.items():
        requests = requests_of(examples, largest)[: cost.timing(largest).requests]
        memory = peak_memory_bytes(folders[name], requests, threads=cost.threads, progress=progress)
        found[name] = replace(cost, peak_memory_bytes=memory)
    return found


def requests_of(examples: Sequence[Example], batch: int) -> list[list[Example]]:
    """Return requests of `batch` examples each, always the same ones of the same examples.

    The examples are shuffled, as files are often sorted by class or length. Where they don't fill the last
    request it takes the first ones again.
    """
    chosen = _chosen(examples)
    count = min(_MOST_REQUESTS, -(-len(chosen) // batch))
    endless = itertools.cycle(chosen)
    return [list(itertools.islice(endless, batch)) for _ in range(count)]


def _chosen(examples: Sequence[Example]) -> list[Example]:
    shuffled = rng.stream(0, "requests").permutation(len(examples))
    return [examples[number] for number in shuffled[:_MOST_EXAMPLES]]


def _counted(trained: Trained, examples: Sequence[Example]) -> dict[str, Any]:
    """Return what is counted rather than timed; each example is padded as if it came alone."""
    kind, config = task_of(trained)
    assert trained.tuned is not None
    sizes: Any = trained.model.config
    inputs = kind.inputs(examples, trained.family.reader(trained.tokenizer), config, Counter())
    training_flops = sum(
        trained.family.training_flops(
            sizes,
            sequences=len(given.sequences),
            length=few_lengths(given.length, config.max_length),
            targets=0,
        )
        for given in inputs
    )
    lengths = [len(sequence.tokens) for given in inputs for sequence in given.sequences]
    return {
        "flops": training_flops / TRAINING_OVER_FORWARD / len(examples),
        "sequences": len(lengths) / len(examples),
        "tokens": sum(lengths) / len(examples),
        "weight_bytes": sum(weight.numel() * weight.element_size() for weight in trained.tuned.parameters()),
    }


def _timings(
    models: Mapping[str, Trained], requests: Sequence[Request], budget_s: float, progress: Progress | None
) -> dict[str, Timing]:
    """Time one size of request: warm up, then let the models answer in turns while the budget lasts."""
    progress = progress or Silent()
    batch = len(requests[0])
    progress.start(
        f"timing {', '.join(models)}, {batch} at once", max(1, round(budget_s * len(models))), "seconds"
    )
    warmed = [_warm_up(trained, requests, _WARM_UP_SHARE * budget_s) for trained in models.values()]
    requests = requests[: min(warmed)]
    names = list(models)
    times_s: dict[str, list[list[float]]] = {name: [] for name in names}
    began_s, spent_s = time.perf_counter(), 0.0
    while len(times_s[names[0]]) < _MOST_ROUNDS and (spent_s < budget_s * len(names) or not spent_s):
        first = len(times_s[names[0]]) % len(names)
        for name in names[first:] + names[:first]:
            times_s[name].append(_round(models[name], requests))
        spent_s = time.perf_counter() - began_s
        progress.advance(round(min(spent_s, budget_s * len(names))))
    progress.finish()
    return {
        name: Timing(
            batch=batch,
            requests=len(requests),
            request_s=spread([second for of_round in rounds for second in of_round], 5, 95),
            rounds_s=[sum(of_round) for of_round in rounds],
        )
        for name, rounds in times_s.items()
    }


def _warm_up(trained: Trained, requests: Sequence[Request], limit_s: float) -> int:
    """Answer requests until the time is up, one at least; return how many were answered.

    The very first answer is slow, and its time says nothing: libraries start their threads. So are, somewhat,
    those of each new length, for which a processor's kernels are made and kept.
    """
    predict(trained, requests[0])
    began_s = time.perf_counter()
    for number, request in enumerate(requests, 1):
        predict(trained, request)
        if time.perf_counter() - began_s > limit_s:
            return number
    return len(requests)


def _round(trained: Trained, requests: Sequence[Request]) -> list[float]:
    """Return how many seconds each request took."""
    times_s = []
    for request in requests:
        began_s = time.perf_counter()
        predict(trained, request)
        times_s.append(time.perf_counter() - began_s)
    return times_s


class _Others:
    """What other processes take of the processors' time, from now on."""

    def __init__(self) -> None:
        self._before = self._seconds()

    def share(self) -> float:
        """Return it as a share of all their time."""
        passed_s, others_s = (now - before for now, before in zip(self._seconds(), self._before, strict=True))
        return min(1.0, max(0.0, others_s / (passed_s * len(os.sched_getaffinity(0)))))

    def _seconds(self) -> tuple[float, float]:
        return time.perf_counter(), hardware.busy_seconds() - time.process_time()
