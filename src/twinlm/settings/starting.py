"""Settings that follow from a model to continue from: its sizes are taken, and others are refused.

Only its config.json is read here; `train/start.py` loads its weights.
"""

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twinlm.errors import UserError
from twinlm.settings import KindSettings
from twinlm.settings.tree import Given, Tree, shown, wrong
from twinlm.system import storage

_FIXED = ("layers", "width", "heads", "feed_forward")


@dataclass(frozen=True, slots=True)
class Start:
    """A model to continue from, as its folder describes it."""

    setting: Given
    """Setting `pretrain.start`, with its origin."""
    sizes: dict[str, int]
    """Layers, width, heads, feed_forward and max_length."""
    norm: str
    """Where its layers normalize."""
    dropout: float
    """Dropout that it was trained with."""
    vocab_size: int
    """Size of its tokenizer's vocabulary."""

    @property
    def settings(self) -> dict[str, Any]:
        """Defaults of its kind's settings."""
        length = self.sizes["max_length"]
        return {
            "model": {**self.sizes, "norm": self.norm, "dropout": self.dropout},
            "pretrain": {"length": length},
            "finetune": {"max_length": length},
        }


def read_start(kind: str, tree: Tree) -> Start | None:
    """Return the model that a kind continues from, or None for random initial weights."""
    setting = at_path(tree, kind, "pretrain", "start")
    # A value that is not a text is refused later, where settings are built.
    if not isinstance(setting, Given) or not isinstance(setting.value, str) or not setting.value:
        return None
    name, folder = f"{kind}.pretrain.start={setting.value}", Path(setting.value).expanduser()
    file = next((path for path in (folder, folder / "model") if (path / "config.json").is_file()), None)
    if file is None:
        hint = f"give a folder that pre-training or an import wrote, such as RUN/{kind}/model"
        raise wrong(setting, f"{name} is not a model folder", hint)
    try:
        config = storage.read_json(file / "config.json")
        family, sizes = config["family"], {size: config["sizes"][size] for size in (*_FIXED, "max_length")}
        dropout, vocab_size = float(config["sizes"]["dropout"]), config["sizes"]["vocab_size"]
        norm = config["sizes"].get("norm", "post")
    except (KeyError, TypeError, ValueError, UserError) as error:
        hint = "a model of another tool must be imported first"
        raise wrong(setting, f"{name} has a config.json that is not one of ours", hint) from error
    if any(type(size) is not int or size < 1 for size in (*sizes.values(), vocab_size)):
        raise wrong(setting, f"{name} has sizes that are not whole numbers from 1")
    if family != kind:
        message = f"{name} is a model of the kind {shown(family)}"
        raise wrong(setting, message, f"set {family!s:.20}.pretrain.start")
    return Start(setting, sizes, norm, dropout, vocab_size)


def at_path(tree: Tree, *keys: str) -> Any:
    """Return what stands in a tree below these keys, None if nothing does."""
    setting: Any = tree
    for key in keys:
        setting = setting.get(key) if isinstance(setting, Tree) else None
    return setting


def kind_of(setting: object) -> str:
    """Return the kind of the model in a setting's folder; "" if there is none, which is refused later."""
    value = setting.value if isinstance(setting, Given) else None
    if isinstance(value, str) and value:
        for folder in (Path(value).expanduser(), Path(value).expanduser() / "model"):
            with contextlib.suppress(UserError, OSError, LookupError, TypeError, ValueError):
                return str(storage.read_json(folder / "config.json")["family"])
    return ""


def check_sizes(kind: str, settings: KindSettings, start: Start) -> None:
    """Check that sizes and norm are the start's; only `max_length` may be larger."""
    model = settings.model
    sizes = {name: getattr(model, name) for name in (*_FIXED, "norm", "max_length")}
    sizes["feed_forward"] = model.feed_forward or 4 * model.width
    its_own = {**start.sizes, "norm": start.norm}
    for name, size in sizes.items():
        message = f"{kind}.model.{name}={size}, but {start.setting.value} has {its_own[name]}"
        if name != "max_length" and size != its_own[name]:
            raise wrong(start.setting, message, "leave it out: the model to continue from sets the sizes")
        if name == "max_length" and size < start.sizes[name]:
            raise wrong(start.setting, message, "positions can be added, not removed; see pretrain.length")
