"""Gaps of own text: the words on offer are alike in frequency, case and tokens, and none stands there."""

from collections import Counter

import pytest

from twinlm.data.probes.gaps_from_text import DISTRACTORS, LEAST_TIMES, make_cloze
from twinlm.data.probes.words import casing, find_words
from twinlm.system.log import Silent
from twinlm.tokenizer import train_tokenizer

NOUNS = [a + b for a in "bdfgklmn" for b in ("ato", "eri", "ilu", "opa")]
TRAINING = [
    f"the {noun} and the {other} go home with {noun.title()}" for noun in NOUNS for other in NOUNS[:6]
]
HELD_OUT = [f"then some dogs and the {noun} go home. it is late, and they are tired." for noun in NOUNS]


@pytest.fixture(scope="module")
def tokenizers():
    return [
        train_tokenizer(TRAINING, algorithm=kind, vocab_size=size, lowercase=False, progress=Silent())
        for kind, size in (("byte-bpe", 320), ("wordpiece", 90))
    ]


def test_choices_are_alike_and_one_of_them_is_the_documents(tokenizers, monkeypatch):
    monkeypatch.setattr("twinlm.data.probes.gaps_from_text.MOST_SHARE", 0.05)
    items, notes = make_cloze(HELD_OUT, TRAINING, tokenizers, count=20, seed=1)
    assert (len(items), notes) == (20, ())
    times = Counter(span.text for text in TRAINING for span in find_words(text))
    for item in items:
        whole = item.before + item.word + item.after
        assert any(whole in document for document in HELD_OUT)
        assert item.texts[0] == whole and len(set(item.choices)) == 1 + DISTRACTORS
        assert len({casing(choice) for choice in item.choices}) == 1
        for tokenizer in tokenizers:
            assert len({len(tokenizer.encode(f" {choice}")) for choice in item.choices}) == 1
        assert all(
            times[item.word] / 2 <= times[choice] <= 2 * times[item.word] + 1 for choice in item.choices
        )
        assert all(times[choice] >= LEAST_TIMES for choice in item.choices)
        around = [span.text for span in find_words(f"{item.before} {item.after}")]
        assert not set(item.choices) & set(around)
    again = make_cloze(HELD_OUT, TRAINING, tokenizers, count=20, seed=1).items
    other = make_cloze(HELD_OUT, TRAINING, tokenizers, count=20, seed=2).items
    assert again == items != other


def test_too_little_text_gives_a_note(tokenizers):
    items, notes = make_cloze(HELD_OUT[:2], ["nothing that stands there"], tokenizers, count=3, seed=1)
    assert items == ()
    assert notes == ("cloze: 0 of 3 items could be made of 2 documents",)


def test_only_the_beginning_of_long_training_text_is_counted(tokenizers, monkeypatch):
    monkeypatch.setattr("twinlm.data.probes.gaps_from_text.MOST_SHARE", 0.05)
    monkeypatch.setattr("twinlm.data.probes.gaps_from_text.READ_CHARACTERS", len(TRAINING[0]))

    def texts():
        yield TRAINING[0]
        raise AssertionError("no more was needed")

    assert make_cloze(HELD_OUT, texts(), tokenizers, count=3, seed=1).items == ()
