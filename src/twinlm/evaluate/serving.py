"""Times predictions of fine-tuned models, one by one and 32 at once, on real examples, in alternation.

Only times measured side by side can be compared: on a busy machine, a model measured a minute later may
seem twice as slow. So in each round all models answer the same requests, and every round starts with
another model. A request covers all steps from texts to answers (`use/predict.py`).
"""

import itertools
import os
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from msgspec.structs import replace

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
"""Numbers of examples in a request: one for a person who waits, many for a backlog."""
BUDGET_S = 3.0
"""Seconds for each model and each size of request, without the warm-up."""
_MOST_EXAMPLES = 256
_MOST_REQUESTS = 64
_MOST_ROUNDS = 40
_WARM_UP_SHARE = 0.25  # requests answered in this share make up a round, so about four rounds fit

Request = Sequence[Example]


def measure_in_turns(
    models: Mapping[str, Trained],
    examples: Sequence[Example],
    *,
    budget_s: float = BUDGET_S,
    progress: Progress | None = None,
) -> dict[str, ServingCost]:
    """Return the cost of each model's predictions, measured on the same requests in alternation.

    `examples` are examples of the models' task, such as the test examples; gold answers are not used. Each
    model and size of request gets `budget_s` seconds, and one round in any case.
    """
    if not examples:
        raise DataError("there is no example to time predictions on")
    chosen = _chosen(examples)
    counted = {name: _counted(trained, chosen) for name, trained in models.items()}
    before_s = hardware.clocks()
    timings = [_timings(models, requests_of(examples, batch), budget_s, progress) for batch in BATCHES]
    passed_s, others_s = (now - before for now, before in zip(hardware.clocks(), before_s, strict=True))
    others_share = min(1.0, max(0.0, others_s / (passed_s * len(os.sched_getaffinity(0)))))
    return {
        name: ServingCost(
            timings=[of_batch[name] for of_batch in timings],
            **counted[name],
            others_share=others_share,
            peak_memory_bytes=None,
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
    """Return the cost of predictions as `measure_in_turns` does, with the memory of each model by itself."""
    progress = progress or Silent()
    models = {name: load(folder) for name, folder in folders.items()}
    costs = measure_in_turns(models, examples, budget_s=budget_s, progress=progress)
    largest = BATCHES[-1]
    # Each model gets a process of its own: this one holds all models and everything done before.
    for name, cost in costs.items():
        requests = requests_of(examples, largest)[: cost.timing(largest).requests]
        memory = peak_memory_bytes(folders[name], requests, threads=cost.threads, progress=progress)
        costs[name] = replace(cost, peak_memory_bytes=memory)
    return costs


def requests_of(examples: Sequence[Example], batch: int) -> list[list[Example]]:
    """Return requests of `batch` examples each, always the same for the same examples.

    The last request is filled up with the first examples.
    """
    chosen = _chosen(examples)
    count = min(_MOST_REQUESTS, -(-len(chosen) // batch))
    endless = itertools.cycle(chosen)
    return [list(itertools.islice(endless, batch)) for _ in range(count)]


def _chosen(examples: Sequence[Example]) -> list[Example]:
    # Files are often sorted by class or length.
    shuffled = rng.stream(0, "requests").permutation(len(examples))
    return [examples[number] for number in shuffled[:_MOST_EXAMPLES]]


def _counted(trained: Trained, examples: Sequence[Example]) -> dict[str, Any]:
    """Return the counted parts of the cost; each example is padded as if it came alone."""
    task_type, config = task_of(trained)
    assert trained.tuned is not None
    sizes: Any = trained.model.config
    inputs = task_type.inputs(examples, trained.family.reader(trained.tokenizer), config, Counter())
    training_flops = sum(
        trained.family.training_flops(
            sizes,
            sequences=len(one.sequences),
            length=few_lengths(one.length, config.max_length),
            targets=0,
        )
        for one in inputs
    )
    lengths = [len(sequence.tokens) for one in inputs for sequence in one.sequences]
    return {
        "flops": training_flops / TRAINING_OVER_FORWARD / len(examples),
        "sequences": len(lengths) / len(examples),
        "tokens": sum(lengths) / len(examples),
        "weight_bytes": sum(weight.numel() * weight.element_size() for weight in trained.tuned.parameters()),
    }


def _timings(
    models: Mapping[str, Trained], requests: Sequence[Request], budget_s: float, progress: Progress | None
) -> dict[str, Timing]:
    """Time one size of request: warm up, then let the models answer in alternation while the budget lasts."""
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
    """Answer requests until the time is up, at least one; return the number of answered requests."""
    # The very first prediction is slow, since libraries start their threads. So is, somewhat, the first of
    # each new length, for which a processor's kernels are compiled.
    predict(trained, requests[0])
    began_s = time.perf_counter()
    for number, request in enumerate(requests, 1):
        predict(trained, request)
        if time.perf_counter() - began_s > limit_s:
            return number
    return len(requests)


def _round(trained: Trained, requests: Sequence[Request]) -> list[float]:
    """Return the seconds of each request."""
    times_s = []
    for request in requests:
        began_s = time.perf_counter()
        predict(trained, request)
        times_s.append(time.perf_counter() - began_s)
    return times_s
