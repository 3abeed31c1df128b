"""The tokenizer's files as a model's other files need them: special tokens around texts, and their roles."""

import json
from collections.abc import Sequence
from typing import Any

from twinlm.checkpoint import Trained
from twinlm.system.storage import json_bytes

TOKENIZER = "tokenizer.json"


def tokenizer_files(trained: Trained, *, max_length: int, has_head: bool) -> dict[str, bytes]:
    """Return the files with which transformers gives the very tokens that our model reads.

    Args:
        trained: the model.
        max_length: the longest input, in tokens.
        has_head: a decoder's inputs then end with <extract>, whose state its head reads, since transformers
            takes the state of the last token that is no padding.
    """
    tokenizer, template = trained.tokenizer, trained.family.template
    files = tokenizer.to_files(template=template, max_length=max_length)
    if template == "encoder" or not has_head:
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


def enclosed(trained: Trained, texts: Sequence[str], *, has_head: bool) -> tuple[list[int], list[int]]:
    """Return the tokens of a text, or of two, with the special tokens of these files, and their segments."""
    packed = trained.family.pack(trained.tokenizer.encode_batch(texts), trained.tokenizer.specials)
    end = len(packed.tokens) if trained.family.template == "encoder" or has_head else -1
    return packed.tokens[:end], packed.segments[:end]
