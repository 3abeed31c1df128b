import pytest

from twinlm.doctor.checks.tokens import check_tokens
from twinlm.system.log import Silent
from twinlm.tokenizer import train_tokenizer

TEXTS = ["the cat likes the dog and the horse likes the bird"] * 50


def trained(algorithm):
    return train_tokenizer(TEXTS, algorithm=algorithm, vocab_size=400, lowercase=False, progress=Silent())


@pytest.mark.parametrize("algorithm", ["byte-bpe", "wordpiece"])
def test_text_like_that_of_the_training_is_spelled_well(algorithm):
    tokenizer = trained(algorithm)
    checked = check_tokens("corpus", tokenizer, TEXTS, origin="here")
    assert checked.findings == ()
    assert checked.facts == {
        "tokenizer": algorithm,
        "vocabulary": tokenizer.vocab_size,
        "from": "here",
        "tokens": 550,
        "unknown tokens": 0,
        "tokens a word": 1.0,
        "bytes a token": pytest.approx(50 / 11, abs=1e-4),
    }


def test_unknown_characters_are_a_warning_with_wordpiece_and_many_tokens_with_bytes():
    texts = ["кот любит собаку"]
    (unknown,) = check_tokens("task t", trained("wordpiece"), texts).findings
    assert "100.0% of the tokens are unknown to the wordpiece tokenizer" in unknown.message
    (long,) = check_tokens("task t", trained("byte-bpe"), texts).findings
    assert "words take 10." in long.message or "words take 9." in long.message


def test_texts_without_a_token_say_nothing():
    assert check_tokens("corpus", trained("byte-bpe"), [""]).facts == {"tokens": 0}
