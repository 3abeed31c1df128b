"""Twin of `data/labels/examples.py`."""

from twinlm.data.labels.examples import Example


def test_examples_with_equal_texts_share_a_digest_whatever_their_answers() -> None:
    first, second = Example("train-1", ("a", "b"), 1), Example("test-9", ("a", "b"), 0)
    assert first.digest() == second.digest() != Example("train-2", ("a",), 1).digest()
