"""Multiple choice: each choice is read together with the text and scored by itself; a softmax runs over the
scores (Radford et al. 2018, 3.3; Devlin et al. 2018, 4.4).
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from twinlm.batch import IGNORE
from twinlm.data.labels.examples import Example
from twinlm.data.labels.forms import CHOICE, QUESTION
from twinlm.data.sequences.packing import Packed, room
from twinlm.errors import UsageError
from twinlm.tasks.baselines import choice_baselines
from twinlm.tasks.heads import ChoiceHead
from twinlm.tasks.judging import Decision, Judging, Passage, Said, cut, has_chances, likeliest, surest
from twinlm.tasks.kind import CUT, Answer, Input, Metric, Reader, Scores, TaskConfig, TaskKind, softmax
from twinlm.tasks.metrics import of_places

CUT_QUESTIONS = "questions that are longer than an input, and were cut"


def inputs(
    examples: Sequence[Example], reader: Reader, config: TaskConfig, counts: Counter[str]
) -> list[Input]:
    """Return one input for each example, with a sequence for each choice.

    Raises:
        UsageError: an example has a question but the model was fine-tuned without, or the other way round.
    """
    stem = 2 if config.scheme == QUESTION else 1
    if any(example.stem != stem for example in examples):
        message = f"this model chooses {'with' if stem == 2 else 'without'} a question beside the text"
        raise UsageError(
            message, hint="set text_b_field for models with a question, and leave it out for others"
        )
    pairs = [(*example.texts[:stem], choice) for example in examples for choice in example.texts[stem:]]
    pack = _packed_with_question if stem == 2 else Reader.packed
    rows = iter(pack(reader, pairs, config.max_length, counts))
    return [
        Input(
            number,
            tuple(next(rows) for _ in example.texts[stem:]),
            IGNORE if example.gold is None else example.gold,
        )
        for number, example in enumerate(examples)
    ]


def _packed_with_question(
    reader: Reader, rows: Sequence[Sequence[str]], max_length: int, counts: Counter[str]
) -> list[Packed]:
    """Return "context question" with each choice as two texts; the context is cut first, then the choice."""
    encode, free = reader.tokenizer.encode_batch, room(max_length, 2)
    contexts, questions, choices = zip(*rows, strict=True)
    encoded = zip(encode(contexts), encode([f" {text}" for text in questions]), encode(choices), strict=True)
    inputs = []
    for context, question, choice in encoded:
        asked = question[: free - 1]
        said = choice[: free - len(asked)]
        kept = context[: free - len(asked) - len(said)]
        counts[CUT_QUESTIONS] += len(asked) < len(question)
        counts[CUT] += len(kept) + len(said) < len(context) + len(choice)
        inputs.append(reader.pack([[*kept, *asked], said], reader.tokenizer.specials))
    return inputs


def answers(
    examples: Sequence[Example], inputs: Sequence[Input], scores: Sequence[Scores], config: TaskConfig
) -> list[Answer]:
    """Return the index of the most probable choice of each example, and the probabilities of all."""
    rows: list[Answer] = []
    for one, scores_C in zip(inputs, scores, strict=True):
        chances_C = softmax(scores_C[: len(one.sequences)])
        rounded = [round(float(chance), 6) for chance in chances_C]
        rows.append({"predicted": int(chances_C.argmax()), "probabilities": rounded})
    return rows


def decisions(golds: Sequence[int], rows: Sequence[Said], scheme: str) -> list[list[Decision]]:
    """Return the decision on each example: the choice, counted from 1."""
    by_example = []
    for gold, said in zip(golds, rows, strict=True):
        is_right = said["predicted"] == gold
        names = [f"choice {index + 1}" for index in (gold, said["predicted"])]
        by_example.append([Decision(names[0], names[1], is_right, float(is_right), surest(said))])
    return by_example


def is_sound(gold: Any, said: Said, classes: Sequence[str]) -> bool:
    """Tell whether both are indices of choices, and each choice has a probability."""
    indices = [gold, said["predicted"]]
    if not all(type(index) is int and index >= 0 for index in indices):
        return False
    if "probabilities" not in said:
        return True
    chances = said["probabilities"]
    return isinstance(chances, list) and max(indices) < len(chances) and has_chances(said, len(chances))


def passage(texts: Sequence[str], place: int, gold: Any, scheme: str = "") -> Passage:
    """Return the text, the question if there is one, and the numbered choices."""
    stem = 2 if scheme == QUESTION else 1
    choices = [f"choice {number}: {cut(choice)}" for number, choice in enumerate(texts[stem:], 1)]
    return Passage([*map(cut, texts[:stem]), *choices])


KIND = TaskKind(
    name="choice",
    form=CHOICE,
    head=ChoiceHead,
    outputs=lambda config: 1,
    inputs=inputs,
    answers=answers,
    metrics={"": Metric(of_places), QUESTION: Metric(of_places)},
    baselines=choice_baselines,
    judging=Judging(
        right="the choice is the true one",
        decisions=decisions,
        combined=lambda rows, classes: likeliest(rows),
        is_sound=is_sound,
        passage=passage,
    ),
)
