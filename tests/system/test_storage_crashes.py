"""The lock of a run directory, with a process that really dies. Crashes are in `faults/`."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import twinlm
from twinlm.errors import LockedError, ResourceError
from twinlm.system import storage

SOURCE = Path(twinlm.__file__).parents[1]


def _python(program: str, *args: str) -> list[str]:
    return [sys.executable, "-c", textwrap.dedent(program), *args]


ENVIRONMENT = {**os.environ, "PYTHONPATH": str(SOURCE)}


HOLD = """
    import pathlib, sys, time
    from twinlm.system import storage
    with storage.lock(pathlib.Path(sys.argv[1])):
        print("held", flush=True)
        time.sleep(60)
"""


def test_a_lock_names_its_holder_and_dies_with_it(tmp_path: Path) -> None:
    with subprocess.Popen(_python(HOLD, str(tmp_path)), env=ENVIRONMENT, stdout=subprocess.PIPE) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == b"held\n"
            with (
                pytest.raises(LockedError, match=f"process {holder.pid} on ") as caught,
                storage.lock(tmp_path),
            ):
                pass
            assert caught.value.exit_code == 7
            assert caught.value.file == str(tmp_path)
        finally:
            holder.send_signal(signal.SIGKILL)
        holder.wait(timeout=10)
    with storage.lock(tmp_path):
        assert str(os.getpid()) in (tmp_path / "run.lock").read_text()


def test_a_lock_can_be_taken_again_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="mine"), storage.lock(tmp_path / "new"):
        raise ValueError("mine")
    with storage.lock(tmp_path / "new"):
        pass


def test_a_lock_where_no_folder_can_be_is_a_resource_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ResourceError, match="can't write"), storage.lock(tmp_path / "file" / "run"):
        pass
