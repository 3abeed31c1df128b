"""Ask a fine-tuned model about a few texts; `predict.py` takes examples of any kind of task."""

from collections.abc import Sequence
from typing import Any

from twinlm.checkpoint import Trained
from twinlm.data.labels.examples import Example
from twinlm.errors import DataError
from twinlm.use.predict import predict, task_of


def classify(trained: Trained, texts: Sequence[str | tuple[str, ...]]) -> list[dict[str, float]]:
    """Return P(class | text) for each text or pair of texts, by class, the most probable first.

    Raises:
        ModelError: the model was not fine-tuned for classification.
        DataError: a text is empty.
        UsageError: the model was fine-tuned for pairs and gets single texts, or the other way round.
    """
    _, config = task_of(trained, "classification")
    rows = [(text,) if isinstance(text, str) else text for text in texts]
    answers = asked(trained, "classification", rows)
    chances = [dict(zip(config.labels, answer["probabilities"], strict=True)) for answer in answers]
    return [dict(sorted(row.items(), key=lambda item: -item[1])) for row in chances]


def tag(trained: Trained, sentences: Sequence[Sequence[str]]) -> list[list[str]]:
    """Return a tag for each word of each sentence, given as lists of words.

    Raises:
        ModelError: the model was not fine-tuned for tagging.
        DataError: a sentence has no word.
    """
    return [answer["predicted"] for answer in asked(trained, "tagging", sentences)]


def similarity(trained: Trained, pairs: Sequence[tuple[str, str]]) -> list[float]:
    """Return the score of each pair of texts, in the unit of the training scores.

    Raises:
        ModelError: the model was not fine-tuned for similarity.
    """
    return [answer["predicted"] for answer in asked(trained, "similarity", pairs)]


def choose(trained: Trained, text: str, choices: Sequence[str]) -> list[float]:
    """Return P(choice | text) for each choice.

    Raises:
        ModelError: the model was not fine-tuned for choices.
        DataError: there are fewer than two choices.
    """
    if len(choices) < 2:
        raise DataError(f"choose among at least 2 choices, not {len(choices)}")
    chances: list[float] = asked(trained, "choice", [(text, *choices)])[0]["probabilities"]
    return chances


def answer(trained: Trained, question: str, context: str) -> dict[str, Any]:
    """Return the part of a context that answers a question.

    "predicted" is its text, empty if the model finds no answer, and "start" its first character in the
    context; "best" is the best answer in any case, "no_answer_margin" how much more likely "no answer" is.

    Raises:
        ModelError: the model was not fine-tuned for question answering.
        DataError: question or context is empty.
    """
    return asked(trained, "span_qa", [(question, context)])[0]


def asked(trained: Trained, kind: str, rows: Sequence[Sequence[str]]) -> list[dict[str, Any]]:
    """Return the answer of `predict` to each row of texts.

    Raises:
        ModelError: the model was not fine-tuned for this kind of task.
        DataError: a text is empty.
    """
    task_of(trained, kind)
    for number, row in enumerate(rows, 1):
        if not row or not all(text.strip() for text in row):
            raise DataError(f"item {number} has an empty text: {list(row)!r}"[:200])
    return predict(trained, [Example(str(number), tuple(row), None) for number, row in enumerate(rows)])
