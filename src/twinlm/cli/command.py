"""A command: its name, its function, and what its help teaches. `main.py` lists them all."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cyclopts import App

if TYPE_CHECKING:
    from cyclopts.help import HelpPanel
    from rich.console import Console, ConsoleOptions

_GROUP_WIDTH, _NAME_WIDTH = 10, 10


@dataclass(frozen=True, kw_only=True, slots=True)
class Command:
    """One command, or a family of commands such as `twinlm config`."""

    name: str
    """Word on the command line."""
    function: Callable[..., int | None] | None = None
    """Function to call; its docstring is the help. None where only the parts can be called."""
    summary: str = ""
    """Help of a family without a function of its own."""
    examples: Sequence[str] = ()
    """Whole command lines, shown below the options; a part without any shows those of its family."""
    next_command: str = ""
    """Command line that usually follows."""
    note: str = ""
    """Paragraphs below the examples."""
    parts: "Sequence[Command]" = ()
    """Commands of the family."""

    @property
    def epilogue(self) -> str | None:
        """Text below the options; None to show that of the family."""
        if not self.examples:
            return None
        lines = "".join(f"  {line}\n" for line in self.examples)
        note = f"\n{self.note}" if self.note else ""
        return f"Examples:\n{lines}\nNext:\n  {self.next_command}\n{note}"

    def add_to(self, parent: App, **options: Any) -> None:
        """Add the command to an app, with options of `App` such as its group."""
        options |= {"name": self.name, "help_epilogue": self.epilogue}
        if not self.parts:
            assert self.function is not None
            parent.command(self.function, **options)
            return
        family = App(help=self.summary or None, **options)
        if self.function is not None:
            family.default(self.function)
        for position, part in enumerate(self.parts):
            part.add_to(family, sort_key=position)
        parent.command(family)


def show_group(
    console: "Console", options: "ConsoleOptions", panel: "HelpPanel", *, has_space_above: bool
) -> None:
    """Print one group of commands, its title beside the first, so that all of them fit one screen."""
    from rich.table import Column, Table

    group = Column(min_width=_GROUP_WIDTH, style="bold")
    rows = Table.grid(group, Column(min_width=_NAME_WIDTH, style="cyan"), Column(), padding=(0, 2, 0, 0))
    for number, entry in enumerate(panel.entries):
        rows.add_row("" if number else str(panel.title), *entry.positive_names, entry.description)
    if has_space_above:
        console.print()
    console.print(rows)
