"""The models behind the routes: their names, what each can do, and which one a request means."""

import contextlib
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from twinlm import checkpoint
from twinlm.checkpoint import Trained, missing_parts
from twinlm.errors import ModelError, UsageError
from twinlm.evidence.records import Ledger
from twinlm.serve.engine import Engine
from twinlm.serve.limits import Limits, RefusalError
from twinlm.serve.turns import Turns
from twinlm.system import storage
from twinlm.system.records import as_record
from twinlm.use.load import find_model, models_below
from twinlm.use.next_sentence import check_learned
from twinlm.use.spelling import token_name

Metric = Callable[[str], Callable[[int], None]]
"""Returns for a model's name what takes the size of each of its batches."""

_TASKS = {
    "classification": "classify",
    "similarity": "rate pairs",
    "tagging": "tag",
    "span_qa": "answer questions",
    "choice": "choose",
}
_BYTES_A_TOKEN = 16  # a token is read in the time in which at least so many bytes are cut into tokens
_LEFT_OUT = re.compile(r"(labels|pretrained)-")


@dataclass(frozen=True, kw_only=True, slots=True)
class Served:
    """A model that answers requests."""

    name: str
    """Name in requests, such as "demo/gpt"."""
    folder: Path
    """Folder that it was read from."""
    trained: Trained
    """Model."""
    engine: Engine
    """Queue and thread of the model."""
    created_s: int
    """Time at which its folder was written, in seconds since 1970."""
    _names: dict[int, str] = field(default_factory=dict)
    """Names of tokens that were asked for before."""

    @property
    def abilities(self) -> list[str]:
        """What it can do, in the words of messages."""
        trained = self.trained
        if trained.task is not None:
            return [_TASKS[trained.task.kind]]
        lacks = missing_parts(trained)
        can = ["embed"]
        can += ["score", "continue texts"] if trained.family.is_generative else []
        can += (
            ["score", "fill gaps"]
            if not trained.family.is_generative and "masked_token_head" not in lacks
            else []
        )
        with contextlib.suppress(ModelError):
            check_learned(trained)
            can.append("tell what follows")
        return can

    @property
    def longest(self) -> int:
        """Most tokens that it reads at once."""
        task, sizes = self.trained.task, cast(Any, self.trained.model.config)
        return task.max_length if task else int(sizes.max_length)

    def tokens(self, texts: Sequence[str]) -> int:
        """Return the most tokens that are read of one input of these texts: a token has a byte or more.

        A long text counts for more than is read of it, as it must be cut into tokens first.
        """
        size_bytes = sum(len(text.encode()) for text in texts)
        return max(min(size_bytes + len(texts) + 1, self.longest), size_bytes // _BYTES_A_TOKEN)

    def token_name(self, token: int) -> str:
        """Return a token's name; see `use/spelling.py`."""
        if token not in self._names:
            self._names[token] = token_name(self.trained.tokenizer, token)
        return self._names[token]

    def check_answer(self, numbers: int) -> None:
        """Refuse a request (413) whose answer would have too many numbers."""
        if numbers > (most := self.engine.limits.answer_numbers):
            message = f"the answer may have {numbers:,} numbers, more than {most:,}"
            raise RefusalError(413, f"{message}: send it in parts")

    @property
    def width(self) -> int:
        """Number of numbers in a vector."""
        return int(cast(Any, self.trained.model.config).width)

    def describe(self) -> dict[str, Any]:
        """Return what people are told of the model."""
        trained = self.trained
        task = trained.task
        return {
            "name": self.name,
            "kind": trained.family.label,
            "task": task.kind if task else None,
            "labels": list(task.labels) if task else [],
            "abilities": self.abilities,
            "max_length": self.longest,
            "parameters": sum(each.numel() for each in (trained.tuned or trained.model).parameters()),
        }


class Models:
    """All served models."""

    def __init__(self, served: Iterable[Served], turns: Turns) -> None:
        self.all = list(served)
        self.turns = turns
        """Turns of all their requests in the event loop."""
        self._by_name = {each.name: each for each in self.all}

    def named(self, name: str) -> Served:
        """Return the model of a name; a refusal (404) if there is none."""
        if name not in self._by_name:
            known = ", ".join(self._by_name)
            message = f"there is no model {name[:100]!r} here: the models are {known}"
            raise RefusalError(404, message, code="model_not_found")
        return self._by_name[name]

    def find(self, name: str | None, ability: str) -> Served:
        """Return the named model, or the first one that has an ability.

        A refusal if the named one hasn't (400), or none has (404).
        """
        if name:
            served = self.named(name)
            if ability not in served.abilities:
                label, can = served.trained.family.label, " and ".join(served.abilities)
                raise RefusalError(400, f"{name} can't {ability}: it is a {label} that can {can}")
            return served
        found = next((each for each in self.all if ability in each.abilities), None)
        if found is None:
            message = f"no model here can {ability}: start the server with one that can"
            raise RefusalError(404, message, code="model_not_found")
        return found

    def close(self) -> None:
        """End the threads of all models."""
        for each in self.all:
            each.engine.close()


def find_folders(folders: Sequence[Path]) -> dict[str, Path]:
    """Return model folders by name: those given, and of a run its models and the best trials of its tasks.

    Raises:
        ModelError: a folder is neither a model nor a run with one.
        UsageError: two models have the same name.
    """
    found: dict[str, Path] = {}
    for folder in folders:
        for name, model in _models_of(folder).items():
            if found.get(name, model) != model:
                message = f"two models have the name {name}: {found[name]} and {model}"
                raise UsageError(message, hint="rename one of their folders")
            found[name] = model
    return found


def load(folders: Sequence[Path], limits: Limits, on_batch: Metric) -> Models:
    """Return the models of folders, ready to answer."""
    served, turns = [], Turns()
    for name, folder in find_folders(folders).items():
        trained = checkpoint.load_model(folder)
        served.append(
            Served(
                name=name,
                folder=folder,
                trained=trained,
                engine=Engine(trained, limits, turns, on_batch=on_batch(name)),
                created_s=int((folder / "config.json").stat().st_mtime),
            )
        )
    return Models(served, turns)


def _models_of(folder: Path) -> dict[str, Path]:
    below = models_below(folder) if folder.is_dir() else []
    try:
        model = find_model(folder)
    except ModelError:
        chosen = _of_run(folder, below)
        if not chosen:
            raise
        return {_name(each): find_model(each) for each in chosen}
    return {_name(folder): model}


def _name(folder: Path) -> str:
    """Return RUN/KIND, or RUN/TASK/KIND for a task."""
    parts = [part for part in folder.resolve().parts if part != "model"]
    if "tasks" in parts[1:]:
        at = len(parts) - 1 - parts[::-1].index("tasks")
        return "/".join([parts[at - 1], *parts[at + 1 :][:2]])
    return "/".join(parts[-2:])


def _of_run(run: Path, below: Sequence[Path]) -> list[Path]:
    """Return a run's models of the first seeds, and for each task its models at the rates that were kept."""
    pretrained, trials = [], dict[tuple[str, ...], Path]()
    kept = _kept_rates(run)
    for folder in below:
        parts = folder.relative_to(run).parts
        if len(parts) == 1:
            pretrained.append(folder)
        elif parts[0] == "tasks" and not any(map(_LEFT_OUT.match, parts)):
            rate = next((part for part in parts if part.startswith("rate-")), "")
            if not rate or kept.get(parts[1:3], rate) == rate:
                trials.setdefault(parts[1:3], folder)
    return [*pretrained, *trials.values()]


def _kept_rates(run: Path) -> dict[tuple[str, ...], str]:
    path = run / "results.json"
    if not path.is_file():
        return {}
    ledger = as_record(list[Ledger], storage.read_json(path)["ledger"], path)
    return {(row.task, row.arm): f"rate-{row.kept:g}" for row in ledger}
