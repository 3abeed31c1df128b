"""The corpus read once, document by document, by all that looks at it; a sample of it stays in memory."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol

from twinlm.data.text.corpus import read_documents
from twinlm.data.text.splits import SPLITS, Splits
from twinlm.doctor.checks.findings import Checked, Finding, folded
from twinlm.errors import DataError, UserError
from twinlm.settings import CorpusSettings, TaskSettings
from twinlm.system.log import Progress

MOST_KEPT_BYTES = 32 << 20
"""Text that is kept for the checks that take long or must see texts again."""
MOST_KEPT_CHARACTERS = 1 << 20
"""A longer document is kept up to here."""

_DIGESTS = 1 << 64
_REPLACED = "lines with bad bytes replaced"
_BETWEEN_REPORTS = 1000


class Seen(NamedTuple):
    """A document as the checks see it."""

    split: str
    """ "train", "valid" or "test"."""
    source: str
    """Where it begins, as "path:line"."""
    text: str
    """Bytes that could not be decoded are U+FFFD in it."""
    is_replaced: bool
    """Whether there were such bytes."""
    digest: int
    """64 bits that copies share, whatever their case and white space."""


class Watcher(Protocol):
    """Looks at every document of the corpus as it is read."""

    def see(self, document: Seen) -> None:
        """Look at one document."""


class Sample:
    """Documents of a corpus in the order of the files, as many as fit.

    A document is kept if the hash of its text is below a limit, which is halved whenever the kept ones take
    too much: so every text has the same chance, copies stay together, and the sample is the same in each run.

    Args:
        most_bytes: of text, in UTF-8.
    """

    def __init__(self, most_bytes: int = MOST_KEPT_BYTES) -> None:
        self.documents: list[Seen] = []
        self._most_bytes = most_bytes
        self._limit = _DIGESTS
        self._bytes = 0

    @property
    def share(self) -> float:
        """The share of the different texts that is kept."""
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
    """Show every document to all watchers; what can't be read becomes findings.

    Bytes of another encoding never stop the reading, whatever the settings say.

    Args:
        corpus: names the files.
        watchers: what looks at the documents.
        progress: told how many bytes are read.
    """
    facts, findings = {}, []
    for split in SPLITS:
        paths = getattr(corpus, split)
        if not paths:
            continue
        counts: Counter[str] = Counter()
        seen: Counter[str] = Counter(documents=0, bytes=0)
        try:
            _watch(_shown(progress, split, _documents(corpus, split, counts), counts), watchers, seen)
        except DataError as error:
            findings.append(unreadable(f"corpus.{split}", error))
        odd = {name: count for name, count in counts.items() if count and name not in ("documents", "files")}
        facts[split] = {"files": counts["files"], **seen, "odd": odd}
        findings += bytes_lost(f"corpus.{split}", corpus, counts[_REPLACED])
        findings += _rows_lost(split, counts["bad rows"], seen["documents"])
    return Checked(facts, tuple(findings))


def show_documents(documents: Splits, watchers: Sequence[Watcher], progress: Progress) -> Checked:
    """Show documents that were read and split already to all watchers.

    Args:
        documents: of the run, each a source of its own, of which it is line 1.
        watchers: what looks at them.
        progress: told how many splits were shown.
    """
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
    place = "" if error.file is None else f"{error.file}:" + (f"{error.line}: " if error.line else " ")
    return Finding(
        level="problem",
        where=where,
        message=place + error.message,
        why="the run would stop here",
        hint=error.hint,
    )


def bytes_lost(where: str, settings: CorpusSettings | TaskSettings, lines: int) -> Iterator[Finding]:
    """Yield the finding for lines with bytes that are not of the encoding, if there are any."""
    if lines:
        does = {"strict": "the run would stop at the first", "replace": "U+FFFD stands in their place"}
        yield Finding(
            level="problem" if settings.errors == "strict" else "warning",
            where=where,
            message=f"{lines:,} lines hold bytes that are not {settings.encoding.upper()}",
            why=does.get(settings.errors, "these lines are left out"),
            hint='set encoding (perhaps "cp1252"), convert the files (iconv), or set errors = "replace" or '
            '"skip"',
        )


def digest_of(text: str) -> int:
    """Return 64 bits that texts share only if they are equal but for case and white space."""
    return int.from_bytes(hashlib.blake2b(folded(text).encode(), digest_size=8).digest(), "little")


def _watch(documents: Iterable[Seen], watchers: Sequence[Watcher], seen: Counter[str]) -> None:
    """Show documents to all watchers, counting them and their bytes."""
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
        is_replaced = counts[_REPLACED] > before and "\ufffd" in document.text
        before = counts[_REPLACED]
        yield Seen(split, document.source, document.text, is_replaced, digest_of(document.text))


def _shown(progress: Progress, split: str, documents: Iterator[Seen], counts: Counter[str]) -> Iterator[Seen]:
    """Yield documents, showing how many files are read; how much text there is isn't known before."""
    file, files, characters = "", -1, 0
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
        yield Finding(
            level="warning",
            where=f"corpus.{split}",
            message=f"{rows:,} rows hold no usable text and are left out ({rows / (rows + documents):.2%})",
            why="what is left out may be of one kind",
            hint="correct or remove them; corpus.max_bad_share says how many may be",
        )
