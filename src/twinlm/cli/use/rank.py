"""`twinlm rank`: candidate texts in the order of their likelihood, without any training."""

from typing import Annotated, Literal

from cyclopts import Parameter

from twinlm.cli.command import Command
from twinlm.cli.options import Json, Method, Model
from twinlm.cli.tables import print_record
from twinlm.cli.texts import arguments_or_lines, text_alone


def command(
    model: Model,
    prompt: Annotated[str, Parameter(help="Text; candidates replace {} in it, or follow it.")],
    /,
    *candidates: Annotated[str, Parameter(help="Two or more; default, or -: lines of standard input.")],
    normalize: Annotated[
        Literal["sum", "mean", "bytes", "pmi"],
        Parameter(help="Log-likelihood: sum, mean per token, per byte, or minus that without the prompt."),
    ] = "mean",
    part: Annotated[
        Literal["candidate", "rest"] | None,
        Parameter(help="Scored part; default: for a GPT the rest, if there is one."),
    ] = None,
    method: Method = None,
    is_json: Json = False,
) -> None:
    """Rank candidate texts by likelihood, without training.

    Use it to answer multiple-choice questions with a pre-trained model. A GPT
    cannot look ahead: with text after {}, it judges a candidate by how likely it
    makes that text. A BERT reads both sides. Scores of a GPT and of a BERT must not
    be compared.

    Examples:
      twinlm rank runs/demo/gpt "The capital of France is" Paris London
      twinlm rank runs/demo/gpt "It was a great film. It was very {}." good bad
      twinlm rank runs/demo/bert "The {} of France is Paris." capital river
      twinlm rank runs/demo/gpt "The city is" - --normalize pmi < candidates.txt
    Next:
      twinlm pairs runs/demo/gpt pairs.csv
    """
    prompt = text_alone(prompt)
    texts = arguments_or_lines(candidates)
    from twinlm.use.load import load
    from twinlm.use.rank import rank

    ranking = rank(load(model), prompt, texts, normalize=normalize, part=part, method=method)
    about = {"method": ranking.method, "part": ranking.part, "normalize": normalize}
    record = {"prompt": prompt, **about, "candidates": [each._asdict() for each in ranking.candidates]}
    lines = [f"{each.score:9.3f}  {each.candidate}" for each in ranking.candidates]
    print_record(record, *lines, is_json=is_json)


COMMAND = Command("rank", command)
