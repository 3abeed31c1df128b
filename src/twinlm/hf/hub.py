"""From a model's name to its folder: a local one, or a download from Hugging Face's Hub."""

import importlib
import re
from pathlib import Path
from typing import Any

from twinlm.errors import ModelError, UsageError
from twinlm.hf.pooling import MODULES

# Nothing else is ever downloaded: no code and no pickles.
_PATTERNS = ["*.json", "*.txt", "*.safetensors"]
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]*(/[A-Za-z0-9][A-Za-z0-9_.\-]*)?(@[A-Za-z0-9_.\-/]+)?")


def find_folder(name: str) -> Path:
    """Return the folder of a model.

    A name that is not a folder is downloaded: an id such as "google-bert/bert-base-uncased", optionally with
    "@" and a revision.
    """
    if Path(name).exists():
        return Path(name)
    if not _ID.fullmatch(name):
        raise ModelError("there is no such folder", file=name)
    repository, _, revision = name.partition("@")
    hub = library("huggingface_hub", "to download a model", "pip install 'twinlm[hf]', or give a folder")
    try:
        # Subfolders hold the same model for other tools; but one says how sentence-transformers pools states.
        options = {"allow_patterns": _PATTERNS, "ignore_patterns": ["*/*"]}
        path = Path(hub.snapshot_download(repository, revision=revision or None, **options))
        if (path / MODULES).exists():
            hub.snapshot_download(
                repository, revision=revision or None, allow_patterns=["*_Pooling/config.json"]
            )
    except Exception as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ModelError(
            f"there is no folder {name!r}, and the Hub can't provide it: {reason[:300]}",
            hint="check the name and the network, or download it elsewhere and give its folder",
        ) from error
    return path


def library(module: str, purpose: str, hint: str) -> Any:
    """Return a module of the extra [hf], imported only when needed; a UsageError if it is not installed."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        message = f"{module.replace('sentence_', 'sentence-')} is not installed, which is needed {purpose}"
        raise UsageError(message, hint=hint) from error
