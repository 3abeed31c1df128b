"""How long documents and sentences are, and how many of BERT's pairs would be random.

The forecast makes the pairs of the first documents of a store, by both ways that there are.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twinlm import rng
from twinlm.data.sequences.chunks import ADVICE, LEAST_USABLE_SHARE
from twinlm.data.sequences.google_pairs import GooglePairs
from twinlm.data.sequences.sentence_pairs import SentencePairs
from twinlm.data.tokens.store import TokenStore
from twinlm.doctor.checks.findings import Checked, Finding, level_of, quantiles
from twinlm.errors import DataError
from twinlm.settings import PretrainSettings

UNREAD_SHARE = 0.05
"""Of the text in documents of one sentence, which balanced pairs leave out, from which on it is a warning."""
SINGLE_SHARE = 0.2
"""Of the documents, which have one sentence, from which on it is worth a note: they may be headings."""
RANDOM_SHARE = 0.6
"""Of the released code's pairs, from which on it is a warning: 55 % are random in long documents."""
MOST_RANDOM_SHARE = 0.9
"""The same for a problem."""
MOST_PAIRS = 2000


@dataclass(frozen=True, slots=True)
class Forecast:
    """What next sentence prediction would be trained on."""

    pairs: int
    """Pairs that the released code's way makes of these documents."""
    google_share: float
    """The share of them whose B is random."""
    balanced_share: float | None
    """The share of random ones among pairs made the balanced way; None if that refuses the text."""
    unread_share: float
    """The share of the tokens in documents of one sentence, which balanced pairs leave out."""


def forecast_pairs(store: TokenStore, *, length: int, short_share: float, seed: int) -> Forecast:
    """Make the pairs of a store and count the random ones.

    Args:
        store: documents.
        length: of a packed pair.
        short_share: as `pretrain.short_share`.
        seed: as that of the run.
    """
    google = GooglePairs(store, length=length, seed=seed, short_share=short_share, variants=0).layout(0)
    tokens_E = document_tokens(store)
    is_single_E = np.diff(store.documents_E) == 1
    balanced = None
    try:
        pairs = SentencePairs(store, length=length, seed=seed, short_share=short_share)
    except DataError:
        pass
    else:
        chance = rng.stream(seed, "data doctor")
        rows = [pairs.row(turn, place, chance) for turn, place in pairs.indices(0, MOST_PAIRS)]
        balanced = sum(row.label for row in rows) / len(rows)
    return Forecast(
        pairs=len(google),
        google_share=float(google[:, 4].mean()),
        balanced_share=balanced,
        unread_share=float(tokens_E[is_single_E].sum() / tokens_E.sum()),
    )


def document_tokens(store: TokenStore) -> NDArray[np.int64]:
    """Return the number of tokens of each document."""
    ends_E = store.sentences_S2[store.documents_E[1:] - 1, 1]
    tokens_E: NDArray[np.int64] = ends_E - store.sentences_S2[store.documents_E[:-1], 0]
    return tokens_E


def check_lengths(store: TokenStore, settings: PretrainSettings, *, label: str, seed: int) -> Checked:
    """Say how documents and sentences fit the lengths of a model that reads pairs of sentences.

    Args:
        store: the documents to judge by.
        settings: of the model's pre-training.
        label: the model's name.
        seed: of the run.
    """
    tokens_E = document_tokens(store)
    tokens_S = np.diff(store.sentences_S2)[:, 0]
    room = settings.length - 3
    single_share = store.single_sentence_count / store.document_count
    forecast = forecast_pairs(store, length=settings.length, short_share=settings.short_share, seed=seed)
    facts = {
        "documents": store.document_count,
        "tokens a document": quantiles(tokens_E),
        "tokens a sentence": quantiles(tokens_S),
        "sentences a document": quantiles(np.diff(store.documents_E)),
        "documents of one sentence": round(single_share, 6),
        "text in documents of one sentence": round(forecast.unread_share, 6),
        f"documents longer than {settings.length} tokens": round(
            float((tokens_E > settings.length).mean()), 6
        ),
        f"sentences longer than {room} tokens": round(float((tokens_S > room).mean()), 6),
        "random pairs, as the released code makes them": round(forecast.google_share, 6),
        "random pairs, balanced": forecast.balanced_share,
    }
    judge = {"google": _of_google, "balanced": _of_balanced}[settings.pairs]
    findings = () if settings.sentence_task == "none" else tuple(judge(label, forecast, single_share))
    return Checked(facts, findings)


def _of_google(label: str, forecast: Forecast, single_share: float) -> Iterator[Finding]:
    if forecast.google_share >= RANDOM_SHARE:
        yield Finding(
            level="problem" if forecast.google_share >= MOST_RANDOM_SHARE else "warning",
            where=f"{label}, next sentences",
            message=f'with pretrain.pairs = "google" {forecast.google_share:.0%} of the pairs would be '
            "random "
            f"({single_share:.0%} of the documents have one sentence)",
            why=f"{label} would be right in {forecast.google_share:.0%} of the cases by always saying "
            '"random", and '
            "learn little else from the task",
            hint=f'set pretrain.pairs = "balanced", or {ADVICE}',
        )


def _of_balanced(label: str, forecast: Forecast, single_share: float) -> Iterator[Finding]:
    share = forecast.unread_share
    if forecast.balanced_share is None:
        yield Finding(
            level="problem",
            where=f"{label}, sentence pairs",
            message=f"only {1 - share:.0%} of the text lies in documents of two sentences or more, and "
            f"{LEAST_USABLE_SHARE:.0%} must ({single_share:.0%} of the documents have one sentence)",
            why="the run would stop; as the released code makes pairs, "
            f"{forecast.google_share:.0%} of them would be random",
            hint=ADVICE,
        )
    elif share >= UNREAD_SHARE or single_share >= SINGLE_SHARE:
        yield Finding(
            level=level_of(share, UNREAD_SHARE),
            where=f"{label}, sentence pairs",
            message=f"{single_share:.0%} of the documents have one sentence, with {share:.1%} of the text: "
            "no pair can be "
            "made of them",
            why=f"{label} never reads that text, and a left-to-right model does; as the released code "
            "makes pairs, "
            f"{forecast.google_share:.0%} of them would be random",
            hint=ADVICE,
        )
