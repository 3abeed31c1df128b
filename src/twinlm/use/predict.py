"""Answers of a fine-tuned model to examples, for any kind of task."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import torch

from twinlm.checkpoint import Trained
from twinlm.data.labels.examples import Example
from twinlm.data.labels.unknown import unknown_labels
from twinlm.data.sequences.packing import by_length
from twinlm.data.text.rows import listed
from twinlm.errors import DataError, ModelError
from twinlm.system import hardware
from twinlm.system.arguments import check_list, checked
from twinlm.system.log import Progress, Silent
from twinlm.tasks.kind import Answer, Scores, TaskConfig, TaskKind
from twinlm.tasks.table import task_kind


@checked
def predict(
    trained: Trained,
    examples: Sequence[Example],
    *,
    progress: Progress | None = None,
    counts: Counter[str] | None = None,
) -> list[Answer]:
    """Return an answer for each example: "predicted", and more, depending on the kind of task.

    A classifier's "probabilities" are those of the classes by name, a choice's those of the choices in order.

    Args:
        trained: a fine-tuned model.
        examples: of its kind of task; their gold answers are not used.
        progress: reports progress.
        counts: counts of what was cut or lost are added to it.

    Raises:
        ModelError: the model was not fine-tuned.
        UsageError: the examples, or the texts of one, are not a list.
    """
    kind, config = task_of(trained)
    answers = answered(trained, examples, progress=progress, counts=counts)
    return [kind.named(answer, config) for answer in answers]


def answered(
    trained: Trained,
    examples: Sequence[Example],
    *,
    progress: Progress | None = None,
    counts: Counter[str] | None = None,
) -> list[Answer]:
    """Return the answers of `predict` as files of predictions hold them: probabilities are lists."""
    kind, config = task_of(trained)
    for index, example in enumerate(examples):
        check_list(example.texts, f"examples[{index}].texts")
    inputs = kind.inputs(
        examples, trained.family.reader(trained.tokenizer), config, Counter() if counts is None else counts
    )
    progress = progress or Silent()
    progress.start("answering", len(inputs), "inputs")
    scores = input_scores(trained, inputs, done=progress.advance)
    progress.finish()
    return kind.answers(examples, inputs, scores, config)


def task_of(trained: Trained, wanted: str = "") -> tuple[TaskKind, TaskConfig]:
    """Return the kind of task that a model was fine-tuned for, `wanted` if given, and its configuration."""
    if trained.task is None:
        message = "this model was only pre-trained and knows no task"
        raise ModelError(message, hint="fine-tune it first: twinlm finetune")
    if wanted and trained.task.kind != wanted:
        message = f"this model was fine-tuned for {trained.task.kind}, not for {wanted}"
        raise ModelError(message, hint="twinlm predict takes every kind of task")
    return task_kind(trained.task.kind), trained.task


def scheme_of(trained: Trained) -> str:
    """Return what a model's labels mean, `Form.scheme`; models of earlier versions do not say it."""
    kind, config = task_of(trained)
    return config.scheme or kind.scheme_before([config.labels])


def check_labels(trained: Trained, examples: Sequence[Example]) -> list[str]:
    """Check that a model knows the gold labels of examples it shall be measured on.

    A class must be one of the model's. A type of entity may be rare and missing in training, which counts as
    an error of the model; but if it knows none of the tags except O, they are another set. Of a known type, a
    tag of another scheme (U-LOC for B-LOC) is no error.

    Returns:
        Notes on tags that the model does not know.

    Raises:
        DataError: the labels are not the model's; names both sets.
    """
    kind, config = task_of(trained)
    labels = {example.id: kind.form.labels([example]) for example in examples}
    given = {label for own in labels.values() for label in own}
    unknown = unknown_labels(kind.form, scheme_of(trained), given, config.labels)
    is_refused = unknown.is_other_set or (kind.form.is_split_by_label and unknown.labels)
    named = unknown.all if is_refused else unknown.labels
    having = [name for name, own in labels.items() if {*own} & {*named}]
    share = f"{len(having):,} of {len(examples):,} examples"
    both = f"{listed(named)} (the first is {''.join(having[:1])}; the model knows {listed(config.labels)})"
    if is_refused:
        hint = "write the labels as in its training; is label_field the right column?"
        raise DataError(f"{share} have a label that the model does not know: {both}", hint=hint)
    notes = []
    if named:
        words = unknown.words(example.gold for example in examples)
        what = f"{words:,} words in {share} have tags that the model does not know, and count as errors"
        notes.append(f"{what}: {both}")
    if unknown.respelled:
        notes.append(f"tags that the model spells otherwise, read as its own: {listed(unknown.respelled)}")
    if unknown.strays:
        notes.append(f"tags that mark nothing and count as O: {listed(unknown.strays)}")
    return notes


def input_scores(
    trained: Trained, inputs: Sequence[Any], *, done: Callable[[int], None] = lambda count: None
) -> list[Scores]:
    """Return the head's scores of each input from `TaskKind.inputs`, in float32 in any case.

    `done` is called with the number of finished inputs.
    """
    kind, config = task_of(trained)
    assert trained.tuned is not None
    where = hardware.device()
    tuned = trained.tuned.to(where)
    was_training = tuned.training
    tuned.eval()
    scores: list[Any] = [None] * len(inputs)
    finished = 0
    with torch.inference_mode():
        for numbers in by_length([given.length * len(given.sequences) for given in inputs]):
            chosen = [inputs[number] for number in numbers]
            batch = kind.batch(chosen, config, trained.tokenizer.specials.pad)
            of_batch = tuned(batch.to(where)).float().cpu().numpy()
            for number, of_input in zip(numbers, of_batch, strict=True):
                scores[number] = of_input
            finished += len(numbers)
            done(finished)
    tuned.train(was_training)
    return scores
