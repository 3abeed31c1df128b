"""Peak memory of predictions, measured in a process that does nothing else.

A process that has trained keeps memory that no prediction needs, so a new one is started, as
`python -m twinlm.evaluate.serving_memory`. It reads a folder and examples as JSON from its standard input
and writes the number of bytes to its standard output.
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from twinlm.data.labels.examples import Example
from twinlm.system.log import Progress


def peak_memory_bytes(
    folder: Path, requests: Sequence[Sequence[Example]], *, threads: int, progress: Progress
) -> int | None:
    """Return the peak memory in bytes of a new process that answers requests with the model of a folder.

    None if the process failed; then `progress` is told why.
    """
    order = {
        "folder": str(folder.resolve()),
        "threads": threads,
        "requests": [
            [[example.id, example.texts, example.stem] for example in request] for request in requests
        ],
    }
    here = str(Path(__file__).parents[2])
    paths = os.pathsep.join(filter(None, [here, os.environ.get("PYTHONPATH", "")]))
    done = subprocess.run(
        # -P: no module is imported from the current folder, whatever its name.
        [sys.executable, "-P", "-m", __name__],
        input=json.dumps(order).encode(),
        capture_output=True,
        env={**os.environ, "PYTHONPATH": paths},
        check=False,
    )
    try:
        return int(done.stdout)
    except ValueError:
        reason = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or [
            f"exit code {done.returncode}"
        ]
        progress.say(f"the memory of {folder} was not measured: {reason[0]}")
        return None


def answer(order: dict[str, Any]) -> int:
    """Answer all requests of an order in this process; return its peak memory in bytes."""
    from twinlm.system import hardware
    from twinlm.use.load import load
    from twinlm.use.predict import predict

    hardware.use_threads(order["threads"])
    trained = load(order["folder"])
    hardware.forget_peak_memory()  # while they are read from the disk, weights are in memory twice
    for request in order["requests"]:
        predict(trained, [Example(name, tuple(texts), None, stem=stem) for name, texts, stem in request])
    return hardware.peak_memory_bytes()


if __name__ == "__main__":
    sys.stdout.buffer.write(str(answer(json.load(sys.stdin.buffer))).encode())
