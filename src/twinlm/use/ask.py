"""Ask a fine-tuned model about a few texts; `predict.py` takes examples of any kind of task."""

from collections.abc import Sequence
from typing import Any

from twinlm.checkpoint import Trained
from twinlm.data.labels.examples import Example
from twinlm.errors import DataError
from twinlm.system.arguments import check_list, check_many, checked
from twinlm.use.predict import predict, task_of


@checked
def classify(trained: Trained, texts: Sequence[str | tuple[str, ...]]) -> list[dict[str, float]]:
    """Return P(class | text) for each text or pair of texts, by class, the most probable first.

    Raises:
        ModelError: the model was not fine-tuned for classification.
        DataError: a text is empty.
        UsageError: the model was fine-tuned for pairs and gets single texts, or the other way round.
    """
    task_of(trained, "classification")
    check_many(texts, "texts")
    rows = [(text,) if isinstance(text, str) else text for text in texts]
    answers = asked(trained, "classification", rows, "texts")
    return [dict(sorted(row["probabilities"].items(), key=lambda item: -item[1])) for row in answers]


@checked
def tag(trained: Trained, sentences: Sequence[Sequence[str]]) -> list[list[str]]:
    """Return a tag for each word of each sentence, given as lists of words.

    Raises:
        ModelError: the model was not fine-tuned for tagging.
        DataError: a sentence has no word.
    """
    return [answer["predicted"] for answer in asked(trained, "tagging", sentences, "sentences")]


@checked
def similarity(trained: Trained, pairs: Sequence[tuple[str, str]]) -> list[float]:
    """Return the score of each pair of texts, in the unit of the training scores.

    Raises:
        ModelError: the model was not fine-tuned for similarity.
    """
    return [answer["predicted"] for answer in asked(trained, "similarity", pairs, "pairs")]


@checked
def choose(trained: Trained, text: str, choices: Sequence[str], *, question: str = "") -> list[float]:
    """Return P(choice | text) for each choice; with a question on the text for a model that was trained so.

    Raises:
        ModelError: the model was not fine-tuned for choices.
        DataError: there are fewer than two choices.
    """
    if len(choices) < 2:
        raise DataError(f"choose among at least 2 choices, not {len(choices)}")
    stem = (text, question) if question else (text,)
    row = asked(trained, "choice", [(*stem, *choices)], "choices", stem=len(stem))[0]
    chances: list[float] = row["probabilities"]
    return chances


@checked
def answer(trained: Trained, question: str, context: str) -> dict[str, Any]:
    """Return the part of a context that answers a question.

    "predicted" is its text, empty if the model finds no answer, and "start" its first character in the
    context; "best" is the best answer in any case, "no_answer_margin" how much more likely "no answer" is.

    Raises:
        ModelError: the model was not fine-tuned for question answering.
        DataError: question or context is empty.
    """
    return asked(trained, "span_qa", [(question, context)], "question")[0]


def asked(
    trained: Trained, kind: str, rows: Sequence[Sequence[str]], name: str, *, stem: int = 1
) -> list[dict[str, Any]]:
    """Return the answer of `predict` to each row of texts, an argument of that name."""
    blanks = task_of(trained, kind)[0].form.blanks
    check_list(rows, name, depth=2)
    for number, row in enumerate(rows, 1):
        if not len(row) or not all(text.strip(blanks) for text in row):
            raise DataError(f"item {number} has an empty text: {list(row)!r}"[:200])
    examples = [Example(str(number), tuple(row), None, stem=stem) for number, row in enumerate(rows)]
    return predict(trained, examples)
