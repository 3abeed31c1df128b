"""What a batch computes: lists of inputs to lists of answers, one for each, by the functions of `use/`."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from twinlm.checkpoint import Trained
from twinlm.errors import DataError
from twinlm.use.ask import asked, choose, classify
from twinlm.use.embed import LAST_LAYER, cosines, defaults_of, embed, features
from twinlm.use.fill import Filled, Guess, fill_batch, fill_together
from twinlm.use.generate import Prompt, prompt_tokens, read_prompt
from twinlm.use.inputs import read_texts
from twinlm.use.next_sentence import next_sentence_batch
from twinlm.use.rank import Ranking, rank_batch
from twinlm.use.score import Score, score_batch
from twinlm.use.spelling import starts_in_text, token_name
from twinlm.use.surprise import Expected, Surprise, expected_next, surprise

Vector = tuple[list[float], int]
"""A text's vector, and the number of tokens that it was made from, with special ones."""


def embedded(
    trained: Trained, texts: Sequence[str], *, normalize: bool | None, prompt: str | None, is_cut: bool
) -> list[Vector]:
    """Return a vector for each text; a text that is too long is an error unless it may be cut."""
    sizes = _sizes(trained, texts, prompt=prompt, is_cut=is_cut)
    vectors_NE = embed(trained, texts, normalize=normalize, prompt=prompt)
    _check_finite(vectors_NE)
    return list(zip(vectors_NE.tolist(), sizes, strict=True))


def states(trained: Trained, texts: Sequence[str], *, is_cut: bool) -> list[list[list[float]]]:
    """Return the last state of each token of each text, special tokens included."""
    _sizes(trained, texts, prompt="", is_cut=is_cut)
    found = features(trained, texts, layers=LAST_LAYER)
    for text in found:
        _check_finite(text.states_LE)
    return [text.states_LE.tolist() for text in found]


def compared(trained: Trained, questions: Sequence[tuple[str, Sequence[str]]]) -> list[list[float]]:
    """Return the cosines of a query's vector with those of its texts, for each question."""
    return [cosines(trained, query, texts) for query, texts in questions]


def classified(trained: Trained, rows: Sequence[Sequence[str]]) -> list[dict[str, float]]:
    """Return the probability of each class for each row of one or two texts."""
    return classify(trained, [tuple(row) for row in rows])


def rated(trained: Trained, pairs: Sequence[tuple[str, str]]) -> list[float]:
    """Return the similarity of each pair, in the unit of the training scores."""
    return [answer["predicted"] for answer in asked(trained, "similarity", pairs, "pairs")]


def tagged(trained: Trained, sentences: Sequence[Sequence[str]]) -> list[list[str]]:
    """Return the tags of each sentence's words."""
    return [answer["predicted"] for answer in asked(trained, "tagging", sentences, "sentences")]


def answered(trained: Trained, rows: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
    """Return the answer to each question from its context."""
    return asked(trained, "span_qa", rows, "questions")


def chosen(trained: Trained, questions: Sequence[tuple[str, Sequence[str], str]]) -> list[list[float]]:
    """Return the probability of each choice, for each text with its choices and its question or ""."""
    return [choose(trained, text, choices, question=question) for text, choices, question in questions]


def filled(trained: Trained, texts: Sequence[str], *, top_k: int) -> list[list[list[Guess]]]:
    """Return the best guesses for each mask of each text."""
    return fill_batch(trained, texts, top_k)


def filled_together(trained: Trained, texts: Sequence[str]) -> list[Filled]:
    """Return each text with all its masks filled, the most certain one first."""
    return [fill_together(trained, text) for text in texts]


def followed(trained: Trained, pairs: Sequence[tuple[str, str]]) -> list[float]:
    """Return P(second follows first) for each pair."""
    return next_sentence_batch(trained, pairs)


def scored(trained: Trained, texts: Sequence[str], *, method: str | None) -> list[Score]:
    """Return how likely the model finds each text."""
    return score_batch(trained, texts, method=method)


def ranked(trained: Trained, questions: Sequence[tuple[str, Sequence[str]]], **options: Any) -> list[Ranking]:
    """Return the candidates of each prompt, best first."""
    return rank_batch(trained, questions, **options)


def surprised(trained: Trained, questions: Sequence[Mapping[str, Any]]) -> list[Surprise]:
    """Return the surprise at the tokens of each text; a question holds the options of `surprise`."""
    return [surprise(trained, **question) for question in questions]


def prompted(trained: Trained, prompts: Sequence[Prompt], *, is_continued: bool) -> list[list[int]]:
    """Return the tokens of each prompt; one that is too long, or too long to be continued, is an error."""
    if is_continued:
        return [read_prompt(trained, prompt, 1) for prompt in prompts]
    rows, most = [prompt_tokens(trained, prompt) for prompt in prompts], _longest(trained)
    if long := next((row for row in rows if len(row) > most), None):
        raise _too_long(len(long), most)
    return rows


def expected(
    trained: Trained, prompts: Sequence[Prompt], *, top_k: int
) -> list[list[tuple[int, Expected | None]]]:
    """Return the tokens of each prompt, and what the model expected in their places."""
    rows = prompted(trained, prompts, is_continued=False)
    found = expected_next(trained, rows, top_k=max(1, top_k))
    return [list(zip(row, each, strict=True)) for row, each in zip(rows, found, strict=True)]


def tokenized(trained: Trained, texts: Sequence[str], *, is_enclosed: bool) -> list[list[dict[str, Any]]]:
    """Return for each text its tokens with their names, and their places in the text unless special."""
    names: dict[int, str] = {}
    found = []
    for tokens, offsets in trained.tokenizer.encode_with_offsets(texts):
        around = trained.enclose(tokens) if is_enclosed and tokens else tokens
        first = trained.enclose(tokens[:1]).index(tokens[0]) if is_enclosed and tokens else 0
        places: list[tuple[int | None, int | None]] = [(None, None)] * len(around)
        ends = [end for _, end in offsets]
        places[first : first + len(tokens)] = zip(starts_in_text(offsets), ends, strict=True)
        for token in {*around} - names.keys():
            names[token] = token_name(trained.tokenizer, token)
        found.append(
            [
                {"id": token, "text": names[token], "special": begin is None, "start": begin, "stop": end}
                for token, (begin, end) in zip(around, places, strict=True)
            ]
        )
    return found


def decoded(trained: Trained, rows: Sequence[Sequence[int]], *, keep_special: bool) -> list[str]:
    """Return the text of each row of tokens."""
    known = trained.tokenizer.vocab_size
    if (token := next((token for row in rows for token in row if token >= known), None)) is not None:
        raise DataError(f"there is no token {token}", hint=f"ids are from 0 to {known - 1:,}")
    return [trained.tokenizer.decode(row, keep_special=keep_special) for row in rows]


def _sizes(trained: Trained, texts: Sequence[str], *, prompt: str | None, is_cut: bool) -> list[int]:
    """Return the number of tokens that are read of each text, with special ones."""
    defaults = defaults_of(trained)
    name = defaults.default_prompt if prompt is None else prompt
    before = defaults.prompts.get(name or "", "")
    inputs = read_texts(trained, texts, prompt=before, max_length=defaults.max_length)
    if inputs.cut and not is_cut:
        whole = trained.tokenizer.encode_batch([before + text for text in texts])
        around = len(trained.enclose([]))
        most = min(_longest(trained), defaults.max_length or _longest(trained))
        raise _too_long(max(map(len, whole)), most - around, "set truncate, or shorten it")
    return [len(row) for row in inputs.rows]


def _too_long(count: int, most: int, hint: str = "shorten it") -> DataError:
    return DataError(f"the text has {count:,} tokens, but the model reads at most {most:,}", hint=hint)


def _longest(trained: Trained) -> int:
    longest: int = trained.model.config.max_length  # type: ignore[union-attr, assignment]
    return longest


def _check_finite(values: "np.ndarray[Any, Any]") -> None:
    if not np.isfinite(values).all():
        raise ArithmeticError("the model's answer is not finite")
