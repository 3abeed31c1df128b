"""Folders of finished runs and bundles: whole ones, and the commands that read them again."""

import contextlib
import importlib.util
import io
import os
import random
import shutil
import sys
import tempfile
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from twinlm.bundle.bundle import make_bundle
from twinlm.bundle.verify import verify_bundle
from twinlm.cli.compare import report
from twinlm.comparison.run import Run
from twinlm.evaluate.predictions import read_predictions
from twinlm.evaluate.timings import ServingCost, Timing, spread
from twinlm.evidence.results import ArmCost
from twinlm.settings import presets
from twinlm.system import storage
from twinlm.system.log import MetricsLog, Silent
from twinlm.system.records import read_record, to_json
from twinlm.system.stopping import Stop

SETTINGS = """\
threads = 1
precision = "float32"
corpus.train = "text.txt"
model = {layers = 1, width = 16, heads = 2, max_length = 32}
pretrain = {length = 32, batch_sequences = 4, validations = 1, validation_sequences = 8}
finetune = {max_length = 32, epochs = 1}
budget = {match = "tokens", amount = 1500}
tokenizer.vocab_size = 300
quality = {sample_bytes = 300, own_pairs = 2, own_cloze = 2}
compare = {timing_seconds = 0, seeds = [1, 2], untrained = false, learning_rates = [0.001]}
task = [{name = "topic", train = "labels.csv"}]
"""
TOPICS = {"animals": ["cat", "dog", "horse", "bird"], "food": ["bread", "cheese", "soup", "cake"]}


def _made() -> ModuleType:
    """Return the helper that makes up the answers of a run."""
    place = Path(__file__).parents[1] / "made_answers.py"
    if place.stem not in sys.modules:
        specification = importlib.util.spec_from_file_location(place.stem, place)
        assert specification is not None and specification.loader is not None
        sys.modules[place.stem] = importlib.util.module_from_spec(specification)
        specification.loader.exec_module(sys.modules[place.stem])
    return sys.modules[place.stem]


def _sentence(chance: random.Random, topic: str) -> str:
    first, second = chance.choice(TOPICS[topic]), chance.choice(TOPICS[topic])
    return f"The {first} likes the {second} of number {chance.randint(1, 999)}."


def _real_run(folder: Path) -> None:
    """Write text, labels and settings, and compare."""
    chance = random.Random(0)
    kinds = [chance.choice(list(TOPICS)) for _ in range(60)]
    texts = ["\n".join(_sentence(chance, kind) for _ in range(4)) for kind in kinds]
    (folder / "text.txt").write_text("\n\n".join(texts))
    rows = [f"{_sentence(chance, kind)},{kind}" for kind in kinds]
    (folder / "labels.csv").write_text("\n".join(["text,label", *rows]))
    (folder / "my.toml").write_text(SETTINGS)
    _compare(folder)


def _compare(folder: Path) -> None:
    """Give the command of a run again: what is done is found."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        settings, silent = presets.resolve(Path("my.toml"), {}), Silent()
        with Run(Path("run"), settings, is_demo=False, progress=silent, stop=Stop()) as run:
            run.compare()
    finally:
        os.chdir(before)


def _run(folder: Path) -> None:
    for name, data in _files_of_run().items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


@cache
def _files_of_run() -> dict[str, bytes]:
    """Return the files of a made-up run by name; three parsers read them."""
    made = _made()
    tasks = [made.answers(kind, examples=6, models=2, arms=("gpt", "bert")) for kind in made.KINDS]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made.write_run(folder / "run", tasks)
        files = (path for path in folder.rglob("*") if path.is_file())
        return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def _report(folder: Path) -> None:
    with contextlib.redirect_stdout(io.StringIO()):
        report.command(folder / "run")


def _bundle(folder: Path) -> None:
    out = folder / "out"
    try:
        make_bundle(folder / "run", out, has_texts=False, has_weights=False, progress=Silent())
    finally:
        shutil.rmtree(out, ignore_errors=True)


def _bundled(folder: Path) -> None:
    _run(folder)
    make_bundle(folder / "run", folder / "bundle", has_texts=False, has_weights=False, progress=Silent())
    shutil.rmtree(folder / "run")


def _cards(folder: Path) -> None:
    timing = Timing(batch=1, requests=2, request_s=spread([0.1, 0.2], 5, 95), rounds_s=[0.2, 0.4])
    serving = ServingCost(
        timings=[timing],
        flops=1e6,
        sequences=1.0,
        tokens=30.5,
        weight_bytes=1000,
        peak_memory_bytes=None,
        others_share=0.1,
        threads=1,
        precision="float32",
        device="cpu",
    )
    card = ArmCost(
        arm="gpt",
        label="GPT",
        pretraining_s=1.0,
        pretraining_flops=1e9,
        fine_tuning_s=1.0,
        fine_tuning_flops=1e9,
        fine_tuning_peak_bytes=10,
        serving=serving,
    )
    storage.write_json(folder / "costs.json", [to_json(card)])


def _metrics(folder: Path) -> None:
    log = MetricsLog(folder / "metrics.jsonl")
    for step in range(1, 6):
        log.write(step, {"tokens": 10 * step, "flops": 1e9, "loss": 1 / step})


def _read_metrics(folder: Path) -> None:
    log = MetricsLog(folder / "metrics.jsonl")
    log.read()
    log.keep_until(3)


def _predictions(folder: Path) -> None:
    rows = [{"id": f"test-{n}", "gold": "a", "characters": 3, "predicted": "b"} for n in range(4)]
    (folder / "predictions.jsonl").write_bytes(b"".join(_made().line(row) for row in rows))


PARSERS: dict[str, dict[str, Any]] = {
    "metrics": {"write": _metrics, "read": _read_metrics, "codes": ()},
    "predictions": {
        "write": _predictions,
        "read": lambda folder: read_predictions(folder / "predictions.jsonl"),
        "codes": (4,),
    },
    "cost cards": {
        "write": _cards,
        "read": lambda folder: read_record(list[ArmCost], folder / "costs.json"),
        "codes": (4,),
    },
    "report of a run": {"write": _run, "read": _report, "codes": (4,), "files": "run/*.json", "weight": 0.3},
    "bundle of a run": {
        "write": _run,
        "read": _bundle,
        "codes": (2, 3, 4),
        "files": "*.json*",
        "weight": 0.1,
        "is_writing": True,
    },
    "stranger's bundle": {
        "write": _bundled,
        "read": lambda at: verify_bundle(at / "bundle", Silent()),
        "codes": (4,),
        "weight": 0.3,
    },
    "finished run": {
        "write": _real_run,
        "read": _compare,
        "codes": (2, 3, 4),
        "files": "*.json*",
        "weight": 0.3,
        "is_writing": True,
    },
}
"""By name, what `bench.Parser` is made of."""
