"""Stacks that are kept: what was deployed, under which id, in which state, and everything that happened to it.

A record is one stack as CloudFormation's own describe calls show it; nested stacks have records of their own. What an
operation does is the engine's business (`cfngen.semantics.update`), and `cfngen.local.operation` tells it here.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from cfngen.semantics.template import STACK, Template
from cfngen.semantics.update import Pending, StackState

Now = Callable[[], dt.datetime]


@dataclass
class ResourceRecord:
    """A resource of a stack, as events and descriptions show it."""

    name: str
    kind: str
    physical: str
    status: str
    reason: str
    at: dt.datetime


@dataclass
class StackRecord:
    """One stack. `state` is the engine's, of a root with everything below it; nested stacks have `root` and `parent`.

    `pending` is what is left of a rollback that failed.
    """

    id: str
    name: str
    created: dt.datetime
    status: str = "REVIEW_IN_PROGRESS"
    reason: str = ""
    text: str = ""
    template: Template | None = None
    state: StackState | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, Any] = field(default_factory=dict)
    export_names: Mapping[str, str] = field(default_factory=dict)
    pending: Pending | None = None
    tags: tuple[Mapping[str, str], ...] = ()
    capabilities: tuple[str, ...] = ()
    updated: dt.datetime | None = None
    deleted: dt.datetime | None = None
    is_protected: bool = False
    policy: str = ""
    root: str = ""
    parent: str = ""
    resources: dict[str, ResourceRecord] = field(default_factory=dict)
    events: list[tuple[str, ResourceRecord]] = field(default_factory=list)

    @property
    def is_there(self) -> bool:
        return self.status != "DELETE_COMPLETE"


class Register:
    """Every stack that ever was, by id."""

    def __init__(self, now: Now) -> None:
        self.now = now
        self.records: dict[str, StackRecord] = {}
        self._numbers = itertools.count(1)

    def find(self, name: str) -> StackRecord | None:
        """A stack by its id, or the one of that name that is there."""
        if name in self.records:
            return self.records[name]
        return next((each for each in list(self.records.values()) if each.name == name and each.is_there), None)

    def add(self, record: StackRecord) -> StackRecord:
        self.records[record.id] = record
        return record

    def below(self, record: StackRecord) -> Iterator[StackRecord]:
        """A root's nested stacks."""
        yield from (each for each in list(self.records.values()) if each.root == record.id)

    def places(self, root: StackRecord) -> dict[str, StackRecord]:
        """A root and the nested stacks that it has, by the engine's paths."""
        found = {root.name: root}
        for each in self.below(root):
            if each.is_there:
                found[self._place(root, each)] = each
        return found

    def _place(self, root: StackRecord, record: StackRecord) -> str:
        parent = self.records[record.parent]
        name = next(name for name, each in list(parent.resources.items()) if each.physical == record.id)
        return f"{parent.name if parent is root else self._place(root, parent)}/{name}"

    def happened(self, record: StackRecord, name: str, kind: str, physical: str, status: str, reason: str = "") -> None:
        """Note an event of a stack, and the state in which the resource is from then on."""
        made = ResourceRecord(name, kind, physical, status, reason, self.now())
        record.events.append((f"{name}-{next(self._numbers)}", made))
        if name != record.name or kind != STACK:
            record.resources[name] = made
            if status == "DELETE_COMPLETE":
                del record.resources[name]

    def turned(self, record: StackRecord, status: str, reason: str = "") -> None:
        """Note that a stack itself is in another state."""
        record.status, record.reason = status, reason
        self.happened(record, record.name, STACK, record.id, status, reason)
