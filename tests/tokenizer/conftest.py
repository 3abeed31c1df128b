"""Two small tokenizers of ours, trained once on a text of many scripts, and small foreign ones as folders."""

import functools
import json
from types import SimpleNamespace

import pytest
from tokenizers import Tokenizer as Engine
from tokenizers import models, normalizers, pre_tokenizers, trainers
from transformers import BertTokenizerFast, GPT2TokenizerFast, OpenAIGPTTokenizerFast

from twinlm.system.log import Silent
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


BERT_OPTIONS = {
    "bert uncased": {},
    "bert cased": {"do_lower_case": False},
    "bert uncased with accents": {"strip_accents": False},
    "bert cased without accents": {"do_lower_case": False, "strip_accents": True},
    "bert with whole Chinese words": {"tokenize_chinese_chars": False},
}
TEMPLATES = dict.fromkeys(BERT_OPTIONS, "encoder") | {"gpt2": "decoder", "gpt1": "decoder"}


def bert_vocabulary():
    """As BERT's: special tokens after others, and words, characters and their forms inside words."""
    characters = sorted({character for text in TEXTS for character in text + text.lower()} - {" "})
    characters += ["e", "\u0301", "\u00df", "\u4e16\u754c"]
    words = ["the", "The", "fox", "quick", "cafes", "##s", "##ly", "un", "##aff", "##able", "isn"]
    inside = [f"##{character}" for character in characters]
    tokens = ["[PAD]", "[unused0]", "[unused1]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *characters, *inside]
    return {token: number for number, token in enumerate(dict.fromkeys([*tokens, *words]))}


def bpe(before, normalizer=None, **options):
    """Return vocabulary and merges that the library learns from `TEXTS`."""
    model_options = {name: value for name, value in options.items() if name != "initial_alphabet"}
    engine = Engine(models.BPE(**model_options))
    engine.pre_tokenizer, engine.normalizer = before, normalizer
    first = [options["unk_token"]] if "unk_token" in options else []
    alphabet = options.get("initial_alphabet", [])
    suffix = {key: value for key, value in model_options.items() if key == "end_of_word_suffix"}
    trainer = trainers.BpeTrainer(
        vocab_size=420, special_tokens=first, initial_alphabet=alphabet, show_progress=False, **suffix
    )
    engine.train_from_iterator(TEXTS, trainer)
    model = json.loads(engine.to_str())["model"]
    return model["vocab"], [tuple(pair) for pair in model["merges"]]


@functools.cache
def gpt2_parts():
    before = pre_tokenizers.ByteLevel(add_prefix_space=False)
    vocabulary, merges = bpe(before, initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    return {**vocabulary, "<|endoftext|>": len(vocabulary)}, merges


# The library numbers word ends in the order of a hash map: other numbers each time.
@functools.cache
def gpt1_parts():
    return bpe(
        pre_tokenizers.BertPreTokenizer(),
        normalizers.BertNormalizer(lowercase=True),
        unk_token="<unk>",
        end_of_word_suffix="</w>",
    )


def write_legacy(folder, name):
    """Write the files that were there before tokenizer.json."""
    folder.mkdir()
    if name in BERT_OPTIONS:
        vocabulary = bert_vocabulary()
        lines = "".join(f"{token}\n" for token in sorted(vocabulary, key=vocabulary.get))
        (folder / "vocab.txt").write_text(lines, encoding="utf-8")
        (folder / "tokenizer_config.json").write_text(json.dumps(BERT_OPTIONS[name]))
        return
    vocabulary, merges = gpt2_parts() if name == "gpt2" else gpt1_parts()
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    lines = "".join(f"{left} {right}\n" for left, right in merges)
    (folder / "merges.txt").write_text("#version: 0.2\n" + lines, encoding="utf-8")


def theirs(name):
    """Return transformers' tokenizer."""
    if name in BERT_OPTIONS:
        return BertTokenizerFast(vocab=bert_vocabulary(), **BERT_OPTIONS[name])
    vocabulary, merges = gpt2_parts() if name == "gpt2" else gpt1_parts()
    kind = GPT2TokenizerFast if name == "gpt2" else OpenAIGPTTokenizerFast
    return kind(vocab=vocabulary, merges=merges)


@pytest.fixture(scope="session")
def small_foreign(tmp_path_factory):
    """Return a function from a name to a small foreign tokenizer.

    It has transformers' own object (`client`), a folder that this saved (`whole`) and one of the files that
    there were before tokenizer.json (`legacy`).
    """

    @functools.cache
    def make(name):
        folder = tmp_path_factory.mktemp("foreign")
        client = theirs(name)
        client.save_pretrained(folder / "whole")
        write_legacy(folder / "legacy", name)
        places = {"whole": folder / "whole", "legacy": folder / "legacy"}
        return SimpleNamespace(name=name, template=TEMPLATES[name], client=client, **places)

    return make


@pytest.fixture(scope="session", params=TEMPLATES)
def foreign(request, small_foreign):
    """Return each small foreign tokenizer in turn."""
    return small_foreign(request.param)
