"""The command line, called in this process, in an empty folder."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from twinlm.checkpoint import Trained, save_model
from twinlm.cli import main
from twinlm.core.initialize import initialize
from twinlm.families import FAMILIES
from twinlm.settings import ModelSettings
from twinlm.system.log import Silent
from twinlm.tokenizer import train_tokenizer

SENTENCES = ["The red cat sat on the mat.", "A big dog ran to the old house.", "She drinks tea with milk."]


class Outcome(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output, which must be one JSON value."""
        return json.loads(self.out)


@pytest.fixture
def cli(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., Outcome]:
    """Return a function that runs a command, such as `cli("config", "list")`."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> Outcome:
        capsys.readouterr()
        code = main.run([str(argument) for argument in arguments])
        return Outcome(code, *capsys.readouterr())

    return run


@pytest.fixture
def feed(monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], None]:
    """Return a function that puts bytes on standard input."""
    import io

    def put(data: bytes) -> None:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))

    return put


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with gpt/ and bert/."""
    folder = tmp_path_factory.mktemp("models")
    tokenizer = train_tokenizer(
        SENTENCES * 3, algorithm="byte-bpe", vocab_size=300, lowercase=False, progress=Silent()
    )
    for name, family in FAMILIES.items():
        sizes = ModelSettings(layers=2, width=16, heads=2, max_length=32, dropout=0)
        model = family.model(family.configure(sizes, tokenizer.vocab_size))
        initialize(model, seed=1, is_truncated=family.is_truncated)
        save_model(folder / name, Trained(family=family, model=model.eval(), tokenizer=tokenizer))
    return folder
