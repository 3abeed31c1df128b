"""A command: its name, its function, and what its help teaches. `main.py` lists them all."""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cyclopts import App

if TYPE_CHECKING:
    from cyclopts.help import HelpPanel
    from rich.console import Console, ConsoleOptions

SETTINGS_NOTE = """Any setting can be given as an option and overrides the file, such as
--pretrain.length 64 or --size mini. twinlm config list shows them all.
"""
_GROUP_WIDTH, _NAME_WIDTH = 10, 10


@dataclass(frozen=True, slots=True)
class Command:
    """One command, or a family of commands such as `twinlm config`."""

    name: str
    """Word on the command line."""
    source: Callable[..., int | None] | str
    """Function to call, whose docstring is the help; the help alone where only the parts can be called."""
    parts: "Sequence[Command]" = ()
    """Commands of the family."""

    def add_to(self, parent: App, **options: Any) -> None:
        """Add the command to an app, with options of `App` such as its group."""
        above, below = self.texts()
        options |= {"name": self.name, "help": above, "help_epilogue": below}
        if not self.parts:
            parent.command(self.source, **options)
            return
        family = App(**options)
        if not isinstance(self.source, str):
            family.default(self.source)
        for position, part in enumerate(self.parts):
            part.add_to(family, sort_key=position)
        parent.command(family)

    def texts(self) -> tuple[str, str | None]:
        """Return the help above the options, and the examples below; None to show those of the family."""
        text = self.source if isinstance(self.source, str) else inspect.getdoc(self.source) or ""
        above, _, examples = text.partition("Examples:\n")
        if not examples:
            return above, None
        below = f"Examples:\n{examples.rstrip()}\n".replace("\nNext:", "\n\nNext:")
        takes_settings = callable(self.source) and "settings" in inspect.signature(self.source).parameters
        return above, below + f"\n{SETTINGS_NOTE}" * takes_settings


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
