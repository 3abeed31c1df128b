"""Folders that hold a model: safetensors and JSON, published whole.

They have config.json (family, sizes, classes), model.safetensors, and the tokenizer's files. A training run
at one step is in `train/checkpoints.py`.
"""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from twinlm.errors import ModelError, UsageError
from twinlm.families import Family, family
from twinlm.objectives.fine_tuning import FineTuned
from twinlm.system import storage
from twinlm.tasks.kind import TaskConfig
from twinlm.tasks.table import task_kind
from twinlm.tokenizer import Tokenizer

FORMAT = 1
_LARGEST_SIZE = 1_000_000
_MOST_LAYERS = 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class Trained:
    """A model that can be used."""

    family: Family
    """Its kind."""
    model: nn.Module
    """Without a head."""
    tokenizer: Tokenizer
    """The one it was trained with."""
    task: TaskConfig | None = None
    """Set if it was fine-tuned."""
    tuned: FineTuned | None = None
    """The model under its head, if it was fine-tuned."""
    history: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    """How it came to be: steps, tokens, seed, data, for reports."""


def save_model(folder: Path, trained: Trained) -> None:
    """Publish a model folder.

    Raises:
        ResourceError: the disk is full, or the place can't be written.
    """
    module = trained.tuned or trained.model
    sizes: Any = trained.model.config
    description = {
        "format": FORMAT,
        "family": trained.family.name,
        "sizes": dataclasses.asdict(sizes),
        "task": None if trained.task is None else dataclasses.asdict(trained.task),
        "tokenizer": trained.tokenizer.fingerprint,
        "history": dict(trained.history),
    }
    files = {
        "config.json": storage.json_bytes(description),
        "model.safetensors": tensor_bytes(module.state_dict()),
        **trained.tokenizer.to_files(template=trained.family.template, max_length=sizes.max_length),
    }
    storage.publish_folder(folder, files)


def load_model(folder: Path) -> Trained:
    """Return the model of a folder, in evaluation mode, on the CPU.

    Raises:
        ModelError: it is no model folder, is damaged, or its parts do not belong together.
    """
    if not (folder / "config.json").is_file():
        hint = "give a folder that pre-training or fine-tuning wrote, such as RUN/gpt/model"
        raise ModelError("this is no model folder: it has no config.json", file=folder, hint=hint)
    place = folder / "config.json"
    description = storage.read_json(place)
    if not storage.is_published(folder) and isinstance(description, dict) and "model_type" in description:
        hint = f"make a model of ours of it first: twinlm import {folder} --out ..."
        raise ModelError("this is a folder of Hugging Face's", file=folder, hint=hint)
    storage.verify_folder(folder)
    try:
        check_format(description["format"], place)
        kind = family(description["family"])
        sizes = kind.config(**_checked_sizes(description["sizes"], place))
        task = _task(description["task"], place)
        history, fingerprint = dict(description["history"]), description["tokenizer"]
        # On the meta device sizes cost nothing: memory is asked for once the weights were seen to have them.
        with torch.device("meta"):
            model = kind.model(sizes)
            tuned = FineTuned(model, task_kind(task.kind).build_head(task, sizes.width)) if task else None
    except (KeyError, TypeError, ValueError, AttributeError, UsageError) as error:
        raise ModelError(f"this configuration is not one of ours: {error}", file=place) from error
    tokenizer = Tokenizer.from_folder(folder)
    if tokenizer.fingerprint != fingerprint or tokenizer.vocab_size != sizes.vocab_size:
        raise ModelError("the tokenizer is not the one that the model was trained with", file=folder)
    load_weights(tuned or model, folder / "model.safetensors")
    (tuned or model).eval()
    return Trained(family=kind, model=model, tokenizer=tokenizer, task=task, tuned=tuned, history=history)


def family_of(folder: Path) -> Family:
    """Return the kind of the model in a folder, without reading its weights.

    Raises:
        ModelError: it is no model folder of ours.
    """
    description = storage.read_json(folder / "config.json")
    try:
        return family(description["family"])
    except (KeyError, TypeError, UsageError) as error:
        hint = "twinlm import makes one from a Hugging Face folder"
        message = f"this configuration is not one of ours: {error}"
        raise ModelError(message, file=folder / "config.json", hint=hint) from error


def missing_parts(trained: Trained) -> list[str]:
    """Return the parts of a model that were drawn and never trained.

    Those that the folder it was imported from has not got, or, of one that was made here without a sentence
    task, what such a task trains. What was pre-trained on afterwards has them: [CLS]'s only if a sentence
    task was among it. What was fine-tuned has a pooler.
    """
    history = trained.history
    task = history.get("pretraining", {}).get("sentence_task", "")
    is_first = not {"import", "start"} & history.keys()
    of_pairs = ("pooler", "next_sentence_head")
    lacking = of_pairs if is_first and task == "none" else history.get("import", {}).get("missing", [])
    learned = {"masked_token_head"} if "pretraining" in history else set()
    learned |= set(of_pairs) if task not in ("", "none") else set()
    learned |= {"pooler"} if trained.tuned is not None else set()
    return [part for part in lacking if part not in learned]


def require_part(trained: Trained, part: str) -> None:
    """Check that a model has a part, such as "masked_token_head", instead of noise.

    Raises:
        ModelError: it was imported or pre-trained without it.
    """
    if part in missing_parts(trained):
        about, words = trained.history.get("import"), part.replace("_", " ")
        source = f"imported from {about.get('source', 'another tool')}, where" if about else "made so that"
        raise ModelError(
            f"this model was {source} it has no {words}, so it can't be used for that",
            hint="import a checkpoint that has one, or pre-train this one on",
        )


def load_weights(module: nn.Module, path: Path) -> None:
    """Fill a module with the weights of a file that must hold exactly its tensors.

    Raises:
        ModelError: as `fill`, or the file is missing or damaged.
    """
    fill(module, read_tensors(path), path)


def fill(module: nn.Module, found: Mapping[str, Tensor], place: Path) -> None:
    """Fill a module with weights, which must be exactly its tensors.

    Raises:
        ModelError: a tensor is missing, unknown, of another shape or type, or not finite.
    """
    wanted = module.state_dict()
    check_tensors({name: tuple(tensor.shape) for name, tensor in found.items()}, wanted, place)
    for name, tensor in found.items():
        check_values(name, tensor, wanted[name].dtype, place)
    if any(tensor.is_meta for tensor in wanted.values()):
        module.to_empty(device="cpu")
    module.load_state_dict(found)


def check_tensors(found: Mapping[str, tuple[int, ...]], wanted: Mapping[str, Tensor], place: Path) -> None:
    """Check that tensors of these names and shapes are what a module needs.

    Raises:
        ModelError: one is missing, unknown or of another shape.
    """
    if missing := sorted(wanted.keys() - found.keys()):
        raise ModelError(f"{len(missing)} tensors are missing, such as {missing[0]}", file=place)
    if unknown := sorted(found.keys() - wanted.keys()):
        raise ModelError(f"{len(unknown)} tensors are unknown, such as {unknown[0]}", file=place)
    for name, shape in found.items():
        if shape != (needed := tuple(wanted[name].shape)):
            raise ModelError(f"{name} has shape {shape}, but the model needs {needed}", file=place)


def check_values(name: str, tensor: Tensor, dtype: torch.dtype, place: Path) -> None:
    """Check that a tensor, or rows of it, holds finite numbers of a type.

    Raises:
        ModelError: it does not.
    """
    if tensor.dtype != dtype:
        raise ModelError(f"{name} holds {tensor.dtype}, but the model needs {dtype}", file=place)
    if not torch.isfinite(tensor).all():
        raise ModelError(f"{name} holds values that are not finite", file=place)


def tensor_bytes(tensors: Mapping[str, Tensor]) -> bytes:
    """Return tensors in the safetensors format."""
    contents: bytes = save({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()})
    return contents


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a safetensors file.

    Raises:
        ModelError: it is missing or damaged.
    """
    try:
        tensors: dict[str, Tensor] = load(path.read_bytes())
    except FileNotFoundError as error:
        raise ModelError("the file is missing", file=path) from error
    except SafetensorError as error:
        raise ModelError(f"this is no whole safetensors file: {error}", file=path) from error
    return tensors


def check_format(found: int, place: Path) -> None:
    """Check that this version knows a format.

    Raises:
        ModelError: it is newer.
    """
    if found > FORMAT:
        raise ModelError(f"format {found} is newer than this version", file=place, hint="update twinlm")


def _checked_sizes(sizes: dict[str, Any], place: Path) -> dict[str, Any]:
    """Refuse sizes that are no sizes, or would ask for absurd memory, before any is asked for."""
    for name, value in sizes.items():
        is_right = _RIGHT.get(name, _is_size)
        if not is_right(value):
            raise ModelError(f"{name} can't be {value!r}", file=place)
    return sizes


def _is_size(value: Any) -> bool:
    return type(value) is int and 1 <= value <= _LARGEST_SIZE


_RIGHT: dict[str, Callable[[Any], bool]] = {
    "dropout": lambda value: 0 <= value <= 1,
    "layers": lambda value: _is_size(value) and value <= _MOST_LAYERS,
    "norm": lambda value: value in ("post", "pre"),
    "activation": lambda value: value in ("gelu", "gelu_tanh"),
    "both_sides": lambda value: type(value) is bool,
    "norm_eps": lambda value: type(value) is float and 0 < value < 1,
}


def _task(about: dict[str, Any] | None, place: Path) -> TaskConfig | None:
    if about is None:
        return None
    others = ("kind", "labels", "has_bias", "constants")
    kind = str(about["kind"])
    constants = {str(name): float(value) for name, value in about["constants"].items()}
    if missing := sorted(set(task_kind(kind).needs) - constants.keys()):
        raise ValueError(f"a head for {kind} needs the constant {missing[0]}")
    return TaskConfig(
        kind=kind,
        labels=tuple(map(str, about["labels"])),
        has_bias=bool(about["has_bias"]),
        constants=constants,
        **_checked_sizes({name: about[name] for name in about if name not in others}, place),
    )
