"""Held-out language: bits per byte against a count by hand, and masks that are the same each time."""

import math

import numpy as np
import pytest
import torch

from twinlm.checkpoint import Trained
from twinlm.data.text.sentences import split_sentences
from twinlm.data.tokens.store import TokenStore
from twinlm.data.tokens.writing import write_store
from twinlm.evaluate.language import BITS_PER_BYTE, NATS_PER_MASKED_TOKEN, measure, next_token_nats
from twinlm.families import FAMILIES
from twinlm.settings import FinetuneSettings, KindSettings, ModelSettings, PretrainSettings, presets
from twinlm.system.log import Silent
from twinlm.tokenizer import train_tokenizer
from twinlm.train.start import fresh_model

TEXTS = [f"The cat has {n} kittens. They sleep on the mat. A dog comes by." for n in range(40)]
SETTINGS = KindSettings(
    model=ModelSettings(layers=1, width=16, heads=2, max_length=16, first_deviation=0.3),
    pretrain=PretrainSettings(length=16),
    finetune=FinetuneSettings(max_length=16),
)


@pytest.fixture(scope="module", params=presets.KINDS)
def measured(request, tmp_path_factory) -> tuple[Trained, TokenStore]:
    folder = tmp_path_factory.mktemp("language") / "tokens"
    tokenizer = train_tokenizer(
        TEXTS, algorithm="byte-bpe", vocab_size=300, lowercase=False, progress=Silent()
    )
    write_store(folder, TEXTS, tokenizer, split_sentences, total=len(TEXTS), progress=Silent())
    family = FAMILIES[request.param]
    model = fresh_model(family, SETTINGS, tokenizer, 3).eval()
    return Trained(family=family, model=model, tokenizer=tokenizer), TokenStore(folder)


def test_the_figure_is_the_kinds_own_and_repeats(measured: tuple[Trained, TokenStore]) -> None:
    trained, store = measured
    first, again = (measure(trained, store, SETTINGS.pretrain, seed=1) for _ in range(2))
    assert first == again
    assert first.unit == (BITS_PER_BYTE if trained.family.is_generative else NATS_PER_MASKED_TOKEN)
    assert math.isfinite(first.value) and first.value > 0


def test_every_token_but_the_first_is_predicted_once(measured: tuple[Trained, TokenStore]) -> None:
    trained, store = measured
    if not trained.family.is_generative:
        pytest.skip("an encoder predicts masked tokens only")
    tokens = store.tokens_T[: store.token_count].astype(np.int64)
    by_hand = 0.0
    with torch.inference_mode():
        for begin in range(0, len(tokens) - 1, 15):
            window = torch.from_numpy(tokens[begin : begin + 16])[None]
            chances = trained.model.next_token_logits(trained.model(window)).log_softmax(-1)
            by_hand -= float(chances[0, :-1].gather(1, window[0, 1:, None]).sum())
        nats = next_token_nats(trained.model, store, 16, trained.tokenizer.specials.pad)
        bits = measure(trained, store, SETTINGS.pretrain, seed=1).value
    assert nats == pytest.approx(by_hand, rel=1e-4)
    assert bits == pytest.approx(by_hand / math.log(2) / sum(len(text.encode()) for text in TEXTS), rel=1e-4)
