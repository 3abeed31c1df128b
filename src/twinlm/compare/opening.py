"""A run directory from a settings file, for programs: the command line has more ways to give settings."""

from collections.abc import Mapping
from pathlib import Path

from twinlm.compare.run import Run
from twinlm.settings import presets
from twinlm.system.log import Progress
from twinlm.system.stopping import Stop


def open_run(
    folder: Path,
    file: Path | None,
    overrides: Mapping[str, str],
    *,
    is_demo: bool,
    progress: Progress,
    stop: Stop,
) -> Run:
    """Return the run of a folder with the settings of a file and overrides, or with the demo's.

    Raises:
        UsageError: a setting is not valid.
    """
    settings = presets.resolve(file, overrides, base=presets.DEMO if is_demo else None)
    return Run(folder, settings, is_demo=is_demo, progress=progress, stop=stop)
