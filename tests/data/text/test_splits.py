"""Splits: decided by the text alone, and without a text in common."""

from collections import Counter
from itertools import compress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinlm.data.text.corpus import Document
from twinlm.data.text.splits import Splits, distinct_flags, split_documents, text_hash
from twinlm.errors import DataError, UsageError


def documents(*texts: str) -> list[Document]:
    return [Document(text, f"a.txt:{number}") for number, text in enumerate(texts, start=1)]


def many(number: int = 1000) -> list[Document]:
    return documents(*(f"text {number}" for number in range(number)))


def split(given_documents, *, valid_share=0.1, test_share=0.2, seed=1, **more) -> tuple[Splits, Counter[str]]:
    counts: Counter[str] = Counter()
    shares = {"valid_share": valid_share, "test_share": test_share}
    return split_documents(given_documents, **shares, seed=seed, counts=counts, **more), counts


def remove_duplicates(*given_documents, counts, held_out=frozenset()) -> Splits:
    flags = distinct_flags(
        [[text_hash(document.text) for document in part] for part in given_documents],
        [bytearray(b"\1" * len(part)) for part in given_documents],
        held_out=held_out,
        counts=counts,
    )
    return Splits(*(tuple(compress(*pair)) for pair in zip(given_documents, flags, strict=True)))


def test_the_shares_are_kept_about():
    splits, counts = split(many())
    assert len(splits.valid) == pytest.approx(100, abs=30)
    assert len(splits.test) == pytest.approx(200, abs=40)
    assert len(splits.train) + len(splits.valid) + len(splits.test) == 1000
    assert not counts


def test_the_split_is_the_same_whatever_the_order_and_the_other_documents():
    whole, _ = split(many())
    for part in (many()[::-1], many()[::2]):
        other, _ = split(part)
        for name in ("train", "valid", "test"):
            assert set(getattr(other, name)) == set(getattr(whole, name)) & set(part)


def test_another_seed_gives_another_split_and_another_place_none():
    first, _ = split(many())
    moved, _ = split([Document(document.text, "elsewhere:1") for document in many()])
    assert [document.text for document in moved.test] == [document.text for document in first.test]
    assert split(many(), seed=2)[0].test != first.test


def test_more_test_documents_leave_the_old_ones_in_test():
    assert set(split(many(), test_share=0.1)[0].test) < set(split(many(), test_share=0.2)[0].test)


@given(st.lists(st.sampled_from(["a b", "a  b", " a b\n", "c", "C", "d"]), max_size=30))
def test_no_text_stands_twice_and_all_are_accounted_for(texts):
    splits, counts = split([*many(60), *documents(*texts)])
    kept = [
        text_hash(document.text) for part in (splits.train, splits.valid, splits.test) for document in part
    ]
    assert len(set(kept)) == len(kept) == 60 + len({" ".join(text.split()) for text in texts})
    assert counts["duplicate documents"] == 60 + len(texts) - len(kept)


def test_held_out_task_texts_are_left_out_of_every_split():
    held_out = frozenset({text_hash(" text  7"), text_hash("text 8")})
    splits, counts = split([*many(), *documents("text\n7")], held_out=held_out)
    assert len(splits.train) + len(splits.valid) + len(splits.test) == 998
    assert counts == {"documents that equal a held-out task text": 3}


def test_a_split_that_was_asked_for_and_is_empty_is_refused_with_numbers_and_advice():
    with pytest.raises(DataError) as caught:
        split(documents("a"), valid_share=0.01, test_share=0.01)
    assert str(caught.value) == (
        "no validation document: 1 different documents gave 1 for training, 0 for validation "
        "(valid_share = 0.01) and 0 for test (test_share = 0.01); give more documents (in .txt files "
        "blank lines separate them), other "
        "shares, or a file per split"
    )
    with pytest.raises(DataError, match="no training document: 0 different documents"):
        split([])
    assert split(documents("a"), valid_share=0, test_share=0)[0] == Splits(tuple(documents("a")), (), ())


@pytest.mark.parametrize("shares", [(-0.1, 0.1), (0.5, 0.5), (1.0, 0), (float("nan"), 0.1), (0, 2)])
def test_shares_that_leave_nothing_to_train_on_are_refused(shares):
    with pytest.raises(UsageError, match=r"valid_share = .* test_share = .* must be 0 or more and below 1"):
        split(many(), valid_share=shares[0], test_share=shares[1])


def test_given_splits_lose_what_stands_in_a_later_one():
    counts: Counter[str] = Counter()
    splits = remove_duplicates(
        documents("a", "b", "c", "d", "d", "task"),
        documents("b", "c ", "e", "task", "e"),
        documents("c", "f", "task", "f"),
        held_out=frozenset({text_hash("task")}),
        counts=counts,
    )
    texts = [[document.text for document in part] for part in (splits.train, splits.valid, splits.test)]
    assert texts == [["a", "d"], ["b", "e"], ["c", "f", "task"]]
    assert counts == {
        "training documents that stand in validation or test": 2,
        "validation documents that stand in test": 1,
        "duplicate documents": 3,
        "documents that equal a held-out task text": 2,
    }


def test_given_splits_of_which_nothing_is_left_are_refused():
    with pytest.raises(DataError) as caught:
        remove_duplicates(documents("a", "b"), documents("a"), documents("b"), counts=Counter())
    assert str(caught.value) == (
        "no training document is left of 2 (2 training documents that stand in validation or test); "
        "name files with different texts"
    )
    with pytest.raises(DataError, match="no training document is left of 0"):
        remove_duplicates([], documents("a"), documents("b"), counts=Counter())
    assert remove_duplicates(documents("a"), [], [], counts=Counter()).valid == ()
