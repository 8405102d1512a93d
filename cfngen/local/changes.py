"""Change sets: what an update would do, found by running the engine on a provider that writes nothing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from cfngen.semantics.template import STACK
from cfngen.semantics.update import Event, Provider, Resource

UNKNOWN = "{{changeSet:KNOWN_AFTER_APPLY}}"
NO_CHANGES = "The submitted information didn't contain changes. Submit different information to create a change set."


Certainty = Literal["True", "False", "Conditional", ""]


@dataclass(frozen=True)
class Change:
    """One resource that would change. `properties` are the names of those that differ."""

    action: Literal["Add", "Modify", "Remove"]
    resource: Resource
    replacement: Certainty = ""
    properties: tuple[str, ...] = ()


@dataclass
class ChangeSet:
    """A change set of one stack; `nested` are those of its nested stacks, by logical id.

    `parent` and `root` are the ids of those around a nested one; `has_nested` says whether nested ones were asked for.
    """

    id: str
    name: str
    stack: str
    kind: Literal["CREATE", "UPDATE", "IMPORT"]
    text: str
    given: Mapping[str, str]
    tags: tuple[Mapping[str, str], ...]
    capabilities: tuple[str, ...]
    created: dt.datetime
    status: str = "CREATE_COMPLETE"
    reason: str = ""
    execution: str = "AVAILABLE"
    changes: tuple[Change, ...] = ()
    nested: dict[str, ChangeSet] = field(default_factory=dict)
    parent: str = ""
    root: str = ""
    has_nested: bool = False


class Paper:
    """A provider that writes nothing: what it would make has no id yet."""

    def __init__(self, provider: Provider) -> None:
        self.provider = provider

    def create(self, _: Resource) -> str:
        return UNKNOWN

    def update(self, _: Resource, __: Resource) -> None:
        """Nothing is written."""

    def delete(self, _: Resource) -> None:
        """Nothing is written."""

    def attribute(self, resource: Resource, name: str) -> Any:
        return UNKNOWN if resource.physical == UNKNOWN else self.provider.attribute(resource, name)

    def reference(self, resource: Resource) -> Any:
        return UNKNOWN if resource.physical == UNKNOWN else self.provider.reference(resource)

    def dynamic(self, service: str, key: str) -> str:
        return self.provider.dynamic(service, key)


def changes(events: list[Event], before: Mapping[str, Resource], after: Collection[str]) -> Iterator[Change]:
    """The changes that a run on paper shows, nested stacks included; `before` are the resources that there are, `after` the
    places of those that there would be.

    A nested stack that goes is one change of the stack around it.
    """
    replaced = {event.resource.place for event in events if event.action == "replace"}
    for event in events:
        each, old = event.resource, before.get(event.resource.place)
        if event.action == "create":
            yield Change("Add", each)
        elif event.action in ("update", "replace") and old:
            yield Change("Modify", each, _certainty(event), _differing(old, each))
        elif event.action in ("delete", "retain") and each.place not in replaced:
            yield Change("Remove", each)
        elif event.action == "leave":
            yield Change("Modify" if old else "Add", each, "False" if old else "")
    for place, each in before.items():
        around = before.get(each.stack)
        if each.kind == STACK and place not in after and (around is None or around.place in after):
            yield Change("Remove", each)


def is_empty(found: tuple[Change, ...]) -> bool:
    """Whether nothing would change: nested stacks are entered every time, which alone is no change (K1.8)."""
    return all(each.resource.kind == STACK and each.action == "Modify" for each in found)


def _differing(old: Resource, new: Resource) -> tuple[str, ...]:
    return tuple(
        sorted(key for key in {*old.properties, *new.properties} if old.properties.get(key) != new.properties.get(key))
    )


def _certainty(event: Event) -> Certainty:
    if event.action == "update":
        return "False"
    # A value that is not known yet may be what replaces it.
    return "Conditional" if UNKNOWN in str(event.resource.properties) else "True"
