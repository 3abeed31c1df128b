"""Runs and bundles that version 0.1.0 wrote, before its files moved into rooms: they continue and verify.

`stored/killed-run.zip` is a comparison that was killed at step 7 of BERT's pre-training,
`stored/expected.json` has the numbers of the same run, never stopped, and `stored/bundle.zip` is its bundle.
Commit d37ca24 wrote all three.
"""

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

import twinlm
from twinlm.bundle.verify import verify_bundle
from twinlm.comparison.run import Run
from twinlm.settings import presets
from twinlm.system.log import Silent
from twinlm.system.stopping import Stop

STORED = Path(__file__).with_name("stored")
EXPECTED: dict[str, Any] = json.loads((STORED / "expected.json").read_text())
TOLERANCE = 1e-5  # of sums over a tensor: another processor rounds otherwise
# A new head's first gradients are rounding errors, which differ by processor; Adam makes whole steps of them.
TOLERANCE_OF_FINE_TUNED = 0.2


class Steps(Silent):
    """Notes at which step each piece of work starts to advance."""

    def __init__(self) -> None:
        self.first: dict[str, int] = {}
        self.said: list[str] = []
        self._title = ""

    def start(self, what: str, total: int, unit: str) -> None:
        self._title = what

    def say(self, line: str) -> None:
        self.said.append(line)

    def advance(self, done: int, **shown: float | str) -> None:
        self.first.setdefault(self._title, done)


@pytest.fixture(scope="module")
def continued(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Steps]:
    """The folder of the killed run, finished by today's code, and where its trainings started."""
    folder = tmp_path_factory.mktemp("old")
    with zipfile.ZipFile(STORED / "killed-run.zip") as archive:
        archive.extractall(folder)
    steps = Steps()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        settings = presets.resolve(Path("killed/settings.toml"), {})
        with Run(Path("killed"), settings, is_demo=False, progress=steps, stop=Stop()) as run:
            run.compare()
    return folder / "killed", steps


def test_it_continues_at_the_checkpoint_and_repeats_nothing(continued: tuple[Path, Steps]) -> None:
    _, steps = continued
    assert "pre-training GPT" not in steps.first
    assert steps.first["pre-training BERT"] == 5
    assert [line for line in steps.said if "not comparable" in line] == [
        "pre-training BERT: continues as a version before 0.2.0 began it: each micro-batch counts the same, "
        "however few targets it has, and draws its own masks; its scores are not comparable"
    ]


def test_it_ends_with_the_weights_of_the_run_that_was_never_stopped(continued: tuple[Path, Steps]) -> None:
    folder, _ = continued
    for name, tensors in EXPECTED["weights"].items():
        weights = load_file(folder / name / "model" / "model.safetensors")
        assert sorted(weights) == sorted(tensors)
        for tensor, (size, total) in tensors.items():
            values = weights[tensor].astype(np.float64)
            if name.startswith("tasks/"):
                assert np.abs(values).sum() == pytest.approx(size, rel=TOLERANCE_OF_FINE_TUNED, abs=0.01)
            else:
                assert [np.abs(values).sum(), values.sum()] == pytest.approx(
                    [size, total], abs=TOLERANCE, rel=TOLERANCE
                )


def test_it_ends_with_the_same_numbers(continued: tuple[Path, Steps]) -> None:
    folder, _ = continued
    [task] = json.loads((folder / "results.json").read_text())["tasks"]
    assert {score["arm"]: score["score_by_seed"] for score in task["scores"]} == EXPECTED["scores"]
    for comparison, expected in zip(task["comparisons"], EXPECTED["comparisons"], strict=True):
        assert {name: comparison[name] for name in expected} == expected
    for kind, expected in EXPECTED["last metrics"].items():
        last = json.loads((folder / kind / "metrics.jsonl").read_text().splitlines()[-1])
        assert last == pytest.approx(expected, rel=TOLERANCE)


def test_its_models_are_used(continued: tuple[Path, Steps]) -> None:
    folder, _ = continued
    classifier = twinlm.load(folder / "tasks" / "topic" / "bert" / "seed-1")
    [answer] = twinlm.classify(classifier, ["The cat likes the dog."])
    assert set(answer) == {"animals", "food"}


def test_an_old_bundle_verifies(tmp_path: Path) -> None:
    with zipfile.ZipFile(STORED / "bundle.zip") as archive:
        archive.extractall(tmp_path)
    verification = verify_bundle(tmp_path / "bundle", Silent())
    assert not verification.differences
