"""Which of several texts goes on with, or answers, a first one: each choice is read together with it, scored
by itself, and a softmax runs over the scores (Radford et al. 2018, 3.3; Devlin et al. 2018, 4.4).
"""

from collections import Counter
from collections.abc import Sequence

from twinlm.batch import IGNORE
from twinlm.data.examples import Example
from twinlm.data.forms import CHOICE
from twinlm.tasks.floors import choice_floors
from twinlm.tasks.heads import ChoiceHead
from twinlm.tasks.kind import Answer, Input, Reader, Scores, TaskConfig, TaskKind, softmax
from twinlm.tasks.metrics import of_places


def inputs(
    examples: Sequence[Example], reader: Reader, config: TaskConfig, counts: Counter[str]
) -> list[Input]:
    """Return one input for each example, with a sequence for each choice."""
    pairs = [(example.texts[0], choice) for example in examples for choice in example.texts[1:]]
    rows = iter(reader.packed(pairs, config.max_length, counts))
    return [
        Input(
            number,
            tuple(next(rows) for _ in example.texts[1:]),
            IGNORE if example.gold is None else example.gold,
        )
        for number, example in enumerate(examples)
    ]


def answers(
    examples: Sequence[Example], inputs: Sequence[Input], scores: Sequence[Scores], config: TaskConfig
) -> list[Answer]:
    """Return the place of the most probable choice of each example, and the probabilities of all."""
    found = []
    for given, scores_C in zip(inputs, scores, strict=True):
        chances_C = softmax(scores_C[: len(given.sequences)])
        rounded = [round(float(chance), 6) for chance in chances_C]
        found.append({"predicted": int(chances_C.argmax()), "probabilities": rounded})
    return found


KIND = TaskKind(
    name="choice",
    form=CHOICE,
    head=ChoiceHead,
    outputs=lambda config: 1,
    inputs=inputs,
    answers=answers,
    measure=of_places,
    floors=choice_floors,
)
