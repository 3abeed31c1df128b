"""A model's name becomes a folder: one that is there, or a download of harmless files."""

import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from twinlm.checkpoint import Trained
from twinlm.errors import ModelError, UsageError
from twinlm.hf.export import to_hf_files
from twinlm.hf.hub import find_folder
from twinlm.hf.reading import read_folder


@pytest.fixture
def hub(ours: Callable[..., Trained], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """A Hub that has one model, laid out as its cache is: links to files named by their hash."""
    asked: list[Any] = []
    cache = tmp_path / "models--org--name"
    place = cache / "snapshots" / "abc"
    place.mkdir(parents=True)
    (cache / "blobs").mkdir()
    for number, (name, contents) in enumerate(to_hf_files(ours("gpt")).items()):
        (cache / "blobs" / str(number)).write_bytes(contents)
        (place / name).symlink_to(f"../../blobs/{number}")

    def download(repository: str, **options: Any) -> str:
        asked.append((repository, options))
        if repository != "org/name":
            raise OSError("404: no such repository\nand a long explanation")
        return str(place)

    monkeypatch.setitem(sys.modules, "huggingface_hub", SimpleNamespace(snapshot_download=download))
    return asked


def test_a_folder_is_itself(tmp_path: Path, hub: list[Any]) -> None:
    assert find_folder(str(tmp_path)) == tmp_path
    assert hub == []


def test_a_model_of_the_hub_is_downloaded_and_read_through_its_cache(hub: list[Any]) -> None:
    trained = read_folder(find_folder("org/name@main"), source="org/name")
    assert trained.history["import"]["source"] == "org/name"
    assert hub == [
        (
            "org/name",
            {
                "revision": "main",
                "allow_patterns": ["*.json", "*.txt", "*.safetensors"],
                "ignore_patterns": ["*/*"],
            },
        )
    ]


def test_how_states_are_pooled_is_downloaded_too(hub: list[Any]) -> None:
    folder = find_folder("org/name")
    (folder / "modules.json").write_text("[]")
    find_folder("org/name")
    assert [options["allow_patterns"] for _, options in hub[1:]] == [
        ["*.json", "*.txt", "*.safetensors"],
        ["*_Pooling/config.json"],
    ]


def test_a_link_of_the_cache_to_elsewhere_is_refused(hub: list[Any], tmp_path: Path) -> None:
    folder = find_folder("org/name")
    (tmp_path / "secret").write_text("{}")
    (folder / "notes.json").symlink_to(tmp_path / "secret")
    with pytest.raises(ModelError, match="leads out of the folder"):
        read_folder(folder)


def test_what_the_hub_has_not_is_an_error_with_its_reason(hub: list[Any]) -> None:
    with pytest.raises(ModelError, match="the Hub can't provide it: 404: no such repository; check"):
        find_folder("org/other")


@pytest.mark.parametrize("name", ["../x", "/no/where", "a/b/c", "-x", "a b", "xxxxx/"])
def test_what_has_not_the_form_of_an_id_is_never_asked_for(
    name: str, hub: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # elsewhere there may be a folder ../x
    with pytest.raises(ModelError, match="there is no such folder"):
        find_folder(name)
    assert hub == []


def test_without_the_hubs_library_a_folder_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(UsageError, match=r"huggingface_hub is not installed.*give a folder"):
        find_folder("org/name")
