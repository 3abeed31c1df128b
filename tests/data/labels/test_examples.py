"""Twin of `data/labels/examples.py`."""

from twinlm.data.labels.examples import Example


def test_examples_with_equal_texts_share_a_digest_whatever_their_answers() -> None:
    first, second = Example("train-1", ("a", "b"), 1), Example("test-9", ("a", "b"), 0)
    assert first.digest() == second.digest() != Example("train-2", ("a",), 1).digest()


def test_texts_are_hashed_one_by_one_and_a_single_text_as_ever() -> None:
    assert Example("1", ("a b", "c"), 1).digest() != Example("2", ("a", "b c"), 1).digest()
    assert Example("1", ("a\nb",), 1).digest() != Example("2", ("a", "b"), 1).digest()
    assert Example("1", ("a  b",), 1).digest().hex() == "acc9227cc02e5f5c13e74125bce89499"
