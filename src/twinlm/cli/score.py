"""`twinlm score`: how likely a model finds texts."""

import json
from typing import Annotated

from cyclopts import Parameter

from twinlm.cli.generate import Model
from twinlm.cli.options import Json
from twinlm.cli.texts import arguments_or_lines

NAME = "score"
EXAMPLES = """Examples:
  twinlm score runs/demo/gpt "The river flows." "The river eats."
  twinlm score runs/demo/bert - --json < candidates.txt
"""


def command(
    model: Model,
    /,
    *texts: Annotated[str, Parameter(help="Texts to score; lines of standard input if not given, or -.")],
    is_json: Json = False,
) -> None:
    """Say how likely a model finds each text, in nats: the higher, the likelier.

    A GPT gives the log-probability of the text; a BERT masks each token in turn and
    adds up how likely it finds it among all others (pseudo-log-likelihood). Compare
    texts within one model only. The second figure is the mean over tokens.
    """
    given = arguments_or_lines(texts)
    from twinlm.use.load import load
    from twinlm.use.score import score

    trained = load(model)
    for text in given:
        scored = score(trained, text)
        if is_json:
            tokens = [{"text": token, "log_likelihood": value} for token, value in scored.tokens]
            about = {"log_likelihood": scored.log_likelihood, "mean": scored.mean, "tokens": tokens}
            print(json.dumps({"text": text, **about}, ensure_ascii=False))
            continue
        print(f"{scored.log_likelihood:9.2f}  {scored.mean:6.2f}  {text}")
