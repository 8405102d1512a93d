"""Charts of a rehearsal's traffic as SVG, drawn without a library: rates by who answered, latency, acts and shifts.

Colours are classes, so that the page's style gives them in light and in dark; hue is a task set's colour, shade its service.
"""

from __future__ import annotations

import collections
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape

from cfngen.rehearse.story import Act, Request, Shift, Story, percentile

WIDTH, TRAFFIC, LATENCY, BAND = 1000, 190, 90, 26
_LEFT, _RIGHT, _GAP, _FOOT = 52, 8, 18, 22
_FEWEST_PIXELS = 4
"""How wide a step of a chart is at least."""
_PIXELS_OF_A_LETTER = 7.2
_ROW = 15
"""How far a row of labels is above the one before it."""


def names(story: Story) -> list[str]:
    """Who answered, in the order in which charts stack them: services by colour, others, failures on top."""
    found = {story.who(each) for each in story.requests}
    known = list(dict.fromkeys(story.called.values()))
    return [*(name for name in known if name in found), *sorted(found - set(known) - {"failed"}), "failed"]


def style_of(name: str, story: Story) -> str:
    """The class of a series: `blue0` is blue of the first service."""
    if name == "failed":
        return "failed"
    service, _, colour = name.rpartition(" ")
    services = list(dict.fromkeys(each.rpartition(" ")[0] for each in story.called.values()))
    return f"{colour}{services.index(service) % 4}" if service in services else "other"


class Axis:
    """Seconds to pixels."""

    def __init__(self, begin: float, end: float) -> None:
        self.begin, self.end = begin, max(end, begin + 0.5)
        self.seconds = self.end - self.begin
        wide = WIDTH - _LEFT - _RIGHT
        self.count = int(min(wide // _FEWEST_PIXELS, max(self.seconds * 4, 24)))
        self.step = self.seconds / self.count
        self._wide = wide

    def x(self, at: float) -> float:
        return round(_LEFT + (at - self.begin) / self.seconds * self._wide, 1)

    def bins(self, requests: Iterable[Request]) -> list[list[Request]]:
        """The requests of each step."""
        found: list[list[Request]] = [[] for _ in range(self.count)]
        for each in requests:
            if self.begin <= each.at <= self.end:
                found[min(self.count - 1, int((each.at - self.begin) / self.step))].append(each)
        return found

    def ticks(self, zero: float) -> Iterator[tuple[float, str]]:
        every = _nice(self.seconds / 8)
        at = math.ceil((self.begin - zero) / every) * every
        while zero + at <= self.end:
            yield self.x(zero + at), f"{at:g} s"
            at = round(at + every, 6)


def timeline(story: Story) -> str:
    """The whole rehearsal: its acts, and where there were requests, how many by who answered, and latency."""
    end = max([act.end or act.begin for act in story.acts] + [each.at for each in story.requests] + [story.began + 1])
    axis = Axis(story.began, end)
    if not story.requests:
        height = BAND + _FOOT
        return _svg(
            height, "The acts of the rehearsal", [*_acts(story.acts, axis, BAND), *_foot(axis, story.began, height)]
        )
    top = BAND + _GAP
    parts = [*_acts(story.acts, axis, top + TRAFFIC), *_traffic(story, story.requests, axis, top)]
    parts += _latency(story.requests, axis, top + TRAFFIC + _GAP)
    height = top + TRAFFIC + _GAP + LATENCY + _FOOT
    parts += _foot(axis, story.began, height)
    return _svg(height, "Requests a second by who answered, and latency, over the whole rehearsal", parts)


def release(story: Story, requests: Sequence[Request], shifts: Sequence[Shift]) -> str:
    """The traffic of one load, with the steps of the shift."""
    axis = Axis(requests[0].at, requests[-1].at)
    labels = _labels(shifts, axis)
    top = BAND + _ROW * max((row for _, _, row, _ in labels), default=0)
    parts = [*_traffic(story, requests, axis, top), *_shifts(labels, top)]
    height = top + TRAFFIC + _FOOT
    parts += _foot(axis, story.began, height)
    return _svg(height, "Requests a second by who answered, with the steps of the shift", parts)


def loads(requests: Iterable[Request], pause_seconds: float = 2) -> Iterator[list[Request]]:
    """Requests in the order of time, parted where nobody asked for a while."""
    part: list[Request] = []
    for each in sorted(requests, key=lambda request: request.at):
        if part and each.at - part[-1].at > pause_seconds:
            yield part
            part = []
        part.append(each)
    if part:
        yield part


def _traffic(story: Story, requests: Iterable[Request], axis: Axis, top: float) -> Iterator[str]:
    bins = axis.bins(requests)
    counts = [collections.Counter(story.who(each) for each in part) for part in bins]
    most = max((sum(each.values()) for each in counts), default=0) / axis.step
    scale = _nice_above(most)
    yield from _grid(scale, "requests a second", top, TRAFFIC)
    base = [0.0] * len(bins)
    for name in names(story):
        over = [low + each[name] / axis.step for low, each in zip(base, counts, strict=True)]
        if over != base:
            total = sum(each[name] for each in counts)
            path = _area(axis, base, over, top, scale)
            yield f'<path class="{style_of(name, story)}" d="{path}"><title>{escape(name)}: {total} requests</title></path>'
        base = over


def _area(axis: Axis, low: Sequence[float], high: Sequence[float], top: float, scale: float) -> str:
    """A stepped area, each stretch of it where it has a height."""
    edges = [axis.x(axis.begin + number * axis.step) for number in range(len(low) + 1)]
    told = []
    number = 0
    while number < len(low):
        start = number
        while number < len(low) and high[number] > low[number]:
            number += 1
        if number > start:
            there = [
                f"{edges[n]:g},{_y(high[n], top, scale)} {edges[n + 1]:g},{_y(high[n], top, scale)}"
                for n in range(start, number)
            ]
            back = [
                f"{edges[n + 1]:g},{_y(low[n], top, scale)} {edges[n]:g},{_y(low[n], top, scale)}"
                for n in range(number - 1, start - 1, -1)
            ]
            told.append(f"M{' '.join(there + back)}Z")
        number += 1
    return "".join(told)


def _latency(requests: Iterable[Request], axis: Axis, top: float) -> Iterator[str]:
    bins = axis.bins(each for each in requests if not each.failed)
    lines: Mapping[str, list[float | None]] = {
        f"p{percent}": [percentile(part, percent) if part else None for part in bins] for percent in (50, 99)
    }
    scale = _nice_above(max((value for line in lines.values() for value in line if value), default=0))
    yield from _grid(scale, "milliseconds", top, LATENCY)
    for name, values in lines.items():
        told, is_on = "", False
        for number, value in enumerate(values):
            if value is not None:
                x = axis.x(axis.begin + (number + 0.5) * axis.step)
                told += f"{'L' if is_on else 'M'}{x:g},{round(top + LATENCY * (1 - value / scale), 1):g}"
            is_on = value is not None
        yield f'<path class="line {name}" d="{told}"><title>{name} of the latency</title></path>'


def _acts(acts: Sequence[Act], axis: Axis, bottom: float) -> Iterator[str]:
    for number, act in enumerate(acts, 1):
        left, right = axis.x(act.begin), axis.x(act.end or axis.end)
        label = f"{number} {act.name}"
        shown = label if len(label) * _PIXELS_OF_A_LETTER < right - left else str(number)
        yield f'<rect class="act{number % 2}" x="{left:g}" y="0" width="{max(right - left, 1):.1f}" height="{BAND}"><title>{escape(label)}</title></rect>'
        if len(shown) * _PIXELS_OF_A_LETTER < right - left + 4:
            yield f'<text class="actname" x="{(left + right) / 2:.1f}" y="{BAND - 8}" text-anchor="middle">{escape(shown)}</text>'
        yield f'<line class="mark" x1="{left:g}" x2="{left:g}" y1="{BAND}" y2="{bottom:g}"/>'


def _labels(shifts: Sequence[Shift], axis: Axis) -> list[tuple[float, float, int, str]]:
    """Where each step is, where its label begins and in which row, so that no label lies upon another; and the label."""
    free: list[float] = []
    found = []
    several = len({each.service for each in shifts}) > 1
    for each in shifts:
        parts = ", ".join(f"{name.rpartition(' ')[2]} {part} %" for name, part in each.weights.items() if part)
        label = f"{each.service} {parts}" if several else parts
        wide = len(label) * _PIXELS_OF_A_LETTER
        place = min(axis.x(each.at), WIDTH - wide)
        row = next((number for number, until in enumerate(free) if until <= place), len(free))
        free[row:] = [place + wide + 8, *free[row + 1 :]]
        found.append((axis.x(each.at), place, row, label))
    return found


def _shifts(labels: Iterable[tuple[float, float, int, str]], top: float) -> Iterator[str]:
    for x, place, row, label in labels:
        yield f'<line class="shift" x1="{x:g}" x2="{x:g}" y1="{top - 6:g}" y2="{top + TRAFFIC:g}"/>'
        yield f'<text x="{place:g}" y="{top - 10 - row * _ROW:g}">{escape(label)}</text>'


def _grid(scale: float, unit: str, top: float, height: float) -> Iterator[str]:
    for part in (0.0, 0.5, 1.0):
        y = round(top + height * (1 - part), 1)
        yield f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y:g}" y2="{y:g}"/>'
        yield f'<text x="{_LEFT - 6}" y="{y + 4:g}" text-anchor="end">{scale * part:g}</text>'
    yield f'<text class="unit" x="{_LEFT + 4}" y="{top + 12:g}">{unit}</text>'


def _foot(axis: Axis, zero: float, height: float) -> Iterator[str]:
    for x, label in axis.ticks(zero):
        yield f'<text x="{x:g}" y="{height - 5:g}" text-anchor="middle">{label}</text>'


def _svg(height: float, label: str, parts: Iterable[str]) -> str:
    return f'<svg viewBox="0 0 {WIDTH} {height:g}" role="img" aria-label="{label}">{"".join(parts)}</svg>'


def _y(value: float, top: float, scale: float) -> str:
    return f"{round(top + TRAFFIC * (1 - value / scale), 1):g}"


def _nice(value: float, steps: Sequence[float] = (1, 2, 5, 10)) -> float:
    """A round number that is at least the value: a step times a power of ten."""
    power = 10.0 ** math.floor(math.log10(max(value, 1e-3)))
    return next(step * power for step in steps if step * power >= value)


def _nice_above(value: float) -> float:
    return _nice(value * 1.02, (1, 1.2, 1.6, 2, 3, 4, 5, 6, 8, 10, 20)) if value else 1.0
