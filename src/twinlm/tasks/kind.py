"""A kind of task: how its examples become inputs, and a head's scores become answers.

Each kind has its own file: classification.py, similarity.py, choice.py, tagging.py, span_qa.py; `table.py`
lists them. See `data/labels/forms.py` for rows of data and `metrics.py` for metrics.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from twinlm.batch import Batch, LabelledBatch
from twinlm.data.labels.examples import Example
from twinlm.data.labels.forms import Form
from twinlm.data.labels.values import Reading
from twinlm.data.sequences.packing import Pack, Packed, few_lengths, fit, pad_packed
from twinlm.tasks.baselines import Baseline
from twinlm.tasks.judging import Judging
from twinlm.tasks.metrics import Measured, is_one_answer
from twinlm.tokenizer import Tokenizer

CUT = "texts cut to the longest input"


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskConfig:
    """Everything beside the weights that a fine-tuned model needs for use."""

    kind: str
    """Name of the kind of task."""
    labels: tuple[str, ...] = ()
    """Classes or tags, in the order of the head's scores."""
    max_length: int
    """Longest input in tokens, with special tokens."""
    stride: int = 128
    """Tokens from one window of a long context to the next."""
    dropout: float
    """Dropout before the head, in training."""
    has_bias: bool = True
    """Whether the head's linear layer has a bias."""
    scheme: str = ""
    """Meaning of the labels, see `Form.scheme`."""
    fields: Mapping[str, str] = field(default_factory=dict)
    """Names of the fields in the files that it was trained on, where they differ from the usual ones."""
    reading: Reading = ""
    """How the labels of its training file were read; "" in models of earlier versions."""
    constants: Mapping[str, float] = field(default_factory=dict)
    """Numbers learned from examples, such as the mean score or the threshold for "no answer"."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reader:
    """Turns texts into inputs for one kind of model."""

    tokenizer: Tokenizer
    """Tokenizer of the model."""
    pack: Pack
    """Function that puts special tokens around texts."""
    reads_both_orders: bool
    """Whether two texts of equal rank are read in both orders."""
    labels_last_piece: bool
    """Whether a word's tag is read from the last of its tokens instead of the first."""

    def packed(self, rows: Sequence[Sequence[str]], max_length: int, counts: Counter[str]) -> list[Packed]:
        """Return an input for each row of texts, cut to `max_length` tokens; adds `CUT` to `counts`."""
        encoded = iter(self.tokenizer.encode_batch([text for row in rows for text in row]))
        inputs = []
        for row in rows:
            texts = [next(encoded) for _ in row]
            kept = fit(texts, max_length)
            counts[CUT] += sum(map(len, kept)) < sum(map(len, texts))
            inputs.append(self.pack(kept, self.tokenizer.specials))
        return inputs


@dataclass(frozen=True, slots=True)
class Input:
    """Input of one decision of a head."""

    example: int
    """Index of its example."""
    sequences: tuple[Packed, ...]
    """One sequence, or several that belong together."""
    target: Any
    """Target of the head, in the form of the kind's batches."""

    @property
    def length(self) -> int:
        """Number of tokens of the longest sequence."""
        return max(len(sequence.tokens) for sequence in self.sequences)


Scores = NDArray[np.float32]
"""A head's scores of one input."""
Answer = dict[str, Any]
"""Answer to an example: "predicted", and more that depends on the kind, such as probabilities."""


def collate(inputs: Sequence[Input], pad_id: int, length: int = 0) -> LabelledBatch:
    """Return a batch of decisions on whole sequences, padded to at least `length`."""
    batch = pad_packed([sequence for given in inputs for sequence in given.sequences], pad_id, length)
    counts_G = torch.tensor([len(given.sequences) for given in inputs])
    return LabelledBatch(
        tokens_BL=batch.tokens_BL,
        segments_BL=batch.segments_BL,
        real_BL=batch.real_BL,
        owners_B=torch.repeat_interleave(torch.arange(len(inputs)), counts_G),
        labels_G=torch.tensor([given.target for given in inputs]),
    )


@dataclass(frozen=True, slots=True)
class Metric:
    """What a kind of task is measured by, where its labels have one meaning."""

    measure: Callable[[Sequence[Any], Sequence[Any]], Measured]
    """Measures answers, from gold and predicted ones."""
    by_class: Callable[[Sequence[Any], Sequence[Any]], dict[str, float]] = lambda golds, predicted: {}
    """Returns the F1 of each class or type, from gold and predicted answers; empty without classes."""
    why: str = ""
    """Reason for this figure, to follow "because"; empty if the kind has no other."""
    meant: Callable[[Any], Any] = lambda answer: answer
    """Returns what an answer counts as: equal for answers that differ in spelling only."""

    def is_one_answer(self, answers: Sequence[Any]) -> bool:
        """Tell whether all examples, or all their words, got the same answer: training failed."""
        return is_one_answer(answers) or is_one_answer([self.meant(answer) for answer in answers])


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskKind:
    """One kind of task."""

    name: str
    """Name in settings and files."""
    form: Form
    """Form of its rows of data."""
    head: Callable[..., nn.Module]
    """Builds the head from width, outputs, dropout and has_bias."""
    outputs: Callable[[TaskConfig], int]
    """Returns the number of the head's scores for each state."""
    inputs: Callable[[Sequence[Example], Reader, TaskConfig, Counter[str]], Sequence[Any]]
    """Returns the examples' `Input`s; counts what was cut or lost."""
    answers: Callable[[Sequence[Example], Sequence[Any], Sequence[Scores], TaskConfig], list[Answer]]
    """Returns an answer for each example, from the scores of its inputs."""
    metrics: Mapping[str, Metric]
    """Metric for each meaning of the labels, `Form.scheme`."""
    baselines: Callable[[Sequence[Example], Sequence[Example], Sequence[Example]], list[Baseline]]
    """Fits what a model must beat on training and validation examples; returns its test answers."""
    judging: Judging
    """How single answers are judged."""
    probe: Literal["classes", "numbers", ""] = ""
    """What a linear model on frozen states predicts for an input or for each of its tokens; empty if the head
    ranks states against each other."""
    collate: Callable[[Sequence[Any], int, int], Batch] = collate
    """Returns a batch of inputs, padded with a token to at least a length; by default of whole sequences."""
    learn: Callable[[Sequence[Example]], dict[str, float]] = lambda examples: {}
    """Returns `TaskConfig.constants` from the training examples; by default none."""
    needs: tuple[str, ...] = ()
    """Names of required `TaskConfig.constants`."""
    tune: Callable[[Sequence[Example], Sequence[Any], Sequence[Scores], TaskConfig], dict[str, float]] = (
        lambda examples, inputs, scores, config: dict(config.constants)
    )
    """Returns `TaskConfig.constants` improved on validation examples, from their scores; by default as is."""
    named: Callable[[Answer, TaskConfig], Answer] = lambda answer, config: answer
    """Returns an answer with the names of classes, for people; by default as is."""
    scheme_before: Callable[[Sequence[Any]], str] = lambda golds: ""
    """Returns the meaning of gold answers by themselves, as versions before 0.2 took it from each split."""

    def metric(self, golds: Sequence[Any], scheme: str = "") -> Metric:
        """Return what gold answers are measured by; without a scheme, what these seem to mean."""
        return self.metrics[scheme or self.scheme_before(golds)]

    def measure(self, golds: Sequence[Any], predicted: Sequence[Any], scheme: str = "") -> Measured:
        """Measure answers, from gold and predicted ones."""
        return self.metric(golds, scheme).measure(golds, predicted)

    def batch(self, inputs: Sequence[Any], config: TaskConfig, pad_id: int) -> Batch:
        """Return a batch of inputs, padded to one of few lengths."""
        longest = max(given.length for given in inputs)
        return self.collate(inputs, pad_id, few_lengths(longest, config.max_length))

    def build_head(self, config: TaskConfig, width: int) -> nn.Module:
        """Return a head for states of a width."""
        return self.head(
            width=width, outputs=self.outputs(config), dropout=config.dropout, has_bias=config.has_bias
        )


def softmax(scores: Scores) -> NDArray[np.float64]:
    """Return probabilities, over the last axis."""
    weights = np.exp(scores.astype(np.float64) - scores.max(-1, keepdims=True))
    chances: NDArray[np.float64] = weights / weights.sum(-1, keepdims=True)
    return chances
