"""A story as a picture: one line a row, with bars for what production and the test listener show, and the tasks."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from cfngen.simulate.show import told
from cfngen.simulate.simulation import Simulation
from cfngen.simulate.story import Row, Shown, Weights

_SHADES = {"blue": "#2563eb", "green": "#15803d"}
_GREY, _RED, _INK, _PALE = "#94a3b8", "#dc2626", "#0f172a", "#f8fafc"
_LINE, _TOP, _BAR, _HEIGHT = 30, 64, 120, 18
_MINUTE, _WHAT, _PRODUCTION, _TEST, _TASKS, _WIDTH = 24, 70, 370, 510, 650, 910


def svg(simulation: Simulation, label: str, title: str) -> str:
    """An SVG of what happened to one service; rows that send requests to a group without tasks are marked."""
    rows = list(told(simulation, label))
    height = _TOP + _LINE * len(rows) + 14
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img">',
        f'<g font-family="sans-serif" font-size="13" fill="{_INK}">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{_WIDTH}" height="{height}" fill="{_PALE}"/>',
        f'<text x="16" y="24" font-size="16" font-weight="bold">{escape(title)}</text>',
    ]
    for x, heading in (
        (8, "min"),
        (_WHAT, "what happens"),
        (_PRODUCTION, "production"),
        (_TEST, "test"),
        (_TASKS, "tasks"),
    ):
        lines.append(f'<text x="{x}" y="50" font-weight="bold">{heading}</text>')
    for index, row in enumerate(rows):
        lines += _row(row, label, _TOP + _LINE * index)
    return "\n".join([*lines, "</g>", "</svg>"]) + "\n"


def _row(row: Row, label: str, y: int) -> Iterator[str]:
    tasks = row.tasks.get(label, ())
    running = {group for _, group, number in tasks if number}
    production = row.production.get(label, ())
    lost = [group for weights in production for group, weight in weights if weight and group not in running]
    if lost:
        yield f'<rect x="4" y="{y}" width="{_WIDTH - 8}" height="{_LINE}" fill="#fee2e2"/>'
    yield f'<text x="{_MINUTE + 16}" y="{y + 20}" text-anchor="end">{row.minute:.0f}</text>'
    yield f'<text x="{_WHAT}" y="{y + 20}">{escape(row.what)}</text>'
    yield from _rules(production, _PRODUCTION, y, running)
    yield from _rules(row.test.get(label, ()), _TEST, y, running)
    for place, (version, group, number) in enumerate(tasks):
        x = _TASKS + place * 84
        yield f'<rect x="{x}" y="{y + 6}" width="78" height="18" rx="9" fill="{_SHADES.get(group, _GREY)}"/>'
        yield f'<text x="{x + 39}" y="{y + 20}" fill="white" text-anchor="middle">{escape(version)} x{number}</text>'
    if lost:
        yield f'<text x="{_WIDTH - 14}" y="{y + 20}" fill="{_RED}" font-weight="bold" text-anchor="end">503</text>'


def _rules(shown: Shown, x: int, y: int, running: set[str]) -> Iterator[str]:
    """A bar for each thing that the rules say, one above the other."""
    height = _HEIGHT / max(1, len(shown))
    for place, weights in enumerate(shown):
        yield from _bar(weights, x, y + 6 + place * height, height, running)


def _bar(weights: Weights, x: float, y: float, height: float, running: set[str]) -> Iterator[str]:
    """One bar, divided as the requests are; a part that reaches nobody has a red border."""
    total = sum(weight for _, weight in weights)
    for group, weight in weights if total else ():
        if width := _BAR * weight / total:
            border = "" if group in running else f' stroke="{_RED}" stroke-width="3"'
            fill = _SHADES.get(group, _GREY)
            yield f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" fill="{fill}"{border}/>'
            if width > 30 and height == _HEIGHT:
                yield f'<text x="{x + width / 2:g}" y="{y + 14:g}" fill="white" text-anchor="middle">{weight}</text>'
            x += int(width)
