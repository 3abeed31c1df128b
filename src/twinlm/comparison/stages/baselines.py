"""The baselines of each task, fitted once on all training examples or on as many as a curve asks for."""

from dataclasses import asdict, dataclass
from typing import Any

from twinlm.comparison.stages.records import FittedBaseline, check_answers
from twinlm.comparison.workspace import Workspace
from twinlm.data.labels.task import LabelledTask
from twinlm.errors import as_model_error
from twinlm.evidence import scores
from twinlm.prepare import stage
from twinlm.system import storage
from twinlm.system.records import read_record
from twinlm.tasks.table import task_kind


@dataclass
class Baselines:
    """The baselines of a run."""

    workspace: Workspace

    def counts(self, task: LabelledTask) -> list[int]:
        """Return the label counts of the settings that are below the number of training examples."""
        wanted = sorted(self.workspace.settings.compare.label_counts)
        return [count for count in wanted if count < len(task.train)]

    def fitted(self, task: LabelledTask, labels: int | None = None) -> list[FittedBaseline]:
        """Fit the baselines of a task on so many labels, None for all, once; return their test answers."""
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
            fitted = task_kind(task.kind).baselines(some.train, some.valid, some.test)
            rows = [{**asdict(baseline), "seconds": round(baseline.seconds, 3)} for baseline in fitted]
            storage.write_json(path, rows)
        baselines = read_record(list[FittedBaseline], path)
        ids = [example.id for example in task.test]
        for baseline in baselines:
            with as_model_error(path):
                pairs = zip(ids, baseline.predictions, strict=True)
                rows = [{"id": name, "predicted": answer} for name, answer in pairs]
            check_answers(rows, task, path)
        return baselines

    def best(self, task: LabelledTask) -> FittedBaseline:
        """Return the baseline with the best main figure on all labels; of equally good ones the first."""
        kind = task_kind(task.kind)
        return max(self.fitted(task), key=lambda row: scores.measure(kind, task, [row.predictions])[0].main)
