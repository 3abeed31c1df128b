"""A model by the name that people give it: a folder, or its id on Hugging Face's Hub."""

import importlib
import re
from pathlib import Path
from typing import Any

from twinlm.errors import ModelError, UsageError

# Nothing else is ever downloaded: no code, and no pickles.
PATTERNS = ("*.json", "*.txt", "*.safetensors")
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]*(/[A-Za-z0-9][A-Za-z0-9_.\-]*)?(@[A-Za-z0-9_.\-/]+)?")


def find_folder(name: str) -> Path:
    """Return the folder that is meant; what has the form of an id and is no folder is downloaded.

    Args:
        name: a folder, or an id such as "google-bert/bert-base-uncased", with "@" and a revision if wanted.

    Raises:
        ModelError: there is no such folder or model, or the Hub can't be reached.
        UsageError: huggingface_hub is not installed.
    """
    if Path(name).exists():
        return Path(name)
    if not _ID.fullmatch(name):
        raise ModelError("there is no such folder", file=name)
    repository, _, revision = name.partition("@")
    hub = _library()
    try:
        place = hub.snapshot_download(
            repository,
            revision=revision or None,
            allow_patterns=list(PATTERNS),
            ignore_patterns=["*/*"],  # folders hold the same model for other tools
        )
    except Exception as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ModelError(
            f"there is no folder {name!r}, and it can't be had from the Hub: {reason[:300]}",
            hint="check the name and the network, or download it elsewhere and give its folder",
        ) from error
    return Path(place)


def _library() -> Any:
    try:
        return importlib.import_module("huggingface_hub")
    except ImportError as error:
        message = "huggingface_hub is not installed, which is needed to download a model"
        raise UsageError(message, hint="pip install 'twinlm[hf]', or give a folder") from error
