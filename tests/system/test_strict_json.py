"""JSON that could not be written again is refused, whichever text or bytes it comes in."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinlm.system import strict_json

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(VALUES, st.booleans())
def test_what_json_can_hold_is_read(value: object, is_ascii: bool) -> None:
    text = json.dumps(value, ensure_ascii=is_ascii)
    assert strict_json.loads(text) == strict_json.loads(text.encode()) == value


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "Expecting value"),
        (b'{"a": }', "Expecting value"),
        (b"NaN", "NaN is not a number"),
        (b"[-Infinity]", "-Infinity is not a number"),
        (b"[1e400]", "1e400 is too large"),
        (b"-1" + b"0" * 400 + b".0", "-1000.* is too large"),
        (b"1" * 5000, "digits"),
        (b'{"a": 1, "a": 1}', "the key .a. appears twice"),
        (b'{"a": "\\ud800"}', "surrogates not allowed"),
        (b'{"\\uDFff": 1}', "surrogates not allowed"),
        (b'"\xed\xa0\x80"', "can't decode"),
        (b"\xff\xfe1\0", "can't decode"),
        (b"[" * 100_000, "nested too deeply"),
    ],
)
def test_all_else_is_a_value_error(text: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        strict_json.loads(text)


def test_a_key_that_stands_twice_among_very_many_is_found_at_once() -> None:
    keys = [f'"{number}": 0' for number in range(100_000)]
    began_s = time.process_time()
    with pytest.raises(ValueError, match="the key '99999' appears twice"):
        strict_json.loads(f"{{{', '.join([*keys, keys[-1]])}}}")
    assert time.process_time() - began_s < 2


def test_the_number_of_keys_may_be_bounded() -> None:
    assert strict_json.loads('{"a": {"b": 1}}', most_keys=1) == {"a": {"b": 1}}
    with pytest.raises(ValueError, match="an object has 2 keys, more than 1"):
        strict_json.loads('[{"a": 1, "b": 2}]', most_keys=1)
