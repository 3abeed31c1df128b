"""Estimators of scikit-learn: texts to vectors, classes and tags, in pipelines and grid searches.

from twinlm.notebook.estimators import TwinClassifier, TwinEmbedder
search = GridSearchCV(TwinClassifier("runs/my/bert"), {"epochs": [4, 8]}).fit(texts, labels)
words = make_pipeline(TwinEmbedder("runs/my/gpt"), LogisticRegression()).fit(texts, labels)
"""

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.model_selection import train_test_split
from sklearn.utils import Tags
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from twinlm.checkpoint import Trained, save_model
from twinlm.comparison.single import settings_of_folder
from twinlm.data.labels.examples import Example
from twinlm.data.labels.task import LabelledTask
from twinlm.errors import DataError, UsageError
from twinlm.settings import presets
from twinlm.system import hardware, storage
from twinlm.system.log import Silent
from twinlm.system.stopping import Stop
from twinlm.tasks.table import task_kind
from twinlm.train.finetune import finetune
from twinlm.use.ask import classify, tag
from twinlm.use.embed import Pooling, embed
from twinlm.use.load import load

Model = Trained | str | Path


class TwinEmbedder(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Turns texts into vectors, the states of a model that is not trained further; see `twinlm.embed`.

    Args:
        model: a model or its folder.
        pooling: "mean", "cls" or "last"; None for the model's own.
        layers: layers to read, the last by default.
        normalize: whether vectors have length 1; None for the model's own.
    """

    def __init__(
        self,
        model: Model,
        *,
        pooling: Pooling | None = None,
        layers: Sequence[int] = (-1,),
        normalize: bool | None = None,
    ) -> None:
        self.model = model
        self.pooling = pooling
        self.layers = layers
        self.normalize = normalize

    def fit(self, X: Sequence[str], y: Any = None) -> "TwinEmbedder":
        """Load the model; texts teach it nothing."""
        _texts(X)
        self.model_ = _loaded(self.model)
        return self

    def transform(self, X: Sequence[str]) -> NDArray[np.float32]:
        """Return a vector for each text, (N, E)."""
        check_is_fitted(self)
        texts = _texts(X)
        return embed(self.model_, texts, pooling=self.pooling, layers=self.layers, normalize=self.normalize)

    def __sklearn_tags__(self) -> Tags:
        return _text_tags(super().__sklearn_tags__())


class _Tuned(BaseEstimator):  # type: ignore[misc]
    """Fine-tunes a copy of a model on all examples but a share that chooses among the epochs."""

    _kind = ""

    def __init__(
        self,
        model: Model,
        *,
        epochs: int | None = None,
        learning_rate: float | None = None,
        settings: dict[str, Any] | None = None,
        valid_share: float = 0.1,
        seed: int = 1,
    ) -> None:
        self.model = model
        self.epochs = epochs
        self.learning_rate = learning_rate
        self.settings = settings
        self.valid_share = valid_share
        self.seed = seed

    def _fit(self, examples: Sequence[Example], classes: tuple[str, ...], strata: Any) -> None:
        if not 0 < self.valid_share < 1:
            raise UsageError(f"valid_share must be above 0 and below 1, not {self.valid_share}")
        train, valid = train_test_split(
            list(examples), test_size=self.valid_share, random_state=self.seed, stratify=strata
        )
        form = task_kind(self._kind).form
        task = LabelledTask(
            "task", tuple(train), tuple(valid), (), classes, self._kind, form.scheme(examples)
        ).as_read(form)
        with storage.scratch_folder() as folder:
            start = folder / "model" if isinstance(self.model, Trained) else self.model
            if isinstance(self.model, Trained):
                save_model(folder / "model", self.model)
            trained = load(start)
            settings = self._settings(str(start))
            self.model_ = finetune(
                trained,
                task,
                getattr(settings, trained.family.name).finetune,
                seed=self.seed,
                precision=hardware.precision(settings.precision),
                folder=folder / "tuned",
                progress=Silent(),
                stop=Stop(),
                title="fine-tuning",
            )

    def _settings(self, start: str) -> Any:
        given = dict(self.settings or {})
        if self.epochs is not None:
            given["finetune.epochs"] = self.epochs
        if self.learning_rate is not None:
            given["finetune.optimizer.learning_rate"] = self.learning_rate
        base, decided = settings_of_folder(start, None, given)
        return presets.resolve(
            None, {**{name: str(value) for name, value in given.items()}, **decided}, base=base
        )

    def __sklearn_tags__(self) -> Tags:
        return _text_tags(super().__sklearn_tags__())


class TwinClassifier(ClassifierMixin, _Tuned):  # type: ignore[misc]
    """Classifies texts with a fine-tuned model.

    Args:
        model: a pre-trained model or its folder; it is not changed.
        epochs: passes over the examples; None for the settings'.
        learning_rate: highest learning rate; None for the settings'.
        settings: other settings by name, such as {"finetune.batch_examples": 8}.
        valid_share: share of the examples that chooses among the epochs, above 0 and below 1.
        seed: seed of that choice, the head's first weights, the order of the data and dropout.
    """

    _kind = "classification"

    def fit(self, X: Sequence[str], y: Sequence[Any]) -> "TwinClassifier":
        """Fine-tune on texts and their classes, which may be texts or numbers."""
        texts = _texts(X)
        check_classification_targets(y)
        self.classes_, numbers = np.unique(np.asarray(y), return_inverse=True)
        _check_as_many(texts, numbers)
        if len(self.classes_) < 2:
            raise DataError(f"there is one class only: {self.classes_.tolist()}", hint="give at least two")
        # Named by their numbers: two classes of other types may be spelled alike.
        names = tuple(f"{number:09}" for number in range(len(self.classes_)))
        rows = zip(texts, numbers, strict=True)
        examples = [Example(str(index), (text,), names[number]) for index, (text, number) in enumerate(rows)]
        self._fit(examples, names, numbers)
        return self

    def predict_proba(self, X: Sequence[str]) -> NDArray[np.float64]:
        """Return P(class | text), (N, C), in the order of `classes_`."""
        check_is_fitted(self)
        rows = classify(self.model_, _texts(X))
        return np.array([[row[name] for name in sorted(row)] for row in rows])

    def predict(self, X: Sequence[str]) -> NDArray[Any]:
        """Return the most probable class of each text."""
        best: NDArray[Any] = self.classes_[self.predict_proba(X).argmax(1)]
        return best


class TwinTagger(_Tuned):
    """Tags each word of sentences, given as lists of words, with a fine-tuned model; see `TwinClassifier`."""

    _kind = "tagging"

    def fit(self, X: Sequence[Sequence[str]], y: Sequence[Sequence[str]]) -> "TwinTagger":
        """Fine-tune on sentences and the tags of their words."""
        _check_as_many(X, y)
        for index, (words, tags) in enumerate(zip(X, y, strict=True)):
            if isinstance(words, str) or len(words) != len(tags):
                message = f"X[{index}] has {len(words)} words, y[{index}] has {len(tags)} tags"
                if isinstance(words, str):
                    message = f"X[{index}] is a text, not a list of words"
                raise DataError(message)
        rows = enumerate(zip(X, y, strict=True))
        examples = [Example(str(index), tuple(words), tuple(tags)) for index, (words, tags) in rows]
        self.classes_ = sorted({tag for tags in y for tag in tags})
        self._fit(examples, tuple(self.classes_), None)
        return self

    def predict(self, X: Sequence[Sequence[str]]) -> list[list[str]]:
        """Return a tag for each word."""
        check_is_fitted(self)
        return tag(self.model_, [list(words) for words in X])

    def score(self, X: Sequence[Sequence[str]], y: Sequence[Sequence[str]]) -> float:
        """Return the share of words with the right tag."""
        pairs = [
            (found, wanted)
            for tags, golds in zip(self.predict(X), y, strict=True)
            for found, wanted in zip(tags, golds, strict=True)
        ]
        return sum(found == wanted for found, wanted in pairs) / len(pairs)


def _loaded(model: Model) -> Trained:
    return copy.copy(model) if isinstance(model, Trained) else load(model)


def _texts(texts: Any) -> list[str]:
    """Return texts as a list; scikit-learn hands over arrays and columns too."""
    if isinstance(texts, str):
        raise UsageError("X must be a list of texts, not one text", hint="write [text]")
    rows = texts.tolist() if hasattr(texts, "tolist") else list(texts)
    for index, row in enumerate(rows):
        if not isinstance(row, str):
            raise UsageError(f"X[{index}] must be a text, not {type(row).__name__}: {row!r:.60}")
    return rows


def _check_as_many(X: Any, y: Any) -> None:
    if len(X) != len(y):
        raise DataError(f"there are {len(X)} inputs and {len(y)} answers")


def _text_tags(tags: Tags) -> Tags:
    tags.input_tags.string = True
    tags.input_tags.two_d_array = False
    return tags
