"""`twinlm score`: how likely a model finds texts."""

from typing import Annotated

from cyclopts import Parameter

from twinlm.cli.command import Command
from twinlm.cli.options import Json, Method, Model
from twinlm.cli.tables import print_record
from twinlm.cli.texts import arguments_or_lines


def command(
    model: Model,
    /,
    *texts: Annotated[str, Parameter(help="Texts to score; default, or -: lines of standard input.")],
    method: Method = None,
    is_json: Json = False,
) -> None:
    """Score how likely a model finds texts.

    Use it to compare texts, such as versions of a sentence, within one model and
    method. It prints nats and their mean over tokens: higher is likelier. A GPT
    gives the log-probability of the text. A BERT masks each token in turn and adds
    the log-probabilities given all other tokens (pseudo-likelihood), or with -l2r
    without the later tokens of the same word. With chain-rule it reads only the
    tokens before: a log-probability, but one it was not trained for.

    Examples:
      twinlm score runs/demo/gpt "The river flows." "The river eats."
      twinlm score runs/demo/bert - --json < candidates.txt
      twinlm score runs/demo/bert "The river." --method pseudo-likelihood-l2r
    Next:
      twinlm rank runs/demo/gpt "The river" flows eats
    """
    lines = arguments_or_lines(texts)
    from twinlm.use.load import load
    from twinlm.use.score import score_batch

    for scored in score_batch(load(model), lines, method=method):
        tokens = [{"text": token, "log_likelihood": value} for token, value in scored.tokens]
        about = {"log_likelihood": scored.log_likelihood, "mean": scored.mean, "method": scored.method}
        line = f"{scored.log_likelihood:9.2f}  {scored.mean:6.2f}  {scored.text}"
        print_record({"text": scored.text, **about, "tokens": tokens}, line, is_json=is_json)


COMMAND = Command("score", command)
