"""An operation on a tree of stacks: what is written, in which order, and what a rollback restores.

Resources are made after those that they need; only what differs from the last time is written; a create-only
property replaces. Nested stacks are entered every time and run through the same code. The first refusal rolls the whole
tree back: what was modified gets its old values again, then what was created goes. Clean-up, of what was removed or
replaced, comes last and only after everything else has worked (K1.8, CFN-UG updating-stacks, cfn-rollback).

What AWS does not document is a `Reading`: a caller can play both.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

from cfngen.semantics import parameters as parameter_values
from cfngen.semantics.account import Account, Nobody, Tags, UpdateAction
from cfngen.semantics.replacement import replacing
from cfngen.semantics.resolve import NO_VALUE, Resolver
from cfngen.semantics.tags import tagged
from cfngen.semantics.template import STACK, Template, TemplateError, check

Status = Literal[
    "CREATE_COMPLETE",
    "ROLLBACK_COMPLETE",
    "UPDATE_COMPLETE",
    "UPDATE_ROLLBACK_COMPLETE",
    "UPDATE_ROLLBACK_FAILED",
    "DELETE_COMPLETE",
    "DELETE_FAILED",
]
Action = Literal["create", "update", "replace", "delete", "restore", "retain", "enter", "leave"]
"""`enter` and `leave` are of nested stacks, around what happens in them."""


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
    each other are taken in the other order; CloudFormation takes them side by side.
    """

    dynamic_again: bool = False
    rewritten: frozenset[str] = frozenset()
    backwards: bool = False


@dataclass(frozen=True)
class Event:
    """One write, as a stack's events tell it; `reason` is empty unless it was refused."""

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


class _FailedError(Exception):
    def __init__(self, place: str, reason: str) -> None:
        super().__init__(f"{place}: {reason}")


@dataclass(frozen=True)
class _Written:
    """One line of the journal. `before` is missing for what was created."""

    after: Resource
    before: Resource | None = None
    is_replacement: bool = False

    @property
    def is_modification(self) -> bool:
        return self.before is not None and not self.is_replacement


@dataclass(frozen=True)
class Pending:
    """A rollback that stopped at a refusal: back to `old`, by the lines of the journal from the refused one on."""

    old: StackState
    reason: str
    journal: tuple[_Written, ...]

    @property
    def refused(self) -> str:
        """The place of the resource that refused its old values."""
        return next(each.after.place for each in self.journal if each.is_modification)

    @property
    def created(self) -> Iterator[Resource]:
        """What the update made and the rollback did not get to remove, the last one first."""
        return reversed([each.after for each in self.journal if not each.is_modification])


class Engine:
    """Runs operations on trees of stacks with a provider.

    `fetch` gives the template of a nested stack by its URL; `observe` hears of every write when it is over. `account`
    is what there is beside the tree. `root_id` is the root's ARN, from which those below it get names and ids of their
    own; another one when the stack is made again.
    """

    def __init__(
        self,
        provider: Provider,
        fetch: Callable[[str], Template],
        pseudo: Mapping[str, Any],
        readings: Readings | None = None,
        observe: Callable[[Event], None] = lambda _: None,
        account: Account | None = None,
        root_id: str = "",
    ) -> None:
        self.provider = provider
        self.fetch = fetch
        self.pseudo = pseudo
        self.readings = readings or Readings()
        self.observe = observe
        self.account = account or Nobody()
        self.root_id = root_id
        self._journal: list[_Written] = []

    def create(self, name: str, template: Template, given: Mapping[str, str]) -> Outcome:
        """Create a stack; raises `TemplateError` for what is refused before anything is made."""
        check(template)
        new = StackState(name, template, parameter_values.texts(template, given), tags=self.account.tags)
        self._journal = []
        try:
            self._apply(None, new)
        except _FailedError as failed:
            left = self._remove(reversed([each.after for each in self._journal]), rolled_back=True)
            return Outcome("ROLLBACK_COMPLETE", None, str(failed), tuple(left))
        return Outcome("CREATE_COMPLETE", new)

    def update(self, old: StackState, template: Template, given: Mapping[str, str]) -> Outcome:
        """Update a stack and all below it; parameters that are not given keep their values. Raises as `create` does."""
        check(template)
        kept = parameter_values.texts(template, given, old.parameters)
        new = StackState(old.path, template, kept, tags=self.account.tags)
        self._journal = []
        try:
            self._apply(old, new)
            removed, replaced = self._not_wanted(old, new)
            self._check_removal(old, new, removed)
        except _FailedError as failed:
            return self.continue_rollback(Pending(old, str(failed), tuple(self._journal)))
        left = self._clean_up(removed, replaced)
        return Outcome("UPDATE_COMPLETE", new, left=tuple(left))

    def _not_wanted(self, old: StackState, new: StackState) -> tuple[list[Resource], list[Resource]]:
        """What clean-up removes: resources that left the template, and those that were replaced."""
        replaced = [each.before for each in self._journal if each.is_replacement and each.before]
        kept = {(each.place, each.physical) for each in new.walk()} | {(each.place, each.physical) for each in replaced}
        removed = [
            each
            for each in old.walk(backwards=self.readings.backwards)
            if (each.place, each.physical) not in kept and each.kind != STACK
        ]
        return removed, replaced

    def _check_removal(self, old: StackState, new: StackState, removed: list[Resource]) -> None:
        """Refuse to remove what a stack policy keeps, or exports that others use; nothing is removed then."""
        for each in removed:
            self._permit("Update:Delete", each, "delete")
        there = {state.path for state in new.tree()}
        try:
            for state in old.tree():
                if state.path not in there:
                    self.account.exported(state.path, {})
        except TemplateError as error:
            raise _FailedError(new.path, str(error)) from None

    def continue_rollback(self, pending: Pending, skip: Collection[str] = ()) -> Outcome:
        """Go on with a rollback; places in `skip` are taken to have their old values (CFN-UG continue rollback)."""
        todo = list(pending.journal)
        for each in [each for each in todo if each.is_modification and each.before]:
            before = each.before
            if before is None or before.place in skip:
                todo.remove(each)
                continue
            values = self._again(before)
            try:
                self.provider.update(values, each.after)
            except RefusedError as refused:
                self.observe(Event("restore", values, str(refused)))
                told = f"{pending.reason}. Rolling back: {before.place}: {refused}"
                rest = replace(pending, journal=tuple(todo))
                return Outcome("UPDATE_ROLLBACK_FAILED", pending.old, told, pending=rest)
            self.observe(Event("restore", values))
            todo.remove(each)
        left = self._remove(replace(pending, journal=tuple(todo)).created, rolled_back=True)
        return Outcome("UPDATE_ROLLBACK_COMPLETE", pending.old, pending.reason, tuple(left))

    def delete(self, stack: StackState, pending: Pending | None = None, retain: Collection[str] = ()) -> Outcome:
        """Delete a stack and all below it, but for what its policies or `retain`, names of places, retain.

        What a rollback that failed left behind goes, too. What a resource needs that cannot be deleted is not tried.
        """
        left = self._remove(pending.created, rolled_back=True) if pending else []
        every = [each for each in stack.walk(backwards=self.readings.backwards) if each.kind != STACK]
        kept = [replace(each, deletion_policy="Retain") if each.place in retain else each for each in every]
        templates = {each.path: each.template for each in stack.tree()}
        waiting: set[str] = set()  # resources, and stacks with all in them, that a resource needs which is still there
        untried = []
        for each in reversed(kept):
            if any(place in waiting for place in _upwards(each.place)):
                untried.append(each.place)
            elif self._remove(iter([each])):
                left.append(each.place)
                for place in list(_upwards(each.place))[:-1]:
                    inside, _, name = place.rpartition("/")
                    waiting |= {f"{inside}/{needed}" for needed in _all_needs(templates[inside], name)}
        if left:
            told = f"The following resource(s) failed to delete: [{', '.join(left)}]."
            return Outcome("DELETE_FAILED", stack, told, (*left, *untried))
        return Outcome("DELETE_COMPLETE", None)

    def _apply(self, old: StackState | None, new: StackState) -> None:
        around = _Around(self, new)
        try:
            values = parameter_values.typed(new.template, new.parameters, lambda key: self.provider.dynamic("ssm", key))
            resolver = Resolver(new.template, values, self._pseudo(new), around)
            for name in new.template.backwards if self.readings.backwards else new.template.order:
                declared = new.template.resources[name]
                if "Condition" not in declared or resolver.condition(declared["Condition"]):
                    before = old.resources.get(name) if old else None
                    new.resources[name] = self._settle(old, new, name, declared, before, resolver, around)
            for name, output in new.template.section("Outputs").items():
                if "Condition" not in output or resolver.condition(output["Condition"]):
                    new.outputs[name] = resolver.value(output["Value"])
                    if "Export" in output:
                        new.export_names[name] = _text(resolver.value(output["Export"]["Name"]))
            self.account.exported(new.path, new.exports)
        except TemplateError as error:
            raise _FailedError(new.path, str(error)) from None

    def _settle(
        self,
        old: StackState | None,
        new: StackState,
        name: str,
        declared: Mapping[str, Any],
        before: Resource | None,
        resolver: Resolver,
        around: _Around,
    ) -> Resource:
        properties, text = (
            tagged(declared["Type"], each, new.tags) if declared["Type"] != STACK else each
            for each in around.both(resolver, declared.get("Properties", {}))
        )
        if not isinstance(properties, Mapping):
            raise TemplateError(f"{new.path}/{name}: the properties are none")
        wanted = Resource(
            f"{new.path}/{name}",
            declared["Type"],
            before.physical if before else "",
            properties,
            text,
            declared.get("DeletionPolicy", "Delete"),
            declared.get("UpdateReplacePolicy", "Delete"),
        )
        if before and before.kind != wanted.kind:
            raise _FailedError(wanted.place, "Update of resource type is not permitted.")
        if wanted.kind == STACK:
            if before and before.text != wanted.text:
                self._permit("Update:Modify", wanted, "update")
            return self._settle_child(old.children.get(name) if old else None, new, wanted)
        if before is None:
            return self._create(wanted)
        if wanted.kind not in self.readings.rewritten:
            if self._is_same(before, wanted):
                return replace(before, deletion_policy=wanted.deletion_policy, replace_policy=wanted.replace_policy)
            if replacing(wanted.kind, before.properties, wanted.properties):
                return self._create(wanted, before)
        return self._modify(wanted, before)

    def _is_same(self, before: Resource, wanted: Resource) -> bool:
        if self.readings.dynamic_again:
            return before.properties == wanted.properties
        return before.text == wanted.text

    def _settle_child(self, old: StackState | None, parent: StackState, wanted: Resource) -> Resource:
        parameters = wanted.properties.get("Parameters", {})
        if "TemplateURL" not in wanted.properties or not isinstance(parameters, Mapping):
            raise TemplateError(f"{wanted.place}: a stack wants a TemplateURL, and an object of Parameters if any")
        template = self.fetch(wanted.properties["TemplateURL"])
        check(template)
        given = {key: _text(value) for key, value in parameters.items()}
        own = wanted.properties.get("Tags", [])
        of_parent = [each for each in parent.tags if each["Key"] not in {tag["Key"] for tag in own}]
        entered = replace(wanted, physical=self._stack_id(wanted.place))
        child = StackState(wanted.place, template, parameter_values.texts(template, given), tags=(*own, *of_parent))
        self.observe(Event("enter", entered))
        try:
            self._apply(old, child)
        except _FailedError as failed:
            self.observe(Event("leave", entered, str(failed)))
            raise
        self.observe(Event("leave", entered))
        parent.children[wanted.name] = child
        return entered

    def _permit(self, action: UpdateAction, resource: Resource, word: Action) -> None:
        if reason := self.account.permits(action, resource):
            self.observe(Event(word, resource, reason))
            raise _FailedError(resource.place, reason)

    def _create(self, wanted: Resource, before: Resource | None = None) -> Resource:
        if before:
            self._permit("Update:Replace", before, "update")
        try:
            made = replace(wanted, physical=self.provider.create(wanted))
        except RefusedError as refused:
            self.observe(Event("create", wanted, str(refused)))
            raise _FailedError(wanted.place, str(refused)) from None
        self._journal.append(_Written(made, before, is_replacement=before is not None))
        self.observe(Event("replace" if before else "create", made))
        return made

    def _modify(self, wanted: Resource, before: Resource) -> Resource:
        self._permit("Update:Modify", before, "update")
        # Written down first: a rollback sends the old values to what refused the new ones, too.
        self._journal.append(_Written(wanted, before))
        try:
            self.provider.update(wanted, before)
        except RefusedError as refused:
            self.observe(Event("update", wanted, str(refused)))
            raise _FailedError(wanted.place, str(refused)) from None
        self.observe(Event("update", wanted))
        return wanted

    def _again(self, before: Resource) -> Resource:
        if not self.readings.dynamic_again or before.text == before.properties:
            return before
        return replace(before, properties=_resolved_again(before.text, self.provider.dynamic))

    def _clean_up(self, removed: list[Resource], replaced: list[Resource]) -> list[str]:
        left = self._remove(reversed(removed))
        return left + self._remove(reversed([replace(each, deletion_policy=each.replace_policy) for each in replaced]))

    def _remove(self, resources: Iterator[Resource], *, rolled_back: bool = False) -> list[str]:
        left = []
        for each in resources:
            kept = ("Retain",) if rolled_back else ("Retain", "RetainExceptOnCreate")
            if each.deletion_policy in kept:
                self.observe(Event("retain", each))
                continue
            try:
                self.provider.delete(each)
            except RefusedError as refused:
                self.observe(Event("delete", each, str(refused)))
                left.append(each.place)
                continue
            self.observe(Event("delete", each))
        return left

    def _pseudo(self, stack: StackState) -> Mapping[str, Any]:
        own = {"AWS::StackName": self._stack_name(stack.path), "AWS::StackId": self._stack_id(stack.path)}
        return {**self.pseudo, "AWS::NoValue": NO_VALUE, **own}

    def _stack_name(self, path: str) -> str:
        """A nested stack is called after its parents, with an end that no other has."""
        root, *below = path.split("/")
        end = hashlib.sha256(f"{self.root_id}{path}".encode()).hexdigest()[:12].upper()
        return "-".join([root, *below, end]) if below else root

    def _stack_id(self, path: str) -> str:
        if self.root_id and "/" not in path:
            return self.root_id
        unique = hashlib.sha256(f"id of {self.root_id}{path}".encode()).hexdigest()
        uuid = "-".join((unique[:8], unique[8:12], unique[12:16], unique[16:20], unique[20:32]))
        own = f"stack/{self._stack_name(path)}/{uuid}"
        region, account = self.pseudo["AWS::Region"], self.pseudo["AWS::AccountId"]
        return f"arn:{self.pseudo['AWS::Partition']}:cloudformation:{region}:{account}:{own}"


class _Around:
    """The resources that a stack has so far, for its values."""

    def __init__(self, engine: Engine, stack: StackState) -> None:
        self.engine = engine
        self.stack = stack
        self.as_text = False
        self.saw_dynamic = False

    def both(self, resolver: Resolver, node: Any) -> tuple[Any, Any]:
        """A value resolved, and the same with its dynamic references left as they stand."""
        self.saw_dynamic = False
        resolved = resolver.value(node)
        if not self.saw_dynamic:
            return resolved, resolved
        self.as_text = True
        try:
            return resolved, resolver.value(node)
        finally:
            self.as_text = False

    def reference(self, name: str) -> Any:
        return self.engine.provider.reference(self._resource(name))

    def attribute(self, name: str, attribute: str) -> Any:
        found = self._resource(name)
        if found.kind != STACK:
            return self.engine.provider.attribute(found, attribute)
        output = attribute.removeprefix("Outputs.")
        outputs = self.stack.children[name].outputs
        if output not in outputs:
            raise TemplateError(f"Output '{output}' not found in stack {found.place}")
        return outputs[output]

    def dynamic(self, service: str, key: str) -> str:
        self.saw_dynamic = True
        return f"{{{{resolve:{service}:{key}}}}}" if self.as_text else self.engine.provider.dynamic(service, key)

    def imported(self, name: str) -> Any:
        self.stack.imports.add(name)
        return self.engine.account.imported(name)

    def _resource(self, name: str) -> Resource:
        if name not in self.stack.resources:
            raise TemplateError(
                f"Template format error: Unresolved resource dependencies [{name}] in the Resources block of the template"
            )
        return self.stack.resources[name]


def _upwards(place: str) -> Iterator[str]:
    """A place and the stacks that it is in, the root last."""
    while place:
        yield place
        place = place.rpartition("/")[0]


def _all_needs(template: Template, name: str) -> set[str]:
    """What a resource needs, and what that needs."""
    found: set[str] = set()
    todo = [name]
    while todo:
        new = template.needs.get(todo.pop(), frozenset()) - found
        found |= new
        todo += new
    return found


def _resolved_again(text: Any, dynamic: Callable[[str, str], str]) -> Any:
    from cfngen.semantics.resolve import DYNAMIC

    if isinstance(text, Mapping):
        return {key: _resolved_again(part, dynamic) for key, part in text.items()}
    if isinstance(text, list):
        return [_resolved_again(part, dynamic) for part in text]
    return DYNAMIC.sub(lambda match: dynamic(match[1], match[2]), text) if isinstance(text, str) else text


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(_text, value)) if isinstance(value, list) else str(value)
