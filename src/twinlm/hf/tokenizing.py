"""The tokenizer of an exported model, with which other tools give exactly the tokens that our model reads."""

import json
from collections.abc import Sequence
from typing import Any, cast

from twinlm.checkpoint import Trained
from twinlm.data.sequences.packing import Packed
from twinlm.system.storage import json_bytes
from twinlm.tokenizer.pipeline import LEADING_BLANK

_TOKENIZER, _CONFIGURATION, _LINES = "tokenizer.json", "tokenizer_config.json", "vocab.txt"
# Tools take any role that a file names for one that the model uses: llama.cpp puts a BERT's <start> in the
# place of [CLS], and lm-eval needs a GPT's end.
_FOREIGN_ROLES = {"encoder": ("bos_token",), "decoder": ("cls_token", "sep_token", "mask_token")}
_TRIMMED = {"type": "ByteLevel", "trim_offsets": True, "use_regex": False}


def dropped_tokens(trained: Trained, *, has_head: bool) -> tuple[int, ...]:
    """Return the tokens that an exported model goes without: a decoder's that nobody has trained.

    Its logits have no bias that could keep such a token out of other tools' softmax. With the head of a task,
    or for states, there is no softmax over tokens, and inputs may need padding.
    """
    sizes: Any = trained.model.config
    return () if has_head or not trained.family.is_generative else sizes.unscored


def enclosed(trained: Trained, texts: Sequence[str], *, has_head: bool) -> Packed:
    """Return the input of one text or two, with the special tokens that exported files describe."""
    tokenizer, sizes = trained.tokenizer, cast(Any, trained.model.config)
    packed = trained.family.pack(tokenizer.encode_batch(texts), tokenizer.specials)
    untrained = {*sizes.unscored, *([] if has_head or _is_encoder(trained) else [tokenizer.specials.extract])}
    kept = [index for index, token in enumerate(packed.tokens) if token not in untrained]
    return packed._replace(
        tokens=[packed.tokens[index] for index in kept],
        segments=[packed.segments[index] for index in kept],
    )


def tokenizer_files(
    trained: Trained, dropped: Sequence[int], *, max_length: int, has_head: bool
) -> dict[str, bytes]:
    """Return the tokenizer's files by name, without `dropped_tokens`; `max_length` is that of inputs."""
    tokenizer = trained.tokenizer
    files = tokenizer.to_files(template=trained.family.template, max_length=max_length)
    description, configuration = json.loads(files[_TOKENIZER]), json.loads(files[_CONFIGURATION])
    template = description["post_processor"]
    _mend_template(template, trained, has_head=has_head)
    names = {tokenizer.token(number) for number in dropped}
    added = [token for token in description["added_tokens"] if token["content"] not in names]
    if tokenizer.pipeline.is_of_bytes:
        gets_words = bool(has_head and trained.task and trained.task.kind == "tagging")  # one by one
        if gets_words:
            parts = [LEADING_BLANK, *filter(None, [description["normalizer"]])]
            whole = {"type": "Sequence", "normalizers": parts}
            description["normalizer"] = whole if len(parts) > 1 else LEADING_BLANK
        # The space before a word belongs to it, so also to the mask in its place.
        added = [{**token, "lstrip": token["id"] == tokenizer.specials.mask} for token in added]
        # But a word's place in the text begins after it. (A space that we put there is in no text.)
        trimmed = {**_TRIMMED, "add_prefix_space": gets_words}
        description["post_processor"] = {"type": "Sequence", "processors": [trimmed, template]}
    files[_TOKENIZER] = json_bytes({**description, "added_tokens": added})
    if trained.family.is_generative and "bos_token" in configuration:
        # <start> precedes every document, so it also says that one has ended.
        configuration["eos_token"] = configuration["bos_token"]
    foreign = _FOREIGN_ROLES[trained.family.template]
    files[_CONFIGURATION] = json_bytes(
        {key: value for key, value in configuration.items() if str(value) not in names and key not in foreign}
    )
    if _LINES in files:
        lines = files[_LINES].decode().splitlines(keepends=True)
        files[_LINES] = "".join(lines[: len(lines) - len(dropped)]).encode()  # they are the last tokens
    return files


def _mend_template(template: dict[str, Any], trained: Trained, *, has_head: bool) -> None:
    """Change what other tools put around texts, in place: a head's last token, no token that is untrained."""
    tokenizer, sizes = trained.tokenizer, cast(Any, trained.model.config)
    special, last_segment = template["special_tokens"], getattr(sizes, "segments", 1) - 1
    if has_head and not _is_encoder(trained):
        # transformers' head reads the state of the last token that is not padding; ours reads <extract>'s.
        number = tokenizer.specials.extract
        token = tokenizer.token(number)
        special[token] = {"id": token, "ids": [number], "tokens": [token]}
        for name in ("single", "pair"):
            template[name].append({"SpecialToken": {"id": token, "type_id": 0}})
    untrained = {tokenizer.token(number) for number in sizes.unscored}
    for name in ("single", "pair"):
        parts = [(kind, part) for piece in template[name] for kind, part in piece.items()]
        template[name] = [
            {kind: {**part, "type_id": min(part["type_id"], last_segment)}}
            for kind, part in parts
            if part["id"] not in untrained
        ]
    template["special_tokens"] = {token: special[token] for token in sorted(special.keys() - untrained)}


def _is_encoder(trained: Trained) -> bool:
    return trained.family.template == "encoder"
