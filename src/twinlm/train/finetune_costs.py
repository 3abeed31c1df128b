"""How long a fine-tuning takes, measured on its first steps and a few answers.

Next: `finetune.py`, the fine-tuning itself, whose steps are the ones that are timed here.
"""

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
_MOST_STEPS = 23
_PROBED_S = 1.5
_ANSWERS = 64


def finetune_seconds(
    trained: Trained, task: LabelledTask, settings: FinetuneSettings, *, seed: int, precision: str
) -> float:
    """Return the time of a fine-tuning on all labels, with its validations and the answers to the test.

    Args:
        trained: a model of the right sizes, whatever its weights; they are changed.
        task: labelled examples.
        settings: how to train.
        seed: of the order.
        precision: "float32" or "bfloat16".
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
    )
    step_s = usual_s(
        timed_steps(replace(job, learning_rate=lambda step: 0.0), least=_LEAST_STEPS, enough_s=_PROBED_S)
    )
    answered = (settings.epochs + 1) * len(task.valid) + len(task.test)  # after each epoch, and at the end
    return reading_s + steps_of(settings, len(inputs)) * step_s + answered * _answer_s(result, task)


def _answer_s(result: Trained, task: LabelledTask) -> float:
    """Return the time of an answer among many, the second time that they are given."""
    asked = task.test[:_ANSWERS]
    predict(result, asked)
    began = time.perf_counter()
    predict(result, asked)
    return (time.perf_counter() - began) / len(asked)
