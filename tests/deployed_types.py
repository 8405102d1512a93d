"""Resources that the local AWS made, and what its services tell of them, asked by their own calls."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from cfngen.local.provider import ACCOUNT, LocalProvider
from cfngen.local.types import TYPES
from cfngen.local.types.entry import Context, Read, given
from cfngen.semantics.template import Template
from cfngen.semantics.update import Engine, Event, Outcome, Resource, StackState

REGION = "eu-west-1"
PSEUDO = {"AWS::Region": REGION, "AWS::AccountId": ACCOUNT, "AWS::Partition": "aws", "AWS::URLSuffix": "amazonaws.com"}


def engine(
    provider: LocalProvider, children: Mapping[str, Template] | None = None, events: list[Event] | None = None
) -> Engine:
    heard = events if events is not None else list[Event]()
    return Engine(provider, lambda url: (children or {})[url], PSEUDO, observe=heard.append)


class Deployed:
    """A stack that stands, and how it was made."""

    def __init__(self, provider: LocalProvider, body: Mapping[str, Any], name: str) -> None:
        self.provider = provider
        self.name = name
        self.stack = self._good(engine(provider).create(name, Template(body), {}))

    def _good(self, outcome: Outcome) -> StackState:
        assert outcome.is_good, outcome.reason
        assert not outcome.left
        assert outcome.stack
        return outcome.stack

    def update(self, body: Mapping[str, Any]) -> None:
        self.stack = self._good(engine(self.provider).update(self.stack, Template(body), {}))

    def told(self, name: str) -> set[str]:
        return told(self.provider, self.stack.resources[name])

    def delete(self) -> Outcome:
        return engine(self.provider).delete(self.stack)


def parsed(value: Any) -> Any:
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def leaves(value: Any, *, keys: bool = False) -> Iterator[str]:
    """Every value in a value, as text; a document in a string is looked into. Tags may be keys of a map: `keys`."""
    value = parsed(value)
    if isinstance(value, Mapping):
        for key, part in value.items():
            if keys:
                yield key
            yield from leaves(part, keys=keys)
    elif isinstance(value, list):
        for part in value:
            yield from leaves(part, keys=keys)
    elif isinstance(value, bool):
        yield str(value).lower()
    elif isinstance(value, (int, float)) or (isinstance(value, str) and value.replace(".", "", 1).isdigit()):
        yield f"{float(value):g}" if float(value) < 10**5 else str(int(float(value)))
    else:
        yield str(value)


def told(provider: LocalProvider, resource: Resource) -> set[str]:
    """What the services tell of a resource, and by which keys it was found."""
    found = set(leaves(provider.described(resource), keys=True))
    kind = TYPES[resource.kind]
    folded = replace(resource, properties=kind.folded(resource.properties)) if kind.folded else resource
    context = Context(provider.services, kind.service, folded)
    for read in kind.reads:
        if isinstance(read, Read):
            found |= set(leaves([given(value, context) for value in read.given.values()]))
    return found


def unseen(provider: LocalProvider, resource: Resource) -> list[str]:
    """What stands in a resource's properties and is told by no describe call."""
    kind, there = TYPES[resource.kind], told(provider, resource)
    properties = kind.folded(resource.properties) if kind.folded else resource.properties
    return [
        f"{resource.place}: {name}: {leaf}"
        for name, value in properties.items()
        if name not in kind.dropped and name not in kind.unseen
        for leaf in leaves(value)
        if leaf not in there
    ]


def timeless(found: set[str]) -> set[str]:
    """What the services tell, without the times."""
    return {each for each in found if not re.match(r"\d{4}-\d\d-\d\d", each)}


def snapshots(provider: LocalProvider) -> list[dict[str, Any]]:
    """Those that somebody asked for."""
    return list(provider.services.call("rds", "DescribeDBSnapshots", {"SnapshotType": "manual"})["DBSnapshots"])


ENDED = {"INACTIVE", "deleted", "PendingDeletion", "DELETING"}
"""What a service says of something that it still lists, but that is gone."""


def stands(provider: LocalProvider, resource: Resource) -> bool:
    """Whether the service still has a resource, and does not say that it has ended."""
    if not provider.is_there(resource):
        return False
    if resource.kind.startswith(("AWS::ECS", "AWS::EC2::NatGateway", "AWS::EC2::VPCEndpoint", "AWS::KMS::Key")):
        first = provider.described(resource)[0]
        if resource.kind == "AWS::ECS::TaskDefinition":
            first = first["taskDefinition"]
        return not {first.get("status"), first.get("State"), first.get("KeyState")} & ENDED
    return True
