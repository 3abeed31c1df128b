"""Pre-training with its options in a run directory: it resumes bit by bit and mixes no weights."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from twinlm import checkpoint
from twinlm.comparison.run import Run
from twinlm.errors import StoppedError, UsageError
from twinlm.settings import presets
from twinlm.system.log import Silent
from twinlm.system.stopping import Stop

SMALL = {
    "corpus.train": "text.txt",
    "tokenizer.vocab_size": "300",
    "model.layers": "1",
    "model.width": "16",
    "model.heads": "2",
    "model.max_length": "32",
    "pretrain.length": "32",
    "finetune.max_length": "32",
    "pretrain.batch_sequences": "4",
    "pretrain.validations": "2",
    "pretrain.validation_sequences": "8",
    "budget.match": "steps",
    "budget.amount": "12",
    "precision": "float32",
    "threads": "1",
}
PHASES = {"pretrain.first_length": "16", "pretrain.first_share": "0.5"}
OPTIONS = {
    "phases": PHASES,
    "whole words": {"bert.pretrain.mask_unit": "whole_word"},
    "spans": {"bert.pretrain.mask_unit": "span", "bert.pretrain.sentence_task": "none"},
    "as released": {
        "bert.pretrain.pairs": "google",
        "bert.pretrain.static_masks": "2",
        "bert.pretrain.random_tokens": "all",
        "bert.pretrain.max_predictions": "3",
        "bert.pretrain.optimizer.bias_correction": "false",
        "bert.pretrain.optimizer.warmup_steps": "4",
        "bert.pretrain.optimizer.released_schedule": "true",
        **PHASES,
    },
    "sentence order": {"bert.pretrain.sentence_task": "sentence_order", "bert.pretrain.static_masks": "3"},
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, write_project: Callable[[Path, int], None]) -> Path:
    folder = tmp_path_factory.mktemp("project")
    write_project(folder, 120)
    return folder


@pytest.fixture(autouse=True)
def _here(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)


class StoppingAt(Silent):
    """Asks to stop once a step is reached."""

    def __init__(self, stop: Stop, step: int) -> None:
        self.stop, self.step, self.said = stop, step, list[str]()

    def advance(self, done: int, **_: Any) -> None:
        self.stop.asked = self.stop.asked or done == self.step

    def say(self, text: str) -> None:
        self.said.append(text)


def _pretrain(out: str, kind: str, *, stop_at: int = -1, **more: str) -> tuple[bytes, StoppingAt]:
    """Pre-train and return the weights' bytes."""
    stop = Stop()
    progress = StoppingAt(stop, stop_at)
    settings = presets.resolve(None, {**SMALL, **more})
    with Run(Path(out), settings, is_demo=False, progress=progress, stop=stop) as run:
        run.pretraining.trained(kind)
    return (Path(out) / kind / "model" / "model.safetensors").read_bytes(), progress


@pytest.mark.parametrize("name", OPTIONS)
def test_a_run_that_was_stopped_ends_with_the_same_bytes(name: str) -> None:
    straight, _ = _pretrain(f"straight {name}", "bert", **OPTIONS[name])
    for step in (2, 6, 8):
        with pytest.raises(StoppedError):
            _pretrain(f"stopped {name}", "bert", stop_at=step, **OPTIONS[name])
    assert _pretrain(f"stopped {name}", "bert", **OPTIONS[name])[0] == straight


def test_phases_are_of_their_lengths_and_the_plan_counts_both() -> None:
    settings = presets.resolve(None, {**SMALL, **PHASES})
    with Run(Path("phases"), settings, is_demo=False, progress=Silent(), stop=Stop()) as run:
        plan = run.pretraining.plans["gpt"]
        assert plan.steps == 12
        assert plan.tokens == 6 * 4 * (16 + 32)
        assert run.pretraining.trained("gpt").history["pretraining"]["tokens"] == plan.tokens


def test_a_budget_in_passes_reads_the_text_so_often() -> None:
    settings = presets.resolve(None, {**SMALL, "budget.match": "passes", "budget.amount": "3"})
    with Run(Path("passes"), settings, is_demo=False, progress=Silent(), stop=Stop()) as run:
        plan, store = run.pretraining.plans["gpt"], run.workspace.stores("gpt")["train"]
        assert plan.steps == int(3 * store.token_count / (4 * 32))


@pytest.mark.parametrize("kind", ["gpt", "bert"])
def test_a_model_goes_on_with_its_tokenizer_and_more_positions(kind: str) -> None:
    _pretrain(f"first {kind}", kind)
    more = {
        f"{kind}.pretrain.start": f"first {kind}/{kind}",
        f"{kind}.model.max_length": "48",
        "tokenizer.vocab_size": "400",
    }
    straight, progress = _pretrain(f"straight {kind}", kind, **more)
    assert f"continues from first {kind}/{kind}" in " ".join(progress.said)
    with pytest.raises(StoppedError):
        _pretrain(f"stopped {kind}", kind, stop_at=5, **more)
    assert _pretrain(f"stopped {kind}", kind, **more)[0] == straight

    old = checkpoint.load_model(Path(f"first {kind}/{kind}/model"))
    new = checkpoint.load_model(Path(f"straight {kind}/{kind}/model"))
    assert new.tokenizer.fingerprint == old.tokenizer.fingerprint
    assert new.model.config.max_length == 48
    assert new.history["start"]["folder"] == f"first {kind}/{kind}"
    name = "token_embedding.weight"
    moved = (new.model.state_dict()[name] - old.model.state_dict()[name]).norm()
    assert 0 < moved < 0.5 * old.model.state_dict()[name].norm()


def test_other_weights_in_the_folder_of_the_start_are_noticed() -> None:
    more = {"gpt.pretrain.start": "base/gpt"}
    _pretrain("base", "gpt")
    _pretrain("tuned", "gpt", **more)
    _pretrain("other", "gpt", **{"pretrain.optimizer.learning_rate": "0.01"})
    Path("base/gpt").rename("old")
    Path("other/gpt").rename("base/gpt")
    with pytest.raises(UsageError, match="start was"):
        _pretrain("tuned", "gpt", **more)


def test_going_on_needs_nothing_of_the_other_kind_but_a_comparison_does() -> None:
    """The other kind is of the usual size here, so that only one of the two can be planned beside it."""
    sizes = ("model.layers", "model.width", "model.heads", "model.max_length", "pretrain.length")
    rest = {key: value for key, value in SMALL.items() if key not in (*sizes, "finetune.max_length")}
    _pretrain("small", "bert")
    settings = presets.resolve(None, {**rest, "bert.pretrain.start": "small/bert"})
    assert (settings.bert.model.width, settings.gpt.model.width) == (16, 128)
    with Run(Path("alone"), settings, is_demo=False, progress=Silent(), stop=Stop()) as run:
        assert run.pretraining.trained("bert").history["pretraining"]["step"] == 12
        assert not (Path("alone") / "tokenizers").exists()
        with pytest.raises(UsageError, match="the models are not of one size"):
            assert run.pretraining.plans
