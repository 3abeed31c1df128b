"""Lengths of documents and sentences, and the share of random pairs that BERT would read."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twinlm import rng
from twinlm.data.sequences.chunks import ADVICE, LEAST_USABLE_SHARE
from twinlm.data.sequences.google_pairs import GooglePairs
from twinlm.data.sequences.sentence_pairs import SentencePairs
from twinlm.data.tokens.store import TokenStore
from twinlm.doctor.checks.findings import Checked, Finding, Level, level_of, quantiles
from twinlm.errors import DataError
from twinlm.settings import PretrainSettings

UNREAD_SHARE = 0.05  # share of the text in documents of one sentence, which balanced pairs skip: a warning
SINGLE_SHARE = 0.2  # share of documents of one sentence from which there is a note: they may be headings
RANDOM_SHARE = 0.6  # share of random pairs, made as released, that is a warning; it is 55 % in long documents
MOST_RANDOM_SHARE = 0.9  # share of random pairs, made as released, that is a problem
MOST_PAIRS = 2000


@dataclass(frozen=True, slots=True)
class Forecast:
    """The data of next sentence prediction."""

    pairs: int  # number of pairs made as released
    google_share: float  # share of random pairs among them
    balanced_share: float | None  # share of random pairs among balanced ones; None if there can be none
    unread_share: float  # share of the tokens in documents of one sentence, which balanced pairs skip


def forecast_pairs(store: TokenStore, *, length: int, short_share: float, seed: int) -> Forecast:
    """Make the pairs of a store, of `length` tokens, and count the random ones."""
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
        rows = [pairs.row(turn, index, chance) for turn, index in pairs.indices(0, MOST_PAIRS)]
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
    """Check how documents and sentences fit a model, called `label`, that reads pairs of sentences."""
    tokens_E = document_tokens(store)
    tokens_S = np.diff(store.sentences_S2)[:, 0]
    room = settings.length - 3
    single_share = store.single_sentence_count / store.document_count
    forecast = forecast_pairs(store, length=settings.length, short_share=settings.short_share, seed=seed)
    too_long = float((tokens_E > settings.length).mean())
    facts = {
        "documents": store.document_count,
        "tokens a document": quantiles(tokens_E),
        "tokens a sentence": quantiles(tokens_S),
        "sentences a document": quantiles(np.diff(store.documents_E)),
        "documents of one sentence": round(single_share, 6),
        "text in documents of one sentence": round(forecast.unread_share, 6),
        f"documents longer than {settings.length} tokens": round(too_long, 6),
        f"sentences longer than {room} tokens": round(float((tokens_S > room).mean()), 6),
        "random pairs, as the released code makes them": round(forecast.google_share, 6),
        "random pairs, balanced": forecast.balanced_share,
    }
    judge = {"google": _of_google, "balanced": _of_balanced}[settings.pairs]
    findings = () if settings.sentence_task == "none" else tuple(judge(label, forecast, single_share))
    return Checked(facts, findings)


def _of_google(label: str, forecast: Forecast, single_share: float) -> Iterator[Finding]:
    share = forecast.google_share
    if share >= RANDOM_SHARE:
        message = f'with pretrain.pairs = "google" {100 * share:.0f} % of the pairs would be random '
        message += f"({100 * single_share:.0f} % of the documents have one sentence)"
        why = f'{label} would be right in {100 * share:.0f} % of the cases by always predicting "random", '
        why += "and learn little else from the task"
        level: Level = "problem" if share >= MOST_RANDOM_SHARE else "warning"
        hint = f'set pretrain.pairs = "balanced", or {ADVICE}'
        yield Finding(level, f"{label}, next sentences", message, why, hint)


def _of_balanced(label: str, forecast: Forecast, single_share: float) -> Iterator[Finding]:
    share = forecast.unread_share
    where = f"{label}, sentence pairs"
    released = f"pairs made as released would be {100 * forecast.google_share:.0f} % random"
    if forecast.balanced_share is None:
        message = f"only {100 * (1 - share):.0f} % of the text is in documents of two or more sentences, but "
        message += f"{100 * LEAST_USABLE_SHARE:.0f} % is needed "
        message += f"({100 * single_share:.0f} % of the documents have one sentence)"
        yield Finding("problem", where, message, f"the run would stop; {released}", ADVICE)
    elif share >= UNREAD_SHARE or single_share >= SINGLE_SHARE:
        message = f"{100 * single_share:.0f} % of the documents have one sentence, with "
        message += f"{100 * share:.1f} % of the text: no pair can be made of them"
        why = f"{label} never reads that text, and a left-to-right model does; {released}"
        yield Finding(level_of(share, UNREAD_SHARE), where, message, why, ADVICE)
