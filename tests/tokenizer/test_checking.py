"""Foreign and damaged files: each is refused at once, by name; and what a description means."""

import copy
import json
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinlm.errors import ModelError
from twinlm.tokenizer import Pipeline, Tokenizer
from twinlm.tokenizer.checking import LARGEST_BYTES, agrees, recognise


def put(folder, data):
    path = folder / "tokenizer.json"
    path.write_bytes(data if isinstance(data, bytes) else json.dumps(data).encode())
    return path


def description(tokenizer):
    return json.loads(tokenizer.to_files()["tokenizer.json"])


def refuses_at_once(folder, because="."):
    begin = time.process_time()
    with pytest.raises(ModelError, match=because) as caught:
        Tokenizer.from_folder(folder)
    assert time.process_time() - begin < 5
    assert caught.value.file == str(folder / "tokenizer.json")


def set_in(*keys, to):
    """Return a change of one value of a description, found by its keys."""

    def change(made):
        place = made
        for key in keys[:-1]:
            place = place[key]
        place[keys[-1]] = to

    return change


def swap(first, second):
    def change(made):
        vocabulary = made["model"]["vocab"]
        vocabulary[first], vocabulary[second] = vocabulary[second], vocabulary[first]

    return change


def rename(old, new):
    """Return a change of one token, or of the last one."""

    def change(made):
        vocabulary = made["model"]["vocab"]
        vocabulary[new] = vocabulary.pop(old or max(vocabulary, key=vocabulary.get))

    return change


EVIL = {"Regex": "(a+)+$"}
CHANGES = {
    "another model": set_in("model", "type", to="Unigram"),
    "no model": lambda made: made.pop("model"),
    "a model that is a list": set_in("model", to=[1, 2]),
    "a vocabulary that is a list": set_in("model", "vocab", to=["a", "b"]),
    "no vocabulary": set_in("model", "vocab", to={}),
    "an id twice": set_in("model", "vocab", "b", to=200),
    "an id that is too large": set_in("model", "vocab", "b", to=2**40),
    "a negative id": set_in("model", "vocab", "b", to=-1),
    "an id that is text": set_in("model", "vocab", "b", to="9"),
    "an id that is a fraction": set_in("model", "vocab", "b", to=9.5),
    "a huge number as id": set_in("model", "vocab", "b", to=10**400),
    "special tokens in another order": swap("[CLS]", "[SEP]"),
    "a special token that is missing": rename("[MASK]", "<mask>"),
    "an empty token": rename(None, ""),
    "a token of a thousand letters": rename(None, "t" * 1001),
    "a token with half a character": rename(None, "\ud800"),
    "added tokens beyond ours": lambda made: made["added_tokens"].append(
        {**made["added_tokens"][0], "id": 999, "content": "x"}
    ),
    "an added token that takes spaces": set_in("added_tokens", 4, "lstrip", to=True),
    "a pattern of a stranger": set_in(
        "pre_tokenizer", to={"type": "Split", "pattern": EVIL, "behavior": "Isolated", "invert": False}
    ),
    "no pre-tokenizer": set_in("pre_tokenizer", to=None),
    "a precompiled normalizer": set_in(
        "normalizer", to={"type": "Precompiled", "precompiled_charsmap": "AAAA"}
    ),
    "a normalizer that replaces": set_in(
        "normalizer", to={"type": "Replace", "pattern": EVIL, "content": "", "lowercase": False}
    ),
    "a normalizer that is text": set_in("normalizer", to="lowercase"),
    "another decoder": set_in("decoder", to={"type": "Fuse"}),
    "a template of a stranger": set_in("post_processor", to={"type": "ByteLevel"}),
    "a deep template": set_in("post_processor", to=json.loads("[" * 400 + "]" * 400)),
    "truncation": set_in("truncation", to={"max_length": 1}),
    "an unknown part": set_in("extra", to=1),
    "an unknown part of the model": set_in("model", "extra", to=1),
    "another unknown token": set_in("model", "unk_token", to="the"),
    "a newer format": set_in("version", to="2.0"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_changed_file_is_refused(either, tmp_path, change):
    made = description(either)
    change(made)
    put(tmp_path, made)
    refuses_at_once(tmp_path)


BPE_CHANGES = {
    "a merge of what is no token": set_in("model", "merges", 0, to=["\u0120zz", "qq"]),
    "a merge into what is no token": set_in("model", "merges", 0, to=["z", "!"]),
    "no merges": set_in("model", "merges", to=[]),
    "a merge that is missing": lambda made: made["model"]["merges"].pop(),
    "a merge of three": set_in("model", "merges", 0, to=["a", "b", "c"]),
    "a merge that is a number": set_in("model", "merges", 0, to=7),
    "a merge written as text": set_in("model", "merges", 0, to="t h"),
    "a merge of numbers": set_in("model", "merges", 0, to=[1, 2]),
    "merges that are no list": set_in("model", "merges", to="abc"),
    "chance in merging": set_in("model", "dropout", to=0.5),
    "a byte without a token": rename("\u0122", "thethe"),
    "a token that is not bytes": rename(None, "\u20ac"),
    "WordPiece's decoder": set_in("decoder", to={"type": "WordPiece", "prefix": "##", "cleanup": True}),
    "another pattern": set_in("pre_tokenizer", "pretokenizers", 0, "pattern", to=EVIL),
}


@pytest.mark.parametrize("change", BPE_CHANGES.values(), ids=BPE_CHANGES.keys())
def test_a_changed_file_of_byte_bpe_is_refused(byte_bpe, tmp_path, change):
    made = description(byte_bpe)
    change(made)
    put(tmp_path, made)
    refuses_at_once(tmp_path)


def test_wordpiece_with_a_longer_word_or_merges_is_refused(wordpiece, tmp_path):
    for key, value in {"max_input_chars_per_word": 10**9, "merges": [["t", "h"]]}.items():
        made = description(wordpiece)
        made["model"][key] = value
        put(tmp_path, made)
        refuses_at_once(tmp_path)


BYTES = {
    "nothing": b"",
    "no JSON": b"{",
    "no text": b"\xff\xfe\x00{",
    "not an object": b"[1, 2, 3]",
    "a number": b"7",
    "nesting": b"[" * 1_000_000,
    "closed nesting": b'{"model": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "a number of many digits": b'{"model": ' + b"9" * 10_000 + b"}",
    "no numbers": b'{"version": NaN, "model": Infinity}',
    "a key twice": b'{"version": "1.0", "version": "1.0"}',
}


@pytest.mark.parametrize("data", BYTES.values(), ids=BYTES.keys())
def test_what_is_no_description_is_refused(tmp_path, data):
    put(tmp_path, data)
    refuses_at_once(tmp_path)


def test_a_missing_file_and_a_folder_in_its_place_are_refused(tmp_path):
    refuses_at_once(tmp_path, "the file is missing")
    (tmp_path / "tokenizer.json").mkdir()
    refuses_at_once(tmp_path, "not a regular file")


def test_a_file_that_is_too_large_is_refused_unread(tmp_path):
    with (tmp_path / "tokenizer.json").open("wb") as file:
        file.truncate(LARGEST_BYTES + 1)
    refuses_at_once(tmp_path, "67,108,865 bytes, more than the 67,108,864")


def test_a_vocabulary_that_is_too_large_is_refused(wordpiece, tmp_path, monkeypatch):
    monkeypatch.setattr("twinlm.tokenizer.checking._MOST_TOKENS", wordpiece.vocab_size - 1)
    put(tmp_path, description(wordpiece))
    refuses_at_once(tmp_path, "200 tokens is larger than 199")


def test_a_file_cut_anywhere_is_refused(byte_bpe, tmp_path):
    data = byte_bpe.to_files()["tokenizer.json"]
    for size in range(0, len(data) - 2, len(data) // 40):
        put(tmp_path, data[:size])
        refuses_at_once(tmp_path)


def test_a_panic_of_the_library_is_a_model_error(byte_bpe, tmp_path, monkeypatch):
    class PanicError(BaseException):
        """As the library's own: no Exception."""

    def panic(*_, **__):
        raise PanicError("index out of bounds")

    monkeypatch.setattr("twinlm.tokenizer.checking.build_engine", panic)
    put(tmp_path, description(byte_bpe))
    refuses_at_once(tmp_path, "can't be built: index out of bounds")


def test_an_option_that_a_newer_library_added_may_be_absent(byte_bpe, tmp_path):
    made = description(byte_bpe)
    del made["model"]["ignore_merges"]
    del made["pre_tokenizer"]["pretokenizers"][1]["trim_offsets"]
    put(tmp_path, made)
    assert Tokenizer.from_folder(tmp_path).fingerprint == byte_bpe.fingerprint


@given(data=st.data())
def test_a_file_with_one_part_replaced_is_refused_or_means_the_same(tmp_path_factory, byte_bpe, data):
    made = copy.deepcopy(description(byte_bpe))
    place = made
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = data.draw(st.sampled_from(keys))
        if not isinstance(place[key], dict | list) or not place[key] or data.draw(st.booleans()):
            break
        place = place[key]
    place[key] = data.draw(
        st.sampled_from([None, True, 0, -1, 1.5, "", "the", [], {}, [["a", "b"]], {"type": "BPE"}])
    )
    folder = tmp_path_factory.mktemp("one")
    put(folder, made)
    try:
        back = Tokenizer.from_folder(folder)
    except ModelError:
        return
    assert back.fingerprint == byte_bpe.fingerprint


FILE = Path("tokenizer.json")


def bert(**options):
    given = {"clean_text": True, "handle_chinese_chars": True, "strip_accents": None, "lowercase": True}
    return {"type": "BertNormalizer", **given, **options}


def described(model, before, normalizer=None):
    return {"model": {"vocab": {}, **model}, "pre_tokenizer": before, "normalizer": normalizer}


def test_bert_means_wordpiece_and_accents_go_with_case_unless_told():
    def pipeline(**options):
        wordpiece, before = {"type": "WordPiece"}, {"type": "BertPreTokenizer"}
        return recognise(described(wordpiece, before, bert(**options)), FILE)

    uncased = Pipeline(
        algorithm="wordpiece",
        lowercase=True,
        strip_accents=True,
        split_chinese=True,
        clean_text=True,
        unknown="[UNK]",
    )
    assert pipeline() == pipeline(strip_accents=True) == uncased
    assert not pipeline(lowercase=False).strip_accents
    assert not pipeline(strip_accents=False).strip_accents
    assert pipeline(lowercase=False, strip_accents=True).strip_accents


def test_bpe_is_told_by_what_cuts_the_words():
    model = {"type": "BPE", "merges": []}
    gpt2 = recognise(described(model, {"type": "ByteLevel", "add_prefix_space": False}), FILE)
    gpt1 = recognise(described({**model, "unk_token": "<unk>"}, {"type": "BertPreTokenizer"}, bert()), FILE)
    ours = recognise(described(model, {"type": "Sequence"}, {"type": "Lowercase"}), FILE)
    assert gpt2 == Pipeline(algorithm="gpt2-bpe")
    assert (gpt1.algorithm, gpt1.unknown, gpt1.lowercase) == ("gpt1-bpe", "<unk>", True)
    assert ours == Pipeline(algorithm="byte-bpe", lowercase=True)


def test_options_that_mean_nothing_are_spelled_as_ours():
    model = {
        "type": "BPE",
        "merges": [],
        "dropout": 0.0,
        "unk_token": "<|endoftext|>",
        "continuing_subword_prefix": "",
        "end_of_word_suffix": "",
    }
    description = described(model, {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False})
    recognise(description, FILE)
    assert {key for key, value in description["model"].items() if value} == {"type"}
    assert description["pre_tokenizer"] == {
        "type": "ByteLevel",
        "add_prefix_space": False,
        "use_regex": True,
    }


def test_what_is_not_supported_is_named_with_what_is():
    with pytest.raises(ModelError, match=r"'Unigram' and pre_tokenizer 'Metaspace'.*WordPiece behind"):
        recognise(described({"type": "Unigram"}, {"type": "Metaspace"}), FILE)
    with pytest.raises(ModelError, match=r"normalizer.*NFC.*BertNormalizer"):
        recognise(described({"type": "WordPiece"}, {"type": "BertPreTokenizer"}, {"type": "NFC"}), FILE)


@pytest.mark.parametrize(
    ("given", "ours", "is_same"),
    [
        ({"type": "A", "x": 1}, {"type": "A", "x": 1}, True),
        ({"type": "A"}, {"type": "A", "new": 1}, True),
        ({"type": "A", "extra": 1}, {"type": "A"}, False),
        ({"type": "A", "x": 2}, {"type": "A", "x": 1}, False),
        ({"x": 1}, {"x": 1, "y": 2}, False),
        ([{"type": "A"}], [{"type": "A", "new": 1}], True),
        ([1], [1, 2], False),
        (0, False, False),
        (None, {"type": "A"}, False),
    ],
)
def test_a_component_may_lack_options_but_have_no_others(given, ours, is_same):
    assert agrees(given, ours) == is_same
