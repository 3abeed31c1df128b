"""Settings that a model to go on from decides: its sizes are taken, and other ones are refused.

Only its description is read here; `train/start.py` loads its weights.
"""

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
    """A model to go on from, as its folder describes it."""

    place: Given
    """`pretrain.start`, and where it was given."""
    sizes: dict[str, int]
    """Layers, width, heads, feed_forward and max_length."""
    dropout: float
    """That it was trained with."""
    vocab_size: int
    """Of its tokenizer, which goes with it."""

    @property
    def settings(self) -> dict[str, Any]:
        """What follows for the settings of its kind, unless other values are given."""
        length = self.sizes["max_length"]
        return {
            "model": {**self.sizes, "dropout": self.dropout},
            "pretrain": {"length": length},
            "finetune": {"max_length": length},
        }


def read_start(kind: str, wanted: Tree) -> Start | None:
    """Return the start of a kind, or None if it begins anew.

    Raises:
        UsageError: `pretrain.start` is no model folder of this kind.
    """
    place = _start_of(kind, wanted)
    if place is None or not isinstance(place.value, str) or not place.value:
        return None  # what is no text is refused where settings are built
    name, folder = f"{kind}.pretrain.start={place.value}", Path(place.value).expanduser()
    file = next((path for path in (folder, folder / "model") if (path / "config.json").is_file()), None)
    if file is None:
        hint = f"give a folder that pre-training or an import wrote, such as RUN/{kind}/model"
        raise wrong(place, f"{name} is no model folder", hint)
    try:
        about = storage.read_json(file / "config.json")
        found, sizes = about["family"], {size: about["sizes"][size] for size in (*_FIXED, "max_length")}
        dropout, vocab_size = float(about["sizes"]["dropout"]), about["sizes"]["vocab_size"]
    except (KeyError, TypeError, ValueError, UserError) as error:
        hint = "a model of another tool must be imported first"
        raise wrong(place, f"{name} has a config.json that is not one of ours", hint) from error
    if any(type(size) is not int or size < 1 for size in (*sizes.values(), vocab_size)):
        raise wrong(place, f"{name} has sizes that are no sizes")
    if found != kind:
        raise wrong(
            place, f"{name} is a model of the kind {shown(found)}", f"set {found!s:.20}.pretrain.start"
        )
    return Start(place, sizes, dropout, vocab_size)


def check_sizes(kind: str, settings: KindSettings, start: Start) -> None:
    """Refuse sizes other than the start's; only `max_length` may be greater.

    Raises:
        UsageError: others were given.
    """
    model = settings.model
    found = {name: getattr(model, name) for name in (*_FIXED, "max_length")}
    found["feed_forward"] = model.feed_forward or 4 * model.width
    for name, size in found.items():
        has = f"{kind}.model.{name}={size}, but {start.place.value} has {start.sizes[name]}"
        if name in _FIXED and size != start.sizes[name]:
            raise wrong(start.place, has, "leave it out: the sizes are those of the model to go on from")
        if size < start.sizes[name]:
            raise wrong(start.place, has, "positions can be added, not taken away; see pretrain.length")


def _start_of(kind: str, wanted: Tree) -> Given | None:
    """Return `pretrain.start` of a kind as it was given."""
    found: Any = wanted
    for name in (kind, "pretrain", "start"):
        found = found.get(name) if isinstance(found, Tree) else None
    return found if isinstance(found, Given) else None
