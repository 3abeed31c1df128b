"""Signs of text that was decoded wrongly or is no plain text, and the scripts it is written in."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from twinlm.doctor.checks.findings import MOST_EXAMPLES, Checked, Finding, excerpt, level_of
from twinlm.doctor.checks.reading import Seen

SECOND_SCRIPT_SHARE = 0.05
"""Of the letters, from which on a second script is worth a warning."""

_LETTERS_AT_ONCE = 1 << 20
# UTF-8 read as cp1252 or Latin-1: a lead byte's letter, then what continuation bytes look like there.
_CONTINUED = "\u0080-\u00bf" + "".join(
    char for byte in range(0x80, 0xA0) if (char := bytes([byte]).decode("cp1252", "ignore"))
)
_MOJIBAKE = f"[\u00c2\u00c3\u00d0\u00d1][{_CONTINUED}]|\u00e2[{_CONTINUED}]{{2}}|\u00f0[{_CONTINUED}]{{3}}"
_TAGS = "p|br|div|span|a|b|i|u|em|strong|table|tr|td|th|li|ul|ol|img|font|script|style|h[1-6]|body|html|ref"


@dataclass(frozen=True, slots=True)
class _Sign:
    """Something that should not stand in text."""

    name: str
    pattern: re.Pattern[str]
    least_share: float
    """Of the documents, from which on it is a warning."""
    why: str
    hint: str
    is_ascii: bool = False
    """Whether it can stand in ASCII text."""


_SIGNS = (
    _Sign(
        "replacement characters (U+FFFD)",
        re.compile("\ufffd"),
        0.001,
        "what stood there is lost; models learn to write the sign",
        "make the text anew from its source, with the right encoding",
    ),
    _Sign(
        "mojibake (UTF-8 read as another encoding)",
        re.compile(_MOJIBAKE),
        0.001,
        "words are spelled in two ways, so both models see each of them less often",
        'decode the source as UTF-8, or mend the text: text.encode("cp1252").decode("utf-8")',
    ),
    _Sign(
        "control characters",
        re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f]"),
        0.001,
        "they take tokens and mean nothing; WordPiece drops them, byte-level BPE does not",
        "remove them, or name the right encoding",
        is_ascii=True,
    ),
    _Sign(
        "invisible characters (zero width, soft hyphens, directions)",
        re.compile("[\u00ad\u200b\u2060\u200e\u200f\u202a-\u202e\ufeff]"),
        0.01,
        "words that look alike become different tokens",
        "remove them",
    ),
    _Sign(
        "HTML tags",
        re.compile(rf"</?(?:{_TAGS})\b[^<>\n]{{0,200}}>", re.IGNORECASE),
        0.01,
        "GPT learns to write tags; they are easy to guess, which makes the losses of both look better",
        "take the text out of the pages first",
        is_ascii=True,
    ),
    _Sign(
        "HTML entities",
        re.compile(r"&(?:[a-z]{2,8}|[A-Z]{2,8}|#\d{1,6}|#x[0-9a-fA-F]{1,5});"),
        0.01,
        "each is spelled out in several tokens instead of one character",
        "unescape them (Python: html.unescape)",
        is_ascii=True,
    ),
)

_BLOCKS = (
    (0x41, 0x5A, "Latin"), (0x61, 0x7A, "Latin"), (0xC0, 0x24F, "Latin"), (0x370, 0x3FF, "Greek"),
    (0x400, 0x52F, "Cyrillic"), (0x530, 0x58F, "Armenian"), (0x590, 0x5FF, "Hebrew"),
    (0x600, 0x6FF, "Arabic"), (0x750, 0x77F, "Arabic"), (0x8A0, 0x8FF, "Arabic"), (0x900, 0xDFF, "Indic"),
    (0xE00, 0xEFF, "Thai and Lao"), (0x10A0, 0x10FF, "Georgian"), (0x1100, 0x11FF, "Hangul"),
    (0x1E00, 0x1EFF, "Latin"), (0x1F00, 0x1FFF, "Greek"), (0x3040, 0x30FF, "Chinese and Japanese"),
    (0x3130, 0x318F, "Hangul"), (0x3400, 0x9FFF, "Chinese and Japanese"), (0xAC00, 0xD7AF, "Hangul"),
    (0xF900, 0xFAFF, "Chinese and Japanese"), (0xFB50, 0xFDFF, "Arabic"), (0xFE70, 0xFEFE, "Arabic"),
    (0x20000, 0x323AF, "Chinese and Japanese"),
)  # fmt: skip


@dataclass(slots=True)
class _Met:
    """How often a sign was met."""

    times: int = 0
    documents: int = 0
    examples: list[str] = field(default_factory=list)


class Characters:
    """Counts the signs in texts.

    Args:
        where: what the texts are of, for the findings.
        split: the only split to look at; all if empty.
    """

    def __init__(self, where: str, split: str = "") -> None:
        self.where = where
        self.split = split
        self._texts = 0
        self._met = {sign.name: _Met() for sign in _SIGNS}

    def see(self, document: Seen) -> None:
        """Look at one text."""
        if self.split and document.split != self.split:
            return
        self._texts += 1
        is_ascii = document.text.isascii()
        for sign in _SIGNS:
            if is_ascii and not sign.is_ascii:
                continue
            first = sign.pattern.search(document.text)
            if first and not (document.is_replaced and first[0] == "\ufffd"):
                self._note(sign, document, first.start())

    def checked(self) -> Checked:
        """Return what was counted."""
        facts = {
            name: {"times": met.times, "texts": met.documents}
            for name, met in self._met.items()
            if met.documents
        }
        return Checked({"texts": self._texts, "signs": facts}, tuple(self._findings()))

    def _note(self, sign: _Sign, document: Seen, place: int) -> None:
        met = self._met[sign.name]
        met.documents += 1
        met.times += sum(1 for _ in sign.pattern.finditer(document.text))
        if len(met.examples) < MOST_EXAMPLES:
            met.examples.append(f"{document.source} {excerpt(document.text, place)}")

    def _findings(self) -> Iterator[Finding]:
        for sign in _SIGNS:
            met = self._met[sign.name]
            if met.documents:
                share = met.documents / self._texts
                yield Finding(
                    level=level_of(share, sign.least_share),
                    where=self.where,
                    message=f"{met.times:,} {sign.name} in {met.documents:,} of {self._texts:,} texts "
                    f"({share:.2%})",
                    why=sign.why,
                    hint=sign.hint,
                    examples=tuple(met.examples),
                )


def script_shares(texts: Iterable[str]) -> dict[str, float]:
    """Return the share of each script among the letters of those we know, largest first."""
    counts: Counter[str] = Counter()
    starts = np.array([begin for begin, _, _ in _BLOCKS])
    ends = np.array([end for _, end, _ in _BLOCKS])
    for text in _joined(texts):
        codes_N = np.frombuffer(text.encode("utf-32-le", "replace"), np.uint32).astype(np.int64)
        blocks_N = np.maximum(np.searchsorted(starts, codes_N, side="right") - 1, 0)
        is_known_N = (codes_N >= starts[blocks_N]) & (codes_N <= ends[blocks_N])
        found = np.bincount(blocks_N[is_known_N], minlength=len(_BLOCKS)).tolist()
        for (_, _, script), count in zip(_BLOCKS, found, strict=True):
            counts[script] += count
    total = max(1, counts.total())
    return {script: count / total for script, count in counts.most_common() if count}


def check_scripts(where: str, texts: Iterable[str]) -> Checked:
    """Say which scripts texts are written in."""
    shares = script_shares(texts)
    findings = []
    second = dict(list(shares.items())[1:])
    if sum(second.values()) >= SECOND_SCRIPT_SHARE:
        listed = ", ".join(f"{script} {share:.1%}" for script, share in shares.items() if share >= 0.001)
        findings.append(
            Finding(
                level="warning",
                where=where,
                message=f"the letters are of several scripts: {listed}",
                why="languages share one vocabulary and one small model; each gets a part of both",
                hint="keep one language, or give a larger tokenizer.vocab_size",
            )
        )
    return Checked({"scripts": {name: round(share, 6) for name, share in shares.items()}}, tuple(findings))


def _joined(texts: Iterable[str]) -> Iterator[str]:
    """Yield the texts put together to few long ones."""
    waiting: list[str] = []
    characters = 0
    for text in texts:
        waiting.append(text)
        characters += len(text)
        if characters > _LETTERS_AT_ONCE:
            yield "".join(waiting)
            waiting, characters = [], 0
    yield "".join(waiting)
