import pytest

from twinlm.doctor.checks.tokens import check_tokens, check_told_apart
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
    assert "100.0 % of the tokens are unknown to the wordpiece tokenizer" in unknown.message
    (long,) = check_tokens("task t", trained("byte-bpe"), texts).findings
    assert "words take 10." in long.message or "words take 9." in long.message


def test_texts_without_a_token_say_nothing():
    assert check_tokens("corpus", trained("byte-bpe"), [""]).facts == {"tokens": 0}


def test_words_that_only_one_tokenizer_reads_alike_are_a_warning():
    texts = ["\u0915\u0941 \u0915\u0947 \u0928\u0926\u0940 \u0928\u0926\u093f \u0918\u0930"] * 9
    made = {"vocab_size": 300, "lowercase": True, "progress": Silent()}
    own = {
        "GPT": train_tokenizer(texts, algorithm="byte-bpe", **made),
        "BERT": train_tokenizer(texts, algorithm="wordpiece", strip_accents="always", **made),
    }
    checked = check_told_apart("task t", own, texts)
    assert checked.facts == {
        "different words": 5,
        "read like another word by GPT": 0,
        "read like another word by BERT": 2,
    }
    (finding,) = checked.findings
    assert finding.message == (
        "BERT reads 2 of 5 different words like another one ('\u0915\u0941' like '\u0915\u0947'), GPT only 0"
    )
    assert 'tokenizer.strip_accents = "never"' in finding.hint
    own["BERT"] = train_tokenizer(texts, algorithm="wordpiece", **made)
    assert check_told_apart("task t", own, texts).findings == ()
    assert check_told_apart("task t", own, []).findings == ()
    check_advice_on_unknown_words(own, texts)


def check_advice_on_unknown_words(own, texts):
    """Accents are not why words of unknown characters are read alike, whether they are stripped or not."""
    unknown = [*texts, "1 2 \u5c71 \u6cb3"]
    (finding,) = check_told_apart("task t", own, unknown).findings
    assert "BERT reads 4 of 9 different words like another one ('1' like '2')" in finding.message
    assert "strip_accents" not in finding.hint and "characters, which BERT's vocabulary lacks" in finding.hint
    made = {"vocab_size": 300, "lowercase": True, "progress": Silent()}
    stripped = train_tokenizer(texts, algorithm="wordpiece", strip_accents="always", **made)
    (finding,) = check_told_apart("task t", own | {"BERT": stripped}, unknown).findings
    assert "('1' like '2')" in finding.message and "strip_accents" not in finding.hint
