"""The cost card of each task, measured once and kept, as no measurement of time repeats."""

import dataclasses
from collections.abc import Mapping
from functools import partial

from twinlm import checkpoint
from twinlm.checkpoint import Trained
from twinlm.comparison.stages.finetuning import FinetuningStage
from twinlm.comparison.stages.records import KeptCosts, read_kept
from twinlm.comparison.stages.selection import Selection
from twinlm.comparison.workspace import Workspace
from twinlm.data.labels.task import LabelledTask
from twinlm.evaluate.serving import BUDGET_S, measure_folders
from twinlm.evaluate.timings import ServingCost
from twinlm.evidence.results import ArmCost
from twinlm.system import storage
from twinlm.system.records import to_json

FILE = "costs.json"


@dataclasses.dataclass
class Serving:
    """The costs of every arm's predictions."""

    workspace: Workspace
    finetuning: FinetuningStage
    selection: Selection

    def cost_cards(self) -> dict[str, list[ArmCost]]:
        """Return the cost card of each task; none if the settings give no time to measuring."""
        budget_s = self.workspace.settings.compare.timing_seconds
        tasks = self.workspace.prepared.tasks if budget_s else {}
        cards = {
            name: self.workspace.attempt(
                f"costs of predictions of {name}", partial(self.cost_card, task, budget_s=budget_s)
            )
            for name, task in tasks.items()
        }
        return {name: card for name, card in cards.items() if card}

    def cost_card(self, task: LabelledTask, *, budget_s: float = BUDGET_S) -> list[ArmCost]:
        """Return the costs of each arm's first seed, giving each model and size of request `budget_s`."""
        workspace = self.workspace
        firsts = [self.selection.chosen(arm, task.name)[0] for arm in workspace.arms]
        folders = {trial.arm.name: self.finetuning.folder(trial) / "model" for trial in firsts}
        for trial in firsts:
            self.finetuning.predictions(trial)
        made_from = {
            "task": workspace.task_fingerprints[task.name],
            "models": {name: storage.file_sha256(at / "model.safetensors") for name, at in folders.items()},
        }
        path = workspace.folder / "tasks" / task.name / FILE
        if kept := read_kept(KeptCosts, path, made_from):
            return kept.costs
        models = {name: checkpoint.load_model(folder) for name, folder in folders.items()}
        # Models of one shape, such as one with pre-training and its twin without, take the same time.
        measured_as = twins(models)
        different = {name: folders[name] for name in models if measured_as[name] == name}
        measured = measure_folders(different, task.test, budget_s=budget_s, progress=workspace.progress)
        costs = [
            arm_cost(models[arm.name], measured[measured_as[arm.name]], arm=arm.name, label=arm.label)
            for arm in workspace.arms
        ]
        storage.write_json(path, to_json(KeptCosts(made_from=made_from, costs=costs)))
        return costs


def arm_cost(trained: Trained, serving: ServingCost, *, arm: str, label: str) -> ArmCost:
    """Return the costs of one arm: training, from its model's history, and measured predictions."""
    history = trained.history
    # A model imported from elsewhere was pre-trained at a cost that nobody knows: None, not 0.
    unknown_or_none = {} if "import" in history else {"seconds": 0.0, "flops": 0.0}
    before, tuning = history.get("pretraining", unknown_or_none), history.get("fine-tuning", {})
    return ArmCost(
        arm=arm,
        label=label,
        pretraining_s=before.get("seconds"),
        pretraining_flops=before.get("flops"),
        fine_tuning_s=tuning.get("seconds"),
        fine_tuning_flops=tuning.get("flops"),
        fine_tuning_peak_bytes=tuning.get("peak_memory_bytes"),
        serving=serving,
    )


def twins(models: Mapping[str, Trained]) -> dict[str, str]:
    """Return for each model the name of the first one of the same shape, which may be its own."""
    first: dict[str, str] = {}
    return {name: first.setdefault(_shape(trained), name) for name, trained in models.items()}


def _shape(trained: Trained) -> str:
    assert trained.task is not None
    task = dataclasses.replace(trained.task, constants={}, dropout=0.0)  # learned: no matter for the time
    return repr((trained.family.name, trained.model.config, trained.tokenizer.fingerprint, task))
