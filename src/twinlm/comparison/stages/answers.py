"""The answers of arms, baselines and frozen probes to the test examples: what `evidence/scores.py` needs."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from twinlm.comparison.stages.baselines import Baselines
from twinlm.comparison.stages.finetuning import FinetuningStage, Trial
from twinlm.comparison.stages.probes import Probes
from twinlm.comparison.stages.selection import Selection
from twinlm.comparison.workspace import Workspace
from twinlm.data.labels.task import LabelledTask
from twinlm.evidence.answers import ArmAnswers, TaskAnswers, baseline_answers, index_name, index_of
from twinlm.system import storage
from twinlm.system.records import to_json


@dataclass
class Answers:
    """The answers of all arms, baselines and frozen probes to the test examples of a run's tasks."""

    workspace: Workspace
    finetuning: FinetuningStage
    selection: Selection
    baselines: Baselines
    probes: Probes

    def gathered(self, task: LabelledTask) -> TaskAnswers:
        """Return all answers to a task's test examples, and note their files for `evidence/reading.py`."""
        chosen = {arm.name: self.selection.chosen(arm, task.name) for arm in self.workspace.arms}
        folders = {
            name: [self._inner(self.finetuning.folder(trial)) for trial in trials]
            for name, trials in chosen.items()
        }
        frozen = self.probes.answers(task)
        of_frozen = {
            body.arm: [self._inner(self.probes.folder(body.arm, task.name, int(seed))) for seed in body.seeds]
            for body in frozen
        }
        arms = [self._of_arm(trials) for trials in chosen.values()]
        arms += [
            baseline_answers(baseline.name, baseline.label, baseline.predictions, baseline.seconds)
            for baseline in self.baselines.fitted(task)
        ]
        answers = TaskAnswers(
            name=task.name,
            kind=task.kind,
            classes=list(task.classes),
            scheme=task.scheme,
            train_examples=len(task.train),
            valid_examples=len(task.valid),
            ids=[example.id for example in task.test],
            golds=[example.gold for example in task.test],
            characters=[sum(map(len, example.texts)) for example in task.test],
            texts=[example.texts for example in task.test],
            arms=arms,
            frozen=frozen,
        )
        index = to_json(index_of(answers, folders, of_frozen))
        storage.write_json(self.workspace.folder / index_name(task.name), index)
        return answers

    def _inner(self, folder: Path) -> str:
        return str(folder.relative_to(self.workspace.folder))

    def _of_arm(self, trials: Sequence[Trial]) -> ArmAnswers:
        arm = trials[0].arm
        spent = [self.finetuning.spent(trial) for trial in trials]
        groups = len(self.finetuning.first_seeds(arm))
        names = [f"{trial.first_seed}/{trial.seed}" if groups > 1 else str(trial.seed) for trial in trials]
        epochs = arm.settings.finetune.epochs
        return ArmAnswers(
            arm=arm.name,
            label=arm.label,
            family=arm.family,
            is_pretrained=arm.is_pretrained,
            is_imported=arm.folder is not None,
            groups=groups,
            seeds=names,
            said=[self.finetuning.predictions(trial) for trial in trials],
            seconds=sum(row.seconds for row in spent),
            chosen_epochs={
                name: round(row.best_step / row.step * epochs) for name, row in zip(names, spent, strict=True)
            },
        )
