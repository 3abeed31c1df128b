"""What is on disk after writes that succeed, fail or are cut short."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from twinlm import storage
from twinlm.errors import ModelError, ResourceError


def _names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def _contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


class FailingCalls:
    """Counts the calls that reach the disk and fails the one with a given number."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, fail_at: int, code: int) -> None:
        self.count, self.fail_at, self.code = 0, fail_at, code
        for owner, name in [
            (os, "fsync"),
            (Path, "replace"),
            (Path, "rename"),
            (Path, "mkdir"),
            (Path, "open"),
        ]:
            monkeypatch.setattr(owner, name, self._wrapped(getattr(owner, name)))

    def _wrapped(self, call):
        def wrapped(*args, **kwargs):
            self.count += 1
            if self.count == self.fail_at:
                raise OSError(self.code, os.strerror(self.code))
            return call(*args, **kwargs)

        return wrapped


def test_a_file_is_replaced_whole_and_its_folder_is_made(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "file.bin"
    storage.write_file(path, b"old")
    storage.write_file(path, b"new and longer")
    assert path.read_bytes() == b"new and longer"
    assert _names(tmp_path) == ["a", "a/b", "a/b/file.bin"]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EACCES, errno.EROFS])
@pytest.mark.parametrize("fail_at", range(1, 6))
def test_a_file_keeps_its_old_content_when_any_call_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fail_at: int, code: int
) -> None:
    path = tmp_path / "file.bin"
    path.write_bytes(b"old")
    with monkeypatch.context() as patch:
        calls = FailingCalls(patch, fail_at, code)
        try:
            storage.write_file(path, b"new")
            has_failed = False
        except ResourceError as error:
            has_failed = True
            assert error.file == str(path)
            assert os.strerror(code) in str(error)
            assert error.hint
    # Calls: mkdir, open, fsync, replace, then the sync of the folder, when the new file is already in place.
    assert has_failed == (calls.count >= fail_at)
    assert has_failed
    assert path.read_bytes() == (b"new" if fail_at == 5 else b"old")
    assert _names(tmp_path) == ["file.bin"]


@pytest.mark.parametrize("fail_at", range(1, 13))
def test_a_folder_is_the_old_one_or_the_new_one_when_any_call_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fail_at: int
) -> None:
    folder = tmp_path / "store"
    storage.publish_folder(folder, {"a": b"old a", "b": b"old b"})
    old = _contents(folder)
    storage.publish_folder(tmp_path / "other", {"a": b"new a", "b": b"new b"})
    new = _contents(tmp_path / "other")
    with monkeypatch.context() as patch:
        calls = FailingCalls(patch, fail_at, errno.ENOSPC)
        try:
            storage.publish_folder(folder, {"a": b"new a", "b": b"new b"})
        except ResourceError as error:
            assert error.file == str(folder)
            assert "free some space" in error.hint
    is_failed = calls.count >= fail_at
    now = _contents(folder)
    storage.verify_folder(folder)
    assert now in (old, new)
    assert now == new or is_failed
    storage.clean(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"store", "other"}
    assert _contents(folder) == now


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
