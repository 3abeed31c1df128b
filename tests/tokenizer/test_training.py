"""Training: bounds of the vocabulary, and the same bytes whatever the threads."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinlm.errors import UsageError
from twinlm.system.log import Silent
from twinlm.tokenizer import SPECIAL_TOKENS, train_tokenizer
from twinlm.tokenizer.pipeline import own_pipeline, trainable_engine

# Every word occurs as often as every other: nothing but ties.
SCRIPT = """
import hashlib, random, sys
from twinlm.system.log import Silent
from twinlm.tokenizer import train_tokenizer
chance = random.Random(7)
words = ["".join(chance.choices("abcdefgh\\u00e9\\u4e16\\u0430", k=6)) for _ in range(600)]
texts = [" ".join(words[at : at + 20]) for at in range(0, 600, 20)]
for algorithm in ("byte-bpe", "wordpiece"):
    made = train_tokenizer(texts, algorithm=algorithm, vocab_size=500, lowercase=False, progress=Silent())
    assert made.vocab_size == 500
    print(hashlib.sha256(made.to_files()["tokenizer.json"]).hexdigest(), made.fingerprint)
"""


class Notes(Silent):
    """Keeps what is said."""

    def __init__(self):
        self.lines = []

    def say(self, line):
        self.lines.append(line)


def train(texts, algorithm="byte-bpe", vocab_size=300, lowercase=False, progress=None, share=1.0, **more):
    return train_tokenizer(
        texts,
        **more,
        share=share,
        algorithm=algorithm,
        vocab_size=vocab_size,
        lowercase=lowercase,
        progress=progress or Silent(),
    )


def test_the_same_text_gives_the_same_bytes_whatever_the_threads():
    def printed(parallel, threads):
        wanted = {"TOKENIZERS_PARALLELISM": parallel, "RAYON_NUM_THREADS": threads}
        run = [sys.executable, "-c", SCRIPT]
        done = subprocess.run(run, env=os.environ | wanted, capture_output=True, text=True, check=True)
        return done.stdout.split()

    first, *others = (printed(*how) for how in [("false", "1"), ("true", "1"), ("true", "2")])
    assert len(first) == 4
    assert others == [first, first]


def test_the_same_documents_cut_and_ordered_otherwise_give_the_same_tokens():
    lines = ["the cat sat on the mat", "a dog sat on a log", "the log and the mat"] * 4
    for algorithm in ("byte-bpe", "wordpiece"):
        straight = train(lines, algorithm)
        assert train(lines[::-1], algorithm).fingerprint == straight.fingerprint
        assert train(["\n".join(lines)], algorithm, 300).vocab_size >= straight.vocab_size


def test_special_tokens_come_first_and_the_vocabulary_has_the_size_asked(either):
    assert tuple(either.token(number) for number in range(8)) == SPECIAL_TOKENS
    assert either.vocab_size == {"byte-bpe": 400, "wordpiece": 200}[either.algorithm]


def test_a_vocabulary_smaller_than_the_bytes_is_refused_with_the_least_size():
    with pytest.raises(UsageError, match=r"vocab_size=263.* 264 special.*vocab_size to 264"):
        train(["a"], vocab_size=263)
    assert train(["a"], vocab_size=264).vocab_size == 264


def test_a_vocabulary_smaller_than_the_characters_is_refused_with_the_least_size():
    with pytest.raises(UsageError, match="to 14 or more"):
        train(["abc cab"], "wordpiece", 13)
    assert train(["abc cab"], "wordpiece", 14).vocab_size == 14


@pytest.mark.parametrize("algorithm", ["byte-bpe", "wordpiece"])
def test_a_vocabulary_that_the_text_cannot_fill_is_said_and_is_as_large_as_it_got(algorithm):
    notes = Notes()
    made = train(["abc abc"], algorithm, 5000, progress=notes)
    assert made.vocab_size < 300
    assert f"{made.vocab_size:,} tokens, not 5,000" in notes.lines[-1]


@pytest.mark.parametrize("algorithm", ["byte-bpe", "wordpiece"])
def test_no_text_gives_the_alphabet_only(algorithm):
    assert train([], algorithm, 300).vocab_size == {"byte-bpe": 264, "wordpiece": 8}[algorithm]


@pytest.mark.parametrize("algorithm", ["byte-bpe", "wordpiece"])
def test_training_on_a_huge_line_without_spaces_takes_no_quadratic_time(algorithm):
    begin = time.perf_counter()
    train(["ab" * 100_000 + " some words"], algorithm, 300)
    assert time.perf_counter() - begin < 5


def test_text_full_of_special_tokens_teaches_none_of_them():
    texts = ["[MASK] <start> [PAD] [UNK]"] * 200
    for algorithm in ("byte-bpe", "wordpiece"):
        made = train(texts, algorithm, 300)
        assert min(made.encode(texts[0])) >= len(SPECIAL_TOKENS)


def test_wordpiece_keeps_the_most_frequent_thousand_characters():
    often = "".join(chr(0xAC00 + number) for number in range(990))
    rare = "".join(chr(0xAC00 + number) for number in range(990, 1100))
    made = train([often, often, rare], "wordpiece", 3000)
    assert made.count_unknown(made.encode(often[0])) == 0
    assert made.count_unknown(made.encode(rare[-1])) == 1
    assert made.vocab_size <= 8 + 2 * 1000 + 1000


@pytest.mark.parametrize("algorithm", ["byte-bpe", "wordpiece"])
def test_a_huge_document_teaches_the_same_as_its_words(algorithm):
    chance = random.Random(3)
    words = ["".join(chance.choices("abcdeéß世", k=chance.randint(1, 9))) for _ in range(2000)]
    gaps = [" ", "\n", "  ", " \t\n "]
    text = "".join(word + chance.choice(gaps) for word in chance.choices(words, k=30_000))
    lines = [line for line in text.splitlines(keepends=True) if line]
    assert len(text) > 100_000
    assert train([text], algorithm, 900).fingerprint == train(lines, algorithm, 900).fingerprint


def test_a_share_of_the_text_is_taken_from_all_of_it():
    texts = ["a very first text here", *["nothing new"] * 98, "the last of all"]
    assert train(texts, share=1.0).fingerprint == train(texts).fingerprint
    half = train(texts * 2, share=0.5).fingerprint
    assert half == train((texts * 2)[1::2]).fingerprint
    assert train(texts, share=1e-9).vocab_size == 264


def test_a_signal_ends_training_at_once(tmp_path):
    script = """
import itertools, sys
from twinlm.system import launch
from twinlm.errors import StoppedError
from twinlm.system.log import Silent
from twinlm.system.stopping import on_signals
from twinlm.tokenizer import train_tokenizer

class Endless(list):
    def __iter__(self):
        print("begun", flush=True)
        return (f"word{number} and more" for number in itertools.count())

with on_signals():
    try:
        train_tokenizer(
            Endless(), algorithm="byte-bpe", vocab_size=300, lowercase=False, progress=Silent()
        )
    except StoppedError as error:
        launch.leave(error.exit_code)
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"begun\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 75


HINDI = (
    "\u0915\u0940 \u0915\u093f \u0915\u0941 \u0915 \u0939\u093f\u0928\u094d\u0926\u0940 \u0939\u0942\u0901"
)
MARKED = {
    "Hindi": HINDI,
    "Japanese": "\u304b\u304c \u304d\u304e",
    "Hebrew": "\u05e9\u05b8\u05dc \u05e9\u05dc",
    "Thai": "\u0e17\u0e35\u0e48 \u0e17",
    "Arabic": "\u0643\u064e\u062a\u064e\u0628 \u0643\u062a\u0628",
    "a few Hindi words in English": "a plain text without accents " * 200 + HINDI,
    "a few Hindi words among emojis": "\u2764\ufe0f " * 2000 + HINDI,
}


@pytest.mark.parametrize("language", MARKED)
def test_marks_of_other_scripts_survive_lowercase(language):
    text = MARKED[language]
    made = train([text], "wordpiece", 2000, lowercase=True)
    words = list(dict.fromkeys(text.split()))
    assert len({tuple(tokens) for tokens in made.encode_batch(words)}) == len(words)
    assert not made.pipeline.strip_accents and made.decode(made.encode("HI " + words[0])).endswith(words[0])


@pytest.mark.parametrize(
    "text",
    ["Ünï Caf\u00e9", "\u0386\u03b8 e\u0301", "\u0419\u0439", "plain", "\u0130", "Caf\u00e9 \u2764\ufe0f"],
)
def test_accents_of_latin_greek_and_cyrillic_go_with_lowercase_as_before(text):
    made = train([text], "wordpiece", 99, lowercase=True)
    assert made.pipeline.strip_accents and made.pipeline.lowercase
    assert not train([text], "wordpiece", 99).pipeline.strip_accents


def test_strip_accents_can_be_set():
    kept = train(["Caf\u00e9 cafe"], "wordpiece", 99, lowercase=True, strip_accents="never")
    assert kept.decode(kept.encode("CAF\u00c9")) == "caf\u00e9"
    folded = train(["Caf\u00e9 Cafe"], "wordpiece", 99, strip_accents="always")
    assert folded.decode(folded.encode("Caf\u00e9")) == "Cafe"
    assert len({made.fingerprint for made in (kept, folded)}) == 2


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
def test_normalization_is_done_character_by_character(text):
    """Training counts characters before normalization."""
    for strips in (False, True):
        pipeline = own_pipeline("wordpiece", lowercase=True, strip_accents=strips)
        normalizer = trainable_engine(pipeline).normalizer
        whole = Counter(normalizer.normalize_str(text))
        assert whole == sum((Counter(normalizer.normalize_str(each)) for each in text), Counter())
