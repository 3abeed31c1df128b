"""Fine-tuning of either kind for classification: all weights train on (Radford et al. 2018, 3.2;
Devlin et al. 2018, 3.2). The weights of the epoch that did best on the validation examples are kept.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from twinlm import checkpoint, rng, storage
from twinlm.batch import Batch, LabelledBatch
from twinlm.checkpoint import Classifier, Trained
from twinlm.core.initialize import draw, initialize
from twinlm.data import order
from twinlm.data.examples import Example
from twinlm.data.labelled_task import LabelledTask
from twinlm.data.packing import label, pad
from twinlm.log import Progress
from twinlm.objectives.fine_tuning import FineTuned, fine_tuning
from twinlm.settings import FinetuneSettings
from twinlm.stopping import Stop
from twinlm.tasks.heads import SequenceHead
from twinlm.train.loop import BEST, Job, train
from twinlm.train.optimizer import build_optimizer
from twinlm.train.schedule import learning_rate
from twinlm.use.classify import class_probabilities, packed_rows

RESULT = "fine-tuning.json"
_BATCHES_SORTED_TOGETHER = 8


def finetune(
    trained: Trained,
    task: LabelledTask,
    settings: FinetuneSettings,
    *,
    seed: int,
    precision: str,
    folder: Path,
    progress: Progress,
    stop: Stop,
) -> Trained:
    """Fine-tune a model, or go on from where it was stopped, and publish it as `folder/model`.

    Args:
        trained: the model to start from; its weights are changed in place.
        task: labelled texts.
        settings: how to train.
        seed: of the head's first weights, the order and dropout.
        precision: "float32" or "bfloat16".
        folder: of this run.
        progress: where to report.
        stop: set by signals.

    Raises:
        StoppedError: a signal came; the same call goes on.
        DivergedError: a loss is not finite.
    """
    if (folder / RESULT).is_file():
        return checkpoint.load_model(folder / "model")
    rows, cut = packed_rows(trained, [example.texts[0] for example in task.train], settings.max_length)
    tuned = _add_head(trained, len(task.classes), settings, seed)
    about = Classifier(classes=tuple(task.classes), max_length=settings.max_length, dropout=settings.dropout)
    result = replace(trained, classifier=about, tuned=tuned)
    job = _job(result, task, rows, settings, seed=seed, precision=precision, folder=folder)
    spent = {**train(job, progress=progress, stop=stop), "cut_texts": cut}
    tuned.cpu().eval()
    published = replace(result, history={**trained.history, "fine-tuning": spent})
    checkpoint.save_model(folder / "model", published)
    storage.write_json(folder / RESULT, spent)
    storage.remove(folder / "checkpoints")
    storage.remove(folder / BEST)
    return published


def class_numbers(examples: Sequence[Example], classes: Sequence[str]) -> list[int]:
    """Return the place of each example's label among the classes."""
    places = {name: place for place, name in enumerate(classes)}
    return [places[example.gold] for example in examples]


def _job(
    result: Trained,
    task: LabelledTask,
    rows: list[list[int]],
    settings: FinetuneSettings,
    *,
    seed: int,
    precision: str,
    folder: Path,
) -> Job:
    """Return the training run of a model under its fresh head on packed rows."""
    assert result.tuned is not None
    labels = class_numbers(task.train, task.classes)
    steps = max(1, round(settings.epochs * len(rows) / settings.batch_examples))
    auxiliary = result.family.auxiliary(settings.auxiliary_weight)
    start = "" if result.history else " without pre-training"

    def batches(step: int) -> Sequence[LabelledBatch]:
        chosen = rows_of_step(step, rows, settings.batch_examples, seed)
        padded = pad([rows[number] for number in chosen], result.tokenizer.specials.pad)
        return [label(padded, [labels[number] for number in chosen])]

    def flops(batch: Batch, targets: int) -> float:
        count, length = batch.tokens_BL.shape
        predicted = int(batch.real_BL[:, 1:].sum()) if auxiliary else 0
        sizes: Any = result.model.config
        return result.family.training_flops(sizes, sequences=count, length=length, targets=predicted)

    return Job(
        name=f"fine-tuning {result.family.label}{start} on {task.name}, seed {seed}",
        module=result.tuned,
        objective=fine_tuning(auxiliary),
        batches=batches,
        optimizer=build_optimizer(result.tuned, settings.optimizer),
        learning_rate=learning_rate(settings.optimizer, steps),
        validate=lambda: _validation_error(result, task.valid),
        flops=flops,
        steps=steps,
        validate_every=max(1, steps // settings.epochs),
        checkpoint_every=max(1, steps // settings.epochs),
        clip_norm=settings.optimizer.clip_norm,
        seed=rng.torch_seed(seed, "fine-tuning"),
        precision=precision,
        folder=folder,
    )


def rows_of_step(step: int, rows: Sequence[Sequence[int]], size: int, seed: int) -> list[int]:
    """Return the examples of a step: an endless shuffled order, in which texts of like length share a batch.

    A few batches' worth of examples is sorted by length, cut into batches, and those are shuffled: less
    padding, and every example still comes once a pass.
    """
    group, place = divmod(step, _BATCHES_SORTED_TOGETHER)
    count = size * _BATCHES_SORTED_TOGETHER
    numbers: list[int] = order.passes(group * count, count, len(rows), seed, "examples").tolist()
    numbers.sort(key=lambda number: len(rows[number]))
    turn = int(rng.stream(seed, "batches", group).permutation(_BATCHES_SORTED_TOGETHER)[place])
    return numbers[turn * size : (turn + 1) * size]


def _add_head(trained: Trained, classes: int, settings: FinetuneSettings, seed: int) -> FineTuned:
    """Put a fresh head on the model, and draw anew the tokens that pre-training never showed."""
    sizes: Any = trained.model.config
    head = SequenceHead(width=sizes.width, classes=classes, dropout=settings.dropout)
    generator = torch.Generator().manual_seed(rng.torch_seed(seed, "new tokens"))
    initialize(head, seed=rng.torch_seed(seed, "head"), is_truncated=trained.family.is_truncated)
    embedding: Any = trained.model.token_embedding
    for token in trained.family.fresh_tokens(trained.tokenizer.specials):
        draw(embedding.weight[token], generator, is_truncated=trained.family.is_truncated)
    return FineTuned(trained.model, head)


def _validation_error(trained: Trained, examples: Sequence[Example]) -> dict[str, float]:
    """Return the share of wrong answers, then the mean of -log P(label) in nats."""
    assert trained.classifier is not None
    probabilities_BC = class_probabilities(trained, [example.texts[0] for example in examples])
    labels_B = np.array(class_numbers(examples, trained.classifier.classes))
    wrong = float((probabilities_BC.argmax(1) != labels_B).mean())
    chance_B = np.maximum(probabilities_BC[np.arange(len(labels_B)), labels_B], 1e-12)
    return {"valid_error": wrong, "valid_task": float(-np.log(chance_B).mean())}
