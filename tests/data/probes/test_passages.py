"""A sample of passages: whole sentences, enough but not much more, from as many documents as there are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinlm.data.probes.passages import Sample, draw_passages
from twinlm.errors import DataError

WORDS = st.lists(st.sampled_from(["Tea", "the", "öl", "3"]), min_size=1, max_size=8)
DOCUMENT = st.lists(WORDS.map(lambda words: "It is " + " ".join(words) + ". "), min_size=1, max_size=6).map(
    "".join
)


@given(
    st.lists(DOCUMENT, min_size=2, max_size=6), st.integers(1, 200), st.integers(10, 90), st.integers(0, 3)
)
def test_passages_are_whole_sentences_of_the_documents(documents, most_bytes, passage_bytes, seed):
    sample = draw_passages(documents, seed=seed, most_bytes=most_bytes + 80, passage_bytes=passage_bytes)
    assert sample.documents == len(documents)
    for text in sample.texts:
        assert any(text in document for document in documents)
        assert len(text.encode()) <= passage_bytes or text.count(". ") == 0
        assert text == text.strip() and text.endswith(".")
    taken = sample.text_bytes - len(sample.texts[-1].encode())
    assert taken < most_bytes + 80 or len(sample.texts) == 2
    everything = draw_passages(documents, seed=seed, most_bytes=10**6, passage_bytes=passage_bytes)
    assert sample.texts == everything.texts[: len(sample.texts)]
    assert (
        sum(map(len, everything.texts)) >= sum(len(d.strip()) for d in documents) - len(everything.texts) * 2
    )


def test_each_document_gives_its_first_passage_before_any_gives_its_second():
    documents = [f"First of {n}. Second of {n}. Third of {n}." for n in range(6)]
    sample = draw_passages(documents, seed=1, most_bytes=100, passage_bytes=12)
    assert {text.split(" ")[0] for text in sample.texts[:6]} == {"First"}
    assert {text.split(" ")[0] for text in sample.texts[6:]} <= {"Second"}
    assert sample == draw_passages(documents, seed=1, most_bytes=100, passage_bytes=12)
    assert (
        sample.fingerprint != draw_passages(documents, seed=2, most_bytes=100, passage_bytes=12).fingerprint
    )


def test_a_fingerprint_is_of_the_passages():
    assert Sample(("a", "b"), 2).fingerprint == Sample(("a", "b"), 9).fingerprint
    assert Sample(("a", "b"), 2).fingerprint != Sample(("ab",), 2).fingerprint


@pytest.mark.parametrize("documents", [[], ["One only."], [" ", ""]])
def test_less_than_two_passages_say_nothing(documents):
    with pytest.raises(DataError, match="at least 2 are needed"):
        draw_passages(documents, seed=1)
