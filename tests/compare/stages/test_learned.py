"""Samples are of held-out text, whole words, and the same each time."""

import pytest

from twinlm.checkpoint import Trained
from twinlm.compare.stages.learned import SAMPLES, samples
from twinlm.data.text.sentences import split_sentences
from twinlm.data.tokens.store import TokenStore
from twinlm.data.tokens.writing import write_store
from twinlm.families import FAMILIES
from twinlm.settings import FinetuneSettings, KindSettings, ModelSettings, PretrainSettings, presets
from twinlm.system.log import Silent
from twinlm.tokenizer import train_tokenizer
from twinlm.train.start import fresh_model

TEXTS = [
    f"The astonishing cat of house {n} has many remarkable kittens and a dog. "
    "They sleep on the extraordinarily soft mat until somebody comes by with food."
    for n in range(20)
]
SETTINGS = KindSettings(
    model=ModelSettings(layers=1, width=16, heads=2, max_length=64),
    pretrain=PretrainSettings(length=64),
    finetune=FinetuneSettings(max_length=64),
)


@pytest.mark.parametrize("kind", presets.KINDS)
def test_samples_of_an_untrained_model_show_whole_words_of_the_text(kind: str, tmp_path) -> None:
    tokenizer = train_tokenizer(
        TEXTS, algorithm="byte-bpe", vocab_size=300, lowercase=False, progress=Silent()
    )
    write_store(tmp_path / "tokens", TEXTS, tokenizer, split_sentences, total=len(TEXTS), progress=Silent())
    model = fresh_model(FAMILIES[kind], SETTINGS, tokenizer, 0).eval()
    trained = Trained(family=FAMILIES[kind], model=model, tokenizer=tokenizer)
    store = TokenStore(tmp_path / "tokens")
    shown = samples(trained, store, seed=1)
    assert shown == samples(trained, store, seed=1)
    assert shown != samples(trained, store, seed=2)
    assert len(shown) == SAMPLES
    for sample in shown:
        begin = sample["prompt"] + sample["original"] if "prompt" in sample else sample["original"]
        assert any(text.startswith(begin) for text in TEXTS)
        if "prompt" in sample:
            assert sample["original"].startswith(" ")
        else:
            assert "[MASK]" in sample["masked"]
            assert len(sample["masked"].split(" ")) == len(sample["original"].split(" "))
