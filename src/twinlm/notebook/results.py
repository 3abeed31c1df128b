"""What `compare` and `finetune` return: short to print, a table in a notebook, a data frame on demand."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from twinlm.checkpoint import Trained
from twinlm.evidence.records import Interval
from twinlm.evidence.results import Results
from twinlm.notebook.frames import frame
from twinlm.report.verdict import by_task, three_sentences


@dataclass(frozen=True, slots=True, repr=False)
class Compared:
    """A finished comparison."""

    folder: Path
    """Run directory."""
    results: Results
    """All results, as in RUN/results.json."""

    @property
    def report(self) -> Path:
        """Report, a page for the browser."""
        return self.folder / "report.html"

    @property
    def verdict(self) -> list[str]:
        """Answer to the comparison in a few sentences."""
        return three_sentences(self.results)

    def to_frame(self) -> Any:
        """Return the score of each model and baseline on each task, a row each.

        A data frame of pandas or polars, whichever is installed, else a list of dicts. `score` is the main
        figure on the test examples, with the ends of its 95 % interval, `low` and `high`.
        """
        return frame(
            [
                {
                    "task": task.name,
                    "measure": task.metric,
                    "model": score.label,
                    "kind": score.family or "baseline",
                    "score": score.score.estimate,
                    "low": score.score.low,
                    "high": score.score.high,
                    "seeds": len(score.score_by_seed),
                    "failed seeds": len(score.failed_seeds),
                    "seconds": score.seconds,
                }
                for task in self.results.tasks
                for score in [*task.scores, *task.frozen]
            ]
        )

    def differences(self) -> Any:
        """Return each paired difference on each task, a row each, as `to_frame` does.

        `difference` is the score of `first` minus that of `second`, with the ends of its 95 % interval and
        the p value, adjusted for the number of tasks; `winner` is empty where the interval contains 0.
        """
        return frame(
            [
                {
                    "task": task.name,
                    "first": item.first,
                    "second": item.second,
                    "difference": item.difference.estimate,
                    "low": item.difference.low,
                    "high": item.difference.high,
                    "p": item.p_adjusted,
                    "winner": item.winner or "",
                }
                for task in self.results.tasks
                for item in task.comparisons
            ]
        )

    def __repr__(self) -> str:
        return "\n".join([*self.verdict, f"Report: {self.report}"])

    def _repr_html_(self) -> str:
        table = by_task(self.results)
        rows = [_row("th", table.header), *(_row("td", row) for row in table.rows)] if table.rows else []
        sentences = "".join(f"<p>{escape(sentence)}</p>" for sentence in self.verdict)
        return f"<table>{''.join(rows)}</table>{sentences}<p>Report: {escape(str(self.report))}</p>"


@dataclass(frozen=True, slots=True, repr=False)
class Tuned:
    """A fine-tuned model and how well it does."""

    folder: Path
    """Folder of the model."""
    model: Trained
    """The model, for `classify`, `tag`, `predict` and others."""
    validation: dict[str, float]
    """Figures on the validation examples, which chose among the epochs; the main figure first."""
    test: dict[str, Interval]
    """Main figure on the test examples with its 95 % interval over them; empty without a test file."""

    def __repr__(self) -> str:
        figures = [f"validation {name} {value:.3f}" for name, value in list(self.validation.items())[:1]]
        for name, at in self.test.items():
            figures.append(f"test {name} {at.estimate:.3f} ({at.low:.3f} to {at.high:.3f})")
        return f"{self.model!r}: {', '.join(figures)}\n{self.folder}"


def _row(tag: str, cells: Sequence[str]) -> str:
    return f"<tr>{''.join(f'<{tag}>{escape(cell)}</{tag}>' for cell in cells)}</tr>"
