"""`twinlm classify`: give texts a class with a fine-tuned model."""

import json
from typing import Annotated

from cyclopts import Parameter

from twinlm.cli.generate import Model
from twinlm.cli.options import Json
from twinlm.cli.texts import arguments_or_lines

NAME = "classify"
EXAMPLES = """Examples:
  twinlm classify runs/demo/tasks/topic/bert/seed-1 "A river in France." "A painter of the 19th century."
  twinlm classify runs/demo/tasks/topic/gpt/seed-1 - --json < lines.txt
"""


def command(
    model: Model,
    /,
    *texts: Annotated[str, Parameter(help="Texts; lines of standard input if not given, or -.")],
    is_json: Json = False,
) -> None:
    """Give texts a class with a fine-tuned model.

    Prints one line for each text: its most probable class, the probability,
    the text, with tabs between. --json shows the probabilities of all classes.
    """
    given = arguments_or_lines(texts)
    from twinlm.use.classify import classify
    from twinlm.use.load import load

    for text, chances in zip(given, classify(load(model), given), strict=True):
        best = next(iter(chances))
        if is_json:
            record = {"text": text, "class": best, "probabilities": chances}
            print(json.dumps(record, ensure_ascii=False))
        else:
            print(f"{best}\t{chances[best]:.3f}\t{text}")
