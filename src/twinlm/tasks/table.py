"""The table of all kinds of task. Nothing else outside their own files distinguishes them."""

from twinlm.errors import UsageError
from twinlm.settings.build import closest
from twinlm.tasks import choice, classification, similarity, span_qa, tagging
from twinlm.tasks.kind import TaskKind

TASKS: dict[str, TaskKind] = {
    module.KIND.name: module.KIND for module in (classification, similarity, choice, tagging, span_qa)
}


def task_kind(name: str) -> TaskKind:
    """Return the kind of task of that name."""
    if name not in TASKS:
        raise UsageError(f"there is no kind of task {name!r}", hint=closest(name, TASKS))
    return TASKS[name]
