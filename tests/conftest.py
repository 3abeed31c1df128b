"""What every test needs: one thread, no network, nothing of the user's environment."""

import importlib.util
import os
import random
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from types import ModuleType
from typing import Any

import hypothesis
import pytest

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ.pop(
    "PYTHONDONTWRITEBYTECODE", None
)  # else every process that a test starts compiles the sources again
if "PYTEST_XDIST_WORKER" in os.environ and hasattr(os, "sched_setaffinity"):
    # Threads that share a processor with another test's wait many times longer than they work.
    processors = sorted(os.sched_getaffinity(0))
    worker = int(os.environ["PYTEST_XDIST_WORKER"].removeprefix("gw"))
    os.sched_setaffinity(0, {processors[worker % len(processors)]})
# A comparison of seconds.
TINY = {
    "threads": 1,
    "precision": "float32",
    "corpus": {"train": ["text.txt"]},
    "model": {"layers": 1, "width": 16, "heads": 2, "max_length": 48},
    "pretrain": {"length": 32, "batch_sequences": 4, "validations": 1, "validation_sequences": 8},
    "finetune": {"max_length": 48, "epochs": 1},
    "budget": {"match": "tokens", "amount": 1500},
    "tokenizer": {"vocab_size": 300},
    "quality": {"sample_bytes": 0},
    "compare": {"timing_seconds": 0, "doctor": False},
}
TOPICS = {"animals": ["cat", "dog", "horse", "bird"], "food": ["bread", "cheese", "soup", "cake"]}
# A busy machine is no failure.
hypothesis.settings.register_profile("twinlm", deadline=None)
hypothesis.settings.load_profile("twinlm")


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    import torch

    torch.set_num_threads(1)


@pytest.fixture(autouse=True, scope="session")
def _no_wait_for_the_disk() -> None:
    """Let files of tests not survive a power cut; that those of users do is tested on disks of its own."""
    from twinlm.system import disk

    disk.operations.sync = disk.operations.sync_folder = lambda _: None


@pytest.fixture(autouse=True, scope="session")
def _few_timed_steps() -> None:
    """Let the time of a step, which no test holds against a clock, be measured on few steps."""
    from twinlm.train import costs

    costs._MOST_STEPS, costs._MOST_TUNING_STEPS = costs._LEAST_STEPS, costs._LEAST_TUNING_STEPS


@pytest.fixture(scope="session")
def write_project() -> Callable[[Path, int], None]:
    """Return a function that writes text.txt and labels.csv of so many documents on two topics."""

    def write(folder: Path, count: int) -> None:
        chance = random.Random(0)

        def sentence(topic: str) -> str:
            first, second = chance.choice(TOPICS[topic]), chance.choice(TOPICS[topic])
            return f"The {first} likes the {second} of number {chance.randint(1, 999)}."

        kinds = [chance.choice(list(TOPICS)) for _ in range(count)]
        texts = ["\n".join(sentence(kind) for _ in range(4)) for kind in kinds]
        (folder / "text.txt").write_text("\n\n".join(texts))
        rows = [f"{sentence(kind)},{kind}" for kind in kinds]
        (folder / "labels.csv").write_text("\n".join(["text,label", *rows]))

    return write


@pytest.fixture(scope="session")
def load_helper() -> Callable[[Path], ModuleType]:
    """Return a function that imports a file that lies among the tests; tests are no package."""

    def load(path: Path) -> ModuleType:
        if path.stem not in sys.modules:
            specification = importlib.util.spec_from_file_location(path.stem, path)
            assert specification is not None and specification.loader is not None
            sys.modules[path.stem] = importlib.util.module_from_spec(specification)
            specification.loader.exec_module(sys.modules[path.stem])
        return sys.modules[path.stem]

    return load


@pytest.fixture(scope="session")
def watched(load_helper: Callable[[Path], ModuleType]) -> Callable[[Path], AbstractContextManager[None]]:
    """Return a function (folder): in its block nothing is run, nothing outside of the folder opened."""
    found: Callable[[Path], AbstractContextManager[None]]
    found = load_helper(Path(__file__).with_name("audit_hook.py")).watched
    return found


@pytest.fixture(scope="session")
def faulty(load_helper: Callable[[Path], ModuleType]) -> ModuleType:
    """Return `faults/faulty_disk.py`: disks that have faults."""
    return load_helper(Path(__file__).with_name("faults") / "faulty_disk.py")


@pytest.fixture(scope="session")
def tiny() -> Callable[..., Any]:
    """Return a function (file, overrides) to the settings of a run of seconds; a file's own win."""
    from twinlm.settings import presets

    return lambda file, overrides=None: presets.resolve(file, overrides or {}, base=TINY)


@pytest.fixture(scope="session")
def made(load_helper: Callable[[Path], ModuleType]) -> ModuleType:
    """`made_answers.py`: answers and run folders without any training."""
    return load_helper(Path(__file__).with_name("made_answers.py"))


@pytest.fixture(scope="session")
def made_results(load_helper: Callable[[Path], ModuleType]) -> ModuleType:
    """`made_results.py`: the results of a comparison, and simulated arms."""
    return load_helper(Path(__file__).with_name("made_results.py"))


@pytest.fixture(scope="session")
def example_results(made_results: ModuleType) -> Any:
    """Two tasks: one with a winner, one without; all else that a report shows."""
    return made_results.build()


@pytest.fixture(scope="session")
def draw_pair(made_results: ModuleType) -> Callable[..., Any]:
    """Draws two simulated arms that are right or wrong; see `made_results.draw_pair`."""
    return made_results.draw_pair


@pytest.fixture(scope="session", params=["answer F1", "entity F1", "Spearman"])
def simulated_figure(request: pytest.FixtureRequest, made_results: ModuleType) -> Any:
    """Draws two arms of a figure that is no share; how many examples, and an effect that is clear in them."""
    return made_results.SIMULATED_FIGURES[request.param]


@pytest.fixture(scope="session")
def write_numbers(load_helper: Callable[[Path], ModuleType]) -> Callable[..., Any]:
    """Return a function (folder, documents, vocab_size) that publishes a store of documents of sentences."""
    write: Callable[..., Any] = load_helper(Path(__file__).with_name("number_store.py")).write
    return write
