"""Every setting of every command, given as an option, reaches the command's work or is refused by name."""

import json
import re
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from twinlm.checkpoint import load_model, save_model
from twinlm.cli import settings_table
from twinlm.cli.compare import compare, plan
from twinlm.cli.start import demo, doctor_data
from twinlm.cli.train import finetune, pretrain, tokenizer
from twinlm.comparison.plan.arms import arm_named
from twinlm.errors import UserError
from twinlm.settings import Settings, build, presets

# What a setting is changed to, and what it needs beside it.
SPECIAL = {
    "size": {"size": "mini"},
    "recipe": {"recipe": "pair-mini"},
    "budget.match": {"budget.match": "tokens"},
    "compare.seeds": {"compare.seeds": "[7]"},
    "model.width": {"model.width": "256"},
    "model.heads": {"model.heads": "1"},
    "model.max_length": {"model.max_length": "256"},
    "pretrain.length": {"pretrain.length": "64"},
    "pretrain.first_share": {"pretrain.first_share": "0.03", "pretrain.first_length": "16"},
    "corpus.text_field": {"corpus.text_field": "x", "corpus.train": "text.jsonl"},
    "corpus.max_bad_share": {"corpus.max_bad_share": "0.03", "corpus.train": "text.jsonl"},
    "quality.most_pairs": {"quality.most_pairs": "3", "quality.pairs": "pairs.csv"},
    "pretrain.first_length": {"pretrain.first_length": "64"},
    "finetune.max_length": {"finetune.max_length": "16"},
    "finetune.frozen_layers": {"finetune.frozen_layers": "1"},
    "finetune.transferred_layers": {"finetune.transferred_layers": "1"},
    "tokenizer.strip_accents": {"tokenizer.strip_accents": "always", "tokenizer.algorithm": "wordpiece"},
    "tokenizer.vocab_size": {"tokenizer.vocab_size": "300"},
    "processes.timeout_seconds": {"processes.timeout_seconds": "5"},
    "pretrain.micro_batch_sequences": {"pretrain.micro_batch_sequences": "8"},
    "finetune.micro_batch_examples": {"finetune.micro_batch_examples": "8"},
    "pretrain.batch_sequences": {"pretrain.batch_sequences": "64"},
    "finetune.batch_examples": {"finetune.batch_examples": "64"},
    "finetune.both_sides": {"finetune.both_sides": "true", "finetune.auxiliary_weight": "0"},
    "processes.shard": {"processes.shard": "true", "processes.reduce": "fast"},
    "task.kind": {"task.kind": "tagging"},
}
VALUES = {
    "whole number": "3",
    "number": "0.03",
    "text": "x",
    "list of text": "x",
    "list of whole number": "[3]",
    "list of number": "[0.03]",
}


class ReachedError(Exception):
    """The work of a command, with what it was given."""

    def __init__(self, given: Any) -> None:
        super().__init__()
        self.given = given


class Work:
    """Stands for a `Run`: the work of `tokenizer train`, `pretrain`, `plan` and `compare` begins with it."""

    def __init__(self, folder: Path, settings: Settings, **details: Any) -> None:
        self.settings, self.tasks = settings, {task.name: None for task in settings.task}
        self.workspace = self.finetuning = self.pretraining = self

    def __enter__(self) -> "Work":
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def task(self, name: str) -> None:
        pass

    def check(self) -> None:
        pass

    def arm(self, name: str) -> Any:
        return arm_named(self.settings, name)

    def folder(self, trial: Any) -> Path:
        return Path("nowhere")

    def finetuned(self, trial: Any) -> None:
        raise ReachedError((self.settings, trial))

    def trained(self, name: str) -> None:
        raise ReachedError((self.settings, name))

    def tokenizer(self, kind: str) -> None:
        raise ReachedError(self.settings)

    def compare(self) -> None:
        raise ReachedError(self.settings)

    @property
    def compared(self) -> None:
        raise ReachedError(self.settings)


def changes(row: settings_table.Row) -> list[dict[str, str]]:
    """Return options that change a setting, one way or another."""
    if row.name in SPECIAL:
        return [SPECIAL[row.name]]
    if row.type == "true | false":
        return [{row.name: str(not row.defaults[0]).lower()}]
    if row.type in VALUES:
        return [{row.name: VALUES[row.type]}]
    return [{row.name: choice} for choice in row.type.split(" | ")]


ROWS = [row for row in settings_table.rows() if row.table not in ("arm", "imported")]
COMMON = ("title", "seed", "threads", "precision", "corpus", "task", "tokenizer", "processes")


def of_run(given: Settings) -> Any:
    return build.plain(given)


def of_tokenizer(given: Settings) -> Any:
    whole = build.plain(given)
    return [whole[name] for name in ("title", "seed", "threads", "corpus", "task", "tokenizer")]


def of_pretraining(given: Any) -> Any:
    settings, kind = given
    whole = build.plain(settings)
    own = {name: whole[kind][name] for name in ("model", "pretrain")}
    return [*(whole[name] for name in (*COMMON, "budget")), own, "bert" if kind == "gpt" else ""]


def of_trial(given: Any) -> Any:
    settings, trial = given
    whole, arm = build.plain(settings), trial.arm
    common = [whole[name] for name in (COMMON if not arm.folder else ("title", "threads", "task", "seed"))]
    common += [whole["processes"], whole["precision"]]
    made = (
        []
        if arm.folder
        else [build.plain(arm.settings.model), build.plain(arm.settings.pretrain), whole["budget"]]
    )
    return [*common, *made, build.plain(trial.settings), trial.seed]


COMMANDS = {
    "compare": (compare.command, (), of_run),
    "plan": (plan.command, (), of_run),
    "demo": (demo.command, (), of_run),
    "pretrain gpt": (pretrain.command, ("gpt",), of_pretraining),
    "pretrain bert": (pretrain.command, ("bert",), of_pretraining),
    "finetune gpt": (finetune.command, ("gpt",), of_trial),
    "finetune bert": (finetune.command, ("bert",), of_trial),
    "finetune FOLDER": (finetune.command, ("MODELS/bert",), of_trial),
    "tokenizer train": (tokenizer.train, (), of_tokenizer),
    "doctor data": (doctor_data.command, (), of_run),
}
BOUND = {"pretrain.length", "finetune.max_length"}  # they must be as short as `model.max_length`
# Also the folder "x" to start from, and what matters only beside another setting.
KIND_ONLY = {
    *(f"bert.finetune.{name}" for name in ("auxiliary_weight", "both_sides")),
    *(f"gpt.pretrain.{name}" for name in ("pairs", "sentence_task", "short_share", "static_masks")),
    *("bert.pretrain.both_sides_share", "pretrain.start", "gpt.pretrain.start", "bert.pretrain.start"),
    *("finetune.stride", "gpt.finetune.stride", "bert.finetune.stride", "task.choices_field"),
    *("pretrain.grown_positions", "gpt.pretrain.grown_positions", "bert.pretrain.grown_positions"),
    *(f"gpt.pretrain.{name}" for name in ("first_objective", "mask_share", "mask_unit")),
    *("gpt.pretrain.max_predictions", "gpt.pretrain.random_tokens"),
}
REFUSED = {
    "demo": {"corpus.train", "corpus.valid_share", "task.train", "task.kind", "task.label_field"},
    "pretrain gpt": {"bert.model.width", "finetune.epochs", "pretrain.static_masks", "compare.seeds"},
    "finetune bert": {"gpt.finetune.epochs", "finetune.auxiliary_weight", "quality.pairs"},
    "finetune FOLDER": {"pretrain.batch_sequences", "model.dropout", "corpus.train", "budget.amount"},
    "tokenizer train": {"finetune.epochs", "size", "budget.amount", "bert.model.width"},
    "doctor data": {"compare.seeds", "finetune.epochs", "quality.pairs", "gpt.pretrain.validations"},
}
BESIDE_FOLDER = {"task/train": "labels.csv", "task/name": "topic"}
BESIDE = {"corpus/train": "text.txt", **BESIDE_FOLDER}


@pytest.fixture
def reached(monkeypatch, tmp_path, models):
    """Return a function that calls a command up to its work, and returns what that depends on."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("twinlm.comparison.run.Run", Work)

    def stop(settings: Settings, progress: object) -> None:
        raise ReachedError(settings)

    monkeypatch.setattr("twinlm.doctor.material.of_files", stop)

    def call(command: str, given: dict[str, str]) -> Any:
        function, arguments, effect = COMMANDS[command]
        beside = {"demo": {}, "finetune FOLDER": BESIDE_FOLDER}.get(command, BESIDE)
        arguments = [argument.replace("MODELS", str(models)) for argument in arguments]
        settings = {**beside, **{name.replace(".", "/"): value for name, value in given.items()}}
        with pytest.raises(ReachedError) as error:
            function(*arguments, **settings)
        return json.dumps(effect(error.value.given))

    return call


@pytest.mark.parametrize("command", COMMANDS)
def test_every_setting_reaches_the_work_or_is_refused_by_name(command, reached):
    reached_with = cache(lambda *given: reached(command, dict(given)))
    refused = set()
    for row in ROWS:
        names = [row.name]
        if row.name.split(".")[0] in presets.SHARED:
            names += [f"{kind}.{row.name}" for kind in presets.KINDS]
        for name in names:
            changed = []
            for change in changes(row):
                given = {name.replace(row.name, part): value for part, value in change.items()}
                try:
                    beside = {part: value for part, value in given.items() if part != name}
                    changed.append(reached(command, given) != reached_with(*beside.items()))
                except UserError as error:
                    assert name.rpartition(".")[2] in str(error), (name, str(error))
                    refused.add(name)
            assert any(changed) or name in refused or row.name in BOUND, name
    assert refused >= KIND_ONLY | REFUSED.get(command, set())
    if command in ("compare", "plan"):
        assert refused == KIND_ONLY


@pytest.fixture(scope="module")
def foreign(models, tmp_path_factory) -> Path:
    """The folder of a BERT that was imported."""
    folder = tmp_path_factory.mktemp("foreign") / "mini"
    save_model(
        folder, replace(load_model(models / "bert"), history={"import": {"source": "x", "missing": []}})
    )
    return folder


@pytest.fixture
def tried(reached):
    """Return a function that calls `finetune` up to its work; returns epochs and rate of run and trial."""

    def call(*arguments: object, **settings: Any) -> list[tuple[int, float]]:
        with pytest.raises(ReachedError) as error:
            finetune.command(*map(str, arguments[:1]), *arguments[1:], **BESIDE_FOLDER, **settings)
        whole, trial = error.value.given
        tunings = [getattr(whole, trial.arm.family).finetune, trial.settings]
        return [(tuning.epochs, tuning.optimizer.learning_rate) for tuning in tunings]

    return call


def test_the_folder_of_a_model_obeys_options_file_and_size(tried, foreign, models, tmp_path):
    options = {"finetune/epochs": "2", "finetune/optimizer/learning_rate": "1e-3"}
    for folder in (foreign, models / "bert", models / "gpt"):
        assert tried(folder, **options) == [(2, 1e-3)] * 2
        file = tmp_path / "my.toml"
        file.write_text("[finetune]\nepochs = 5\noptimizer = {learning_rate = 2e-4}")
        assert tried(folder, file) == [(5, 2e-4)] * 2
        assert tried(folder, file, **options) == [(2, 1e-3)] * 2
        assert tried(folder, size="small") == [(4, 1e-4)] * 2
        file.write_text('size = "mini"')
        assert tried(folder, file) == [(4, 3e-4)] * 2


def test_our_own_model_takes_the_rate_of_its_size_and_a_foreign_one_that_of_the_papers(
    tried, foreign, models
):
    assert tried(foreign) == [(3, 5e-5)] * 2
    tiny = presets.SIZES["tiny"]["finetune"]
    assert tried(models / "bert") == tried(models / "gpt") == [(8, tiny["optimizer"]["learning_rate"])] * 2
    assert tried(foreign, epochs=2)[1] == (2, 5e-5)
    assert tried(models / "gpt", learning_rate=0.01)[1] == (8, 0.01)


@pytest.mark.parametrize(
    ("kind", "given", "said"),
    [
        (
            "mini",
            {"finetune/epochs": "2"},
            "--finetune.epochs would change nothing: 'mini' has 3 from its own",
        ),
        ("half", {"bert/finetune/epochs": "2"}, "--bert.finetune.epochs would change nothing: 'half' has 7"),
        ("half", {"gpt/finetune/epochs": "2"}, "only gpt uses it"),
        ("mini", {"pretrain/length": "64", "pretrain/mask_share": "0.2"}, "--pretrain.mask_share would"),
        ("bert", {"finetune/epochs": "2", "epochs": 3}, "'bert' has 3 from its own table, --epochs or"),
    ],
)
def test_an_option_that_does_not_reach_an_arm_is_refused(reached, foreign, tmp_path, kind, given, said):
    file = tmp_path / "my.toml"
    file.write_text(
        f"""
        [[imported]]
        name = "mini"
        folder = "{foreign}"
        epochs = 3
        [[arm]]
        name = "half"
        kind = "bert"
        finetune = {{epochs = 7}}
        """
    )
    with pytest.raises(UserError, match=re.escape(said)):
        finetune.command(kind, file, **BESIDE_FOLDER, **given)


def test_options_that_the_demo_has_no_use_for_are_refused(cli):
    refused = cli("demo", "--corpus.train", "text.txt")
    assert (refused.code, "--corpus.train would change nothing" in refused.err) == (2, True)
    refused = cli("plan", "--demo", "--task", "labels.csv")
    assert (refused.code, "--task would change nothing" in refused.err) == (2, True)
    refused = cli("plan", "--corpus.train", "x", "--task", "labels.csv", "--task.train", "others.csv")
    assert (refused.code, "--task and --task.train both name" in refused.err) == (2, True)


def test_task_is_a_file_of_labelled_texts_in_every_command_that_trains(reached, tmp_path):
    """In `finetune` it may also be the name of a task of the settings."""
    for name in ("one.csv", "two.csv"):
        (tmp_path / name).write_text("text,label\n")
    for function, arguments in [(compare.command, ()), (plan.command, ()), (finetune.command, ("bert",))]:
        task = "one.csv" if function is finetune.command else ["one.csv"]
        with pytest.raises(ReachedError) as error:
            function(*arguments, task=task, **{"corpus/train": "text.txt"})
        given = error.value.given
        settings = given[0] if isinstance(given, tuple) else given
        assert [(row.name, row.train) for row in settings.task] == [("one", "one.csv")]
    (tmp_path / "my.toml").write_text('[[task]]\nname = "topic"\ntrain = "two.csv"')
    with pytest.raises(ReachedError) as error:
        finetune.command("bert", tmp_path / "my.toml", task="topic")
    assert error.value.given[1].task == "topic"
    with pytest.raises(UserError, match="tasks are given both in the file and as options"):
        finetune.command("bert", tmp_path / "my.toml", task="one.csv")


@pytest.mark.parametrize(
    ("arguments", "option"),
    [
        (["fill", "bert", "[MASK]", "--together", "--top-k", "3"], "--top-k"),
        (["embed", "bert", "x", "--top-k", "3"], "--top-k"),
        (["pairs", "gpt", "--from-text", "x.txt", "--phenomenon-field", "UID"], "--phenomenon-field"),
        (["pairs", "gpt", "x.csv", "--text-field", "body"], "--text-field"),
        (["plan", "--corpus.train", "x.txt", "--nproc", "2"], "--nproc"),
        (["tokenizer", "train", "--corpus.train", "x.txt", "--nproc", "2"], "--nproc"),
        (
            ["plan", "--corpus.train", "x", "--task", "x.csv", "--task.choices_field", "c"],
            "--task.choices_field",
        ),
    ],
)
def test_an_option_that_needs_another_is_refused_without_it(cli, models, arguments, option):
    given = [str(models / part) if part in presets.KINDS else part for part in arguments]
    refused = cli(*given)
    assert (refused.code, refused.out) == (2, "")
    assert re.search(rf"{option}(: [a-z_.]+)? would change nothing", refused.err)


@pytest.mark.parametrize("name", ["valid_share", "errors"])
def test_a_bad_value_of_a_tasks_option_names_the_option(cli, name):
    refused = cli("plan", "--corpus.train", "x", "--task", "x.csv", f"--task.{name}", "2")
    assert refused.code == 2
    assert refused.err.startswith(f"error: --task.{name}: task.0.{name} ")


def test_options_that_a_comparison_has_no_use_for_are_refused(reached, tmp_path):
    (tmp_path / "my.toml").write_text("[compare]\nlearning_rates = [1e-3]")
    rate = {"finetune/optimizer/learning_rate": "1e-4"}
    refused = "optimizer.learning_rate would change nothing: compare.learning_rates are tried instead"
    for function in (compare.command, plan.command):
        with pytest.raises(UserError, match=refused):
            function(tmp_path / "my.toml", **BESIDE, **rate)
        for name, value in (("finetune/epochs", "2"), ("compare/label_counts", "[30]")):
            with pytest.raises(UserError, match="would change nothing: there is no task"):
                function(**{"corpus/train": "x.txt", name: value})
    with pytest.raises(ReachedError):
        finetune.command("bert", tmp_path / "my.toml", **BESIDE, **rate)


def test_options_for_several_processes_are_named_where_there_is_one(reached, capsys):
    reached("pretrain gpt", {"processes.timeout_seconds": "5"})
    said = capsys.readouterr().err
    assert "note: --processes.timeout_seconds changes nothing, as this is one process" in said


def test_every_setting_of_an_arm_and_of_an_imported_model_reaches_the_work(reached, tmp_path):
    def resolved(table: str, **given: object) -> Any:
        lines = [f"{key} = {json.dumps(value)}" for key, value in given.items()]
        (tmp_path / "my.toml").write_text(f"[[{table}]]\n" + "\n".join(lines))
        with pytest.raises(ReachedError) as error:
            compare.command(tmp_path / "my.toml", **BESIDE)
        return build.plain(error.value.given)

    for table, usual in (("arm", {"kind": "gpt"}), ("imported", {"folder": "a"})):
        before = resolved(table, **usual)
        rows = [row for row in settings_table.rows() if row.table == table]
        assert {*usual, "name"} <= {row.key for row in rows}
        for row in rows:
            value = {"kind": "bert", "pretrained": False, "epochs": 7}.get(row.key, 0.03)
            value = "x" if row.type == "text" and row.key != "kind" else value
            assert resolved(table, **{**usual, row.key: value}) != before, row.name
