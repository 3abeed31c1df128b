"""Tokenizers of other people's models: BERT's, GPT-2's and GPT-1's, from the files of a Hugging Face folder.

Every id is as transformers gives it. What is not taken from the files: truncation and padding, the special
tokens put around a text (`data/sequences/packing.py` does that), the decoder's options, and how added
special tokens are found in text: their literals are text here. Anything else that this package does not have
is refused.
"""

from pathlib import Path
from typing import Any

from tokenizers import pre_tokenizers

from twinlm.errors import ModelError
from twinlm.system.bounded_json import check_inside, read_lines, read_object
from twinlm.tokenizer.checking import build, malformed, read_description
from twinlm.tokenizer.pipeline import WORD_END
from twinlm.tokenizer.specials import ROLE_KEYS, Template
from twinlm.tokenizer.tokenizer import Tokenizer

_WHOLE, _LINES, _NUMBERS, _MERGES = "tokenizer.json", "vocab.txt", "vocab.json", "merges.txt"
_CONFIGURATION, _LEGACY_ROLES, _LEGACY_ADDED = (
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
)
_FILES = [_WHOLE, _LINES, _NUMBERS, _MERGES, _CONFIGURATION, _LEGACY_ROLES, _LEGACY_ADDED]
_PARTS = {
    *("version", "truncation", "padding", "added_tokens", "normalizer", "pre_tokenizer", "post_processor"),
    *("decoder", "model"),
}
_TEMPLATES = {"BertProcessing", "TemplateProcessing", "RobertaProcessing", "ByteLevel"}
_DECODERS = {"WordPiece", "ByteLevel", "BPEDecoder"}
# transformers' names for BertNormalizer's options, and ours in tokenizer.json.
_OPTIONS = {
    "do_lower_case": "lowercase",
    "strip_accents": "strip_accents",
    "tokenize_chinese_chars": "handle_chinese_chars",
}


def read_foreign(folder: Path, *, template: Template) -> Tokenizer:
    """Return the tokenizer of a Hugging Face folder, with exactly its ids.

    It is read from tokenizer.json; without one, from vocab.txt (BERT), or from vocab.json and merges.txt
    (GPT). What twinlm exported comes back as the very tokenizer that it was.

    Args:
        folder: of the model.
        template: "encoder" or "decoder": special tokens that such a model needs, and the vocabulary lacks,
            are put behind it; see `Tokenizer.added_tokens`.

    Raises:
        ModelError: files are missing or damaged, a link leads out of the folder, or they describe a tokenizer
            that is not supported.
    """
    check_inside(folder, _FILES)
    configuration = _optional(folder / _CONFIGURATION)
    named = _named_roles({**_optional(folder / _LEGACY_ROLES), **configuration}, folder / _CONFIGURATION)
    file = _main_file(folder)
    try:
        description = _READERS[file.name](file, configuration, named)
        _check_options(description["normalizer"], description["pre_tokenizer"], configuration, folder)
        _join_added_tokens(description, configuration, folder)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise malformed(file) from error
    built = build(description, file, named=named, template=template)
    return Tokenizer(built.engine, built.pipeline, built.specials, added_tokens=built.added_tokens)


def _main_file(folder: Path) -> Path:
    for name in (_WHOLE, _LINES, _NUMBERS):
        if (folder / name).exists():
            return folder / name
    raise ModelError(
        "there is no tokenizer here",
        file=folder,
        hint=f"a folder needs {_WHOLE}, or {_LINES}, or {_NUMBERS} with {_MERGES}",
    )


def _optional(file: Path) -> dict[str, Any]:
    return read_object(file) if file.exists() else {}


def _named_roles(configuration: dict[str, Any], file: Path) -> dict[str, str]:
    """Return the tokens that a configuration names for roles; each is text, or an object with its text."""
    named = {}
    for role, key in ROLE_KEYS.items():
        value = configuration.get(key)
        token = value.get("content") if isinstance(value, dict) else value
        if not isinstance(token, str | None):
            raise ModelError(f"{key} must be a text, not {token!r}"[:200], file=file)
        if token is not None:
            named[role] = token
    return named


def _from_whole(file: Path, configuration: dict[str, Any], named: dict[str, str]) -> dict[str, Any]:
    """Return the description of a tokenizer.json without what is not taken from it."""
    description = read_description(file)
    if unknown := description.keys() - _PARTS:
        raise ModelError(f"{sorted(unknown)[0]!r:.60} is no part of a tokenizer", file=file)
    if description.get("version") != "1.0":
        raise ModelError(f"format {description.get('version')!r:.60} is not supported", file=file)
    after = description.get("post_processor")
    processors = [] if after is None else after.get("processors", [after])
    for processor in processors:
        if processor["type"] not in _TEMPLATES:
            message = f"the post_processor {processor['type']!r:.60} is not supported"
            raise ModelError(message, file=file, hint=f"supported are {', '.join(sorted(_TEMPLATES))}")
    decoder = description.get("decoder")
    if decoder is not None and decoder["type"] not in _DECODERS:
        message = f"the decoder {decoder['type']!r:.60} is not supported"
        raise ModelError(message, file=file, hint=f"supported are {', '.join(sorted(_DECODERS))}")
    model = description["model"]
    if "merges" in model:
        # Older files write each pair as one text.
        model["merges"] = [pair.split(" ") if isinstance(pair, str) else pair for pair in model["merges"]]
    return {"normalizer": None, "pre_tokenizer": None, "added_tokens": [], **description}


def _from_lines(file: Path, configuration: dict[str, Any], named: dict[str, str]) -> dict[str, Any]:
    """Return the description of a BERT's vocab.txt: one token a line, and options beside it."""
    lines = read_lines(file)
    vocabulary = {token: number for number, token in enumerate(lines)}
    if len(vocabulary) < len(lines):
        line = next(number for number, token in enumerate(lines, 1) if vocabulary[token] != number - 1)
        raise ModelError(f"the token {lines[line - 1]!r:.60} is there twice", file=file, line=line)
    options = {"do_lower_case": True, "tokenize_chinese_chars": True, "strip_accents": None}
    options |= {key: configuration[key] for key in options if key in configuration}
    return {
        "normalizer": {
            "type": "BertNormalizer",
            "clean_text": True,
            **{_OPTIONS[key]: value for key, value in options.items()},
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "model": {"type": "WordPiece", "unk_token": named.get("unknown", "[UNK]"), "vocab": vocabulary},
        "added_tokens": [],
    }


def _from_numbers(file: Path, configuration: dict[str, Any], named: dict[str, str]) -> dict[str, Any]:
    """Return the description of a GPT's vocab.json and merges.txt; GPT-2's has a token for each byte."""
    vocabulary = read_object(file)
    merges = [
        pair.split(" ") for pair in read_lines(file.with_name(_MERGES)) if not pair.startswith("#version")
    ]
    model = {"type": "BPE", "vocab": vocabulary, "merges": merges}
    if vocabulary.keys() >= set(pre_tokenizers.ByteLevel.alphabet()):
        before = {"type": "ByteLevel", "add_prefix_space": False}
        return {"normalizer": None, "pre_tokenizer": before, "model": model, "added_tokens": []}
    unknown = named.get("unknown", "<unk>")
    return {
        "normalizer": {
            "type": "BertNormalizer",
            "clean_text": True,
            "handle_chinese_chars": True,
            "lowercase": True,
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "model": {**model, "unk_token": unknown, "end_of_word_suffix": WORD_END},
        "added_tokens": [],
    }


_READERS = {_WHOLE: _from_whole, _LINES: _from_lines, _NUMBERS: _from_numbers}


def _check_options(normalizer: Any, before: Any, configuration: dict[str, Any], folder: Path) -> None:
    """Refuse a configuration that contradicts tokenizer.json: tools differ in which of them they believe."""
    pairs = [(key, normalizer, option) for key, option in _OPTIONS.items()]
    for key, component, option in [*pairs, ("add_prefix_space", before, "add_prefix_space")]:
        wanted = configuration.get(key)
        if wanted is None or not component or option not in component:
            continue
        given = component[option]
        if option == "strip_accents" and given is None:
            given = component["lowercase"]
        if given != wanted:
            message = f"{key} is {wanted!r:.60} here, but the tokenizer's own {option} is {given!r:.60}"
            raise ModelError(message, file=folder / _CONFIGURATION)


def _join_added_tokens(description: dict[str, Any], configuration: dict[str, Any], folder: Path) -> None:
    """Add the tokens that the configuration lists to those of the description; they must not contradict."""
    listed = {token["content"]: token for token in description["added_tokens"]}
    if len(listed) < len(description["added_tokens"]):
        raise ModelError("an added token is listed twice", file=folder / _WHOLE)
    for number, token in configuration.get("added_tokens_decoder", {}).items():
        also = {**token, "id": int(number)}
        if listed.setdefault(token["content"], also)["id"] != also["id"]:
            message = f"the added token {token['content']!r:.60} has two ids"
            raise ModelError(message, file=folder / _CONFIGURATION)
    known = {**description["model"]["vocab"], **{content: token["id"] for content, token in listed.items()}}
    for content, number in _optional(folder / _LEGACY_ADDED).items():
        if known.get(content) != number:
            raise ModelError(
                f"the added token {content!r:.60} is known nowhere else",
                file=folder / _LEGACY_ADDED,
                hint="save the tokenizer with transformers, so that there is a tokenizer.json",
            )
    description["added_tokens"] = list(listed.values())
