"""Reading a tokenizer's file without trusting it.

Only vocabulary, merges and the choice between our own pipelines are taken from the file. The pipeline is then
built by us and must describe itself exactly as the file does: no pattern or component of a stranger is run.
"""

import json
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer as Engine

from twinlm.errors import ModelError
from twinlm.tokenizer.pipeline import SPECIAL_TOKENS, Algorithm, build_engine, template_of

LARGEST_FILE_BYTES = 64 * 2**20
_LONGEST_TOKEN = 1000
_ALGORITHMS: dict[str, Algorithm] = {"BPE": "byte-bpe", "WordPiece": "wordpiece"}


def read_engine(path: Path) -> tuple[Engine, Algorithm]:
    """Return the tokenizer of a tokenizer.json and its algorithm.

    Raises:
        ModelError: the file is missing, too large, no JSON, or describes anything but a tokenizer of ours.
    """
    description = _read_json(path)
    try:
        algorithm = _ALGORITHMS[description["model"]["type"]]
        vocabulary = _checked_vocabulary(description["model"]["vocab"], path)
        merges = _checked_merges(description["model"].get("merges", []), vocabulary, path)
        lowercase = _is_lowercase(description["normalizer"])
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise _foreign(path) from error
    try:
        engine = build_engine(algorithm, vocabulary, merges, lowercase=lowercase)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # a panic in the library's Rust code is no Exception
        raise ModelError(f"the tokenizer can't be built: {error}", file=path) from error
    rebuilt = json.loads(engine.to_str())
    templates = [None, *(json.loads(template_of(kind).__getstate__()) for kind in ("encoder", "decoder"))]
    if description.pop("post_processor", None) not in templates:
        raise _foreign(path)
    rebuilt.pop("post_processor")
    if description != rebuilt:
        raise _foreign(path)
    return engine, algorithm


def _foreign(path: Path) -> ModelError:
    return ModelError(
        "this tokenizer was not made by twinlm, or was changed",
        file=path,
        hint="use the file that training wrote",
    )


def _read_json(path: Path) -> dict[str, Any]:
    try:
        size_bytes = path.stat().st_size
        if size_bytes > LARGEST_FILE_BYTES:
            message = f"a tokenizer of {size_bytes:,} bytes is larger than {LARGEST_FILE_BYTES:,}"
            raise ModelError(message, file=path)
        description = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise ModelError("there is no tokenizer here", file=path) from error
    except OSError as error:
        raise ModelError(f"can't read the tokenizer: {error.strerror}", file=path) from error
    except (ValueError, RecursionError) as error:
        raise ModelError(f"this is not JSON: {error}", file=path) from error
    if not isinstance(description, dict):
        raise _foreign(path)
    return description


def _checked_vocabulary(vocabulary: dict[str, int], path: Path) -> dict[str, int]:
    """Refuse ids that are not 0, 1, 2, ..., and special tokens that don't come first."""
    if sorted(vocabulary.values()) != list(range(len(vocabulary))):
        raise ModelError(
            f"the ids of {len(vocabulary):,} tokens are not 0 to {len(vocabulary) - 1:,}", file=path
        )
    if any(vocabulary.get(token) != number for number, token in enumerate(SPECIAL_TOKENS)):
        raise ModelError(f"the vocabulary must begin with {', '.join(SPECIAL_TOKENS)}", file=path)
    if any(len(token) > _LONGEST_TOKEN for token in vocabulary):
        raise ModelError(f"a token is longer than {_LONGEST_TOKEN:,} characters", file=path)
    return vocabulary


def _checked_merges(merges: list[Any], vocabulary: dict[str, int], path: Path) -> list[tuple[str, str]]:
    pairs = [(left, right) for left, right in merges]
    for left, right in pairs:
        if not {left, right, left + right} <= vocabulary.keys():
            raise ModelError(f"the merge of {left!r} and {right!r} is not in the vocabulary", file=path)
    return pairs


def _is_lowercase(normalizer: Any) -> bool:
    return normalizer is not None and (normalizer["type"] == "Lowercase" or bool(normalizer["lowercase"]))
