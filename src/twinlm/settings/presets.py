"""Defaults that differ between the kinds, matched sizes, and how a file becomes `Settings`.

Later ones win: the defaults in `settings/`, those of the kind, the size, the sizes of a model to continue
from, the file's tables for both kinds ([model], [pretrain], [finetune]), its tables for one kind
([gpt.model], ...), the command line.
"""

import dataclasses
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from twinlm.errors import UsageError
from twinlm.settings import KindSettings, Settings, build, recipes
from twinlm.settings.idle import idle, values
from twinlm.settings.starting import Start, at_path, check_sizes, kind_of, read_start
from twinlm.settings.tree import Given, Tree, given, merge, read_overrides, shown, wrong
from twinlm.system.arguments import as_path, checked

KINDS = tuple(field.name for field in dataclasses.fields(Settings) if field.default_factory is KindSettings)

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


def _size(
    layers: int, width: int, length: int, pretrain_rate: float, finetune_rate: float, epochs: int
) -> dict[str, Any]:
    return {
        "model": {
            "layers": layers,
            "width": width,
            "heads": max(1, width // 64),
            "max_length": length,
            "first_deviation": round(0.02 * math.sqrt(768 / width), 3),
            "first_positions": "sinusoidal" if width < 768 else "normal",
        },
        "pretrain": {"length": length, "optimizer": {"learning_rate": pretrain_rate}},
        "finetune": {"max_length": length, "epochs": epochs, "optimizer": {"learning_rate": finetune_rate}},
    }


# The sizes of Turc et al. 2019 ("Well-read students learn better"), fine-tuned for 4 epochs as there, then
# BERT's base. Small models train at higher rates than the papers' large ones, from larger initial weights and
# sine waves as positions: with the papers' initial weights, a small BERT predicts from frequencies alone for
# thousands of steps. The tiny size is tuned (docs/log.md): in 3 epochs on a few hundred labels it learns
# nothing.
SIZES: dict[str, Any] = {
    "tiny": _size(2, 128, 128, 2e-3, 1e-3, epochs=8),
    "mini": _size(4, 256, 128, 1e-3, 3e-4, epochs=4),
    "small": _size(4, 512, 128, 5e-4, 1e-4, epochs=4),
    "medium": _size(8, 512, 256, 5e-4, 1e-4, epochs=4),
    "base": _size(12, 768, 512, 2.5e-4, 5e-5, epochs=3),
}
DEFAULT_SIZE = "tiny"

# The demo's settings, chosen by measurement; `docs/log.md` says what else was tried.
DEMO: dict[str, Any] = {
    "title": "GPT and BERT on Wikipedia's vital articles",
    "recipe": "strong",
    "size": "tiny",
    "task": [{"name": "topic", "max_train_examples": 300}],
    "tokenizer": {"vocab_size": 4096},
    "budget": {"match": "flops", "amount": 2.5e13},
    "model": {"dropout": 0.0},
    "pretrain": {"batch_sequences": 16},
    "bert": {"pretrain": {"mask_share": 0.4}},
    "finetune": {"epochs": 8},
}

_MOST_IDLE = 4

SHARED = ("model", "pretrain", "finetune")
"""Tables that set both kinds."""


@checked
def resolve(
    file: str | Path | None,
    overrides: Mapping[str, str],
    *,
    base: Mapping[str, Any] | None = None,
    is_compared: bool = False,
    say: Callable[[str], None] = lambda line: None,
) -> Settings:
    """Return the settings of a run.

    Args:
        file: a TOML file, the name of a recipe, or None.
        overrides: settings of the command line, "pretrain.length" -> "64".
        base: settings that the file overrides, such as the demo's.
        is_compared: whether they are for a comparison, which leaves some settings unused.
        say: gets a line that names what changes nothing in a file of all settings.

    Raises:
        UsageError: a setting is not valid, or changes nothing; names file, line, value and the way out.
    """
    trees = [
        merge(*recipes.with_recipes(given(base or {}))),
        *(recipes.read_trees(as_path(file, "file")) if file else []),
        merge(*recipes.with_recipes(read_overrides(overrides))),
    ]
    names = [field.name for field in dataclasses.fields(Settings)]
    for tree in trees:
        build.check_names(tree, [*names, "size", *SHARED])
    size = _size_of(trees)
    settings, without_effect = _resolved(trees, size, is_compared=is_compared)
    for line in _check_effect(trees, size, without_effect, is_compared=is_compared):
        say(line)
    return settings


def _resolved(
    trees: list[Tree], size: dict[str, Any] | None, *, is_compared: bool
) -> tuple[Settings, dict[int, UsageError]]:
    """Return the settings of trees, and what changes nothing in them, as `idle.idle` does."""
    chosen = spread(*trees)
    starts = {kind: start for kind in KINDS if (start := read_start(kind, chosen))}
    for kind in starts:  # a model to continue from keeps its norm, and needs lower rates than a new one
        for table in ("model", "pretrain"):
            if table in chosen[kind]:
                chosen[kind][table] = _without(chosen[kind][table], str(recipes.find(Path("strong"))))
    sizes = {kind: size or SIZES[closest_size(starts.get(kind))] for kind in KINDS}
    started = given({kind: start.settings for kind, start in starts.items()})
    preset = merge(given(KIND_DEFAULTS), given(sizes), started)
    tree = merge(preset, chosen)
    tuned = spread(*trees[1:])
    tree = _with_rows(tree, "imported", lambda row: _tuned(row, tuned))
    tree = _with_rows(tree, "arm", lambda row: _whole_arm(row, tree))
    settings = build.build(Settings, tree)
    for kind, start in starts.items():
        check_sizes(kind, getattr(settings, kind), start)
    defaults = build.build(Settings, preset)
    return settings, idle(tree, settings, defaults, starts, is_compared=is_compared)


def _check_effect(
    trees: list[Tree],
    size: dict[str, Any] | None,
    without_effect: Mapping[int, UsageError],
    *,
    is_compared: bool,
) -> list[str]:
    """Refuse an option, or a setting of a person's own file, that changes nothing.

    Returns:
        A line that names those of a file of all settings, as a run writes it: nobody may have chosen them.
    """
    found = [value for tree in trees for value in values(tree) if id(value) in without_effect]
    _, *files, _ = trees
    own = files[-1] if files else Tree()
    is_whole = own.keys() >= {field.name for field in dataclasses.fields(Settings)}
    judged = {id(value) for value in values(own)} if not is_whole else set[int]()
    if trees[-1] and judged & without_effect.keys():
        # An option may replace what a setting of the file stands beside, and that is no mistake.
        try:
            judged &= _resolved(trees[:-1], size, is_compared=is_compared)[1].keys()
        except UsageError:  # the file needs the options
            judged = set()
    for value in found:
        if value.is_text or id(value) in judged:
            raise without_effect[id(value)]
    idle_there = [value for value in values(own) if is_whole and id(value) in without_effect]
    if not idle_there:
        return []
    each = [f"line {value.line}, {without_effect[id(value)].message}" for value in idle_there[:_MOST_IDLE]]
    rest = len(idle_there) - len(each)
    each += [f"and {rest} more"] * bool(rest)
    return [f"note: {own.file} has settings without effect: {'; '.join(each)}"]


def _with_rows(tree: Tree, name: str, completed: Callable[[Tree], Tree]) -> Tree:
    """Return the tree with each [[name]] completed; rows that are no tables are refused later."""
    rows = tree.get(name)
    if not isinstance(rows, Given) or not isinstance(rows.value, list):
        return tree
    whole = [completed(row) if isinstance(row, Tree) else row for row in rows.value]
    return Tree({**tree, name: Given(whole, rows.file, rows.line)}, tree.file, tree.line)


def _tuned(row: Tree, chosen: Tree) -> Tree:
    """Return an [[imported]] with what was chosen for fine-tuning its kind, where it is silent about it."""
    tuning = (kind_of(row.get("folder")), "finetune")
    wanted = {
        "epochs": at_path(chosen, *tuning, "epochs"),
        "learning_rate": at_path(chosen, *tuning, "optimizer", "learning_rate"),
    }
    decided = {name: value for name, value in wanted.items() if isinstance(value, Given)}
    return Tree({**decided, **row}, row.file, row.line)


def _whole_arm(row: Tree, tree: Tree) -> Tree:
    """Return an [[arm]] completed by the settings of its kind."""
    kind = row.get("kind", Given("", row.file, row.line))
    name = kind.value if isinstance(kind, Given) else dict(kind)
    if name not in KINDS:
        raise wrong(kind, f"the kind of an arm can't be {shown(name)}", f"there are: {', '.join(KINDS)}")
    pretrain = row.get("pretrain", {})
    if isinstance(pretrain, Tree) and "start" in pretrain:
        hint = f"set {name}.pretrain.start for the kind, or compare the model as [[imported]]"
        raise wrong(pretrain["start"], "an arm can't continue from a model of its own", hint)
    return merge(tree[name], row)


def _size_of(trees: list[Tree]) -> dict[str, Any] | None:
    """Return the size in the last tree that has one, and remove it from all."""
    named = [tree.pop("size") for tree in trees if "size" in tree]
    if not named:
        return None
    name = named[-1].value if isinstance(named[-1], Given) else dict(named[-1])
    if not isinstance(name, str) or name not in SIZES:
        raise wrong(named[-1], f"size can't be {shown(name)}", build.closest(shown(name), SIZES))
    size: dict[str, Any] = SIZES[name]
    return size


def closest_size(start: Start | None) -> str:
    """Return the name of the size whose learning rates suit a model to continue from; else the usual size."""
    width = start.sizes["width"] if start else SIZES[DEFAULT_SIZE]["model"]["width"]
    return min(SIZES, key=lambda name: abs(SIZES[name]["model"]["width"] - width))


def spread(*trees: Tree) -> Tree:
    """Return the union of trees, with the tables for both kinds moved into each kind's, under its own."""
    return merge(*map(_spread, trees))


def _without(tree: Tree, file: str) -> Tree:
    """Return a tree without the values that a file gave."""
    rest = {key: _without(value, file) if isinstance(value, Tree) else value for key, value in tree.items()}
    kept = {key: value for key, value in rest.items() if isinstance(value, Tree) or value.file != file}
    return Tree(kept, tree.file, tree.line)


def _spread(tree: Tree) -> Tree:
    own = {key: value for key, value in tree.items() if key not in SHARED}
    shared = {key: tree[key] for key in SHARED if key in tree}
    spread = Tree({kind: Tree(shared, tree.file, tree.line) for kind in KINDS if shared})
    return merge(spread, Tree(own, tree.file, tree.line))
