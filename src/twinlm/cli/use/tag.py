"""`twinlm tag`: give each word of sentences a tag with a fine-tuned model."""

import json
from typing import Annotated

from cyclopts import Parameter

from twinlm.cli.options import Json
from twinlm.cli.texts import arguments_or_lines
from twinlm.cli.use.generate import Model

NAME = "tag"
EXAMPLES = """Examples:
  twinlm tag runs/my/tasks/names/bert/seed-1 "Ada moved to London ."
  twinlm tag runs/my/tasks/names/gpt/seed-1 - --json < sentences.txt
"""


def command(
    model: Model,
    /,
    *sentences: Annotated[str, Parameter(help="Sentences; lines of standard input if not given, or -.")],
    is_json: Json = False,
) -> None:
    """Give each word a tag with a model that was fine-tuned for tagging.

    Words are parted by white space, as in the training data: put spaces around
    punctuation if those files have them. Prints a word and its tag a line, with a
    tab between, and a blank line after each sentence.
    """
    given = arguments_or_lines(sentences)
    from twinlm.use.ask import tag
    from twinlm.use.load import load

    rows = [sentence.split() for sentence in given]
    for words, tags in zip(rows, tag(load(model), rows), strict=True):
        if is_json:
            print(json.dumps({"tokens": words, "tags": tags}, ensure_ascii=False))
        else:
            print("\n".join(f"{word}\t{found}" for word, found in zip(words, tags, strict=True)), end="\n\n")
