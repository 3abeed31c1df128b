"""`twinlm compare`: the whole comparison, from text and labels to the report."""

from twinlm.cli.command import Command
from twinlm.cli.options import AnySetting, Fresh, RunOptions, SettingsFile, Tasks
from twinlm.cli.running import run_comparison


def command(
    file: SettingsFile = None,
    /,
    *,
    task: Tasks = None,
    is_fresh: Fresh = False,
    options: RunOptions = RunOptions(),  # noqa: B008 - frozen
    **settings: AnySetting,
) -> None:
    """Train both models on your data and compare them.

    Use it to learn whether GPT or BERT is better for your task. It pre-trains both
    on your text, fine-tunes them on your labels, and writes report.html, report.md
    and results.json to the run directory. Finished parts are reused: a stopped
    comparison resumes when repeated.

    Examples:
      twinlm compare my.toml
      twinlm compare my.toml --budget.amount 5e13 --out runs/longer
      twinlm compare --corpus.train 'texts/*.txt' --task reviews.csv --size mini
      twinlm compare --corpus.train a.txt --task b.csv --task.label_field stars
    Next:
      twinlm classify runs/my/tasks/topic/bert/seed-1 "A text to classify."
    """
    run_comparison(file, options, settings, tasks=task or [], is_fresh=is_fresh)


COMMAND = Command("compare", command)
