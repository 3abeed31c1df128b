"""The operations of the disk, and what is put together of them. Faults are in `faults/`."""

import os
from pathlib import Path

import pytest

from twinlm.system import disk


def test_a_write_goes_on_until_all_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write
    monkeypatch.setattr(os, "write", lambda file, data: real(file, data[:3]))
    size, digest = disk.write_and_sync(tmp_path / "file", [b"0123456789", b"", b"ab"])
    assert (tmp_path / "file").read_bytes() == b"0123456789ab"
    assert size == 12
    assert len(digest) == 64


def test_folders_are_made_once_and_synced_into_those_around_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[Path] = []
    monkeypatch.setattr(disk.operations, "sync_folder", synced.append)
    disk.make_folders(tmp_path / "a" / "b")
    disk.make_folders(tmp_path / "a" / "b")
    assert synced == [tmp_path, tmp_path / "a"]
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(FileExistsError):
        disk.make_folders(tmp_path / "file" / "in")


def test_a_link_is_removed_and_not_what_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "file").write_bytes(b"kept")
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "link").symlink_to(tmp_path / "real")
    disk.remove_tree(tmp_path / "tree")
    disk.remove_tree(tmp_path / "absent")
    assert [path.name for path in tmp_path.iterdir()] == ["real"]
    assert (tmp_path / "real" / "file").read_bytes() == b"kept"


def test_what_is_synced_reaches_the_disk_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr("os.fsync", lambda file: synced.append(os.fstat(file).st_ino))
    real = disk.Operations()
    file = real.create(tmp_path / "file")
    real.sync(file)
    os.close(file)
    real.sync_folder(tmp_path)
    assert synced == [(tmp_path / "file").stat().st_ino, tmp_path.stat().st_ino]
