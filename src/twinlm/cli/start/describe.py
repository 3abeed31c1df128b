"""`twinlm describe`: every value of a recipe, its source, and the departures from the paper."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from twinlm.cli import settings_table
from twinlm.cli.command import Command
from twinlm.cli.options import AnySetting, Json, read_settings
from twinlm.cli.tables import aligned, print_record
from twinlm.settings import Settings, build, presets, recipes
from twinlm.settings.starting import Start, read_start
from twinlm.settings.tree import Given, Tree, merge, read_overrides

_TABLES = ("tokenizer", "budget", *presets.KINDS)
_ONLY = " only."


def command(
    recipe: Annotated[Path | None, Parameter(help="A recipe's name, or a settings file.")] = None,
    /,
    *,
    is_json: Json = False,
    **settings: AnySetting,
) -> None:
    """Show a recipe's values and where they come from.

    Use it to see what a paper trained, before you train it or depart from it. A
    recipe is a settings file bundled with twinlm: those of the papers, and pairs
    of equal size. Each value names its section of the paper or its file of the
    released code; departures and model sizes stand below. Every command that
    takes a settings file takes a recipe's name. Without a name, all recipes are
    listed.

    Examples:
      twinlm describe
      twinlm describe gpt1-paper
      twinlm describe bert-base-paper --json
      twinlm describe my.toml --size mini
    Next:
      twinlm plan bert-base-paper --corpus.train my-text.txt
    """
    if recipe is None:
        titles = {name: recipes.read_notes(recipes.find(Path(name))).title for name in recipes.names()}
        print_record(titles, aligned(list(titles.items()), left=(0, 1)), is_json=is_json)
        return
    described = description(recipe, settings)
    print_record(described, as_text(described), is_json=is_json)


def description(recipe: Path, options: dict[str, str]) -> dict[str, Any]:
    """Return values, departures and model sizes of a recipe or settings file, with options over it."""
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


def as_text(described: dict[str, Any]) -> str:
    """Return a description as people read it."""
    rows = [(row["name"], settings_table.shown(row["value"]), row["source"]) for row in described["values"]]
    lines = [described["title"] or described["recipe"], "", aligned(rows, left=(0, 1, 2))]
    if described["deviations"]:
        lines += ["", "Departures from the paper:"]
        lines += [f"- {text}" for text in described["deviations"]]
    for model in described["models"]:
        lines += ["", f"{model['label']}: {model['parameters']:,} parameters"]
        if model["parameters"] != model["without_heads"]:
            lines[-1] += f", {model['without_heads']:,} without the pre-training heads"
        lines += [f"  {model['layer_parameters']:,} of them in its layers"]
        for phase in model["phases"]:
            share, tokens = phase["share"], phase["tokens_per_step"]
            lines.append(
                f"  {100 * share:.0f} % of the steps: {tokens:,} tokens a step, length {phase['length']:,}"
            )
    return "\n".join(lines)


def _kinds_of(tree: Tree) -> list[str]:
    """Return the kinds that a file has tables of; both if it sets the training of both."""
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
        source: Any = given
        for name in path:
            source = source.get(name) if isinstance(source, Tree) else None
        name = ".".join(path)
        only = meanings.get(name.partition(".")[2], "").partition(_ONLY)
        is_foreign = bool(only[1]) and only[0].lower() in presets.KINDS and only[0].lower() != path[0]
        is_wanted = path[0] in _TABLES or isinstance(source, Given)
        if is_wanted and path[0] not in others and not is_foreign:
            start = starts.get(path[0])
            words = _source(source, notes) if isinstance(source, Given) else _default_of(path, size, start)
            yield {"name": name, "value": value, "source": words}


def _leaves(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(inner, (*path, name))
    else:
        yield path, tuple(value) if isinstance(value, list) else value


def _source(given: Given, notes: Mapping[str, recipes.Notes]) -> str:
    if given.is_text:
        return f"option {given.file}"
    return notes[str(given.file)].sources.get(given.line or 0, f"line {given.line}")


def _default_of(path: tuple[str, ...], size: Any, start: Start | None) -> str:
    """Return the source of a value that was not given."""
    kind, *inner = path
    sources = {f"default of {kind}": presets.KIND_DEFAULTS.get(kind, {})}
    if kind in presets.KINDS:
        name = size.value if isinstance(size, Given) else presets.closest_size(start)
        sources[f"size {name}"] = presets.SIZES[name]
    if start:
        sources[f"of {start.setting.value}"] = start.settings
    source = "default"
    for words, table in sources.items():
        value: Any = table
        for key in inner:
            value = value.get(key) if isinstance(value, dict) else None
        source = words if value is not None else source
    return source


def _model(kind: str, resolved: Settings, start: Start | None) -> dict[str, Any]:
    """Return a kind's model sizes, counted without allocating memory, and the size of its steps."""
    from twinlm.core.count import layer_count, parameter_count
    from twinlm.core.initialize import without_weights
    from twinlm.families import family
    from twinlm.train.phases import phases

    of_kind, options = family(kind), getattr(resolved, kind)
    vocab_size = start.vocab_size if start else resolved.tokenizer.vocab_size
    with without_weights():
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


COMMAND = Command("describe", command)
