"""`twinlm classify`: give texts, or pairs of texts, a class with a fine-tuned model."""

import json
from typing import Annotated

from cyclopts import Parameter

from twinlm.cli.options import Json
from twinlm.cli.texts import arguments_or_lines, paired
from twinlm.cli.use.generate import Model

NAME = "classify"
EXAMPLES = """Examples:
  twinlm classify runs/demo/tasks/topic/bert/seed-1 "A river in France." "A painter of the 19th century."
  twinlm classify runs/demo/tasks/topic/gpt/seed-1 - --json < lines.txt
  twinlm classify runs/my/tasks/entails/bert/seed-1 "It rains." "It is wet."     (a model of pairs)
"""


def command(
    model: Model,
    /,
    *texts: Annotated[
        str,
        Parameter(
            help="Texts; lines of standard input if not given, or -. A model of pairs takes two at a time, "
            "or lines with a tab between them."
        ),
    ],
    is_json: Json = False,
) -> None:
    """Give texts a class with a fine-tuned model.

    Prints one line for each text: its most probable class, the probability,
    the text, with tabs between. --json shows the probabilities of all classes.
    """
    given = arguments_or_lines(texts)
    from twinlm.tasks.classification import TEXTS
    from twinlm.use.classify import classify
    from twinlm.use.load import load
    from twinlm.use.predict import task_of

    trained = load(model)
    _, task = task_of(trained, "classification")
    rows = paired(given, is_lines=not texts) if task.constants[TEXTS] == 2 else given
    for row, chances in zip(rows, classify(trained, rows), strict=True):
        best = next(iter(chances))
        if is_json:
            text = {"text": row} if isinstance(row, str) else dict(zip(("text", "text_b"), row, strict=True))
            print(json.dumps({**text, "class": best, "probabilities": chances}, ensure_ascii=False))
        else:
            shown = row if isinstance(row, str) else "\t".join(row)
            print(f"{best}\t{chances[best]:.3f}\t{shown}")
