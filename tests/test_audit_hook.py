"""The hook that watches over strangers' folders sees, and refuses, what it is there for."""

import pickle
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

CODE = compile("1", "code.py", "exec")
TRIED: dict[str, Callable[[Path], Any]] = {
    "pickle.find_class": lambda folder: pickle.loads(b"cos\nsystem\n."),
    "exec": lambda folder: exec(CODE),
    "compile": lambda folder: compile((folder / "code.py").read_bytes(), "code.py", "exec"),
    "subprocess.Popen": lambda folder: subprocess.run([sys.executable, "-c", ""], check=True),
    "socket.": lambda folder: socket.socket(),
    "open .*secret": lambda folder: (folder.parent / "secret").read_bytes(),
    "open .*new": lambda folder: (folder.parent / "new").write_bytes(b""),
}


@pytest.mark.parametrize("name", TRIED)
@pytest.mark.parametrize("is_caught", [False, True])
def test_what_must_not_happen_is_refused_even_if_somebody_catches_it(
    name: str, is_caught: bool, watched: Any, tmp_path: Path
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "code.py").write_text("1")
    (tmp_path / "secret").write_text("a secret")

    def act() -> None:
        try:
            TRIED[name](folder)
        except BaseException:
            if not is_caught:
                raise

    with pytest.raises(BaseException, match=name) as failed, watched(folder):
        act()
    assert type(failed.value).__name__ == ("AssertionError" if is_caught else "ForbiddenError")
    assert not (tmp_path / "new").exists()


def test_files_of_the_folder_may_be_read(watched: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("text")
    with watched(tmp_path):
        assert (tmp_path / "file").read_text() == "text"
