"""`twinlm rank`: candidate texts in the order of their likelihood, without any training."""

import json
from typing import Annotated, Literal

from cyclopts import Parameter

from twinlm.cli.options import Json
from twinlm.cli.texts import argument_or_input, arguments_or_lines
from twinlm.cli.use.generate import Model
from twinlm.cli.use.score import Method

NAME = "rank"
EXAMPLES = """Examples:
  twinlm rank runs/demo/gpt "The capital of France is" Paris London
  twinlm rank runs/demo/gpt "It was a great film. It was very {}." good bad
  twinlm rank runs/demo/bert "The {} of France is Paris." capital river
  twinlm rank runs/demo/gpt "The city is" - --normalize pmi < candidates.txt
"""


def command(
    model: Model,
    prompt: Annotated[str, Parameter(help="A text; candidates take the place of {} in it, or follow it.")],
    /,
    *candidates: Annotated[str, Parameter(help="Two or more; lines of standard input if not given, or -.")],
    normalize: Annotated[
        Literal["sum", "mean", "bytes", "pmi"],
        Parameter(help="Log-likelihood in all, per token, per byte, or less that without the prompt."),
    ] = "mean",
    part: Annotated[
        Literal["candidate", "rest"] | None,
        Parameter(help="What is scored. If not given: for a GPT the rest if there is one."),
    ] = None,
    method: Method = None,
    is_json: Json = False,
) -> None:
    """Rank candidates by how likely a model finds them in a text.

    Nothing is trained. A GPT can't look ahead: if there is text after {}, it
    judges a candidate by how likely it makes that rest. A BERT looks at both
    sides. Figures of a GPT and of a BERT must not be compared.
    """
    prompt = argument_or_input(prompt)
    given = arguments_or_lines(candidates)
    from twinlm.use.load import load
    from twinlm.use.rank import rank

    ranking = rank(load(model), prompt, given, normalize=normalize, part=part, method=method)
    if is_json:
        about = {"method": ranking.method, "part": ranking.part, "normalize": normalize}
        ranked = [candidate._asdict() for candidate in ranking.candidates]
        print(json.dumps({"prompt": prompt, **about, "candidates": ranked}, ensure_ascii=False))
        return
    for candidate in ranking.candidates:
        print(f"{candidate.score:9.3f}  {candidate.candidate}")
