"""A step trains on the same inputs and by the same loss, however it is cut into micro-batches."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from twinlm import rng
from twinlm.batch import total
from twinlm.checkpoint import Trained
from twinlm.core import attention, dropout
from twinlm.core.initialize import initialize
from twinlm.data.labels.examples import Example
from twinlm.data.labels.task import LabelledTask
from twinlm.data.text.sentences import split_sentences
from twinlm.data.tokens.store import TokenStore
from twinlm.data.tokens.writing import write_store
from twinlm.families import FAMILIES
from twinlm.settings import FinetuneSettings, KindSettings, ModelSettings, OptimizerSettings, PretrainSettings
from twinlm.system import storage
from twinlm.system.log import Silent
from twinlm.system.stopping import Stop
from twinlm.tasks.table import TASKS
from twinlm.tokenizer import Tokenizer, train_tokenizer
from twinlm.train import resuming
from twinlm.train.finetune import finetune
from twinlm.train.phases import micro_batches
from twinlm.train.pretrain import pretrain

WORDS = ["river", "stone", "cloud", "tree", "house", "road", "Ada", "Ben"]
STEPS, ROWS = 6, 16
TOLERANCE = 1e-5  # of a weight after 6 steps: sums are added in another order
# With an epsilon of 1e-8, a weight whose gradient is only rounding would move as far as others.
OPTIMIZER = OptimizerSettings(learning_rate=5e-4, warmup_share=0.0, epsilon=1e-5)
SIZES = ModelSettings(layers=1, width=16, heads=2, max_length=48, dropout=0.1)


def words(chance: Any, count: int) -> list[str]:
    return [str(word) for word in chance.choice(WORDS, count)]


def example(kind: str, number: int) -> Example:
    """Return an example of 1 or 30 words in turn, so that no two micro-batches have equally many targets."""
    chance = rng.stream(3, "cut", kind, number)
    text = words(chance, 1 if number % 2 else 30)
    if kind == "tagging":
        return Example(
            f"{number}", tuple(text), ["B-PER" if word in ("Ada", "Ben") else "O" for word in text]
        )
    if kind == "span_qa":
        answers = [] if number % 3 else [{"text": text[0], "start": 0}]
        return Example(f"{number}", ("Who", " ".join(text)), answers)
    if kind == "choice":
        return Example(f"{number}", (" ".join(text), *words(chance, 2 + number % 3)), number % 2)
    if kind == "similarity":
        return Example(f"{number}", (" ".join(text), text[0]), float(number % 5))
    return Example(f"{number}", (" ".join(text),), "ab"[number % 2])


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return train_tokenizer(
        [" ".join(WORDS)] * 4, algorithm="byte-bpe", vocab_size=300, lowercase=False, progress=Silent()
    )


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, tokenizer: Tokenizer) -> TokenStore:
    """Documents of short and long sentences, so that pairs differ in length and in masks."""
    chance = rng.stream(3, "cut", "documents")
    texts = [
        " ".join(" ".join(words(chance, 1 + 12 * (number % 2))) + "." for number in range(6))
        for _ in range(60)
    ]
    folder = tmp_path_factory.mktemp("store") / "tokens"
    write_store(folder, texts, tokenizer, split_sentences, total=len(texts), progress=Silent())
    return TokenStore(folder)


@pytest.fixture
def tuned(tokenizer: Tokenizer, tmp_path: Path) -> Callable[..., dict[str, Tensor]]:
    """Return a function (kind, task, cut) to the weights after fine-tuning."""

    def tune(name: str, kind: str, micro_batch: int) -> dict[str, Tensor]:
        family = FAMILIES[name]
        model: Any = family.model(family.configure(SIZES, tokenizer.vocab_size))
        initialize(model, seed=1, is_truncated=family.is_truncated)
        rows = tuple(example(kind, number) for number in range(STEPS * ROWS))
        classes = TASKS[kind].form.labels(rows)
        task = LabelledTask("cut", rows, rows[:8], rows[8:16], classes, kind)
        settings = FinetuneSettings(
            batch_examples=ROWS,
            micro_batch_examples=micro_batch,
            epochs=1,  # one validation, so that no other step's weights are the best
            max_length=48,
            dropout=0.1,
            auxiliary_weight=0.5,
            optimizer=OPTIMIZER,
        )
        result = finetune(
            Trained(family=family, model=model, tokenizer=tokenizer),
            task,
            settings,
            seed=1,
            precision="float32",
            folder=tmp_path / f"{name}-{kind}-{micro_batch}",
            progress=Silent(),
            stop=Stop(),
            title="cut",
        )
        assert result.tuned is not None
        return result.tuned.state_dict()

    return tune


@pytest.mark.parametrize("kind", TASKS)
@pytest.mark.parametrize("name", FAMILIES)
def test_fine_tuning_ends_with_the_same_weights(name: str, kind: str, tuned: Any) -> None:
    whole = tuned(name, kind, 0)
    for cut in (1, 8):
        again = tuned(name, kind, cut)
        for weight, value in whole.items():
            torch.testing.assert_close(again[weight], value, atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize(("name", "kind"), [("gpt", "choice"), ("bert", "tagging")])
def test_with_the_masks_of_a_gpu_too(
    name: str, kind: str, tuned: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (attention, dropout):
        monkeypatch.setattr(module, "draws_by_hash", lambda device: True)
    whole, again = tuned(name, kind, 0), tuned(name, kind, 1)
    for weight, value in whole.items():
        torch.testing.assert_close(again[weight], value, atol=TOLERANCE, rtol=0)


OPTIONS: dict[str, dict[str, Any]] = {
    "default": {},
    "without pairs": {"sentence_task": "none"},
    "sentence order": {"sentence_task": "sentence_order"},
    "static masks": {"static_masks": 3},
    "both sides": {"both_sides_share": 0.4},
    "left to right first": {"first_objective": "causal", "first_share": 0.5},
}
RUNS = [
    ("gpt", "default"),
    ("gpt", "both sides"),
    *(("bert", name) for name in OPTIONS if name != "both sides"),
]


@pytest.mark.parametrize(("name", "options"), RUNS)
def test_pre_training_ends_with_the_same_weights_and_validations(
    name: str, options: str, store: TokenStore, tokenizer: Tokenizer, tmp_path: Path
) -> None:
    outcomes = []
    for cut in (0, 1, 8):
        settings = PretrainSettings(
            length=32,
            batch_sequences=ROWS,
            micro_batch_sequences=cut,
            validations=1,
            validation_sequences=ROWS,
            optimizer=OPTIMIZER,
            **OPTIONS[options],
        )
        trained = pretrain(
            FAMILIES[name],
            KindSettings(model=SIZES, pretrain=settings, finetune=FinetuneSettings(max_length=48)),
            steps=STEPS,
            train_store=store,
            valid_store=store,
            tokenizer=tokenizer,
            seed=1,
            precision="float32",
            folder=tmp_path / f"{cut}",
            progress=Silent(),
            stop=Stop(),
            title="cut",
        )
        outcomes.append((trained.model.state_dict(), trained.history["pretraining"]))
    (whole, spent), *others = outcomes
    for weights, again in others:
        for weight, value in whole.items():
            torch.testing.assert_close(weights[weight], value, atol=TOLERANCE, rtol=0)
        assert again["best"] == pytest.approx(spent["best"], abs=1e-5)
        assert again["tokens"] == spent["tokens"] and again["targets"] == spent["targets"]


@pytest.mark.parametrize("name", FAMILIES)
def test_validation_does_not_depend_on_its_batches(
    name: str, store: TokenStore, tokenizer: Tokenizer
) -> None:
    """Parts with different numbers of targets are means over all of them, not over batches."""
    family = FAMILIES[name]
    model: Any = family.model(family.configure(SIZES, tokenizer.vocab_size)).eval()
    initialize(model, seed=1, is_truncated=family.is_truncated)
    settings = PretrainSettings(length=32)
    examples, objective = family.examples(store, settings, tokenizer, 1), family.objective(settings)
    whole = examples.batch(0, ROWS)
    parts = [whole.rows(0, 1), whole.rows(1, 6), whole.rows(6, ROWS)]
    counts = total(part.counts() for part in parts)
    assert counts == whole.counts()
    sums = sum(objective(model, part, counts).total for part in parts)
    torch.testing.assert_close(sums, objective(model, whole).total)


@pytest.mark.parametrize(
    "states", [[{}, {}], [{}, {"averaging": "micro-batch"}], [{"averaging": "micro-batch"}] * 2]
)
def test_a_run_of_an_earlier_version_keeps_its_mean_however_often_it_is_resumed(
    states: list[dict[str, str]], tmp_path: Path
) -> None:
    assert resuming.averaging(tmp_path) == "step"
    for number, state in enumerate(states):
        contents = storage.json_bytes({"step": number, **state})
        storage.publish_folder(tmp_path / "checkpoints" / f"step-{number:09d}", {"state.json": contents})
    assert resuming.averaging(tmp_path) == "micro-batch"


def test_micro_batches_of_such_a_run_draw_for_themselves(store: TokenStore, tokenizer: Tokenizer) -> None:
    """As they did before steps were drawn as a whole."""
    settings = replace(PretrainSettings(length=32), batch_sequences=4, micro_batch_sequences=2)
    examples = FAMILIES["bert"].examples(store, settings, tokenizer, 1)
    before = micro_batches(examples, settings, 3, "micro-batch")
    for number in range(2):
        drawn = examples.batch(12 + 2 * number, 2)
        assert torch.equal(before[number].tokens_BL, drawn.tokens_BL)
    assert len(micro_batches(examples, settings, 3)) == len(before) == 2
