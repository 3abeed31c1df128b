"""`twinlm fill`: let a BERT guess masked words."""

import json
from typing import Annotated

from cyclopts import Parameter

from twinlm.cli.generate import Model
from twinlm.cli.options import Json
from twinlm.cli.texts import arguments_or_lines

NAME = "fill"
EXAMPLES = """Examples:
  twinlm fill runs/demo/bert "The capital of [MASK] is Paris."
  twinlm fill runs/demo/bert "The [MASK] of [MASK]" --top-k 3 --json
  twinlm fill runs/demo/bert - < masked-lines.txt
"""


def command(
    model: Model,
    /,
    *texts: Annotated[str, Parameter(help="Texts with [MASK]; lines of standard input if not given, or -.")],
    top_k: Annotated[int, Parameter(help="Show so many guesses for each mask.")] = 5,
    is_json: Json = False,
) -> None:
    """Let a BERT guess what stands at each [MASK] of a text.

    Each mask is guessed without knowing the others.
    """
    given = arguments_or_lines(texts)
    from twinlm.use.fill import fill
    from twinlm.use.load import load

    trained = load(model)
    for text in given:
        masks = fill(trained, text, top_k=top_k)
        if is_json:
            guesses = [[guess._asdict() for guess in mask] for mask in masks]
            print(json.dumps({"text": text, "masks": guesses}, ensure_ascii=False))
            continue
        print(text)
        for number, mask in enumerate(masks, 1):
            shown = ", ".join(
                f"{guess.text.strip() or repr(guess.text)} {guess.probability:.1%}" for guess in mask
            )
            print(f"  [MASK] {number}: {shown}")
