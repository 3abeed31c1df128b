"""Models of version 0.1.0: random rows stay out of the softmax; what loading can't mend is a warning."""

import warnings
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from twinlm.checkpoint import Trained, load_model, save_model
from twinlm.cli.main import show_warning
from twinlm.core.rows import PER_TOKEN
from twinlm.data.labels.examples import Example
from twinlm.data.labels.task import LabelledTask
from twinlm.errors import ModelError
from twinlm.hf.export import to_hf_files, write_folder
from twinlm.hf.reading import read_folder
from twinlm.hf.verify import verify_folder
from twinlm.settings import FinetuneSettings, KindSettings, ModelSettings, PretrainSettings
from twinlm.system.log import Silent
from twinlm.train.start import first_model
from twinlm.train.transfer import with_head
from twinlm.use.fill import fill
from twinlm.use.score import score


def as_imported_then(trained: Trained, **more: Any) -> Trained:
    """A model as version 0.1.0 imported it: random rows for its own tokens, no rows without a token."""
    model: Any = trained.model
    state, size = dict(model.state_dict()), trained.tokenizer.vocab_size
    for name in PER_TOKEN:
        if name in state:
            state[name] = state[name][:size].clone()
            rows = state[name][list(model.config.unscored)]
            # Not from N(0, 0.02), so that they take much of the softmax also in so small a model.
            state[name][list(model.config.unscored)] = 3 * torch.randn(rows.shape)
    old = trained.family.model(replace(model.config, vocab_size=size, unscored=()))
    old.load_state_dict(state)
    about = {
        key: value
        for key, value in trained.history["import"].items()
        if key not in ("embedding", "not_understood")
    }
    return replace(trained, model=old.eval(), history={"import": about, **more})


def test_a_gpt_of_version_0_1_is_as_likely_as_its_source(gpt2: Any, tmp_path: Path) -> None:
    today = read_folder(gpt2("GPT2LMHeadModel")[1])
    old, text = as_imported_then(today), "The big dog sat on the red mat."
    save_model(tmp_path / "old", old)
    assert '"unscored"' not in (tmp_path / "old" / "config.json").read_text()
    wanted = score(today, text).log_likelihood
    assert score(old, text).log_likelihood < wanted - 1
    ours = load_model(tmp_path / "old")
    assert score(ours, text).log_likelihood == pytest.approx(wanted, abs=1e-5)
    write_folder(tmp_path / "out", to_hf_files(ours))
    assert verify_folder(tmp_path / "out", ours).problems() == []
    save_model(tmp_path / "again", ours)
    assert load_model(tmp_path / "again").model.config == ours.model.config


def test_a_bert_of_version_0_1_guesses_as_its_source(bert: Any, tmp_path: Path) -> None:
    today = read_folder(bert("BertForMaskedLM", "[PAD]")[1])
    save_model(tmp_path / "old", as_imported_then(today))
    text, size = "the [MASK] sat on the mat.", today.tokenizer.vocab_size
    now, before = (fill(model, text, top_k=size)[0] for model in (today, load_model(tmp_path / "old")))
    assert [guess.text for guess in now] == [guess.text for guess in before]
    assert [guess.probability for guess in now] == pytest.approx([guess.probability for guess in before])


@pytest.mark.parametrize("kind", ["gpt", "bert"])
def test_dropped_rows_are_named(kind: str, gpt2: Any, bert: Any, tmp_path: Path) -> None:
    make = {
        "gpt": lambda: gpt2("GPT2LMHeadModel", empty_rows=7),
        "bert": lambda: bert("BertModel", empty_rows=7),
    }
    save_model(tmp_path / "old", as_imported_then(read_folder(make[kind]()[1])))
    with pytest.warns(UserWarning, match=r"old: version 0.1.0 .* dropped 7 .* import it again"):
        load_model(tmp_path / "old")


def test_what_was_trained_beside_random_rows_stays_as_it_is_and_is_named(
    gpt2: Any, bert: Any, tmp_path: Path
) -> None:
    for number, (folder, trainings, is_wrong) in enumerate(
        [
            (gpt2("GPT2LMHeadModel")[1], {"fine-tuning": {}}, True),
            (bert("BertForMaskedLM", "[PAD]")[1], {"pretraining": {}}, True),
            (
                bert("BertForMaskedLM", "[PAD]")[1],
                {"fine-tuning": {}},
                False,
            ),  # without a softmax over tokens
        ]
    ):
        save_model(tmp_path / str(number), as_imported_then(read_folder(folder), **trainings))
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            assert load_model(tmp_path / str(number)).model.config.unscored == ()
        assert [("beside" in str(each.message)) for each in caught] == [True] * is_wrong


def tagging() -> LabelledTask:
    examples = [Example("1", ("The", "dog"), ["O", "B-A"]), Example("2", ("A", "cat"), ["O", "O"])]
    return LabelledTask(
        name="t",
        kind="tagging",
        classes=["B-A", "O"],
        scheme="entities",
        train=examples,
        valid=examples,
        test=examples,
    )


def test_a_fine_tuning_that_version_0_1_started_goes_on_with_all_rows(gpt2: Any, tmp_path: Path) -> None:
    save_model(tmp_path / "old", as_imported_then(read_folder(gpt2("GPT2LMHeadModel")[1])))
    for is_old in (True, False):
        start = load_model(tmp_path / "old")
        tuned, _ = with_head(start, tagging(), FinetuneSettings(), seed=1, counts=Counter(), is_old=is_old)
        pad = start.tokenizer.specials.pad
        assert tuned.model.config.unscored == (() if is_old else (pad,))
        save_model(
            tmp_path / f"tagger-{is_old}", replace(tuned, history={**tuned.history, "fine-tuning": {}})
        )
    load_model(tmp_path / "tagger-False")
    with pytest.warns(UserWarning, match=r"tagger, which reads the first word without a blank"):
        load_model(tmp_path / "tagger-True")


def test_a_pre_training_that_version_0_1_started_goes_on_with_all_rows(gpt2: Any, tmp_path: Path) -> None:
    save_model(tmp_path / "old", as_imported_then(read_folder(gpt2("GPT2LMHeadModel")[1])))
    start = load_model(tmp_path / "old")
    sizes = ModelSettings(max_length=160)
    settings = KindSettings(model=sizes, pretrain=PretrainSettings(start=str(tmp_path / "old")))
    for is_old in (True, False):
        model, _ = first_model(start.family, settings, start.tokenizer, 1, Silent(), is_old=is_old)
        assert bool(model.config.unscored) is not is_old


def test_an_import_that_cannot_be_is_refused(gpt2: Any, tmp_path: Path) -> None:
    old = as_imported_then(read_folder(gpt2("GPT2LMHeadModel")[1]))
    for number, drawn in enumerate([-1, "3", 2.0, None]):
        about = {**old.history["import"], "drawn_rows": drawn}
        save_model(tmp_path / str(number), replace(old, history={"import": about}))
        with pytest.raises(ModelError, match="not one of ours: drawn_rows is"):
            load_model(tmp_path / str(number))
    for history in ({"import": 3}, {"import": {"missing": 3}}, {"pretraining": None}):
        save_model(tmp_path / str(history), replace(old, history=history))
        with pytest.raises(ModelError, match=r"not one of ours: .* (is no object|are no list)"):
            load_model(tmp_path / str(history))


def test_a_warning_on_the_command_line_is_one_line(capsys: Any) -> None:
    show_warning(UserWarning("models/old: import\nit again"), UserWarning, "checkpoint.py", 1)
    assert capsys.readouterr().err == "warning: models/old: import it again\n"
