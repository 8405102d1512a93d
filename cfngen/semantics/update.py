"""An operation on a tree of stacks: what is written, in which order, and what a rollback restores.

Resources are made after those that they need, side by side or one after another; only what differs from the last time is
written; a create-only property replaces. Nested stacks are entered every time and run through the same code. The first
refusal cancels what is at work and rolls the whole tree back: what was modified gets its old values again, then what was created goes. Clean-up, of what was removed or
replaced, comes last and only after everything else has worked (K1.8, CFN-UG updating-stacks, cfn-rollback).

What AWS does not document is a `Reading`: a caller can play both.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from cfngen.semantics import parameters as parameter_values
from cfngen.semantics.abreast import CancelledError, Task, abreast, in_turn, to_its_end
from cfngen.semantics.account import Account, Nobody, UpdateAction
from cfngen.semantics.records import (
    Action,
    Event,
    Outcome,
    Pending,
    Provider,
    Readings,
    RefusedError,
    Resource,
    StackState,
    Status,
    Written,
)
from cfngen.semantics.replacement import kept_name, replacing
from cfngen.semantics.resolve import NO_VALUE, Resolver
from cfngen.semantics.rollback import Undoing
from cfngen.semantics.surroundings import Around
from cfngen.semantics.tags import tagged
from cfngen.semantics.template import STACK, Template, TemplateError, check

__all__ = [
    "Action",
    "Engine",
    "Event",
    "Outcome",
    "Pending",
    "Provider",
    "Readings",
    "RefusedError",
    "Resource",
    "StackState",
    "Status",
]


_REPLACED = "Requested update requires the creation of a new physical resource; hence creating one."


class _FailedError(Exception):
    def __init__(self, place: str, reason: str) -> None:
        super().__init__(f"{place}: {reason}")


class Engine(Undoing):
    """Runs operations on trees of stacks with a provider.

    `fetch` gives the template of a nested stack by its URL; `observe` hears of every write, when it is over and, where
    resources are made side by side, when it begins. `account`
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
        self._journal: list[Written] = []

    def create(self, name: str, template: Template, given: Mapping[str, str]) -> Outcome:
        """Create a stack; raises `TemplateError` for what is refused before anything is made."""
        check(template)
        new = StackState(name, template, parameter_values.texts(template, given), tags=self.account.tags)
        self._journal = []
        try:
            to_its_end(self._apply(None, new))
        except _FailedError as failed:
            self.observe(Event("roll back", Resource(new.path, STACK), str(failed)))
            left = self._remove(reversed([each.after for each in self._journal]), rolled_back=True)
            if left:  # as a deletion that fails; the stack can only be deleted, with what is left
                nothing = StackState(name, template, new.parameters, tags=new.tags)
                journal = tuple(each for each in self._journal if each.after.place in left)
                return self._left("ROLLBACK_FAILED", nothing, left, Pending(nothing, str(failed), journal))
            return Outcome("ROLLBACK_COMPLETE", None, str(failed))
        return Outcome("CREATE_COMPLETE", new)

    def update(self, old: StackState, template: Template, given: Mapping[str, str]) -> Outcome:
        """Update a stack and all below it; parameters that are not given keep their values. Raises as `create` does."""
        check(template)
        kept = parameter_values.texts(template, given, old.parameters)
        new = StackState(old.path, template, kept, tags=self.account.tags)
        self._journal = []
        try:
            to_its_end(self._apply(old, new))
            removed, replaced = self._not_wanted(old, new)
            self._check_removal(old, new, removed)
        except _FailedError as failed:
            self.observe(Event("roll back", Resource(new.path, STACK), str(failed)))
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
            self._permit("Update:Delete", each, "update")
        there = {state.path for state in new.tree()}
        try:
            for state in old.tree():
                if state.path not in there:
                    self.account.exported(state.path, {})
        except TemplateError as error:
            raise _FailedError(new.path, str(error)) from None

    def _apply(self, old: StackState | None, new: StackState) -> Task[None]:
        around = Around(self.provider, self.account, new)
        try:
            values = parameter_values.typed(new.template, new.parameters, lambda key: self.provider.dynamic("ssm", key))
            resolver = Resolver(new.template, values, self._pseudo(new), around)

            def settle(name: str) -> Task[Resource | None]:
                declared = new.template.resources[name]
                if "Condition" in declared and not resolver.condition(declared["Condition"]):
                    return None
                before = old.resources.get(name) if old else None
                try:
                    return (yield from self._settle(old, new, name, declared, before, resolver, around))
                except TemplateError as error:
                    raise self._failed(new, name, before, str(error)) from None

            def over(name: str, made: Resource | None) -> None:
                if made:
                    new.resources[name] = made

            order = new.template.backwards if self.readings.backwards else new.template.order
            play = abreast if self.readings.is_abreast else in_turn
            yield from play({name: new.template.needs[name] for name in order}, settle, over)
            for name, output in new.template.section("Outputs").items():
                if "Condition" not in output or resolver.condition(output["Condition"]):
                    new.outputs[name] = resolver.value(output["Value"])
                    if "Export" in output:
                        new.export_names[name] = _text(resolver.value(output["Export"]["Name"]))
            self.account.exported(new.path, new.exports)
        except TemplateError as error:
            raise _FailedError(new.path, str(error)) from None

    def _failed(self, new: StackState, name: str, before: Resource | None, reason: str) -> _FailedError:
        """Tell that a resource cannot be written, as a value of it cannot be had."""
        place = f"{new.path}/{name}"
        resource = before or Resource(place, new.template.resources[name]["Type"])
        self.observe(Event("update" if before else "create", resource, reason))
        return _FailedError(place, reason)

    def _settle(
        self,
        old: StackState | None,
        new: StackState,
        name: str,
        declared: Mapping[str, Any],
        before: Resource | None,
        resolver: Resolver,
        around: Around,
    ) -> Task[Resource]:
        properties, text = (
            tagged(declared["Type"], each, new.tags) if declared["Type"] != STACK else each
            for each in around.both(resolver, declared.get("Properties", {}))
        )
        if not isinstance(properties, Mapping):
            raise TemplateError("the properties are none")
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
            raise TemplateError("Update of resource type is not permitted.")
        if wanted.kind == STACK:
            if before and before.text != wanted.text:
                self._permit("Update:Modify", wanted, "update")
            return (yield from self._settle_child(old.children.get(name) if old else None, new, wanted))
        if before is None:
            return (yield from self._create(wanted))
        if wanted.kind not in self.readings.rewritten:
            if self._is_same(before, wanted):
                return before.kept_as(wanted)
            if replacing(wanted.kind, before.properties, wanted.properties):
                return (yield from self._create(wanted, before))
        return (yield from self._modify(wanted, before))

    def _is_same(self, before: Resource, wanted: Resource) -> bool:
        if self.readings.dynamic_again:
            return before.properties == wanted.properties
        return before.text == wanted.text

    def _settle_child(self, old: StackState | None, parent: StackState, wanted: Resource) -> Task[Resource]:
        parameters = wanted.properties.get("Parameters", {})
        if "TemplateURL" not in wanted.properties or not isinstance(parameters, Mapping):
            raise TemplateError("a stack wants a TemplateURL, and an object of Parameters if any")
        template = self.fetch(wanted.properties["TemplateURL"])
        check(template)
        given = {key: _text(value) for key, value in parameters.items()}
        own = wanted.properties.get("Tags", [])
        of_parent = [each for each in parent.tags if each["Key"] not in {tag["Key"] for tag in own}]
        entered = replace(wanted, physical=self._stack_id(wanted.place))
        child = StackState(wanted.place, template, parameter_values.texts(template, given), tags=(*own, *of_parent))
        self.observe(Event("enter", entered))
        try:
            yield from self._apply(old, child)
        except CancelledError:
            self.observe(Event("cancel", entered))
            raise
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

    def _wait(self, wanted: Resource, told: str = "") -> Task[None]:
        """Let what is made side by side with a resource begin, too."""
        if self.readings.is_abreast:
            self.observe(Event("begin", wanted, told))
        try:
            yield
        except CancelledError:
            self.observe(Event("cancel", wanted))
            raise

    def _create(self, wanted: Resource, before: Resource | None = None) -> Task[Resource]:
        if before:
            self._permit("Update:Replace", before, "update")
            self._check_name(wanted, before)
        yield from self._wait(wanted, _REPLACED if before else "")
        try:
            made = wanted.under(self.provider.create(wanted))
        except RefusedError as refused:
            self.observe(Event("create", wanted, str(refused)))
            raise _FailedError(wanted.place, str(refused)) from None
        self._journal.append(Written(made, before, is_replacement=before is not None))
        self.observe(Event("replace" if before else "create", made))
        return made

    def _check_name(self, wanted: Resource, before: Resource) -> None:
        """The new one is made before the old one goes, so they cannot have one name (CFN-UG aws-properties-name)."""
        if name := kept_name(wanted.kind, before.properties, wanted.properties):
            told = "CloudFormation cannot update a stack when a custom-named resource requires replacing."
            reason = f"{told} Rename {name} and update the stack again."
            self.observe(Event("update", wanted, reason))
            raise _FailedError(wanted.place, reason)

    def _modify(self, wanted: Resource, before: Resource) -> Task[Resource]:
        self._permit("Update:Modify", before, "update")
        yield from self._wait(wanted)
        # Written down first: a rollback sends the old values to what refused the new ones, too.
        self._journal.append(Written(wanted, before))
        try:
            self.provider.update(wanted, before)
        except RefusedError as refused:
            self.observe(Event("update", wanted, str(refused)))
            raise _FailedError(wanted.place, str(refused)) from None
        self.observe(Event("update", wanted))
        return wanted

    def _clean_up(self, removed: list[Resource], replaced: list[Resource]) -> list[str]:
        left = self._remove(reversed(removed))
        return left + self._remove(reversed([replace(each, deletion_policy=each.replace_policy) for each in replaced]))

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


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(_text, value)) if isinstance(value, list) else str(value)
