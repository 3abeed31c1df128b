"""Choose among candidate texts by their likelihood, without any training (Radford et al. 2018, section 5).

    prompt with a gap                                    scored
    "Q: Who? A: {}"                                      the candidate, after all before it
    "It doesn't fit since the {} is too large."          decoder: the rest, after each candidate
                                                         encoder: the candidate, between both sides

A decoder can't look ahead, so it judges a candidate by what comes after it, as GPT-1 does for Winograd
schemas.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from twinlm.checkpoint import Trained
from twinlm.errors import DataError, UsageError
from twinlm.objectives.likelihood import Stretch
from twinlm.use.score import likelihoods, method_of

GAP = "{}"
Normalize = Literal["sum", "mean", "bytes", "pmi"]
Part = Literal["candidate", "rest"]


class Ranked(NamedTuple):
    """A candidate and how likely it is."""

    candidate: str
    """As it was given."""
    score: float
    """What the order is by: the higher, the likelier."""
    log_likelihood: float
    """Sum over the scored tokens, in nats."""
    tokens: int
    """How many were scored."""


class Ranking(NamedTuple):
    """Candidates in order, and what their figures are."""

    candidates: list[Ranked]
    """The best first."""
    method: str
    """Figures of different methods must not be compared."""
    part: str
    """What was scored: "candidate" or "rest"."""


class _Texts(NamedTuple):
    """One prompt with all its candidates in place, as tokens."""

    candidates: Sequence[str]
    rows: list[list[int]]
    words: list[list[int]]
    head: int  # tokens that all rows begin with, of the text before the gap
    tail: int  # tokens that all rows end with, of the text after it
    rest: str


def rank(
    trained: Trained,
    prompt: str,
    candidates: Sequence[str],
    *,
    normalize: Normalize = "mean",
    part: Part | None = None,
    method: str | None = None,
) -> Ranking:
    """Return the candidates of a prompt, the best first; see `rank_batch`.

    Raises:
        DataError: there is nothing to score, or a text is too long.
        UsageError: an option is not one of those allowed, or there are not two candidates.
    """
    return rank_batch(trained, [(prompt, candidates)], normalize=normalize, part=part, method=method)[0]


def rank_batch(
    trained: Trained,
    questions: Sequence[tuple[str, Sequence[str]]],
    *,
    normalize: Normalize = "mean",
    part: Part | None = None,
    method: str | None = None,
) -> list[Ranking]:
    """Return the ranking of each prompt's candidates, many at a time.

    Args:
        trained: a model of either kind.
        questions: prompts with their candidates. A candidate takes the place of {} in its prompt; without
            {} it comes after the prompt and a space.
        normalize: "sum" of log-likelihoods in nats; the "mean" over tokens, as in GPT-1; the sum over
            "bytes" of the scored text; or "pmi", the sum less that of the same tokens without what is
            around them: how much likelier the prompt makes a candidate.
        part: score the "candidate" or the "rest" after the gap; if not given, the rest if it has words and
            the model can't look ahead, else the candidate.
        method: see `score_batch`.

    Raises:
        DataError: there is nothing to score, or a text is too long.
        UsageError: an option is not one of those allowed, or there are not two candidates.
    """
    if normalize not in ("sum", "mean", "bytes", "pmi"):
        raise UsageError(f"normalize can't be {normalize!r}", hint="it is one of sum, mean, bytes, pmi")
    if part not in (None, "candidate", "rest"):
        raise UsageError(f"part can't be {part!r}", hint="it is one of candidate, rest")
    method = method_of(trained, method)
    placed = [_place(trained, prompt, candidates) for prompt, candidates in questions]
    parts = [part or _usual_part(trained, texts) for texts in placed]
    stretches = [
        stretch
        for texts, scored in zip(placed, parts, strict=True)
        for stretch in _stretches(texts, is_rest=scored == "rest")
    ]
    sums = iter([(len(each), sum(each)) for each in likelihoods(trained, stretches, method)])
    alone = iter([0.0] * len(stretches))
    if normalize == "pmi":
        bare = [Stretch(before=[], tokens=s.tokens, after=[], words=s.words) for s in stretches]
        alone = iter([sum(each) for each in likelihoods(trained, bare, method)])
    rankings = []
    for texts, scored in zip(placed, parts, strict=True):
        found = []
        for candidate in texts.candidates:
            count, total = next(sums)
            size = len((texts.rest if scored == "rest" else candidate).strip().encode())
            divisor = {"mean": count, "bytes": max(size, 1)}.get(normalize, 1)
            found.append(Ranked(candidate, (total - next(alone)) / divisor, total, count))
        rankings.append(Ranking(sorted(found, key=lambda ranked: -ranked.score), method, scored))
    return rankings


def _usual_part(trained: Trained, texts: _Texts) -> Part:
    has_words = any(character.isalnum() for character in texts.rest)
    return "rest" if has_words and trained.family.is_generative else "candidate"


def _place(trained: Trained, prompt: str, candidates: Sequence[str]) -> _Texts:
    """Put each candidate into the prompt.

    A token may reach over the seam. So the part that is scored begins with the first token in which any row
    differs from the text before the gap alone, the same place in all rows.
    """
    if len(candidates) < 2:
        raise UsageError(f"{len(candidates)} candidates can't be ranked", hint="give two or more")
    if any(not candidate.strip() for candidate in candidates):
        raise DataError("a candidate is empty", hint="leave it out")
    if GAP not in prompt:
        prompt += GAP if not prompt or prompt[-1].isspace() else f" {GAP}"
    before, _, rest = prompt.partition(GAP)
    if GAP in rest:
        raise DataError(f"the prompt has {prompt.count(GAP)} gaps: {prompt!r}", hint=f"leave one {GAP}")
    tokenizer = trained.tokenizer
    whole = [before + candidate + rest for candidate in candidates]
    rows = tokenizer.encode_batch(whole)
    first, last = tokenizer.encode(before), tokenizer.encode(rest)
    return _Texts(
        candidates=candidates,
        rows=rows,
        words=[tokenizer.words(text) for text in whole],
        head=min(_alike(first, row) for row in rows),
        tail=min(_alike(last[::-1], row[::-1]) for row in rows),
        rest=rest,
    )


def _stretches(texts: _Texts, *, is_rest: bool) -> list[Stretch]:
    """Return what is to be scored of each candidate's text."""
    found = []
    for candidate, row, words in zip(texts.candidates, texts.rows, texts.words, strict=True):
        end = len(row) - texts.tail
        begin, end = (end, len(row)) if is_rest else (texts.head, end)
        if begin >= end:
            what = "after the gap" if is_rest else f"in the candidate {candidate!r}"
            raise DataError(f"there is nothing to score {what}")
        found.append(
            Stretch(before=row[:begin], tokens=row[begin:end], after=row[end:], words=words[begin:end])
        )
    return found


def _alike(first: Sequence[int], second: Sequence[int]) -> int:
    """Return how many tokens two rows begin with alike."""
    pairs = zip(first, second, strict=False)
    return next((place for place, (a, b) in enumerate(pairs) if a != b), min(len(first), len(second)))
