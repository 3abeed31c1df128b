"""`twinlm predict`: answer a whole file of examples, for any kind of task."""

import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from twinlm.cli.command import Command
from twinlm.cli.options import FileOptions, Json, Model, flag
from twinlm.cli.tables import print_counts, print_record
from twinlm.errors import UsageError
from twinlm.system import storage
from twinlm.system.progress import progress_on

if TYPE_CHECKING:
    from twinlm.data.labels.examples import Example
    from twinlm.tasks.kind import TaskConfig, TaskKind


def command(
    model: Model,
    file: Annotated[Path, Parameter(help="File of examples like the training files, answers optional.")],
    /,
    *,
    out: Annotated[Path | None, Parameter(help="Write the answers here, not to standard output.")] = None,
    is_labelled: Annotated[bool, flag("--labelled", "The file has answers: measure the model.")] = False,
    is_squad: Annotated[
        bool, flag("--squad", "Write one object, from the data's ids to answers, as SQuAD's script reads it.")
    ] = False,
    options: FileOptions = FileOptions(),  # noqa: B008 - frozen
    is_json: Json = False,
) -> None:
    """Answer a whole file with a fine-tuned model.

    Use it for many examples, whatever the task. It prints one JSON object for each
    example, with the id that the data gives it. With --labelled it prints the metrics
    of the answers instead, and writes the answers only with --out. The labels must be
    those of its training, and so are the names of fields unless you give others.

    Examples:
      twinlm predict runs/my/tasks/topic/bert/seed-1 new.csv --out answers.jsonl
      twinlm predict runs/my/tasks/questions/bert/seed-1 dev-v2.0.json --squad
      twinlm predict runs/my/tasks/names/gpt/seed-1 test.conll --labelled --json
    Next:
      twinlm cost runs/my/tasks/topic/bert/seed-1 --task new.csv
    """
    from twinlm.evaluate.predictions import as_squad, ids
    from twinlm.use.load import load
    from twinlm.use.predict import check_labels, predict, scheme_of, task_of

    if out is not None:
        storage.require_writable(out)
    trained = load(model)
    kind, config = task_of(trained)
    if is_squad and kind.name != "span_qa":
        raise UsageError(f"--squad is for models of span_qa, and this one was fine-tuned for {kind.name}")
    counts: Counter[str] = Counter()
    examples = options.read(file, kind.form, config, is_labelled=is_labelled, counts=counts)
    scheme = scheme_of(trained)
    if is_labelled and (flaw := kind.form.flaw(scheme, examples)):
        print(f"no model can be measured on these {len(examples):,} examples: {flaw}", file=sys.stderr)
    for note in check_labels(trained, examples) if is_labelled else []:
        print(note, file=sys.stderr)
    with progress_on() as progress:
        answers = predict(trained, examples, progress=progress, counts=counts)
    print_counts(counts)
    rows = [
        {**ids(example), **({"gold": example.gold} if is_labelled else {}), **answer}
        for example, answer in zip(examples, answers, strict=True)
    ]
    written = as_squad(examples, answers) if is_squad else storage.json_lines(rows)
    if out is not None:
        storage.write_file(out, written)
        print(f"{out}: {len(rows):,} answers", file=sys.stderr)
    elif not is_labelled:
        print(written.decode(), end="")
    if is_labelled:
        _print_metrics(kind, config, scheme, examples, answers, is_json=is_json)


def _print_metrics(
    kind: "TaskKind",
    config: "TaskConfig",
    scheme: str,
    examples: "tuple[Example, ...]",
    answers: list[dict[str, Any]],
    *,
    is_json: bool,
) -> None:
    from twinlm.report.document import NOTHING
    from twinlm.report.numbers import figure

    golds, predicted = [example.gold for example in examples], [answer["predicted"] for answer in answers]
    measured = kind.measure(golds, predicted, scheme)
    figures = {
        name: None if name in measured.undefined else value for name, value in measured.figures.items()
    }
    for name, reason in measured.undefined.items():
        print(f"{name} is 0 / 0, because {reason}", file=sys.stderr)
    known = {*config.labels}
    if "macro F1" in figures and (lacking := known - {*kind.form.labels(examples)}):
        over = f"{len(known - lacking):,} of the model's {len(known):,}"
        print(f"macro F1 is the mean over the classes that the examples have: {over}", file=sys.stderr)
    lines = [
        *(f"{name}\t{NOTHING if value is None else figure(value, name)}" for name, value in figures.items()),
        f"examples\t{len(examples):,}",
    ]
    print_record({"examples": len(examples), **figures}, *lines, is_json=is_json)


COMMAND = Command("predict", command)
