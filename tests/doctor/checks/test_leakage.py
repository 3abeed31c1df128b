import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinlm.doctor.checks import leakage
from twinlm.doctor.checks.leakage import Target, TaskSearch

LONG = "In the year of the great flood the river rose so high that nobody crossed it for a month"
SHORT = "A dull film about clever people."


def search(targets, documents, task="t"):
    looking = TaskSearch([Target(task, f"test row {number}", text) for number, text in enumerate(targets, 1)])
    for document in documents:
        looking.see(document)
    return looking.checked()


def test_a_whole_text_inside_a_document_is_found(seen):
    documents = seen(
        ["Nothing here.", f"Before. {LONG.upper()}! And after.", "Then: a dull film, about CLEVER people"]
    )
    checked = search([LONG, SHORT, "Some other text of more words"], documents)["t"]
    assert checked.facts == {
        "held-out texts": 3,
        "too short to look for": 0,
        "whole in the corpus": 2,
        "only a run of 13 words in the corpus": 0,
    }
    (finding,) = checked.findings
    assert (finding.level, finding.where) == ("problem", "task t")
    assert finding.message.startswith(
        "2 of 3 validation and test texts are in the corpus, word for word (66.7 %)"
    )
    assert finding.examples[0].startswith("test row 1 in a.txt:2 'In the year")


def test_thirteen_words_in_a_row_are_found_and_twelve_are_not(seen):
    words = LONG.split()
    for count, found in ((13, 1), (12, 0)):
        documents = seen([" ".join(["x", *words[3 : 3 + count], "y"])])
        checked = search([LONG], documents)["t"]
        assert checked.facts["only a run of 13 words in the corpus"] == found
        assert checked.facts["whole in the corpus"] == 0
        assert len(checked.findings) == found


def test_what_pre_training_does_not_read_is_not_looked_through(seen):
    for split, found in (("train", 1), ("valid", 0), ("test", 0)):
        checked = search([LONG], seen([LONG], split))["t"]
        assert checked.facts["whole in the corpus"] == found


def test_a_text_over_the_end_of_a_document_is_not_in_it(seen):
    words = SHORT.split()
    checked = search([SHORT], seen([" ".join(words[:3]), " ".join(words[3:])]))["t"]
    assert checked.findings == ()


def test_few_of_many_are_a_note(seen):
    targets = [f"a text of number {number} with some words" for number in range(1000)]
    (finding,) = search(targets, seen([targets[7]]))["t"].findings
    assert finding.level == "note"


def test_texts_of_a_few_words_are_counted_and_not_looked_for(seen):
    checked = search(["Very good.", "no"], seen(["Very good. no"]))["t"]
    assert checked.facts["too short to look for"] == 2
    assert checked.findings == ()


def test_tasks_are_told_apart(seen):
    looking = TaskSearch([Target("first", "row 1", LONG), Target("second", "row 1", SHORT)])
    for document in seen([SHORT]):
        looking.see(document)
    assert [len(checked.findings) for checked in looking.checked().values()] == [0, 1]


def test_without_targets_there_is_nothing(seen):
    assert search([], seen([LONG])) == {}


@given(st.data())
def test_it_finds_what_a_slow_search_finds(data):
    chance = random.Random(data.draw(st.integers(0, 10**6)))

    def text(least, most):
        return [chance.choice("ab") for _ in range(chance.randint(least, most))]

    targets, documents = [text(4, 18) for _ in range(12)], [text(0, 60) for _ in range(8)]
    from twinlm.doctor.checks.reading import Seen

    shown = [
        Seen("train", f"x:{number}", " ".join(words), False, 0) for number, words in enumerate(documents)
    ]
    facts = search(map(" ".join, targets), shown)["t"].facts

    def holds(words, part):
        return any(words[place : place + len(part)] == part for place in range(len(words) - len(part) + 1))

    long_enough = [words for words in targets if len(words) >= 6]
    whole = [words for words in long_enough if any(holds(document, words) for document in documents)]
    only_run = [
        words
        for words in long_enough
        if words not in whole
        and any(
            holds(document, words[place : place + 13])
            for document in documents
            for place in range(len(words) - 12)
        )
    ]
    assert facts["whole in the corpus"] == len(whole)
    assert facts["only a run of 13 words in the corpus"] == len(only_run)


@pytest.mark.parametrize("at_once", [1, 10, 10**6])
def test_it_does_not_matter_how_many_documents_are_looked_through_at_once(monkeypatch, seen, at_once):
    monkeypatch.setattr(leakage, "_WORDS_AT_ONCE", at_once)
    checked = search([SHORT, LONG], seen(["x", SHORT, "", f"so {LONG}"]))["t"]
    assert checked.facts["whole in the corpus"] == 2
