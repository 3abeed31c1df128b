"""Labelled files that are bad: a table of them with the message that each must give."""

import bz2
import gzip
import lzma
import re
from collections import Counter
from pathlib import Path

import pytest
import zstandard

from twinlm.data.labels.forms import CHOICE, Fields
from twinlm.data.labels.labelled import LabelledSet, read_labelled
from twinlm.errors import DataError

J = b'{"text": "a", "label": "x"}\n'
GZ = gzip.compress(J * 50, mtime=0)
XZ = lzma.compress(J)
MEND = "correct or remove what is bad"
NAMES = (
    "begin the file with a line that names the columns 'text' and 'label', or set the names of yours, "
    "or their numbers from 1"
)
ENDINGS = "known: .csv, .tsv, .jsonl, .json, each also with .gz, .bz2, .xz, .zst"
AGAIN = "copy or download the file again"


def read(name: str, data: bytes, **settings) -> tuple[LabelledSet, Counter[str]]:
    Path(name).write_bytes(data)
    counts: Counter[str] = Counter()
    return read_labelled(name, counts=counts, **settings), +counts


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def row(name: str, line: int, reason: str) -> str:
    """Return the message about a single bad row."""
    return f"{name}:{line}: {reason}; {MEND}"


def narrow(name: str, place: str, encoding: str) -> str:
    """Return the message about bytes of a guessed encoding."""
    return (
        f'{name}:{place}; it may be {encoding}: set task.encoding = "{encoding}", '
        f"or convert the file to UTF-8 "
        f'(iconv -f {encoding} -t utf-8), or if it is damaged UTF-8 set task.errors = "replace" or "skip"'
    )


def wide(name: str, encoding: str, begin: str) -> str:
    """Return the message about a file that is UTF-16."""
    return (
        f"{name}: this is {encoding.upper()} text, not UTF-8: it begins with the bytes {begin}; "
        f'set task.encoding = "{encoding}", or convert the file to UTF-8 (iconv -f {encoding} -t utf-8)'
    )


# Of each bad file: what it holds, and the whole message; "<...>" stands for a library's own words.
BAD_FILES = {
    "empty.csv": (b"", f"empty.csv: the file has no content: no header, 0 rows; {NAMES}"),
    "blank.csv": (b"\n\n  \n", f"blank.csv: the file has no content: no header, 0 rows; {NAMES}"),
    "header.csv": (
        b"text,label\n",
        "header.csv: the file has no rows: 11 bytes, 0 examples; give it rows with 'text' and 'label'",
    ),
    "empty.jsonl": (
        b"",
        "empty.jsonl: the file has no rows: 0 bytes, 0 examples; give it rows with 'text' and 'label'",
    ),
    "blank.jsonl": (
        b"\n \n",
        "blank.jsonl: the file has no rows: 3 bytes, 0 examples; give it rows with 'text' and 'label'",
    ),
    "headless.csv": (
        b"a fine film,pos\na bad film,neg\n",
        f"headless.csv:1: the header has no column 'text'; its columns are 'a fine film', 'pos'; {NAMES}",
    ),
    "capital.csv": (
        b"Text,sentiment\na,b\n",
        "capital.csv:1: the header has no column 'text'; its columns are 'Text', 'sentiment'; "
        f"did you mean 'Text'? {NAMES}",
    ),
    "typo.csv": (
        b"\ntext,lable\na,b\n",
        "typo.csv:2: the header has no column 'label'; its columns are 'text', 'lable'; "
        f"did you mean 'lable'? {NAMES}",
    ),
    "twins.csv": (
        b"text,label,text\na,b,c\n",
        "twins.csv:1: the header names 'text' 2 times: 'text', 'label', 'text'; "
        "rename or remove one of the columns",
    ),
    "latin.csv": (
        "text,label\ncafé,x\n".encode("latin-1"),
        narrow(
            "latin.csv", "2: byte offset 14: the bytes e9 2c 78 are not UTF-8 (after 'caf')", "iso-8859-1"
        ),
    ),
    "quotes.csv": (
        "text,label\n“so” it is,x\n".encode("cp1252"),
        narrow("quotes.csv", "2: byte offset 11: the bytes 93 73 6f 94 are not UTF-8", "cp1252"),
    ),
    "wide.csv": (
        "text,label\na,x\n".encode("utf-16"),
        wide("wide.csv", "utf-16", "ff fe 74 00 65 00 78 00"),
    ),
    "wide.tsv": (
        "text\tlabel\na\tx\n".encode("utf-16-le"),
        wide("wide.tsv", "utf-16-le", "74 00 65 00 78 00 74 00"),
    ),
    "wide.jsonl": (
        J.decode().encode("utf-16-be"),
        wide("wide.jsonl", "utf-16-be", "00 7b 00 22 00 74 00 65"),
    ),
    "parquet.csv": (
        b"PAR1....",
        "parquet.csv: this is a Parquet file, not text; add the ending .parquet to its name",
    ),
    "excel.csv": (b"PK\x03\x04...", "excel.csv: this is a zip archive, not text; extract its text first"),
    "gzip.csv": (GZ, "gzip.csv: this is a gzip file, not text; add the ending .gz to its name"),
    "table.xlsx": (b"PK", f"table.xlsx: the ending '.xlsx' does not say what the file holds; {ENDINGS}"),
    "table": (b"a", f"table: a name without an ending does not say what the file holds; {ENDINGS}"),
    "cut.jsonl.gz": (
        GZ[:-9],
        f"cut.jsonl.gz: the gzip data is cut off: it ends after {len(GZ) - 9} bytes, within a "
        f"compressed member; {AGAIN}",
    ),
    "sum.jsonl.gz": (
        GZ[:-8] + b"\0\0\0\0" + GZ[-4:],
        f"sum.jsonl.gz: the gzip data is damaged within its bytes 0 to {len(GZ)} (<...>); {AGAIN}",
    ),
    "more.jsonl.gz": (
        GZ + b"garbage",
        f"more.jsonl.gz: other bytes follow the end of the gzip data, at byte {len(GZ)}: 67 61 72 "
        f"62 61 67; "
        f"cut them off, or {AGAIN}",
    ),
    "flip.jsonl.xz": (
        XZ[:40] + bytes([XZ[40] ^ 1]) + XZ[41:],
        f"flip.jsonl.xz: the xz data is damaged within its bytes 0 to {len(XZ)} (<...>); {AGAIN}",
    ),
    **{
        f"no.jsonl{ending}": (
            J,
            f"no.jsonl{ending}: this is not a {name} file: it begins with the bytes 7b 22 74 65 78 74; "
            "give it the ending of its real format",
        )
        for ending, name in {".gz": "gzip", ".bz2": "bzip2", ".xz": "xz", ".zst": "Zstandard"}.items()
    },
    **{
        f"end.jsonl{ending}": (
            data[:-2],
            f"end.jsonl{ending}: the {name} data is cut off: it ends after {len(data) - 2} bytes, "
            f"within a compressed member; {AGAIN}",
        )
        for ending, name, data in (
            (".bz2", "bzip2", bz2.compress(J)),
            (".xz", "xz", XZ),
            (".zst", "Zstandard", zstandard.compress(J)),
        )
    },
}

# Of each table with bad rows: its bytes, the line of the (first) bad row, and what is wrong with it.
BAD_TABLES = {
    "short.csv": (
        b"text,label\na,x\nb\n",
        3,
        "1 field, but the first line has 2 columns (a value is missing)",
    ),
    "long.csv": (
        b"text,label\na, b,x\n",
        2,
        "3 fields, but the first line has 2 columns (put a text that holds a comma in quotes)",
    ),
    "long-semicolon.csv": (
        b"text;label\na; b;x\n",
        2,
        "3 fields, but the first line has 2 columns (put a text that holds a semicolon in quotes)",
    ),
    "open.csv": (b'text,label\na,x\n"b,y\nc,x\n', 3, 'the row has a quote (") that is never closed'),
    "after.csv": (
        b'text,label\n"a" b,x\nc,y\n',
        2,
        'text, not a comma, follows a closing quote (") (double a quote within a text)',
    ),
    "lines.csv": (b'text,label\n"a\nb\nc",x\n"d\ne",\nf,y\n', 5, "the field 'label' is empty"),
    "nul.csv": (
        b"text,label\na\0b,x\n",
        2,
        "the field 'text' has a NUL character, the first at character 2",
    ),
    "label.csv": (b"text,label\na,\nb,y\n", 2, "the field 'label' is empty"),
    "blank-label.csv": (b"text,label\na,  \nb,y\n", 2, "the field 'label' is only white space"),
    "no-break-label.csv": (
        "text,label\na,\u00a0\nb,y\n".encode(),
        2,
        "the field 'label' is only white space",
    ),
    "text.csv": (b"text,label\n,x\n", 2, "the field 'text' is empty"),
    "blank-text.csv": (b"text,label\n \t ,x\n", 2, "the field 'text' is only white space"),
    "huge.csv": (
        b"text,label\n" + b"a" * (1 << 20) + b"a,x\n",
        2,
        "a field is longer than 1,048,576 characters (is a quote never closed?)",
    ),
    "mark.csv": (
        b"text,label\na,x\n\xef\xbb\xbf\nb,y\n",
        3,
        "1 field, but the first line has 2 columns (a value is missing)",
    ),
    "label-lines.csv": (
        b'text,label\na,"x\ny"\n',
        2,
        "the field 'label' has control characters or line ends: 'x\\ny'",
    ),
}

# Of each bad JSON row: the row, and what is wrong with it.
BAD_OBJECTS = {
    "python": (b"{'text': 'a'}", "not JSON at column 2: <...> in \"{'text': 'a'}\""),
    "cut": (b'{"text": "abc', 'not JSON at column 10: Unterminated string in \'{"text": "abc\''),
    "comma": (b'{"text": "a",}', 'not JSON at column <...> in \'{"text": "a",}\''),
    "two": (b'{"text": "a"} {}', 'not JSON at column 15: Extra data in \'{"text": "a"} {}\''),
    "array": (
        b"[",
        "not JSON at column 2: Expecting value in '[' (is it spread over several lines? write one "
        "object a line)",
    ),
    "pretty": (
        b"{",
        "not JSON at column 2: <...> in '{' (is it spread over several lines? write one object a line)",
    ),
    "list": (b'["a", "x"]', 'not an object but a list: \'["a", "x"]\''),
    "number": (b"7", "not an object but a number: '7'"),
    "null": (b"null", "not an object but null: 'null'"),
    "twin-key": (
        b'{"text": "a", "label": "x", "label": "y"}',
        "the key 'label' comes 2 times in one object",
    ),
    "nan": (b'{"text": "a", "label": NaN}', "not JSON: NaN is no JSON value (use null for what is missing)"),
    "null-label": (b'{"text": "a", "label": null}', "the field 'label' is null, a missing value"),
    "fraction": (b'{"text": "a", "label": 0.5}', "the field 'label' is 0.5, not a whole number or a text"),
    "infinite": (b'{"text": "a", "label": 1e999}', "the field 'label' is inf, not a whole number or a text"),
    "list-label": (
        b'{"text": "a", "label": ["x"]}',
        "the field 'label' is a list, not a text or a whole number",
    ),
    "object-label": (
        b'{"text": "a", "label": {}}',
        "the field 'label' is an object, not a text or a whole number",
    ),
    "no-label": (b'{"text": "a", "Label": "x"}', "no field 'label'; the row has 'text', 'Label'"),
    "no-keys": (b"{}", "no field 'text'; the row has nothing"),
    "number-text": (b'{"text": 5, "label": "x"}', "the field 'text' is a number, not a text: '5'"),
    "null-text": (b'{"text": null, "label": "x"}', "the field 'text' is null, not a text: 'None'"),
    "empty-text": (b'{"text": "", "label": "x"}', "the field 'text' is empty"),
    "empty-label": (b'{"text": "a", "label": ""}', "the field 'label' is empty"),
    "surrogate": (
        b'{"text": "a \\ud83d", "label": "x"}',
        "the field 'text' has half a surrogate pair, \\ud83d, at character 3",
    ),
    "surrogate-label": (
        b'{"text": "a", "label": "\\udead"}',
        "the field 'label' has half a surrogate pair, \\udead, at character 1",
    ),
    "nul": (
        b'{"text": "a\\u0000", "label": "x"}',
        "the field 'text' has a NUL character, the first at character 2",
    ),
    "deep": (b'{"text": ' + b"[" * 99_999, "JSON nested too deeply: '{\"text\": <...>'..."),
    "huge-number": (
        b'{"label": ' + b"9" * 5000 + b"}",
        "a number with thousands of digits in '{\"label\": 999<...>'...",
    ),
    "huge-text": (
        b'{"text": "' + b"a" * (2 << 20) + b'"}',
        "the field 'text' has 2,097,152 characters, more than 1,048,576",
    ),
    "huge-line": (b'{"text": "' + b"a" * (5 << 20) + b'"}', "the line is longer than 4,194,304 bytes"),
}

BAD = {
    **BAD_FILES,
    **{name: (data, row(name, line, reason)) for name, (data, line, reason) in BAD_TABLES.items()},
    **{
        f"{name}.jsonl": (J + data + b"\n", row(f"{name}.jsonl", 2, reason))
        for name, (data, reason) in BAD_OBJECTS.items()
    },
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_gives_its_message(name):
    data, message = BAD[name]
    with pytest.raises(DataError) as caught:
        read(name, data)
    pattern = ".*".join(map(re.escape, message.split("<...>")))
    assert re.fullmatch(pattern, str(caught.value)), str(caught.value)


def test_all_bad_rows_are_in_one_message_the_first_twenty_in_full():
    with pytest.raises(DataError) as caught:
        read("a.jsonl", J * 3 + b"".join(b"%d\n" % number for number in range(4, 29)))
    lines = str(caught.value).splitlines()
    assert lines[0] == f"a.jsonl: 25 of 28 rows are bad; {MEND}:"
    assert lines[1:21] == [
        f"  a.jsonl:{number}: not an object but a number: '{number}'" for number in range(4, 24)
    ]
    assert lines[21:] == ["  ... and 5 more"]


def test_of_bad_rows_with_one_reason_three_are_shown():
    with pytest.raises(DataError) as caught:
        read("a.jsonl", J * 3 + b"7\n" * 60 + b"{}\n")
    assert str(caught.value).splitlines()[1:] == [
        *(f"  a.jsonl:{number}: not an object but a number: '7'" for number in (4, 5, 6)),
        "  a.jsonl:64: no field 'text'; the row has nothing",
        "  ... and 57 more",
    ]


def test_a_quote_in_tsv_is_a_character_and_takes_in_no_row():
    rows = b'"It rains\tx\nb\ty\nc "so" d\tx\nthe "end"\ty\n"\tx\n'
    labelled, counts = read("bare.tsv", b"text\tlabel\n" + rows)
    assert [each.texts[0] for each in labelled.examples] == ['"It rains', "b", 'c "so" d', 'the "end"', '"']
    assert not counts


def test_fields_between_quotes_keep_them_in_tsv_and_are_counted():
    labelled, counts = read("a.tsv", b'text\tlabel\n"He said ""hi"""\tx\nb\ty\n')
    assert labelled.examples[0].texts == ('"He said ""hi"""',)
    note = "the quotes were kept; if a program put them there, give the file the ending .csv"
    assert counts == {f"fields between quotes in .tsv files: {note}": 1}
    labelled, counts = read("commas.tsv", b'text,label\n"a, b",x\nb,y\n')
    assert labelled.examples[0].texts == ("a, b",)
    assert counts == {"files with another delimiter": 1}


@pytest.mark.parametrize(("name", "mark"), [("a.csv", ","), ("b.csv", ";"), ("c.tsv", ",")])
def test_rows_between_two_stray_quotes_are_counted_as_one_field(name, mark):
    rows = ["text,label", *["b,y"] * 5, '"It rains,x', *["c,y"] * 9, 'the end",x', '"two', 'lines",y']
    labelled, counts = read(name, "\r\n".join(rows).replace(",", mark).encode())
    assert len(labelled.examples) == 7
    key = f"fields between quotes that go over several lines (first: {name}, line 7, 11 lines)"
    assert counts[key] == 2


@pytest.mark.parametrize("rows", [b'"a\tb"\tx\n', b'"a\nb"\tx\n'])
def test_a_quoted_field_with_tabs_or_line_ends_is_refused_in_tsv_and_read_in_csv(rows):
    with pytest.raises(DataError, match=r"quoted\.tsv:2: .*if they enclose fields here, give the file"):
        read("quoted.tsv", b"text\tlabel\n" + rows)
    labelled, _ = read("quoted.csv", b"text\tlabel\n" + rows)
    assert labelled.examples[0].texts[0].split() == ["a", "b"]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.csv", "x,a b\ny,c\n"),
        ("a.csv", 'x,"a\nb"\r\ny,c'),
        ("a.csv", "\n\nx;a b\ny;c, d\n"),
        ("a.tsv", 'x\ta "b"\ny\t"c"\n'),
    ],
)
def test_columns_without_a_header_are_named_by_number(name: str, data: str) -> None:
    """The first line is an example."""
    found, counts = read(name, data.encode(), fields=Fields(text="2", label="1"))
    assert [(example.id, example.gold) for example in found.examples] == [("train-1", "x"), ("train-2", "y")]
    assert found.examples[0].texts[0].split()[0] == "a"
    assert counts["files without a header: columns by number"] == 1
    assert read(name, data.encode(), fields=Fields(text="2"), is_labelled=False)[0].examples[1].gold is None


@pytest.mark.parametrize(("first", "text"), [("A great film,1", "1"), ("3,1,A great film", "3")])
def test_a_label_that_is_a_number_makes_no_header(first: str, text: str) -> None:
    found, counts = read("a.csv", first.encode(), fields=Fields(text=text), is_labelled=False)
    assert [example.texts for example in found.examples] == [("A great film",)]
    assert counts["files without a header: columns by number"] == 1


def test_a_header_of_numbers_is_a_header() -> None:
    found, counts = read("a.csv", b"2,1\na,x\nb,y\n", fields=Fields(text="2", label="1"))
    assert found.classes == ("x", "y") and not counts


def test_choices_without_a_header_are_a_range_of_columns() -> None:
    names = Fields(text="1", choices="2-4", label="5")
    found, _ = read("a.csv", b"q,a,b,c,2\nr,a,b,,1\n", form=CHOICE, fields=names)
    assert [(example.texts, example.gold) for example in found.examples] == [
        (("q", "a", "b", "c"), 2),
        (("r", "a", "b"), 1),
    ]


@pytest.mark.parametrize(
    ("data", "label", "message"),
    [
        ("a,x\n", "3", "a.csv:1: there is no column 3: the first row has 2, numbered from 1; "),
        ("a,x\n", "0", "a.csv:1: there is no column 0: the first row has 2, numbered from 1; "),
        ("a,x\nb\n", "2", "a.csv:2: 1 field, but the first line has 2 columns (a value is missing); "),
        ("a,x\n", "label", "a.csv:1: the header has no column '1'; its columns are 'a', 'x'; "),
    ],
)
def test_a_number_without_its_column_is_refused(data: str, label: str, message: str) -> None:
    with pytest.raises(DataError) as caught:
        read("a.csv", data.encode(), fields=Fields(text="1", label=label))
    assert str(caught.value).startswith(message)
