"""What is on disk after writes that succeed, fail or are cut short."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from twinlm.errors import ModelError, ResourceError
from twinlm.system import disk, storage


def _names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def _replace(path: Path, old: bytes, new: bytes) -> None:
    path.write_bytes(path.read_bytes().replace(old, new, 1))


def test_a_file_is_replaced_whole_and_its_folder_is_made(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "file.bin"
    storage.write_file(path, b"old")
    storage.write_file(path, b"new and longer")
    assert path.read_bytes() == b"new and longer"
    assert _names(tmp_path) == ["a", "a/b", "a/b/file.bin"]


@pytest.mark.parametrize(
    ("code", "hint"),
    [
        (errno.ENOSPC, "free some space"),
        (errno.EDQUOT, "free some of your quota"),
        (errno.EACCES, "a directory that you may write to"),
        (errno.EROFS, "a directory that you may write to"),
        (errno.EIO, "check the disk"),
    ],
)
def test_a_refusal_of_the_disk_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, hint: str
) -> None:
    """Every fault at every operation is tried in `faults/`."""

    def refuse(file: int, data: bytes) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(disk.operations, "write", refuse)
    with pytest.raises(ResourceError, match=f"can't write: {os.strerror(code)}; .*{hint}") as caught:
        storage.write_file(tmp_path / "file.bin", b"new")
    assert caught.value.file == str(tmp_path / "file.bin")
    assert _names(tmp_path) == []


def test_a_folder_is_published_with_its_manifest_and_verified(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    assert not storage.is_published(folder)
    storage.publish_folder(folder, {"whole": b"abc", "pieces": iter([b"d", b"", b"ef"]), "empty": b""})
    assert storage.is_published(folder)
    storage.verify_folder(folder)
    assert (folder / "pieces").read_bytes() == b"def"
    storage.publish_folder(folder, {"whole": b"xyz"})
    assert _names(tmp_path) == ["store", "store/manifest.json", "store/whole"]
    storage.verify_folder(folder)


def test_a_folder_may_have_folders_in_it_and_go_without_a_manifest(tmp_path: Path) -> None:
    storage.publish_folder(tmp_path / "store", {"a": b"1", "b/c": b"2"}, has_manifest=False)
    found = sorted(path for path in (tmp_path / "store").rglob("*") if path.is_file())
    assert [(path.relative_to(tmp_path / "store").as_posix(), path.read_bytes()) for path in found] == [
        ("a", b"1"),
        ("b/c", b"2"),
    ]
    assert not storage.is_published(tmp_path / "store")


def test_a_folder_is_not_published_if_its_contents_raise(tmp_path: Path) -> None:
    def pieces() -> Iterator[bytes]:
        yield b"a"
        raise ModelError("no more")

    with pytest.raises(ModelError, match="no more"):
        storage.publish_folder(tmp_path / "store", {"a": pieces()})
    assert _names(tmp_path) == []


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda folder: (folder / "a").unlink(), "missing"),
        (lambda folder: (folder / "a").write_bytes(b"abcd"), "4 bytes, but 3"),
        (lambda folder: (folder / "a").write_bytes(b"abd"), "damaged"),
        (lambda folder: (folder / "manifest.json").unlink(), "missing"),
        (lambda folder: (folder / "manifest.json").write_text("[1]"), "not a manifest"),
        (lambda folder: (folder / "manifest.json").write_text("{}"), "not a manifest"),
        (
            lambda folder: (folder / "manifest.json").write_text('{"format": 1, "files": {"a": 5}}'),
            "manifest",
        ),
        (lambda folder: (folder / "manifest.json").write_text('{"format": 2}'), "update twinlm"),
        (lambda folder: (folder / "manifest.json").write_text("{" * 100_000), "not JSON"),
        (lambda folder: (folder / "manifest.json").write_bytes(b"\xff\xfe{"), "not JSON"),
        (lambda folder: _replace(folder / "manifest.json", b"\n", b" "), "manifest is not what was written"),
    ],
)
def test_damage_to_a_published_folder_is_found(tmp_path: Path, damage, words: str) -> None:
    folder = tmp_path / "store"
    storage.publish_folder(folder, {"a": b"abc"})
    damage(folder)
    with pytest.raises(ModelError, match=words) as caught:
        storage.verify_folder(folder)
    assert str(folder) in str(caught.value)


def test_a_place_that_is_no_folder_is_a_model_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for path in [tmp_path / "file" / "x.json", tmp_path]:
        with pytest.raises(ModelError):
            storage.read_json(path)


def test_cleaning_takes_only_what_interrupted_writes_left(tmp_path: Path) -> None:
    kept = [".tmp-notes", ".del-", ".del-old", ".git", "plain", ".tmp-12x-a"]
    for name in kept:
        (tmp_path / name).mkdir()
    (tmp_path / ".tmp-12-a").write_bytes(b"")
    (tmp_path / ".del-12-plain" / ".tmp-3-x").mkdir(parents=True)
    (tmp_path / "plain" / ".tmp-12-b").mkdir()
    (tmp_path / "plain" / ".del-12-back").mkdir()
    storage.clean(tmp_path)
    assert _names(tmp_path) == sorted([*kept, "plain/back"])


def test_removing_takes_files_folders_and_what_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "folder" / "in").mkdir(parents=True)
    (tmp_path / "file").write_bytes(b"x")
    for name in ["folder", "file", "absent"]:
        storage.remove(tmp_path / name)
    assert _names(tmp_path) == []


def test_lines_are_appended_in_order(tmp_path: Path) -> None:
    path = tmp_path / "new" / "log"
    for line in ["one", "zwei ä", ""]:
        storage.append_line(path, line)
    assert path.read_bytes() == "one\nzwei ä\n\n".encode()


def test_a_log_that_can_not_be_written_is_a_resource_error(tmp_path: Path) -> None:
    with pytest.raises(ResourceError, match="can't write"):
        storage.append_line(tmp_path, "a line")


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_files_have_the_mode_that_the_umask_asks_for(tmp_path: Path, mask: int, mode: int) -> None:
    before = os.umask(mask)
    try:
        storage.write_file(tmp_path / "file", b"x")
        storage.publish_folder(tmp_path / "store", {"a": b"x"})
        storage.append_line(tmp_path / "log", "x")
    finally:
        os.umask(before)
    for name in ["file", "store/a", "store/manifest.json", "log"]:
        assert (tmp_path / name).stat().st_mode & 0o777 == mode, name


def test_json_is_readable_and_has_no_numbers_that_json_lacks(tmp_path: Path) -> None:
    value = {"b": [1, 2.5, None], "a": "ä\u2028"}
    storage.write_json(tmp_path / "x.json", value)
    assert storage.read_json(tmp_path / "x.json") == value
    assert list(storage.read_json(tmp_path / "x.json")) == ["b", "a"]
    assert "ä" in (tmp_path / "x.json").read_text("utf-8")
    with pytest.raises(ValueError, match="not JSON compliant"):
        storage.json_bytes({"loss": float("nan")})


def test_the_hash_of_a_file_that_is_missing_is_a_models_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="weights: the file is missing"):
        storage.file_sha256(tmp_path / "weights")


@pytest.mark.parametrize("place", ["a file/new", "a folder"])
def test_a_path_that_can_not_be_written_is_refused_beforehand(tmp_path, place):
    (tmp_path / "a file").write_bytes(b"old")
    (tmp_path / "a folder").mkdir()
    with pytest.raises(ResourceError) as error:
        storage.require_writable(tmp_path / place)
    assert str(tmp_path / "a f") in str(error.value.file)


def test_asking_whether_a_path_can_be_written_changes_no_file(tmp_path):
    storage.write_file(tmp_path / "old", b"old")
    storage.require_writable(tmp_path / "old")
    storage.require_writable(tmp_path / "new" / "file")
    assert (tmp_path / "old").read_bytes() == b"old"
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["new", "old"]
