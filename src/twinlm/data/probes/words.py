"""Words, names and numbers in running text of any language, without word lists.

A word is what stands between white space, without punctuation at its edges; in Chinese and Japanese text,
which has no spaces, it is one character.
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

_HAN = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_PIECE = re.compile(rf"[{_HAN}]|[^\s{_HAN}]+")
_NUMBER = re.compile(r"(?<!\w)\d+(?:[.,:]\d+)*(?!\w)")
_DIGIT = re.compile(r"\d")
_LEAST_NAME = 2


class Span(NamedTuple):
    """A part of a text: its first character, the one after its last, and what it says."""

    begin: int
    end: int
    text: str


def find_words(text: str) -> list[Span]:
    """Return the words of a text that hold a letter, in order."""
    pieces = (_without_signs(match) for match in _PIECE.finditer(text))
    return [piece for piece in pieces if any(map(str.isalpha, piece.text))]


def find_numbers(text: str) -> list[Span]:
    """Return the numbers of a text: digits that stand alone, with . , or : between them."""
    return [Span(match.start(), match.end(), match.group()) for match in _NUMBER.finditer(text)]


def find_names(text: str) -> Iterator[Span]:
    """Yield the capitalized words within a sentence, which in German include all nouns."""
    for word in find_words(text):
        # A word after ". " may be capitalized only because it begins a sentence.
        before = text[max(0, word.begin - 2) : word.begin].rjust(2)
        is_within = before[1] == " " and (before[0].isalnum() or before[0] in ",;")
        if is_within and len(word.text) >= _LEAST_NAME and word.text[0].isupper():
            yield word


def number_form(number: str) -> str:
    """Return the form of a number: "0,000" for "1,984" and "2,001", but "z00" for "007"."""
    rest = _DIGIT.sub("0", number[1:])
    return ("z" if number[0] == "0" and rest else "0") + rest


def casing(word: str) -> str:
    """Return how a word is written: "lower", "upper", "capital" or "mixed"; without case it is "lower"."""
    forms = {
        "lower": word == word.lower(),
        "upper": word == word.upper() and len(word) > 1,
        "capital": word[:1] == word[:1].upper() and word[1:] == word[1:].lower(),
    }
    return next((name for name, holds in forms.items() if holds), "mixed")


def swapped(text: str, first: Span, second: Span) -> str:
    """Return the text with two spans exchanged; `first` is before `second`."""
    between = text[first.end : second.begin]
    return text[: first.begin] + second.text + between + first.text + text[second.end :]


def replaced(text: str, span: Span, other: str) -> str:
    """Return the text with `other` in place of a span."""
    return text[: span.begin] + other + text[span.end :]


def _without_signs(match: re.Match[str]) -> Span:
    """Return a piece without punctuation and symbols at its edges; marks such as vowel signs are letters."""
    text, begin, end = match.group(), match.start(), match.end()
    if text.isalpha():  # most are
        return Span(begin, end, text)
    kept = [index for index, char in enumerate(text) if unicodedata.category(char)[0] not in "PSC"]
    if not kept:
        return Span(begin, begin, "")
    return Span(begin + kept[0], begin + kept[-1] + 1, text[kept[0] : kept[-1] + 1])
