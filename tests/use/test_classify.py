import numpy as np
import pytest

from twinlm.errors import ModelError
from twinlm.use.classify import class_probabilities, classify

TEXTS = ["The red cat", "A big dog ran to the old house, and to the old house again", "tea"]


def test_probabilities_do_not_depend_on_what_else_is_in_the_batch(classifier):
    together = class_probabilities(classifier, TEXTS)
    alone = np.concatenate([class_probabilities(classifier, [text]) for text in TEXTS])
    np.testing.assert_allclose(together, alone, atol=1e-6)
    np.testing.assert_allclose(together.sum(1), 1, atol=1e-6)
    np.testing.assert_allclose(class_probabilities(classifier, TEXTS, batch_size=1), alone, atol=1e-6)


def test_classes_come_with_their_probabilities_best_first(classifier):
    for chances, row in zip(classify(classifier, TEXTS), class_probabilities(classifier, TEXTS), strict=True):
        assert list(chances.values()) == sorted(chances.values(), reverse=True)
        assert [chances[name] for name in ("cat", "dog", "tea")] == pytest.approx(row.tolist())


def test_a_model_without_a_task_is_refused(gpt):
    with pytest.raises(ModelError, match="fine-tune it first"):
        classify(gpt, TEXTS)
