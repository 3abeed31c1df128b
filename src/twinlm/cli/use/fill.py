"""`twinlm fill`: let a BERT guess masked words."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from twinlm.cli.options import Json
from twinlm.cli.texts import arguments_or_lines
from twinlm.cli.use.generate import Model

if TYPE_CHECKING:
    from twinlm.checkpoint import Trained

NAME = "fill"
EXAMPLES = """Examples:
  twinlm fill runs/demo/bert "The capital of [MASK] is Paris."
  twinlm fill runs/demo/bert "The [MASK] of [MASK]" --top-k 3 --json
  twinlm fill runs/demo/bert "The [MASK] of [MASK]" --together
  twinlm fill runs/demo/bert - < masked-lines.txt
"""


def command(
    model: Model,
    /,
    *texts: Annotated[str, Parameter(help="Texts with [MASK]; lines of standard input if not given, or -.")],
    top_k: Annotated[int, Parameter(help="Show so many guesses for each mask.")] = 5,
    is_together: Annotated[
        bool, Parameter(name="--together", show_default=False, help="Fill masks so that they fit each other.")
    ] = False,
    is_json: Json = False,
) -> None:
    """Let a BERT guess what stands at each [MASK] of a text.

    Each mask is guessed without knowing the others. With --together the surest
    one is filled, then the others are guessed anew; the whole text is shown.
    """
    given = arguments_or_lines(texts)
    from twinlm.use.load import load

    if is_together:
        _fill_together(load(model), given, is_json=is_json)
        return
    from twinlm.use.fill import fill_batch

    for text, masks in zip(given, fill_batch(load(model), given, top_k=top_k), strict=True):
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


def _fill_together(trained: "Trained", texts: Sequence[str], *, is_json: bool) -> None:
    from twinlm.use.fill import fill_together, masked_row

    for text in texts:
        masked_row(trained, text)  # what is wrong with any of them is said before the first is shown
    for text in texts:
        filled = fill_together(trained, text)
        if is_json:
            guesses = [guess._asdict() for guess in filled.guesses]
            record = {"text": text, "filled": filled.text, "guesses": guesses}
            print(json.dumps(record, ensure_ascii=False))
        else:
            print(filled.text)
