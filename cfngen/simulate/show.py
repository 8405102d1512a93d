"""Stories as people read them: a table of each release, and what hurt with the rules before and after it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from cfngen.simulate.judge import Verdict
from cfngen.simulate.simulation import Simulation
from cfngen.simulate.story import Row, Shown, Weights, show
from cfngen.simulate.watch import INVARIANTS, Hurt

_BAR = 10
_SHADES = {"blue": "\x1b[34m", "green": "\x1b[32m"}
_PLAIN = "\x1b[0m"
_WAITS = {"Ready": "a person has looked, and continues", "TerminationWait": "the termination wait is over"}
_HEADINGS = ("min", "what happens", "production", "test", "tasks")


def verdict(judged: Verdict, *, with_story: bool, colour: bool) -> Iterator[str]:
    """The lines of a verdict: the story of every service where it is wanted, and each thing that hurts."""
    for label in judged.story.story.services if with_story else ():
        yield f"{judged.name}, {label}"
        yield from story(judged.story, label, colour=colour)
        yield ""
    for simulation, seen in judged.hurts:
        yield from hurt(simulation, seen, colour=colour)
        yield ""
    if judged.in_release:
        yield "In the middle of a release this would hurt, too; deploy when none is in flight (cfngen preflight tells):"
        yield from (f"   {seen.invariant} after {seen.after}: {seen.seen}" for _, seen in judged.in_release)
        yield ""


def story(simulation: Simulation, label: str, *, colour: bool) -> Iterator[str]:
    """The table of what happened to one service: its rules, its groups and its tasks over time."""
    rows = [(_cells(row, label), row) for row in told(simulation, label)]
    widths = [max(len(cells[column]) for cells, _ in [(_HEADINGS, None), *rows]) for column in range(len(_HEADINGS))]
    yield "  ".join(text.ljust(width) for text, width in zip(_HEADINGS, widths, strict=True)).rstrip()
    for cells, row in rows:
        padded = [text.ljust(width) for text, width in zip(cells, widths, strict=True)]
        padded[0] = cells[0].rjust(widths[0])
        if colour:
            padded[2] = _shaded(row.production.get(label, ()), widths[2])
        yield "  ".join(padded).rstrip()


def hurt(simulation: Simulation, seen: Hurt, *, colour: bool) -> Iterator[str]:
    """What hurt, and the rows around it."""
    yield f"{seen.invariant} {INVARIANTS[seen.invariant]}"
    yield f"   after: {seen.after}"
    yield f"   seen:  {seen.seen}"
    if str(simulation.world.readings) != "as believed":
        yield f"   if:    {simulation.world.readings}"
    for label in simulation.story.services:
        if label in seen.seen or label in seen.after:
            yield f"   {label}:"
            yield from (f"   {line}" for line in story(simulation, label, colour=colour))


def as_data(judged: Verdict) -> dict[str, Any]:
    """The same for programs: `rows` of the story in the order of time, `hurts` as they were seen and in which reading,
    and apart from them those that only an update in the middle of a release shows.
    """
    return {
        "name": judged.name,
        "played": judged.played,
        "rows": [
            {
                "minute": row.minute,
                "what": row.what,
                "production": _plain(row.production),
                "test": _plain(row.test),
                "tasks": {
                    label: [{"version": version, "group": group, "running": number} for version, group, number in tasks]
                    for label, tasks in row.tasks.items()
                },
            }
            for row in judged.story.story.rows
        ],
        "hurts": [_hurt(*each) for each in judged.hurts],
        "in_release": [_hurt(*each) for each in judged.in_release],
    }


def _hurt(simulation: Simulation, seen: Hurt) -> dict[str, str]:
    readings = str(simulation.world.readings)
    return {"invariant": seen.invariant, "after": seen.after, "seen": seen.seen, "readings": readings}


def told(simulation: Simulation, label: str) -> Iterator[Row]:
    """The rows that are about a service, in plain words: where something of it changed, and where a wait is over."""
    before: tuple[Any, ...] | None = None
    for row in simulation.story.rows:
        now = (row.production.get(label), row.test.get(label), row.tasks.get(label))
        is_there, is_wait = any(now), row.what.startswith(f"{label} ") and row.what.rpartition(" ")[2] in _WAITS
        if is_there and (now != before or is_wait or row.of_all):
            what = row.what.removeprefix(f"{label}: ").rpartition("/")[2]
            yield replace(row, what=_WAITS.get(what.rpartition(" ")[2], what))
        before = now


def _cells(row: Row, label: str) -> tuple[str, ...]:
    production = row.production.get(label, ())
    tasks = ", ".join(f"{version} in {group} x{number}" for version, group, number in row.tasks.get(label, ()))
    return (f"{row.minute:.0f}", row.what, _told(production), show(row.test.get(label, ())), tasks)


def _told(shown: Shown) -> str:
    return f"{_bar(shown)} {show(shown)}" if shown else "-"


def _bar(shown: Shown) -> str:
    """Ten letters of what one rule says; of rules that do not agree no bar can be drawn."""
    blocks = _blocks(shown[0]) if len(shown) == 1 else ()
    return "".join(colour[0].upper() * number for colour, number in blocks).ljust(_BAR, "?" if len(shown) > 1 else " ")


def _blocks(weights: Weights) -> Iterator[tuple[str, int]]:
    total = sum(weight for _, weight in weights) or 1
    return ((colour, weight * _BAR // total) for colour, weight in weights)


def _shaded(shown: Shown, width: int) -> str:
    if len(shown) != 1:
        return _told(shown).ljust(width)
    blocks = list(_blocks(shown[0]))
    bar = "".join(f"{_SHADES.get(colour, '')}{'█' * number}{_PLAIN}" for colour, number in blocks)
    drawn = sum(number for _, number in blocks)
    return f"{bar}{' ' * (_BAR - drawn)} {show(shown)}".ljust(width + len(bar) - drawn)


def _plain(shown: Mapping[str, Shown]) -> dict[str, list[dict[str, int]]]:
    return {label: [dict(weights) for weights in each] for label, each in shown.items()}
