"""Give each text, or each pair of texts, one of the classes that a model was fine-tuned for."""

from collections.abc import Sequence

from twinlm.checkpoint import Trained
from twinlm.use.ask import asked
from twinlm.use.predict import task_of


def classify(trained: Trained, texts: Sequence[str | tuple[str, str]]) -> list[dict[str, float]]:
    """Return P(class | text) for each text or pair of texts, by class, the most probable first.

    Raises:
        ModelError: the model was not fine-tuned for classification.
        DataError: a text is empty.
        UsageError: it was fine-tuned for pairs and gets single texts, or the other way round.
    """
    _, config = task_of(trained, "classification")
    rows = [(text,) if isinstance(text, str) else tuple(text) for text in texts]
    answers = asked(trained, "classification", rows)
    chances = [dict(zip(config.labels, answer["probabilities"], strict=True)) for answer in answers]
    return [dict(sorted(row.items(), key=lambda pair: -pair[1])) for row in chances]
