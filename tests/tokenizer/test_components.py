"""What a description means, and whether it says what we built."""

from pathlib import Path

import pytest

from twinlm.errors import ModelError
from twinlm.tokenizer import Pipeline
from twinlm.tokenizer.components import agrees, recognise

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
