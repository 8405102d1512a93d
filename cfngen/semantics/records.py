"""What an operation on a tree of stacks reads and tells: resources, stacks, events, outcomes, and who makes resources."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

from cfngen.semantics.account import Tags
from cfngen.semantics.template import Template

Status = Literal[
    "CREATE_COMPLETE",
    "ROLLBACK_COMPLETE",
    "ROLLBACK_FAILED",
    "UPDATE_COMPLETE",
    "UPDATE_ROLLBACK_COMPLETE",
    "UPDATE_ROLLBACK_FAILED",
    "DELETE_COMPLETE",
    "DELETE_FAILED",
]
Action = Literal[
    "create", "update", "replace", "delete", "restore", "retain", "enter", "leave", "begin", "cancel", "roll back"
]
"""`enter` and `leave` are of nested stacks, around what happens in them, `roll back` of the root. `begin` and `cancel` are
of what is made side by side: a write that begins, and one that is given up as another failed."""


class RefusedError(Exception):
    """A resource cannot be written; raised by providers, with the reason in AWS's words."""


@dataclass(frozen=True)
class Resource:
    """One resource as CloudFormation remembers it.

    `place` is the path through the stacks, as ``coffee/ServiceCustomer/Service``. `properties` are the values that
    were written, `text` the same with dynamic references as they stand in the template.
    """

    place: str
    kind: str
    physical: str = ""
    properties: Mapping[str, Any] = field(default_factory=dict)
    text: Mapping[str, Any] = field(default_factory=dict)
    deletion_policy: str = "Delete"
    replace_policy: str = "Delete"

    @property
    def stack(self) -> str:
        """The path of the stack that it is in."""
        return self.place.rpartition("/")[0]

    @property
    def name(self) -> str:
        """Its logical id."""
        return self.place.rpartition("/")[2]

    def under(self, physical: str) -> Resource:
        """The same by its physical id, which it gets when it is made."""
        return Resource(
            self.place, self.kind, physical, self.properties, self.text, self.deletion_policy, self.replace_policy
        )

    def kept_as(self, wanted: Resource) -> Resource:
        """The same when nothing is written, with the policies that it shall have from now on."""
        if (self.deletion_policy, self.replace_policy) == (wanted.deletion_policy, wanted.replace_policy):
            return self
        return replace(self, deletion_policy=wanted.deletion_policy, replace_policy=wanted.replace_policy)


@dataclass
class StackState:
    """One stack after an operation, with those below it.

    `export_names` are by output, `imports` the names of others' exports that it used.
    """

    path: str
    template: Template
    parameters: Mapping[str, str]
    resources: dict[str, Resource] = field(default_factory=dict)
    children: dict[str, StackState] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)
    export_names: dict[str, str] = field(default_factory=dict)
    imports: set[str] = field(default_factory=set)
    tags: Tags = ()

    @property
    def exports(self) -> Mapping[str, Any]:
        """The values that it exports, by the names that others use."""
        return {name: self.outputs[output] for output, name in self.export_names.items()}

    def walk(self, *, backwards: bool = False) -> Iterator[Resource]:
        """Every resource of the tree, each after those that it needs, nested stacks after what is in them."""
        for name in self.template.backwards if backwards else self.template.order:
            if name in self.children:
                yield from self.children[name].walk(backwards=backwards)
            if name in self.resources:
                yield self.resources[name]

    def only(self, places: Collection[str]) -> StackState:
        """The tree without resources elsewhere; a nested stack in which something is left is left, too."""
        children = {name: child.only(places) for name, child in self.children.items()}
        there = {name: child for name, child in children.items() if child.resources}
        resources = {name: each for name, each in self.resources.items() if each.place in places or name in there}
        return replace(self, resources=resources, children=there)

    def tree(self) -> Iterator[StackState]:
        """The stack and all below it."""
        yield self
        for child in self.children.values():
            yield from child.tree()


class Provider(Protocol):
    """What resources are. Each call writes at once or raises `RefusedError`."""

    def create(self, resource: Resource) -> str:
        """Make a resource; return its physical id."""

    def update(self, resource: Resource, old: Resource) -> None:
        """Write a resource's properties over those of `old`, of the same physical id."""

    def delete(self, resource: Resource) -> None:
        """Remove a resource."""

    def attribute(self, resource: Resource, name: str) -> Any:
        """What Fn::GetAtt reads."""

    def reference(self, resource: Resource) -> Any:
        """What Ref reads."""

    def dynamic(self, service: str, key: str) -> str:
        """What a dynamic reference or an SSM parameter says now."""


@dataclass(frozen=True)
class Readings:
    """How CloudFormation behaves where its documentation leaves that open.

    `dynamic_again`: dynamic references are resolved at every operation, rollback included, and a changed value is a
    changed property; else only when the text of the property changes. `rewritten`: types that are written at every
    update that enters their stack, changed or not (Q14, aws-cdk#36649). `backwards`: resources that do not depend on
    each other are taken in the other order. `is_abreast`: they are taken side by side, as CloudFormation does, and what
    is at work is cancelled when one fails; else one after another, which leaves fewer histories to play.
    """

    dynamic_again: bool = False
    rewritten: frozenset[str] = frozenset()
    backwards: bool = False
    is_abreast: bool = False


@dataclass(frozen=True)
class Event:
    """One write, as a stack's events tell it; `reason` is empty unless it was refused, or begins with something to tell."""

    action: Action
    resource: Resource
    reason: str = ""


@dataclass(frozen=True)
class Outcome:
    """How an operation ended. `stack` is what there is now; `left` are resources that clean-up could not remove.

    `pending` is what is left to do of a rollback that failed.
    """

    status: Status
    stack: StackState | None
    reason: str = ""
    left: tuple[str, ...] = ()
    pending: Pending | None = None

    @property
    def is_good(self) -> bool:
        return self.status in ("CREATE_COMPLETE", "UPDATE_COMPLETE", "DELETE_COMPLETE")


@dataclass(frozen=True)
class Written:
    """One line of the journal. `before` is missing for what was created."""

    after: Resource
    before: Resource | None = None
    is_replacement: bool = False

    @property
    def is_modification(self) -> bool:
        return self.before is not None and not self.is_replacement


@dataclass(frozen=True)
class Pending:
    """A rollback that stopped at a refusal: back to `old`, by the lines of the journal from the refused one on.

    Where a creation could not be taken back, `old` has no resources, and the journal those that are left.
    """

    old: StackState
    reason: str
    journal: tuple[Written, ...]

    @property
    def refused(self) -> str:
        """The place of the resource that refused its old values."""
        return next(each.after.place for each in self.journal if each.is_modification)

    @property
    def created(self) -> Iterator[Resource]:
        """What the update made and the rollback did not get to remove, the last one first."""
        return reversed([each.after for each in self.journal if not each.is_modification])
