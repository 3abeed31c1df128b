"""What the bitwise repetition of a run depends on, noted in its folder."""

from pathlib import Path

from twinlm import __version__, hardware, storage
from twinlm.log import Progress

NAME = "environment.json"


def note_environment(folder: Path, precision: str, progress: Progress) -> None:
    """Write what a run works with; say so if it changed since the run began."""
    path = folder / NAME
    now = {"twinlm": __version__, "precision": precision, **hardware.describe()}
    if not path.is_file():
        storage.write_json(path, now)
        return
    before = storage.read_json(path)
    changed = [
        f"{key} {before.get(key)} -> {value}" for key, value in now.items() if before.get(key) != value
    ]
    if changed:
        progress.say(
            "the environment changed since this run began, so it no longer repeats bit by bit: "
            + ", ".join(changed)
        )
