"""Whole jobs on Python objects: `pretrain`, `finetune` and `compare`, each resumed by the same call."""

import contextlib
import json
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from twinlm.checkpoint import Trained, save_model
from twinlm.comparison.run import Run
from twinlm.comparison.single import only_task, settings_of_folder, test_figure
from twinlm.comparison.stages.finetuning import Trial
from twinlm.errors import UsageError
from twinlm.notebook.frames import GIVEN, corpus_settings, task_settings
from twinlm.notebook.results import Compared, Tuned
from twinlm.settings import presets
from twinlm.settings.build import closest
from twinlm.system import storage
from twinlm.system.arguments import as_path, checked
from twinlm.system.log import Progress
from twinlm.system.progress import Rewritten, progress_on
from twinlm.system.stopping import Stop, on_signals


@checked
def compare(
    file: str | Path | None = None,
    *,
    out: str | Path,
    settings: Mapping[str, Any] | None = None,
    corpus: Any = None,
    tasks: Mapping[str, Any] | None = None,
    demo: bool = False,
    progress: Progress | None = None,
) -> Compared:
    """Compare GPT and BERT on your text and labels, and write the report; `twinlm compare` in Python.

    Args:
        file: a TOML file of settings, or a recipe's name.
        out: run directory. The same call again resumes a run, and returns a finished one's results.
        settings: settings by name, such as {"budget.amount": 1e12, "compare.seeds": [1, 2, 3]}, or nested
            dicts of them; they override the file.
        corpus: text to pre-train on: a file's name, a list of texts or of Path objects, or a data frame or
            Dataset with a column "text"; or a dict of these by split, "train", "valid" and "test".
        tasks: labelled tasks by name: a file's name, a data frame, a Dataset or a list of dicts; or a dict of
            these by split and other settings of the task, such as {"train": frame, "label_field": "topic"}.
        demo: take the demo's text and labels.
        progress: receiver of progress; by default a bar on standard error.

    Raises:
        UserError: as on the command line; the message names what is wrong and the way out.
        StoppedError: interrupted (Ctrl-C); the same call continues.
    """
    with _opened(file, out, settings, corpus, tasks, demo=demo, progress=progress) as run:
        return Compared(run.folder, run.compare())


@checked
def pretrain(
    kind: str,
    file: str | Path | None = None,
    *,
    out: str | Path,
    settings: Mapping[str, Any] | None = None,
    corpus: Any = None,
    demo: bool = False,
    progress: Progress | None = None,
) -> Trained:
    """Pre-train a "gpt" or a "bert" on text, and return it; see `compare` for the other arguments."""
    if kind not in presets.KINDS:
        raise UsageError(f"there is no kind of model {kind!r}", hint=closest(kind, presets.KINDS))
    with _opened(file, out, settings, corpus, None, demo=demo, progress=progress) as run:
        return run.pretraining.trained(kind)


@checked
def finetune(
    model: str | Path | Trained,
    task: Any,
    file: str | Path | None = None,
    *,
    out: str | Path,
    settings: Mapping[str, Any] | None = None,
    corpus: Any = None,
    seed: int = 1,
    progress: Progress | None = None,
) -> Tuned:
    """Fine-tune one model on one labelled task, and return it with its figures.

    Args:
        model: a model, its folder, or "gpt" or "bert", which is pre-trained first if necessary.
        task: a file's name, a data frame, a Dataset or a list of dicts; or a dict, see `compare`.
        file: a TOML file of settings, or a recipe's name.
        out: run directory.
        settings: settings by name, see `compare`.
        corpus: text to pre-train on, see `compare`; a model of its own needs none.
        seed: seed of the head's first weights, the order of the data and dropout.
        progress: receiver of progress; by default a bar on standard error.

    Raises:
        UserError: as on the command line.
    """
    folder = as_path(out, "out")
    if isinstance(model, Trained):
        model = _saved(model, folder)
    base, decided = settings_of_folder(str(model), file, settings or {})
    tasks = {"task": task}
    opened = _opened(file, folder, settings, corpus, tasks, progress=progress, base=base, decided=decided)
    with opened as run:
        trial = Trial(
            arm=run.workspace.arm(str(model)),
            task=only_task(list(run.workspace.tasks)),
            seed=seed,
            first_seed=run.settings.seed,
        )
        trained = run.finetuning.finetuned(trial)
        test, _ = test_figure(run, trial)
        validation = trained.history["fine-tuning"]["validation"]
        return Tuned(run.finetuning.folder(trial) / "model", trained, dict(validation), test)


@contextlib.contextmanager
def _opened(
    file: str | Path | None,
    out: str | Path,
    settings: Mapping[str, Any] | None,
    corpus: Any,
    tasks: Mapping[str, Any] | None,
    *,
    demo: bool = False,
    progress: Progress | None = None,
    base: Mapping[str, Any] = {},
    decided: Mapping[str, str] = {},
) -> Iterator[Run]:
    """Open a run of these arguments, with Ctrl-C handled and progress on standard error."""
    folder = as_path(out, "out")
    if demo and (corpus is not None or tasks):
        raise UsageError("demo=True has its own text and labels", hint="leave corpus and tasks out")
    whole: dict[str, Any] = {**(presets.DEMO if demo else {}), **base}
    texts = {name: _as_text(name, value) for name, value in _flat(settings or {})}
    with storage.lock(folder):
        if corpus is not None:
            files = corpus_settings(corpus, folder)
            texts |= {f"corpus.{split}": json.dumps(paths) for split, paths in files.items()}
        if tasks:
            whole["task"] = [task_settings(name, task, folder) for name, task in tasks.items()]
    resolved = presets.resolve(file, {**texts, **decided}, base=whole)
    # Only the main thread can take signals.
    is_main = threading.current_thread() is threading.main_thread()
    with (
        on_signals() if is_main else contextlib.nullcontext(Stop()) as stop,
        contextlib.nullcontext(progress) if progress else _shown() as shown,
        Run(folder, resolved, is_demo=demo, progress=shown, stop=stop) as run,
    ):
        yield run


def _shown() -> contextlib.AbstractContextManager[Progress]:
    """Return the usual progress; in a notebook, whose output is no terminal, one line that is rewritten."""
    return contextlib.nullcontext(Rewritten(sys.stderr)) if "ipykernel" in sys.modules else progress_on()


def _flat(settings: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{path}{name}.")
        else:
            yield f"{path}{name}", value


def _as_text(name: str, value: Any) -> str:
    """Return a value as the command line takes it."""
    if isinstance(value, str | Path):
        return str(value)
    try:
        return json.dumps(value if not isinstance(value, range | tuple) else list(value))
    except (TypeError, ValueError) as error:
        message = f"settings[{name!r}] can't be {value!r}"
        raise UsageError(message, hint="give a number, a text or a list") from error


def _saved(model: Trained, folder: Path) -> Path:
    """Save a model into a run, so that the run can be resumed; return its folder."""
    path = folder / GIVEN / "model"
    with storage.lock(folder):
        if not path.exists():
            save_model(path, model)
    return path
