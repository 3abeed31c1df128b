"""Time of a fine-tuning, measured on its first steps and a few predictions."""

import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

from twinlm.checkpoint import Trained
from twinlm.data.labels.task import LabelledTask
from twinlm.settings import FinetuneSettings
from twinlm.train.costs import usual_s
from twinlm.train.finetune import finetuning_job, steps_of, with_head
from twinlm.train.loop import timed_steps
from twinlm.use.predict import predict

_LEAST_STEPS = 6
_MOST_STEPS = 23  # 20 that count
_PROBED_S = 1.5
_PREDICTIONS = 64


def finetune_seconds(
    trained: Trained, task: LabelledTask, settings: FinetuneSettings, *, seed: int, precision: str
) -> float:
    """Return the expected time of a fine-tuning on all labels, with validations and test predictions.

    `trained` may be any model of the right sizes; its weights are changed.
    """
    began = time.perf_counter()
    result, inputs = with_head(trained, task, settings, seed=seed, counts=Counter())
    reading_s = time.perf_counter() - began
    job = finetuning_job(
        result,
        inputs,
        settings,
        name=f"timing {task.name}",
        validate=dict,
        steps=_MOST_STEPS,
        seed=seed,
        precision=precision,
        folder=Path(),
        averaging="step",
    )
    step_s = usual_s(
        timed_steps(replace(job, learning_rate=lambda step: 0.0), least=_LEAST_STEPS, enough_s=_PROBED_S)
    )
    predictions = (settings.epochs + 1) * len(task.valid) + len(task.test)  # after each epoch, and at the end
    return reading_s + steps_of(settings, len(inputs)) * step_s + predictions * _prediction_s(result, task)


def _prediction_s(result: Trained, task: LabelledTask) -> float:
    examples = task.test[:_PREDICTIONS]
    predict(result, examples)  # the first time is slower
    began = time.perf_counter()
    predict(result, examples)
    return (time.perf_counter() - began) / len(examples)
