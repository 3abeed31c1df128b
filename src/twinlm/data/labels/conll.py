"""Sentences of tagged words, one word a line, from .conll and .conllu files; a blank line ends a sentence.

    .conll     columns separated by spaces or tabs, equally many in each line; the word is first, the tag last
    .conllu    ten columns separated by tabs (Universal Dependencies): FORM and UPOS, or another by its name

A line that begins with "-DOCSTART-" also ends a sentence. In .conllu, comments, ranges such as 1-2 and empty
nodes such as 1.1 are not words.
"""

import re
from collections import Counter
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from twinlm.data.labels.values import ASCII_BLANKS, MOST_LINE_BYTES
from twinlm.data.text.lines import Line, endings
from twinlm.data.text.rows import BadRows, listed
from twinlm.data.text.streams import shown
from twinlm.errors import UsageError

COLUMNS = ("ID", "FORM", "LEMMA", "UPOS", "XPOS", "FEATS", "HEAD", "DEPREL", "DEPS", "MISC")
_BREAK = "-DOCSTART-"
_GAPS = re.compile(" +")  # str.split() would also cut "10 000" at a no-break space
_SENTENCE_ID = re.compile(r"# *sent_id *= *(.*\S) *")
_NO_WORD = re.compile(r"\d+[-.]\d+")


def conll_sentences(
    lines: Iterator[Line], path: Path, *, label: str, has_tags: bool, bad: BadRows, counts: Counter[str]
) -> Iterator[tuple[int, list[str], list[str], str]]:
    """Yield each sentence's first line, words, tags and id, which .conllu has in a comment, or "".

    Sentences with a bad line go to `bad` instead, with the line of their first mistake. In .conllu the tags
    are in the column `label`, if it is one of `COLUMNS`, else in UPOS. Adds to `counts`: "lines that begin a
    document", and words of .conll that hold a blank, with the place of the first.
    """
    is_universal = endings(path)[0] == ".conllu"
    if is_universal:
        check_column(label)
    column = COLUMNS.index(label if label in COLUMNS else "UPOS")
    sentence = _Sentence(has_tags)
    with_blanks: list[int] = []
    for line in chain(lines, [Line("", 0, 0)]):  # the end of the file ends a sentence too
        is_break = line.text.startswith(_BREAK)
        if is_break or not line.text.strip(ASCII_BLANKS):
            counts["lines that begin a document"] += is_break
            if sentence.mistake or sentence.words:
                bad.rows += 1
            if sentence.mistake:
                bad.add(shown(path), *sentence.mistake)
            elif sentence.words:
                with_blanks += sentence.with_blanks
                yield sentence.line, sentence.words, sentence.tags, sentence.id
            sentence = _Sentence(has_tags, sentence.columns)
        elif line.is_part:
            sentence.note(line, f"the line is longer than {MOST_LINE_BYTES:,} bytes")
        elif is_universal:
            sentence.add_universal(line, column)
        else:
            sentence.add(line)
    if with_blanks:  # legitimate, as in "New York", but also what mixed separators look like
        counts[f"words that hold a blank (first: {shown(path)}, line {with_blanks[0]})"] += len(with_blanks)


class _Sentence:
    def __init__(self, has_tags: bool, columns: int = 0) -> None:
        self.has_tags = has_tags
        self.line = 0
        self.id = ""
        self.words: list[str] = []
        self.tags: list[str] = []
        self.with_blanks: list[int] = []  # lines of words that hold a blank
        self.columns = columns  # of the file's lines; 0 if not yet known
        self.mistake: tuple[int, str] | None = None

    def add(self, line: Line) -> None:
        """Take the first and the last column of a line."""
        fields = line.text.split("\t") if "\t" in line.text else _GAPS.split(line.text.strip(" "))
        if len(fields) < 1 + self.has_tags:
            self.note(line, f"a word without a tag: {line.text.strip(ASCII_BLANKS)[:40]!r}")
            return
        self.columns = self.columns or len(fields)
        tag = fields[-1].strip()
        if self.has_tags and _GAPS.search(tag):  # only tabs separate where a line has one
            self.note(
                line, f"the tag {tag[:40]!r} has a blank: separate columns by tabs alone or blanks alone"
            )
        elif len(fields) != self.columns:
            self.note(line, f"{len(fields)} columns, but the file began with {self.columns}")
        else:
            # A word may consist of no-break or other spaces of Unicode.
            word = fields[0].strip() or fields[0].strip(ASCII_BLANKS)
            self.with_blanks += [line.number] * (" " in word)
            self._take(line, word, tag)

    def add_universal(self, line: Line, column: int) -> None:
        if line.text.startswith("#"):
            match = _SENTENCE_ID.fullmatch(line.text)
            self.id = match[1] if match else self.id
            return
        fields = line.text.split("\t")
        if len(fields) != len(COLUMNS):
            self.note(line, f"{len(fields)} columns separated by tabs, but .conllu has {len(COLUMNS)}")
        elif fields[0].isdecimal():
            self._take(line, fields[1], fields[column])
        elif not _NO_WORD.fullmatch(fields[0]):
            self.note(line, f"the ID is {fields[0][:40]!r}, not 1, 1-2 or 1.1")

    def note(self, line: Line, reason: str) -> None:
        self.mistake = self.mistake or (line.number, reason)

    def _take(self, line: Line, word: str, tag: str) -> None:
        if not word or (self.has_tags and not tag):
            self.note(line, f"the {'tag' if word else 'word'} is empty")
        self.line = self.line or line.number
        self.words.append(word)
        self.tags.append(tag)


def check_column(label: str) -> None:
    """Raise a `UsageError` for a column that .conllu does not have."""
    if label not in (*COLUMNS, "tags"):
        raise UsageError(f"label_field = {label!r} is no column of .conllu", hint=f"it has {listed(COLUMNS)}")
