"""A model of ours as a sentence-transformers folder: Hugging Face's files, and how states are pooled."""

from typing import Any

from twinlm.checkpoint import Trained
from twinlm.hf.export import MAX_SHARD_BYTES, to_hf_files
from twinlm.system.storage import json_bytes
from twinlm.use.embed import Pooling, check_pooling

# Our words, and theirs.
_MODES = {"mean": "mean_tokens", "cls": "cls_token", "last": "lasttoken"}
_OTHER_MODES = ("max_tokens", "mean_sqrt_len_tokens", "weightedmean_tokens")
_POOLING = "1_Pooling"


def to_sentence_transformers_files(
    trained: Trained, *, pooling: Pooling = "mean", max_shard_bytes: int = MAX_SHARD_BYTES
) -> dict[str, bytes]:
    """Return the files of a folder that `SentenceTransformer` loads, without heads, by name.

    Its vectors are those of `embed` with this pooling. See `to_hf_files` for errors and `max_shard_bytes`.
    """
    check_pooling(trained, pooling)
    sizes: Any = trained.model.config
    modes = [*_MODES.values(), *_OTHER_MODES]
    modules = [
        {"idx": number, "name": str(number), "path": path, "type": f"sentence_transformers.models.{name}"}
        for number, (path, name) in enumerate([("", "Transformer"), (_POOLING, "Pooling")])
    ]
    how = {
        "word_embedding_dimension": sizes.width,
        **{f"pooling_mode_{mode}": mode == _MODES[pooling] for mode in modes},
        "include_prompt": True,
    }
    prompts: dict[str, Any] = {"prompts": {}, "default_prompt_name": None, "similarity_fn_name": "cosine"}
    return {
        **to_hf_files(trained, max_shard_bytes=max_shard_bytes, is_bare=True),
        "modules.json": json_bytes(modules),
        f"{_POOLING}/config.json": json_bytes(how),
        "sentence_bert_config.json": json_bytes({"max_seq_length": sizes.max_length, "do_lower_case": False}),
        "config_sentence_transformers.json": json_bytes(prompts),
    }
