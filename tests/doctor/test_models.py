from pathlib import Path

import pytest

from twinlm.doctor.checks.reading import CorpusSample
from twinlm.doctor.models import Laboratory, check_models
from twinlm.settings import build, presets
from twinlm.system import storage
from twinlm.system.log import Silent
from twinlm.tokenizer import train_tokenizer

SMALL = {
    "tokenizer.vocab_size": "400",
    "pretrain.length": "32",
    "budget.match": "tokens",
    "budget.amount": "5000",
}


@pytest.fixture
def laboratory(tmp_path, monkeypatch, write_project):
    monkeypatch.chdir(tmp_path)
    write_project(tmp_path, 150)

    def make(folder=Path("run"), **given):
        settings = presets.resolve(
            None, {**SMALL, **{name.replace("__", "."): v for name, v in given.items()}}
        )
        sample = CorpusSample()
        from twinlm.doctor.checks.reading import Seen, digest_of

        for number, text in enumerate(Path("text.txt").read_text().split("\n\n"), 1):
            sample.see(Seen("train", f"text.txt:{number}", text, False, digest_of(text)))
        return Laboratory(settings, folder, tmp_path / "scratch", sample, [], Silent())

    return make


def test_sizes_and_budget_are_those_of_real_models(laboratory):
    made = laboratory()
    parts = dict(check_models(made, training_bytes=900_000))
    gpt = parts["models", "GPT"].facts
    store = made.store("gpt")
    assert gpt["tokens of the text"] == round(900_000 * store.token_count / store.text_bytes)
    assert gpt["tokens of the budget"] == pytest.approx(5000)
    assert gpt["outside embeddings"] == parts["models", "BERT"].facts["outside embeddings"] == 396_544
    assert gpt["parameters"] == 396_544 + (made.tokenizers["gpt"].vocab_size + 128) * 128


def test_two_tokenizers_are_looked_at_if_each_has_its_own(laboratory):
    parts = dict(check_models(laboratory(tokenizer__sharing="own"), training_bytes=1000))
    assert {path[1] for path in parts if path[0] == "tokenizers"} == {"byte-bpe", "wordpiece"}


def test_the_tokenizer_of_the_run_is_taken_if_its_settings_are_these(laboratory, tmp_path):
    made = laboratory()
    other = train_tokenizer(
        ["quite another text"], algorithm="byte-bpe", vocab_size=300, lowercase=False, progress=Silent()
    )
    folder = tmp_path / "run" / "tokenizers" / "byte-bpe"
    storage.publish_folder(folder / "files", other.to_files())
    wanted = {**build.plain(made.settings.tokenizer), "algorithm": "byte-bpe"}
    storage.write_json(folder / "inputs.json", {"tokenizer": {**wanted, "vocab_size": 300}})
    assert laboratory(tmp_path / "run").tokenizers["gpt"].fingerprint != other.fingerprint
    storage.write_json(folder / "inputs.json", {"tokenizer": wanted})
    taken = laboratory(tmp_path / "run")
    assert taken.tokenizers["gpt"].fingerprint == other.fingerprint
    assert taken.origins == {"byte-bpe": str(folder / "files")}


@pytest.mark.parametrize(
    "given", [{"budget__match": "seconds"}, {"budget__match": "passes", "budget__amount": "3"}]
)
def test_budgets_in_seconds_are_not_known_and_passes_are_of_the_whole_text(laboratory, given):
    facts = dict(check_models(laboratory(**given), training_bytes=10**8))["models", "GPT"].facts
    assert facts.get("passes of the budget") == (None if given["budget__match"] == "seconds" else 3)


def test_without_text_there_is_nothing_to_judge(laboratory):
    made = laboratory()
    made.texts = []
    assert made.tokenizers == {}
    assert list(check_models(made, training_bytes=0)) == []


def test_text_of_single_sentences_leaves_the_budget_unknown(laboratory):
    made = laboratory()
    made.texts = [text.split("\n")[0] for text in made.texts]
    parts = dict(check_models(made, training_bytes=10**6))
    assert parts["corpus", "lengths"].findings[0].level == "problem"
    assert "passes of the budget" not in parts["models", "BERT"].facts
    assert "passes of the budget" in parts["models", "GPT"].facts
