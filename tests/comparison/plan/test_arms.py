"""The ways to get a fine-tuned model: which there are, how they are fine-tuned, what they may be called."""

from dataclasses import replace
from pathlib import Path

import pytest

from twinlm.checkpoint import Trained, load_model, save_model
from twinlm.comparison.plan.arms import arm_named, arms
from twinlm.core.initialize import initialize
from twinlm.errors import ModelError, UsageError
from twinlm.families import FAMILIES
from twinlm.settings import ModelSettings, presets
from twinlm.system.log import Silent
from twinlm.tokenizer import train_tokenizer


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    """The folder of a tiny BERT, made by another run."""
    tokenizer = train_tokenizer(
        ["The red cat"] * 3, algorithm="byte-bpe", vocab_size=280, lowercase=False, progress=Silent()
    )
    family = FAMILIES["bert"]
    sizes = ModelSettings(layers=1, width=16, heads=2, max_length=32, dropout=0)
    built = family.model(family.configure(sizes, tokenizer.vocab_size))
    initialize(built, seed=1, is_truncated=True)
    folder = tmp_path_factory.mktemp("run") / "mini"
    save_model(folder / "model", Trained(family=family, model=built, tokenizer=tokenizer))
    return folder


def settings(tmp_path: Path, *imported: str):
    file = tmp_path / "my.toml"
    file.write_text("".join(f"[[imported]]\n{text}\n" for text in imported))
    return presets.resolve(file, {})


def test_imported_models_stand_between_those_made_here_with_and_without_pre_training(tmp_path, model):
    found = arms(settings(tmp_path, f'name = "mini"\nfolder = "{model}"'))
    assert [arm.name for arm in found] == ["gpt", "bert", "mini", "gpt-scratch", "bert-scratch"]
    assert [arm.is_pretrained for arm in found] == [True, True, True, False, False]
    imported = found[2]
    assert (imported.family, imported.folder, imported.label) == (
        "bert",
        model / "model",
        "mini (BERT of another run)",
    )
    assert [arm.folder for arm in found if arm is not imported] == [None] * 4


def test_only_a_model_of_another_tool_is_called_imported(tmp_path, model):
    trained = load_model(model / "model")
    save_model(tmp_path / "foreign", replace(trained, history={"import": {"source": "x"}}))
    found = arms(settings(tmp_path, f'name = "mini"\nfolder = "{tmp_path / "foreign"}"'))
    assert found[2].label == "mini (imported BERT)"


def test_an_imported_model_has_its_own_rate_and_epochs_and_others_their_kinds(tmp_path, model):
    given = settings(tmp_path, f'name = "mini"\nfolder = "{model}"\nlearning_rate = 3e-5\nepochs = 2')
    of_kind = given.bert.finetune
    _, bert, imported, *_ = arms(given)
    assert bert.settings.finetune == of_kind
    found = imported.settings.finetune
    assert (found.optimizer.learning_rate, found.epochs) == (3e-5, 2)
    assert found.batch_examples == of_kind.batch_examples
    assert found.optimizer.weight_decay == of_kind.optimizer.weight_decay


@pytest.mark.parametrize(
    ("text", "overrides", "wanted"),
    [
        ("", {}, (5e-5, 3)),
        ("[finetune]\nepochs = 5\noptimizer.learning_rate = 1e-3\n", {}, (1e-3, 5)),
        ("[bert.finetune]\nepochs = 5\n", {}, (5e-5, 5)),
        ("[gpt.finetune]\nepochs = 5\n", {}, (5e-5, 3)),
        ("[finetune]\nepochs = 5\n", {"finetune.epochs": "2"}, (5e-5, 2)),
    ],
)
def test_an_imported_model_is_tuned_as_the_file_says_unless_its_own_table_does(
    tmp_path, model, text, overrides, wanted
):
    def tuning(row):
        file = tmp_path / "my.toml"
        file.write_text(f'{text}[[imported]]\nname = "mini"\nfolder = "{model}"\n{row}')
        found = arms(presets.resolve(file, overrides))[2].settings.finetune
        return found.optimizer.learning_rate, found.epochs

    assert tuning("") == wanted
    assert tuning("epochs = 7\n") == (wanted[0], 7)


@pytest.mark.parametrize("name", ["gpt", "bert-scratch"])
def test_two_arms_of_one_name_are_refused(tmp_path, model, name):
    with pytest.raises(UsageError, match=f"two arms have the name '{name}'"):
        arms(settings(tmp_path, f'name = "{name}"\nfolder = "{model}"'))
    twice = f'name = "mini"\nfolder = "{model}"'
    with pytest.raises(UsageError, match="two arms have the name 'mini'"):
        arms(settings(tmp_path, twice, twice))


@pytest.mark.parametrize("name", ["", ".", "..", "../gone", "a/b", "baselines"])
def test_a_name_that_cannot_be_a_folder_of_its_own_is_refused(tmp_path, model, name):
    """Baselines lie beside the arms of a task."""
    with pytest.raises(UsageError, match="can't be the name of an imported model"):
        arms(settings(tmp_path, f'name = "{name}"\nfolder = "{model}"'))


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(ModelError, match="there is no such folder"):
        arms(settings(tmp_path, 'name = "mini"\nfolder = "nowhere"'))


def test_an_arm_is_found_by_its_name_or_as_a_folder(tmp_path, model):
    found = settings(tmp_path)
    assert arm_named(found, "bert") == arms(found)[1]
    assert arm_named(found, str(model)).name == "mini"
    assert arm_named(found, str(model)).folder == model / "model"
    with pytest.raises(UsageError, match="did you mean 'bert'"):
        arm_named(found, "brt")


def test_the_folder_of_a_model_is_an_arm_that_shares_no_name_with_those_made_here(tmp_path, model):
    given = settings(tmp_path)
    assert arm_named(given, str(model)).name == "mini"
    copied = tmp_path / "other" / "bert"
    copied.mkdir(parents=True)
    (copied / "model").symlink_to(model / "model")
    assert arm_named(given, str(copied)).name == "other-bert"
