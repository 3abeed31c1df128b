"""How much memory answering takes: the largest of a process that does nothing else.

A process that has trained keeps memory that no answer needs, so a fresh one is started, as
`python -m twinlm.evaluate.serving_memory`. It gets a folder and examples as JSON on its standard input, and
gives the number of bytes on its standard output.
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
    """Return the largest memory of a process of its own that answers requests with the model of a folder.

    Reading the weights from disk is not counted: it takes them twice for a moment.

    Args:
        folder: of a fine-tuned model.
        requests: what to answer, one request after another.
        threads: of the processor, for PyTorch.
        progress: where to say why it could not be measured.

    Returns:
        Bytes, or None if the process failed.
    """
    asked = {
        "folder": str(folder.resolve()),
        "threads": threads,
        "requests": [[[example.id, example.texts] for example in request] for request in requests],
    }
    here = str(Path(__file__).parents[2])
    paths = os.pathsep.join(filter(None, [here, os.environ.get("PYTHONPATH", "")]))
    done = subprocess.run(
        # -P: nothing of the present folder is imported, whatever it is called.
        [sys.executable, "-P", "-m", __name__],
        input=json.dumps(asked).encode(),
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


def answer(asked: dict[str, Any]) -> int:
    """Answer all requests in this process; return the largest memory that it had, in bytes."""
    from twinlm.system import hardware
    from twinlm.use.load import load
    from twinlm.use.predict import predict

    hardware.use_threads(asked["threads"])
    trained = load(asked["folder"])
    hardware.forget_peak_memory()
    for request in asked["requests"]:
        predict(trained, [Example(name, tuple(texts), None) for name, texts in request])
    return hardware.peak_memory_bytes()


if __name__ == "__main__":
    sys.stdout.buffer.write(str(answer(json.load(sys.stdin.buffer))).encode())
