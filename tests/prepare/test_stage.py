"""A stage knows what it was made from; settings of later versions change nothing while nobody sets them."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from twinlm.errors import UsageError
from twinlm.prepare import stage
from twinlm.settings.build import option, plain
from twinlm.system import storage


@dataclass(frozen=True)
class Inner:
    """As it was."""

    rate: float = 0.1


@dataclass(frozen=True)
class NewInner(Inner):
    """With a setting that came later."""

    policy: str = "stop"


@dataclass(frozen=True)
class Outer:
    """As it was."""

    steps: int = option(3)
    inner: Any = field(default_factory=Inner)


@dataclass(frozen=True)
class NewOuter(Outer):
    """With settings that came later, one of them a table."""

    inner: Any = field(default_factory=NewInner)
    more: int = 0
    table: Any = field(default_factory=Inner)


def test_settings_that_came_later_change_nothing_at_their_defaults(tmp_path: Path) -> None:
    first = stage.enter(tmp_path, {"settings": Outer(), "seed": 1})
    assert stage.enter(tmp_path, {"settings": NewOuter(), "seed": 1}) == first
    assert stage.enter(tmp_path, {"settings": Outer(), "seed": 1}) == first


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (NewOuter(more=1), "settings.more was null, now 1"),
        (NewOuter(inner=NewInner(policy="skip")), 'settings.inner.policy was null, now "skip"'),
        (NewOuter(table=Inner(rate=0.2)), r'settings.table was null, now \{"rate": 0.2\}'),
        (NewOuter(inner=NewInner(rate=0.2)), "settings.inner.rate was 0.1, now 0.2"),
        (NewOuter(steps=4), "settings.steps was 3, now 4"),
    ],
)
def test_settings_that_are_set_are_compared(settings: NewOuter, said: str, tmp_path: Path) -> None:
    stage.enter(tmp_path, {"settings": Outer()})
    with pytest.raises(UsageError, match=said):
        stage.enter(tmp_path, {"settings": settings})


def test_all_settings_are_noted_once_they_are_known(tmp_path: Path) -> None:
    stage.enter(tmp_path, {"settings": NewOuter()})
    assert storage.read_json(tmp_path / "inputs.json") == {"settings": plain(NewOuter())}
    with pytest.raises(UsageError, match=r"policy was .stop., now null"):
        stage.enter(tmp_path, {"settings": Outer()})


def test_inputs_that_are_no_settings_have_no_defaults(tmp_path: Path) -> None:
    stage.enter(tmp_path, {"seed": 1})
    with pytest.raises(UsageError, match="labels was null, now 0"):
        stage.enter(tmp_path, {"seed": 1, "labels": 0})
