"""Building a tokenizer from a description without trusting it.

Only vocabulary, merges, the tokens' roles and the choice between our own pipelines are taken from the file.
The pipeline is then built by us, and the file must describe that very one: no pattern or component of a
stranger is run. Next: `foreign.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer as Engine
from tokenizers import pre_tokenizers

from twinlm.errors import ModelError
from twinlm.system.bounded_json import read_object
from twinlm.tokenizer.components import agrees, check_components, recognise
from twinlm.tokenizer.pipeline import Pipeline, build_engine, describe, describe_template
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

_MOST_TOKENS = 1_000_000
_LONGEST_TOKEN = 1000


@dataclass(frozen=True, slots=True)
class Built:
    """A tokenizer's parts, built and checked."""

    engine: Engine
    """The pipeline with its vocabulary."""
    pipeline: Pipeline
    """How it cuts."""
    specials: SpecialIds
    """Which ids have which roles."""
    added_tokens: int
    """How many tokens were put behind those of the file."""


def read_built(folder: Path) -> Built:
    """Return the tokenizer of a folder that `Tokenizer.to_files` wrote.

    Raises:
        ModelError: a file is missing, too large, no JSON, or describes anything but a tokenizer of ours.
    """
    file = folder / "tokenizer.json"
    description = read_description(file)
    named, template = _written_roles(folder, description)
    built = build(description, file, named=named or {}, template=template)
    ours = describe(built.engine)
    kinds: list[tuple[Template, int]] = [
        ("encoder", built.specials.cls),
        ("decoder", built.specials.delimiter),
    ]
    templates = [
        describe_template(kind, built.engine, built.specials) for kind, number in kinds if number != ABSENT
    ]
    is_whole = any(agrees(description, {**ours, "post_processor": each}) for each in [None, *templates])
    written = named_roles(built.specials, lambda number: str(built.engine.id_to_token(number)))
    if named not in (None, written):
        raise _changed(folder / "tokenizer_config.json")
    if built.added_tokens or not is_whole:
        raise _changed(file)
    return built


def read_description(file: Path) -> dict[str, Any]:
    """Return what a tokenizer.json holds, with lists where the format has lists.

    Raises:
        ModelError: the file is missing, too large, no JSON, or has another form.
    """
    description = read_object(file)
    model = description.get("model")
    merges = model.get("merges", []) if isinstance(model, dict) else None
    if not isinstance(merges, list) or not isinstance(description.get("added_tokens", []), list):
        raise malformed(file)
    return description


def build(description: dict[str, Any], file: Path, *, named: Mapping[str, str], template: Template) -> Built:
    """Return the tokenizer that a description means.

    Args:
        description: as in tokenizer.json; spelled anew on the way, see `recognise`.
        file: where it is from, for messages.
        named: the tokens that the files name for roles.
        template: which kind of model reads the tokens.

    Raises:
        ModelError: it means no tokenizer of ours, or contradicts itself.
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
    except BaseException as error:  # a panic in the library's Rust code is no Exception
        raise ModelError(f"the tokenizer can't be built: {error}", file=file) from error
    check_components(description, describe(engine), file)
    numbers = known | {token: len(known) + place for place, token in enumerate(fresh)}
    if any(engine.token_to_id(token) != numbers[token] for token in [*special, *fresh]):
        raise ModelError("the ids of special tokens contradict the vocabulary", file=file)
    return Built(engine, pipeline, special_ids(roles, numbers), len(fresh))


def malformed(file: Path) -> ModelError:
    """Return the error of a file that lacks a part, or has something else in its place."""
    return ModelError("a part of this tokenizer is missing or malformed", file=file)


def _changed(file: Path) -> ModelError:
    return ModelError(
        "this tokenizer was not made by twinlm, or was changed",
        file=file,
        hint="use the file that training or importing wrote",
    )


def _written_roles(folder: Path, description: dict[str, Any]) -> tuple[dict[str, str] | None, Template]:
    """Return the roles that our own tokenizer_config.json names, and which kind of model they are for.

    Our own vocabularies don't need it, as their roles are always the same: for them it is None.
    """
    try:
        if is_own(description["model"]["vocab"]):
            return None, "decoder"
        configuration = read_object(folder / "tokenizer_config.json")
    except (KeyError, TypeError, AttributeError, ModelError) as error:
        raise _changed(folder / "tokenizer.json") from error
    named = {role: configuration[key] for role, key in ROLE_KEYS.items() if key in configuration}
    if not all(isinstance(token, str) for token in named.values()):
        raise _changed(folder / "tokenizer_config.json")
    return named, "decoder" if "start" in named else "encoder"


def _checked_vocabulary(vocabulary: dict[str, int], pipeline: Pipeline, file: Path) -> dict[str, int]:
    """Refuse ids that are not 0, 1, 2, ..., and tokens that the algorithm has not or can't be without."""
    size = len(vocabulary)
    if size > _MOST_TOKENS:
        raise ModelError(f"a vocabulary of {size:,} tokens is larger than {_MOST_TOKENS:,}", file=file)
    if sorted(vocabulary.values()) != list(range(size)):
        raise ModelError(f"the ids of {size:,} tokens are not 0 to {size - 1:,}", file=file)
    if any(not 0 < len(token) <= _LONGEST_TOKEN for token in vocabulary):
        raise ModelError(f"a token is empty or longer than {_LONGEST_TOKEN:,} characters", file=file)
    if pipeline.is_of_bytes:
        _check_bytes(vocabulary, pipeline, file)
    elif pipeline.unknown not in vocabulary:
        raise ModelError(f"the unknown token {pipeline.unknown!r:.60} is not in the vocabulary", file=file)
    if pipeline.algorithm == "wordpiece" and any("\n" in token for token in vocabulary):
        raise ModelError("a token holds a line feed, so that vocab.txt can't list it", file=file)
    return vocabulary


def _check_bytes(vocabulary: dict[str, int], pipeline: Pipeline, file: Path) -> None:
    """Refuse a vocabulary that can't spell every byte; one that we trained holds nothing but bytes."""
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
            raise ModelError(
                f"the merge of {left!r:.60} and {right!r:.60} is not in the vocabulary", file=file
            )
    if pipeline.algorithm == "byte-bpe":
        spelled = {left + right for left, right in pairs}.union(SPECIAL_TOKENS)
        if unspelled := next(
            (token for token in vocabulary if len(token) > 1 and token not in spelled), None
        ):
            raise ModelError(f"no merge gives the token {unspelled!r:.60}", file=file)
    return pairs


def _listed_tokens(listed: list[dict[str, Any]], vocabulary: dict[str, int], file: Path) -> dict[str, int]:
    """Return the ids of the special tokens listed; those not in the vocabulary must follow it."""
    found: dict[str, int] = {}
    for token in sorted(listed, key=lambda token: token["id"]):
        content, number = token["content"], token["id"]
        if not token["special"]:
            message = f"the added token {content!r:.60} is not special: it would cut text in another way"
            raise ModelError(message, file=file, hint="only special tokens may be added to a vocabulary")
        expected = vocabulary.get(content, len(vocabulary.keys() | found.keys()))
        if content in found or number != expected or not 0 < len(content) <= _LONGEST_TOKEN:
            raise ModelError(f"the added token {content!r:.60} can't have id {number!r:.60}", file=file)
        found[content] = expected
    return found
