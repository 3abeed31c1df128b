"""Which word belongs in a gap of held-out text: a choice that each kind of model makes by what it sees.

    kind      scored text                                       seen text
    decoder   the text with the choice in it                    for each token, the tokens before it
              the text up to the choice                         the text before the gap
    encoder   the choice (pseudo-likelihood, word masked)       both sides of the gap
              the text with the choice in it                    for each token, all other tokens

The first of each kind uses all of the text; the second shows the value of the rest.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from twinlm.checkpoint import Trained
from twinlm.data.probes.gaps_from_text import ClozeItem
from twinlm.evaluate.minimal_pairs import pair_method, text_sums
from twinlm.objectives.likelihood import Stretch
from twinlm.system.arguments import checked
from twinlm.system.log import Progress
from twinlm.tasks.metrics import Rights, Values
from twinlm.tokenizer import Tokenizer
from twinlm.use.inputs import room
from twinlm.use.score import likelihoods


@dataclass(frozen=True, kw_only=True, slots=True)
class ClozeScores:
    """Choices of one model by one view of the text."""

    sees: str
    """Scored and seen part of the text."""
    method: str
    """Method of scoring."""
    items: tuple[ClozeItem, ...]
    """Cloze items, E of them."""
    scores_EC: Values
    """Score of each choice in nats, the right choice first; comparable within one item only."""

    @property
    def right_E(self) -> Values | Rights:
        """Contribution of each item to the accuracy: 1 for a right choice, a share if tied, else 0."""
        best_EC = self.scores_EC == self.scores_EC.max(axis=1, keepdims=True)
        shared_E: Values = best_EC[:, 0] / best_EC.sum(axis=1)
        rights_E: Rights = shared_E == 1
        return rights_E if np.isin(shared_E, (0, 1)).all() else shared_E

    @property
    def accuracy(self) -> float:
        """Share of items whose right word was chosen."""
        return float(self.right_E.mean())

    @property
    def chance(self) -> float:
        """Accuracy of a blind guess."""
        choices: int = self.scores_EC.shape[1]
        return 1 / choices


@checked
def score_cloze(
    trained: Trained, items: Sequence[ClozeItem], *, progress: Progress | None = None
) -> list[ClozeScores]:
    """Let a model choose a word for each gap, by each view of its kind; the one that sees most first."""
    views = _DECODER_VIEWS if trained.family.is_generative else _ENCODER_VIEWS
    return [
        ClozeScores(
            sees=sees,
            method=pair_method(trained),
            items=tuple(items),
            scores_EC=np.array(score(trained, items, progress)).reshape(len(items), -1),
        )
        for sees, score in views.items()
    ]


@checked
def readable_items(models: Sequence[Trained], items: Sequence[ClozeItem]) -> tuple[ClozeItem, ...]:
    """Return the items that every model can read whole, with each of their choices."""
    return fitting_items([(trained.tokenizer, room(trained)) for trained in models], items)


def fitting_items(
    readers: Sequence[tuple[Tokenizer, int]], items: Sequence[ClozeItem]
) -> tuple[ClozeItem, ...]:
    """Return the items that fit into every reader, a tokenizer and its most tokens, with each choice."""
    return tuple(
        item
        for item in items
        if all(len(row) <= most for tokenizer, most in readers for row in tokenizer.encode_batch(item.texts))
    )


_View = Callable[[Trained, Sequence[ClozeItem], Progress | None], list[float]]


def _of_whole_texts(trained: Trained, items: Sequence[ClozeItem], progress: Progress | None) -> list[float]:
    texts = [text for item in items for text in item.texts]
    return text_sums(trained, texts, pair_method(trained), progress)


def _of_beginnings(trained: Trained, items: Sequence[ClozeItem], progress: Progress | None) -> list[float]:
    texts = [item.before + choice for item in items for choice in item.choices]
    return text_sums(trained, texts, pair_method(trained), progress)


def _of_choices(trained: Trained, items: Sequence[ClozeItem], progress: Progress | None) -> list[float]:
    choices = [(item, choice) for item in items for choice in item.choices]
    texts = [item.before + choice + item.after for item, choice in choices]
    encoded = trained.tokenizer.encode_with_offsets(texts)
    stretches = []
    for (item, choice), text, (tokens, offsets) in zip(choices, texts, encoded, strict=True):
        begin, end = len(item.before), len(item.before) + len(choice)
        inside = [index for index, (a, b) in enumerate(offsets) if a < end and b > begin]
        first, after = inside[0], inside[-1] + 1
        words = trained.tokenizer.words(text)
        stretches.append(
            Stretch(
                before=tokens[:first],
                tokens=tokens[first:after],
                after=tokens[after:],
                words=words[first:after],
            )
        )
    return [sum(values) for values in likelihoods(trained, stretches, pair_method(trained), progress)]


_DECODER_VIEWS: dict[str, _View] = {
    "the whole text, each token after those before it": _of_whole_texts,
    "the text up to the word, from what stands before it": _of_beginnings,
}
_ENCODER_VIEWS: dict[str, _View] = {
    "the word, from both sides of it": _of_choices,
    "the whole text, each token among all others": _of_whole_texts,
}
