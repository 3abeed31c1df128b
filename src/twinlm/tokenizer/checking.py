"""Building a tokenizer from a tokenizer.json without trusting it.

Only the vocabulary, the merges, the roles of tokens and the choice between our own pipelines are taken from
the file. We build that pipeline, and the file must describe exactly it: no pattern or component of an
untrusted file is run or compiled. Next: `foreign.py`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tokenizers import Tokenizer as Engine
from tokenizers import pre_tokenizers

from twinlm.errors import ModelError
from twinlm.system.foreign_folder import read_json
from twinlm.tokenizer.pipeline import Algorithm, Pipeline, build_engine, describe, describe_template
from twinlm.tokenizer.specials import (
    ABSENT,
    ROLE_KEYS,
    SPECIAL_TOKENS,
    SpecialIds,
    Template,
    find_roles,
    is_own,
    named_roles,
    special_ids,
)

LARGEST_BYTES = 64 * 2**20  # largest file of a tokenizer; a vocabulary of 250,000 tokens takes about 17 MB
_MOST_TOKENS = 1_000_000
_LONGEST_TOKEN = 1000
_ALGORITHMS: dict[tuple[str, str], Algorithm] = {
    ("BPE", "Sequence"): "byte-bpe",
    ("WordPiece", "BertPreTokenizer"): "wordpiece",
    ("BPE", "ByteLevel"): "gpt2-bpe",
    ("BPE", "BertPreTokenizer"): "gpt1-bpe",
}
_SUPPORTED = (
    "WordPiece behind BertPreTokenizer (BERT), BPE behind ByteLevel (GPT-2) or BertPreTokenizer (GPT-1), "
    "and what twinlm writes"
)
# What the library assumes for an option that a file leaves out.
_DEFAULTS: dict[str, dict[str, Any]] = {
    "WordPiece": {"unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100},
    "BPE": {
        **dict.fromkeys(("dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix")),
        **dict.fromkeys(("fuse_unk", "byte_fallback", "ignore_merges"), False),
    },
    "ByteLevel": {"add_prefix_space": True, "use_regex": True},
    "BertNormalizer": {"strip_accents": None},
}
_COMPARED = ("normalizer", "pre_tokenizer", "model")


class Built(NamedTuple):
    """The parts of a tokenizer, built and checked; `added_tokens` were appended to those of the file."""

    engine: Engine
    pipeline: Pipeline
    specials: SpecialIds
    added_tokens: int


def read_built(folder: Path) -> Built:
    """Return the tokenizer of a folder that `Tokenizer.to_files` wrote."""
    file = folder / "tokenizer.json"
    description = read_json(file, LARGEST_BYTES)
    check_form(description, file)
    named, template = _written_roles(folder, description)
    built = build(description, file, named=named or {}, template=template)
    engine, specials = built.engine, built.specials
    kinds: list[tuple[Template, int]] = [("encoder", specials.cls), ("decoder", specials.delimiter)]
    templates = [describe_template(kind, engine, specials) for kind, number in kinds if number != ABSENT]
    forms = [{**describe(engine), "post_processor": each} for each in (None, *templates)]
    written = named_roles(specials, lambda number: str(engine.id_to_token(number)))
    if named not in (None, written):
        raise _changed(folder / "tokenizer_config.json")
    if built.added_tokens or not any(agrees(description, form) for form in forms):
        raise _changed(file)
    return built


def check_form(description: dict[str, Any], file: Path) -> None:
    """Raise a ModelError if a tokenizer.json has no model, or no list where its format has one."""
    model = description.get("model")
    merges = model.get("merges", []) if isinstance(model, dict) else None
    if not isinstance(merges, list) or not isinstance(description.get("added_tokens", []), list):
        raise malformed(file)


def build(description: dict[str, Any], file: Path, *, named: Mapping[str, str], template: Template) -> Built:
    """Return the tokenizer that a description means, if its parts are those of the one that we built.

    `named` has the tokens that other files name for roles.
    """
    try:
        pipeline = recognise(description, file)
        vocabulary = _checked_vocabulary(description["model"]["vocab"], pipeline, file)
        merges = _checked_merges(description["model"].get("merges", []), vocabulary, pipeline, file)
        listed = _listed_tokens(description["added_tokens"], vocabulary, file)
        known = {**vocabulary, **listed}
        roles = find_roles(known, named, pipeline.unknown, template)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise malformed(file) from error
    if pipeline.unknown not in (None, roles.get("unknown")):
        raise _changed(file)
    fresh = [token for token in roles.values() if token not in known]
    special = sorted({*listed, *roles.values()} - {*fresh}, key=known.__getitem__)
    try:
        engine = build_engine(pipeline, vocabulary, merges, [*special, *fresh])
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # a panic in the library's Rust code is not an Exception
        raise ModelError(f"the tokenizer can't be built: {error}", file=file) from error
    ours = describe(engine)
    for name in _COMPARED:
        if not agrees(description[name], ours[name]):
            raise _unsupported(name, description[name], _in_short(ours[name]), file)
    ids = known | {token: len(known) + index for index, token in enumerate(fresh)}
    if any(engine.token_to_id(token) != ids[token] for token in [*special, *fresh]):
        raise ModelError("the ids of special tokens contradict the vocabulary", file=file)
    return Built(engine, pipeline, special_ids(roles, ids), len(fresh))


def recognise(description: dict[str, Any], file: Path) -> Pipeline:
    """Return the pipeline that a description seems to mean; its options get our spelling, in place."""
    model, words = description["model"], description["pre_tokenizer"]
    # In the oldest files the model has no type.
    model.setdefault("type", "BPE" if "merges" in model else "WordPiece")
    types = (model["type"], words and words["type"])
    if types not in _ALGORITHMS:
        message = f"a tokenizer of model {types[0]!r:.60} and pre_tokenizer {types[1]!r:.60} is not supported"
        raise ModelError(message, file=file, hint=f"supported are {_SUPPORTED}")
    for name in _COMPARED:
        if description[name] is not None:
            description[name] = _DEFAULTS.get(description[name]["type"], {}) | description[name]
    algorithm, normalizer = _ALGORITHMS[types], description["normalizer"] or {}
    _respell(description["model"], description["pre_tokenizer"], algorithm)
    if algorithm not in ("wordpiece", "gpt1-bpe"):
        is_lowercase = algorithm == "byte-bpe" and normalizer.get("type") == "Lowercase"
        return Pipeline(algorithm=algorithm, lowercase=is_lowercase)
    if normalizer.get("type") != "BertNormalizer":
        raise _unsupported("normalizer", normalizer, "BertNormalizer", file)
    if normalizer["strip_accents"] is None:
        normalizer["strip_accents"] = normalizer["lowercase"]
    return Pipeline(
        algorithm=algorithm,
        lowercase=bool(normalizer["lowercase"]),
        strip_accents=bool(normalizer["strip_accents"]),
        split_chinese=bool(normalizer["handle_chinese_chars"]),
        clean_text=bool(normalizer["clean_text"]),
        unknown=description["model"]["unk_token"],
    )


def agrees(theirs: Any, ours: Any) -> bool:
    """Tell whether a description in a file is that of what we built."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        # A component (it has a type) may lack options that a newer library, with which we built, has added.
        may_lack = ours.keys() - {"type"} if "type" in ours else set()
        has_options = ours.keys() - may_lack <= theirs.keys() <= ours.keys()
        return has_options and all(agrees(theirs[key], ours[key]) for key in theirs)
    if isinstance(theirs, list) and isinstance(ours, list):
        return len(theirs) == len(ours) and all(map(agrees, theirs, ours))
    return type(theirs) is type(ours) and bool(theirs == ours)


def malformed(file: Path) -> ModelError:
    """Return the error for a file in which a part is missing or of another type."""
    return ModelError("a part of this tokenizer is missing or malformed", file=file)


def _respell(model: dict[str, Any], words: dict[str, Any], algorithm: Algorithm) -> None:
    if model["type"] == "BPE":
        for option in ("continuing_subword_prefix", "end_of_word_suffix", "dropout"):
            # An empty prefix and a dropout of 0 change nothing.
            if model[option] in ("", 0.0):
                model[option] = None
    if algorithm == "gpt2-bpe":
        # Every byte has a token, so nothing is ever unknown; `encode_with_offsets` trims offsets itself.
        model["unk_token"] = None
        words.pop("trim_offsets", None)


def _written_roles(folder: Path, description: dict[str, Any]) -> tuple[dict[str, str] | None, Template]:
    """Return the roles in our own tokenizer_config.json, and the kind of model that reads the tokens."""
    try:
        if is_own(description["model"]["vocab"]):
            return None, "decoder"  # the roles are always the same
        configuration = read_json(folder / "tokenizer_config.json")
    except (KeyError, TypeError, AttributeError, ModelError) as error:
        raise _changed(folder / "tokenizer.json") from error
    named = {role: configuration[key] for role, key in ROLE_KEYS.items() if key in configuration}
    if not all(isinstance(token, str) for token in named.values()):
        raise _changed(folder / "tokenizer_config.json")
    return named, "decoder" if "start" in named else "encoder"


def _checked_vocabulary(vocabulary: dict[str, int], pipeline: Pipeline, file: Path) -> dict[str, int]:
    size = len(vocabulary)
    if size > _MOST_TOKENS:
        raise ModelError(f"a vocabulary of {size:,} tokens is larger than {_MOST_TOKENS:,}", file=file)
    if sorted(vocabulary.values()) != list(range(size)):
        raise ModelError(f"the ids of {size:,} tokens are not 0 to {size - 1:,}", file=file)
    for token, number in vocabulary.items():
        if not 0 < len(token) <= _LONGEST_TOKEN:
            message = f"the token of id {number:,} is empty or longer than {_LONGEST_TOKEN:,} characters"
            raise ModelError(message, file=file)
    if pipeline.is_of_bytes:
        _check_bytes(vocabulary, pipeline, file)
    elif pipeline.unknown not in vocabulary:
        raise ModelError(f"the unknown token {pipeline.unknown!r:.60} is not in the vocabulary", file=file)
    if pipeline.algorithm == "wordpiece" and any("\n" in token for token in vocabulary):
        raise ModelError("a token contains a line feed, so vocab.txt can't list it", file=file)
    return vocabulary


def _check_bytes(vocabulary: dict[str, int], pipeline: Pipeline, file: Path) -> None:
    alphabet = set(pre_tokenizers.ByteLevel.alphabet())
    if missing := len(alphabet - vocabulary.keys()):
        raise ModelError(f"{missing} of the 256 bytes have no token", file=file)
    if pipeline.algorithm != "byte-bpe":
        return
    if not is_own(vocabulary):
        raise ModelError(f"the vocabulary must begin with {', '.join(SPECIAL_TOKENS)}", file=file)
    learned = vocabulary.keys() - set(SPECIAL_TOKENS)
    if strange := next((token for token in learned if not alphabet.issuperset(token)), None):
        raise ModelError(f"the token {strange!r:.60} is not made of bytes", file=file)


def _checked_merges(
    merges: list[Any], vocabulary: dict[str, int], pipeline: Pipeline, file: Path
) -> list[tuple[str, str]]:
    pairs = [(left, right) for left, right in merges]
    for left, right in pairs:
        if not {left, right, left + right} <= vocabulary.keys():
            message = f"the merge of {left!r:.60} and {right!r:.60} is not in the vocabulary"
            raise ModelError(message, file=file)
    if pipeline.algorithm == "byte-bpe":
        spelled = {left + right for left, right in pairs}.union(SPECIAL_TOKENS)
        for token in vocabulary:
            if len(token) > 1 and token not in spelled:
                raise ModelError(f"no merge gives the token {token!r:.60}", file=file)
    return pairs


def _listed_tokens(listed: list[dict[str, Any]], vocabulary: dict[str, int], file: Path) -> dict[str, int]:
    """Return the ids of the special tokens listed; those not in the vocabulary must follow it."""
    ids: dict[str, int] = {}
    for token in sorted(listed, key=lambda token: token["id"]):
        content, number = token["content"], token["id"]
        if not token["special"]:
            message = f"the added token {content!r:.60} is not special: it would cut text in another way"
            raise ModelError(message, file=file, hint="only special tokens may be added to a vocabulary")
        expected = vocabulary.get(content, len(vocabulary.keys() | ids.keys()))
        if content in ids or number != expected or not 0 < len(content) <= _LONGEST_TOKEN:
            raise ModelError(f"the added token {content!r:.60} can't have id {number!r:.60}", file=file)
        ids[content] = expected
    return ids


def _changed(file: Path) -> ModelError:
    message = "this tokenizer was not made by twinlm, or was changed"
    return ModelError(message, file=file, hint="use the file that training or importing wrote")


def _unsupported(name: str, component: Any, supported: str, file: Path) -> ModelError:
    message = f"the {name} of this tokenizer would cut text in another way: {_in_short(component)}"
    return ModelError(message, file=file, hint=f"supported is {supported}")


def _in_short(component: Any) -> str:
    if isinstance(component, dict):
        component = {key: value for key, value in component.items() if key not in ("vocab", "merges")}
    return str(component)[:300]
