"""A tokenizer in use, and its files as transformers reads them."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from transformers import AutoTokenizer

from twinlm.system import storage
from twinlm.system.log import Silent
from twinlm.tokenizer import SPECIAL_TOKENS, Tokenizer, train_tokenizer

WORLD = [
    "Hello, world! It's 3.14 \u2013 isn't it?",
    "  two  spaces,\ttab\r\nand lines\n\n\n",
    "\u0627\u0644\u0633\u0644\u0627\u0645 \u05e9\u05dc\u05d5\u05dd \u200f.",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466 \u2764\ufe0f \U0001f1e9\U0001f1ea",
    "e\u0301 \u00e9 n\u0303\u0303 Z\u0351\u036b\u0343",
    "\U00020000\U0001d400 \u4f60\u597d \ud55c\uad6d\uc5b4 \u3042\u308a",
    "\x00\x01\x7f\ufeff\u2028\u00a0\u3000 \ufffd",
    "##ing ##",
    " ".join(SPECIAL_TOKENS) + "".join(SPECIAL_TOKENS),
    "",
]


def text_without_surrogates():
    return st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


@given(text=text_without_surrogates() | st.sampled_from(WORLD))
@example(text="a" * 70 + " " * 40)
def test_byte_bpe_gives_every_text_back(byte_bpe, text):
    tokens = byte_bpe.encode(text)
    assert byte_bpe.decode(tokens) == text
    assert all(len(SPECIAL_TOKENS) <= token < byte_bpe.vocab_size for token in tokens)
    assert byte_bpe.count_unknown(tokens) == 0


@given(text=text_without_surrogates() | st.sampled_from(WORLD))
def test_wordpiece_makes_no_special_token_but_unknown_from_text(wordpiece, text):
    tokens = wordpiece.encode(text)
    unknown = wordpiece.specials.unknown
    assert all(token == unknown or len(SPECIAL_TOKENS) <= token < wordpiece.vocab_size for token in tokens)
    assert wordpiece.count_unknown(tokens) == tokens.count(unknown)


def test_lowercase_wordpiece_gives_back_folded_text():
    texts = ["The brown dog, the fox!", "caf\u00e9"]
    made = train_tokenizer(texts, algorithm="wordpiece", vocab_size=99, lowercase=True, progress=Silent())
    assert made.decode(made.encode("The BROWN d\u00f3g, the   fox!")) == "the brown dog, the fox!"


def test_cased_wordpiece_keeps_case_and_accents():
    text = "Der B\u00e4r und der Bar"
    made = train_tokenizer([text], algorithm="wordpiece", vocab_size=99, lowercase=False, progress=Silent())
    assert made.decode(made.encode(text)) == text
    assert made.count_unknown(made.encode("DER")) == 1


def test_lowercase_byte_bpe_folds_case_only():
    text = "The Caf\u00c9"
    made = train_tokenizer([text], algorithm="byte-bpe", vocab_size=300, lowercase=True, progress=Silent())
    assert made.decode(made.encode(text)) == text.lower()


def test_chinese_characters_are_words_of_their_own(wordpiece):
    tokens = wordpiece.encode("\u4f60\u597d")
    assert [wordpiece.token(token) for token in tokens] == ["\u4f60", "\u597d"]


def test_a_batch_is_encoded_like_its_texts(either):
    assert either.encode_batch(WORLD) == [either.encode(text) for text in WORLD]
    assert either.encode_batch([]) == []


def test_decoding_leaves_special_tokens_out_unless_told(either):
    ids = either.specials
    tokens = [ids.cls, *either.encode("the fox"), ids.sep, ids.pad]
    assert either.decode(tokens) == "the fox"
    assert either.decode([ids.unknown]) == "[UNK]"
    kept = either.decode(tokens, keep_special=True)
    assert kept.startswith("[CLS]") and kept.endswith("[PAD]")


def test_tokens_are_shown_as_people_read_them(byte_bpe, wordpiece):
    fox = byte_bpe.encode("the fox")[-1]
    assert byte_bpe.token(fox) == "\u0120fox"
    assert byte_bpe.display(fox) == " fox"
    assert byte_bpe.display(byte_bpe.specials.mask) == "[MASK]"
    inside = next(n for n in range(wordpiece.vocab_size) if wordpiece.token(n).startswith("##"))
    assert wordpiece.display(inside) == wordpiece.token(inside)[2:]
    with pytest.raises(AssertionError):
        byte_bpe.token(byte_bpe.vocab_size)


def test_a_tokenizer_comes_back_from_its_folder(either, tmp_path):
    for template in (None, "encoder", "decoder"):
        folder = tmp_path / str(template)
        storage.publish_folder(folder, either.to_files(template=template))
        back = Tokenizer.from_folder(folder)
        assert back.fingerprint == either.fingerprint
        assert (back.algorithm, back.vocab_size) == (either.algorithm, either.vocab_size)
        assert back.encode_batch(WORLD) == either.encode_batch(WORLD)
        assert back.to_files(template=template) == either.to_files(template=template)


def test_fingerprints_tell_tokenizers_apart(byte_bpe, wordpiece):
    def fingerprint(texts, lowercase):
        made = train_tokenizer(
            texts, algorithm="byte-bpe", vocab_size=270, lowercase=lowercase, progress=Silent()
        )
        return made.fingerprint

    variants = [fingerprint(["ab ab"], False), fingerprint(["ab ab"], True), fingerprint(["abc ab"], False)]
    assert len({*variants, byte_bpe.fingerprint, wordpiece.fingerprint}) == 5


def test_vocab_txt_lists_the_tokens_of_wordpiece_by_number(wordpiece, byte_bpe):
    lines = wordpiece.to_files()["vocab.txt"].decode().splitlines()
    assert lines == [wordpiece.token(number) for number in range(wordpiece.vocab_size)]
    assert "vocab.txt" not in byte_bpe.to_files()


def test_the_configuration_names_the_special_tokens_and_the_length(either):
    files = either.to_files(template="encoder", max_length=77)
    configuration = json.loads(files["tokenizer_config.json"])
    assert configuration["tokenizer_class"] == "PreTrainedTokenizerFast"
    assert configuration["model_max_length"] == 77
    assert configuration["mask_token"] == "[MASK]"
    assert "token_type_ids" in configuration["model_input_names"]


def test_a_decoder_is_given_no_segments_since_gpt_1_would_add_their_numbers_as_tokens(either):
    configuration = json.loads(either.to_files(template="decoder")["tokenizer_config.json"])
    assert configuration["model_input_names"] == ["input_ids", "attention_mask"]


@pytest.mark.parametrize("template", ["encoder", "decoder"])
def test_transformers_gives_equal_tokens_alone_in_pairs_and_saved_again(either, template, tmp_path):
    storage.publish_folder(tmp_path / "ours", either.to_files(template=template, max_length=64))
    theirs = AutoTokenizer.from_pretrained(tmp_path / "ours")
    theirs.save_pretrained(tmp_path / "again")
    ids = either.specials
    # transformers takes an empty second text for none, and special tokens in a text for themselves.
    texts = [text for text in WORLD if text and "[MASK]" not in text]
    for read in (theirs, AutoTokenizer.from_pretrained(tmp_path / "again")):
        assert read.model_max_length == 64
        assert (read.pad_token_id, read.unk_token_id, read.mask_token_id) == (ids.pad, ids.unknown, ids.mask)
        for text, other in zip(texts, texts[::-1], strict=True):
            a, b = either.encode(text), either.encode(other)
            single, pair = read(text), read(text, other)
            assert read(text, add_special_tokens=False)["input_ids"] == a
            assert read.decode(a) == either.decode(a)
            if template == "encoder":
                assert single["input_ids"] == [ids.cls, *a, ids.sep]
                assert pair["input_ids"] == [ids.cls, *a, ids.sep, *b, ids.sep]
                assert pair["token_type_ids"] == [0] * (len(a) + 2) + [1] * (len(b) + 1)
            else:
                assert single["input_ids"] == [ids.start, *a]
                assert pair["input_ids"] == [ids.start, *a, ids.delimiter, *b]
                assert "token_type_ids" not in pair


def test_transformers_finds_the_mask_in_text_as_its_fill_mask_needs(either, tmp_path):
    storage.publish_folder(tmp_path / "ours", either.to_files(template="encoder"))
    theirs = AutoTokenizer.from_pretrained(tmp_path / "ours")
    assert theirs("the [MASK]")["input_ids"].count(either.specials.mask) == 1
    assert either.encode("the [MASK]").count(either.specials.mask) == 0


def test_words_begin_after_a_space_or_without_the_mark_of_a_continuation(byte_bpe, wordpiece):
    for made in (byte_bpe, wordpiece):
        text = "the quick foxes\nleap quickly"
        tokens = made.encode(text)
        starts = [number for number, token in enumerate(tokens) if made.begins_word_V[token]]
        words = [
            made.decode(tokens[begin:end]) for begin, end in zip(starts, [*starts[1:], None], strict=True)
        ]
        # The first word of a byte-level text has no space before it: `data/sequences/mask_units.py` sees to
        # that.
        assert [word.strip() for word in words][-4:] == ["quick", "foxes", "leap", "quickly"]
        assert made.begins_word_V.shape == (made.vocab_size,)
    assert sum(wordpiece.token(token).startswith("##") for token in wordpiece.encode("foxes quickly")) > 0
