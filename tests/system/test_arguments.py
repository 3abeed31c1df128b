"""Arguments of Python callers: what stands for a list and what does not."""

from pathlib import Path

import numpy as np
import pytest

from twinlm.errors import UsageError
from twinlm.system.arguments import as_path, check_list, check_many


@pytest.mark.parametrize("texts", [[], ["a"], ("a", "b"), np.array(["a", "b"])], ids=str)
def test_lists_tuples_and_arrays_of_texts_are_taken(texts):
    check_list(texts, "texts")
    check_list([texts, texts], "rows", depth=2)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("A river", r"texts must be a list of texts, not a text: 'A river'; put it in brackets: \[text\]"),
        (b"A river", "texts must be a list of texts, not bytes"),
        (None, "texts must be a list of texts, not None"),
        (7, "texts must be a list of texts, not an int: 7"),
        ({"a"}, "texts must be a list of texts, not a set"),
        ({"a": "b"}, "texts must be a list of texts, not a dict"),
        (iter(["a"]), r"which can be read only once; write list\(texts\)"),
        (["a", None], r"texts\[1\] must be a text, not None"),
        ([["a"]], r"texts\[0\] must be a text, not a list: \['a'\]"),
    ],
    ids=lambda value: repr(value).partition(" at 0x")[0],
)
def test_anything_else_is_refused_by_its_name(value, message):
    with pytest.raises(UsageError, match=message):
        check_list(value, "texts")


def test_pairs_are_two_texts_each():
    check_list([("a", "b"), ["c", "d"]], "pairs", depth=2, size=2)
    with pytest.raises(UsageError, match=r"pairs\[1\] must be a list of texts, not a text: 'ab'"):
        check_list([("a", "b"), "ab"], "pairs", depth=2, size=2)
    with pytest.raises(UsageError, match=r"pairs\[0\] must have 2 texts, not 3"):
        check_list([("a", "b", "c")], "pairs", depth=2, size=2)


def test_documents_are_not_read_to_be_checked():
    check_many(iter(["a"]), "documents")
    with pytest.raises(UsageError, match="documents must be a list of texts, not a text"):
        check_many("a", "documents")


def test_a_path_may_be_a_text():
    assert as_path("a/b", "folder") == as_path(Path("a/b"), "folder") == Path("a/b")
    with pytest.raises(UsageError, match="folder must be a path, not None"):
        as_path(None, "folder")
