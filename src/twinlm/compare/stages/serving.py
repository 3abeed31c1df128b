"""A stage of a run: the cost card of each task, measured once and kept, as no measurement of time repeats.

    tasks/TASK/costs.json    what was measured, and the SHA-256 of the weights that it is of

Models whose shapes are alike, such as one with pre-training and its twin without, take the same time: one of
them is measured for both.
"""

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING

from twinlm import checkpoint
from twinlm.checkpoint import Trained
from twinlm.compare.stages import selection
from twinlm.data.labels.task import LabelledTask
from twinlm.evaluate.serving import BUDGET_S, measure_folders
from twinlm.evidence.json_records import costs_from_json, read_as
from twinlm.evidence.results import ArmCost
from twinlm.report.cost_section import arm_cost
from twinlm.system import storage

if TYPE_CHECKING:
    from twinlm.compare.run import Run

FILE = "costs.json"


def cost_card(run: "Run", task: LabelledTask, *, budget_s: float = BUDGET_S) -> list[ArmCost]:
    """Return the costs of all arms on a task, with the first seed's models; measure them, or read the file.

    Args:
        run: what is compared; models that are not fine-tuned yet are.
        task: one of its tasks; predictions of its test examples are timed.
        budget_s: for each model and size of request.
    """
    firsts = [selection.chosen(run, arm, task.name)[0] for arm in run.arms]
    folders = {trial.arm.name: run.trials.folder(trial) / "model" for trial in firsts}
    for trial in firsts:
        run.trials.predictions(trial)
    made_from = {
        "task": run.task_fingerprints[task.name],
        "models": {name: storage.file_sha256(at / "model.safetensors") for name, at in folders.items()},
    }
    path = run.folder / "tasks" / task.name / FILE
    if path.is_file() and (kept := read_as(dict[str, object], path)).get("made_from") == made_from:
        return costs_from_json(kept.get("costs"), file=path)
    models = {name: checkpoint.load_model(folder) for name, folder in folders.items()}
    measured_as = twins(models)
    chosen = {name: folders[name] for name in models if measured_as[name] == name}
    found = measure_folders(chosen, task.test, budget_s=budget_s, progress=run.progress)
    costs = [
        arm_cost(models[arm.name], found[measured_as[arm.name]], arm=arm.name, label=arm.label)
        for arm in run.arms
    ]
    rows = [dataclasses.asdict(cost) for cost in costs]
    storage.write_json(path, {"made_from": made_from, "costs": rows})
    return costs


def twins(models: Mapping[str, Trained]) -> dict[str, str]:
    """Return for each model the name of the first one of the same shape, which may be its own."""
    first: dict[str, str] = {}
    return {name: first.setdefault(_shape(trained), name) for name, trained in models.items()}


def _shape(trained: Trained) -> str:
    """Return all that the time of a prediction depends on: not the weights, nor what was learned."""
    assert trained.task is not None
    task = dataclasses.replace(trained.task, constants={}, dropout=0.0)
    return repr((trained.family.name, trained.model.config, trained.tokenizer.fingerprint, task))
