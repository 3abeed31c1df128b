"""How often a model finds the right one of two texts likelier (Warstadt et al. 2020): a forced choice, which
both kinds can make, each by its own likelihood. Next: `cloze.py`, a choice among more than two.

A decoder uses the log-probability of the text, an encoder the pseudo-log-likelihood with the rest of each
word masked (Salazar et al. 2020; Kauf & Ivanova 2023). Both are sums over all tokens: the two texts have
similar lengths, and a mean would favour a longer wrong one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from twinlm.checkpoint import Trained
from twinlm.data.probes.minimal_pairs import MinimalPair, by_phenomenon
from twinlm.objectives.likelihood import Stretch
from twinlm.system.arguments import checked
from twinlm.system.log import Progress
from twinlm.tasks.metrics import Rights, Values
from twinlm.tokenizer import Tokenizer
from twinlm.use.inputs import room
from twinlm.use.score import likelihoods, method_of

_PREFERRED = ("pseudo-likelihood-l2r", "likelihood")  # plain pseudo-likelihood favours words of many tokens


@dataclass(frozen=True, kw_only=True, slots=True)
class PairScores:
    """Scores of one model for minimal pairs."""

    method: str
    """Method of scoring."""
    pairs: tuple[MinimalPair, ...]
    """Minimal pairs, E of them."""
    good_E: Values
    """Score of each right text in nats; comparable with that of its wrong text only."""
    bad_E: Values
    """Score of each wrong text in nats."""

    @property
    def right_E(self) -> Values | Rights:
        """Contribution of each pair to the accuracy: 1 if its right text is likelier, 0.5 for a tie, or 0."""
        # Truth values where there is no tie, as the exact paired test takes them.
        ties_E = self.good_E == self.bad_E
        rights_E: Rights = self.good_E > self.bad_E
        return rights_E + 0.5 * ties_E if ties_E.any() else rights_E

    @property
    def micro(self) -> float:
        """Accuracy over all pairs with equal weights; chance is 0.5."""
        return float(self.right_E.mean())

    @property
    def macro(self) -> float:
        """Mean of the accuracies of all phenomena, with equal weights."""
        return float(np.mean([values_N.mean() for values_N in self.rights_by_phenomenon().values()]))

    def rights_by_phenomenon(self) -> dict[str, Values | Rights]:
        """Return the values of `right_E` for each phenomenon."""
        right_E = self.right_E
        return {name: right_E[indices] for name, indices in by_phenomenon(self.pairs).items()}


@checked
def score_pairs(
    trained: Trained,
    pairs: Sequence[MinimalPair],
    *,
    method: str | None = None,
    progress: Progress | None = None,
) -> PairScores:
    """Let a model choose between the texts of each pair, which it must be able to read (`readable_pairs`).

    `method` is one of `score_batch`'s; by default "likelihood" for a decoder, "pseudo-likelihood-l2r" for an
    encoder.
    """
    chosen = method or pair_method(trained)
    method_of(trained, chosen)
    sums = text_sums(trained, [text for pair in pairs for text in (pair.good, pair.bad)], chosen, progress)
    scores_E2 = np.array(sums).reshape(-1, 2)
    return PairScores(method=chosen, pairs=tuple(pairs), good_E=scores_E2[:, 0], bad_E=scores_E2[:, 1])


def pair_method(trained: Trained) -> str:
    """Return the default method for pairs of a model's kind."""
    return next(method for method in _PREFERRED if method in trained.family.likelihoods)


def text_sums(
    trained: Trained, texts: Sequence[str], method: str | None, progress: Progress | None = None
) -> list[float]:
    """Return the sum over the tokens of each text, in nats; errors are those of `score.likelihoods`."""
    tokenizer = trained.tokenizer
    # Texts of equal tokens are scored once, so that they tie: in another batch the last bits may differ.
    keys = [
        (tuple(tokens), tuple(tokenizer.words(text)))
        for text, tokens in zip(texts, tokenizer.encode_batch(texts), strict=True)
    ]
    indices = {key: index for index, key in enumerate(dict.fromkeys(keys))}
    stretches = [Stretch(before=[], tokens=tokens, after=[], words=words) for tokens, words in indices]
    sums = [sum(values) for values in likelihoods(trained, stretches, method, progress)]
    return [sums[indices[key]] for key in keys]


@checked
def readable_pairs(models: Sequence[Trained], pairs: Sequence[MinimalPair]) -> tuple[MinimalPair, ...]:
    """Return the pairs that every model can read whole, so that all models score the same pairs."""
    return fitting_pairs([(trained.tokenizer, room(trained)) for trained in models], pairs)


def fitting_pairs(
    readers: Iterable[tuple[Tokenizer, int]], pairs: Sequence[MinimalPair]
) -> tuple[MinimalPair, ...]:
    """Return the pairs of nonempty texts that fit into every reader, a tokenizer and its most tokens."""
    texts = [text for pair in pairs for text in (pair.good, pair.bad)]
    fits_E2 = np.ones((len(pairs), 2), dtype=bool)
    for tokenizer, most in readers:
        rows = tokenizer.encode_batch(texts)
        fits_E2 &= np.array([0 < len(row) <= most for row in rows], dtype=bool).reshape(-1, 2)
    return tuple(pair for pair, fits_2 in zip(pairs, fits_E2, strict=True) if fits_2.all())
