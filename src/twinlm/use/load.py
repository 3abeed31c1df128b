"""Find and load a model by its folder, or the folder around it."""

import difflib
from pathlib import Path

from twinlm import checkpoint
from twinlm.checkpoint import Trained
from twinlm.errors import ModelError
from twinlm.system.arguments import as_path

_MODEL = "config.json"


def load(folder: str | Path) -> Trained:
    """Return the model in a folder, such as "runs/demo/gpt" or "runs/demo/gpt/model", ready for use.

    Raises:
        ModelError: there is no such folder, no finished model in it, or the model is damaged.
    """
    return checkpoint.load_model(find_model(as_path(folder, "folder")))


def find_model(folder: Path) -> Path:
    """Return the model folder itself, or the one inside a folder."""
    for path in (folder, folder / "model"):
        if (path / _MODEL).is_file():
            return path
    if not folder.exists():
        raise ModelError("there is no such folder", file=folder, hint=_neighbours(folder))
    if not folder.is_dir():
        raise ModelError("this is a file, but a model is a folder", file=folder, hint=_found(folder.parent))
    refuse_adapter(folder)
    if (folder / "checkpoints").is_dir():
        hint = "repeat the command that started it: it resumes"
        raise ModelError("the training here has not finished", file=folder, hint=hint)
    raise ModelError("this is not a model folder", file=folder, hint=_found(folder))


def refuse_adapter(folder: Path) -> None:
    """Raise a ModelError if a folder holds an adapter of peft's, which is no model by itself."""
    if (folder / "adapter_config.json").is_file() and not (folder / _MODEL).is_file():
        hint = "merge it into its model first: merge_and_unload(), save_pretrained(), then twinlm import"
        raise ModelError("this is an adapter of peft's, not a whole model", file=folder, hint=hint)


def models_below(folder: Path) -> list[Path]:
    """Return every folder below one that `load` takes, by its shorter name."""
    return sorted(path.parent.parent for path in folder.rglob(f"model/{_MODEL}"))


def _found(folder: Path) -> str:
    models = [str(path) for path in models_below(folder)[:6]]
    if not models:
        return "give a folder that pre-training or fine-tuning wrote, such as RUN/gpt"
    return f"models are in {', '.join(models)}" + (", ..." if len(models) == 6 else "")


def _neighbours(folder: Path) -> str:
    """Return a hint with the folder that was probably meant."""
    parent = folder.parent
    while not parent.is_dir():
        folder, parent = parent, parent.parent
    names = [path.name for path in sorted(parent.iterdir()) if path.is_dir()]
    alike = difflib.get_close_matches(folder.name, names, n=1)
    return f"did you mean {parent / alike[0]}?" if alike else _found(parent)
