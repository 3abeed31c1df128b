"""Signs of text that was decoded wrongly or is not plain text, and the scripts it is written in."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from twinlm.doctor.checks.findings import MOST_EXAMPLES, Checked, Finding, excerpt, level_of
from twinlm.doctor.checks.reading import Seen

SECOND_SCRIPT_SHARE = 0.05  # share of the letters from which a second script is a warning

_LETTERS_AT_ONCE = 1 << 20
# UTF-8 read as cp1252 or Latin-1: a lead byte's letter, then what continuation bytes look like there.
_CONTINUED = "\u0080-\u00bf" + "".join(
    char for byte in range(0x80, 0xA0) if (char := bytes([byte]).decode("cp1252", "ignore"))
)
_MOJIBAKE = f"[\u00c2\u00c3\u00d0\u00d1][{_CONTINUED}]|\u00e2[{_CONTINUED}]{{2}}|\u00f0[{_CONTINUED}]{{3}}"
_TAGS = "p|br|div|span|a|b|i|u|em|strong|table|tr|td|th|li|ul|ol|img|font|script|style|h[1-6]|body|html|ref"


@dataclass(frozen=True, slots=True)
class _Sign:
    name: str
    pattern: re.Pattern[str]
    least_share: float  # share of the documents from which it is a warning
    why: str
    hint: str
    is_ascii: bool = False  # whether ASCII text can have it


_SIGNS = (
    _Sign(
        "replacement characters (U+FFFD)",
        re.compile("\ufffd"),
        0.001,
        "the original character is lost; models learn to write this one",
        "read the text again from its source, with the right encoding",
    ),
    _Sign(
        "mojibake (UTF-8 read as another encoding)",
        re.compile(_MOJIBAKE),
        0.001,
        "words are spelled in two ways, so both models see each spelling less often",
        'decode the source as UTF-8, or repair the text: text.encode("cp1252").decode("utf-8")',
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
        "GPT learns to write tags; they are easy to predict, so the losses of both look better",
        "extract the text of the pages first",
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
class _Hits:
    times: int = 0
    documents: int = 0
    examples: list[str] = field(default_factory=list)


class Characters:
    """Counts the signs in the texts of `where`."""

    def __init__(self, where: str) -> None:
        self.where = where
        self._texts = 0
        self._hits = {sign.name: _Hits() for sign in _SIGNS}

    def see(self, document: Seen) -> None:
        """Count the signs of one text."""
        self._texts += 1
        is_ascii = document.text.isascii()
        for sign in _SIGNS:
            if is_ascii and not sign.is_ascii:
                continue
            first = sign.pattern.search(document.text)
            if first and not (document.is_replaced and first[0] == "\ufffd"):
                self._note(sign, document, first.start())

    def checked(self) -> Checked:
        """Return the counts."""
        facts = {
            name: {"times": hits.times, "texts": hits.documents}
            for name, hits in self._hits.items()
            if hits.documents
        }
        return Checked({"texts": self._texts, "signs": facts}, tuple(self._findings()))

    def _note(self, sign: _Sign, document: Seen, start: int) -> None:
        hits = self._hits[sign.name]
        hits.documents += 1
        hits.times += sum(1 for _ in sign.pattern.finditer(document.text))
        if len(hits.examples) < MOST_EXAMPLES:
            hits.examples.append(f"{document.source} {excerpt(document.text, start)}")

    def _findings(self) -> Iterator[Finding]:
        for sign in _SIGNS:
            hits = self._hits[sign.name]
            if hits.documents:
                share = hits.documents / self._texts
                message = f"{hits.times:,} {sign.name} in {hits.documents:,} of {self._texts:,} texts "
                message += f"({100 * share:.2f} %)"
                level, examples = level_of(share, sign.least_share), tuple(hits.examples)
                yield Finding(level, self.where, message, sign.why, sign.hint, examples)


def script_shares(texts: Iterable[str]) -> dict[str, float]:
    """Return the share of each known script among the letters, largest first."""
    counts: Counter[str] = Counter()
    starts = np.array([begin for begin, _, _ in _BLOCKS])
    ends = np.array([end for _, end, _ in _BLOCKS])
    for text in _joined(texts):
        codes_N = np.frombuffer(text.encode("utf-32-le", "replace"), np.uint32).astype(np.int64)
        blocks_N = np.maximum(np.searchsorted(starts, codes_N, side="right") - 1, 0)
        is_known_N = (codes_N >= starts[blocks_N]) & (codes_N <= ends[blocks_N])
        letters = np.bincount(blocks_N[is_known_N], minlength=len(_BLOCKS)).tolist()
        for (_, _, script), count in zip(_BLOCKS, letters, strict=True):
            counts[script] += count
    total = max(1, counts.total())
    return {script: count / total for script, count in counts.most_common() if count}


def check_scripts(where: str, texts: Iterable[str]) -> Checked:
    """Check which scripts texts are written in."""
    shares = script_shares(texts)
    findings = []
    second = dict(list(shares.items())[1:])
    if sum(second.values()) >= SECOND_SCRIPT_SHARE:
        listed = ", ".join(
            f"{script} {100 * share:.1f} %" for script, share in shares.items() if share >= 0.001
        )
        message = f"the letters are of several scripts: {listed}"
        why = "languages share one vocabulary and one small model; each gets a part of both"
        hint = "keep one language, or set a larger tokenizer.vocab_size"
        findings.append(Finding("warning", where, message, why, hint))
    return Checked({"scripts": {name: round(share, 6) for name, share in shares.items()}}, tuple(findings))


def _joined(texts: Iterable[str]) -> Iterator[str]:
    waiting: list[str] = []
    characters = 0
    for text in texts:
        waiting.append(text)
        characters += len(text)
        if characters > _LETTERS_AT_ONCE:
            yield "".join(waiting)
            waiting, characters = [], 0
    yield "".join(waiting)
