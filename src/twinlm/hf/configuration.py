"""An untrusted config.json into our configuration, and back; and THE table of model types.

Numbers are bounded before anything is built from them. A key that would change the computation to one that
we don't do is an error; an unknown key is ignored, and the import says so.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from twinlm.errors import ModelError
from twinlm.hf.bert import BERT, MEGATRON_BERT
from twinlm.hf.gpt import GPT1, GPT2
from twinlm.hf.layout import Layout

LAYOUTS: dict[str, Layout] = {layout.model_type: layout for layout in (BERT, MEGATRON_BERT, GPT1, GPT2)}
"""THE table of Hugging Face's model types that can be read and written."""
_MOST = {"layers": 1000, "segments": 1000}
_LARGEST = 1_000_000
_FIRST_KEYS = 60
# Keys that don't matter for what a model computes.
_KNOWN = {
    *("architectures", "model_type", "transformers_version", "torch_dtype", "dtype", "_name_or_path"),
    *("initializer_range", "use_cache", "n_ctx", "n_special", "predict_special_tokens"),
    *("task_specific_params", "pad_token_id", "bos_token_id", "eos_token_id", "sep_token_id"),
    *("gradient_checkpointing", "summary_type", "summary_use_proj", "summary_activation"),
    *("summary_proj_to_labels", "summary_first_dropout", "reorder_and_upcast_attn", "classifier_dropout"),
    *("finetuning_task", "num_labels", "_num_labels", "id2label", "label2id", "problem_type", "return_dict"),
    *("output_past", "output_attentions", "output_hidden_states", "torchscript", "chunk_size_feed_forward"),
    *("sentence_transformers", "twinlm"),
}


def layout_of(family: str, sizes: Any) -> Layout:
    """Return the model type that computes what a model of ours does."""
    for layout in LAYOUTS.values():
        fixed = layout.fixed.items()
        if layout.family == family and all(getattr(sizes, name) == value for name, value in fixed):
            return layout
    what, setting = (
        ("has a head on the mean of all states", 'summary = "token"')
        if sizes.summary == "mean"
        else ("reads a GPT from both sides", "both_sides = false")
    )
    message = f"no class of Hugging Face's {what}"
    raise ModelError(message, hint=f"export a model that was fine-tuned with {setting}")


def layout_in(config: Mapping[str, Any], path: Path) -> Layout:
    """Return the layout of the model type that a config.json names."""
    for key in ("auto_map", "trust_remote_code", "custom_pipelines"):
        if config.get(key):
            message = f"{key} is set: this model computes with code of its own, which is never run here"
            raise ModelError(message, file=path, hint="give a model that needs no code of its own")
    if config.keys() >= {"format", "family", "sizes"}:
        raise ModelError("this is already a twinlm model: use it as it is", file=path)
    name = config.get("model_type")
    if not isinstance(name, str) or name not in LAYOUTS:
        message = f"model_type is {_shown(name)}, but only these are supported: {', '.join(LAYOUTS)}"
        raise ModelError(message, file=path)
    return LAYOUTS[name]


def sizes_in(layout: Layout, config: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """Return the fields of our configuration."""
    for key, allowed in layout.demands.items():
        if key in config and config[key] not in allowed:
            words = " or ".join(map(json.dumps, allowed))
            raise ModelError(f"{key} is {_shown(config[key])}, but only {words} is supported", file=path)
    sizes: dict[str, Any] = dict(layout.fixed)
    for size in layout.sizes:
        value = config.get(size.theirs, size.default)
        if value is not None or size.ours != "feed_forward":
            most = _MOST.get(size.ours, _LARGEST)
            sizes[size.ours] = _whole_number(size.theirs, value, most, path)
    sizes.setdefault("feed_forward", 4 * sizes["width"])
    if sizes["width"] % sizes["heads"]:
        message = f"the width of {sizes['width']} is not a multiple of {sizes['heads']} heads"
        raise ModelError(message, file=path)
    for choice in layout.choices:
        word = config.get(choice.theirs, next(iter(choice.words)))
        if not isinstance(word, str) or word not in choice.words:
            message = f"{choice.theirs} is {_shown(word)}, but only {', '.join(choice.words)} are supported"
            raise ModelError(message, file=path)
        sizes[choice.ours] = choice.words[word]
    sizes["dropout"] = _share(layout.dropouts[0], config.get(layout.dropouts[0], 0.1), path)
    sizes["norm_eps"] = _share(layout.epsilon, config.get(layout.epsilon, layout.epsilon_default), path)
    if sizes["norm_eps"] == 0:
        raise ModelError(f"{layout.epsilon} must be above 0", file=path)
    return sizes


def unknown_keys(layout: Layout, config: Mapping[str, Any]) -> list[str]:
    """Return the unknown keys of a config.json, at most 60."""
    known = {*_KNOWN, *layout.demands, *layout.says, *layout.dropouts, layout.epsilon}
    known |= {size.theirs for size in layout.sizes} | {choice.theirs for choice in layout.choices}
    return sorted(key[:100] for key in config.keys() - known)[:_FIRST_KEYS]


def to_config(layout: Layout, sizes: Any) -> dict[str, Any]:
    """Return the keys of config.json that say what is computed."""
    written = {size.ours for size in layout.sizes}
    if "feed_forward" not in written and sizes.feed_forward != 4 * sizes.width:
        message = (
            f"{layout.model_type} models have a feed-forward width of four times {sizes.width}, "
            f"but this one has {sizes.feed_forward}"
        )
        raise ModelError(message)
    choices = {
        choice.theirs: next(
            word for word, ours in choice.words.items() if ours == getattr(sizes, choice.ours)
        )
        for choice in layout.choices
    }
    numbers = {size.theirs: getattr(sizes, size.ours) for size in layout.sizes}
    return {
        "model_type": layout.model_type,
        **numbers,
        **{old: numbers[name] for old, name in layout.repeats.items()},
        **choices,
        **dict.fromkeys(layout.dropouts, sizes.dropout),
        layout.epsilon: sizes.norm_eps,
        **layout.says,
        "tie_word_embeddings": True,
    }


def _whole_number(key: str, value: Any, most: int, path: Path) -> int:
    if type(value) is not int or not 1 <= value <= most:
        message = f"{key} must be a whole number from 1 to {most:,}, not {_shown(value)}"
        raise ModelError(message, file=path)
    return value


def _share(key: str, value: Any, path: Path) -> float:
    if type(value) not in (int, float) or not 0 <= value < 1:
        raise ModelError(f"{key} must be a number from 0 to below 1, not {_shown(value)}", file=path)
    return float(value)


def _shown(value: Any) -> str:
    if type(value) is not int:
        return json.dumps(value)[:60]
    return f"{value:,}" if abs(value) < 10**30 else "a number of more than 30 digits"
