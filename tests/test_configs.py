"""The settings files of the repository's studies are valid."""

from pathlib import Path

import pytest

from twinlm.comparison.plan.arms import arms
from twinlm.settings import presets

FILES = sorted((Path(__file__).parents[1] / "configs").glob("*.toml"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_studys_settings_load(file):
    settings = presets.resolve(file, {})
    assert settings.task and settings.corpus.train


def test_the_study_has_every_contestant_and_nine_models_of_each():
    (file,) = [file for file in FILES if file.name == "study.toml"]
    settings = presets.resolve(file, {})
    assert {arm.name for arm in arms(settings)} == {
        *("gpt", "bert", "gpt-scratch", "bert-scratch"),
        *("bert-no-nsp", "clm-mlm", "hybrid-left", "hybrid-both"),
    }
    assert settings.compare.pretrainings == len(settings.compare.seeds) == 3
