"""The one-line form of errors and their exit codes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from twinlm import errors


def test_an_error_names_file_line_and_the_way_out() -> None:
    error = errors.DataError("the row has 3 fields", file="a b.csv", line=7, hint="quote the text")
    assert str(error) == "a b.csv:7: the row has 3 fields; quote the text"


def test_an_error_without_a_place_is_its_message_alone() -> None:
    assert str(errors.UsageError("no such command")) == "no such command"
    assert str(errors.UsageError("empty", file="x.toml")) == "x.toml: empty"
    assert str(errors.UsageError("no place", line=3)) == "no place"


def test_every_kind_of_error_has_an_exit_code_of_its_own() -> None:
    kinds = [kind for kind in errors.UserError.__subclasses__() if kind.__module__ == errors.__name__]
    codes = {kind.__name__: kind.exit_code for kind in kinds}
    assert codes == {
        "UsageError": 2,
        "DataError": 3,
        "ModelError": 4,
        "ResourceError": 5,
        "DivergedError": 6,
        "LockedError": 7,
        "PeerError": 8,
        "StoppedError": 75,
    }
    assert {errors.OK, errors.INTERNAL_ERROR}.isdisjoint(codes.values())


def test_a_user_error_can_be_caught_as_one_kind() -> None:
    with pytest.raises(errors.UserError) as caught:
        raise errors.ResourceError("the disk is full")
    assert caught.value.exit_code == 5
    assert caught.value.message == "the disk is full"


def test_what_a_file_made_long_is_cut_line_by_line() -> None:
    error = errors.ModelError("x" * 5000 + "\nsecond", hint="y" * 5000)
    assert error.message == "x" * 1000 + "...\nsecond"
    assert error.hint == "y" * 1000 + "..."


@pytest.mark.parametrize(
    "take", [lambda: {}["a"], lambda: list[int]().pop(), lambda: int("a"), lambda: 1 / 0, lambda: 1 + "a"]
)
def test_values_that_are_not_what_was_written_are_named_with_their_file(take: Callable[[], Any]) -> None:
    words = r"^x\.json: this is not what was written: \w+Error: "
    with pytest.raises(errors.ModelError, match=words), errors.as_model_error(Path("x.json")):
        take()
    with pytest.raises(errors.DataError, match="another"), errors.as_model_error(Path("x.json")):
        raise errors.DataError("another")
