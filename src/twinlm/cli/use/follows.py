"""`twinlm follows`: whether one text follows another."""

import json
from collections.abc import Sequence
from typing import Annotated

from cyclopts import Parameter

from twinlm.cli.options import Json
from twinlm.cli.texts import arguments_or_lines
from twinlm.cli.use.generate import Model
from twinlm.errors import DataError, UsageError

NAME = "follows"
EXAMPLES = """Examples:
  twinlm follows runs/demo/bert "It rained all day." "The river rose."
  twinlm follows runs/demo/bert - --json < pairs.tsv
"""


def command(
    model: Model,
    /,
    *texts: Annotated[
        str, Parameter(help="Two; or lines of two texts with a tab between, on standard input.")
    ],
    is_json: Json = False,
) -> None:
    """Say how probable a BERT finds it that the second text follows the first.

    It must have learned next sentence prediction. 0.5 stands for not knowing.
    """
    pairs = _pairs(texts)
    from twinlm.use.load import load
    from twinlm.use.next_sentence import next_sentence_batch

    for (first, second), chance in zip(pairs, next_sentence_batch(load(model), pairs), strict=True):
        if is_json:
            record = {"first": first, "second": second, "probability": chance}
            print(json.dumps(record, ensure_ascii=False))
        else:
            print(f"{chance:.3f}  {first}  |  {second}")


def _pairs(arguments: Sequence[str]) -> list[tuple[str, str]]:
    given = arguments_or_lines(arguments)
    if arguments:
        if len(given) != 2:
            raise UsageError(f"give two texts, not {len(given)}")
        return [(given[0], given[1])]
    pairs = [tuple(line.split("\t")) for line in given]
    for pair in pairs:
        if len(pair) != 2:
            message = f"this line has {len(pair) - 1} tabs: {'  '.join(pair)[:60]!r}"
            raise DataError(message, hint="write two texts with one tab between")
    return [(pair[0], pair[1]) for pair in pairs]
