"""What happened, told to people: one row for each thing that changed the rules, the groups or the tasks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from cfngen.simulate.world import Forward, World

Weights = tuple[tuple[str, int], ...]
"""What one rule says: each colour with its weight."""
Shown = tuple[Weights, ...]
"""What the rules of a service on one listener say, each thing once: more than one where they do not agree."""


@dataclass(frozen=True)
class Row:
    """The state after one thing happened. Rules and tasks are by service and, within it, by colour or version.

    `production` and `test` are what the rules say, `tasks` versions with their group and number.
    A row `of_all` is about the whole stage, and belongs to the story of each service.
    """

    minute: float
    what: str
    production: Mapping[str, Shown]
    test: Mapping[str, Shown]
    tasks: Mapping[str, tuple[tuple[str, str, int], ...]]
    of_all: bool = False


@dataclass
class Story:
    """Rows in the order of time. Writes that change nothing of what a row shows are told by the next that does."""

    world: World
    rows: list[Row] = field(default_factory=list)

    def tell(self, what: str, *, always: bool = False, of_all: bool = False) -> None:
        """Add a row when something that it shows is different, or `always`, or when it is of the whole stage."""
        row = Row(self.world.clock, what, *_state(self.world), of_all)
        last = self.rows[-1] if self.rows else None
        if (
            always
            or of_all
            or last is None
            or (last.production, last.test, last.tasks) != (row.production, row.test, row.tasks)
        ):
            self.rows.append(row)

    @property
    def services(self) -> list[str]:
        """Every service that was ever there."""
        return sorted({name for row in self.rows for name in row.tasks})

    @property
    def workers(self) -> list[str]:
        """Those that no rule ever sent a request to."""
        asked = {name for row in self.rows for name in (*row.production, *row.test)}
        return [name for name in self.services if name not in asked]

    def lines(self) -> Iterator[str]:
        """The story as text, a line a row."""
        for row in self.rows:
            told = "; ".join(
                f"{name}: {show(row.production.get(name, ()))} | test {show(row.test.get(name, ()))} | "
                + " ".join(f"{version}@{colour}x{number}" for version, colour, number in row.tasks.get(name, ()))
                for name in sorted(row.tasks)
            )
            yield f"{row.minute:6.0f} min  {row.what}\n            {told}"


def show(shown: Shown) -> str:
    """Weights in words, as in ``blue 90 green 10``; rules that do not agree are told with an "or"."""
    return " or ".join(" ".join(f"{colour} {weight}" for colour, weight in weights) for weights in shown) or "-"


def colours(world: World) -> dict[str, str]:
    """What each group is called in a story: by its name, else the first of its pair blue, the second green."""
    found: dict[str, str] = world.once("colours", lambda: _colours(world))
    return found


def _colours(world: World) -> dict[str, str]:
    found: dict[str, str] = {}
    for group in world.deployment_groups.values():
        found |= {each.arn: colour for each, colour in zip(world.pair(group), ("blue", "green"), strict=False)}
    for arn in world.groups:
        own = arn.rpartition("/")[2].lower()
        if named := [colour for colour in ("blue", "green") if colour in own]:
            found[arn] = named[0]
    return found


def _state(world: World) -> tuple[dict[str, Shown], dict[str, Shown], dict[str, tuple[tuple[str, str, int], ...]]]:
    named = colours(world)
    production: dict[str, Shown] = {}
    test: dict[str, Shown] = {}
    shown: dict[tuple[Any, ...], Shown] = world.once("shown", dict)
    for is_test, label, actions in _told_actions(world):
        raw = tuple([tuple(action.weights.items()) for action in actions])
        if raw not in shown:
            shown[raw] = tuple(dict.fromkeys(_weights(world, weights) for weights in raw))
        (test if is_test else production)[label] = shown[raw]
    tasks = {
        service.label: tuple(
            (each.version, named.get(each.group, "?"), each.running if each.is_healthy else 0)
            for each in service.task_sets
        )
        for service in world.services.values()
    }
    return production, test, tasks


def _told_actions(world: World) -> list[tuple[bool, str, list[Forward]]]:
    """The actions that are a service's, with its label, and whether they are the test listener's."""

    def find() -> list[tuple[bool, str, list[Forward]]]:
        owners, test = world.owners(), world.test_listeners()
        found: dict[tuple[bool, str], list[Forward]] = {}
        for listener in sorted(world.listeners):
            for _, action in world.forwards(listener):
                if owner := next((owners[group] for group in action.weights if group in owners), None):
                    found.setdefault((listener in test, owner.label), []).append(action)
        return [(*key, actions) for key, actions in found.items()]

    told: list[tuple[bool, str, list[Forward]]] = world.once("told actions", find)
    return told


def _weights(world: World, weights: Weights) -> Weights:
    """The weights of an action by colour."""
    named = colours(world)
    return tuple(sorted((named.get(group, group.rpartition("/")[2]), each) for group, each in weights))
