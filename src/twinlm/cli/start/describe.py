"""`twinlm describe`: every value of a recipe, where it is from, and what it departs from."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from twinlm.cli import settings_table
from twinlm.cli.options import SETTINGS_NOTE, AnySetting, Json, read_settings
from twinlm.settings import Settings, build, presets, recipes
from twinlm.settings.starting import Start, read_start
from twinlm.settings.tree import Given, Tree, merge, read_overrides

NAME = "describe"
EXAMPLES = f"""Examples:
  twinlm describe
  twinlm describe gpt1-paper
  twinlm describe bert-base-paper --json
  twinlm describe my.toml --size mini

{SETTINGS_NOTE}"""

_TABLES = ("tokenizer", "budget", *presets.KINDS)
_ONLY = " only."


def command(
    recipe: Annotated[Path | None, Parameter(help="A recipe's name, or a settings file.")] = None,
    /,
    *,
    is_json: Json = False,
    **settings: AnySetting,
) -> None:
    """Show every value of a recipe and where it is from.

    A recipe is a settings file that comes with twinlm: those of the papers,
    and pairs of equal size. Values say which section of a paper, or which
    file of its released code, they are from; below them stands how we depart
    from it, and how large the models are. Any command that takes a settings
    file takes a recipe's name. Without a name, all recipes are listed.
    """
    if recipe is None:
        titles = {name: recipes.read_notes(recipes.find(Path(name))).title for name in recipes.names()}
        width = max(map(len, titles))
        lines = [f"{name:<{width}}  {title}" for name, title in titles.items()]
        print(json.dumps(titles) if is_json else "\n".join(lines))
        return
    found = description(recipe, settings)
    print(json.dumps(found, ensure_ascii=False) if is_json else as_text(found))


def description(recipe: Path, options: dict[str, str]) -> dict[str, Any]:
    """Return what there is to say of a recipe or settings file, with options over it."""
    resolved = read_settings(recipe, options, is_demo=False)
    trees = recipes.read_trees(recipe)
    notes = {str(tree.file): recipes.read_notes(Path(str(tree.file))) for tree in trees}
    overrides = read_overrides({name.replace("/", "."): value for name, value in options.items()})
    given = presets.spread(*trees, overrides)
    kinds = [kind for kind in presets.KINDS if kind in _kinds_of(merge(*trees))]
    starts = {kind: read_start(kind, given) for kind in kinds}
    values = list(_values(resolved, given, notes, starts))
    return {
        "recipe": str(recipe),
        "file": str(recipes.find(recipe)),
        "title": list(notes.values())[-1].title,
        "values": values,
        "deviations": [text for of_file in notes.values() for text in of_file.deviations],
        "models": [_model(kind, resolved, start) for kind, start in starts.items()],
    }


def as_text(found: dict[str, Any]) -> str:
    """Return a description as people read it."""
    rows = [(row["name"], settings_table.shown(row["value"]), row["source"]) for row in found["values"]]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    lines = [found["title"] or found["recipe"], ""]
    lines += [f"{name:<{widths[0]}}  {value:<{widths[1]}}  {source}" for name, value, source in rows]
    if found["deviations"]:
        lines += ["", "Departures from the paper:"]
        lines += [f"- {text}" for text in found["deviations"]]
    for model in found["models"]:
        lines += ["", f"{model['label']}: {model['parameters']:,} parameters"]
        if model["parameters"] != model["without_heads"]:
            lines[-1] += f", {model['without_heads']:,} without the heads of pre-training"
        lines += [f"  {model['layer_parameters']:,} of them in its layers"]
        for phase in model["phases"]:
            share, tokens = phase["share"], phase["tokens_per_step"]
            lines.append(f"  {share:.0%} of the steps: {tokens:,} tokens a step, length {phase['length']:,}")
    return "\n".join(lines)


def _kinds_of(tree: Tree) -> list[str]:
    """Return the kinds that a file is about: those it has tables of, unless it sets both kinds' training."""
    named = [kind for kind in presets.KINDS if kind in tree]
    return list(presets.KINDS) if not named or "pretrain" in tree or "size" in tree else named


def _values(
    resolved: Settings, given: Tree, notes: Mapping[str, recipes.Notes], starts: Mapping[str, Start | None]
) -> Iterator[dict[str, Any]]:
    """Yield name, value and source of each setting that matters for these kinds."""
    size = given.get("size")
    if isinstance(size, Given):
        yield {"name": "size", "value": size.value, "source": _source(size, notes)}
    meanings = {row.name: row.meaning for row in settings_table.rows()}
    others = set(presets.KINDS) - set(starts)
    for path, value in _leaves(build.plain(resolved), ()):
        place: Any = given
        for name in path:
            place = place.get(name) if isinstance(place, Tree) else None
        name = ".".join(path)
        only = meanings.get(name.partition(".")[2], "").partition(_ONLY)
        is_foreign = bool(only[1]) and only[0].lower() in presets.KINDS and only[0].lower() != path[0]
        is_wanted = path[0] in _TABLES or isinstance(place, Given)
        if is_wanted and path[0] not in others and not is_foreign:
            start = starts.get(path[0])
            source = _source(place, notes) if isinstance(place, Given) else _default_of(path, size, start)
            yield {"name": name, "value": value, "source": source}


def _leaves(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(inner, (*path, name))
    else:
        yield path, tuple(value) if isinstance(value, list) else value


def _source(place: Given, notes: Mapping[str, recipes.Notes]) -> str:
    if place.is_text:
        return f"option {place.file}"
    return notes[str(place.file)].sources.get(place.line or 0, f"line {place.line}")


def _default_of(path: tuple[str, ...], size: Any, start: Start | None) -> str:
    """Return where a value is from that nobody gave."""
    kind, *inner = path
    places = {f"default of {kind}": presets.KIND_DEFAULTS.get(kind, {})}
    if kind in presets.KINDS:
        name = size.value if isinstance(size, Given) else presets.closest_size(start)
        places[f"size {name}"] = presets.SIZES[name]
    if start:
        places[f"of {start.setting.value}"] = start.settings
    found = "default"
    for words, table in places.items():
        value: Any = table
        for key in inner:
            value = value.get(key) if isinstance(value, dict) else None
        found = words if value is not None else found
    return found


def _model(kind: str, resolved: Settings, start: Start | None) -> dict[str, Any]:
    """Return how large a kind's model is, counted without memory, and what its steps read."""
    import torch

    from twinlm.core.count import layer_count, parameter_count
    from twinlm.families import family
    from twinlm.train.phases import phases

    of_kind, options = family(kind), getattr(resolved, kind)
    vocab_size = start.vocab_size if start else resolved.tokenizer.vocab_size
    with torch.device("meta"):
        model = of_kind.model(of_kind.configure(options.model, vocab_size))
    heads = sum(parameter_count(model.get_submodule(name)) for name in of_kind.pretraining_heads)
    return {
        "kind": kind,
        "label": of_kind.label,
        "parameters": parameter_count(model),
        "without_heads": parameter_count(model) - heads,
        "layer_parameters": layer_count(model),
        "phases": [
            {
                "share": round(phase.share, 9),
                "length": phase.settings.length,
                "tokens_per_step": phase.settings.length * phase.settings.batch_sequences,
            }
            for phase in phases(options.pretrain)
        ],
    }
