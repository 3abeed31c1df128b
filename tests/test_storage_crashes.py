"""Run directories after crashes, and their lock, with processes that really die."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import twinlm
from twinlm import storage
from twinlm.errors import LockedError, ResourceError

SOURCE = Path(twinlm.__file__).parents[1]

CRASH = """
    import os, pathlib, sys
    from twinlm import storage
    folder = pathlib.Path(sys.argv[1])
    count = 0
    def crashing(call):
        def wrapped(*args, **kwargs):
            global count
            count += 1
            if count == int(sys.argv[2]):
                os._exit(9)
            return call(*args, **kwargs)
        return wrapped
    os.fsync = crashing(os.fsync)
    os.unlink = crashing(os.unlink)
    os.rmdir = crashing(os.rmdir)
    for name in ("replace", "rename", "mkdir", "open"):
        setattr(pathlib.Path, name, crashing(getattr(pathlib.Path, name)))
    if sys.argv[3] == "publish":
        storage.publish_folder(folder / "store", {"a": b"new"})
    else:
        storage.remove(folder / "store")
"""


def _python(program: str, *args: str) -> list[str]:
    return [sys.executable, "-c", textwrap.dedent(program), *args]


ENVIRONMENT = {**os.environ, "PYTHONPATH": str(SOURCE)}


def test_a_crash_at_any_call_of_publishing_leaves_the_old_folder_or_the_new_one(tmp_path: Path) -> None:
    seen = set()
    for crash_at in range(1, 30):
        run = tmp_path / str(crash_at)
        storage.publish_folder(run / "store", {"a": b"old"})
        done = subprocess.run(
            _python(CRASH, str(run), str(crash_at), "publish"), env=ENVIRONMENT, check=False, timeout=30
        )
        with storage.lock(run):
            pass
        storage.verify_folder(run / "store")
        seen.add((run / "store" / "a").read_bytes())
        assert sorted(path.name for path in run.iterdir()) == ["run.lock", "store"]
        if done.returncode == 0:
            break
        assert done.returncode == 9
    assert done.returncode == 0
    assert seen == {b"old", b"new"}


def test_a_crash_at_any_call_of_removing_leaves_the_whole_folder_or_none(tmp_path: Path) -> None:
    for crash_at in range(1, 30):
        run = tmp_path / str(crash_at)
        storage.publish_folder(run / "store", {"a": b"old"})
        done = subprocess.run(
            _python(CRASH, str(run), str(crash_at), "remove"), env=ENVIRONMENT, check=False, timeout=30
        )
        storage.clean(run)
        if (run / "store").exists():
            storage.verify_folder(run / "store")
        assert {path.name for path in run.iterdir()} <= {"store"}
        if done.returncode == 0:
            break
    assert done.returncode == 0
    assert not (run / "store").exists()


HOLD = """
    import pathlib, sys, time
    from twinlm import storage
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
