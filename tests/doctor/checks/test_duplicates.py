from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinlm.data.text.splits import SPLITS
from twinlm.doctor.checks.duplicates import Copies, repeated_lines
from twinlm.doctor.checks.reading import Seen, digest_of


def look(documents):
    copies = Copies()
    for document in documents:
        copies.see(document)
    return copies.checked(documents)


def test_copies_are_counted_with_their_places_and_text(seen):
    checked = look(seen(["One text.", "Other.", "one  TEXT.", "One text.\n"]))
    assert checked.facts == {"copies in train": 2}
    (finding,) = checked.findings
    assert finding.level == "warning"
    assert finding.message == "2 of 4 documents are copies of others there, 57.1 % of its text"
    assert finding.examples == ("a.txt:1, a.txt:3, a.txt:4 'One text.'",)


def test_many_copies_of_a_heading_are_a_note(seen):
    texts = ["History", "A long text of its own. " * 40] * 3
    texts[1] += "first"
    texts[3] += "second"
    assert [finding.level for finding in look(seen(texts)).findings] == ["note"]


def test_a_copy_in_a_held_out_split_is_told_apart(seen):
    documents = (
        seen(["a b", "c d", "e f"]) + seen(["c d"], "valid", "v.txt") + seen(["E F", "c d"], "test", "t.txt")
    )
    checked = look(documents)
    assert checked.facts == {
        "documents of test that stand in train": 2,
        "documents of valid that stand in train": 1,
        "documents of test that stand in valid": 1,
    }
    finding = checked.findings[0]
    assert finding.where == "corpus.test"
    assert "2 of 2 documents are also in corpus.train" in finding.message
    assert "a.txt:3, t.txt:1 'e f'" in finding.examples


def test_nothing_twice_is_nothing_to_say(seen):
    assert look(seen(["a", "b"])).findings == ()
    assert look([]).findings == ()


@given(st.lists(st.tuples(st.sampled_from(SPLITS), st.sampled_from("abcde"))))
def test_counts_are_those_of_a_slow_count(pairs):
    documents = [
        Seen(split, f"x:{place}", text, False, digest_of(text)) for place, (split, text) in enumerate(pairs)
    ]
    wanted = {}
    by_split = {split: Counter(text for of, text in pairs if of == split) for split in SPLITS}
    for split, counts in by_split.items():
        if surplus := counts.total() - len(counts):
            wanted[f"copies in {split}"] = surplus
    for one, other in (("test", "train"), ("valid", "train"), ("test", "valid")):
        if both := sum(number for text, number in by_split[one].items() if text in by_split[other]):
            wanted[f"documents of {one} that stand in {other}"] = both
    assert look(documents).facts == wanted


def test_a_line_in_many_documents_is_boilerplate(seen):
    texts = [f"Home | About us\nA text about number {number}.\n***" for number in range(30)]
    (finding,) = repeated_lines(seen(texts)).findings
    assert finding.level == "warning"
    assert finding.message.startswith("1 lines are in 10 documents or more each, ")
    assert finding.examples == ("30 documents, such as a.txt:1 'home | about us'",)


def test_a_line_twice_in_one_document_counts_once(seen):
    texts = ["A line.\nA line.\nA line."] * 5 + [f"Text {number}.\nOther {number}." for number in range(20)]
    assert repeated_lines(seen(texts)).findings == ()


def test_documents_of_one_line_are_left_to_the_search_for_copies(seen):
    assert repeated_lines(seen(["The same line."] * 50)).facts["repeated lines"] == 0
    assert repeated_lines([]).findings == ()


def test_the_share_is_of_all_characters(seen):
    texts = ["Read more here\n" + "x" * 85 + f"{number:02}" for number in range(10)]
    assert repeated_lines(seen(texts)).facts == {
        "repeated lines": 1,
        "share of the text": pytest.approx(14 / 102, abs=1e-6),
    }
