"""`twinlm answer`: find the stretch of a text that answers a question."""

import json
from typing import Annotated

from cyclopts import Parameter

from twinlm.cli.options import Json
from twinlm.cli.texts import argument_or_input
from twinlm.cli.use.generate import Model

NAME = "answer"
EXAMPLES = """Examples:
  twinlm answer runs/my/tasks/questions/bert/seed-1 "Who wrote it?" "The novel is by George Eliot."
  twinlm answer runs/my/tasks/questions/bert/seed-1 "Who wrote it?" - < article.txt
"""


def command(
    model: Model,
    question: Annotated[str, Parameter(help="What is asked.")],
    context: Annotated[
        str | None, Parameter(help="The text to look in; standard input if not given, or -.")
    ] = None,
    /,
    *,
    is_json: Json = False,
) -> None:
    """Answer a question with a stretch of a text, by a model fine-tuned for that.

    Prints nothing but an empty line if the model says that the text has no answer.
    """
    asked, text = argument_or_input(question), argument_or_input(context)
    from twinlm.use.ask import answer
    from twinlm.use.load import load

    found = answer(load(model), asked, text)
    print(json.dumps({"question": asked, **found}, ensure_ascii=False) if is_json else found["predicted"])
