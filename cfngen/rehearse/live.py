"""A rehearsal on a terminal while it runs: each event as a line, and below them acts, colours and requests a second.

Loads rich, so only who has a terminal imports it; `NO_COLOR` is heeded, and every colour is said by its name, too.
"""

from __future__ import annotations

import time
from types import TracebackType

from rich.console import Console, Group
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from cfngen.rehearse.meter import Meter
from cfngen.rehearse.story import Event, Story

_BARS = " ▁▂▃▄▅▆▇█"
_BAR_CELLS, _RATE_SECONDS = 30, 40
_STYLES = {"blue": "blue", "green": "green"}
_LEVELS = {"ok: ": ("✓ ", "green"), "FAILED: ": ("✗ ", "bold red")}


class Screen:
    """Shows a story; what it said in lines stays, the picture below goes at the end."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True, highlight=False, soft_wrap=False)
        self.story = Story(self._say)
        self._meter = Meter(self.story)
        self._spinner = Spinner("dots")
        self._live = Live(console=self.console, get_renderable=self._picture, refresh_per_second=4, transient=True)

    def __enter__(self) -> Story:
        self._live.start()
        return self.story

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._live.stop()

    def _say(self, event: Event) -> None:
        if event.text == "begins":
            self.console.print(Text(f"{event.at - self.story.began:7.1f} s  {event.part}", style="bold"))
            return
        line = Text(style="dim")
        for word, (sign, style) in _LEVELS.items():
            if event.text.startswith(word):
                line.append(sign, style)
                line.append(event.text.removeprefix(word), "bold red" if sign == "✗ " else "not dim")
                break
        else:
            line.append(f"  {event.part}  ", "not dim cyan")
            line.append(event.text, "not dim")
        row = Table.grid()
        row.add_row(Text(f"{event.at - self.story.began:7.1f} s  ", style="dim", no_wrap=True), line)
        self.console.print(row)

    def _picture(self) -> Group:
        self._meter.look()
        return Group(Text(), self._acts(), *self._colours(), self._requests())

    def _acts(self) -> Table:
        done = [act for act in list(self.story.acts) if act.end]
        now = [act for act in list(self.story.acts) if not act.end]
        row = Table.grid(padding=(0, 1))
        told = Text("  ".join(f"✓ {act.name}" for act in done), style="green", overflow="ellipsis", no_wrap=False)
        row.add_row(Text("acts".ljust(10), style="dim"), told)
        for act in now:
            self._spinner.update(text=Text(f"{act.name}, {time.time() - act.begin:.0f} s", style="bold"))
            row.add_row(Text("now".ljust(10), style="dim"), self._spinner)
        return row

    def _colours(self) -> list[Text]:
        """Which part of its traffic each task set of a service gets."""
        weights = {each.service: each.weights for each in list(self.story.shifts)}
        for name in dict.fromkeys(list(self.story.called.values())):
            service, _, colour = name.rpartition(" ")
            weights.setdefault(service, {name: 100} if colour == "blue" else {})
        return [_bar(service, given) for service, given in weights.items()]

    def _requests(self) -> Text:
        rates = self._meter.rates(_RATE_SECONDS)
        most = max([*rates, 1])
        line = Text("requests".ljust(11), style="dim")
        line.append("".join(_BARS[-(-rate * 8 // most)] for rate in rates), "not dim cyan")
        line.append(f" {rates[-1]}/s, {self._meter.total:,} in all, ", "not dim")
        failed = self._meter.failed
        line.append(f"{failed} failed", "not dim green" if not failed else "not dim bold red")
        return line


def _bar(service: str, weights: dict[str, int] | object) -> Text:
    line = Text(f"{service[:10]:11}", style="dim")
    given = weights if isinstance(weights, dict) else {}
    told = []
    for name, percent in given.items():
        colour = name.rpartition(" ")[2]
        line.append("█" * round(percent * _BAR_CELLS / 100), f"not dim {_STYLES.get(colour, '')}")
        if percent:
            told.append(f"{colour} {percent} %")
    line.append(f" {', '.join(told)}", "not dim")
    return line
