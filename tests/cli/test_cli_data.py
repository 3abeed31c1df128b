"""`twinlm data`: parts packed one by one, joined, and refused when one is missing."""

import json
from pathlib import Path

import pytest

from twinlm.cli.main import run
from twinlm.cli.train.data import numbered
from twinlm.data.tokens.store import TokenStore
from twinlm.errors import UsageError
from twinlm.system import storage
from twinlm.system.log import Silent
from twinlm.tokenizer import train_tokenizer


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    texts = [f"Text {number} is here. It has words." for number in range(50)]
    Path("text.txt").write_text("\n\n".join(texts))
    Path("valid.txt").write_text("\n\n".join(texts[:4]))
    tokenizer = train_tokenizer(
        texts, algorithm="byte-bpe", vocab_size=300, lowercase=False, progress=Silent()
    )
    storage.publish_folder(Path("tok/files"), tokenizer.to_files())
    return tmp_path


PACK = ["data", "pack", "text.txt", "--tokenizer", "tok", "--out", "store"]


def answer(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict:
    assert run([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_without_a_part_all_is_packed_and_joined(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = answer(capsys, *PACK, "--held-out", "valid.txt")
    assert first["counts"] == {"documents": 46, "duplicate documents": 0, "held-out documents": 4}
    assert first["store"]["document_count"] == TokenStore(place / "store", verify=True).document_count == 46
    again = answer(capsys, *PACK, "--held-out", "valid.txt")
    assert (first["is_new"], again["is_new"]) == (True, False)
    assert again["store"] == first["store"]


def test_parts_are_packed_alone_and_joined(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for part in (2, 1):
        assert "store" not in answer(capsys, *PACK, "--part", f"{part}/3")
    assert run(["data", "join", "store"]) == 4
    assert "part-00003-of-00003: this part is missing" in capsys.readouterr().err
    assert run([*PACK, "--part", "3/3"]) == 0
    assert "part-00003-of-00003: " in capsys.readouterr().out
    assert answer(capsys, "data", "join", "store")["store"]["document_count"] == 50
    assert run(["data", "join", "store"]) == 0
    assert "50 documents" in capsys.readouterr().out


def test_parts_are_packed_at_once_in_processes(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    done = answer(capsys, *PACK, "--processes", "2", "--held-out", "valid.txt")
    assert done["store"]["document_count"] == 46
    assert len(list(Path("store").glob("part-*-of-00002"))) == 2
    assert run([*PACK, "--processes", "2", "--part", "1/2"]) == 2
    assert "--processes 2 is not allowed with --part 1/2" in capsys.readouterr().err


def test_a_part_that_fails_in_its_process_is_named(place: Path, capfd: pytest.CaptureFixture[str]) -> None:
    Path("text.txt").write_bytes(b"caf\xe9")
    assert run([*PACK, "--processes", "2"]) == 5
    said = capfd.readouterr().err
    assert "part 1/2 ended with exit code 3" in said
    assert "text.txt:1" in said


def test_other_texts_are_not_mixed_in(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answer(capsys, *PACK, "--part", "1/2")
    Path("text.txt").write_text("Other words.")
    assert run([*PACK, "--part", "1/2"]) == 2
    assert "this part was started with another texts" in capsys.readouterr().err


@pytest.mark.parametrize("part", ["0/3", "4/3", "3", "a/b", "3/", "1/100000", "-1/3"])
def test_what_is_no_part_is_refused(part: str) -> None:
    with pytest.raises(UsageError, match="is not a part"):
        numbered(part)
    assert (numbered("3/64"), numbered("")) == ((3, 64), (1, 1))


def test_joining_what_is_not_there_makes_no_folder(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "join", "nothing"]) == 4
    assert "there are no parts of a store here" in capsys.readouterr().err
    assert not Path("nothing").exists()
