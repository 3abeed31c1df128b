"""`twinlm score`: how likely a model finds texts."""

import json
from typing import Annotated

from cyclopts import Parameter

from twinlm.cli.options import Json
from twinlm.cli.texts import arguments_or_lines
from twinlm.cli.use.generate import Model

NAME = "score"
EXAMPLES = """Examples:
  twinlm score runs/demo/gpt "The river flows." "The river eats."
  twinlm score runs/demo/bert - --json < candidates.txt
  twinlm score runs/demo/bert "The river." --method pseudo-likelihood-l2r
"""

Method = Annotated[
    str | None,
    Parameter(help="likelihood (GPT); pseudo-likelihood, pseudo-likelihood-l2r or chain-rule (BERT)."),
]


def command(
    model: Model,
    /,
    *texts: Annotated[str, Parameter(help="Texts to score; lines of standard input if not given, or -.")],
    method: Method = None,
    is_json: Json = False,
) -> None:
    """Say how likely a model finds each text, in nats: the higher, the likelier.

    A GPT gives the log-probability of the text; a BERT masks each token in turn and
    adds up how likely it finds it among all others (pseudo-log-likelihood), with
    -l2r among those outside of its word or before it. With chain-rule a BERT reads
    only what stands before a token: a log-probability, but off its training.
    Compare texts within one model and method only. The second figure is the mean
    over tokens.
    """
    given = arguments_or_lines(texts)
    from twinlm.use.load import load
    from twinlm.use.score import score_batch

    for scored in score_batch(load(model), given, method=method):
        if is_json:
            tokens = [{"text": token, "log_likelihood": value} for token, value in scored.tokens]
            about = {"log_likelihood": scored.log_likelihood, "mean": scored.mean, "method": scored.method}
            print(json.dumps({"text": scored.text, **about, "tokens": tokens}, ensure_ascii=False))
            continue
        print(f"{scored.log_likelihood:9.2f}  {scored.mean:6.2f}  {scored.text}")
