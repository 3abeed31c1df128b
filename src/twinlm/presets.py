"""What differs between the two kinds by default, matched sizes, and how a file becomes `Settings`.

Order, a later one winning: defaults of `settings.py`, the kind's own ones here, the size, the file's tables
for both kinds ([model], [pretrain], [finetune]), its tables for one ([gpt.model], ...), the command line.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from twinlm import config
from twinlm.errors import UsageError
from twinlm.settings import Settings

KINDS = ("gpt", "bert")

# GPT-1: cosine, epsilon 1e-8, one step of warm-up in fine-tuning (Radford et al. 2018, 4.1).
# BERT: linear, epsilon 1e-6 (Devlin et al. 2018, A.2, A.3 and the released code).
KIND_DEFAULTS: dict[str, Any] = {
    "gpt": {
        "pretrain": {"optimizer": {"schedule": "cosine", "epsilon": 1e-8}},
        "finetune": {"optimizer": {"schedule": "linear", "warmup_share": 0.002, "epsilon": 1e-8}},
    },
    "bert": {
        "pretrain": {"optimizer": {"schedule": "linear", "epsilon": 1e-6}},
        "finetune": {"optimizer": {"schedule": "linear", "warmup_share": 0.1, "epsilon": 1e-6}},
    },
}


def _size(layers: int, width: int, length: int, pretrain_rate: float, finetune_rate: float) -> dict[str, Any]:
    return {
        "model": {"layers": layers, "width": width, "heads": max(1, width // 64), "max_length": length},
        "pretrain": {"length": length, "optimizer": {"learning_rate": pretrain_rate}},
        "finetune": {"max_length": length, "optimizer": {"learning_rate": finetune_rate}},
    }


# The sizes of Turc et al. 2019 ("Well-read students learn better"), then BERT's base. Small models train at
# higher rates than the papers' large ones.
SIZES: dict[str, Any] = {
    "tiny": _size(2, 128, 128, 1e-3, 5e-4),
    "mini": _size(4, 256, 128, 1e-3, 3e-4),
    "small": _size(4, 512, 128, 5e-4, 1e-4),
    "medium": _size(8, 512, 256, 5e-4, 1e-4),
    "base": _size(12, 768, 512, 2.5e-4, 5e-5),
}
DEFAULT_SIZE = "tiny"

# The demo's settings, found by measuring; `docs/log.md` says what else was tried.
DEMO: dict[str, Any] = {"title": "GPT and BERT on Wikipedia's vital articles"}


def resolve(file: Path | None, overrides: Mapping[str, str], *, base: Mapping[str, Any] | None = None) -> Settings:
    """Return the settings of a run.

    Args:
        file: a TOML file, or None.
        overrides: from the command line, "pretrain.length" -> "64".
        base: settings under the file's own, such as the demo's.

    Raises:
        UsageError: what is given is not valid; names file, line, value and the way out.
    """
    tree = config.merge(
        config.given(base or {}), config.read_toml(file) if file else {}, config.read_overrides(overrides)
    )
    size = _size_of(tree.pop("size", config.Given(DEFAULT_SIZE)))
    shared = {key: tree.pop(key) for key in ("model", "pretrain", "finetune") if key in tree}
    for kind in KINDS:
        own = tree.get(kind, {})
        layers = [config.given(KIND_DEFAULTS[kind]), config.given(size), shared]
        tree[kind] = config.merge(*layers, own) if isinstance(own, dict) else own
    return config.build(Settings, tree)


def _size_of(given: Any) -> dict[str, Any]:
    name = given.value if isinstance(given, config.Given) else given
    if name not in SIZES:
        place = given if isinstance(given, config.Given) else config.Given(None)
        hint = config.closest(str(name), SIZES)
        raise UsageError(f"size can't be {name!r}", file=place.file, line=place.line, hint=hint)
    size: dict[str, Any] = SIZES[name]
    return size
