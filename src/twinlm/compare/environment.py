"""What the bitwise repetition of a run depends on, noted in its folder (docs/reliability.md)."""

from pathlib import Path

from twinlm.evidence.json_records import read_as
from twinlm.system import hardware, storage
from twinlm.system.log import Progress, note_event
from twinlm.version import __version__

NAME = "environment.json"


def note_environment(folder: Path, precision: str, progress: Progress) -> None:
    """Write what a run works with; if it changed since the run began, say so and note it among the events.

    What an older version did not note is not compared, but that there is a GPU now.
    """
    path = folder / NAME
    now = {"twinlm": __version__, "precision": precision, **hardware.describe()}
    if not path.is_file():
        storage.write_json(path, now)
        return
    before = read_as(dict[str, str], path)
    changed = [
        f"{key} {before.get(key)} -> {now.get(key)}"
        for key in sorted(before.keys() | now.keys() & {"gpu"})
        if before.get(key) != now.get(key)
    ]
    if changed:
        progress.say(
            "the environment changed since this run began, so it no longer repeats bit by bit: "
            + ", ".join(changed)
        )
        note_event(folder, "environment changed", changed=changed)
