"""Ask a fine-tuned model about texts at hand; `predict.py` takes whole files of any kind of task."""

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
    """Return a tag for each word of each sentence.

    Args:
        trained: a model that was fine-tuned for tagging.
        sentences: each as its words.

    Raises:
        ModelError: the model was not fine-tuned for tagging.
        DataError: a sentence has no word.
    """
    return [answer["predicted"] for answer in asked(trained, "tagging", sentences)]


def similarity(trained: Trained, pairs: Sequence[tuple[str, str]]) -> list[float]:
    """Return the number for each pair of texts, in the unit of the training examples' scores.

    Raises:
        ModelError: the model was not fine-tuned for similarity.
    """
    return [answer["predicted"] for answer in asked(trained, "similarity", pairs)]


def choose(trained: Trained, text: str, choices: Sequence[str]) -> list[float]:
    """Return P(choice | text) of each choice.

    Raises:
        ModelError: the model was not fine-tuned for choices.
        DataError: there are fewer than two.
    """
    if len(choices) < 2:
        raise DataError(f"{len(choices)} choices: at least 2 are needed")
    chances: list[float] = asked(trained, "choice", [(text, *choices)])[0]["probabilities"]
    return chances


def answer(trained: Trained, question: str, context: str) -> dict[str, Any]:
    """Return the stretch of a context that answers a question.

    "predicted" is its text, empty if the model says that there is none, and "start" its first character in
    the context; "best" is the best answer in any case, "no_answer_margin" by how much "none" is more likely.

    Raises:
        ModelError: the model was not fine-tuned for question answering.
        DataError: question or context is empty.
    """
    return asked(trained, "span_qa", [(question, context)])[0]


def asked(trained: Trained, kind: str, rows: Sequence[Sequence[str]]) -> list[dict[str, Any]]:
    """Return the answer to each row of texts, as `predict` gives it.

    Raises:
        ModelError: the model was not fine-tuned for this kind of task.
        DataError: a text is empty.
    """
    task_of(trained, kind)
    for number, row in enumerate(rows, 1):
        if not row or not all(text.strip() for text in row):
            raise DataError(f"item {number} holds an empty text: {list(row)!r}"[:200])
    return predict(trained, [Example(str(number), tuple(row), None) for number, row in enumerate(rows)])
