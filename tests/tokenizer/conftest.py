"""Two small tokenizers, trained once on a text of many scripts."""

import pytest

from twinlm.log import Silent
from twinlm.tokenizer import train_tokenizer

TEXTS = [
    "The quick brown fox jumps over the lazy dog. It isn't the first time, and they'll see 1,234 of them!",
    "The brown dog sees the fox, and the fox sees the dog; quickly, the lazy one jumps.",
    "Caf\u00e9s are na\u00efve. \u041f\u0440\u0438\u0432\u0435\u0442, \u043c\u0438\u0440! "
    "\u4f60\u597d\u4e16\u754c \u0928\u092e\u0938\u094d\u0924\u0947 "
    "\u0628\u0633\u0645 \u05e9\u05dc\u05d5\u05dd",
    "[MASK] and <start> and [CLS] are words here, [MASK] too, <start> too.",
] * 5


@pytest.fixture(scope="session")
def byte_bpe():
    return train_tokenizer(TEXTS, algorithm="byte-bpe", vocab_size=400, lowercase=False, progress=Silent())


@pytest.fixture(scope="session")
def wordpiece():
    return train_tokenizer(TEXTS, algorithm="wordpiece", vocab_size=200, lowercase=True, progress=Silent())


@pytest.fixture(params=["byte_bpe", "wordpiece"])
def either(request):
    return request.getfixturevalue(request.param)
