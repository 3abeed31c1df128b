"""Foreign folders that are damaged, hostile or not supported: each is refused at once, with the reason."""

import codecs
import copy
import json
import os
import shutil
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer as Engine

from twinlm.errors import ModelError
from twinlm.tokenizer import Tokenizer, read_foreign

EVIL = {"Regex": "(a+)+$"}
BERT, GPT2, GPT1 = "bert uncased", "gpt2", "gpt1"


@pytest.fixture
def refuses_at_once(watched):
    """Return a function: a folder is refused in seconds, and nothing is run or opened outside of it."""

    codecs.lookup("utf-8-sig")  # imported where it is first needed

    def refuses(folder, because, template="encoder"):
        begin = time.process_time()
        with watched(folder), pytest.raises(ModelError, match=because) as caught:
            read_foreign(folder, template=template)
        assert time.process_time() - begin < 5
        assert caught.value.exit_code == 4
        assert len(str(caught.value)) < 1500

    return refuses


def set_in(*keys, to):
    """Return a change of one value of a description, found by its keys."""

    def change(made):
        place = made
        for key in keys[:-1]:
            place = place[key]
        place[keys[-1]] = to

    return change


def add_token(**about):
    token = {"content": "<x>", "special": True, "normalized": False}
    flags = {"single_word": False, "lstrip": False, "rstrip": False}

    def change(made):
        number = len(made["model"]["vocab"])
        made["added_tokens"].append({"id": number, **token, **flags, **about})

    return change


def set_size(count):
    """Return a change to a vocabulary of so many tokens; making a huge one takes a second."""

    def change(made):
        made["model"]["vocab"] = {f"t{number}": number for number in range(count)}

    return change


MADE_OF = {"type": "Sequence", "normalizers": [{"type": "NFC"}]}
CUT_BY = {"type": "Split", "pattern": EVIL, "behavior": "Isolated", "invert": False}
CHANGES = {
    # The foreign tokenizer, what is changed in its tokenizer.json, and what the message says.
    "no model": (BERT, lambda made: made.pop("model"), "malformed"),
    "a model that is a list": (BERT, set_in("model", to=[1]), "malformed"),
    "Unigram": (BERT, set_in("model", "type", to="Unigram"), "'Unigram'.*not supported.*WordPiece"),
    "WordLevel": (BERT, set_in("model", "type", to="WordLevel"), "'WordLevel'.*not supported"),
    "a type that is a list": (BERT, set_in("model", "type", to=[[]]), "malformed"),
    "a prefix of their own": (BERT, set_in("model", "continuing_subword_prefix", to="@@"), "model.*'@@'"),
    "endless words": (BERT, set_in("model", "max_input_chars_per_word", to=10**9), "model.*1000000000"),
    "an unknown token that is none": (BERT, set_in("model", "unk_token", to="<?>"), "'<.>' is not in"),
    "an unknown token that is a number": (BERT, set_in("model", "unk_token", to=3), "3 is not in"),
    "a gap in the ids": (BERT, set_in("model", "vocab", "the", to=99_999), "are not 0 to"),
    "an id twice": (BERT, set_in("model", "vocab", "the", to=7), "are not 0 to"),
    "an id that is text": (BERT, set_in("model", "vocab", "the", to="7"), "malformed"),
    "a negative id": (BERT, set_in("model", "vocab", "the", to=-1), "are not 0 to"),
    "an empty vocabulary": (BERT, set_in("model", "vocab", to={}), "not in the vocabulary"),
    "a vocabulary that is a list": (BERT, set_in("model", "vocab", to=["a"]), "malformed"),
    "a huge vocabulary": (BERT, set_size(1_000_001), "1,000,001 tokens is larger"),
    "a token of a megabyte": (BERT, set_in("model", "vocab", "a" * 10**6, to=0), "ids"),
    "half a character": (BERT, lambda made: rename(made, "the", "\ud800"), "surrogates not allowed"),
    "a line feed in a token": (BERT, lambda made: rename(made, "the", "t\ne"), "line feed"),
    "a precompiled normalizer": (
        BERT,
        set_in("normalizer", to={"type": "Precompiled", "precompiled_charsmap": "AAAA"}),
        "normalizer.*Precompiled.*BertNormalizer",
    ),
    "a sequence of normalizers": (BERT, set_in("normalizer", to=MADE_OF), "normalizer.*Sequence"),
    "no normalizer": (BERT, set_in("normalizer", to=None), "normalizer"),
    "a normalizer without lowercase": (BERT, lambda made: made["normalizer"].pop("lowercase"), "malformed"),
    "a normalizer that is text": (BERT, set_in("normalizer", to="lower"), "malformed"),
    "an option of the normalizer": (BERT, set_in("normalizer", "fold_kana", to=True), "fold_kana"),
    "a lowercase that is text": (BERT, set_in("normalizer", "lowercase", to="yes"), "normalizer.*yes"),
    "words cut by a pattern": (BERT, set_in("pre_tokenizer", to=CUT_BY), "'Split'.*not supported"),
    "no pre-tokenizer": (BERT, set_in("pre_tokenizer", to=None), "None.*not supported"),
    "Metaspace": (GPT2, set_in("pre_tokenizer", to={"type": "Metaspace"}), "'Metaspace'.*not supported"),
    "an option of the pre-tokenizer": (BERT, set_in("pre_tokenizer", "x", to=1), "pre_tokenizer.*'x'"),
    "a post-processor of their own": (BERT, set_in("post_processor", to={"type": "Evil"}), "'Evil'"),
    "a post-processor that is a list": (BERT, set_in("post_processor", to=[1]), "malformed"),
    "a decoder of their own": (BERT, set_in("decoder", to={"type": "Replace", "pattern": EVIL}), "'Replace'"),
    "an unknown part": (BERT, set_in("hooks", to=[1]), "'hooks' is not a part"),
    "a newer format": (BERT, set_in("version", to="2.0"), "format '2.0'"),
    "an added word that is not special": (
        BERT,
        add_token(content="foxes", special=False),
        "'foxes'.*special",
    ),
    "an added token far off": (BERT, add_token(id=10**6), "can't have id 1000000"),
    "an added token on another's id": (BERT, add_token(id=0), "can't have id 0"),
    "an added token twice": (
        BERT,
        lambda made: made["added_tokens"].append(made["added_tokens"][0]),
        "twice",
    ),
    "an added token with another id": (BERT, set_in("added_tokens", 1, "id", to=40), "can't have id 40"),
    "an added token that is a number": (BERT, add_token(content=5), "malformed"),
    "an added token without text": (BERT, add_token(content=""), "can't have id"),
    "an added token of a megabyte": (BERT, add_token(content="x" * 10**6), "can't have id"),
    "added tokens that are no list": (BERT, set_in("added_tokens", to={"a": 1}), "malformed"),
    "a space before the first word": (
        GPT2,
        set_in("pre_tokenizer", "add_prefix_space", to=True),
        "pre_tokenizer.*'add_prefix_space': True",
    ),
    "no pattern": (GPT2, set_in("pre_tokenizer", "use_regex", to=False), "pre_tokenizer.*'use_regex': False"),
    "a lowercase GPT-2": (GPT2, set_in("normalizer", to={"type": "Lowercase"}), "normalizer.*Lowercase"),
    "a byte without a token": (GPT2, lambda made: rename(made, "\u0122", "qqq"), "1 of the 256 bytes"),
    "chance in merging": (GPT2, set_in("model", "dropout", to=0.5), "model.*'dropout': 0.5"),
    "merges passed over": (GPT2, set_in("model", "ignore_merges", to=True), "model.*'ignore_merges': True"),
    "an end of words": (GPT2, set_in("model", "end_of_word_suffix", to="</w>"), "model.*</w>"),
    "a merge into nothing": (GPT2, set_in("model", "merges", 0, to=["a", "\u0120"]), "merge of 'a'"),
    "a merge of nothing": (GPT2, set_in("model", "merges", 0, to=["qqqq", "q"]), "merge of 'qqqq'"),
    "a merge of three": (GPT2, set_in("model", "merges", 0, to=["a", "b", "c"]), "malformed"),
    "a merge of three as text": (GPT2, set_in("model", "merges", 0, to="a b c"), "malformed"),
    "a merge of objects": (GPT2, set_in("model", "merges", 0, to=[{}, {}]), "malformed"),
    "merges that are a number": (GPT2, set_in("model", "merges", to=7), "malformed"),
    "twinlm's words in a foreign vocabulary": (
        GPT2,
        set_in("pre_tokenizer", to={"type": "Sequence", "pretokenizers": [CUT_BY]}),
        "must begin with",
    ),
    "GPT-1 without an end of words": (GPT1, lambda made: made["model"].pop("end_of_word_suffix"), "model"),
    "GPT-1 with unknowns made one": (GPT1, set_in("model", "fuse_unk", to=True), "'fuse_unk': True"),
    "GPT-1 without an unknown token": (GPT1, set_in("model", "unk_token", to=None), "None is not in"),
}


def rename(made, old, new):
    vocabulary = made["model"]["vocab"]
    vocabulary[new] = vocabulary.pop(old)


@pytest.mark.parametrize(
    ("foreign", "change", "because"), CHANGES.values(), ids=CHANGES.keys(), indirect=["foreign"]
)
def test_a_tokenizer_json_that_is_not_supported_is_refused(
    foreign, change, because, tmp_path, refuses_at_once
):
    made = json.loads((foreign.whole / "tokenizer.json").read_text())
    change(made)
    (tmp_path / "tokenizer.json").write_text(json.dumps(made))
    refuses_at_once(tmp_path, because, foreign.template)


def put(name, data):
    """Return a change of a folder: a file with these bytes."""

    def change(folder):
        (folder / name).write_bytes(data if isinstance(data, bytes) else json.dumps(data).encode())

    return change


def in_line(number, data, name="vocab.txt"):
    """Return a change of one line of a file."""

    def change(folder):
        lines = (folder / name).read_bytes().split(b"\n")
        lines[number - 1] = data
        (folder / name).write_bytes(b"\n".join(lines))

    return change


def in_merges(number, data):
    return in_line(number, data, "merges.txt")


def link_out(name):
    def change(folder):
        secret = folder.parent / "secret"
        secret.write_text("root:x:0:0")
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(secret)

    return change


def link_round(folder):
    (folder / "vocab.txt").unlink()
    (folder / "vocab.txt").symlink_to("vocab.txt")


def pipe(folder):
    (folder / "vocab.json").unlink()
    os.mkfifo(folder / "vocab.json")


def huge(folder):
    with (folder / "vocab.txt").open("wb") as file:
        file.truncate(64 * 2**20 + 1)


DEEP = b"[" * 100_000 + b"]" * 100_000
FOLDERS = {
    # The foreign tokenizer in its older files, what is changed, and what the message says.
    "a token twice": (BERT, in_line(9, b"[CLS]"), r"txt:5: the token '\[CLS\]' appears twice"),
    "no UTF-8": (BERT, in_line(9, b"\xff\xfe"), "not UTF-8"),
    "an empty line": (
        BERT,
        in_line(9, b""),
        r"vocab\.txt:9: the line is blank, where the token of id 8 is exp",
    ),
    "two empty lines": (BERT, in_line(9, b"\n\r"), r"vocab\.txt:9: the line is blank"),
    "an empty line of merges": (GPT2, in_merges(4, b""), r"merges\.txt:4: '' is no pair of tokens"),
    "three parts of a merge": (GPT1, in_merges(5, b"a b c"), r"merges\.txt:5: 'a b c' is no pair of tokens"),
    "half a merge": (GPT2, in_merges(2, b" b"), r"merges\.txt:2: ' b' is no pair of tokens"),
    "no unknown token": (BERT, in_line(4, b"[unused7]"), r"'\[UNK\]' is not in the vocabulary"),
    "a line of a megabyte": (BERT, in_line(9, b"x" * 10**6), "longer than 1,000"),
    "an empty vocab.txt": (BERT, put("vocab.txt", b""), r"'\[UNK\]' is not in the vocabulary"),
    "a file too large": (BERT, huge, "67,108,865 bytes, more than"),
    "a link out of the folder": (BERT, link_out("vocab.txt"), "link leads out of the folder"),
    "another link out of the folder": (BERT, link_out("added_tokens.json"), "link leads out of the folder"),
    "a link to itself": (BERT, link_round, "can't read the file"),
    "a nested configuration": (BERT, put("tokenizer_config.json", DEEP), "not JSON"),
    "a configuration that is a list": (BERT, put("tokenizer_config.json", b"[1]"), "found a list"),
    "a role that is a number": (BERT, put("special_tokens_map.json", {"pad_token": 5}), "must be a text"),
    "a role that is a list": (BERT, put("tokenizer_config.json", {"mask_token": ["x"]}), "must be a text"),
    "case that is text": (BERT, put("tokenizer_config.json", {"do_lower_case": "no"}), "normalizer"),
    "an unknown added token": (BERT, put("added_tokens.json", {"foxes": 5}), "'foxes' is in no other file"),
    "added tokens by letters": (
        BERT,
        put("tokenizer_config.json", {"added_tokens_decoder": {"x": {"content": "<x>", "special": True}}}),
        "malformed",
    ),
    "added tokens that contradict": (
        BERT,
        put("tokenizer_config.json", {"added_tokens_decoder": {"9": {"content": "[CLS]", "special": True}}}),
        "can't have id 9",
    ),
    "added tokens that are a number": (
        BERT,
        put("tokenizer_config.json", {"added_tokens_decoder": 5}),
        "malformed",
    ),
    "a broken tokenizer.json beside good files": (BERT, put("tokenizer.json", b"{"), "not JSON"),
    "a nested vocabulary": (GPT2, put("vocab.json", DEEP), "not JSON"),
    "a huge number": (GPT2, put("vocab.json", b'{"a": ' + b"9" * 10_000 + b"}"), "not JSON"),
    "not a number": (GPT2, put("vocab.json", b'{"a": NaN, "<unk>": 0}'), "NaN is not a number"),
    "no merges": (GPT2, lambda folder: (folder / "merges.txt").unlink(), "merges.txt: the file is missing"),
    "a pipe": (GPT2, pipe, "vocab.json: this is not a regular file"),
    "merges without an end": (
        GPT2,
        put("merges.txt", b"#version: 0.2\n\n\xc4\xa0 t\n"),
        r"merges\.txt:2: '' is no pair of tokens",
    ),
    "a merge of one": (
        GPT2,
        put("merges.txt", b"#version: 0.2\nth\n"),
        r"merges\.txt:2: 'th' is no pair of tokens",
    ),
    "a merge that gives no token": (GPT2, put("merges.txt", b"q q\n"), "merge of 'q' and 'q'"),
    "GPT-1 with nothing for the unknown": (GPT1, put("vocab.json", {"a</w>": 0}), "'<unk>' is not in"),
    "a token twice in vocab.json": (GPT2, put("vocab.json", b'{"a": 0, "a": 1}'), "'a' appears twice"),
    "a vocabulary of lists": (GPT1, put("vocab.json", {"<unk>": [0]}), "are not 0 to"),
}


@pytest.mark.parametrize(
    ("foreign", "change", "because"), FOLDERS.values(), ids=FOLDERS.keys(), indirect=["foreign"]
)
def test_older_files_that_are_damaged_are_refused(foreign, change, because, tmp_path, refuses_at_once):
    folder = tmp_path / "folder"
    shutil.copytree(foreign.legacy, folder)
    change(folder)
    refuses_at_once(folder, because, foreign.template)


JSON_FILES = ["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"]


@pytest.mark.parametrize("foreign", [BERT], indirect=True)
@pytest.mark.parametrize("name", JSON_FILES)
def test_each_json_file_is_read_strictly(foreign, name, tmp_path, refuses_at_once):
    folder = tmp_path / "folder"
    shutil.copytree(foreign.legacy, folder)
    for data, because in {
        b'{"x": NaN}': "NaN is not a number",
        b'{"x": -Infinity}': "Infinity is not a number",
        b'{"x": 1, "y": {"a": 1, "a": 1}}': "the key 'a' appears twice",
        b'{"x": "\xff"}': "can't decode",
        DEEP: "nested too deeply",
    }.items():
        (folder / name).write_bytes(data)
        refuses_at_once(folder, f"{name}: this is not JSON: .*{because}", foreign.template)


def test_a_folder_without_a_tokenizer_and_one_that_is_not_there_are_refused(tmp_path, refuses_at_once):
    refuses_at_once(tmp_path, "there is no tokenizer here.*vocab.txt")
    refuses_at_once(tmp_path / "nowhere", "there is no such folder")


@pytest.mark.parametrize("foreign", [BERT], indirect=True)
def test_links_of_hugging_faces_own_download_are_followed(foreign, tmp_path):
    blobs, snapshot = tmp_path / "blobs", tmp_path / "snapshots" / "0123abc"
    blobs.mkdir()
    snapshot.mkdir(parents=True)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(foreign.whole / name, blobs / f"hash-{name}")
        (snapshot / name).symlink_to(f"../../blobs/hash-{name}")
    assert read_foreign(snapshot, template="encoder").vocab_size == len(foreign.client)


@pytest.mark.parametrize("foreign", [GPT2], indirect=True)
def test_a_model_folder_whose_roles_were_changed_is_refused(foreign, tmp_path):
    ours = read_foreign(foreign.whole, template="decoder")
    files = ours.to_files(template="decoder")
    changes = {
        "a token that there is not": {"bos_token": "<other>"},
        "another token": {"bos_token": "fox"},
        "no start": {"bos_token": None},
        "a number": {"bos_token": 5},
        "an encoder": {"mask_token": "<extract>"},
        "another padding": {"pad_token": "<extract>"},
    }
    for name, change in changes.items():
        folder = tmp_path / name
        folder.mkdir()
        configuration = json.loads(files["tokenizer_config.json"]) | change
        put("tokenizer.json", files["tokenizer.json"])(folder)
        put("tokenizer_config.json", configuration)(folder)
        with pytest.raises(ModelError, match="not made by twinlm"):
            Tokenizer.from_folder(folder)
    (folder / "tokenizer_config.json").unlink()
    with pytest.raises(ModelError, match="not made by twinlm"):
        Tokenizer.from_folder(folder)


@pytest.mark.parametrize("foreign", [BERT, GPT2, GPT1], indirect=True)
@given(data=st.data())
def test_a_file_with_one_part_replaced_is_refused_or_gives_the_ids_that_it_says(
    tmp_path_factory, foreign, data
):
    made = json.loads((foreign.whole / "tokenizer.json").read_text())
    whole, place = copy.deepcopy(made), made
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
    (folder / "tokenizer.json").write_text(json.dumps(made))
    try:
        back = read_foreign(folder, template=foreign.template)
    except ModelError:
        return
    # What we don't take from the file is there as it was, so that the library reads as much as it can.
    unused = {part: whole[part] for part in ("truncation", "padding", "post_processor", "decoder")}
    text = "The caf\u00e9 isn't \u4f60\u597d"
    assert back.encode(text) == ids_of_library(made | unused, text, otherwise=whole)


def ids_of_library(description, text, *, otherwise):
    """Return the ids that the library gives; a file that it can't read must mean what it meant before."""
    try:
        engine = Engine.from_str(json.dumps(description))
    except Exception:
        engine = Engine.from_str(json.dumps(otherwise))
    engine.encode_special_tokens = True
    engine.no_truncation()
    engine.no_padding()
    return engine.encode(text, add_special_tokens=False).ids
