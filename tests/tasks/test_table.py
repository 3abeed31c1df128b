"""The table of tasks."""

import pytest
from torch import nn

from twinlm.errors import UsageError
from twinlm.settings import TaskSettings
from twinlm.tasks.kind import TaskConfig
from twinlm.tasks.table import TASKS, task_kind


def test_every_kind_that_the_settings_allow_is_in_the_table_and_no_other():
    allowed = TaskSettings.__annotations__["kind"].__args__
    assert list(TASKS) == list(allowed)


@pytest.mark.parametrize("name", TASKS)
def test_a_kind_builds_its_head_of_any_width(name):
    kind = task_kind(name)
    assert kind.name == name
    config = TaskConfig(kind=name, labels=("a", "b", "c"), max_length=8, dropout=0.25, has_bias=False)
    head = kind.build_head(config, 12)
    outputs = {"classification": 3, "tagging": 3, "span_qa": 2}.get(name, 1)
    assert head.score.weight.shape == (outputs, 12)
    assert head.score.bias is None
    assert next(part for part in head.modules() if isinstance(part, nn.Dropout)).p == 0.25


def test_an_unknown_kind_gets_the_nearest_name():
    with pytest.raises(UsageError, match="there is no kind of task 'taging'; did you mean 'tagging'"):
        task_kind("taging")
