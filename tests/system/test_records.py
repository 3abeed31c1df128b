"""Records and their JSON: what comes back, and what is refused, with its path and value."""

import json
from typing import ClassVar

import numpy as np
import pytest

from twinlm.errors import DataError, ModelError
from twinlm.system import storage
from twinlm.system.records import Count, Number, Positive, Record, Whole, as_record, read_record, to_json


class Inner(Record):
    """A part."""

    share: Number
    size: Positive = 1.0


class Outer(Record):
    """A file."""

    FORMAT: ClassVar[int] = 3
    name: str
    count: Count
    steps: Whole
    parts: dict[str, Inner]
    rows: list[Inner | None]


WHOLE = Outer(name="a", count=2, steps=-1, parts={"x": Inner(share=0.5)}, rows=[None, Inner(share=1.0)])
JSON = {
    "format": 3,
    **{"name": "a", "count": 2, "steps": -1, "parts": {"x": {"share": 0.5, "size": 1.0}}},
    "rows": [None, {"share": 1.0, "size": 1.0}],
}


def test_a_record_comes_back_and_its_fields_keep_their_order(tmp_path):
    assert json.dumps(to_json(WHOLE)) == json.dumps(JSON)
    storage.write_json(tmp_path / "x.json", to_json(WHOLE))
    assert read_record(Outer, tmp_path / "x.json") == WHOLE
    assert as_record(list[Inner], to_json([Inner(share=2)])) == [Inner(share=2.0)]
    assert as_record(dict[str, Inner], to_json({"a": Inner(share=2)})) == {"a": Inner(share=2.0)}


def test_a_field_with_a_default_may_be_missing():
    assert as_record(Inner, {"share": 1}) == Inner(share=1.0, size=1.0)


def test_a_record_is_frozen_and_takes_its_fields_by_name():
    with pytest.raises(AttributeError):
        WHOLE.name = "b"
    with pytest.raises(TypeError):
        Inner(0.5)


def test_numbers_of_numpy_are_written_only_where_json_would_take_them():
    assert to_json(Inner(share=np.float64(0.25))) == {"share": 0.25, "size": 1.0}
    with pytest.raises(NotImplementedError, match="int64"):
        to_json(Inner(share=np.int64(1)))


def changed(**changes):
    return {**json.loads(json.dumps(JSON)), **changes}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([], "expected `object`, got `array`"),
        (None, "expected `object`, got `null`"),
        (changed(format=4), "expected format 3, got 4"),
        (changed(format=3.0), "expected format 3, got 3.0"),
        (changed(name=None), "name: expected `str`, got `null`"),
        (changed(more=1), "unknown field `more`"),
        (changed(count=0), "count: expected `int` >= 1"),
        (changed(count=True), "count: expected `int`, got `bool`: True"),
        (changed(count=10**30), "count: expected `int` <= "),
        (changed(steps=2.0), "steps: expected `int`, got `float`: 2.0"),
        (changed(parts={"x": {"share": 1}, "y y": {}}), "parts['y y']: missing field `share`"),
        (changed(parts={"x": {"share": 1, "size": 0}}), "parts['x'].size: expected `float` > 0"),
        (changed(rows=[{"share": "1"}]), "rows[0].share: expected `float`, got `str`: '1'"),
        (changed(rows=[{"share": 10**400}]), "rows[0].share: number out of range"),
        (changed(rows=[{"share": -1e101}]), "rows[0].share: expected `float` >= "),
        (changed(rows={}), "rows: expected `array`, got `object`"),
    ],
)
def test_what_does_not_fit_is_named_with_its_path_and_value(value, message, tmp_path):
    before = json.dumps(value)
    with pytest.raises(ModelError) as caught:
        as_record(Outer, value, tmp_path / "x.json")
    assert str(caught.value).startswith(f"{tmp_path / 'x.json'}: {message}")
    assert "another version" in caught.value.hint
    assert json.dumps(value) == before


def test_the_key_that_is_refused_is_named_also_among_like_ones():
    value = {"a": {"x": 1, "y": 2}, "b": {"x": 1, "z": "no", "y": "no"}}
    with pytest.raises(DataError, match=r"^\['b'\]\['z'\]: expected `int`, got `str`: 'no'"):
        as_record(dict[str, dict[str, Whole]], value, error=DataError)


@pytest.mark.parametrize("text", ["{", '{"a": NaN}', '{"a": 1, "a": 1}', '{"a": 1e999}', "[" * 5000, b"\xff"])
def test_what_is_no_strict_json_is_refused(text, tmp_path):
    (tmp_path / "x.json").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ModelError, match=r"x\.json: this is not JSON"):
        read_record(dict[str, Number], tmp_path / "x.json")
