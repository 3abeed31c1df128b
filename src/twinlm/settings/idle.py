"""Settings that would change nothing beside the others: whoever gives one is told, and why.

Only what a person gave is judged (`settings/presets.py`): not presets, not recipes that a file starts from,
not a file that writes out every setting. In a file, a setting with its default value is fine.
"""

import dataclasses
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from twinlm.errors import UsageError
from twinlm.settings import KindSettings, Settings
from twinlm.settings.starting import Start
from twinlm.settings.training import ArmSettings
from twinlm.settings.tree import Given, Tree, wrong

ONLY = {
    **dict.fromkeys(("pretrain.both_sides_share", "finetune.auxiliary_weight", "finetune.both_sides"), "gpt"),
    **dict.fromkeys(
        ("pretrain.static_masks", "pretrain.sentence_task", "pretrain.pairs", "pretrain.short_share"), "bert"
    ),
}
"""Settings that one kind of model uses, and that kind."""

_MASKS = "mask_share mask_unit max_predictions random_tokens"
_OF_TASKS = "seeds learning_rates label_counts untrained probes timing_seconds"
_TEXT_FILE = re.compile(r"\.txt(\.(gz|bz2|xz|zst))?$", re.IGNORECASE)
_DECODED_ELSEWHERE = re.compile(r"^hf:|\.parquet$", re.IGNORECASE)
_WITHOUT_NAMES = re.compile(r"\.conllu?(\.(gz|bz2|xz|zst))?$", re.IGNORECASE)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class _Place:
    """A given setting, and what stands beside it."""

    given: Given
    path: tuple[str, ...]  # tables and name, without the kind: ("pretrain", "optimizer", "warmup_share")
    own: Any  # record that holds it
    default: Any  # value without it
    model: Any  # settings of its kind or arm; None elsewhere
    kind: str  # kind of model; empty elsewhere
    settings: Settings
    starts: Mapping[str, Start]  # models to continue from, by kind
    are_tasks_settled: bool  # whether its source can't be combined with tasks of a later command
    is_compared: bool  # whether the command is a comparison

    @property
    def is_idle(self) -> bool:
        """Whether it changes nothing, and says so: a default value in a file claims nothing."""
        is_said = self.given.is_text or getattr(self.own, self.path[-1]) != self.default
        return is_said and bool(_why(self))


@dataclasses.dataclass(frozen=True, slots=True)
class _Rule:
    table: str
    names: str
    is_idle: Callable[[_Place], object]
    why: str
    kind: str = ""  # kind of model that it is for; empty for all


def _all_named(place: _Place, pattern: re.Pattern[str], *splits: str) -> bool:
    named = [getattr(place.own, split) for split in splits]
    files = [file for name in named for file in ([name] if isinstance(name, str) else name) if file]
    return bool(files) and all(map(pattern.search, files))


def _has_start(place: _Place) -> bool:
    return place.kind in place.starts


def _kinds(settings: Settings) -> list[KindSettings]:
    values = [getattr(settings, field.name) for field in dataclasses.fields(Settings)]
    return [value for value in values if isinstance(value, KindSettings)]


def _grows(place: _Place) -> bool:
    longest = place.model.model.max_length
    return _has_start(place) and longest > place.starts[place.kind].sizes["max_length"]


def _has_no_wordpiece(place: _Place) -> bool:
    return place.own.sharing == "own" and "bert" in place.starts


def _are_all_but(*kinds: str) -> Callable[[_Place], bool]:
    """Return whether there are tasks, none of these kinds, and none can be added."""

    def tell(place: _Place) -> bool:
        found = {task.kind for task in place.settings.task}
        return place.are_tasks_settled and bool(found) and found.isdisjoint(kinds)

    return tell


def _draws_no_positions(place: _Place) -> bool:
    is_drawn = place.model.pretrain.grown_positions == "drawn"
    return _has_start(place) and not (is_drawn and _grows(place))


def _has_other_rates(place: _Place) -> bool:
    return place.is_compared and "finetune" in place.path and bool(place.settings.compare.learning_rates)


def _has_no_task(place: _Place) -> bool:
    # A file may serve other commands; a shorter `model.max_length` needs a shorter one of `finetune`.
    is_option = place.given.is_text and place.path[-1] != "max_length"
    return place.is_compared and is_option and not place.settings.task


_has_no_probe = _are_all_but("classification", "similarity", "tagging")
_Found = tuple[Given, tuple[str, ...], Any, Any, Any, str]
_SPLITS = ("train", "valid", "test")
_RULES = (
    _Rule("corpus", "valid_share", lambda at: at.own.valid, "corpus.valid names the validation text"),
    _Rule("corpus", "test_share", lambda at: at.own.test, "corpus.test names the test text"),
    _Rule(
        "corpus",
        "text_field max_bad_share",
        lambda at: _all_named(at, _TEXT_FILE, *_SPLITS),
        "all text is in .txt files, which have no rows and fields",
    ),
    _Rule(
        "corpus",
        "encoding errors",
        lambda at: _all_named(at, _DECODED_ELSEWHERE, *_SPLITS),
        "Parquet files and data sets bring their encoding",
    ),
    _Rule("task", "valid_share", lambda at: at.own.valid and at.own.test, "valid and test name their files"),
    _Rule("task", "choices_field", lambda at: at.own.kind != "choice", 'it is for kind = "choice"'),
    _Rule("task", "text_b_field", lambda at: at.own.kind == "tagging", "tagging reads one text"),
    _Rule(
        "task",
        "text_field id_field",
        lambda at: at.own.kind == "tagging" and _all_named(at, _WITHOUT_NAMES, *_SPLITS),
        "CoNLL files have the words and ids in fixed places",
    ),
    _Rule(
        "tokenizer",
        "sharing algorithm vocab_size lowercase strip_accents max_train_characters",
        lambda at: all(kind.pretrain.start for kind in _kinds(at.settings)),
        "both models start from folders that bring their tokenizers",
    ),
    _Rule(
        "tokenizer",
        "algorithm",
        lambda at: at.own.sharing == "own",
        'with sharing = "own" each model has its paper\'s',
    ),
    _Rule("tokenizer", "strip_accents", _has_no_wordpiece, "no WordPiece is trained"),
    _Rule(
        "imported",
        "learning_rate",
        lambda at: at.settings.compare.learning_rates,
        "compare.learning_rates are tried for imported models too",
    ),
    _Rule("optimizer", "learning_rate", _has_other_rates, "compare.learning_rates are tried instead"),
    _Rule("quality", "most_pairs", lambda at: not at.own.pairs, "quality.pairs names no files"),
    _Rule("arm", "budget_share", lambda at: not at.own.pretrained, "the arm has pretrained = false"),
    _Rule("pretrain", "*", lambda at: not getattr(at.model, "pretrained", True), "pretrained = false"),
    _Rule(
        "pretrain",
        "first_objective",
        lambda at: not at.own.both_sides_share,
        "GPT predicts next tokens anyway",
        kind="gpt",
    ),
    _Rule(
        "pretrain",
        "first_share",
        lambda at: not at.own.first_length and at.own.first_objective == "same",
        "there is no first phase: set first_length or first_objective",
    ),
    _Rule("pretrain", "grown_positions", lambda at: not _grows(at), "no positions are added to a model"),
    _Rule(
        "pretrain",
        _MASKS,
        lambda at: not at.own.both_sides_share,
        "GPT masks tokens only with both_sides_share above 0",
        kind="gpt",
    ),
    _Rule(
        "pretrain",
        "short_share",
        lambda at: at.own.sentence_task == "none",
        'there are no pairs with sentence_task = "none"',
    ),
    _Rule("optimizer", "warmup_share", lambda at: at.own.warmup_steps, "warmup_steps decides the warm-up"),
    _Rule("model", "first_positions", _draws_no_positions, "the positions of the start model are taken"),
    _Rule("compare", _OF_TASKS, _has_no_task, "there is no task to fine-tune on: give --task"),
    _Rule("finetune", "*", _has_no_task, "there is no task to fine-tune on: give --task"),
    _Rule("compare", "probes", _has_no_probe, "there are no frozen probes of choices and questions"),
    _Rule("finetune", "head_start", _has_no_probe, "there are no probes of choices and questions"),
    _Rule(
        "finetune",
        "summary",
        _are_all_but("classification", "similarity", "choice"),
        "no head reads a whole text",
    ),
    _Rule("finetune", "stride", _are_all_but("span_qa"), 'no task has kind = "span_qa"'),
)


def idle(
    tree: Tree, settings: Settings, defaults: Settings, starts: Mapping[str, Start], *, is_compared: bool
) -> dict[int, UsageError]:
    """Return for each value of a tree, by its `id`, that changes nothing, the error that says so.

    `settings` are built of the tree, `defaults` without anything that a person gave. `is_compared` tells
    whether they are for a comparison.
    """
    tasks = tree.get("task")
    tasks_file = tasks.file if isinstance(tasks, Given) else None
    places: dict[int, list[_Place]] = {}
    for given, path, own, default, model, kind in _walk(tree, settings, defaults):
        place = _Place(
            given=given,
            path=path,
            own=own,
            default=default,
            model=model,
            kind=kind,
            settings=settings,
            starts=starts,
            are_tasks_settled=given.is_text or tasks_file is not None,
            is_compared=is_compared,
        )
        places.setdefault(id(given), []).append(place)
    return {
        number: _error(several[0])
        for number, several in places.items()
        if all(place.is_idle for place in several)
    }


def values(tree: Tree) -> Iterator[Given]:
    """Yield the values of a tree, also those in rows of lists."""
    for value in tree.values():
        rows = value.value if isinstance(value, Given) else None
        if isinstance(value, Tree):
            yield from values(value)
        elif isinstance(rows, list) and any(isinstance(row, Tree) for row in rows):
            for row in rows:
                yield from values(row)
        else:
            yield value


def _error(place: _Place) -> UsageError:
    message = f"{'.'.join(place.path)} would change nothing: {_why(place)}"
    return wrong(place.given, message, "leave it out")


def _why(place: _Place) -> str:
    only = ONLY.get(".".join(place.path))
    if only and place.kind and only != place.kind:
        return f"only {only} uses it"
    *tables, name = place.path
    for rule in _RULES:
        if rule.kind and place.kind != rule.kind:
            continue
        is_named = name in rule.names.split() and tables[-1:] == [rule.table]
        if (is_named or (rule.names == "*" and rule.table in tables)) and rule.is_idle(place):
            return rule.why
    return ""


def _walk(
    tree: Tree, own: Any, default: Any, path: tuple[str, ...] = (), model: Any = None, kind: str = ""
) -> Iterator[_Found]:
    """Yield each value of a tree with its path, its record, its default, and the model that it is for."""
    for name, value in tree.items():
        mine, usual = getattr(own, name), getattr(default, name)
        if isinstance(mine, ArmSettings | KindSettings):
            yield from _walk(value, mine, usual, (), mine, name)
        elif isinstance(value, Tree):
            yield from _walk(value, mine, usual, (*path, name), model, kind)
        elif _has_rows(mine):
            yield from _walk_rows(name, value.value, mine, own)
        else:
            yield value, (*path, name), own, usual, model, kind


def _walk_rows(name: str, rows: list[Tree], records: Sequence[Any], settings: Settings) -> Iterator[_Found]:
    for row, record in zip(rows, records, strict=True):
        if not isinstance(record, ArmSettings):
            yield from _walk(row, record, type(record)(), (name,))
            continue
        of_kind = getattr(settings, record.kind)
        usual = ArmSettings(model=of_kind.model, pretrain=of_kind.pretrain, finetune=of_kind.finetune)
        tables = Tree({key: value for key, value in row.items() if isinstance(value, Tree)})
        yield from _walk(tables, record, usual, (), record, record.kind)
        rest = Tree({key: value for key, value in row.items() if key not in tables})
        yield from _walk(rest, record, usual, (name,), record, record.kind)


def _has_rows(value: Any) -> bool:
    return isinstance(value, tuple) and any(map(dataclasses.is_dataclass, value))
