"""How a sentence-transformers folder makes vectors of states: read at import, kept as defaults of `embed`.

Transformer, Pooling (mean, [CLS] or last token) and Normalize are understood. Whatever else changes vectors
is named, so that nobody takes ours for the source's.
"""

import re
from collections.abc import Mapping
from typing import Any

from twinlm.errors import ModelError
from twinlm.system.foreign_folder import Folder, parse_json
from twinlm.tokenizer.checking import LARGEST_BYTES

MODULES, LENGTH, PROMPTS = "modules.json", "sentence_bert_config.json", "config_sentence_transformers.json"
MODES = {"mean": "mean", "cls": "cls", "lasttoken": "last"}
"""Our poolings by their names."""
OLD_MODES = {
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_cls_token": "cls",
    "pooling_mode_lasttoken": "lasttoken",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
}
"""Their names by the keys of folders that versions before 6 wrote, and that every version reads."""
_KNOWN = {
    LENGTH: {"max_seq_length", "do_lower_case", "transformer_task", "modality_config", "module_output_name"},
    PROMPTS: {"__version__", "model_type", "prompts", "default_prompt_name", "similarity_fn_name"},
}
_SAMPLING = {"do_sample", "temperature", "top_k", "top_p", "repetition_penalty", "num_beams"}
_PATH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,100}")
_MOST_MODULES, _MOST_PROMPTS, _LONGEST_PROMPT = 20, 1000, 10_000


def pooling_in(folder: Folder, *, is_lowercase: bool) -> tuple[dict[str, Any], list[str]]:
    """Return a folder's defaults of `embed`, empty if it has none, and whatever is not understood.

    `is_lowercase` tells whether the tokenizer folds case.
    """
    unknown = []
    if "adapter_config.json" in folder.names:
        unknown.append("adapter_config.json (an adapter, which changes weights)")
    if sampling := _SAMPLING & _optional(folder, "generation_config.json").keys():
        unknown.append(f"generation_config.json ({', '.join(sorted(sampling))})")
    if MODULES not in folder.names:
        return {}, unknown
    if not _puts_tokens_around(folder):
        unknown.append("the tokenizer (no special tokens around texts; embed puts ours there)")
    modes: list[str] = []
    is_normalized = False
    for number, (kind, place) in enumerate(_modules(folder)):
        if kind == "Pooling":
            about = folder.read_json(f"{place}/config.json")
            modes += _modes(about)
            unknown += [f"{place} (include_prompt)"] if about.get("include_prompt") is False else []
        elif kind == "Normalize":
            is_normalized = True
        elif kind != "Transformer" or number:
            unknown.append(f"{place} ({kind})")
    if len(modes) != 1 or modes[0] not in MODES:
        unknown.append(f"pooling by {' and '.join(modes) or 'no mode'}")
    files = {name: _optional(folder, name) for name in (LENGTH, PROMPTS)}
    for name, keys in files.items():
        unknown += [f"{name} ({key:.60})" for key in sorted(keys.keys() - _KNOWN[name])]
    if files[LENGTH].get("do_lower_case") and not is_lowercase:
        unknown.append(f"{LENGTH} (do_lower_case)")
    defaults = {
        "pooling": MODES.get(modes[0], "mean") if modes else "mean",
        "normalize": is_normalized,
        "max_length": _length(folder, files[LENGTH]),
        **_prompts(folder, files[PROMPTS]),
    }
    return defaults, unknown


def _optional(folder: Folder, name: str) -> dict[str, Any]:
    return folder.read_json(name) if name in folder.names else {}


def _puts_tokens_around(folder: Folder) -> bool:
    """Tell whether a tokenizer puts special tokens around texts, as BERT's does and GPT-2's does not."""
    if "tokenizer.json" not in folder.names:
        return "vocab.txt" in folder.names
    after = folder.read_json("tokenizer.json", LARGEST_BYTES).get("post_processor") or {}
    return any(part["type"] != "ByteLevel" for part in after.get("processors", [after] if after else []))


def _modules(folder: Folder) -> list[tuple[str, str]]:
    """Return the class and the subfolder of each module, in order."""
    path = folder.path / MODULES
    modules = parse_json(folder.read(MODULES), path)
    if not isinstance(modules, list) or len(modules) > _MOST_MODULES:
        raise ModelError(f"expected a list of at most {_MOST_MODULES} modules", file=path)
    pairs = []
    for module in modules:
        kind, place = (module.get(key) if isinstance(module, dict) else None for key in ("type", "path"))
        if not isinstance(kind, str) or not isinstance(place, str) or (place and not _PATH.fullmatch(place)):
            raise ModelError(f"{str(module)[:80]} is not a module with a type and a path", file=path)
        pairs.append((kind.rpartition(".")[2][:60], place))
    return pairs


def _modes(about: Mapping[str, Any]) -> list[str]:
    """Return the names of the poolings that a module's configuration asks for, in either spelling."""
    modes = about.get("pooling_mode", [name for key, name in OLD_MODES.items() if about.get(key)])
    return [str(mode)[:60] for mode in (modes if isinstance(modes, list) else [modes])]


def _length(folder: Folder, keys: Mapping[str, Any]) -> int | None:
    """Return the most tokens of a text with special tokens; None if the model alone limits it."""
    key, name = "max_seq_length", LENGTH
    if keys.get(key) is None:  # since version 6 the tokenizer says it
        key, name = "model_max_length", "tokenizer_config.json"
        keys = _optional(folder, name)
    value = keys.get(key)
    if value is None or (
        isinstance(value, int | float) and value > 10**6
    ):  # transformers' word for "no limit"
        return None
    if type(value) is not int or value < 4:
        raise ModelError(f"{key} must be a whole number from 4, not {value!r:.40}", file=folder.path / name)
    return value


def _prompts(folder: Folder, keys: Mapping[str, Any]) -> dict[str, Any]:
    path = folder.path / PROMPTS
    prompts, default = keys.get("prompts") or {}, keys.get("default_prompt_name")
    is_text = isinstance(prompts, dict) and all(
        isinstance(prompt, str) and len(prompt) <= _LONGEST_PROMPT for prompt in prompts.values()
    )
    if not is_text or len(prompts) > _MOST_PROMPTS:
        raise ModelError("prompts must give each name a text", file=path)
    if default is not None and (not isinstance(default, str) or default not in prompts):
        raise ModelError(f"default_prompt_name is {default!r:.60}, which is none of the prompts", file=path)
    similarity = keys.get("similarity_fn_name") or "cosine"
    return {"prompts": prompts, "default_prompt": default, "similarity": str(similarity)[:60]}
