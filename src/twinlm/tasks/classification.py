"""Classification: one class for a text, or for two texts such as premise and hypothesis.

GPT: <start> A <extract>, <start> A <delimiter> B <extract> (Radford et al. 2018, 3.3); BERT: [CLS] A [SEP]
and [CLS] A [SEP] B [SEP] (Devlin et al. 2018, figure 4 a and b).
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from twinlm.batch import IGNORE
from twinlm.data.labels.examples import Example
from twinlm.data.labels.forms import CLASSIFICATION
from twinlm.errors import UsageError
from twinlm.tasks.baselines import class_baselines
from twinlm.tasks.heads import SequenceHead
from twinlm.tasks.judging import Decision, Judging, Said, has_chances, likeliest, surest
from twinlm.tasks.kind import Answer, Input, Metric, Reader, Scores, TaskConfig, TaskKind, softmax
from twinlm.tasks.metrics import f1_of_classes, of_classes

TEXTS = "texts"
"""Key in `TaskConfig.constants`: number of texts in an example."""


def learn(examples: Sequence[Example]) -> dict[str, float]:
    """Return how many texts the examples have."""
    return {TEXTS: float(len(examples[0].texts))}


def inputs(
    examples: Sequence[Example], reader: Reader, config: TaskConfig, counts: Counter[str]
) -> list[Input]:
    """Return one input for each example; the class of an unlabelled one is `IGNORE`."""
    texts_each = int(config.constants[TEXTS])
    if wrong := next((example for example in examples if len(example.texts) != texts_each), None):
        known = f"{texts_each} text{'s' * (texts_each != 1)}"
        message = f"this model classifies {known} at once, not {len(wrong.texts)}"
        raise UsageError(message, hint="pairs, with text_b_field, for a model of pairs; else single texts")
    numbers = {label: number for number, label in enumerate(config.labels)}
    rows = reader.packed([example.texts for example in examples], config.max_length, counts)
    return [
        Input(number, (row,), numbers.get(example.gold, IGNORE))
        for number, (row, example) in enumerate(zip(rows, examples, strict=True))
    ]


def answers(
    examples: Sequence[Example], inputs: Sequence[Input], scores: Sequence[Scores], config: TaskConfig
) -> list[Answer]:
    """Return the most probable class of each example, and P(class | texts) of all, as in `labels`."""
    rows: list[Answer] = []
    for chances_C in map(softmax, scores):
        rounded = [round(float(chance), 6) for chance in chances_C]
        rows.append({"predicted": config.labels[int(chances_C.argmax())], "probabilities": rounded})
    return rows


def named(answer: Answer, config: TaskConfig) -> Answer:
    """Return an answer with the probability of each class by its name."""
    return {**answer, "probabilities": dict(zip(config.labels, answer["probabilities"], strict=True))}


def decisions(golds: Sequence[str], rows: Sequence[Said], scheme: str) -> list[list[Decision]]:
    """Return the decision on each example: its class."""
    by_example = []
    for gold, said in zip(golds, rows, strict=True):
        is_right = said["predicted"] == gold
        by_example.append([Decision(gold, said["predicted"], is_right, float(is_right), surest(said), gold)])
    return by_example


def combined(rows: Sequence[Sequence[Said]], classes: Sequence[str]) -> list[str]:
    """Return the class with the highest mean probability over models."""
    return [classes[index] for index in likeliest(rows)]


def is_sound(gold: Any, said: Said, classes: Sequence[str]) -> bool:
    """Tell whether both are classes, and the probabilities those of the classes."""
    is_known = all(isinstance(name, str) and name in classes for name in (gold, said["predicted"]))
    return is_known and has_chances(said, len(classes))


KIND = TaskKind(
    name="classification",
    form=CLASSIFICATION,
    head=SequenceHead,
    outputs=lambda config: len(config.labels),
    learn=learn,
    needs=(TEXTS,),
    inputs=inputs,
    answers=answers,
    named=named,
    metrics={"": Metric(of_classes, f1_of_classes)},
    baselines=class_baselines,
    probe="classes",
    judging=Judging(
        right="the class is the true one",
        decisions=decisions,
        combined=combined,
        is_sound=is_sound,
    ),
)
