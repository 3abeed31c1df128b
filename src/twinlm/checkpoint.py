"""Model folders: safetensors and JSON, published whole.

A folder holds config.json (family, sizes, task), model.safetensors and the tokenizer's files. For the
checkpoints of a training run see `train/checkpoints.py`.
"""

import dataclasses
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, cast

from msgspec import Meta, field
from torch import nn

from twinlm import early_models
from twinlm.core.initialize import without_weights
from twinlm.data.labels.forms import Fields
from twinlm.data.labels.values import Reading
from twinlm.errors import ModelError, UsageError
from twinlm.families import Family, family
from twinlm.objectives.fine_tuning import FineTuned
from twinlm.system import storage
from twinlm.system.records import Number, Record, as_record, to_json
from twinlm.tasks.kind import TaskConfig
from twinlm.tasks.table import task_kind
from twinlm.tensor_files import load_weights, tensor_bytes
from twinlm.tokenizer import Tokenizer

FORMAT = 1
_LARGEST_SIZE = 1_000_000
_MOST_LAYERS = 1000  # each is an object, also on the meta device


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Trained:
    """A model with everything that is needed to use it."""

    family: Family
    """Kind of the model: GPT or BERT."""
    model: nn.Module
    """Model without a task head."""
    tokenizer: Tokenizer
    """Tokenizer that the model was trained with."""
    task: TaskConfig | None = None
    """Task of a fine-tuned model."""
    tuned: FineTuned | None = None
    """Model and task head together, of a fine-tuned model."""
    history: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    """Origin of the model: steps, tokens, seed and data, for reports."""

    def enclose(self, tokens: Sequence[int]) -> list[int]:
        """Return the tokens of a text with the special tokens around it that pre-training has shown."""
        specials, sizes = self.tokenizer.specials, cast(Any, self.model.config)
        untrained = {*sizes.unscored} - {specials.mask}
        return [token for token in self.family.enclose(tokens, specials) if token not in untrained]

    def __repr__(self) -> str:
        sizes: Any = self.model.config
        weights = sum(weight.numel() for weight in (self.tuned or self.model).parameters())
        tuned = f", fine-tuned for {self.task.kind}" if self.task else ""
        layers = f"{sizes.layers} layers of width {sizes.width}"
        return f"<{self.family.label}: {layers}, {weights:,} weights, {sizes.vocab_size:,} tokens{tuned}>"

    def __reduce__(self) -> tuple[Callable[[Mapping[str, bytes]], "Trained"], tuple[Mapping[str, bytes]]]:
        """Copy and pickle as the files of a model folder, on the CPU."""
        with storage.scratch_folder() as temporary:
            folder = temporary / "model"
            save_model(folder, self)
            paths = [path for path in folder.rglob("*") if path.is_file()]
            return _from_files, ({str(path.relative_to(folder)): path.read_bytes() for path in paths},)


def save_model(folder: Path, trained: Trained) -> None:
    """Publish a model folder."""
    module = trained.tuned or trained.model
    sizes: Any = trained.model.config
    configuration = {
        "format": FORMAT,
        "family": trained.family.name,
        "sizes": {name: value for name, value in dataclasses.asdict(sizes).items() if value != ()},
        "task": None if trained.task is None else dataclasses.asdict(trained.task),
        "tokenizer": trained.tokenizer.fingerprint,
        "history": dict(trained.history),
    }
    files = {
        "config.json": storage.json_bytes(configuration),
        "model.safetensors": tensor_bytes(module.state_dict()),
        **trained.tokenizer.to_files(template=trained.family.template, max_length=sizes.max_length),
    }
    storage.publish_folder(folder, files)


def load_model(folder: Path) -> Trained:
    """Return the model of a folder, in evaluation mode, on the CPU; a ModelError if it is not intact.

    Rows that version 0.1.0 drew at random stay out of the softmax; other faults of it are UserWarnings.
    """
    path = folder / "config.json"
    if not path.is_file():
        hint = "give a folder that pre-training or fine-tuning wrote, such as RUN/gpt/model"
        raise ModelError("this is not a model folder: it has no config.json", file=folder, hint=hint)
    configuration = storage.read_json(path)
    if not storage.is_published(folder) and isinstance(configuration, dict) and "model_type" in configuration:
        hint = f"import it first: twinlm import {folder} --out ..."
        raise ModelError("this is a Hugging Face folder", file=folder, hint=hint)
    storage.verify_folder(folder)
    try:
        check_format(configuration["format"], path)
        kind = family(configuration["family"])
        sizes = kind.config(**_checked_sizes(configuration["sizes"], path))
        task = _task(configuration["task"], path)
        history, fingerprint = _history(configuration["history"]), configuration["tokenizer"]
        drawn, _ = early_models.rows_of_import(history)
        # Memory is taken once the weights are known to have these sizes.
        with without_weights():
            model = kind.model(sizes)
            tuned = FineTuned(model, task_kind(task.kind).build_head(task, sizes.width)) if task else None
    except (KeyError, TypeError, ValueError, AttributeError, UsageError) as error:
        raise ModelError(f"this configuration is not one of ours: {error}", file=path) from error
    tokenizer = Tokenizer.from_folder(folder)
    # Imported models may have rows without a token.
    if tokenizer.fingerprint != fingerprint or tokenizer.vocab_size > sizes.vocab_size:
        raise ModelError("the model was trained with a different tokenizer", file=folder)
    load_weights(tuned or model, folder / "model.safetensors")
    (tuned or model).eval()
    for flaw in early_models.flaws(kind, tokenizer, task, history):
        warnings.warn(f"{folder}: {flaw}", stacklevel=2)
    if drawn and not early_models.is_trained(history):
        model.config = dataclasses.replace(sizes, unscored=tuple(range(tokenizer.vocab_size))[-drawn:])
        # As today's imports have it, so that the model is not mended again once it is saved.
        history["import"] = {**history["import"], "embedding": {}}
    return Trained(family=kind, model=model, tokenizer=tokenizer, task=task, tuned=tuned, history=history)


def _from_files(files: Mapping[str, bytes]) -> Trained:
    """Return the model whose folder had these files."""
    with storage.scratch_folder() as temporary:
        storage.publish_folder(temporary / "model", files, has_manifest=False)
        return load_model(temporary / "model")


def family_of(folder: Path) -> Family:
    """Return the kind of the model in a folder, without reading its weights."""
    path = folder / "config.json"
    configuration = storage.read_json(path)
    try:
        return family(configuration["family"])
    except (KeyError, TypeError, UsageError) as error:
        hint = "twinlm import makes one from a Hugging Face folder"
        raise ModelError(f"this configuration is not one of ours: {error}", file=path, hint=hint) from error


def is_foreign(folder: Path) -> bool:
    """Tell whether the model in a folder came from another tool, whatever was trained here since."""
    return "import" in (storage.read_json(folder / "config.json").get("history") or {})


def missing_parts(trained: Trained) -> list[str]:
    """Return the parts of a model that were drawn at random and never trained."""
    history = trained.history
    task = history.get("pretraining", {}).get("sentence_task", "")
    sentence_parts = ("pooler", "next_sentence_head")
    is_first = not {"import", "start"} & history.keys()
    # Without a sentence task nothing trains [CLS]; an imported model lacks what its folder lacked ...
    lacking = sentence_parts if is_first and task == "none" else history.get("import", {}).get("missing", [])
    # ... until further pre-training, a sentence task or fine-tuning trains it.
    learned = {"masked_token_head"} if "pretraining" in history else set()
    learned |= set(sentence_parts) if task not in ("", "none") else set()
    learned |= {"pooler"} if trained.tuned is not None else set()
    return [part for part in lacking if part not in learned]


def require_part(trained: Trained, part: str) -> None:
    """Raise a ModelError if a part of a model, such as "masked_token_head", was never trained."""
    if part in missing_parts(trained):
        about, words = trained.history.get("import"), part.replace("_", " ")
        source = f"imported from {about.get('source', 'another tool')}" if about else "pre-trained"
        raise ModelError(
            f"this model was {source} without a {words}, which this use needs",
            hint="import a checkpoint that has one, or continue pre-training this one",
        )


def check_format(number: int, path: Path) -> None:
    """Raise a ModelError for a format that is newer than this version."""
    if number > FORMAT:
        raise ModelError(f"format {number} is newer than this version", file=path, hint="update twinlm")


def _checked_sizes(sizes: dict[str, Any], path: Path) -> dict[str, Any]:
    """Refuse wrong or absurd sizes before any memory is taken."""
    for name, value in sizes.items():
        is_valid = _VALID.get(name, _is_size)
        if not is_valid(value):
            raise ModelError(f"{name} can't be {value!r}", file=path)
    return {**sizes, "unscored": tuple(sizes.get("unscored", ()))}


def _is_size(value: Any) -> bool:
    return type(value) is int and 1 <= value <= _LARGEST_SIZE


_VALID: dict[str, Callable[[Any], bool]] = {
    "dropout": lambda value: 0 <= value <= 1,
    "layers": lambda value: _is_size(value) and value <= _MOST_LAYERS,
    "norm": lambda value: value in ("post", "pre"),
    "activation": lambda value: value in ("gelu", "gelu_tanh"),
    "both_sides": lambda value: type(value) is bool,
    "summary": lambda value: value in ("token", "mean"),
    "norm_eps": lambda value: type(value) is float and 0 < value < 1,
    "unscored": lambda value: all(type(token) is int and 0 <= token <= _LARGEST_SIZE for token in value),
}


def _history(given: Mapping[str, Any]) -> dict[str, Any]:
    if odd := next((key for key, value in given.items() if not isinstance(value, dict)), None):
        raise ValueError(f"{odd:.40} in its history is no object")
    if not isinstance(given.get("import", {}).get("missing", []), list):
        raise ValueError("the parts that its source lacked are no list")
    return dict(given)


_Size = Annotated[int, Meta(ge=1, le=_LARGEST_SIZE)]
_Share = Annotated[float, Meta(ge=0, le=1)]


class _Task(Record):
    kind: str
    labels: list[str]
    max_length: _Size
    stride: _Size = 128  # early versions had no windows
    dropout: _Share
    has_bias: bool
    scheme: str = ""  # early versions took it from each split
    fields: dict[str, str] = field(default_factory=dict)
    reading: Reading = ""
    constants: dict[str, Number]


def _task(facts: object, path: Path) -> TaskConfig | None:
    if facts is None:
        return None
    task = as_record(_Task, facts, path)
    if missing := sorted(set(task_kind(task.kind).needs) - task.constants.keys()):
        raise ValueError(f"a head for {task.kind} needs the constant {missing[0]}")
    if task.scheme and task.scheme not in task_kind(task.kind).metrics:
        raise ValueError(f"labels of {task.kind} have no meaning {task.scheme!r:.40}")
    if unknown := task.fields.keys() - {each.name for each in dataclasses.fields(Fields)}:
        raise ValueError(f"files of examples have no field {min(unknown)!r:.40}")
    return TaskConfig(**{**to_json(task), "labels": tuple(task.labels)})
