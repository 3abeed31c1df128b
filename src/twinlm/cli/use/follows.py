"""`twinlm follows`: whether one text follows another."""

from typing import Annotated

from cyclopts import Parameter

from twinlm.cli.command import Command
from twinlm.cli.options import Json, Model
from twinlm.cli.tables import print_record
from twinlm.cli.texts import arguments_or_lines, is_input, paired
from twinlm.errors import UsageError


def command(
    model: Model,
    /,
    *texts: Annotated[
        str, Parameter(help="Two texts; default, or -: lines of two texts with a tab between.")
    ],
    is_json: Json = False,
) -> None:
    """Tell whether one text follows another, with a BERT.

    Use it to check next sentence prediction, which the BERT must have learned. It
    prints the probability that the second text follows the first; 0.5 means that
    the model does not know.

    Examples:
      twinlm follows runs/demo/bert "It rained all day." "The river rose."
      twinlm follows runs/demo/bert - --json < pairs.tsv
    Next:
      twinlm rank runs/demo/gpt "It rained all day." "The river rose." "The river fell."
    """
    if not is_input(texts) and len(texts) != 2:
        raise UsageError(f"give two texts, not {len(texts)}")
    pairs = paired(arguments_or_lines(texts), is_lines=is_input(texts))
    from twinlm.use.load import load
    from twinlm.use.next_sentence import next_sentence_batch

    for (first, second), chance in zip(pairs, next_sentence_batch(load(model), pairs), strict=True):
        record = {"first": first, "second": second, "probability": chance}
        print_record(record, f"{chance:.3f}  {first}  |  {second}", is_json=is_json)


COMMAND = Command("follows", command)
