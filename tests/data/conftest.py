"""Labelled files as tests write them."""

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from twinlm.data.labels.forms import Form
from twinlm.data.labels.labelled import LabelledSet, read_labelled
from twinlm.errors import DataError


def _read(name: str, data: bytes | str, form: Form, **settings: object) -> tuple[LabelledSet, Counter[str]]:
    Path(name).write_bytes(data if isinstance(data, bytes) else data.encode())
    counts: Counter[str] = Counter()
    return read_labelled(name, form=form, counts=counts, **settings), +counts  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def read_file() -> Callable[..., tuple[LabelledSet, Counter[str]]]:
    """Return a function (name, data, form) that writes a labelled file and reads it: examples, counts."""
    return _read


@pytest.fixture(scope="session")
def check_refused() -> Callable[..., None]:
    """Return a function (name, data, form, message): the file is refused so; "<...>" is for any words."""

    def check(name: str, data: bytes | str, form: Form, message: str) -> None:
        with pytest.raises(DataError) as caught:
            _read(name, data, form)
        assert caught.value.exit_code == 3
        pattern = ".*".join(map(re.escape, message.split("<...>")))
        assert re.fullmatch(pattern, str(caught.value)), str(caught.value)

    return check
