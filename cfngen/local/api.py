"""CloudFormation's operations on the register: what each takes, refuses and answers, in AWS's words."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from cfngen.local.account import LocalAccount, check_policy, importers, states
from cfngen.local.changes import NO_CHANGES, Change, ChangeSet, Paper, changes, is_empty
from cfngen.local.protocol import ApiError
from cfngen.local.stacks import Now, Operation, Register, ResourceRecord, StackRecord
from cfngen.semantics import parameters as parameter_values
from cfngen.semantics.account import Tags
from cfngen.semantics.rules import check_rules
from cfngen.semantics.template import STACK, Template, TemplateError, check, read_template
from cfngen.semantics.update import Engine, Event, Outcome, Provider, Resource, StackState

PAGE = 100
_NAMED = ("RoleName", "UserName", "GroupName", "ManagedPolicyName", "InstanceProfileName")
_STABLE = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE")
_WHOLE = {"CREATE_COMPLETE", "UPDATE_COMPLETE"}


class Api:
    """The operations of CloudFormation in one account and region.

    `fetch` gives a template's text by its URL, `pseudo` the pseudo parameters. Every operation is over when it answers.
    """

    def __init__(self, provider: Provider, fetch: Callable[[str], str], pseudo: Mapping[str, Any], now: Now) -> None:
        self.provider = provider
        self.fetch = fetch
        self.pseudo = pseudo
        self.now = now
        self.register = Register(now)
        self.change_sets: dict[str, ChangeSet] = {}
        self._numbers = itertools.count(1)
        self._operations: Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
            "ContinueUpdateRollback": self.continue_update_rollback,
            "CreateChangeSet": self.create_change_set,
            "CreateStack": self.create_stack,
            "DeleteChangeSet": self.delete_change_set,
            "DeleteStack": self.delete_stack,
            "DescribeChangeSet": self.describe_change_set,
            "DescribeStackEvents": self.describe_stack_events,
            "DescribeStackResource": self.describe_stack_resource,
            "DescribeStackResources": self.describe_stack_resources,
            "DescribeStacks": self.describe_stacks,
            "ExecuteChangeSet": self.execute_change_set,
            "GetStackPolicy": self.get_stack_policy,
            "GetTemplate": self.get_template,
            "GetTemplateSummary": self.get_template_summary,
            "ListChangeSets": self.list_change_sets,
            "ListExports": self.list_exports,
            "ListImports": self.list_imports,
            "ListStackResources": self.list_stack_resources,
            "ListStacks": self.list_stacks,
            "SetStackPolicy": self.set_stack_policy,
            "UpdateStack": self.update_stack,
            "UpdateTerminationProtection": self.update_termination_protection,
            "ValidateTemplate": self.validate_template,
        }

    def call(self, operation: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """Answer an operation; raises `ApiError`, also for one that this target does not have."""
        if operation not in self._operations:
            raise ApiError(f"{operation} exists on AWS, but this local target does not have it", "NotImplemented", 501)
        try:
            return self._operations[operation](given)
        except TemplateError as error:
            raise ApiError(str(error)) from None

    def check_idle(self, given: Mapping[str, Any]) -> None:
        """Raise `ApiError` when something is done to the stack that an operation is about."""
        name = given.get("StackName") or ""
        made = self.change_sets.get(given.get("ChangeSetName", ""))
        record = self.register.find(made.stack if made else name)
        if record and record.status.endswith("_IN_PROGRESS") and record.status != "REVIEW_IN_PROGRESS":
            raise ApiError(f"Stack:{record.id} is in {record.status} state and can not be updated.")

    def begun(self, operation: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """What is answered while an operation goes on."""
        return {"StackId": self._stack(given["StackName"]).id} if operation in ("CreateStack", "UpdateStack") else {}

    # Operations that change stacks

    def create_stack(self, given: Mapping[str, Any]) -> dict[str, Any]:
        name = given["StackName"]
        if self.register.find(name):
            raise ApiError(f"Stack [{name}] already exists", "AlreadyExistsException")
        text, template = self._template(given, None)
        self._check(template, given, None)
        policy = self._policy(given, "StackPolicy")
        record = self._new(name, given)
        record.policy = policy
        self._deploy(record, text, template, given)
        return {"StackId": record.id}

    def update_stack(self, given: Mapping[str, Any]) -> dict[str, Any]:
        record = self._stack(given["StackName"])
        self._check_stable(record)
        text, template = self._template(given, record)
        self._check(template, given, record)
        if self._is_empty(record, self._on_paper(record, record.name, template, given)):
            raise ApiError("No updates are to be performed.")
        policy, during = self._policy(given, "StackPolicy"), self._policy(given, "StackPolicyDuringUpdate")
        self._deploy(record, text, template, given, during)
        record.policy = policy or record.policy
        return {"StackId": record.id}

    def delete_stack(self, given: Mapping[str, Any]) -> dict[str, Any]:
        record = self.register.find(given["StackName"])
        if record is None or not record.is_there:
            return {}
        if record.is_protected:
            raise ApiError(f"Stack [{record.name}] cannot be deleted while TerminationProtection is enabled")
        retained = given.get("RetainResources", [])
        if retained and record.status != "DELETE_FAILED":
            told = "RetainResources can be specified only for a stack in the DELETE_FAILED state"
            raise ApiError(f"Invalid operation on stack [{record.id}]. {told}")
        state, pending = record.state, record.pending
        if state is None:
            self.register.turned(record, "DELETE_COMPLETE")
        elif not self._is_used(record):
            kept = {f"{record.name}/{name}" for name in retained}
            operation = Operation(self.register, record, "DELETE")
            operation.run(self._engine(record), lambda engine: engine.delete(state, pending, kept))
        return {}

    def _is_used(self, record: StackRecord) -> bool:
        """Whether a deletion is given up, as others use what the stack exports."""
        for root, state in states(self.register):
            for name in state.exports if root is record else ():
                if users := importers(self.register, name, record):
                    told = f"Delete canceled. Cannot delete export {name} as it is in use by {', '.join(users)}."
                    self.register.turned(record, record.status, told)
                    return True
        return False

    def continue_update_rollback(self, given: Mapping[str, Any]) -> dict[str, Any]:
        record = self._stack(given["StackName"])
        pending = record.pending
        if pending is None:
            raise ApiError(
                f"Stack:{record.id} is in {record.status} state and can not continue rolling back an update."
            )
        skipped = {self._skipped(record, name) for name in given.get("ResourcesToSkip", [])}
        if unfit := sorted(skipped - {pending.refused}):
            told = f"ResourcesToSkip can only contain resources that failed to roll back: {', '.join(unfit)} did not"
            raise ApiError(told)
        operation = Operation(self.register, record, "UPDATE_ROLLBACK")
        operation.run(self._engine(record), lambda engine: engine.continue_rollback(pending, skipped))
        for place in skipped:
            self._was_skipped(record, place)
        return {}

    def _skipped(self, record: StackRecord, name: str) -> str:
        """A place by the logical id, with the name of the nested stack before it where it is in one."""
        stack, _, logical = name.rpartition(".")
        for path, each in self.register.places(record).items():
            if each.name == (stack or record.name):
                return f"{path}/{logical}"
        raise ApiError(f"Stack {stack} is not nested in {record.name}")

    def _was_skipped(self, record: StackRecord, place: str) -> None:
        path, _, name = place.rpartition("/")
        inside = self.register.places(record)[path]
        each = inside.resources[name]
        self.register.happened(inside, name, each.kind, each.physical, "UPDATE_COMPLETE", "Resource was skipped")

    def update_termination_protection(self, given: Mapping[str, Any]) -> dict[str, Any]:
        record = self._stack(given["StackName"])
        if record.root:
            raise ApiError("Termination protection is set on the root stack")
        record.is_protected = given["EnableTerminationProtection"]
        return {"StackId": record.id}

    def set_stack_policy(self, given: Mapping[str, Any]) -> dict[str, Any]:
        record = self._stack(given["StackName"])
        record.policy = self._policy(given, "StackPolicy")
        return {}

    # Change sets

    def create_change_set(self, given: Mapping[str, Any]) -> dict[str, Any]:
        name, kind = given["StackName"], given.get("ChangeSetType", "UPDATE")
        record = self.register.find(name)
        if kind == "CREATE" and record and record.is_there and record.status != "REVIEW_IN_PROGRESS":
            raise ApiError(f"Stack [{name}] already exists and cannot be created again with the changeSet")
        if kind == "UPDATE" and (record is None or not record.is_there):
            raise ApiError(f"Stack [{name}] does not exist")
        if kind == "UPDATE" and record:
            self._check_stable(record)
        text, template = self._template(given, record)
        self._check(template, given, record if kind == "UPDATE" else None)
        if any(each.name == given["ChangeSetName"] for each in self._sets_of(record)):
            raise ApiError(f"ChangeSet {given['ChangeSetName']} already exists", "AlreadyExistsException")
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
            raise ApiError(told, "InvalidChangeSetStatus")
        record = self.register.records[made.stack]
        text, template = made.text, read_template(made.text)
        self.change_sets = {key: each for key, each in self.change_sets.items() if each.stack != record.id}
        taken = {
            "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in made.given.items()],
            "Tags": list(made.tags),
            "Capabilities": list(made.capabilities),
        }
        self._deploy(record, text, template, taken)
        return {}

    def delete_change_set(self, given: Mapping[str, Any]) -> dict[str, Any]:
        made = self._change_set_of(given)
        del self.change_sets[made.id]
        return {}

    def describe_change_set(self, given: Mapping[str, Any]) -> dict[str, Any]:
        made = self._change_set_of(given)
        record = self.register.records[made.stack]
        shown, more = _page(made.changes, given)
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
            "Changes": [_shown_change(each, made) for each in shown],
            "NextToken": more,
            "IncludeNestedStacks": bool(made.nested),
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
                }
                for each in self._sets_of(record)
            ]
        }

    # What there is

    def describe_stacks(self, given: Mapping[str, Any]) -> dict[str, Any]:
        if name := given.get("StackName"):
            return {"Stacks": [_shown(self._stack(name, gone=name.startswith("arn:")))]}
        every = [each for each in list(self.register.records.values()) if each.is_there]
        shown, more = _page(every, given)
        return {"Stacks": [_shown(each) for each in shown], "NextToken": more}

    def list_stacks(self, given: Mapping[str, Any]) -> dict[str, Any]:
        wanted = given.get("StackStatusFilter")
        every = [each for each in list(self.register.records.values()) if wanted is None or each.status in wanted]
        shown, more = _page(every, given)
        keys = (
            "StackId",
            "StackName",
            "CreationTime",
            "LastUpdatedTime",
            "StackStatus",
            "StackStatusReason",
            "ParentId",
            "RootId",
        )
        summaries = [{key: _shown(each).get(key) for key in keys} | {"DeletionTime": each.deleted} for each in shown]
        return {"StackSummaries": summaries, "NextToken": more}

    def describe_stack_events(self, given: Mapping[str, Any]) -> dict[str, Any]:
        record = self._stack(given["StackName"], gone=True)
        shown, more = _page(list(reversed(record.events)), given)
        return {
            "StackEvents": [
                {
                    "StackId": record.id,
                    "StackName": record.name,
                    "EventId": number,
                    "LogicalResourceId": each.name,
                    "PhysicalResourceId": each.physical or None,
                    "ResourceType": each.kind,
                    "Timestamp": each.at,
                    "ResourceStatus": each.status,
                    "ResourceStatusReason": each.reason or None,
                }
                for number, each in shown
            ],
            "NextToken": more,
        }

    def describe_stack_resources(self, given: Mapping[str, Any]) -> dict[str, Any]:
        physical = given.get("PhysicalResourceId")
        if physical:
            holding = (
                each
                for each in list(self.register.records.values())
                if any(one.physical == physical for one in list(each.resources.values()))
            )
            record = next(holding, None)
            if record is None:
                raise ApiError(f"Stack for {physical} does not exist")
        else:
            record = self._stack(given["StackName"], gone=True)
        wanted = given.get("LogicalResourceId")
        every = [each for name, each in list(record.resources.items()) if wanted in (None, name)]
        keys = ("LogicalResourceId", "PhysicalResourceId", "ResourceType", "ResourceStatus", "ResourceStatusReason")
        return {
            "StackResources": [
                {"StackName": record.name, "StackId": record.id, "Timestamp": each.at}
                | {key: _shown_resource(each)[key] for key in keys}
                for each in every
            ]
        }

    def describe_stack_resource(self, given: Mapping[str, Any]) -> dict[str, Any]:
        record = self._stack(given["StackName"], gone=True)
        name = given["LogicalResourceId"]
        if name not in record.resources:
            raise ApiError(f"Resource {name} does not exist for stack {record.name}")
        own = {"StackName": record.name, "StackId": record.id}
        return {"StackResourceDetail": own | _shown_resource(record.resources[name])}

    def list_stack_resources(self, given: Mapping[str, Any]) -> dict[str, Any]:
        record = self._stack(given["StackName"])
        shown, more = _page(list(record.resources.values()), given)
        return {"StackResourceSummaries": [_shown_resource(each) for each in shown], "NextToken": more}

    def get_template(self, given: Mapping[str, Any]) -> dict[str, Any]:
        record = self._stack(given["StackName"], gone=True)
        return {"TemplateBody": record.text, "StagesAvailable": ["Original", "Processed"]}

    def get_template_summary(self, given: Mapping[str, Any]) -> dict[str, Any]:
        known = self._stack(given["StackName"]) if "StackName" in given else None
        _, template = self._template(given, known)
        declared = template.section("Parameters").items()
        needed = _capabilities(self._every(template))
        return {
            "Description": template.body.get("Description"),
            "Parameters": [
                {
                    "ParameterKey": key,
                    "DefaultValue": None if "Default" not in each else str(each["Default"]),
                    "ParameterType": each["Type"],
                    "NoEcho": bool(each.get("NoEcho")),
                    "Description": each.get("Description"),
                    "ParameterConstraints": {"AllowedValues": list(map(str, each.get("AllowedValues", [])))},
                }
                for key, each in declared
            ],
            "Capabilities": [needed] if needed else [],
            "ResourceTypes": sorted({each["Type"] for each in template.resources.values()}),
            "Version": template.body.get("AWSTemplateFormatVersion"),
        }

    def validate_template(self, given: Mapping[str, Any]) -> dict[str, Any]:
        summary = self.get_template_summary(given)
        keys = ("ParameterKey", "DefaultValue", "NoEcho", "Description")
        parameters = [{key: each[key] for key in keys} for each in summary["Parameters"]]
        return {key: summary[key] for key in ("Description", "Capabilities")} | {"Parameters": parameters}

    def get_stack_policy(self, given: Mapping[str, Any]) -> dict[str, Any]:
        return {"StackPolicyBody": self._stack(given["StackName"]).policy or None}

    def list_exports(self, given: Mapping[str, Any]) -> dict[str, Any]:
        every = [
            {"ExportingStackId": places[state.path].id, "Name": name, "Value": str(value)}
            for root, state in states(self.register)
            for places in [self.register.places(root)]
            for name, value in state.exports.items()
        ]
        shown, more = _page(every, given)
        return {"Exports": shown, "NextToken": more}

    def list_imports(self, given: Mapping[str, Any]) -> dict[str, Any]:
        name = given["ExportName"]
        if not (users := importers(self.register, name)):
            raise ApiError(f"Export '{name}' is not imported by any stack.")
        shown, more = _page(users, given)
        return {"Imports": shown, "NextToken": more}

    # How

    def _deploy(
        self, record: StackRecord, text: str, template: Template, given: Mapping[str, Any], during: str = ""
    ) -> None:
        parameters, state = _parameters(given), record.state
        tags = tuple(given["Tags"]) if "Tags" in given else record.tags
        record.capabilities = tuple(given.get("Capabilities", ()))

        def work(engine: Engine) -> Outcome:
            if state is None:
                return engine.create(record.name, template, parameters)
            return engine.update(state, template, parameters)

        outcome = Operation(self.register, record, "UPDATE" if state else "CREATE").run(
            self._engine(record, tags, during), work
        )
        if outcome.status in _WHOLE or state is None:
            record.text = text
        if state is None and not outcome.is_good:
            record.template, record.parameters = template, parameter_values.texts(template, parameters)

    def _on_paper(
        self, record: StackRecord | None, name: str, template: Template, given: Mapping[str, Any]
    ) -> tuple[tuple[Change, ...], StackState | None]:
        """What would change, and the tree as it would be."""
        events: list[Event] = []
        tags = given.get("Tags", record.tags if record else ())
        account = LocalAccount(self.register, record, tags, on_paper=True)
        engine = Engine(Paper(self.provider), self._fetch, self.pseudo, observe=events.append, account=account)
        state = record.state if record else None
        parameters = _parameters(given)
        outcome = engine.update(state, template, parameters) if state else engine.create(name, template, parameters)
        if not outcome.is_good:
            raise ApiError(outcome.reason)
        before: dict[str, Resource] = {each.place: each for each in state.walk()} if state else {}
        return tuple(changes(events, before)), outcome.stack

    def _is_empty(self, record: StackRecord, found: tuple[tuple[Change, ...], StackState | None]) -> bool:
        """Whether an update would change no resource, no output and no tag."""
        seen, new = found
        if not is_empty(seen) or not record.state or not new:
            return False
        old_ones, new_ones = ({each.path: each for each in tree.tree()} for tree in (record.state, new))
        return old_ones.keys() == new_ones.keys() and all(
            (old.outputs, old.export_names, sorted(map(str, old.tags)))
            == (new_ones[path].outputs, new_ones[path].export_names, sorted(map(str, new_ones[path].tags)))
            for path, old in old_ones.items()
        )

    def _policy(self, given: Mapping[str, Any], name: str) -> str:
        """A stack policy by its text or its URL; empty where none is given."""
        text = str(given.get(f"{name}Body") or "")
        if url := given.get(f"{name}URL"):
            text = self.fetch(url)
        if text:
            check_policy(text)
        return text

    def _change_set(
        self, record: StackRecord, given: Mapping[str, Any], text: str, found: tuple[Change, ...]
    ) -> ChangeSet:
        def made(stack: str, name: str, place: str) -> ChangeSet:
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
                given=_parameters(given),
                tags=tuple(given.get("Tags", record.tags)),
                capabilities=tuple(given.get("Capabilities", ())),
                created=self.now(),
                changes=tuple(each for each in found if each.resource.stack == place),
            )
            self.change_sets[arn] = own
            for each in own.changes if given.get("IncludeNestedStacks") else ():
                if each.resource.kind == STACK and each.action != "Remove":
                    nested = made(stack, f"{name}-{each.resource.name}", each.resource.place)
                    nested.execution = "UNAVAILABLE"
                    own.nested[each.resource.name] = nested
            return own

        return made(record.id, given["ChangeSetName"], record.name)

    def _engine(self, record: StackRecord, tags: Tags | None = None, during: str = "") -> Engine:
        account = LocalAccount(self.register, record, record.tags if tags is None else tags, during)
        return Engine(self.provider, self._fetch, self.pseudo, account=account)

    def _fetch(self, url: str) -> Template:
        return read_template(self.fetch(url))

    def _new(self, name: str, given: Mapping[str, Any]) -> StackRecord:
        number = hashlib.sha256(f"{name} {next(self._numbers)}".encode()).hexdigest()
        uuid = "-".join((number[:8], number[8:12], number[12:16], number[16:20], number[20:32]))
        region, account = self.pseudo["AWS::Region"], self.pseudo["AWS::AccountId"]
        arn = f"arn:{self.pseudo['AWS::Partition']}:cloudformation:{region}:{account}:stack/{name}/{uuid}"
        made = StackRecord(arn, name, self.now(), is_protected=bool(given.get("EnableTerminationProtection")))
        return self.register.add(made)

    def _template(self, given: Mapping[str, Any], record: StackRecord | None) -> tuple[str, Template]:
        if given.get("TemplateBody"):
            text = given["TemplateBody"]
        elif given.get("TemplateURL"):
            text = self.fetch(given["TemplateURL"])
        elif record and (given.get("UsePreviousTemplate") or record.text):
            text = record.text
        else:
            raise ApiError("Either Template URL or Template Body must be specified.")
        return text, read_template(text)

    def _check(self, template: Template, given: Mapping[str, Any], record: StackRecord | None) -> None:
        """What CloudFormation refuses before it begins, and what only AWS can read."""
        check(template)
        if unknown := _not_here(template):
            told = f"{', '.join(unknown)}: AWS reads that, but this local target does not"
            raise ApiError(told, "NotImplemented", 501)
        kept = record.parameters if record else None
        if record is None and any(each.get("UsePreviousValue") for each in given.get("Parameters", [])):
            raise ApiError("Invalid input for parameter key: UsePreviousValue cannot be used when creating a stack")
        if given.get("DisableRollback") or given.get("OnFailure", "ROLLBACK") != "ROLLBACK":
            told = "This local target rolls back whatever fails; DisableRollback and OnFailure exist on AWS only"
            raise ApiError(told, "NotImplemented", 501)
        found = parameter_values.texts(template, _parameters(given), kept)
        check_rules(template, parameter_values.typed(template, found, lambda key: self.provider.dynamic("ssm", key)))
        needed, had = _capabilities(self._every(template)), set(given.get("Capabilities", []))
        if needed and needed not in had and "CAPABILITY_NAMED_IAM" not in had:
            raise ApiError(f"Requires capabilities : [{needed}]", "InsufficientCapabilitiesException")

    def _every(self, template: Template) -> Iterator[Mapping[str, Any]]:
        """The resources of a template and of those that it nests, as far as their URLs stand in the text."""
        for resource in template.resources.values():
            yield resource
            url = resource.get("Properties", {}).get("TemplateURL")
            if resource["Type"] == STACK and isinstance(url, str):
                yield from self._every(self._fetch(url))

    def _check_stable(self, record: StackRecord) -> None:
        if record.root:
            raise ApiError(f"Stack [{record.name}] is nested; operate on its root")
        if record.status not in _STABLE:
            raise ApiError(f"Stack:{record.id} is in {record.status} state and can not be updated.")

    def _stack(self, name: str, *, gone: bool = False) -> StackRecord:
        found = self.register.find(name)
        if found is None or not (found.is_there or gone):
            raise ApiError(f"Stack with id {name} does not exist")
        return found

    def _sets_of(self, record: StackRecord | None) -> list[ChangeSet]:
        nested = {inner.id for each in self.change_sets.values() for inner in each.nested.values()}
        return [
            each for each in self.change_sets.values() if record and each.stack == record.id and each.id not in nested
        ]

    def _change_set_of(self, given: Mapping[str, Any]) -> ChangeSet:
        name, stack = given["ChangeSetName"], given.get("StackName")
        if name in self.change_sets:
            return self.change_sets[name]
        record = self.register.find(stack) if stack else None
        for each in self._sets_of(record):
            if each.name == name:
                return each
        raise ApiError(f"ChangeSet [{name}] does not exist", "ChangeSetNotFound", 404)


_FUNCTIONS = frozenset(
    f"Fn::{name}"
    for name in (
        *("And", "Base64", "Cidr", "Contains", "EachMemberEquals", "EachMemberIn", "Equals", "FindInMap", "GetAZs"),
        *("GetAtt", "If", "ImportValue", "Join", "Length", "Not", "Or", "Select", "Split", "Sub"),
    )
)


def _not_here(template: Template) -> list[str]:
    """Transforms and functions of a template that nobody here reads."""

    def functions(node: Any) -> Iterator[str]:
        if isinstance(node, Mapping):
            yield from (str(key) for key in node if str(key).startswith("Fn::") and key not in _FUNCTIONS)
        for part in node.values() if isinstance(node, Mapping) else node if isinstance(node, list) else ():
            yield from functions(part)

    transforms = ["Transform"] if template.body.get("Transform") else []
    return [*transforms, *sorted(set(functions(dict(template.body))))]


def _parameters(given: Mapping[str, Any]) -> dict[str, str]:
    return {
        each["ParameterKey"]: each.get("ParameterValue", "")
        for each in given.get("Parameters", [])
        if not each.get("UsePreviousValue")
    }


def _capabilities(resources: Iterator[Mapping[str, Any]]) -> str:
    """What a template with IAM resources needs (K1.9)."""
    found = [each for each in resources if each["Type"].startswith("AWS::IAM::")]
    if any(name in each.get("Properties", {}) for each in found for name in _NAMED):
        return "CAPABILITY_NAMED_IAM"
    return "CAPABILITY_IAM" if found else ""


def _page(every: Any, given: Mapping[str, Any]) -> tuple[Any, str | None]:
    first = int(given.get("NextToken") or 0)
    return every[first : first + PAGE], str(first + PAGE) if first + PAGE < len(every) else None


def _shown(record: StackRecord) -> dict[str, Any]:
    template = record.template
    declared = template.section("Parameters") if template else {}
    outputs = template.section("Outputs") if template else {}
    return {
        "StackId": record.id,
        "StackName": record.name,
        "Description": template.body.get("Description") if template else None,
        "Parameters": [
            {"ParameterKey": key, "ParameterValue": "****" if declared.get(key, {}).get("NoEcho") else value}
            for key, value in record.parameters.items()
        ],
        "CreationTime": record.created,
        "DeletionTime": record.deleted,
        "LastUpdatedTime": record.updated,
        "StackStatus": record.status,
        "StackStatusReason": record.reason or None,
        "DisableRollback": False,
        "Capabilities": list(record.capabilities),
        "Outputs": [
            {
                "OutputKey": key,
                "OutputValue": str(value),
                "Description": outputs.get(key, {}).get("Description"),
                "ExportName": record.export_names.get(key),
            }
            for key, value in record.outputs.items()
        ],
        "Tags": list(record.tags),
        "EnableTerminationProtection": record.is_protected,
        "ParentId": record.parent or None,
        "RootId": record.root or None,
    }


def _shown_resource(each: ResourceRecord) -> dict[str, Any]:
    return {
        "LogicalResourceId": each.name,
        "PhysicalResourceId": each.physical or None,
        "ResourceType": each.kind,
        "LastUpdatedTimestamp": each.at,
        "ResourceStatus": each.status,
        "ResourceStatusReason": each.reason or None,
    }


def _shown_change(each: Change, made: ChangeSet) -> dict[str, Any]:
    nested = made.nested.get(each.resource.name)
    return {
        "Type": "Resource",
        "ResourceChange": {
            "Action": each.action,
            "LogicalResourceId": each.resource.name,
            "PhysicalResourceId": None if each.action == "Add" else each.resource.physical,
            "ResourceType": each.resource.kind,
            "Replacement": each.replacement or None,
            "Scope": ["Properties"] if each.action == "Modify" else [],
            "Details": [
                {
                    "Target": {"Attribute": "Properties", "Name": name},
                    "Evaluation": "Static",
                    "ChangeSource": "DirectModification",
                }
                for name in each.properties
            ],
            "ChangeSetId": nested.id if nested else None,
        },
    }
