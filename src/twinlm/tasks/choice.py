"""Which of several texts goes on with, or answers, a first one: each choice is read together with it, scored
by itself, and a softmax runs over the scores (Radford et al. 2018, 3.3; Devlin et al. 2018, 4.4).
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from twinlm.batch import IGNORE
from twinlm.data.labels.examples import Example
from twinlm.data.labels.forms import CHOICE
from twinlm.tasks.floors import choice_floors
from twinlm.tasks.heads import ChoiceHead
from twinlm.tasks.judging import Decision, Judging, Passage, Said, cut, has_chances, likeliest, surest
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


def decisions(golds: Sequence[int], rows: Sequence[Said]) -> list[list[Decision]]:
    """Return the one decision on each example: which choice, counted from 1 as people do."""
    found = []
    for gold, said in zip(golds, rows, strict=True):
        is_right = said["predicted"] == gold
        names = [f"choice {place + 1}" for place in (gold, said["predicted"])]
        found.append([Decision(names[0], names[1], is_right, float(is_right), surest(said))])
    return found


def combined(rows: Sequence[Sequence[Said]], classes: Sequence[str]) -> list[int]:
    """Return the place of the choice with the highest mean probability over models."""
    return likeliest(rows)


def is_sound(gold: Any, said: Said, classes: Sequence[str]) -> bool:
    """Tell whether both are places of choices, and each choice has a probability."""
    places = [gold, said["predicted"]]
    if not all(type(place) is int and place >= 0 for place in places):
        return False
    if "probabilities" not in said:
        return True
    chances = said["probabilities"]
    return isinstance(chances, list) and max(places) < len(chances) and has_chances(said, len(chances))


def passage(texts: Sequence[str], place: int, gold: Any) -> Passage:
    """Return the text, and its choices with their numbers."""
    choices = [f"choice {number}: {cut(choice)}" for number, choice in enumerate(texts[1:], 1)]
    return Passage([cut(texts[0]), *choices])


KIND = TaskKind(
    name="choice",
    form=CHOICE,
    head=ChoiceHead,
    outputs=lambda config: 1,
    inputs=inputs,
    answers=answers,
    measure=of_places,
    floors=choice_floors,
    judging=Judging(
        right="the choice is the true one",
        decisions=decisions,
        combined=combined,
        is_sound=is_sound,
        passage=passage,
    ),
)
