"""What bitwise repetition depends on is noted once, and every change of it is said and kept."""

import json
from pathlib import Path

import pytest

from twinlm.comparison.run import ENVIRONMENT, note_environment
from twinlm.system import hardware, storage
from twinlm.system.log import EVENTS, Silent


class Saying(Silent):
    """Keeps the lines that are to stay."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        self.lines.append(line)


def noted(folder: Path) -> list[str]:
    """Go on with a run; return what is said."""
    progress = Saying()
    note_environment(folder, "float32", progress)
    return progress.lines


def test_all_that_it_depends_on_is_noted(tmp_path: Path) -> None:
    assert noted(tmp_path) == noted(tmp_path) == []
    found = storage.read_json(tmp_path / ENVIRONMENT)
    wanted = ("twinlm", "precision", "torch", "torch build", "numpy", "tokenizers", "device", "instructions")
    assert {*wanted, "threads", "processor", "python", "system", "variables"} <= found.keys()


@pytest.mark.parametrize(
    "key", ["threads", "precision", "torch build", "instructions", "device", "variables"]
)
def test_a_change_is_said_and_kept_among_the_events(key: str, tmp_path: Path) -> None:
    noted(tmp_path)
    before = storage.read_json(tmp_path / ENVIRONMENT)
    storage.write_json(tmp_path / ENVIRONMENT, {**before, key: "another"})
    (said,) = noted(tmp_path)
    assert f"no longer repeats bit by bit: {key} another -> {before[key]}" in said
    (event,) = [json.loads(line) for line in (tmp_path / EVENTS).read_text().splitlines()]
    assert event == {"event": "environment changed", "changed": [f"{key} another -> {before[key]}"]}


def test_a_variable_that_chooses_other_kernels_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted(tmp_path)
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    assert "variables  -> ONEDNN_MAX_CPU_ISA=AVX2" in noted(tmp_path)[0]


@pytest.mark.parametrize("is_gained", [True, False])
def test_a_gpu_that_comes_or_goes_is_seen(
    is_gained: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = hardware.describe()
    both = [plain, {**plain, "gpu": "fast"}]
    for facts in both if is_gained else reversed(both):
        monkeypatch.setattr(hardware, "describe", lambda facts=facts: facts)
        said = noted(tmp_path)
    assert ("gpu None -> fast" if is_gained else "gpu fast -> None") in said[0]


def test_what_an_older_version_did_not_note_is_not_compared(tmp_path: Path) -> None:
    noted(tmp_path)
    old = {
        key: value for key, value in storage.read_json(tmp_path / ENVIRONMENT).items() if key != "torch build"
    }
    storage.write_json(tmp_path / ENVIRONMENT, old)
    assert noted(tmp_path) == []
