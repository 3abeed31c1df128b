"""Frozen probes: a linear model on the states of each body, before any fine-tuning. They need no seed."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from twinlm.comparison.plan.arms import Arm
from twinlm.comparison.stages.finetuning import FinetuningStage
from twinlm.comparison.stages.records import FittedProbe, check_answers
from twinlm.comparison.workspace import Workspace
from twinlm.data.labels.task import LabelledTask
from twinlm.evaluate.predictions import read_predictions, write_answers
from twinlm.evidence.answers import FrozenAnswers
from twinlm.evidence.reading import PREDICTIONS, PROBE
from twinlm.prepare import stage
from twinlm.system import storage
from twinlm.system.records import read_record, to_json
from twinlm.tasks.table import task_kind
from twinlm.train.probe import frozen_probe
from twinlm.train.transfer import with_head


@dataclass
class Probes:
    """The frozen probes of a run: one for each body and task, body by body where there are several seeds."""

    workspace: Workspace
    finetuning: FinetuningStage

    def bodies(self, task: LabelledTask) -> list[list[Arm]]:
        """Return the pre-trained arms in groups that share a body; none if the task or the run has no probes.

        A body is read as the first of its arms reads it.
        """
        if not (self.workspace.settings.compare.probes and task_kind(task.kind).probe):
            return []
        by_body: dict[str, list[Arm]] = {}
        for arm in self.workspace.arms:
            if arm.is_pretrained:
                by_body.setdefault(arm.pretraining or str(arm.folder), []).append(arm)
        return list(by_body.values())

    def answers(self, task: LabelledTask) -> list[FrozenAnswers]:
        """Return the answers of all probes of a task; one that fails is left out, and noted."""
        bodies = self.bodies(task)
        attempts = [
            self.workspace.attempt(f"{label(arms[0])}, on {task.name}", partial(self._answers, arms, task))
            for arms in bodies
        ]
        return [found for found in attempts if found is not None]

    def folder(self, arm: str, task: str, first_seed: int) -> Path:
        """Return the folder of the probe of a body, which has the name of its first arm."""
        # Beside the baselines, as an arm may have any other name.
        folder = self.workspace.folder / "tasks" / task / "baselines" / "frozen" / arm
        return folder if first_seed == self.workspace.settings.seed else folder / f"pretrained-{first_seed}"

    def fitted(self, arm: Arm, task: LabelledTask, first_seed: int) -> FittedProbe:
        """Fit the probe of an arm's body on a task and answer the test examples, once."""
        tuning, folder = arm.settings.finetune, self.folder(arm.name, task.name, first_seed)
        inputs = {
            **self.finetuning.origin(arm, first_seed),
            "task": self.workspace.task_fingerprints[task.name],
            "max_length": tuning.max_length,
            "both_sides": tuning.both_sides,
        }
        stage.enter(folder, inputs)
        if not (folder / PROBE).is_file():
            self.workspace.progress.say(f"fitting {label(arm)}, on {task.name}")
            whole = replace(tuning, summary="mean", transferred_layers=-1, frozen_layers=-1)
            body = self.finetuning.body(arm, first_seed)
            trained, train = with_head(body, task, whole, seed=0, counts=Counter())
            probe = frozen_probe(trained, train, task.valid, task.test)
            write_answers(folder / PREDICTIONS, task.test, probe.answers)
            record = FittedProbe(seconds=round(probe.seconds, 3), settings=probe.settings, notes=probe.notes)
            storage.write_json(folder / PROBE, to_json(record))  # last: the predictions are complete
        return self.record(arm.name, task.name, first_seed)

    def record(self, arm: str, task: str, first_seed: int) -> FittedProbe:
        """Return how the probe of a body was fitted."""
        return read_record(FittedProbe, self.folder(arm, task, first_seed) / PROBE)

    def _answers(self, arms: Sequence[Arm], task: LabelledTask) -> FrozenAnswers:
        first = arms[0]
        seeds = self.finetuning.first_seeds(first)
        seconds, said = 0.0, []
        for seed in seeds:
            seconds += self.fitted(first, task, seed).seconds
            path = self.folder(first.name, task.name, seed) / PREDICTIONS
            rows = read_predictions(path)
            check_answers(rows, task, path)
            said.append(rows)
        return FrozenAnswers(
            arm=first.name,
            label=f"{first.label}, frozen",
            family=first.family,
            is_pretrained=True,
            is_imported=first.folder is not None,
            groups=len(seeds),
            seeds=[str(seed) for seed in seeds],
            said=said,
            seconds=seconds,
            chosen_epochs={},
            arms=[arm.name for arm in arms],
        )


def label(arm: Arm) -> str:
    """Return what a probe of an arm's body is called in messages."""
    return f"a linear model on the frozen states of {arm.label}"
