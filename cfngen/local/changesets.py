"""Operations of CloudFormation on change sets."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from cfngen.local.changes import NO_CHANGES, Change, ChangeSet
from cfngen.local.deploying import Deploying, given_parameters
from cfngen.local.protocol import QueryError
from cfngen.local.shown import page, shown_change
from cfngen.local.stacks import StackRecord
from cfngen.semantics.template import STACK, read_template


class ChangeSets(Deploying):
    """Change sets: made on paper, shown, executed."""

    def create_change_set(self, given: Mapping[str, Any]) -> dict[str, Any]:
        name, kind = given["StackName"], given.get("ChangeSetType", "UPDATE")
        record = self.register.find(name)
        if kind == "CREATE" and record is None:
            self._check_name(name)
        if kind == "CREATE" and record and record.is_there and record.status != "REVIEW_IN_PROGRESS":
            raise QueryError(f"Stack [{name}] already exists and cannot be created again with the changeSet")
        if kind == "UPDATE" and (record is None or not record.is_there):
            raise QueryError(f"Stack [{name}] does not exist")
        if kind == "UPDATE" and record:
            self._check_stable(record)
        text, template = self._template(given, record)
        self._check(template, given, record if kind == "UPDATE" else None)
        if any(each.name == given["ChangeSetName"] for each in self._sets_of(record)):
            raise QueryError(f"ChangeSet {given['ChangeSetName']} already exists", "AlreadyExistsException")
        if record is None or not record.is_there:
            record = self._new(name, given)
            self.register.turned(record, "REVIEW_IN_PROGRESS", "User Initiated")
        found = self._on_paper(record if kind == "UPDATE" else None, record.name, template, given)
        made = self._change_set(record, given, text, found[0])
        if kind == "UPDATE" and self._is_empty(record, found):
            made.status, made.reason, made.execution = "FAILED", NO_CHANGES, "UNAVAILABLE"
        return {"Id": made.id, "StackId": record.id}

    def execute_change_set(self, given: Mapping[str, Any]) -> dict[str, Any]:
        made = self._change_set_of(given)
        if made.execution != "AVAILABLE":
            told = f"ChangeSet [{made.id}] cannot be executed in its current status of [{made.status}]"
            raise QueryError(told, "InvalidChangeSetStatus")
        record = self.register.records[made.stack]
        text, template = made.text, read_template(made.text)
        for each in [each for each in self.change_sets.values() if each.stack == record.id]:
            self._forget(each)
        taken = {
            "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in made.given.items()],
            "Tags": list(made.tags),
            "Capabilities": list(made.capabilities),
        }
        self._deploy(record, text, template, taken)
        return {}

    def delete_change_set(self, given: Mapping[str, Any]) -> dict[str, Any]:
        self._forget(self._change_set_of(given))
        return {}

    def describe_change_set(self, given: Mapping[str, Any]) -> dict[str, Any]:
        made = self._change_set_of(given)
        record = self.register.records[made.stack]
        shown, more = page(made.changes, given)
        return {
            "ChangeSetName": made.name,
            "ChangeSetId": made.id,
            "StackId": record.id,
            "StackName": record.name,
            "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in made.given.items()],
            "CreationTime": made.created,
            "ExecutionStatus": made.execution,
            "Status": made.status,
            "StatusReason": made.reason or None,
            "Capabilities": list(made.capabilities),
            "Tags": list(made.tags),
            "Changes": [shown_change(each, made) for each in shown],
            "NextToken": more,
            "IncludeNestedStacks": made.has_nested,
            "ParentChangeSetId": made.parent or None,
            "RootChangeSetId": made.root or None,
        }

    def list_change_sets(self, given: Mapping[str, Any]) -> dict[str, Any]:
        record = self._stack(given["StackName"])
        return {
            "Summaries": [
                {
                    "StackId": record.id,
                    "StackName": record.name,
                    "ChangeSetId": each.id,
                    "ChangeSetName": each.name,
                    "ExecutionStatus": each.execution,
                    "Status": each.status,
                    "StatusReason": each.reason or None,
                    "CreationTime": each.created,
                    "IncludeNestedStacks": each.has_nested,
                    "ParentChangeSetId": each.parent or None,
                    "RootChangeSetId": each.root or None,
                }
                for each in self._sets_of(record)
            ]
        }

    def _change_set(
        self, record: StackRecord, given: Mapping[str, Any], text: str, found: tuple[Change, ...]
    ) -> ChangeSet:
        def made(stack: str, name: str, place: str, around: ChangeSet | None = None) -> ChangeSet:
            unique = hashlib.sha256(f"{next(self._numbers)} {name}".encode()).hexdigest()
            uuid = "-".join((unique[:8], unique[8:12], unique[12:16], unique[16:20], unique[20:32]))
            region, account = self.pseudo["AWS::Region"], self.pseudo["AWS::AccountId"]
            arn = f"arn:{self.pseudo['AWS::Partition']}:cloudformation:{region}:{account}:changeSet/{name}/{uuid}"
            own = ChangeSet(
                id=arn,
                name=name,
                stack=stack,
                kind=given.get("ChangeSetType", "UPDATE"),
                text=text,
                given=given_parameters(given),
                tags=tuple(given.get("Tags", record.tags)),
                capabilities=tuple(given.get("Capabilities", ())),
                created=self.now(),
                changes=tuple(each for each in found if each.resource.stack == place),
                parent=around.id if around else "",
                root=(around.root or around.id) if around else "",
                has_nested=bool(given.get("IncludeNestedStacks")),
            )
            self.change_sets[arn] = own
            for each in own.changes if given.get("IncludeNestedStacks") else ():
                if each.resource.kind == STACK and each.action != "Remove":
                    there = each.resource.physical in self.register.records
                    owner = each.resource.physical if there else stack
                    nested = made(owner, f"{name}-{each.resource.name}", each.resource.place, own)
                    nested.execution = "UNAVAILABLE"
                    own.nested[each.resource.name] = nested
            return own

        return made(record.id, given["ChangeSetName"], record.name)

    def _forget(self, made: ChangeSet) -> None:
        """Take a change set away, and those of nested stacks with it."""
        self.change_sets.pop(made.id, None)
        for each in made.nested.values():
            self._forget(each)

    def _sets_of(self, record: StackRecord | None) -> list[ChangeSet]:
        """Those of a stack, but for those of nested stacks that are not made yet."""
        new = {
            inner.id
            for each in self.change_sets.values()
            for inner in each.nested.values()
            if inner.stack == each.stack
        }
        return [each for each in self.change_sets.values() if record and each.stack == record.id and each.id not in new]

    def _change_set_of(self, given: Mapping[str, Any]) -> ChangeSet:
        name, stack = given["ChangeSetName"], given.get("StackName")
        if name in self.change_sets:
            return self.change_sets[name]
        record = self.register.find(stack) if stack else None
        for each in self._sets_of(record):
            if each.name == name:
                return each
        raise QueryError(f"ChangeSet [{name}] does not exist", "ChangeSetNotFound", 404)
