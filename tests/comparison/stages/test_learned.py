"""Samples are of held-out text, whole words, and the same each time."""

import pytest

from twinlm.checkpoint import Trained
from twinlm.comparison.stages.learned import SAMPLES, asked, draw
from twinlm.data.text.sentences import split_sentences
from twinlm.data.tokens.store import TokenStore
from twinlm.data.tokens.writing import write_store
from twinlm.families import FAMILIES
from twinlm.settings import FinetuneSettings, KindSettings, ModelSettings, PretrainSettings, presets
from twinlm.system.log import Silent
from twinlm.tokenizer import train_tokenizer
from twinlm.train.start import fresh_model
from twinlm.use.fill import masked_tokens

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
    is_generative = trained.family.is_generative
    shown, again, others = (
        asked(trained, draw(store, tokenizer, [(tokenizer, 62)], is_generative=is_generative, seed=seed))
        for seed in (1, 1, 2)
    )
    assert shown == again != others
    assert len(shown) == SAMPLES
    for sample in shown:
        begin = sample["prompt"] + sample["original"] if "prompt" in sample else sample["original"]
        assert any(text.startswith(begin) for text in TEXTS)
        if "prompt" in sample:
            assert sample["original"].startswith(" ")
        else:
            assert "[MASK]" in sample["masked"]
            assert len(sample["masked"].split(" ")) == len(sample["original"].split(" "))


CHUNKS = "我们今天在学校学习汉语 今天吃苹果很高兴我们在学校 " * 5


@pytest.mark.parametrize("kind", presets.KINDS)
@pytest.mark.parametrize("most", [6, 14, 62, 126])
@pytest.mark.parametrize(
    "text",
    [
        CHUNKS,
        "我们今天在学校学习汉语" * 9,
        "cat likes dog " * 60,
        "antidisestablishmentarianism " * 9,
        "😀😃 cat 🐱🐶 " * 9,
    ],
    ids=["few blanks", "no blank", "one line", "long words", "emoji"],
)
def test_a_sample_fits_into_the_tokens_of_both_tokenizers(kind, most, text, tmp_path) -> None:
    both = [
        train_tokenizer([text], algorithm=name, vocab_size=300, lowercase=False, progress=Silent())
        for name in ("byte-bpe", "wordpiece")
    ]
    readers = [(tokenizer, most) for tokenizer in both]
    family = FAMILIES[kind]
    for number, tokenizer in enumerate(both):
        folder = tmp_path / str(number)
        write_store(folder, [text] * 3, tokenizer, split_sentences, total=3, progress=Silent())
        drawn = draw(TokenStore(folder), tokenizer, readers, is_generative=family.is_generative, seed=1)
        assert drawn or (most == 6 and not family.is_generative)
        for shown, original, _ in drawn:
            assert len(masked_tokens(tokenizer, shown)) <= most
            assert family.is_generative or all(len(other.encode(original)) <= most for other in both)
            assert "\ufffd" not in shown + original
