"""Text into sentences by rules, for the pairs of next sentence prediction (Devlin et al. 2018, 3.1).

Joined again, the sentences are the text: white space belongs to the sentence after it. Every step is linear
in the length of the text.
"""

import re

LONGEST_CHARACTERS = 400
"""Size above which a "sentence" has no punctuation that we know and is cut at white space."""

# One run of marks and what closes after it. Two ways to match the same text would take quadratic time.
_WIDE_ENDS = "\u3002\uff01\uff1f"  # Chinese and Japanese: no white space follows
_SPACED_ENDS = ".!?\u2026\u061f\u06d4\u0964\u0965"  # also Arabic, Urdu and Hindi
_OPENING = "\"'(\\[\u201c\u2018\u00ab"
_CLOSING = "\"')\\]\u201d\u2019\u00bb\u300d\u300f\uff09\u3011"
_ENDS = re.compile(rf"[{_SPACED_ENDS}{_WIDE_ENDS}]+[{_CLOSING}]*")
_FOLLOWING = re.compile(rf"\s+[{_OPENING}]*(\w{{0,12}})")
_WORDS = re.compile(r"\s*\S+")
_LAST_WORD = re.compile(rf"[^\s{_OPENING}\u2013\u2014]*\Z")
_DOTTED_LETTERS = re.compile(r"(?:[^\W\d_]\.)*[^\W\d_]\Z")
_LONGEST_ABBREVIATION = 12

_TITLES = frozenset({
    "mr", "mrs", "ms", "mx", "dr", "prof", "rev", "fr", "hon", "pres", "gov", "gen", "col", "maj",
    "capt", "cmdr", "lt", "sgt", "messrs", "mme", "mlle", "mt", "ph.d", "e.g", "i.e", "vs", "cf", "viz",
    "approx", "ca",
})  # fmt: skip
# Before a number these are part of its name: "No. 5", "Fig. 2", "Jan. 1".
_NUMBERED = frozenset({
    "no", "nos", "nr", "fig", "figs", "eq", "eqs", "sec", "ch", "chap", "vol", "vols", "p", "pp", "art", "op",
    "jan", "feb", "mar", "apr", "jun", "jul", "aug", "sep", "sept", "oct", "nov", "dec",
})  # fmt: skip
# After these, and after letters with dots, a sentence ends only before a word that often begins one:
# "in the U.S. The law", but not "U.S. Army".
_MAYBE_LAST = frozenset({
    "st", "sr", "jr", "ed", "eds", "al", "etc", "ave", "blvd", "dept", "univ", "bros", "inc", "ltd", "co",
    "corp",
})  # fmt: skip
_OPENERS = frozenset({
    "the", "a", "an", "in", "on", "at", "it", "he", "she", "they", "we", "i", "you", "this", "that", "these",
    "those", "his", "her", "its", "their", "there", "here", "when", "while", "after", "before", "but", "and",
    "however", "although", "as", "for", "from", "with", "by", "if", "who", "what", "why", "how", "since",
    "during",
})  # fmt: skip


def split_sentences(text: str) -> list[str]:
    """Return the sentences of a text, such that `"".join(sentences) == text`.

    A sentence ends at a newline; at . ! ? or an ellipsis before white space, unless a lower-case letter
    follows (in a text that has capitals); and at the Chinese and Japanese marks. It does not end at "Mr.",
    "e.g.", "J. R.", at "U.S." within a name, or in "3.14". No sentence is blank unless the whole text is.
    """
    has_capitals = text.lower() != text
    sentences: list[str] = []
    blank: list[str] = []
    for line_number, line in enumerate(text.split("\n")):
        if line_number:
            blank.append("\n")
        if not line or line.isspace():
            blank.append(line)
            continue
        for sentence in _split_line(line, has_capitals):
            sentences += _shortened("".join(blank) + sentence)
            blank = []
    rest = "".join(blank)
    if rest and sentences:
        sentences[-1] += rest
    elif rest:
        sentences.append(rest)
    return sentences


def _split_line(line: str, has_capitals: bool) -> list[str]:
    sentences, start = [], 0
    content_end = len(line.rstrip())
    for match in _ENDS.finditer(line):
        end = match.end()
        if end < content_end and _is_end(line, start, match.start(), end, has_capitals):
            sentences.append(line[start:end])
            start = end
    sentences.append(line[start:])
    return sentences


def _is_end(line: str, start: int, mark: int, end: int, has_capitals: bool) -> bool:
    marks = line[mark:end]
    if any(wide in marks for wide in _WIDE_ENDS):
        return True
    if not line[end].isspace():
        return False
    match = _FOLLOWING.match(line, end)
    following = match.group(1) if match else ""
    if has_capitals and following[:1].islower():
        return False
    return marks != "." or not _is_abbreviation(line, start, mark, following)


def _is_abbreviation(line: str, start: int, dot: int, following: str) -> bool:
    """Tell whether the dot belongs to the word before it, in a sentence that begins at `start`."""
    word = _LAST_WORD.search(line[max(start, dot - _LONGEST_ABBREVIATION) : dot])
    last = word.group() if word else ""
    lowered = last.lower()
    if lowered in _TITLES or (lowered in _NUMBERED and following[:1].isdigit()):
        return True
    if last.isdigit() and not line[start : dot - len(last)].strip():  # "2. The second point"
        return True
    if lowered in _MAYBE_LAST or (_DOTTED_LETTERS.match(last) and last != "I"):
        return len(last) == 1 or following.lower() not in _OPENERS
    return False


def _shortened(sentence: str) -> list[str]:
    if len(sentence) <= LONGEST_CHARACTERS:
        return [sentence]
    pieces, start, end = [], 0, 0
    for word in _WORDS.finditer(sentence, 0, len(sentence.rstrip())):
        if word.end() - start > LONGEST_CHARACTERS and end > start:
            pieces.append(sentence[start:end])
            start = end
        end = word.end()
        while end - start > LONGEST_CHARACTERS and not sentence[start : start + LONGEST_CHARACTERS].isspace():
            pieces.append(sentence[start : start + LONGEST_CHARACTERS])
            start += LONGEST_CHARACTERS
    return [*pieces, sentence[start:]]
