"""Reading a tokenizer's file without trusting it.

Only vocabulary, merges and the choice between our own pipelines are taken from the file. The pipeline is then
built by us, and the file must describe that very one: no pattern or component of a stranger is run.
"""

import json
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer as Engine
from tokenizers import pre_tokenizers

from twinlm.errors import ModelError
from twinlm.tokenizer.pipeline import SPECIAL_TOKENS, Algorithm, build_engine, describe, describe_template

LARGEST_FILE_BYTES = 64 * 2**20
_MOST_TOKENS = 1_000_000
_LONGEST_TOKEN = 1000
_ALGORITHMS: dict[str, Algorithm] = {"BPE": "byte-bpe", "WordPiece": "wordpiece"}


def read_engine(path: Path) -> tuple[Engine, Algorithm]:
    """Return the tokenizer of a tokenizer.json and its algorithm.

    Raises:
        ModelError: the file is missing, too large, no JSON, or describes anything but a tokenizer of ours.
    """
    description = _read_json(path)
    try:
        model = description["model"]
        algorithm = _ALGORITHMS[model["type"]]
        vocabulary = _checked_vocabulary(model["vocab"], algorithm, path)
        merges = _checked_merges(model["merges"], vocabulary, path) if algorithm == "byte-bpe" else []
        lowercase = _is_lowercase(algorithm, description["normalizer"])
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise _foreign(path) from error
    try:
        engine = build_engine(algorithm, vocabulary, merges, lowercase=lowercase)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # a panic in the library's Rust code is no Exception
        raise ModelError(f"the tokenizer can't be built: {error}", file=path) from error
    ours = describe(engine)
    templates = [None, describe_template("encoder"), describe_template("decoder")]
    if not any(_agrees(description, {**ours, "post_processor": template}) for template in templates):
        raise _foreign(path)
    return engine, algorithm


def _agrees(given: Any, ours: Any) -> bool:
    """Tell whether a file describes what we built.

    A component (it has a type) may lack options: a newer library, which we built with, may have added them.
    """
    if isinstance(given, dict) and isinstance(ours, dict):
        may_lack = ours.keys() - {"type"} if "type" in ours else set()
        is_like = ours.keys() - may_lack <= given.keys() <= ours.keys()
        return is_like and all(_agrees(given[key], ours[key]) for key in given)
    if isinstance(given, list) and isinstance(ours, list) and given != ours:
        return len(given) == len(ours) and all(map(_agrees, given, ours))
    return bool(given == ours)


def _foreign(path: Path) -> ModelError:
    return ModelError(
        "this tokenizer was not made by twinlm, or was changed",
        file=path,
        hint="use the file that training wrote",
    )


def _read_json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise ModelError("there is no tokenizer here", file=path)
    try:
        size_bytes = path.stat().st_size
        if size_bytes > LARGEST_FILE_BYTES:
            message = f"a tokenizer of {size_bytes:,} bytes is larger than {LARGEST_FILE_BYTES:,}"
            raise ModelError(message, file=path)
        description = json.loads(path.read_bytes())
    except OSError as error:
        raise ModelError(f"can't read the tokenizer: {error.strerror}", file=path) from error
    except (ValueError, RecursionError) as error:
        raise ModelError(f"this is not JSON: {error}", file=path) from error
    if not isinstance(description, dict):
        raise _foreign(path)
    return description


def _checked_vocabulary(vocabulary: dict[str, int], algorithm: Algorithm, path: Path) -> dict[str, int]:
    """Refuse ids that are not 0, 1, 2, ..., and tokens that the algorithm has not or can't be without."""
    size = len(vocabulary)
    if size > _MOST_TOKENS:
        raise ModelError(f"a vocabulary of {size:,} tokens is larger than {_MOST_TOKENS:,}", file=path)
    if sorted(vocabulary.values()) != list(range(size)):
        raise ModelError(f"the ids of {size:,} tokens are not 0 to {size - 1:,}", file=path)
    if any(vocabulary.get(token) != number for number, token in enumerate(SPECIAL_TOKENS)):
        raise ModelError(f"the vocabulary must begin with {', '.join(SPECIAL_TOKENS)}", file=path)
    if any(not 0 < len(token) <= _LONGEST_TOKEN for token in vocabulary):
        raise ModelError(f"a token is empty or longer than {_LONGEST_TOKEN:,} characters", file=path)
    if algorithm == "byte-bpe":
        alphabet = set(pre_tokenizers.ByteLevel.alphabet())
        if missing := len(alphabet - vocabulary.keys()):
            raise ModelError(f"{missing} of the 256 bytes have no token", file=path)
        learned = vocabulary.keys() - set(SPECIAL_TOKENS)
        if strange := next((token for token in learned if not alphabet.issuperset(token)), None):
            raise ModelError(f"the token {strange!r} is not made of bytes", file=path)
    return vocabulary


def _checked_merges(merges: list[Any], vocabulary: dict[str, int], path: Path) -> list[tuple[str, str]]:
    pairs = [(left, right) for left, right in merges]
    for left, right in pairs:
        if not {left, right, left + right} <= vocabulary.keys():
            raise ModelError(f"the merge of {left!r} and {right!r} is not in the vocabulary", file=path)
    spelled = {left + right for left, right in pairs}.union(SPECIAL_TOKENS)
    if unspelled := next((token for token in vocabulary if len(token) > 1 and token not in spelled), None):
        raise ModelError(f"no merge gives the token {unspelled!r}", file=path)
    return pairs


def _is_lowercase(algorithm: Algorithm, normalizer: Any) -> bool:
    if algorithm == "byte-bpe":
        return normalizer is not None
    return bool(normalizer["lowercase"])
