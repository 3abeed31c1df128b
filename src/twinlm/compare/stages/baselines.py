"""The baselines of each task, fitted once on all training examples or on as many as a curve asks for."""

from typing import Any

from twinlm.compare.stages.own_records import read_baselines
from twinlm.compare.workspace import Workspace
from twinlm.data.labels.task import LabelledTask
from twinlm.prepare import stage
from twinlm.system import storage
from twinlm.tasks.table import task_kind


class Baselines:
    """The baselines of a run."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace

    def counts(self, task: LabelledTask) -> list[int]:
        """Return the label counts of the settings that are below the number of training examples."""
        wanted = sorted(self.workspace.settings.compare.label_counts)
        return [count for count in wanted if count < len(task.train)]

    def fitted(self, task: LabelledTask, labels: int | None = None) -> list[dict[str, Any]]:
        """Fit the baselines of a task, or read their answers to its test examples.

        Args:
            task: task with all its examples.
            labels: number of training examples to fit them on; None for all.
        """
        folder = self.workspace.folder / "tasks" / task.name / "baselines"
        inputs: dict[str, Any] = {"task": self.workspace.task_fingerprints[task.name]}
        if labels is not None:
            folder, inputs = folder / f"labels-{labels}", {**inputs, "labels": labels}
        stage.enter(folder, inputs)
        path = folder / "predictions.json"
        if not path.is_file():
            some = self.workspace.task(task.name, labels)
            message = f"fitting the baselines of {task.name}"
            self.workspace.progress.say(message if labels is None else f"{message}, {labels} labels")
            rows = [
                {
                    "name": baseline.name,
                    "label": baseline.label,
                    "seconds": round(baseline.seconds, 3),
                    "settings": baseline.settings,
                    "notes": baseline.notes,
                    "predictions": baseline.predictions,
                }
                for baseline in task_kind(task.kind).baselines(some.train, some.valid, some.test)
            ]
            storage.write_json(path, rows)
        return read_baselines(path, task)
