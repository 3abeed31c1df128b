"""From trees of what was given to records, with errors that name the place."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest

from twinlm.errors import UsageError
from twinlm.settings import build
from twinlm.settings.build import option
from twinlm.settings.tree import Tree, given, merge, read_overrides, read_toml


@dataclass(frozen=True, kw_only=True)
class Inner:
    """A table."""

    rate: float = option(0.5, above=0, most=1)
    steps: int = option(10, least=1)
    kind: Literal["linear", "cosine"] = "linear"

    def __post_init__(self) -> None:
        if self.steps == 13:
            raise UsageError("13 steps bring bad luck", hint="take 12")


@dataclass(frozen=True, kw_only=True)
class Row:
    """One of several tables."""

    name: str = ""
    size: int = option(1, least=1)


@dataclass(frozen=True, kw_only=True)
class Outer:
    """The whole."""

    title: str = "none"
    on: bool = False
    numbers: tuple[int, ...] = (1, 2)
    names: tuple[str, ...] = ()
    inner: Inner = field(default_factory=Inner)
    row: tuple[Row, ...] = ()


def _read(tmp_path: Path, text: str | bytes, **overrides: str) -> Outer:
    path = tmp_path / "run.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    names = {name.replace("__", "."): value for name, value in overrides.items()}
    return build.build(Outer, merge(read_toml(path), read_overrides(names)))


def _error(tmp_path: Path, text: str | bytes, **overrides: str) -> UsageError:
    with pytest.raises(UsageError) as caught:
        _read(tmp_path, text, **overrides)
    return caught.value


def test_nothing_given_is_all_defaults() -> None:
    assert build.build(Outer, Tree()) == Outer()


def test_a_file_and_overrides_become_one_record(tmp_path: Path) -> None:
    text = """
        title = "a"
        on = true
        numbers = [3]
        [inner]
        rate = 1
        steps = 2e1
        [[row]]
        name = "x"
        [[row]]
        size = 4
    """
    outer = _read(tmp_path, text, inner__rate="2.5e-1", names="a b,c", inner__kind="cosine")
    assert outer == Outer(
        title="a",
        on=True,
        numbers=(3,),
        names=("a b", "c"),
        inner=Inner(rate=0.25, steps=20, kind="cosine"),
        row=(Row(name="x"), Row(size=4)),
    )
    assert type(outer.inner.rate) is float
    assert type(outer.inner.steps) is int


@pytest.mark.parametrize(
    ("text", "line", "words", "hint"),
    [
        ("\n\ntitel = 'x'", 3, "'titel' is not a setting", "did you mean 'title'?"),
        ("[inner]\n\nrat = 1", 3, "[inner] 'rat' is not a setting", "did you mean 'rate'?"),
        ("on = true\n[iner]", 2, "'iner' is not a setting", "did you mean 'inner'?"),
        ("[inner.deep.table]\nx = 1", 1, "[inner] 'deep' is not a setting", "there are: rate, steps, kind"),
        ("inner.x.y = 1", 1, "[inner] 'x' is not a setting", "there are: rate, steps, kind"),
        ("[[row]]\nname = 'a'\n[[row]]\nnam = 'b'", 4, "[row.1] 'nam' is not", "did you mean 'name'?"),
        ("on = 'true'", 1, "on must be true or false, not 'true'", ""),
        ("on = 1", 1, "on must be true or false, not 1", ""),
        ("title = 3", 1, "title must be a text, not 3", ""),
        ("title = 2020-01-01", 1, "title must be a text, not datetime.date(2020, 1, 1)", ""),
        ("title = []", 1, "title must be a text, not []", ""),
        ("[inner]\nsteps = true", 2, "inner.steps must be a whole number, not True", ""),
        ("[inner]\nsteps = 1.5", 2, "inner.steps must be a whole number, not 1.5", ""),
        ("[inner]\nsteps = '5'", 2, "inner.steps must be a whole number, not '5'", ""),
        ("[inner]\nsteps = 0", 2, "inner.steps must be at least 1, not 0", ""),
        ("[inner]\nsteps = inf", 2, "inner.steps must be a whole number, not inf", ""),
        ("[inner]\nsteps = 1e300", 2, "64 bits can't hold it", ""),
        ("[inner]\nsteps = 9223372036854775808", 2, "64 bits can't hold it", ""),
        ("[inner]\nrate = nan", 2, "inner.rate must be finite, not nan", ""),
        ("[inner]\nrate = 1e400", 2, "inner.rate must be finite, not inf", ""),
        ("[inner]\nrate = -0.1", 2, "inner.rate must be above 0, not -0.1", ""),
        ("[inner]\nrate = 0", 2, "inner.rate must be above 0, not 0.0", ""),
        ("[inner]\nrate = 1.01", 2, "inner.rate must be at most 1, not 1.01", ""),
        ("[inner]\nrate = 0x" + "f" * 5000, 2, "a number of thousands of digits", ""),
        ("[inner]\nkind = 'cosin'", 2, "inner.kind can't be 'cosin'", "did you mean 'cosine'?"),
        ("[inner]\nkind = [1]", 2, "inner.kind can't be [1]", "there are: linear, cosine"),
        ("[inner]\nsteps = 13", 2, "[inner] 13 steps bring bad luck", "take 12"),
        ("numbers = true", 1, "numbers is a list, not True", ""),
        ("numbers = [1, 'x']", 1, "numbers.1 must be a whole number, not 'x'", ""),
        ("numbers = [1, [2]]", 1, "numbers.1 must be a whole number, not [2]", ""),
        ("names = [{a = 1}]", 1, "names.0 is one value, not a table", ""),
        ("names = [1, {a = 1}]", 1, "names.0 must be a text, not 1", ""),
        ("inner = 5", 1, "inner is a table of settings, not the value 5", "write [inner]"),
        ("[[inner]]\nrate = 1", 1, "inner is a table of settings, not the value [{'rate': 1}]", "[inner]"),
        ("[title]\nx = 1", 1, "title is one value, not a table of settings", ""),
        ("[row]\nname = 'x'", 1, "row is a list of tables, not a table of settings", "write [[row]]"),
        ("row = 'x'", 1, "row.0 is a table of settings, not the value 'x'", ""),
        ("row = [1, {name = 'x'}]", 1, "row.0 is a table of settings, not the value 1", ""),
        ("title = 'a\\u0000b'".replace("'", '"'), 1, "title must be text, but it has the character", ""),
        ("on = true\non = false", 2, "this is not TOML: Cannot overwrite a value", ""),
        ("[inner]\n[inner]", 2, "this is not TOML: Cannot declare", ""),
        ("title = ", 1, "this is not TOML", ""),
        ("x = " + "9" * 5000, None, "this is not TOML: Exceeds the limit", ""),
        ("x = " + "[" * 50_000, None, "nested too deeply", ""),
        ("x = " + "{a=" * 50_000, None, "nested too deeply", ""),
        ("\n" + ".".join("a" * 100) + " = 1", None, "nested too deeply", ""),
        ("\n" + ".".join("a" * 900) + " = 1", None, "nested too deeply", ""),
        ("\n" + ".".join("a" * 50_000) + " = 1", 2, "49,999 dots, more than the 1,000", "several lines"),
        ("# " + "x" * 2**18, None, "more than the 262,144 allowed", ""),
        (b"title = 'a'\n# \xe4\n", 2, "byte 14 (0xe4) is not UTF-8", "save the file as UTF-8"),
        (b"\xff\xfet\0", 1, "byte 0 (0xff) is not UTF-8", ""),
    ],
)
def test_a_wrong_file_is_an_error_with_its_place(
    tmp_path: Path, text: str | bytes, line: int | None, words: str, hint: str
) -> None:
    error = _error(tmp_path, text)
    assert words in error.message
    assert hint in error.hint
    assert error.file == str(tmp_path / "run.toml")
    if line is not None:
        assert error.line == line
    assert len(str(error)) < 1000


def test_lines_are_found_behind_comments_arrays_and_windows_line_ends(tmp_path: Path) -> None:
    text = (
        'title = "[inner]"\r\nnumbers = [\r\n  1,\r\n  2, # [inner]\r\n]\r\n[inner] # here\r\nrate = "x"\r\n'
    )
    assert _error(tmp_path, text).line == 7


def test_a_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    assert _read(tmp_path, b"\xef\xbb\xbftitle = 'a'").title == "a"


def test_an_absent_file_and_a_folder_are_errors_with_their_names(tmp_path: Path) -> None:
    for path, words in [(tmp_path / "none.toml", "no such settings file"), (tmp_path, "can't read")]:
        with pytest.raises(UsageError, match=words) as caught:
            read_toml(path)
        assert caught.value.file == str(path)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("titel", "x", "did you mean 'title'?"),
        ("inner.stepps", "1", "did you mean 'steps'?"),
        ("inner.steps", "ten", "--inner.steps: inner.steps must be a whole number, not 'ten'"),
        ("inner.steps", "", "must be a whole number, not ''"),
        ("inner.steps", "-1", "at least 1"),
        ("inner.steps", "9" * 5000, "must be a whole number"),
        ("inner.rate", "nan", "must be finite"),
        ("inner.rate", "1e400", "must be finite"),
        ("inner.rate", "[" * 50_000, "must be a number"),
        ("on", "yes", "must be true or false, not 'yes'"),
        ("on", "1", "must be true or false, not 1"),
        ("on", "True", "must be true or false, not 'True'"),
        ("inner", "5", "inner is a table of settings"),
        ("title.x", "5", "title is one value"),
        ("row.name", "x", "row is a list of tables"),
        ("numbers", "1,b", "numbers.1 must be a whole number"),
        ("numbers", "1,,2.5", "numbers.1 must be a whole number, not 2.5"),
        ("title", "a\udcff", "must be text"),
        ("", "x", "is not a setting"),
        ("inner..x", "1", "is not a setting"),
    ],
)
def test_a_wrong_override_is_an_error_that_names_it(name: str, value: str, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        build.build(Outer, read_overrides({name: value}))
    assert words in str(caught.value)
    assert str(caught.value.file).startswith("--")


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("title", "true", "true"),
        ("title", "5", "5"),
        ("title", "[a]", "[a]"),
        ("on", "true", True),
        ("names", "a", ("a",)),
        ("names", "a, b", ("a", "b")),
        ("names", '["a,b", "c"]', ("a,b", "c")),
        ("names", "data/[ab].txt", ("data/[ab].txt",)),
        ("names", "", ()),
        ("numbers", "4", (4,)),
        ("numbers", "[4, 5]", (4, 5)),
        ("numbers", "4,5,", (4, 5)),
    ],
)
def test_overrides_are_read_as_the_type_of_their_setting(name: str, value: str, wanted: Any) -> None:
    assert getattr(build.build(Outer, read_overrides({name: value})), name) == wanted


def test_dashes_in_overrides_are_underscores() -> None:
    assert read_overrides({"a-b.c-d": "1"})["a_b"]["c_d"].value == "1"


@pytest.mark.parametrize("order", [("title", "title.x"), ("title.x", "title")])
def test_overrides_that_contradict_each_other_are_an_error(order: tuple[str, ...]) -> None:
    with pytest.raises(UsageError, match="can't be both a table of settings and the value") as caught:
        read_overrides(dict.fromkeys(order, "1"))
    assert "--title:" in f"{caught.value}:"
    assert "--title.x" in str(caught.value)


def test_a_later_tree_wins_table_by_table_and_hides_no_contradiction() -> None:
    one = given({"a": 1, "t": {"x": 1, "y": 1}})
    two = given({"t": {"y": 2}, "b": 2})
    merged = merge(one, two)
    assert repr(merged) == "{'a': 1, 't': {'x': 1, 'y': 2}, 'b': 2}"
    assert repr(one) == "{'a': 1, 't': {'x': 1, 'y': 1}}"
    with pytest.raises(UsageError, match="'t' can't be both"):
        merge(one, given({"t": 5}))
    with pytest.raises(UsageError, match="'a' can't be both"):
        merge(one, given({"a": {}}))


def test_records_become_plain_tables() -> None:
    outer = Outer(row=(Row(name="x"),))
    assert build.plain(outer) == {
        "title": "none",
        "on": False,
        "numbers": [1, 2],
        "names": [],
        "inner": {"rate": 0.5, "steps": 10, "kind": "linear"},
        "row": [{"name": "x", "size": 1}],
    }
    assert build.build(Outer, given(build.plain(outer))) == outer


def test_the_closest_word_is_named_or_all_of_them() -> None:
    assert build.closest("wdth", ["width", "heads"]) == "did you mean 'width'?"
    assert build.closest("zzz", ["width", "heads"]) == "there are: width, heads"


def test_an_override_of_thousands_of_parts_is_an_error() -> None:
    with pytest.raises(UsageError, match="is not a setting: it has 5,000 parts") as caught:
        read_overrides({".".join("a" * 5000): "1"})
    assert len(str(caught.value)) < 300


def test_deep_tables_are_merged_without_doubling_the_work_at_each_level() -> None:
    table: dict[str, Any] = {"x": 1}
    for _ in range(60):  # twice 2**60 steps, if each table were merged with itself
        table = {"a": table}
    merged = merge(given(table), given({"b": 2}), given(table))
    for _ in range(60):
        merged = merged["a"]
    assert merged["x"].value == 1
