"""What an update would do, beside what serves now: the changes of a change set, flat, and the look-ups that judge them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from cfngen.operate.finding import Level
from cfngen.operate.live import Forward, Live
from cfngen.operate.state import LISTENER_RULE, NESTED_STACK, Change, ChangeSet, Stack, State

_WRITES = ("Modify", "Dynamic", "SyncWithActual")


@dataclass(frozen=True)
class Touch:
    """One change with the stack that it is in (by its path, empty for the root) and the change set that tells of it."""

    change: Change
    path: str
    change_set: ChangeSet

    @property
    def below(self) -> str:
        """The path of the stack that the resource is, when it is one."""
        return f"{self.path}/{self.change.logical_id}".strip("/")

    @property
    def is_written(self) -> bool:
        """Whether the resource stays, or another takes its place, with other properties."""
        return self.change.action in _WRITES

    @property
    def is_replaced(self) -> bool:
        """Whether another takes its place for sure."""
        return self.is_written and self.change.replacement == "True"

    @property
    def may_be_replaced(self) -> bool:
        """Whether another may take its place: values of other stacks are not known before the update (K2.2)."""
        return self.is_written and self.change.replacement == "Conditional"

    @property
    def is_removed(self) -> bool:
        """Whether the resource goes, and none takes its place."""
        return self.change.action == "Remove"

    def writes(self, *properties: str) -> bool:
        """Whether one of these properties changes for sure."""
        return self.is_written and not {f"Properties.{each}" for each in properties}.isdisjoint(self.change.attributes)


@dataclass(frozen=True)
class Harm:
    """What is wrong with one change."""

    level: Level
    seen: str


@dataclass(frozen=True)
class Update:
    """A change set that is ready, and the stage that it would change. `services` are those that are deployed."""

    state: State
    services: tuple[Live, ...]
    change_set: ChangeSet

    @cached_property
    def touches(self) -> tuple[Touch, ...]:
        """Every change of the tree. What is inside a stack that goes is left out: the stack itself says it."""
        return tuple(_flat(self.change_set, ""))

    @cached_property
    def removed_stacks(self) -> frozenset[str]:
        """The paths of the nested stacks that go."""
        return frozenset(each.below for each in self.touches if each.is_removed and each.change.type == NESTED_STACK)

    @cached_property
    def staying(self) -> tuple[Live, ...]:
        """The services that are there after the update, too."""
        return tuple(each for each in self.services if not self.goes(each.stack.path))

    @cached_property
    def leaving(self) -> frozenset[str]:
        """The physical ids of what goes for good."""
        inside = (each for stack in self.state.stacks if self.goes(stack.path) for each in stack.resources)
        alone = (self.physical(each) for each in self.touches if each.is_removed)
        return frozenset((*(each.physical_id for each in inside), *alone)) - {""}

    def goes(self, path: str) -> bool:
        """Whether the stack of that path goes, by itself or with one above it."""
        return any(path == each or path.startswith(f"{each}/") for each in self.removed_stacks)

    def stack(self, path: str) -> Stack | None:
        """The deployed stack of that path."""
        return next((each for each in self.state.stacks if each.path == path), None)

    def physical(self, touch: Touch) -> str:
        """The physical id of the resource that is touched; empty when it was not seen."""
        stack = self.stack(touch.path)
        found = stack.physical(touch.change.logical_id, touch.change.type) if stack else ""
        return found or touch.change.physical_id

    def service(self, path: str) -> Live | None:
        """The deployed service whose stack has that path."""
        return next((each for each in self.services if each.stack.path == path), None)

    def added_rules(self, path: str) -> tuple[str, ...]:
        """The logical ids of the rules that a stack gets."""
        return tuple(
            each.change.logical_id
            for each in self.touches
            if each.path == path and each.change.type == LISTENER_RULE and each.change.action == "Add"
        )

    def bound(self, listener: str, *, production: bool) -> list[tuple[Live, Forward]]:
        """What stands on a listener and stays: the services' rules and default actions."""
        return [
            (live, each)
            for live in self.staying
            for each in (live.production if production else (*live.production, *live.test))
            if each.listener == listener and each.arn not in self.leaving
        ]


def is_test(rule: str) -> bool:
    """Whether a rule is one of the test listener, by its logical id, as long as it is not made."""
    return rule.startswith("TestRule")


def _flat(change_set: ChangeSet, path: str) -> Iterator[Touch]:
    for change in change_set.changes:
        touch = Touch(change, path, change_set)
        if change.change_set and change.action != "Remove":
            yield from _flat(change.change_set, touch.below)
        else:
            yield touch
