"""`twinlm similarity`: how alike two texts are, to a fine-tuned model."""

import json
from typing import Annotated

from cyclopts import Parameter

from twinlm.cli.options import Json
from twinlm.cli.texts import arguments_or_lines, paired
from twinlm.cli.use.generate import Model

NAME = "similarity"
EXAMPLES = """Examples:
  twinlm similarity runs/my/tasks/alike/gpt/seed-1 "It rains." "It is raining."
  twinlm similarity runs/my/tasks/alike/bert/seed-1 - < pairs.tsv
"""


def command(
    model: Model,
    /,
    *texts: Annotated[
        str, Parameter(help="Two texts at a time; lines with a tab between them if not given, or -.")
    ],
    is_json: Json = False,
) -> None:
    """Give pairs of texts a number with a model that was fine-tuned for similarity.

    The number has the unit of the training examples' scores. A GPT reads both
    orders, so that the order of the texts does not matter to it.
    """
    rows = paired(arguments_or_lines(texts), is_lines=not texts)
    from twinlm.use.ask import similarity
    from twinlm.use.load import load

    for (first, second), number in zip(rows, similarity(load(model), rows), strict=True):
        record = {"text": first, "text_b": second, "score": number}
        print(json.dumps(record, ensure_ascii=False) if is_json else f"{number:.3f}\t{first}\t{second}")
