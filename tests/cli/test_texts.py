import pytest

from twinlm.cli.texts import argument_or_input, arguments_or_lines
from twinlm.errors import DataError, UsageError


def test_arguments_come_before_standard_input(feed):
    feed(b"other")
    assert argument_or_input("text") == "text"
    assert argument_or_input("") == ""
    assert arguments_or_lines(["a", "b c"]) == ["a", "b c"]


def test_standard_input_is_one_prompt_or_many_lines(feed):
    feed("\ufeffOnce\nmore\n".encode())
    assert argument_or_input(None) == "Once\nmore"
    feed("é one\r\ntwo\n".encode())
    assert arguments_or_lines([]) == ["é one", "two"]


def test_a_lone_dash_is_standard_input_and_a_text_among_others(feed):
    feed(b"one\ntwo\n")
    assert arguments_or_lines(["-"]) == ["one", "two"]
    feed(b"Once\n")
    assert argument_or_input("-") == "Once"
    feed(b"other")
    assert arguments_or_lines(["-", "a"]) == ["-", "a"]
    assert arguments_or_lines(["a", "-"]) == ["a", "-"]


def test_blank_lines_are_counted(feed, capsys):
    feed(b"one\n\n \ntwo\n")
    assert arguments_or_lines([]) == ["one", "two"]
    assert capsys.readouterr().err == "skipped 2 blank lines\n"


def test_what_is_not_utf_8_is_refused_with_its_line(feed):
    feed(b"one\ntwo \xff\n")
    with pytest.raises(DataError, match=r"standard input:2: byte 8 \(0xff\) is not UTF-8"):
        arguments_or_lines([])
    with pytest.raises(DataError, match="not UTF-8"):
        argument_or_input("\udcff")


def test_no_text_at_all_is_refused(feed, monkeypatch):
    feed(b"\n")
    with pytest.raises(DataError, match="has no text"):
        arguments_or_lines([])
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    with pytest.raises(UsageError, match="no text was given"):
        argument_or_input(None)


def test_a_line_ends_at_a_line_feed_only(feed):
    feed("one\u2028line\r\nanother\x85one\n".encode())
    assert arguments_or_lines(()) == ["one\u2028line", "another\x85one"]
