"""Choose among candidate texts by their likelihood, without any training (Radford et al. 2018, section 5).

    prompt with a gap                                    scored
    "Q: Who? A: {}"                                      the candidate, after all before it
    "It doesn't fit since the {} is too large."          decoder: the rest, after each candidate
                                                         encoder: the candidate, between both sides

A decoder can't look ahead, so it judges a candidate by the text after it, as GPT-1 does for Winograd schemas.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from twinlm.checkpoint import Trained
from twinlm.errors import DataError, UsageError
from twinlm.objectives.likelihood import Stretch
from twinlm.system.arguments import check_list, check_many, checked
from twinlm.use.score import likelihoods, method_of

GAP = "{}"
Normalize = Literal["sum", "mean", "bytes", "pmi"]
Part = Literal["candidate", "rest"]


class Ranked(NamedTuple):
    """A candidate and how likely it is."""

    candidate: str
    """Text of the candidate."""
    score: float
    """Score that the order follows; higher is likelier."""
    log_likelihood: float
    """Sum over the scored tokens, in nats."""
    tokens: int
    """Number of scored tokens."""


class Ranking(NamedTuple):
    """Candidates in order, with the method of their scores."""

    candidates: list[Ranked]
    """Candidates, best first."""
    method: str
    """Scoring method; scores of different methods must not be compared."""
    part: str
    """Scored part: "candidate" or "rest"."""


class _Texts(NamedTuple):
    candidates: Sequence[str]
    rows: list[list[int]]
    words: list[list[int]]
    head: int  # number of first tokens that all rows share with the text before the gap
    tail: int  # number of last tokens that all rows share with the text after it
    rest: str


@checked
def rank(
    trained: Trained,
    prompt: str,
    candidates: Sequence[str],
    *,
    normalize: Normalize = "mean",
    part: Part | None = None,
    method: str | None = None,
) -> Ranking:
    """Return the candidates of a prompt, best first; see `rank_batch`."""
    return rank_batch(trained, [(prompt, candidates)], normalize=normalize, part=part, method=method)[0]


@checked
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
        questions: prompts with their candidates. A candidate replaces {} in its prompt; without {} it follows
            the prompt and a space.
        normalize: "sum" of log-likelihoods in nats; "mean" over tokens, as in GPT-1; sum over "bytes" of the
            scored text; or "pmi", the sum minus that of the same tokens alone: how much likelier the prompt
            makes a candidate.
        part: score the "candidate" or the "rest" after the gap; by default the rest if it has words and the
            model can't look ahead, otherwise the candidate.
        method: see `score_batch`.

    Raises:
        DataError: there is nothing to score, or a text is too long.
        UsageError: an option has an unknown value, or there are fewer than two candidates.

    A model that was imported without a token for the start of a text can't score a first token, nor "pmi":
    these are errors, too.
    """
    method = method_of(trained, method)
    check_many(questions, "questions", "a list of prompts with their candidates")
    placed = [_place(trained, prompt, candidates) for prompt, candidates in questions]
    parts = [part or _usual_part(trained, texts) for texts in placed]
    stretches = [
        stretch
        for texts, scored in zip(placed, parts, strict=True)
        for stretch in _stretches(texts, is_rest=scored == "rest")
    ]
    _check_first_tokens(trained, stretches, normalize)
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


def _check_first_tokens(trained: Trained, stretches: Sequence[Stretch], normalize: Normalize) -> None:
    # Without a start such a model gives a first token no score, which must not pass for the highest one.
    if not trained.family.is_generative or trained.enclose([]):
        return
    message = (
        "this model was imported without a token for the start of a text, so it can't score a first token"
    )
    if normalize == "pmi":
        raise UsageError(f"{message}, as pmi needs", hint="use sum, mean or bytes")
    if not all(stretch.before for stretch in stretches):
        raise DataError(message, hint='give a prompt that begins with words, or score the part "rest"')


def _usual_part(trained: Trained, texts: _Texts) -> Part:
    has_words = any(character.isalnum() for character in texts.rest)
    return "rest" if has_words and trained.family.is_generative else "candidate"


def _place(trained: Trained, prompt: str, candidates: Sequence[str]) -> _Texts:
    # A token may span the seam between prompt and candidate. So the scored part starts, in all rows, at the
    # first token in which any row differs from the text before the gap alone.
    check_list(prompt, "prompt", depth=0)
    check_list(candidates, "candidates")
    if len(candidates) < 2:
        raise UsageError(f"cannot rank {len(candidates)} candidates", hint="give two or more")
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
    found = []
    for candidate, row, words in zip(texts.candidates, texts.rows, texts.words, strict=True):
        end = len(row) - texts.tail
        begin, end = (end, len(row)) if is_rest else (texts.head, end)
        if begin >= end:
            where = "after the gap" if is_rest else f"in the candidate {candidate!r}"
            raise DataError(f"there is nothing to score {where}")
        found.append(
            Stretch(before=row[:begin], tokens=row[begin:end], after=row[end:], words=words[begin:end])
        )
    return found


def _alike(first: Sequence[int], second: Sequence[int]) -> int:
    """Return how many first tokens two rows share."""
    pairs = zip(first, second, strict=False)
    return next((index for index, (a, b) in enumerate(pairs) if a != b), min(len(first), len(second)))
