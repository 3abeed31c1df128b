"""The tokenizer's files as a model's other files need them: special tokens around texts, and their roles."""

import json
from collections.abc import Sequence
from typing import Any

from twinlm.checkpoint import Trained
from twinlm.storage import json_bytes
from twinlm.tokenizer import Template, Tokenizer

TOKENIZER = "tokenizer.json"
CONFIGURATION = "tokenizer_config.json"


def tokenizer_files(
    tokenizer: Tokenizer, template: Template, *, max_length: int, is_extracted: bool
) -> dict[str, bytes]:
    """Return the files with which transformers gives the very tokens that our model reads.

    Args:
        tokenizer: the model's.
        template: of its kind.
        max_length: the longest input, in tokens.
        is_extracted: end every input with <extract>, whose state a decoder's heads read: transformers takes
            the state of the last token that is no padding.
    """
    files = tokenizer.to_files(template=template, max_length=max_length)
    if not is_extracted:
        return files
    description: dict[str, Any] = json.loads(files[TOKENIZER])
    number = tokenizer.specials.extract
    token = tokenizer.token(number)
    around = description["post_processor"]
    for inputs in (around["single"], around["pair"]):
        inputs.append({"SpecialToken": {"id": token, "type_id": 0}})
    about = {**around["special_tokens"], token: {"id": token, "ids": [number], "tokens": [token]}}
    around["special_tokens"] = dict(sorted(about.items()))
    return {**files, TOKENIZER: json_bytes(description)}


def enclosed(trained: Trained, texts: Sequence[str]) -> tuple[list[int], list[int]]:
    """Return the tokens of a text, or of two, with the special tokens of these files, and their segments."""
    specials = trained.tokenizer.specials
    ids = trained.tokenizer.encode_batch(texts)
    if trained.family.template == "encoder":
        tokens, segments = [specials.cls], [0]
        for number, text in enumerate(ids):
            tokens += [*text, specials.sep]
            segments += [number] * (len(text) + 1)
        return tokens, segments
    tokens = [specials.start]
    for text in ids:
        tokens += [*text, specials.delimiter]
    return tokens[:-1], [0] * (len(tokens) - 1)
