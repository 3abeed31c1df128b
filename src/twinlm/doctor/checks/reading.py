"""One reading of the corpus for all checks; a sample of it stays in memory."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol

from twinlm.data.text.corpus import read_documents
from twinlm.data.text.splits import SPLITS, Splits
from twinlm.doctor.checks.findings import Checked, Finding, Level, folded
from twinlm.errors import DataError, UserError
from twinlm.settings import CorpusSettings, TaskSettings
from twinlm.system.log import Progress

MOST_KEPT_BYTES = 32 << 20  # size of the sample for checks that take long or must see texts again
MOST_KEPT_CHARACTERS = 1 << 20  # size above which a document is cut in the sample
REPLACED = "lines with bad bytes replaced"

_DIGESTS = 1 << 64
_BETWEEN_REPORTS = 1000


class Seen(NamedTuple):
    """A document for the checks."""

    split: str  # "train", "valid" or "test"
    source: str  # begin of the text, as "path:line"
    text: str  # text; bytes that could not be decoded are U+FFFD
    is_replaced: bool  # whether there were such bytes
    digest: int  # 64 bits that copies share, whatever their case and white space


class Watcher(Protocol):
    """A check that sees every document of the corpus while it is read."""

    def see(self, document: Seen) -> None:
        """Look at one document."""


class CorpusSample:
    """Documents of a corpus in the order of the files, as many as fit into `most_bytes` of UTF-8.

    A document is kept if the hash of its text is below a limit, which is halved whenever the sample is full:
    so every text has the same chance, copies stay together, and the sample is the same in each run.
    """

    def __init__(self, most_bytes: int = MOST_KEPT_BYTES) -> None:
        self.documents: list[Seen] = []
        self._most_bytes = most_bytes
        self._limit = _DIGESTS
        self._bytes = 0

    @property
    def share(self) -> float:
        """Share of the different texts that is kept."""
        return self._limit / _DIGESTS

    def see(self, document: Seen) -> None:
        """Keep a document, or not."""
        if document.digest >= self._limit:
            return
        kept = document._replace(text=document.text[:MOST_KEPT_CHARACTERS])
        self.documents.append(kept)
        self._bytes += len(kept.text.encode())
        while self._bytes > self._most_bytes and len(self.documents) > 1:
            self._limit //= 2
            self.documents = [kept for kept in self.documents if kept.digest < self._limit]
            self._bytes = sum(len(kept.text.encode()) for kept in self.documents)

    def of(self, split: str) -> list[Seen]:
        """Return the kept documents of one split."""
        return [document for document in self.documents if document.split == split]


def read_corpus(corpus: CorpusSettings, watchers: Sequence[Watcher], progress: Progress) -> Checked:
    """Show every document to all watchers; errors become findings, and no encoding stops the reading."""
    facts, findings = {}, []
    for split in SPLITS:
        if not getattr(corpus, split):
            continue
        counts: Counter[str] = Counter()
        seen: Counter[str] = Counter(documents=0, bytes=0)
        try:
            _watch(_shown(progress, split, _documents(corpus, split, counts), counts), watchers, seen)
        except DataError as error:
            findings.append(unreadable(f"corpus.{split}", error))
        odd = {name: count for name, count in counts.items() if count and name not in ("documents", "files")}
        facts[split] = {"files": counts["files"], **seen, "odd": odd}
        findings += bytes_lost(f"corpus.{split}", corpus, counts[REPLACED])
        findings += _rows_lost(split, counts["bad rows"], seen["documents"])
    return Checked(facts, tuple(findings))


def show_documents(documents: Splits, watchers: Sequence[Watcher], progress: Progress) -> Checked:
    """Show documents that were already read and split to all watchers."""
    facts = {}
    progress.start("looking at the text", len(SPLITS), "splits")
    for number, split in enumerate(SPLITS, 1):
        seen: Counter[str] = Counter(documents=0, bytes=0)
        rows = (
            Seen(split, f"{document.source}:1", document.text, False, digest_of(document.text))
            for document in getattr(documents, split)
        )
        _watch(rows, watchers, seen)
        facts[split] = dict(seen)
        progress.advance(number)
    progress.finish()
    return Checked(facts)


def unreadable(where: str, error: UserError) -> Finding:
    """Return the finding for data that can't be read, with the words of its reader."""
    source = "" if error.file is None else f"{error.file}:" + (f"{error.line}: " if error.line else " ")
    return Finding("problem", where, source + error.message, "the run would stop here", error.hint)


def bytes_lost(where: str, settings: CorpusSettings | TaskSettings, lines: int) -> Iterator[Finding]:
    """Yield the finding for lines with bytes that are not of the encoding, if there are any."""
    if lines:
        effects = {"strict": "the run would stop at the first", "replace": "U+FFFD takes their place"}
        message = f"{lines:,} lines hold bytes that are not {settings.encoding.upper()}"
        hint = 'set encoding (perhaps "cp1252"), convert the files (iconv), '
        hint += 'or set errors = "replace" or "skip"'
        level: Level = "problem" if settings.errors == "strict" else "warning"
        why = effects.get(settings.errors, "these lines are left out")
        yield Finding(level, where, message, why, hint)


def digest_of(*texts: str) -> int:
    """Return 64 bits that texts share only if each is equal except for case and white space."""
    joined = "\n".join(map(folded, texts))
    return int.from_bytes(hashlib.blake2b(joined.encode(), digest_size=8).digest(), "little")


def _watch(documents: Iterable[Seen], watchers: Sequence[Watcher], seen: Counter[str]) -> None:
    for document in documents:
        seen["documents"] += 1
        seen["bytes"] += len(document.text.encode())
        for watcher in watchers:
            watcher.see(document)


def _documents(corpus: CorpusSettings, split: str, counts: Counter[str]) -> Iterator[Seen]:
    before = 0
    for document in read_documents(
        getattr(corpus, split),
        text_field=corpus.text_field,
        encoding=corpus.encoding,
        errors="replace",
        max_bad_share=corpus.max_bad_share,
        counts=counts,
    ):
        # The text may also hold U+FFFD of its own; a counted line tells them apart.
        is_replaced = counts[REPLACED] > before and "\ufffd" in document.text
        before = counts[REPLACED]
        yield Seen(split, document.source, document.text, is_replaced, digest_of(document.text))


def _shown(progress: Progress, split: str, documents: Iterator[Seen], counts: Counter[str]) -> Iterator[Seen]:
    file, files, characters = "", -1, 0  # files are counted, as the size of the text is not known before
    for number, document in enumerate(documents):
        if not number:
            progress.start(f"reading corpus.{split}", max(1, counts["files"]), "files")
        path = document.source.rpartition(":")[0]
        files, file = files + (path != file), path
        characters += len(document.text)
        if number % _BETWEEN_REPORTS == 0:
            progress.advance(files, documents=number, MB=f"{characters / 1e6:,.0f}")
        yield document
    progress.advance(files + 1, MB=f"{characters / 1e6:,.0f}")
    progress.finish()


def _rows_lost(split: str, rows: int, documents: int) -> Iterator[Finding]:
    if rows and documents:
        share = rows / (rows + documents)
        message = f"{rows:,} rows hold no usable text and are left out ({100 * share:.2f} %)"
        hint = "correct or remove them; corpus.max_bad_share says how many may be bad"
        yield Finding("warning", f"corpus.{split}", message, "what is left out may be of one kind", hint)
