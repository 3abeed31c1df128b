"""All kinds of task are learned by both kinds of model, from first weights, on made-up examples."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from sklearn.linear_model import LogisticRegression, Ridge

from twinlm import checkpoint, rng
from twinlm.checkpoint import Trained
from twinlm.core.initialize import initialize
from twinlm.data.labels.examples import Example
from twinlm.data.labels.task import LabelledTask
from twinlm.errors import DataError, ModelError, StoppedError
from twinlm.families import FAMILIES
from twinlm.hf.export import to_hf_files
from twinlm.settings import FinetuneSettings, ModelSettings, OptimizerSettings
from twinlm.system import storage
from twinlm.system.log import EVENTS, Silent
from twinlm.system.stopping import Stop
from twinlm.tasks.table import TASKS
from twinlm.tasks.tagging import LEADING_BLANK
from twinlm.tokenizer import Tokenizer, train_tokenizer
from twinlm.train.costs import finetune_seconds
from twinlm.train.finetune import RESULT, finetune, inputs_of_step
from twinlm.train.probe import INVERSE_PENALTIES, frozen_probe, start_from_probe
from twinlm.train.resuming import averaging
from twinlm.train.transfer import with_head
from twinlm.use.predict import input_scores, predict
from twinlm.use.predict import task_of as kind_of

NAMES = ["Ada", "Ben", "Cleo", "Dora"]
OTHERS = ["river", "stone", "cloud", "tree", "house", "road"]
SIZES = {"train": 120, "valid": 30, "test": 60}


def made_up(kind: str, chance: Any, number: int) -> tuple[tuple[str, ...], Any]:
    """Return texts and the answer, which one word gives away."""
    words = [str(word) for word in chance.choice(OTHERS, 4)]
    name, place = str(chance.choice(NAMES)), int(chance.integers(0, 5))
    with_name = [*words[:place], name, *words[place:]]
    if kind == "classification":
        return (" ".join(with_name),), "early" if name in NAMES[:2] else "late"
    if kind == "similarity":
        return (" ".join(words), f"{name} {name}"), float(NAMES.index(name))
    if kind == "choice":
        texts = [str(chance.choice(OTHERS)) for _ in range(2 + number % 2)]
        right = int(chance.integers(0, len(texts)))
        texts[right] = name
        return (" ".join(words), *texts), right
    if kind == "tagging":
        return tuple(with_name), ["B-PER" if word in NAMES else "O" for word in with_name]
    if number % 4 == 0:
        return ("Who is it", " ".join(words)), []
    context = " ".join(with_name)
    return ("Who is it", context), [{"text": name, "start": context.index(name)}]


def task_of(kind: str) -> LabelledTask:
    parts = {}
    for part, count in SIZES.items():
        chance = rng.stream(5, kind, part)
        rows = [made_up(kind, chance, number) for number in range(count)]
        parts[part] = tuple(Example(f"{part}-{n}", texts, gold) for n, (texts, gold) in enumerate(rows, 1))
    classes = TASKS[kind].form.labels(parts["train"])
    return LabelledTask("made up", **parts, classes=classes, kind=kind)


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    texts = [" ".join([*NAMES, *OTHERS, "Who is it"])] * 4
    return train_tokenizer(texts, algorithm="byte-bpe", vocab_size=330, lowercase=False, progress=Silent())


@pytest.fixture
def fresh(tokenizer: Tokenizer) -> Callable[[str], Trained]:
    """Return a function that makes a model with first weights, always the same ones."""

    def make(name: str) -> Trained:
        family = FAMILIES[name]
        sizes = ModelSettings(layers=2, width=32, heads=2, max_length=32, dropout=0.0)
        model = family.model(family.configure(sizes, tokenizer.vocab_size))
        initialize(model, seed=1, is_truncated=family.is_truncated, deviation=0.1)
        return Trained(family=family, model=model.eval(), tokenizer=tokenizer)

    return make


def settings(**changes: Any) -> FinetuneSettings:
    fields: dict[str, Any] = {
        "epochs": 10,
        "batch_examples": 12,
        "max_length": 32,
        "dropout": 0.0,
        "optimizer": OptimizerSettings(learning_rate=4e-3),
    }
    return FinetuneSettings(**{**fields, **changes})


def tune(trained: Trained, task: LabelledTask, folder: Path, **changes: Any) -> Trained:
    stop = changes.pop("stop", Stop())
    progress = changes.pop("progress", Silent())
    options = settings(**changes)
    return finetune(
        trained,
        task,
        options,
        seed=1,
        precision="float32",
        folder=folder,
        progress=progress,
        stop=stop,
        title="made up",
    )


def files(folder: Path) -> dict[str, bytes]:
    """All that a finished fine-tuning leaves and that does not tell of the time or of stops."""
    found = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    own = ("timings.jsonl", EVENTS, RESULT, "model/config.json", "model/manifest.json")
    return {name: data for name, data in found.items() if name not in own}


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("kind", TASKS)
def test_each_kind_of_task_is_learned_and_the_saved_model_answers_alike(
    kind: str, name: str, fresh: Callable[[str], Trained], tmp_path: Path
) -> None:
    task = task_of(kind)
    tuned = tune(fresh(name), task, tmp_path)
    answers = predict(tuned, task.test)
    golds = [example.gold for example in task.test]
    measured = TASKS[kind].measure(golds, [answer["predicted"] for answer in answers])
    floors = TASKS[kind].baselines(task.train, task.valid, task.test)[:1]
    floor = max(TASKS[kind].measure(golds, floor.predictions).main for floor in floors)
    assert measured.main > max(0.85, floor + 0.2)
    assert tuned.history["fine-tuning"]["validation"].keys() == measured.figures.keys()
    loaded = checkpoint.load_model(tmp_path / "model")
    assert predict(loaded, task.test) == answers
    assert loaded.task == tuned.task
    # A finished one is found again, though it was killed before it was tidied: nothing is left to train on.
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "best.safetensors").touch()
    again = tune(fresh(name), task, tmp_path)
    assert predict(again, task.test) == answers
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        RESULT,
        "metrics.jsonl",
        "model",
        "timings.jsonl",
    ]


class StopsAt(Silent):
    """A signal comes after a step."""

    def __init__(self, stop: Stop, step: int) -> None:
        self.stop, self.step = stop, step

    def advance(self, done: int, **shown: float | str) -> None:
        self.stop.asked = self.stop.asked or done == self.step


@pytest.mark.parametrize(
    ("kind", "name"), [("span_qa", "gpt"), ("choice", "bert"), ("classification", "gpt")]
)
def test_stopped_and_gone_on_is_never_stopped(
    kind: str, name: str, fresh: Callable[[str], Trained], tmp_path: Path
) -> None:
    task = task_of(kind)
    options: dict[str, Any] = {"epochs": 2, "dropout": 0.1}
    if kind == "classification":
        options |= {"summary": "mean", "head_start": "probe"}
    straight = tune(fresh(name), task, tmp_path / "straight", **options)
    for step in (3, 11):
        stop = Stop()
        with pytest.raises(StoppedError):
            tune(fresh(name), task, tmp_path / "cut", stop=stop, progress=StopsAt(stop, step), **options)
    resumed = tune(fresh(name), task, tmp_path / "cut", **options)
    assert files(tmp_path / "cut") == files(tmp_path / "straight")
    assert "model/model.safetensors" in files(tmp_path / "cut")
    assert resumed.task == straight.task
    assert predict(resumed, task.test) == predict(straight, task.test)


@pytest.mark.parametrize("name", FAMILIES)
def test_frozen_layers_keep_their_weights_and_the_others_learn(
    name: str, fresh: Callable[[str], Trained], tmp_path: Path
) -> None:
    before = {key: weight.clone() for key, weight in fresh(name).model.state_dict().items()}
    tuned = tune(fresh(name), task_of("classification"), tmp_path, epochs=1, frozen_layers=1)
    drawn = fresh(name).family.fresh_tokens(tuned.tokenizer.specials)
    for key, weight in tuned.model.state_dict().items():
        if key.startswith("blocks.0.") or key == "position_embedding.weight":
            assert torch.equal(weight, before[key]), key
        if key.startswith("blocks.1.") and weight.dim() > 1:
            assert not torch.equal(weight, before[key]), key
    moved = (tuned.model.state_dict()["token_embedding.weight"] != before["token_embedding.weight"]).any(1)
    assert moved.nonzero()[:, 0].tolist() == sorted(drawn)


@pytest.mark.parametrize("name", FAMILIES)
def test_only_the_transferred_layers_are_taken_over(
    name: str, fresh: Callable[[str], Trained], tmp_path: Path
) -> None:
    """With everything frozen, what differs after training was drawn anew before it."""
    given = fresh(name)
    before = {key: weight.clone() for key, weight in given.model.state_dict().items()}
    still = {"epochs": 1, "optimizer": OptimizerSettings(learning_rate=1e-12)}
    tuned = tune(given, task_of("classification"), tmp_path / "one", transferred_layers=1, **still)
    for key, weight in tuned.model.state_dict().items():
        if key.startswith("blocks.0.") or key == "position_embedding.weight":
            torch.testing.assert_close(weight, before[key], atol=1e-6, rtol=0)
        if key.startswith("blocks.1.") and weight.dim() > 1:
            assert (weight - before[key]).abs().max() > 0.01, key
            assert weight.std().item() == pytest.approx(0.02, rel=0.3)
    whole = tune(fresh(name), task_of("classification"), tmp_path / "all", **still)
    for key, weight in whole.model.state_dict().items():
        if key.startswith("blocks."):
            torch.testing.assert_close(weight, before[key], atol=1e-6, rtol=0)


def test_what_is_lost_or_cut_is_counted_in_the_history(
    fresh: Callable[[str], Trained], tmp_path: Path
) -> None:
    task = task_of("classification")
    tuned = tune(fresh("gpt"), task, tmp_path, epochs=1, max_length=8)
    cut = sum(len(tuned.tokenizer.encode(example.texts[0])) > 6 for example in task.train)
    assert cut > 0
    assert tuned.history["fine-tuning"]["counts"] == {"texts cut to the longest input": cut}
    assert tuned.task is not None and tuned.task.max_length == 8


def test_an_input_is_no_longer_than_the_model_reads(fresh: Callable[[str], Trained], tmp_path: Path) -> None:
    tuned = tune(fresh("bert"), task_of("classification"), tmp_path, epochs=1, max_length=128)
    assert tuned.task is not None and tuned.task.max_length == 32


@pytest.mark.parametrize(("count", "size"), [(5, 4), (37, 8), (64, 8)])
def test_every_input_comes_once_a_pass_and_like_lengths_share_a_batch(count: int, size: int) -> None:
    lengths = [int(length) for length in np.random.default_rng(0).integers(3, 60, count)]
    steps = 8 * count
    batches = [inputs_of_step(step, lengths, size, seed=3) for step in range(steps)]
    assert all(len(batch) == size for batch in batches)
    times = Counter(number for batch in batches for number in batch)
    assert set(times.values()) == {8 * size}
    spread = np.mean([np.ptp([lengths[number] for number in batch]) for batch in batches])
    assert spread < 0.6 * np.ptp(lengths)
    assert batches != [inputs_of_step(step, lengths, size, seed=4) for step in range(steps)]


@pytest.mark.parametrize("both_sides", [True, False])
def test_a_gpt_without_its_mask_tags_the_first_word_by_the_last(
    both_sides: bool, fresh: Callable[[str], Trained], tmp_path: Path
) -> None:
    parts = {}
    for part, count in SIZES.items():
        chance = rng.stream(6, part)
        rows = [([*map(str, chance.choice(OTHERS, 2)), NAMES[number % 2]]) for number in range(count)]
        parts[part] = tuple(
            Example(f"{part}-{n}", tuple(words), ["A" if words[-1] == NAMES[0] else "B", "O", "O"])
            for n, words in enumerate(rows, 1)
        )
    task = LabelledTask("far", **parts, classes=("A", "B", "O"), kind="tagging")
    tuned = tune(fresh("gpt"), task, tmp_path, both_sides=both_sides, auxiliary_weight=0.0)
    answers = predict(checkpoint.load_model(tmp_path / "model"), task.test)
    assert answers == predict(tuned, task.test)
    found = [
        answer["predicted"][0] == example.gold[0] for answer, example in zip(answers, task.test, strict=True)
    ]
    assert (sum(found) / len(found) > 0.9) == both_sides


@pytest.mark.parametrize(("state", "constants"), [({"averaging": "step"}, {LEADING_BLANK: 1.0}), ({}, {})])
def test_a_tagger_that_an_earlier_version_began_reads_words_as_it_began(
    state: dict[str, str], constants: dict[str, float], fresh: Any, tmp_path: Path
) -> None:
    task, folder = task_of("tagging"), tmp_path / "checkpoints" / "step-000000001"
    storage.publish_folder(folder, {"state.json": storage.json_bytes(state)})
    began, inputs = with_head(
        fresh("gpt"), task, settings(), seed=1, counts=Counter(), is_old=averaging(tmp_path) == "micro-batch"
    )
    assert began.task is not None and began.task.constants == constants
    first = task.train[0].texts[0]
    tokens = began.tokenizer.encode(f" {first}" if constants else first)
    assert inputs[0].sequences[0].tokens[1 : 1 + len(tokens)] == tokens


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("kind", TASKS)
def test_what_a_fine_tuning_will_take_is_measured(
    kind: str, name: str, fresh: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    measured = [
        finetune_seconds(fresh(name), task_of(kind), settings(epochs=epochs), seed=1, precision="float32")
        for epochs in (1, 50)
    ]
    assert 0 < 2 * measured[0] < measured[1]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("labels", [("early", "late"), ("early", "late", "later")], ids=len)
@pytest.mark.parametrize("name", FAMILIES)
def test_a_head_that_starts_from_a_probe_answers_as_a_logistic_regression_on_the_mean_states(
    name: str, labels: tuple[str, ...], fresh: Callable[[str], Trained]
) -> None:
    task = task_of("classification")
    train = tuple(
        replace(example, gold=labels[number % 7 % len(labels)]) for number, example in enumerate(task.train)
    )
    task = replace(task, train=train, classes=labels)
    result, inputs = with_head(fresh(name), task, settings(summary="mean"), seed=1, counts=Counter())
    assert start_from_probe(result, inputs)
    kind, config = kind_of(result)
    states, pad = [], result.tokenizer.specials.pad
    with torch.no_grad():
        for one in inputs:
            batch = kind.batch([one], config, pad)
            hidden_BLD = result.tuned.eval().read(batch).hidden_BLD  # type: ignore[union-attr]
            states.append(hidden_BLD[0, : one.length].mean(0).double())
    states_ND, golds = torch.stack(states).numpy(), [one.target for one in inputs]
    has_bias = result.family.has_head_bias
    scaled_ND = (states_ND - (states_ND.mean(0) if has_bias else 0)) / states_ND.std(0)
    probe = LogisticRegression(C=0.03, max_iter=1000, fit_intercept=has_bias).fit(scaled_ND, golds)
    scores = torch.from_numpy(np.stack(input_scores(result, inputs)))
    np.testing.assert_allclose(scores.softmax(-1), probe.predict_proba(scaled_ND), atol=1e-3)


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("kind", ["similarity", "tagging"])
def test_heads_for_numbers_and_for_tags_start_from_a_probe_of_what_they_read(
    kind: str, name: str, fresh: Callable[[str], Trained]
) -> None:
    task = task_of(kind)
    result, inputs = with_head(fresh(name), task, settings(summary="mean"), seed=1, counts=Counter())
    assert start_from_probe(result, inputs)
    rows, golds, scores = [], [], []
    for one, of_input in zip(inputs, input_scores(result, inputs), strict=True):
        states = [hidden_of(result, replace(one, sequences=(row,))) for row in one.sequences]
        if kind == "tagging":
            rows += [states[0][place] for place in one.places]
            golds += [one.target[place] for place in one.places]
            scores += [of_input[place] for place in one.places]
        else:
            rows.append(np.sum([state.mean(0) for state in states], 0))
            golds.append(one.target)
            scores.append(of_input)
    has_bias, states_ND = result.family.has_head_bias, np.array(rows)
    scaled_ND = (states_ND - (states_ND.mean(0) if has_bias else 0)) / np.maximum(states_ND.std(0), 1e-6)
    if kind == "tagging":
        tags = LogisticRegression(C=0.03, max_iter=1000, fit_intercept=has_bias).fit(scaled_ND, golds)
        chances = torch.from_numpy(np.array(scores)).softmax(-1)
        np.testing.assert_allclose(chances, tags.predict_proba(scaled_ND), atol=1e-3)
    else:
        numbers = Ridge(alpha=1 / 0.03, fit_intercept=has_bias).fit(scaled_ND, golds)
        np.testing.assert_allclose(scores, numbers.predict(scaled_ND), atol=1e-3)


def hidden_of(trained: Trained, one: Any) -> Any:
    """The states of an input of one sequence, (L, D)."""
    kind, _ = kind_of(trained)
    batch = kind.collate([one], trained.tokenizer.specials.pad, 0)
    with torch.no_grad():
        return trained.tuned.eval().read(batch).hidden_BLD[0].double().numpy()  # type: ignore[union-attr]


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("kind", ["classification", "pairs", "similarity", "tagging"])
def test_a_frozen_probe_is_the_best_linear_model_on_validation_examples(
    kind: str, name: str, fresh: Callable[[str], Trained]
) -> None:
    task = task_of("similarity" if kind == "pairs" else kind)
    if kind == "pairs":  # the first and the last half of the names
        parts = {
            part: tuple(replace(one, gold="ab"[int(one.gold > 1)]) for one in getattr(task, part))
            for part in SIZES
        }
        task = replace(task, kind="classification", classes=("a", "b"), **parts)
    result, inputs = with_head(fresh(name), task, settings(summary="mean"), seed=1, counts=Counter())
    before = {key: weight.clone() for key, weight in result.tuned.state_dict().items()}  # type: ignore[union-attr]
    probe = frozen_probe(result, inputs, task.valid, task.test)
    after = result.tuned.state_dict()  # type: ignore[union-attr]
    assert all(torch.equal(after[key], weight) for key, weight in before.items())
    again = frozen_probe(result, inputs, task.valid, [replace(one, gold=None) for one in task.test])
    assert (again.answers, again.settings) == (probe.answers, probe.settings)

    task_type, config = kind_of(result)
    reader = result.family.reader(result.tokenizer)
    splits = [task_type.inputs(part, reader, config, Counter()) for part in (task.valid, task.test)]
    train, valid, test = [states_of(result, part) for part in (inputs, *splits)]
    mean_D, deviation_D = train[0].mean(0), np.maximum(train[0].std(0), 1e-6)
    figures, found = {}, {}
    for penalty in INVERSE_PENALTIES:
        model = LogisticRegression(C=penalty, max_iter=1000)
        if kind == "similarity":
            model = Ridge(alpha=1 / penalty)
        model.fit((train[0] - mean_D) / deviation_D, train[1])
        said = [list(model.predict((part[0] - mean_D) / deviation_D)) for part in (valid, test)]
        if kind == "similarity":
            figures[penalty] = float(spearmanr(said[0], valid[1])[0])
        elif kind == "tagging":
            golds, tags = [[config.labels[label] for label in row] for row in (valid[1], said[0])]
            figures[penalty] = task_type.measure([golds], [tags]).main
        else:
            figures[penalty] = float(np.mean(np.equal(said[0], valid[1])))
        found[penalty] = said[1]
    chosen, reached = probe.settings.values()
    # Ranks of nearly equal numbers may change with the rounding of float32.
    assert reached == pytest.approx(figures[chosen], abs=1e-3)
    assert reached == pytest.approx(max(figures.values()), abs=1e-3)
    if kind != "similarity":
        assert chosen == max(figures, key=figures.__getitem__)
    predicted = [answer["predicted"] for answer in probe.answers]
    if kind == "similarity":
        wanted = np.array(found[chosen]) * config.constants["deviation"] + config.constants["mean"]
        np.testing.assert_allclose(predicted, wanted, atol=1e-3)
    else:
        flat = [tag for row in predicted for tag in row] if kind == "tagging" else predicted
        assert flat == [config.labels[label] for label in found[chosen]]
    assert probe.seconds > 0 and probe.notes == {}


def states_of(trained: Trained, inputs: Any) -> tuple[Any, list[Any]]:
    """What a frozen probe reads, and the targets, in a slow and plain way."""
    rows, targets = [], []
    for one in inputs:
        of_input = []
        for row in one.sequences:
            hidden_LD = hidden_of(trained, replace(one, sequences=(row,)))
            if len(row.starts) == 1:
                of_input.append(hidden_LD.mean(0))
            else:
                first, second = row.starts
                u, v = hidden_LD[first : second - 1].mean(0), hidden_LD[second:-1].mean(0)
                of_input.append(np.concatenate([u, v, abs(u - v), u * v]))
        if isinstance(one.target, list):
            rows += [hidden_LD[place] for place in one.places]
            targets += [one.target[place] for place in one.places]
        else:
            rows.append(np.mean(of_input, 0))
            targets.append(one.target)
    return np.array(rows), targets


def test_a_frozen_probe_of_states_that_are_not_finite_is_refused(fresh: Callable[[str], Trained]) -> None:
    task, trained = task_of("classification"), fresh("gpt")
    with torch.no_grad():
        trained.model.token_embedding.weight[:] = torch.nan  # type: ignore[union-attr, operator]
    result, inputs = with_head(trained, task, settings(summary="mean"), seed=1, counts=Counter())
    with pytest.raises(DataError, match="a state of the model is not finite"):
        frozen_probe(result, inputs, task.valid, task.test)


def test_a_frozen_probe_of_words_with_one_tag_gives_it_and_never_a_tag_without_an_example(
    fresh: Callable[[str], Trained],
) -> None:
    task = task_of("tagging")
    train = tuple(replace(one, gold=["O"] * len(one.texts)) for one in task.train)
    task = replace(task, train=train)
    result, inputs = with_head(fresh("bert"), task, settings(), seed=1, counts=Counter())
    probe = frozen_probe(result, inputs, (), task.test)
    assert {tag for answer in probe.answers for tag in answer["predicted"]} == {"O"}
    assert probe.settings == {"C": 0.03}


def test_there_is_no_probe_if_a_class_has_no_example_and_none_for_other_heads(
    fresh: Callable[[str], Trained],
) -> None:
    task = task_of("classification")
    alike = replace(task, train=tuple(replace(example, gold="late") for example in task.train))
    lacking = replace(task, classes=("early", "late", "never"))
    for given in (alike, lacking, task_of("choice"), task_of("span_qa")):
        result, inputs = with_head(fresh("bert"), given, settings(summary="mean"), seed=1, counts=Counter())
        before = {name: weight.clone() for name, weight in result.tuned.state_dict().items()}  # type: ignore[union-attr]
        assert not start_from_probe(result, inputs)
        after = result.tuned.state_dict()  # type: ignore[union-attr]
        assert all(torch.equal(after[name], weight) for name, weight in before.items())


@pytest.mark.parametrize("name", FAMILIES)
def test_a_fine_tuning_that_helps_nothing_keeps_the_probe(
    name: str, fresh: Callable[[str], Trained], tmp_path: Path
) -> None:
    task = task_of("classification")
    options = {"summary": "mean", "head_start": "probe", "epochs": 3}
    ruined = tune(fresh(name), task, tmp_path, optimizer=OptimizerSettings(learning_rate=1.0), **options)
    assert ruined.history["fine-tuning"]["best_step"] == 0
    result, inputs = with_head(fresh(name), task, settings(**options), seed=1, counts=Counter())
    start_from_probe(result, inputs)
    result.model.eval()
    assert [row["predicted"] for row in predict(ruined, task.test)] == [
        row["predicted"] for row in predict(result, task.test)
    ]
    assert ruined.model.config.summary == "mean"
    with pytest.raises(ModelError, match="mean of all states"):
        to_hf_files(ruined)


def test_a_probe_of_a_part_of_the_inputs_still_knows_rare_classes(
    fresh: Callable[[str], Trained], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 120 inputs one in twelve is taken, which would leave out the one of its class."""
    task = task_of("classification")
    golds = ["rare" if number == 7 else example.gold for number, example in enumerate(task.train)]
    train = tuple(replace(example, gold=gold) for example, gold in zip(task.train, golds, strict=True))
    task = replace(task, train=train, classes=("early", "late", "rare"))
    monkeypatch.setattr("twinlm.train.probe._MOST_VALUES", 10 * 32)
    result, inputs = with_head(fresh("gpt"), task, settings(summary="mean"), seed=1, counts=Counter())
    assert frozen_probe(result, inputs, (), task.test).notes == {"training inputs left out": 109}
    assert start_from_probe(result, inputs)
    assert result.tuned is not None
    assert result.tuned.head.score.weight.abs().sum(1).min() > 0  # type: ignore[union-attr, operator]


def test_all_processes_start_from_the_leaders_probe(fresh: Callable[[str], Trained]) -> None:
    task = task_of("classification")
    result, inputs = with_head(fresh("bert"), task, settings(summary="mean"), seed=1, counts=Counter())

    class Follower:
        def from_leader(self, work: Callable[[], Any]) -> Any:
            return {"weight": [[0.25] * 32, [0.5] * 32], "bias": [1.0, 2.0]}

    assert result.tuned is not None
    assert start_from_probe(result, inputs, Follower())  # type: ignore[arg-type]
    head: Any = result.tuned.head
    assert head.score.weight[:, 0].tolist() == [0.25, 0.5]
    assert head.score.bias.tolist() == [1.0, 2.0]
