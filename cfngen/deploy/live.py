"""The tree of stacks on a terminal, drawn anew with every event. Loads rich, so only who has a terminal imports it."""

from __future__ import annotations

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from cfngen.deploy.progress import Line, Progress

_COLOURS = {"FAILED": "red", "ROLLBACK": "yellow", "COMPLETE": "green"}


class Tree:
    """A live picture of a progress on stderr; what it showed last stays."""

    def __init__(self, progress: Progress, console: Console | None = None) -> None:
        self._progress = progress
        self._live = Live(console=console or Console(stderr=True), get_renderable=self._table, refresh_per_second=4)
        self._live.start()

    def show(self) -> None:
        """Draw it again now."""
        self._live.refresh()

    def close(self) -> None:
        """Draw it a last time and let the terminal go."""
        self._live.stop()

    def _table(self) -> Table:
        table = Table.grid(padding=(0, 2))
        for line in self._in_order():
            depth = line.path.count("/") + 1 if line.path else 0
            name = Text("  " * depth + (line.path.rpartition("/")[2] or self._progress.root))
            table.add_row(
                name, Text(line.status, style=_colour(line.status)), line.count, Text(line.at_work, style="dim")
            )
        return table

    def _in_order(self) -> list[Line]:
        """Children below their parents."""
        return sorted(self._progress.stacks.values(), key=lambda each: each.path.split("/") if each.path else [])


def _colour(status: str) -> str:
    return next((colour for word, colour in _COLOURS.items() if word in status), "")
