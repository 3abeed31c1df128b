"""`twinlm fill`: fill masked words with a BERT."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from twinlm.cli.command import Command
from twinlm.cli.options import Json, Model, check_used, flag
from twinlm.cli.tables import print_record
from twinlm.cli.texts import arguments_or_lines

if TYPE_CHECKING:
    from twinlm.checkpoint import Trained
    from twinlm.use.fill import Guess

_TOP_K = 5


def command(
    model: Model,
    /,
    *texts: Annotated[str, Parameter(help="Texts with [MASK]; default, or -: lines of standard input.")],
    top_k: Annotated[int, Parameter(help="Number of guesses to show for each mask.")] = _TOP_K,
    is_together: Annotated[bool, flag("--together", "Fill the masks so that they fit each other.")] = False,
    is_json: Json = False,
) -> None:
    """Fill each [MASK] in a text with a BERT.

    Use it to see what a BERT has learned. Each mask is guessed without knowing the
    others. With --together the most confident guess is filled in first, then the
    others are guessed again, and the whole text is shown.

    Examples:
      twinlm fill runs/demo/bert "The capital of [MASK] is Paris."
      twinlm fill runs/demo/bert "The [MASK] of [MASK]" --top-k 3 --json
      twinlm fill runs/demo/bert "The [MASK] of [MASK]" --together
      twinlm fill runs/demo/bert - < masked-lines.txt
    Next:
      twinlm rank runs/demo/bert "The {} of France is Paris." capital river
    """
    check_used("--top-k", top_k != _TOP_K, is_used=not is_together, by="guesses without --together")
    lines = arguments_or_lines(texts)
    from twinlm.use.fill import fill_batch
    from twinlm.use.load import load

    if is_together:
        _fill_together(load(model), lines, is_json=is_json)
        return
    for text, masks in zip(lines, fill_batch(load(model), lines, top_k=top_k), strict=True):
        record = {"text": text, "masks": [[guess._asdict() for guess in mask] for mask in masks]}
        guesses = [
            f"  [MASK] {number}: {', '.join(map(_shown, mask))}" for number, mask in enumerate(masks, 1)
        ]
        print_record(record, text, *guesses, is_json=is_json)


def _shown(guess: "Guess") -> str:
    return f"{guess.text.strip() or repr(guess.text)} {guess.probability:.1%}"


def _fill_together(trained: "Trained", texts: Sequence[str], *, is_json: bool) -> None:
    from twinlm.use.fill import fill_together, masked_row

    for text in texts:
        masked_row(trained, text)  # raises for any bad text before the first one is shown
    for text in texts:
        filled = fill_together(trained, text)
        guesses = [guess._asdict() for guess in filled.guesses]
        print_record({"text": text, "filled": filled.text, "guesses": guesses}, filled.text, is_json=is_json)


COMMAND = Command("fill", command)
