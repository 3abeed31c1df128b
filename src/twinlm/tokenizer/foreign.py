"""Tokenizers of other people's models: BERT's, GPT-2's and GPT-1's, from the files of a Hugging Face folder.

Every id is as transformers gives it. Not taken from the files: truncation and padding, the special tokens put
around a text (`data/sequences/packing.py` does that), the decoder's options, and how added special tokens are
matched in text: here their literals are text. Anything else that this package can't do is refused.
"""

from pathlib import Path
from typing import Any

from tokenizers import pre_tokenizers

from twinlm.errors import ModelError
from twinlm.system.foreign_folder import Folder
from twinlm.tokenizer.checking import LARGEST_BYTES, build, check_form, malformed
from twinlm.tokenizer.pipeline import LEADING_BLANK, WORD_END
from twinlm.tokenizer.specials import ROLE_KEYS, Template
from twinlm.tokenizer.tokenizer import Tokenizer

_WHOLE, _LINES, _NUMBERS, _MERGES = "tokenizer.json", "vocab.txt", "vocab.json", "merges.txt"
_CONFIGURATION, _ROLES, _ADDED = "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"
_PARTS = {
    *("version", "truncation", "padding", "added_tokens", "normalizer", "pre_tokenizer", "post_processor"),
    *("decoder", "model"),
}
_TYPES = {
    "post_processor": {"BertProcessing", "TemplateProcessing", "RobertaProcessing", "ByteLevel"},
    "decoder": {"WordPiece", "ByteLevel", "BPEDecoder"},
}
# transformers' names for BertNormalizer's options, and their names in tokenizer.json.
_OPTIONS = {
    "do_lower_case": "lowercase",
    "strip_accents": "strip_accents",
    "tokenize_chinese_chars": "handle_chinese_chars",
}


def read_foreign(folder: Path, *, template: Template, is_of_words: bool = False) -> Tokenizer:
    """Return the tokenizer of a Hugging Face folder, with exactly its ids.

    It is read from tokenizer.json; without one, from vocab.txt (BERT), or from vocab.json and merges.txt
    (GPT). A tokenizer that twinlm exported comes back unchanged. Special tokens that a model of this
    `template` needs and the vocabulary lacks are appended; see `Tokenizer.added_tokens`. `is_of_words` leaves
    out the blank that a tagger's tokenizer puts before each word, since we put it there ourselves.
    """
    files = Folder(folder)
    configuration = _optional(files, _CONFIGURATION)
    named = _named_roles({**_optional(files, _ROLES), **configuration}, folder / _CONFIGURATION)
    main = next((name for name in _READERS if name in files.names), None)
    if main is None:
        hint = f"a folder needs {_WHOLE}, or {_LINES}, or {_NUMBERS} with {_MERGES}"
        raise ModelError("there is no tokenizer here", file=folder, hint=hint)
    try:
        description = _READERS[main](files, configuration, named)
        if is_of_words:
            description["normalizer"] = _without_blank(description["normalizer"])
        _check_options(description["normalizer"], description["pre_tokenizer"], configuration, folder)
        _join_added_tokens(description, configuration, files)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise malformed(folder / main) from error
    return Tokenizer(*build(description, folder / main, named=named, template=template))


def _without_blank(normalizer: dict[str, Any] | None) -> dict[str, Any] | None:
    first, *others = [None] if normalizer is None else normalizer.get("normalizers", [normalizer])
    if first != LEADING_BLANK:
        return normalizer
    return others[0] if others else None


def _optional(files: Folder, name: str) -> dict[str, Any]:
    return files.read_json(name, LARGEST_BYTES) if name in files.names else {}


def _named_roles(configuration: dict[str, Any], file: Path) -> dict[str, str]:
    """Return the tokens that a configuration names for roles; each is a text, or an object with its text."""
    named = {}
    for role, key in ROLE_KEYS.items():
        value = configuration.get(key)
        token = value.get("content") if isinstance(value, dict) else value
        if not isinstance(token, str | None):
            raise ModelError(f"{key} must be a text, not {token!r}"[:200], file=file)
        if token is not None:
            named[role] = token
    return named


def _from_whole(files: Folder, configuration: dict[str, Any], named: dict[str, str]) -> dict[str, Any]:
    """Return the description of a tokenizer.json without the parts that are not taken from it."""
    file = files.path / _WHOLE
    description = files.read_json(_WHOLE, LARGEST_BYTES)
    check_form(description, file)
    if unknown := description.keys() - _PARTS:
        raise ModelError(f"{sorted(unknown)[0]!r:.60} is not a part of a tokenizer", file=file)
    if description.get("version") != "1.0":
        raise ModelError(f"format {description.get('version')!r:.60} is not supported", file=file)
    after, decoder = description.get("post_processor"), description.get("decoder")
    processors = [] if after is None else after.get("processors", [after])
    for part, components in (
        ("post_processor", processors),
        ("decoder", [] if decoder is None else [decoder]),
    ):
        for component in components:
            if component["type"] not in _TYPES[part]:
                message = f"the {part} {component['type']!r:.60} is not supported"
                raise ModelError(message, file=file, hint=f"supported are {', '.join(sorted(_TYPES[part]))}")
    model = description["model"]
    if "merges" in model:
        # Older files write each pair as one text.
        model["merges"] = [pair.split(" ") if isinstance(pair, str) else pair for pair in model["merges"]]
    return {"normalizer": None, "pre_tokenizer": None, "added_tokens": [], **description}


def _from_lines(files: Folder, configuration: dict[str, Any], named: dict[str, str]) -> dict[str, Any]:
    """Return the description of a BERT's vocab.txt: one token a line, with options beside it."""
    lines = _without_end(files.read_lines(_LINES, LARGEST_BYTES))
    vocabulary = {token: number for number, token in enumerate(lines)}
    if "" in vocabulary:
        message = f"the line is blank, where the token of id {lines.index(''):,} is expected"
        hint = (
            "put the token there, or an unused one such as [unused0]: without the line all later ids change"
        )
        raise ModelError(message, file=files.path / _LINES, line=lines.index("") + 1, hint=hint)
    if len(vocabulary) < len(lines):
        line = next(number for number, token in enumerate(lines, 1) if vocabulary[token] != number - 1)
        message = f"the token {lines[line - 1]!r:.60} appears twice"
        raise ModelError(message, file=files.path / _LINES, line=line)
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


def _from_numbers(files: Folder, configuration: dict[str, Any], named: dict[str, str]) -> dict[str, Any]:
    """Return the description of a GPT's vocab.json and merges.txt."""
    vocabulary = files.read_json(_NUMBERS, LARGEST_BYTES)
    lines = _without_end(files.read_lines(_MERGES, LARGEST_BYTES))
    pairs = {line: pair.split(" ") for line, pair in enumerate(lines, 1) if not pair.startswith("#version")}
    if bad := [line for line, pair in pairs.items() if len(pair) != 2 or "" in pair]:
        message = f"{lines[bad[0] - 1]!r:.60} is no pair of tokens with a space between them"
        raise ModelError(message, file=files.path / _MERGES, line=bad[0])
    merges = list(pairs.values())
    model = {"type": "BPE", "vocab": vocabulary, "merges": merges}
    # Only GPT-2's vocabulary has a token for each byte.
    if vocabulary.keys() >= set(pre_tokenizers.ByteLevel.alphabet()):
        words = {"type": "ByteLevel", "add_prefix_space": False}
        return {"normalizer": None, "pre_tokenizer": words, "model": model, "added_tokens": []}
    cleaning = dict.fromkeys(("clean_text", "handle_chinese_chars", "lowercase"), True)
    return {
        "normalizer": {"type": "BertNormalizer", **cleaning},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "model": {**model, "unk_token": named.get("unknown", "<unk>"), "end_of_word_suffix": WORD_END},
        "added_tokens": [],
    }


def _without_end(lines: list[str]) -> list[str]:
    """Return the lines without blank ones at the end, which name nothing."""
    return lines[: max((number for number, line in enumerate(lines, 1) if line), default=0)]


# The first file that is there is read.
_READERS = {_WHOLE: _from_whole, _LINES: _from_lines, _NUMBERS: _from_numbers}


def _check_options(normalizer: Any, words: Any, configuration: dict[str, Any], folder: Path) -> None:
    """Refuse a configuration that contradicts tokenizer.json: tools differ in which of them they believe."""
    pairs = [(key, normalizer, option) for key, option in _OPTIONS.items()]
    for key, component, option in [*pairs, ("add_prefix_space", words, "add_prefix_space")]:
        wanted = configuration.get(key)
        if wanted is None or not component or option not in component:
            continue
        actual = component[option]
        if option == "strip_accents" and actual is None:
            actual = component["lowercase"]
        if actual != wanted:
            message = f"{key} is {wanted!r:.60} here, but the tokenizer's own {option} is {actual!r:.60}"
            raise ModelError(message, file=folder / _CONFIGURATION)


def _join_added_tokens(description: dict[str, Any], configuration: dict[str, Any], files: Folder) -> None:
    """Add the tokens that the configuration lists to those of the description; they must not contradict."""
    listed = {token["content"]: token for token in description["added_tokens"]}
    if len(listed) < len(description["added_tokens"]):
        raise ModelError("an added token is listed twice", file=files.path / _WHOLE)
    for number, token in configuration.get("added_tokens_decoder", {}).items():
        same = {**token, "id": int(number)}
        if listed.setdefault(token["content"], same)["id"] != same["id"]:
            message = f"the added token {token['content']!r:.60} has two ids"
            raise ModelError(message, file=files.path / _CONFIGURATION)
    known = {**description["model"]["vocab"], **{content: token["id"] for content, token in listed.items()}}
    for content, number in _optional(files, _ADDED).items():
        if known.get(content) != number:
            hint = "save the tokenizer with transformers, so that there is a tokenizer.json"
            message = f"the added token {content!r:.60} is in no other file"
            raise ModelError(message, file=files.path / _ADDED, hint=hint)
    description["added_tokens"] = list(listed.values())
