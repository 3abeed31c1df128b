"""What every arm and baseline said of a task's test examples: all that its scores are made from.

An index in the task's folder says which files hold it. A run and a bundle hold the same ones, so that
`evidence/reading.py` serves both.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from twinlm.system.records import Record, Whole
from twinlm.tasks.judging import Said


@dataclass(frozen=True, kw_only=True, slots=True)
class ArmAnswers:
    """What one arm, or one baseline, said."""

    arm: str
    """As `ArmScore.arm`."""
    label: str
    """As `ArmScore.label`."""
    family: str = ""
    """As `ArmScore.family`."""
    is_pretrained: bool = False
    """As `ArmScore.is_pretrained`."""
    is_imported: bool = False
    """As `ArmScore.is_imported`."""
    groups: int = 1
    """Pre-trainings, see `evidence/outcomes.py`."""
    seeds: Sequence[str] = ()
    """Names of the fine-tuned models, as in `ArmScore.score_by_seed`; empty for a baseline."""
    said: Sequence[Sequence[Said]]
    """Of all examples, for each fine-tuned model; a baseline has one row."""
    seconds: float
    """As `ArmScore.seconds`."""
    chosen_epochs: dict[str, int] = field(default_factory=dict)
    """As `ArmScore.chosen_epochs`."""

    @property
    def predicted(self) -> list[list[Any]]:
        """The bare answers."""
        return [[said["predicted"] for said in row] for row in self.said]


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskAnswers:
    """A task, and what was said of its test examples."""

    name: str
    """As the settings call it."""
    kind: str
    """Of task."""
    classes: list[str]
    """As `TaskResult.classes`."""
    train_examples: int
    """To learn from."""
    valid_examples: int
    """To choose epochs by."""
    ids: list[str]
    """Of the test examples."""
    golds: list[Any]
    """Their right answers."""
    characters: list[int] = field(default_factory=list)
    """How long their texts are; empty if that was not noted."""
    texts: Sequence[Sequence[str]] = ()
    """Their texts; empty if they are not at hand."""
    arms: list[ArmAnswers]
    """In the order of `TaskResult.scores`: arms, then baselines."""

    def arm(self, name: str) -> ArmAnswers:
        """Return the arm, or baseline, of a name."""
        return next(arm for arm in self.arms if arm.arm == name)

    @property
    def pretrained(self) -> list[ArmAnswers]:
        """The arms whose models were pre-trained, here or elsewhere."""
        return [arm for arm in self.arms if arm.is_pretrained]


class ArmIndex(Record):
    """Where the answers of one arm lie."""

    arm: str
    """As `ArmAnswers.arm`."""
    label: str
    """As `ArmAnswers.label`."""
    family: str
    """As `ArmAnswers.family`."""
    is_pretrained: bool
    """As `ArmAnswers.is_pretrained`."""
    is_imported: bool
    """As `ArmAnswers.is_imported`."""
    groups: Whole
    """As `ArmAnswers.groups`."""
    folders: dict[str, str]
    """For each fine-tuned model its folder, below that of the run."""
    chosen_epochs: dict[str, Whole]
    """As `ArmAnswers.chosen_epochs`."""


class TaskIndex(Record):
    """Which files hold what was said of a task's test examples: `answers.json`."""

    FORMAT: ClassVar[int] = 1

    name: str
    """As `TaskAnswers.name`."""
    kind: str
    """As `TaskAnswers.kind`."""
    classes: list[str]
    """As `TaskAnswers.classes`."""
    train_examples: Whole
    """As `TaskAnswers.train_examples`."""
    valid_examples: Whole
    """As `TaskAnswers.valid_examples`."""
    arms: list[ArmIndex]
    """In the order of `TaskAnswers.arms`; the baselines' answers are in a file of their own."""


def index_name(task: str) -> str:
    """Return the name of a task's index below the folder of a run."""
    return f"tasks/{task}/answers.json"


def index_of(answers: TaskAnswers, folders: Mapping[str, Sequence[str]]) -> TaskIndex:
    """Return the index of a task's answers.

    Args:
        answers: to the task.
        folders: of each arm's fine-tuned models, below that of the run.
    """
    return TaskIndex(
        name=answers.name,
        kind=answers.kind,
        classes=answers.classes,
        train_examples=answers.train_examples,
        valid_examples=answers.valid_examples,
        arms=[
            ArmIndex(
                arm=arm.arm,
                label=arm.label,
                family=arm.family,
                is_pretrained=arm.is_pretrained,
                is_imported=arm.is_imported,
                groups=arm.groups,
                folders=dict(zip(arm.seeds, folders[arm.arm], strict=True)),
                chosen_epochs=arm.chosen_epochs,
            )
            for arm in answers.arms
            if arm.family
        ],
    )
