"""Before any training: each later step is tried on the real data, with models of the right sizes.

What a task refuses stops the run here; what only the report refuses is said, and left out of it. What a
training has started with was tried before it, so a resumed run tries only the rest.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from twinlm import families
from twinlm.comparison.plan.arms import Arm
from twinlm.comparison.stages.finetuning import FinetuningStage
from twinlm.comparison.stages.language import Language
from twinlm.comparison.stages.learned import asked, questions_of
from twinlm.comparison.stages.pretraining import PretrainingStage
from twinlm.comparison.workspace import Workspace
from twinlm.train.start import untrained
from twinlm.train.transfer import with_head
from twinlm.use.predict import predict, task_of


@dataclass
class Rehearsal:
    """The steps of a comparison, tried with untrained models."""

    workspace: Workspace
    pretraining: PretrainingStage
    language: Language
    finetuning: FinetuningStage

    def run(self) -> None:
        """Ask untrained models what the trained ones will be asked.

        Raises:
            UserError: a split of the text or a task is of no use.
        """
        for name in self.pretraining.compared:
            if not self.pretraining.check(name):
                self._language(name)
        alike: dict[str, list[Arm]] = {}
        for arm in self.workspace.arms:
            key = repr((arm.family, arm.folder, arm.settings.model, arm.settings.finetune))
            alike.setdefault(key, []).append(arm)
        for arms in alike.values():
            tasks = [name for name in self.workspace.prepared.tasks if not self._have_started(arms, name)]
            if tasks:
                self._tasks(arms[0], tasks)

    def _have_started(self, arms: Sequence[Arm], task: str) -> bool:
        firsts = [self.finetuning.trials(arm, task)[0] for arm in arms]
        return any(self.finetuning.folder(trial).parent.exists() for trial in firsts)

    def _tasks(self, arm: Arm, names: Sequence[str]) -> None:
        trained = self.finetuning.not_pretrained(arm, self.workspace.settings.seed)
        for name in names:
            task = self.workspace.task(name)
            tuned, _ = with_head(trained, task, arm.settings.finetune, seed=0, counts=Counter())
            kind, config = task_of(tuned)
            reader = tuned.family.reader(tuned.tokenizer)
            for examples in (task.valid, task.test):
                kind.inputs(examples, reader, config, Counter())
            predict(tuned, sorted(task.test, key=lambda example: sum(map(len, example.texts)))[-2:])

    def _language(self, name: str) -> None:
        pretraining, workspace = self.pretraining.pretraining(name), self.workspace
        family, tokenizer = families.family(pretraining.family), workspace.tokenizer(pretraining.family)
        settings, seed = pretraining.settings, workspace.settings.seed
        trained = untrained(family, settings, tokenizer, seed)
        for store in workspace.stores(family.name).values():
            family.examples(store, settings.pretrain, tokenizer, seed).batch(0, 1)

        def samples() -> None:
            asked(trained, questions_of(workspace, pretraining, self.language.readers)[:1])

        workspace.attempt(f"samples of {pretraining.label}", samples)
        workspace.attempt("language without labels", partial(self.language.rehearsed, trained))
