"""`twinlm choose`: which of several texts goes on with, or answers, a first one."""

import json
from typing import Annotated

from cyclopts import Parameter

from twinlm.cli.options import Json
from twinlm.cli.texts import arguments_or_lines
from twinlm.cli.use.generate import Model

NAME = "choose"
EXAMPLES = """Examples:
  twinlm choose runs/my/tasks/endings/bert/seed-1 "She opened the" "door." "river." "idea."
"""


def command(
    model: Model,
    text: Annotated[str, Parameter(help="What comes first: a beginning, or a question with its text.")],
    /,
    *choices: Annotated[str, Parameter(help="The texts to choose among, at least two.")],
    is_json: Json = False,
) -> None:
    """Choose among texts with a model that was fine-tuned for multiple choice.

    Prints each choice with its probability, the best one first. A model that was
    pre-trained only can rank texts by how likely it finds them.
    """
    first, *others = arguments_or_lines((text, *choices))
    from twinlm.use.ask import choose
    from twinlm.use.load import load

    chances = choose(load(model), first, others)
    best = max(range(len(others)), key=lambda place: chances[place])
    if is_json:
        print(json.dumps({"text": first, "predicted": best, "probabilities": chances}, ensure_ascii=False))
        return
    for chance, choice in sorted(zip(chances, others, strict=True), key=lambda pair: -pair[0]):
        print(f"{chance:.3f}\t{choice}")
