"""What is wrong with a JSON row, each in its own words."""

from collections import Counter
from pathlib import Path

import pytest

from twinlm.data.text.corpus import Document, read_documents
from twinlm.errors import DataError

GOOD = b'{"text": "good"}\n'


def read(*paths: str | Path, **settings) -> tuple[list[Document], Counter[str]]:
    counts: Counter[str] = Counter()
    documents = list(read_documents([str(path) for path in paths], counts=counts, **settings))
    return documents, +counts


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


BAD_ROWS = {
    b"{'text': 'a'}": "not JSON at column 2: Expecting property name enclosed in double quotes in "
    "\"{'text': 'a'}\"",
    b'{"text": "a"': "not JSON at column 13: Expecting ',' delimiter in '{\"text\": \"a\"'",
    b"[": "not JSON at column 2: Expecting value in '[' (is it spread over several lines? write one "
    "object a line)",
    b'["a"]': "not an object but a list: '[\"a\"]'",
    b"null": "not an object but null: 'null'",
    b'"a"': "not an object but a text: '\"a\"'",
    b"true": "not an object but true or false: 'true'",
    b"{}": "no field 'text'; the row has nothing",
    b'{"Text": "a", "id": 1}': "no field 'text'; the row has 'Text', 'id'",
    b'{"text": 1.5}': "the field 'text' is a number, not a text: '1.5'",
    b'{"text": {"a": 1}}': "the field 'text' is an object, not a text: \"{'a': 1}\"",
    b'{"text": null}': "the field 'text' is null, not a text: 'None'",
    b'{"text": "a", "text": "b"}': "the key 'text' comes 2 times in one object",
    b'{"text": "a", "m": {"x": 1, "x": 2}}': "the key 'x' comes 2 times in one object",
    b'{"text": "ab\\ud800"}': "the field 'text' has half a surrogate pair, \\ud800, at character 3",
    b'{"text": "a", "n": NaN}': "not JSON: NaN is no JSON value (use null for what is missing)",
    b'{"text": "a", "n": -Infinity}': "not JSON: -Infinity is no JSON value (use null for what is missing)",
    b'{"text": ' + b"[" * 99_999: "JSON nested too deeply: '" + '{"text": ' + "[" * 31 + "'...",
    b'{"n": ' + b"9" * 5000 + b"}": 'a number with thousands of digits in \'{"n": ' + "9" * 34 + "'...",
}


@pytest.mark.parametrize("row", BAD_ROWS, ids=range(len(BAD_ROWS)))
def test_every_json_type_bad_row_is_named(row):
    Path("a.jsonl").write_bytes(GOOD + row + b"\n" + GOOD)
    with pytest.raises(DataError) as caught:
        read("a.jsonl", max_bad_share=0)
    assert str(caught.value).startswith(f"a.jsonl:2: {BAD_ROWS[row]} (1 of 3 rows is bad")
