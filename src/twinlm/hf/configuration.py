"""A stranger's config.json into our configuration, and back.

Numbers have caps before anything is built from them. A key that would change the computation to one that we
don't do is an error; a key that nobody here knows is left out, and the import says so.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from twinlm.errors import ModelError
from twinlm.hf.layout import Layout
from twinlm.hf.layouts import LAYOUTS

_MOST = {"layers": 1000, "segments": 1000}
_LARGEST = 1_000_000
_FIRST_KEYS = 60
# Of no consequence for what a model computes.
_KNOWN = {
    *("architectures", "model_type", "transformers_version", "torch_dtype", "dtype", "_name_or_path"),
    *(
        "initializer_range",
        "use_cache",
        "n_ctx",
        "n_special",
        "predict_special_tokens",
        "task_specific_params",
    ),
    *("pad_token_id", "bos_token_id", "eos_token_id", "sep_token_id", "gradient_checkpointing"),
    *("summary_type", "summary_use_proj", "summary_activation", "summary_proj_to_labels"),
    *("summary_first_dropout", "reorder_and_upcast_attn", "classifier_dropout", "finetuning_task"),
    *("num_labels", "_num_labels", "id2label", "label2id", "problem_type", "return_dict", "output_past"),
    *("output_attentions", "output_hidden_states", "torchscript", "chunk_size_feed_forward", "twinlm"),
}


def layout_in(about: Mapping[str, Any], place: Path) -> Layout:
    """Return the layout of the model type that a config.json names.

    Raises:
        ModelError: it is none of those that are read, or the model has code of its own.
    """
    for key in ("auto_map", "trust_remote_code", "custom_pipelines"):
        if about.get(key):
            message = f"{key} is set: this model computes with code of its own, which is never run here"
            raise ModelError(message, file=place, hint="give a model that needs no code of its own")
    if about.keys() >= {"format", "family", "sizes"}:
        message = "this is a model of twinlm's own: it can be used as it is"
        raise ModelError(message, file=place)
    found = about.get("model_type")
    if not isinstance(found, str) or found not in LAYOUTS:
        message = f"model_type is {_shown(found)}, but only these are read: {', '.join(LAYOUTS)}"
        raise ModelError(message, file=place)
    return LAYOUTS[found]


def sizes_in(layout: Layout, about: Mapping[str, Any], place: Path) -> dict[str, Any]:
    """Return the fields of our configuration.

    Raises:
        ModelError: a key has a value of another type, above its cap, or one that we don't compute with.
    """
    for key, allowed in layout.demands.items():
        if key in about and about[key] not in allowed:
            words = " or ".join(map(json.dumps, allowed))
            raise ModelError(f"{key} is {_shown(about[key])}, but only {words} is supported", file=place)
    sizes: dict[str, Any] = dict(layout.fixed)
    for size in layout.sizes:
        value = about.get(size.theirs, size.default)
        if value is not None or size.ours != "feed_forward":
            most = _MOST.get(size.ours, _LARGEST)
            sizes[size.ours] = _whole_number(size.theirs, value, most, place)
    sizes.setdefault("feed_forward", 4 * sizes["width"])
    if sizes["width"] % sizes["heads"]:
        message = f"the width of {sizes['width']} is no multiple of {sizes['heads']} heads"
        raise ModelError(message, file=place)
    for choice in layout.choices:
        word = about.get(choice.theirs, next(iter(choice.words)))
        if not isinstance(word, str) or word not in choice.words:
            message = f"{choice.theirs} is {_shown(word)}, but only {', '.join(choice.words)} are supported"
            raise ModelError(message, file=place)
        sizes[choice.ours] = choice.words[word]
    sizes["dropout"] = _share(layout.dropouts[0], about.get(layout.dropouts[0], 0.1), place)
    sizes["norm_eps"] = _share(layout.epsilon, about.get(layout.epsilon, layout.epsilon_default), place)
    if sizes["norm_eps"] == 0:
        raise ModelError(f"{layout.epsilon} must be above 0", file=place)
    return sizes


def unknown_keys(layout: Layout, about: Mapping[str, Any]) -> list[str]:
    """Return the keys of a config.json that nothing is known of, at most some."""
    known = {
        *_KNOWN,
        *layout.demands,
        *layout.says,
        *layout.dropouts,
        layout.epsilon,
        *(size.theirs for size in layout.sizes),
        *(choice.theirs for choice in layout.choices),
    }
    return sorted(key[:100] for key in about.keys() - known)[:_FIRST_KEYS]


def to_config(layout: Layout, sizes: Any) -> dict[str, Any]:
    """Return the keys of config.json that say what is computed.

    Raises:
        ModelError: the model type can't have such sizes.
    """
    written = {size.ours for size in layout.sizes}
    if "feed_forward" not in written and sizes.feed_forward != 4 * sizes.width:
        message = (
            f"{layout.model_type} models have a feed-forward width of four times {sizes.width}, "
            f"but this one has {sizes.feed_forward}"
        )
        raise ModelError(message)
    return {
        "model_type": layout.model_type,
        **{size.theirs: getattr(sizes, size.ours) for size in layout.sizes},
        **{
            choice.theirs: next(
                theirs for theirs, ours in choice.words.items() if ours == getattr(sizes, choice.ours)
            )
            for choice in layout.choices
        },
        **dict.fromkeys(layout.dropouts, sizes.dropout),
        layout.epsilon: sizes.norm_eps,
        **layout.says,
        "tie_word_embeddings": True,
    }


def _whole_number(key: str, value: Any, most: int, place: Path) -> int:
    if type(value) is not int or not 1 <= value <= most:
        message = f"{key} must be a whole number from 1 to {most:,}, not {_shown(value)}"
        raise ModelError(message, file=place)
    return value


def _share(key: str, value: Any, place: Path) -> float:
    if type(value) not in (int, float) or not 0 <= value < 1:
        raise ModelError(f"{key} must be a number from 0 to 1, not {_shown(value)}", file=place)
    return float(value)


def _shown(value: Any) -> str:
    if type(value) is int and abs(value) >= 10**30:
        return "a number of more than 30 digits"
    return f"{value:,}" if type(value) is int else json.dumps(value)[:60]
