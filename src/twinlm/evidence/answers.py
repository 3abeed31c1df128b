"""Answers of arms and baselines to a task's test examples, and the index of the files that hold them."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from msgspec import field

from twinlm.evidence.records import ArmFacts
from twinlm.system.records import Number, Record, Whole
from twinlm.tasks.judging import Said


class ArmAnswers(ArmFacts):
    """Answers of one arm or baseline."""

    is_imported: bool
    """Whether the model was pre-trained elsewhere, on other data."""
    groups: Whole
    """Number of pre-training runs, see `evidence/outcomes.py`."""
    seeds: Sequence[str]
    """Names of the fine-tuned models, as in `ArmScore.score_by_seed`; empty for a baseline."""
    said: Sequence[Sequence[Said]]
    """Answers to all examples, a row for each fine-tuned model; a baseline has one row."""
    seconds: Number
    """Time as in `ArmScore.seconds`."""
    chosen_epochs: dict[str, Whole]
    """Epochs as in `ArmScore.chosen_epochs`."""

    @property
    def predicted(self) -> list[list[Any]]:
        """The bare answers."""
        return [[said["predicted"] for said in row] for row in self.said]


class FrozenAnswers(ArmAnswers):
    """Answers of linear models on the frozen states of a body, one for each pre-training."""

    arms: list[str]
    """Arms that have this body."""


def baseline_answers(name: str, label: str, predictions: Sequence[Any], seconds: float) -> ArmAnswers:
    """Return the answers of a baseline."""
    return ArmAnswers(
        arm=name,
        label=label,
        family="",
        is_pretrained=False,
        is_imported=False,
        groups=1,
        seeds=(),
        said=[[{"predicted": predicted} for predicted in predictions]],
        seconds=seconds,
        chosen_epochs={},
    )


class TaskFacts(Record):
    """Name, type and size of a task; part of several records."""

    name: str
    """Name in the settings."""
    kind: str
    """Type of task."""
    classes: list[str]
    """Classes, as in `TaskResult.classes`."""
    train_examples: Whole
    """Number of training examples."""
    valid_examples: Whole
    """Number of validation examples."""
    scheme: str = ""
    """Meaning of the labels, see `Form.scheme`; earlier versions took it from the test examples alone."""


class TaskAnswers(TaskFacts):
    """All answers to a task's test examples."""

    ids: list[str]
    """Names of the test examples."""
    golds: list[Any]
    """Right answers."""
    characters: list[Whole]
    """Lengths of the examples' texts; empty if they were not noted."""
    texts: Sequence[Sequence[str]]
    """Texts of the examples; empty if they are not at hand."""
    arms: list[ArmAnswers]
    """Answers of arms, then of baselines, as in `TaskResult.scores`."""
    frozen: list[FrozenAnswers] = field(default_factory=list)
    """Answers of linear models on frozen states, as in `TaskResult.frozen`."""

    def arm(self, name: str) -> ArmAnswers:
        """Return the arm or baseline of a name."""
        return next(arm for arm in self.arms if arm.arm == name)

    @property
    def pretrained(self) -> list[ArmAnswers]:
        """The arms whose models were pre-trained, here or elsewhere."""
        return [arm for arm in self.arms if arm.is_pretrained]


class ArmIndex(ArmFacts):
    """Files with the answers of one arm."""

    is_imported: bool
    """Whether the model was pre-trained elsewhere."""
    groups: Whole
    """Number of pre-training runs."""
    folders: dict[str, str]
    """Folder of each fine-tuned model, relative to the run directory."""
    chosen_epochs: dict[str, Whole]
    """Epochs as in `ArmScore.chosen_epochs`."""


class FrozenIndex(ArmIndex):
    """Files with the answers of linear models on frozen states."""

    arms: list[str]
    """Arms as in `FrozenAnswers.arms`."""


class TaskIndex(TaskFacts):
    """Files with the answers to a task's test examples: `answers.json`."""

    FORMAT: ClassVar[int] = 1

    arms: list[ArmIndex]
    """Files of each arm, in the order of `TaskAnswers.arms`; baselines have a file of their own."""
    frozen: list[FrozenIndex] = field(default_factory=list)
    """Files of each linear model on frozen states; earlier versions had none."""


def facts(record: Record, kind: type[Record]) -> dict[str, Any]:
    """Return the fields that a record has from a base class."""
    return {name: getattr(record, name) for name in kind.__struct_fields__}


def index_name(task: str) -> str:
    """Return the path of a task's index, relative to the run directory."""
    return f"tasks/{task}/answers.json"


def index_of(
    answers: TaskAnswers, folders: Mapping[str, Sequence[str]], frozen: Mapping[str, Sequence[str]]
) -> TaskIndex:
    """Return the index of a task's answers, given the folders of each arm and of each frozen body.

    Folders are relative to the run directory.
    """
    return TaskIndex(
        **facts(answers, TaskFacts),
        arms=[ArmIndex(**_files(arm, folders)) for arm in answers.arms if arm.family],
        frozen=[FrozenIndex(**_files(body, frozen), arms=body.arms) for body in answers.frozen],
    )


def _files(arm: ArmAnswers, folders: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    return {
        **facts(arm, ArmFacts),
        "is_imported": arm.is_imported,
        "groups": arm.groups,
        "folders": dict(zip(arm.seeds, folders[arm.arm], strict=True)),
        "chosen_epochs": arm.chosen_epochs,
    }
