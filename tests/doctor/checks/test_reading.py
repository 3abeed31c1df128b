import random
from pathlib import Path

import pytest

from twinlm.data.text.corpus import Document
from twinlm.data.text.splits import Splits
from twinlm.doctor.checks import reading
from twinlm.doctor.checks.duplicates import Copies
from twinlm.doctor.checks.reading import CorpusSample, digest_of, read_corpus, show_documents, unreadable
from twinlm.errors import DataError, UsageError
from twinlm.settings import CorpusSettings
from twinlm.system.log import Silent


class Gatherer:
    def __init__(self):
        self.documents = []

    def see(self, document):
        self.documents.append(document)


class Spoken(Silent):
    def __init__(self):
        self.reports = []

    def start(self, what, total, unit):
        self.reports.append((what, total, unit))

    def advance(self, done, **shown):
        self.reports.append((done, shown))


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def read(**settings):
    gatherer = Gatherer()
    return read_corpus(CorpusSettings(**settings), [gatherer], Silent()), gatherer.documents


def test_every_watcher_sees_every_document_of_every_split():
    Path("a.txt").write_text("One.\n\nTwo.")
    Path("b.txt").write_text("Three.")
    first, second = Gatherer(), Gatherer()
    checked = read_corpus(CorpusSettings(train=("a.txt",), test=("b.txt",)), [first, second], Silent())
    assert first.documents == second.documents
    assert [document[:3] for document in first.documents] == [
        ("train", "a.txt:1", "One."), ("train", "a.txt:3", "Two."), ("test", "b.txt:1", "Three."),
    ]  # fmt: skip
    assert checked.facts == {
        "train": {"files": 1, "documents": 2, "bytes": 8, "odd": {}},
        "test": {"files": 1, "documents": 1, "bytes": 6, "odd": {}},
    }
    assert checked.findings == ()


@pytest.mark.parametrize(
    ("errors", "level", "why"),
    [
        ("strict", "problem", "the run would stop at the first"),
        ("replace", "warning", "U+FFFD takes their place"),
        ("skip", "warning", "these lines are left out"),
    ],
)
def test_bytes_of_another_encoding_are_counted_and_stop_nothing(errors, level, why):
    Path("a.txt").write_bytes(
        "Fine.\n\nCaf\xe9.\nR\xf4le.\n\nTrue \ufffd.\n\nEnd.".encode("latin-1", "ignore")
    )
    checked, documents = read(train=("a.txt",), errors=errors)
    (finding,) = checked.findings
    assert (finding.level, finding.where, finding.why) == (level, "corpus.train", why)
    assert finding.message == "2 lines hold bytes that are not UTF-8"
    assert [document.is_replaced for document in documents] == [False, True, False, False]


def test_a_document_that_holds_the_sign_itself_lost_nothing_in_reading():
    Path("a.txt").write_text("Fine.\n\nTrue \ufffd sign.")
    checked, documents = read(train=("a.txt",))
    assert not any(document.is_replaced for document in documents)
    assert checked.findings == ()


def test_what_can_not_be_read_is_a_problem_and_the_rest_is_read():
    Path("b.txt").write_text("Here.")
    checked, documents = read(train=("missing.txt",), valid=("b.txt",))
    (finding,) = checked.findings
    assert (finding.level, finding.where) == ("problem", "corpus.train")
    assert finding.message == "missing.txt: no such file"
    assert [document.text for document in documents] == ["Here."]


def test_unusable_rows_are_a_warning_up_to_the_allowed_share_and_a_problem_above():
    rows = ['{"text": "Fine."}'] * 9 + ['{"body": 1}']
    Path("a.jsonl").write_text("\n".join(rows))
    (few,) = read(train=("a.jsonl",), max_bad_share=0.2)[0].findings
    assert (few.level, few.message) == (
        "warning",
        "1 rows hold no usable text and are left out (10.00 %)",
    )
    levels = [finding.level for finding in read(train=("a.jsonl",), max_bad_share=0.01)[0].findings]
    assert levels[0] == "problem"


def test_the_words_of_a_reader_name_file_and_line():
    error = DataError("it is torn", file="a.csv", line=3, hint="mend it")
    assert unreadable("task t", error).message == "a.csv:3: it is torn"
    assert unreadable("task t", UsageError("no")).message == "no"


def test_a_digest_is_that_of_the_folded_text():
    assert digest_of("A  b") == digest_of("a B\n") != digest_of("a c")
    assert 0 <= digest_of("x") < 1 << 64


def test_progress_counts_files(monkeypatch):
    monkeypatch.setattr(reading, "_BETWEEN_REPORTS", 1)
    Path("a.txt").write_text("One.\n\nTwo.")
    Path("b.txt").write_text("Three.")
    spoken = Spoken()
    read_corpus(CorpusSettings(train=("a.txt", "b.txt")), [], spoken)
    assert spoken.reports[0] == ("reading corpus.train", 2, "files")
    assert [done for done, _ in spoken.reports[1:]] == [0, 0, 1, 2]


def test_a_sample_that_fits_is_everything(seen):
    sample = CorpusSample(most_bytes=1000)
    for document in seen(["one", "two"]) + seen(["three"], "test"):
        sample.see(document)
    assert sample.share == 1
    assert [document.text for document in sample.documents] == ["one", "two", "three"]
    assert [document.text for document in sample.of("test")] == ["three"]


def test_a_sample_holds_a_share_of_the_texts_with_all_their_copies(seen):
    chance = random.Random(0)
    texts = [f"text number {chance.randrange(1500):04}" for _ in range(4000)]
    sample = CorpusSample(most_bytes=20_000)
    for document in seen(texts):
        sample.see(document)
    kept = [document.text for document in sample.documents]
    assert 5_000 < sum(map(len, kept)) <= 20_000
    assert sample.share == 1 / 4
    assert len(set(kept)) / len(set(texts)) == pytest.approx(1 / 4, abs=0.05)
    assert kept == [text for text in texts if text in set(kept)]


def test_a_long_document_is_kept_up_to_a_limit(seen, monkeypatch):
    monkeypatch.setattr(reading, "MOST_KEPT_CHARACTERS", 10)
    sample = CorpusSample(most_bytes=5)
    sample.see(*seen(["x" * 100]))
    assert sample.documents[0].text == "x" * 10


def test_documents_that_were_split_already_are_shown_as_they_were_split():
    rows = {"train": ["a", "bc"], "valid": ["d"], "test": []}
    splits = Splits(*(tuple(Document(text, f"at {text}: 2") for text in texts) for texts in rows.values()))
    gatherer = Gatherer()
    checked = show_documents(splits, [gatherer, Copies()], Silent())
    assert [(seen.split, seen.source, seen.text) for seen in gatherer.documents] == [
        ("train", "at a: 2:1", "a"),
        ("train", "at bc: 2:1", "bc"),
        ("valid", "at d: 2:1", "d"),
    ]
    assert checked.facts["train"] == {"documents": 2, "bytes": 3}
    assert checked.facts["test"] == {"documents": 0, "bytes": 0}
