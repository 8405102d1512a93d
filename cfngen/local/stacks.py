"""Stacks that are kept: what was deployed, under which id, in which state, and everything that happened to it.

A record is one stack as CloudFormation's own describe calls show it; nested stacks have records of their own. What an
operation does is the engine's business (`cfngen.semantics.update`); this module remembers it.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from cfngen.semantics.template import STACK, Template
from cfngen.semantics.update import Engine, Event, Outcome, Pending, Resource, StackState

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


_WORDS = {
    "create": "CREATE",
    "update": "UPDATE",
    "replace": "UPDATE",
    "delete": "DELETE",
    "restore": "UPDATE",
    "retain": "DELETE",
}


_CLEANING = ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS")


class Operation:
    """One run of the engine on a root, told into the register while it goes on."""

    def __init__(self, register: Register, root: StackRecord, word: str) -> None:
        self.register = register
        self.root = root
        self.word = word
        self.places = register.places(root)
        self.refused: list[str] = []

    def run(self, engine: Engine, work: Callable[[Engine], Outcome]) -> Outcome:
        """Run it; the records of all stacks show how it goes and how it ended."""
        self.register.turned(self.root, f"{self.word}_IN_PROGRESS", "User Initiated")
        engine.observe = self._hear
        try:
            outcome = work(engine)
        except Exception as error:
            self.register.turned(self.root, f"{self.word}_FAILED", f"Internal error: {error}")
            raise
        self._settle(outcome)
        return outcome

    def _hear(self, event: Event) -> None:
        each = event.resource
        self._tell_turn(event)
        if event.action == "enter":
            self._enter(each)
        elif event.action == "leave":
            self._leave(each, event.reason)
        else:
            self._tell(self.places[each.stack], each, event)

    def _tell_turn(self, event: Event) -> None:
        """After a refusal the root rolls back; after everything has worked, an update cleans up."""
        if event.action in ("create", "replace", "update", "leave") and event.reason:
            self.refused.append(event.resource.name)
            return
        if event.action not in ("restore", "delete", "retain") or self.root.status != f"{self.word}_IN_PROGRESS":
            return
        if self.refused:
            verb = "update" if self.word == "UPDATE" else "create"
            told = f"The following resource(s) failed to {verb}: [{', '.join(dict.fromkeys(self.refused))}]. "
            status = "UPDATE_ROLLBACK_IN_PROGRESS" if self.word == "UPDATE" else "ROLLBACK_IN_PROGRESS"
            self.register.turned(self.root, status, told)
        elif self.word == "UPDATE":
            self.register.turned(self.root, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")

    def _tell(self, record: StackRecord, each: Resource, event: Event) -> None:
        word = _WORDS[event.action]
        if event.action == "retain":
            self.register.happened(record, each.name, each.kind, each.physical, "DELETE_SKIPPED")
            record.resources.pop(each.name, None)
            return
        self.register.happened(record, each.name, each.kind, each.physical, f"{word}_IN_PROGRESS")
        status = f"{word}_FAILED" if event.reason else f"{word}_COMPLETE"
        self.register.happened(record, each.name, each.kind, each.physical, status, event.reason)

    def _enter(self, each: Resource) -> None:
        parent = self.places[each.stack]
        known = self.places.get(each.place)
        word = "UPDATE" if known else "CREATE"
        if known is None:
            made = StackRecord(each.physical, each.physical.split("/")[1], self.register.now())
            made.root, made.parent = self.root.id, parent.id
            known = self.places[each.place] = self.register.add(made)
        self.register.happened(parent, each.name, STACK, known.id, f"{word}_IN_PROGRESS")
        self.register.turned(known, f"{word}_IN_PROGRESS")

    def _leave(self, each: Resource, reason: str) -> None:
        known, parent = self.places[each.place], self.places[each.stack]
        word = known.status.removesuffix("_IN_PROGRESS")
        status = f"{word}_FAILED" if reason else f"{word}_COMPLETE"
        self.register.turned(known, status, reason)
        told = f"Embedded stack {known.id} was not successfully {word.lower()}d: {reason}" if reason else ""
        self.register.happened(parent, each.name, STACK, known.id, status, told)

    def _settle(self, outcome: Outcome) -> None:
        self.root.state, self.root.pending = outcome.stack, outcome.pending
        if outcome.status == "DELETE_FAILED" and outcome.stack:
            self.root.state = outcome.stack.only(outcome.left)
        states = {each.path: each for each in self.root.state.tree()} if self.root.state else {}
        for place, record in reversed(self.places.items()):  # nested stacks end before those around them
            state = states.get(place)
            if state is None and record is not self.root:
                if record.is_there:
                    self._is_gone(place, record)
                continue
            if state is not None:
                record.template, record.parameters, record.outputs = state.template, state.parameters, state.outputs
                record.export_names, record.tags = state.export_names, tuple(state.tags)
                record.text = state.template.text
            cleaning = f"{outcome.status}_CLEANUP_IN_PROGRESS"
            if record is self.root and cleaning in _CLEANING and record.status != cleaning:
                self.register.turned(record, cleaning)
            status = outcome.status if record is self.root or not outcome.is_good else record.status
            if record.status != status:
                self.register.turned(record, status, outcome.reason if record is self.root else "")
        if self.word.startswith("UPDATE"):
            self.root.updated = self.register.now()
        if outcome.status == "DELETE_COMPLETE":
            self.root.deleted = self.register.now()

    def _is_gone(self, place: str, record: StackRecord) -> None:
        self.register.turned(record, "DELETE_COMPLETE")
        record.deleted = self.register.now()
        parent = self.register.records[record.parent]
        if parent.is_there:
            self.register.happened(parent, place.rpartition("/")[2], STACK, record.id, "DELETE_COMPLETE")
