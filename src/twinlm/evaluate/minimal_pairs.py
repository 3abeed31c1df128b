"""How often a model finds the right one of two texts likelier (Warstadt et al. 2020): a forced choice, which
both kinds can make, each by its own likelihood. Next: `cloze.py`, with more than two to choose among.

A decoder goes by the log-probability of the text. An encoder goes by its pseudo-log-likelihood with the rest
of each word hidden (Salazar et al. 2020; Kauf & Ivanova 2023). Both are sums over all tokens: the two texts
of a pair are of like length, and a mean would favour a longer wrong one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from twinlm.checkpoint import Trained
from twinlm.data.probes.minimal_pairs import MinimalPair, by_phenomenon
from twinlm.objectives.likelihood import Stretch
from twinlm.system.log import Progress
from twinlm.tasks.metrics import Rights, Values
from twinlm.tokenizer import Tokenizer
from twinlm.use.inputs import room
from twinlm.use.score import likelihoods, method_of

_PREFERRED = ("pseudo-likelihood-l2r", "likelihood")


@dataclass(frozen=True, kw_only=True, slots=True)
class PairScores:
    """What one model made of pairs."""

    method: str
    """By which texts were scored."""
    pairs: tuple[MinimalPair, ...]
    """E of them."""
    good_E: Values
    """Score of each right text, in nats; comparable with that of its wrong one only."""
    bad_E: Values
    """Score of each wrong text."""

    @property
    def right_E(self) -> Values | Rights:
        """What each pair adds to the accuracy: 1 if the right text is likelier, 0 if not, 0.5 for a tie.

        Truth values if there is no tie, as the exact paired test wants them.
        """
        ties_E = self.good_E == self.bad_E
        rights_E: Rights = self.good_E > self.bad_E
        return rights_E + 0.5 * ties_E if ties_E.any() else rights_E

    @property
    def micro(self) -> float:
        """Accuracy over all pairs, each counting alike; chance is 0.5."""
        return float(self.right_E.mean())

    @property
    def macro(self) -> float:
        """Mean of the phenomena's accuracies, each phenomenon counting alike."""
        return float(np.mean([values_N.mean() for values_N in self.rights_by_phenomenon().values()]))

    def rights_by_phenomenon(self) -> dict[str, Values | Rights]:
        """Return the part of `right_E` that belongs to each phenomenon."""
        right_E = self.right_E
        return {name: right_E[places] for name, places in by_phenomenon(self.pairs).items()}


def score_pairs(
    trained: Trained,
    pairs: Sequence[MinimalPair],
    *,
    method: str | None = None,
    progress: Progress | None = None,
) -> PairScores:
    """Let a model choose between the texts of each pair.

    Args:
        trained: a model of either kind.
        pairs: that it can read; see `readable_pairs`.
        method: of `score_batch`; for a decoder "likelihood", for an encoder "pseudo-likelihood-l2r" if not
            given.
        progress: where to report.

    Raises:
        ModelError: the model was imported without what scores tokens.
        DataError: a text is too long.
        UsageError: the model's kind has no such method.
    """
    chosen = method or pair_method(trained)
    method_of(trained, chosen)
    sums = text_sums(trained, [text for pair in pairs for text in (pair.good, pair.bad)], chosen, progress)
    scores_E2 = np.array(sums).reshape(-1, 2)
    return PairScores(method=chosen, pairs=tuple(pairs), good_E=scores_E2[:, 0], bad_E=scores_E2[:, 1])


def pair_method(trained: Trained) -> str:
    """Return the method by which a model's kind scores pairs."""
    return next(method for method in _PREFERRED if method in trained.family.likelihoods)


def text_sums(
    trained: Trained, texts: Sequence[str], method: str | None, progress: Progress | None = None
) -> list[float]:
    """Return the sum over each text's tokens, in nats; what is equal to the model is scored once, so it ties.

    Raises:
        ModelError, DataError, UsageError: as `score.likelihoods`.
    """
    tokenizer = trained.tokenizer
    keys = [
        (tuple(tokens), tuple(tokenizer.words(text)))
        for text, tokens in zip(texts, tokenizer.encode_batch(texts), strict=True)
    ]
    places = {key: place for place, key in enumerate(dict.fromkeys(keys))}
    stretches = [Stretch(before=[], tokens=tokens, after=[], words=words) for tokens, words in places]
    sums = [sum(values) for values in likelihoods(trained, stretches, method, progress)]
    return [sums[places[key]] for key in keys]


def readable_pairs(models: Sequence[Trained], pairs: Sequence[MinimalPair]) -> tuple[MinimalPair, ...]:
    """Return the pairs of whose texts every model can read every token, so that all score the same ones."""
    return fitting_pairs([(trained.tokenizer, room(trained)) for trained in models], pairs)


def fitting_pairs(
    readers: Iterable[tuple[Tokenizer, int]], pairs: Sequence[MinimalPair]
) -> tuple[MinimalPair, ...]:
    """Return the pairs whose texts have a token, and at most so many, with every tokenizer."""
    texts = [text for pair in pairs for text in (pair.good, pair.bad)]
    fits_E2 = np.ones((len(pairs), 2), dtype=bool)
    for tokenizer, most in readers:
        rows = tokenizer.encode_batch(texts)
        fits_E2 &= np.array([0 < len(row) <= most for row in rows], dtype=bool).reshape(-1, 2)
    return tuple(pair for pair, fits_2 in zip(pairs, fits_E2, strict=True) if fits_2.all())
