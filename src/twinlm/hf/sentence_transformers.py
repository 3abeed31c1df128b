"""A model of ours as a sentence-transformers folder: Hugging Face's files, and how states are pooled."""

from typing import Any

from twinlm.checkpoint import Trained
from twinlm.hf.card import CARD, model_card
from twinlm.hf.export import MAX_SHARD_BYTES, form_of, to_hf_files
from twinlm.hf.pooling import LENGTH, MODES, MODULES, OLD_MODES, PROMPTS
from twinlm.hf.usage import usage_of_vectors
from twinlm.system.storage import json_bytes
from twinlm.use.embed import Pooling, check_pooling, defaults_of

_POOLING, _NORMALIZE = "1_Pooling", "2_Normalize"


def to_sentence_transformers_files(
    trained: Trained, *, pooling: Pooling | None = None, max_shard_bytes: int = MAX_SHARD_BYTES
) -> dict[str, bytes]:
    """Return the files of a folder that `SentenceTransformer` loads, without heads, by name.

    Its vectors are those of `embed` with this pooling; length, prompts and scaling are `embed`'s defaults.
    See `to_hf_files` for errors and `max_shard_bytes`.
    """
    pooling = pooling or defaults_of(trained).pooling
    files = to_hf_files(trained, max_shard_bytes=max_shard_bytes, is_bare=True)
    architecture = form_of(trained, is_bare=True).architecture
    card = model_card(trained, architecture, None, usage_of_vectors())
    return {**files, **embedding_files(trained, pooling), CARD: card.encode()}


def embedding_files(trained: Trained, pooling: Pooling) -> dict[str, bytes]:
    """Return the files that say how states become vectors, by name."""
    defaults = defaults_of(trained)
    if pooling != defaults.pooling:
        check_pooling(trained, pooling)
    sizes: Any = trained.model.config
    parts = [("", "Transformer"), (_POOLING, "Pooling")]
    parts += [(_NORMALIZE, "Normalize")] if defaults.normalize else []
    modules = [
        {"idx": number, "name": str(number), "path": path, "type": f"sentence_transformers.models.{name}"}
        for number, (path, name) in enumerate(parts)
    ]
    how = {
        "word_embedding_dimension": sizes.width,
        **{key: MODES.get(mode) == pooling for key, mode in OLD_MODES.items()},
        "include_prompt": True,
    }
    length = min(defaults.max_length or sizes.max_length, sizes.max_length)
    prompts = {
        "prompts": dict(defaults.prompts),
        "default_prompt_name": defaults.default_prompt,
        "similarity_fn_name": defaults.similarity,
    }
    return {
        MODULES: json_bytes(modules),
        f"{_POOLING}/config.json": json_bytes(how),
        **({f"{_NORMALIZE}/config.json": json_bytes({})} if defaults.normalize else {}),
        LENGTH: json_bytes({"max_seq_length": length, "do_lower_case": False}),
        PROMPTS: json_bytes(prompts),
    }
