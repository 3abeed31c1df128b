"""Draws settings of every kind, and takes a training step with those that are valid.

Most values are small and valid; some stand at the ends of their ranges or are of another type, some names are
wrong, and some values contradict each other. What is valid plans its steps, trains one, and is mostly
fine-tuned for a step or two, through the functions that a run calls.
"""

import dataclasses
import math
import shutil
import typing
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from random import Random
from typing import Any, Literal

import tomli_w

from twinlm.data.labels.examples import Example
from twinlm.data.labels.task import LabelledTask
from twinlm.data.text.sentences import split_sentences
from twinlm.data.tokens.store import TokenStore
from twinlm.data.tokens.writing import write_store
from twinlm.families import FAMILIES
from twinlm.settings import KindSettings, Settings, presets
from twinlm.system import hardware
from twinlm.system.log import Silent
from twinlm.system.stopping import Stop
from twinlm.tokenizer import Tokenizer, train_tokenizer
from twinlm.train.costs import budget_steps, check_memory, count_parameters, step_costs
from twinlm.train.finetune import finetune, steps_of
from twinlm.train.pretrain import pretrain

SENTENCES = (
    *("The red cat sat on the mat.", "A big dog ran to the old house.", "She drinks tea with milk."),
    *("It rains.", "Two birds sing in the tree; one is small!", "Who asked for 12 cakes?"),
)
SMALL: dict[str, tuple[Any, ...]] = {
    "layers": (1, 1, 2, 3),
    "width": (4, 8, 8, 12, 16, 64),
    "heads": (1, 1, 2, 3, 4),
    "feed_forward": (0, 1, 8, 32),
    "max_length": (16, 32, 32, 64),
    "length": (8, 16, 16, 24, 64),
    "first_length": (0, 0, 8, 12, 16),
    "batch_sequences": (1, 2, 4, 4, 6),
    "micro_batch_sequences": (0, 0, 1, 2, 3),
    "validations": (1, 2),
    "validation_sequences": (1, 2, 5),
    "seed": (0, 0, 1, 2**40),
    "threads": (0, 1),
    "checkpoint_every_steps": (1, 2, 100),
    "epochs": (1, 1, 2),
    "batch_examples": (1, 4, 8),
    "micro_batch_examples": (0, 0, 1, 2, 3),
    "stride": (1, 8, 128),
    "vocab_size": (16, 40, 270, 300, 300),
    "transferred_layers": (-1, -1, 0, 1, 2),
    "frozen_layers": (-1, -1, 0, 1, 2),
    "kind": ("gpt", "bert"),
    "start": ("", "", "", "nowhere"),
    "learning_rate": (1e-3, 1e-3, 1e-9, 1.0),
    "auxiliary_weight": (0, 0, 0.5, 100),
    "amount": (1e9, 1e12, 1e12, 1e27, 1.0),
}
"""Of what decides how long a step takes, and of what has few valid values."""
HOSTILE: tuple[Any, ...] = (
    *(0, -1, 1, 2**31, 2**63, 10**30, 0.0, -0.5, 1.5, math.nan, math.inf, -math.inf, 1e308, 1e-320, 3.0),
    *("", "1", "true", "nan", "1e400", "gpt", "x" * 300, "\u2028", "../x", "auto", True, False, [], {}, [[]]),
    *([1, 1], ["a", 2], {"a": 1}, [{"a": {}}], {"model": {"width": 8}}),
)
MOST_WORK = 3_000_000
"""Numbers that a step may hold: of larger settings memory is estimated, but nothing is built."""
MOST_LAYERS = 30
MOST_EXAMPLES = 200
"""Of a fine-tuning, each as often as it is read."""


class Laboratory:
    """Where settings are tried.

    Args:
        folder: for what trainings write.
        judge: `bench.judge`.
    """

    def __init__(self, folder: Path, judge: Callable[..., tuple[str, float]]) -> None:
        self.folder, self._judge = folder, judge
        self.trained = 0
        """How many settings took a step."""
        self._store = cache(partial(_written_store, folder))

    def run(self, seed: int, number: int) -> tuple[str, float]:
        """Draw and try settings; return what came of them, and the seconds."""
        chance = Random(f"{seed}/settings/{number}")
        found: list[Settings] = []
        table = draw(chance)
        outcome, seconds = self._judge(lambda: found.append(self._resolved(table, chance)), (2,))
        if outcome != "accepted":
            return outcome, seconds
        outcome, more_s = self._judge(lambda: self._try(found[-1], chance), (2, 3, 5, 6))
        return outcome, seconds + more_s

    def _resolved(self, table: dict[str, Any], chance: Random) -> Settings:
        """Give settings as a file, as options, or as both."""
        path, options = self.folder / "my.toml", {}
        how = chance.randrange(4)
        if how == 0:
            options, table = dict(_flat(table)), {}
        elif how == 1 and table:
            name = chance.choice(list(table))
            options = dict(_flat({name: table.pop(name)}))
        self.folder.mkdir(parents=True, exist_ok=True)
        path.write_bytes(tomli_w.dumps(table).encode("utf-8", "surrogatepass"))
        return presets.resolve(path, options)

    def _try(self, settings: Settings, chance: Random) -> None:
        """Take a step as a run would, if that is small."""
        arms: list[KindSettings] = [arm for arm in settings.arm if arm.kind in FAMILIES]
        kind = chance.choice(presets.KINDS)
        given: Any = chance.choice([getattr(settings, kind), *arms])
        family = FAMILIES[getattr(given, "kind", kind)]
        options = settings.tokenizer
        algorithm = options.algorithm if options.sharing == "shared" else family.own_algorithm
        if options.vocab_size > 1000:
            check_memory(family, given, options.vocab_size)
            return
        cut, store = self._store(algorithm, options.vocab_size, options.lowercase)
        check_memory(family, given, cut.vocab_size)
        parameters, _ = count_parameters(family, given.model, cut.vocab_size)
        rows = max(given.pretrain.batch_sequences, given.pretrain.validation_sequences)
        states = rows * given.pretrain.length * given.model.width * given.model.layers
        if parameters + states > MOST_WORK or given.model.layers > MOST_LAYERS:
            return
        if chance.random() < 0.3:
            costs = step_costs(family, given, store, cut, settings.seed)
            if chance.random() < 0.5:
                budget_steps(settings.budget, costs, 0.01)
        folder = self.folder / "run"
        shared: dict[str, Any] = {
            "seed": settings.seed,
            "precision": hardware.precision(settings.precision),
            "progress": Silent(),
            "stop": Stop(),
        }
        try:
            model = pretrain(
                family,
                given,
                steps=chance.choice((1, 1, 2)),
                train_store=store,
                valid_store=store,
                tokenizer=cut,
                folder=folder / "model",
                title="fuzz",
                **shared,
            )
            task = made_task(chance)
            examples = steps_of(given.finetune, len(task.train)) * given.finetune.batch_examples
            if examples < MOST_EXAMPLES:
                finetune(model, task, given.finetune, folder=folder / "tuned", title="fuzz", **shared)
            self.trained += 1
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def draw(chance: Random) -> dict[str, Any]:
    """Return settings as a nested dictionary."""
    odd = chance.choice((0.0, 0.0, 0.0, 0.003, 0.01, 0.05))
    table = _draw(Settings, chance, odd)
    shared = _draw(KindSettings, chance, odd)
    table.update({name: value for name, value in shared.items() if chance.random() < 0.7})
    small = {"model": ("width", "layers", "heads", "max_length"), "tokenizer": ("vocab_size",)}
    small |= {"pretrain": ("length", "batch_sequences", "validation_sequences"), "finetune": ("max_length",)}
    for name, keys in small.items():
        if chance.random() < 0.98 and isinstance(table.setdefault(name, {}), dict):
            for key in keys:
                table[name].setdefault(key, {"length": 8, "heads": 1, "width": 8}.get(key, SMALL[key][2]))
    if chance.random() < 0.3:
        table["size"] = chance.choice((*presets.SIZES, *presets.SIZES, "huge"))
    if chance.random() < odd:
        table[chance.choice(("sead", "model.width", "", "x" * 200, "tasks", "recipe"))] = chance.choice(
            HOSTILE
        )
    return table


def _draw(kind: Any, chance: Random, odd: float, share: float = 0.25) -> dict[str, Any]:
    """Return values for some of a dataclass's fields, `odd` of them of any kind."""
    table: dict[str, Any] = {}
    hints = typing.get_type_hints(kind)
    for field in dataclasses.fields(kind):
        hint = hints[field.name]
        if chance.random() < odd:
            name = field.name if chance.random() < 0.7 else field.name.replace("e", "a", 1) + "s"
            table[name] = chance.choice(HOSTILE)
        elif dataclasses.is_dataclass(hint):
            if chance.random() < 0.5:
                table[field.name] = _draw(hint, chance, odd, share / 2)
        elif chance.random() < share:
            table[field.name] = _value(field, hint, chance, odd)
    return table


def _value(field: Any, hint: Any, chance: Random, odd: float) -> Any:
    """Return a value that mostly is allowed."""
    limits = field.metadata
    if typing.get_origin(hint) is tuple:
        item = typing.get_args(hint)[0]
        if dataclasses.is_dataclass(item):
            rows = [_draw(item, chance, odd, 0.15) for _ in range(chance.choice((0, 0, 0, 1, 2)))]
            return [
                {"name": f"row {number}", **_with_kind(item, row, chance)} for number, row in enumerate(rows)
            ]
        some = {int: (1, 2, 30), float: (1e-4, 1e-3, 0.5), str: ("a.txt", "*.jsonl", "hf:x")}[item]
        return [chance.choice(some) for _ in range(chance.choice((0, 1, 1, 2)))]
    if typing.get_origin(hint) is Literal:
        return chance.choice(typing.get_args(hint))
    if field.name in SMALL and chance.random() < 0.97:
        return chance.choice(SMALL[field.name])
    if hint is bool:
        return chance.random() < 0.5
    if hint is str:
        return chance.choice(("", "a", "a b", field.default if isinstance(field.default, str) else ""))
    ends = [limits.get(name) for name in ("least", "most", "above") if limits.get(name) is not None]
    usual = [field.default] * 4 + ends
    if hint is float:
        return float(chance.choice([*usual, *(end + 1e-6 for end in ends), *(end - 1e-6 for end in ends)]))
    return int(chance.choice([*usual, *(end + 1 for end in ends), *(end - 1 for end in ends)]))


def _with_kind(item: Any, row: dict[str, Any], chance: Random) -> dict[str, Any]:
    """Return a row with the kind that an arm must have; seldom without."""
    is_arm = any(field.name == "budget_share" for field in dataclasses.fields(item))
    return {"kind": chance.choice(presets.KINDS), **row} if is_arm and chance.random() < 0.95 else row


def _flat(table: dict[str, Any], before: str = "") -> list[tuple[str, str]]:
    """Return settings as options, as somebody would type them."""
    found: list[tuple[str, str]] = []
    for key, value in table.items():
        if isinstance(value, dict):
            found += _flat(value, f"{before}{key}.")
        else:
            text = (
                tomli_w.dumps({"x": value}).partition("=")[2].strip() if not isinstance(value, str) else value
            )
            found.append((f"{before}{key}", text))
    return found


def made_task(chance: Random) -> LabelledTask:
    """Return a task of any kind with a few examples."""
    kind = chance.choice(("classification", "similarity", "choice", "tagging", "span_qa"))
    rows = []
    for number in range(8):
        text = SENTENCES[number % len(SENTENCES)]
        words = tuple(text.split())
        texts, gold = {
            "classification": ((text,), "ab"[number % 2]),
            "similarity": ((text, SENTENCES[number % 3]), number / 4),
            "choice": ((text, "so", "thus"), number % 2),
            "tagging": (words, ["B-X", *["O"] * (len(words) - 1)]),
            "span_qa": (("What?", text), [{"text": text[:3], "start": 0}] if number % 4 else []),
        }[kind]
        rows.append(Example(f"row-{number}", texts, gold))
    classes = {"classification": ("a", "b"), "tagging": ("B-X", "O")}.get(kind, ())
    parts = {"train": tuple(rows[:4]), "valid": tuple(rows[4:6]), "test": tuple(rows[6:])}
    return LabelledTask(name="fuzz", classes=classes, kind=kind, **parts)


def _written_store(
    folder: Path, algorithm: Any, vocab_size: int, lowercase: bool
) -> tuple[Tokenizer, TokenStore]:
    """Return a tokenizer and a store of a few documents."""
    texts = [" ".join(SENTENCES[number % 4 :]) for number in range(24)]
    made: dict[str, Any] = {"vocab_size": vocab_size, "lowercase": lowercase, "progress": Silent()}
    cut = train_tokenizer(texts, algorithm=algorithm, **made)
    name = f"{algorithm}-{vocab_size}-{lowercase}"
    return cut, write_store(folder / name, texts, cut, split_sentences, total=24, progress=Silent())
