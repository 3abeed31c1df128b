"""Tagged sentences of .conll and .conllu files: good, odd but counted, and refused with a line each."""

import bz2
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinlm.data.labels.conll import COLUMNS, check_column
from twinlm.data.labels.forms import CONTINUES, TAGGING, Fields
from twinlm.errors import UsageError

MEND = "correct or remove what is bad"
WORD = "1\tthe\tthe\tDET\tDT\tDefinite=Def\t2\tdet\t_\tSpaceAfter=No\n"


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def sentences(found) -> list[list[tuple[str, str]]]:
    return [list(zip(example.texts, example.gold, strict=True)) for example in found.examples]


def universal(*rows: str) -> str:
    """Return lines of ten columns: "1 the DET" is ID, FORM and UPOS."""
    return "".join(
        "\t".join([number, word, "_", tag, *"______"]) + "\n" for number, word, tag in map(str.split, rows)
    )


@pytest.mark.parametrize(
    "data",
    [
        "EU B-ORG\nrejects O\n\nPeter B-PER\n\n",
        "EU B-ORG\nrejects O\n\nPeter B-PER",
        "\n\n \nEU\tB-ORG\nrejects\tO\n\t\nPeter\tB-PER\n\n\n",
        "EU NNP I-NP B-ORG\r\nrejects  VBZ I-VP  O \r\n\r\nPeter NNP I-NP B-PER\r\n",
        "\ufeffEU B-ORG\rrejects O\r\rPeter B-PER\r",
    ],
    ids=["two columns", "no blank line at the end", "tabs", "four columns", "old line ends"],
)
def test_a_word_is_in_the_first_column_and_its_tag_in_the_last(data: str, read_file: Callable) -> None:
    found, counts = read_file("a.conll", data, TAGGING)
    assert sentences(found) == [[("EU", "B-ORG"), ("rejects", "O")], [("Peter", "B-PER")]]
    assert [example.id for example in found.examples] == ["train-1", "train-2"]
    assert found.classes == ("B-ORG", "B-PER", "O")
    assert not counts


def test_lines_that_begin_a_document_end_a_sentence_and_are_counted(read_file: Callable) -> None:
    data = "-DOCSTART- -X- -X- O\n\na X Y O\nb X Y O\n-DOCSTART- -X- -X- O\nc X Y O\n-DOCSTART-\n"
    found, counts = read_file("a.conll", data, TAGGING)
    assert sentences(found) == [[("a", "O"), ("b", "O")], [("c", "O")]]
    assert counts == {"lines that begin a document": 3}


def test_only_spaces_and_tabs_part_columns(read_file: Callable) -> None:
    data = "10\u00a0000 O\nNew\u2009York  B-LOC\n\nLos Angeles\tB-LOC\n"
    found, counts = read_file("a.conll", data, TAGGING)
    assert sentences(found) == [
        [("10\u00a0000", "O"), ("New\u2009York", "B-LOC")],
        [("Los Angeles", "B-LOC")],
    ]
    assert counts == {"words that hold a blank (first: a.conll, line 4)": 1}


@pytest.mark.parametrize(
    "data", ["a\tO\n\nb X\tO\nc  Y \tO\n", "a X\tO\nb Y\tO\n", "a\tX\tO\nb X\tY\tO\n\nc\tX\tO\nd e f\tX\tO"]
)
def test_a_word_with_a_blank_is_counted_as_it_may_be_two_columns(data: str, read_file: Callable) -> None:
    found, counts = read_file("a.conll", data, TAGGING)
    [(name, count)] = counts.items()
    first = next(number for number, line in enumerate(data.split("\n"), 1) if " " in line)
    assert (name, count) == (f"words that hold a blank (first: a.conll, line {first})", 2)
    assert sum(" " in word for row in sentences(found) for word, _ in row) == 2


@pytest.mark.parametrize("blank", ["\u00a0", "\u3000", "\u2003", "\u202f\u00a0", "\u2028"])
def test_a_blank_of_unicode_is_a_word(blank: str, read_file: Callable) -> None:
    """It is one in GermEval, and a sentence with another number of words would have other tags."""
    columns = f"1\t{blank}\t_\tSYM\t_\t_\t_\t_\t_\t_\n"
    rows = f'{{"tokens": ["a", "{blank}"], "tags": ["X", "SYM"]}}\n'
    for name, data in (
        ("a.conll", f"a\tX\n{blank}\tSYM\n"),
        ("a.conll", f"a X\n{blank} SYM\n"),
        ("a.conllu", universal("1 a X") + columns),
        ("a.jsonl", rows),
    ):
        assert sentences(read_file(name, data, TAGGING)[0]) == [[("a", "X"), (blank, "SYM")]]
    found, _ = read_file("a.conll", f"a\n{blank}\n\nb\n", TAGGING, is_labelled=False)
    assert [example.texts for example in found.examples] == [("a", blank), ("b",)]


def test_a_tag_is_no_blank(check_refused: Callable) -> None:
    data = '{"tokens": ["a", "b"], "tags": ["X", "\\u00a0"]}\n'
    check_refused("a.jsonl", data, TAGGING, "a.jsonl:1: item 1 of 'tags' is only white space; " + MEND)
    columns = "1\ta\t_\t\u00a0\t_\t_\t_\t_\t_\t_\n"
    check_refused("a.conllu", columns, TAGGING, "a.conllu:1: item 0 of 'tags' is only white space; " + MEND)


def test_entities_that_did_not_begin_are_counted_sentence_by_sentence(read_file: Callable) -> None:
    found, counts = read_file("a.conll", "a I-PER\nb I-PER\n\nc I-PER\n\nd B-PER\ne I-LOC\n", TAGGING)
    assert found.examples[0].gold == ["I-PER", "I-PER"]
    assert counts == {CONTINUES: 3}


def test_comments_ranges_and_empty_nodes_are_no_words(read_file: Callable) -> None:
    data = (
        "# newdoc\n# text = du bist #1\n"
        + universal("1-2 dubist _", "1 du PRON", "2 bist VERB", "2.1 da ADV", "3 # SYM")
        + "\n# only a comment\n\n"
        + universal("1 ja INTJ")
    )
    found, counts = read_file("a.conllu", data, TAGGING)
    assert sentences(found) == [[("du", "PRON"), ("bist", "VERB"), ("#", "SYM")], [("ja", "INTJ")]]
    assert not counts


@pytest.mark.parametrize("column", COLUMNS)
def test_any_column_of_universal_dependencies_can_be_the_tag(column: str, read_file: Callable) -> None:
    found, _ = read_file("a.conllu", WORD, TAGGING, fields=Fields(label=column))
    assert sentences(found) == [[("the", WORD.split()[COLUMNS.index(column)])]]


def test_an_unknown_column_is_refused(read_file: Callable) -> None:
    check_column("tags")
    for label in ("upos", "NER", ""):
        with pytest.raises(UsageError) as caught:
            check_column(label)
        assert str(caught.value) == (
            f"label_field = {label!r} is no column of .conllu; it has 'ID', 'FORM', 'LEMMA', 'UPOS', 'XPOS', "
            "'FEATS', 'HEAD', 'DEPREL', 'DEPS', 'MISC'"
        )
    with pytest.raises(UsageError, match="'upos' is no column"):
        read_file("a.conllu", WORD, TAGGING, fields=Fields(label="upos"))


def test_words_without_tags_are_read_where_no_tags_are_needed(read_file: Callable) -> None:
    for name, data in (
        ("a.conll", "a\nb\n\nc\n"),
        ("a.conll", "a O\nb O\n\nc O\n"),
        ("a.conllu", universal("1 a _", "2 b _") + "\n" + WORD.replace("the", "c", 1).replace("DET", "")),
    ):
        found, _ = read_file(name, data, TAGGING, is_labelled=False)
        assert [(example.texts, example.gold) for example in found.examples] == [
            (("a", "b"), None),
            (("c",), None),
        ]


# Of each bad file: what it holds, the line of the bad sentence's first mistake, and what is wrong.
BAD_SENTENCES = {
    "tab-then-blank.conll": (
        "a\tNN B-X\nb\tNN O\n",
        1,
        "the tag 'NN B-X' has a blank: separate columns by tabs alone or blanks alone",
    ),
    "blank-then-tab.conll": (
        "a NN O\nb\tNN  O\n",
        2,
        "the tag 'NN  O' has a blank: separate columns by tabs alone or blanks alone",
    ),
    "word-only.conll": ("a O\nb\n", 2, "a word without a tag: 'b'"),
    "tab-behind.conll": ("a O\n\nb\t\n", 3, "the tag is empty"),
    "no-word.conll": ("a\tO\n\tO\n", 2, "the word is empty"),
    "blank-tag.conll": ("a\tO\nb\t\u00a0\n", 2, "the tag is empty"),
    "blank-alone.conll": ("a O\n\u00a0\nb O\n", 2, "a word without a tag: '\\xa0'"),
    "more.conll": ("a X O\nb X Y O\n", 2, "4 columns, but the file began with 3"),
    "fewer.conll": ("a X O\nb O\n", 2, "2 columns, but the file began with 3"),
    "later.conll": ("a X O\n\nb O\n", 3, "2 columns, but the file began with 3"),
    "space-in-word.conll": ("a O\n\nNew York B-LOC\n", 3, "3 columns, but the file began with 2"),
    "tabs-and-spaces.conll": ("a X O\nb X\tO\n", 2, "2 columns, but the file began with 3"),
    "after-document.conll": ("a O\n-DOCSTART- O\n\n\nb\n", 5, "a word without a tag: 'b'"),
    "nul.conll": (
        "a O\n\nb O\nc\0 O\n",
        3,
        "item 1 of 'tokens' has a NUL character, the first at character 2",
    ),
    "long-line.conll": ("a O\n" + "b " * (3 << 20) + "\n", 2, "the line is longer than 4,194,304 bytes"),
    "long-word.conll": (
        "a" * (1 << 20) + "a O\n",
        1,
        "item 0 of 'tokens' has 1,048,577 characters, more than 1,048,576",
    ),
    "nine.conllu": (WORD + "2\tcat" + "\t_" * 7 + "\n", 2, "9 columns separated by tabs, but .conllu has 10"),
    "eleven.conllu": (WORD.strip() + "\t_\n", 1, "11 columns separated by tabs, but .conllu has 10"),
    "spaces.conllu": (WORD.replace("\t", " "), 1, "1 columns separated by tabs, but .conllu has 10"),
    "empty-word.conllu": (WORD + WORD.replace("\tthe", "\t", 1), 2, "the word is empty"),
    "empty-tag.conllu": (WORD.replace("DET", ""), 1, "the tag is empty"),
    "letter.conllu": (WORD + "x" + WORD[1:], 2, "the ID is 'x', not 1, 1-2 or 1.1"),
    "no-number.conllu": (WORD[1:], 1, "the ID is '', not 1, 1-2 or 1.1"),
    "half-range.conllu": ("1-" + WORD[1:], 1, "the ID is '1-', not 1, 1-2 or 1.1"),
    "blank-word.conllu": (
        WORD.replace("\tthe", "\t ", 1),
        1,
        "item 0 of 'tokens' is only white space",
    ),
    "long-comment.conllu": (
        "# " + "b " * (3 << 20) + "\n" + WORD,
        1,
        "the line is longer than 4,194,304 bytes",
    ),
}
NONE = "give it rows with 'tokens' and 'tags'"
BAD_FILES = {
    **{
        name: (data, f"{name}:{line}: {reason}; {MEND}")
        for name, (data, line, reason) in BAD_SENTENCES.items()
    },
    "empty.conll": ("", f"empty.conll: the file has no rows: 0 bytes, 0 examples; {NONE}"),
    "breaks.conll": ("-DOCSTART-\n\n", f"breaks.conll: the file has no rows: 12 bytes, 0 examples; {NONE}"),
    "comments.conllu": ("# a\n\n", f"comments.conllu: the file has no rows: 5 bytes, 0 examples; {NONE}"),
    "ranges.conllu": ("1-2" + WORD[1:], f"ranges.conllu: the file has no rows: <...> 0 examples; {NONE}"),
    "many.conll": (
        "a O\nb\nc\n\nd O\n\ne O\nf X O\n\ng\n",
        f"many.conll: 3 of 4 rows are bad; {MEND}:\n"
        "  many.conll:2: a word without a tag: 'b'\n"
        "  many.conll:8: 3 columns, but the file began with 2\n"
        "  many.conll:10: a word without a tag: 'g'",
    ),
    "many.conllu": (
        WORD + "\nx\n\n" + WORD + "2\n",
        f"many.conllu: 2 of 3 rows are bad; {MEND}:\n"
        "  many.conllu:3: 1 columns separated by tabs, but .conllu has 10\n"
        "  many.conllu:6: 1 columns separated by tabs, but .conllu has 10",
    ),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file_gives_its_message(name: str, check_refused: Callable) -> None:
    data, message = BAD_FILES[name]
    check_refused(name, data, TAGGING, message)


def test_bytes_of_another_encoding_and_cut_archives_are_named(check_refused: Callable) -> None:
    latin = "M\xfcller B-PER\n".encode("latin-1")
    check_refused("a.conll", b"a O\n" + latin, TAGGING, "a.conll:2: byte offset 5: the bytes fc <...>")
    cut = bz2.compress(WORD.encode())[:-2]
    check_refused("a.conllu.bz2", cut, TAGGING, "a.conllu.bz2: the bzip2 data is cut off: <...>")


words = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp"], exclude_characters="\ufeff"), min_size=1
).filter(lambda word: not word.startswith(("-DOCSTART-", "#")))
some_sentences = st.lists(
    st.lists(st.tuples(words, st.sampled_from(["O", "B-X", "I-X"])), min_size=1, max_size=5),
    min_size=1,
    max_size=5,
)


@given(some_sentences, st.sampled_from([" ", "\t", "  "]), st.sampled_from(["\n", "\r\n"]))
def test_what_is_written_as_columns_is_read_back(read_file: Callable, wanted, gap: str, end: str) -> None:
    lines = [[gap.join([word, "_", tag]) + end for word, tag in sentence] for sentence in wanted]
    found, _ = read_file("a.conll", end.join(map("".join, lines)), TAGGING)
    assert sentences(found) == wanted
    lines = [
        [WORD.replace("the", word, 1).replace("DET", tag).replace("\n", end) for word, tag in sentence]
        for sentence in wanted
    ]
    found, _ = read_file("a.conllu", end.join(map("".join, lines)), TAGGING)
    assert sentences(found) == wanted
