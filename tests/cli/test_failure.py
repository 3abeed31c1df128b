import re
from pathlib import Path

import pytest

from twinlm.cli.compare import plan
from twinlm.cli.failure import as_user_error
from twinlm.errors import (
    DataError,
    DivergedError,
    LockedError,
    ModelError,
    ResourceError,
    StoppedError,
    UserError,
)


def fail_with(monkeypatch, error: BaseException) -> None:
    def table(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(plan, "opened_run", table)


@pytest.mark.parametrize(
    "kind", [DataError, ModelError, ResourceError, DivergedError, LockedError, StoppedError]
)
def test_every_error_of_a_user_has_its_code_and_one_line(cli, monkeypatch, kind):
    fail_with(monkeypatch, kind("it went\nwrong", file="a.txt", line=3, hint="mend it"))
    answer = cli("plan")
    assert (answer.code, answer.out) == (kind.exit_code, "")
    assert answer.err == "error: a.txt:3: it went wrong; mend it\n"


def test_debug_shows_the_traceback_too(cli, monkeypatch):
    fail_with(monkeypatch, DataError("it went wrong"))
    assert "Traceback (most recent call last)" in cli("plan", "--debug").err


def test_a_bug_leaves_its_traceback_in_a_file(cli, monkeypatch, tmp_path):
    fail_with(monkeypatch, ZeroDivisionError("by zero"))
    answer = cli("plan", "--json")
    assert answer.code == answer.json["exit_code"] == 70
    assert answer.err.startswith(
        "error: internal error, please report: ZeroDivisionError: by zero; the traceback is in "
    )
    assert answer.err.count("\n") == 1
    (path,) = tmp_path.glob("twinlm-error-*.txt")
    assert str(path) in answer.err
    assert re.search(
        r"^twinlm \d.*Traceback.*ZeroDivisionError: by zero$", path.read_text().strip(), re.DOTALL
    )


def test_a_bug_where_nothing_can_be_written_shows_its_traceback(cli, monkeypatch):
    fail_with(monkeypatch, ZeroDivisionError("by zero"))

    def refuse(path: Path, data: bytes) -> None:
        raise ResourceError("can't write")

    monkeypatch.setattr("twinlm.system.storage.write_file", refuse)
    assert "can't be saved here: Traceback" in cli("plan").err


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError(
            "[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory: you tried"
        ),
        RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"),
    ],
)
def test_running_out_of_memory_says_what_to_lower(cli, monkeypatch, error):
    fail_with(monkeypatch, error)
    answer = cli("plan")
    assert answer.code == ResourceError.exit_code
    assert "not enough memory" in answer.err
    assert "pretrain.micro_batch_sequences" in answer.err


def test_a_missing_permission_names_the_file():
    error = as_user_error(PermissionError(13, "Permission denied", "/there"))
    assert (error.exit_code, error.file) == (ResourceError.exit_code, "/there")


def test_an_error_of_ours_stays_what_it_is():
    error = UserError("x")
    assert as_user_error(error) is error


def test_an_interrupt_is_no_traceback(cli, monkeypatch):
    fail_with(monkeypatch, KeyboardInterrupt())
    answer = cli("plan")
    assert (answer.code, answer.err) == (130, "error: interrupted\n")


def test_a_name_that_is_too_long_for_a_file_is_no_bug(cli):
    answer = cli("describe", "x" * 5000)
    assert answer.code == 2
    assert answer.err.startswith("error: the name of a file is too long: xxx")
    assert len(answer.err) < 200
