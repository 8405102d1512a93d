"""CloudFormation's operations on the register: what each takes, refuses and answers, in AWS's words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from cfngen.local.account import importers, states
from cfngen.local.changesets import ChangeSets
from cfngen.local.operation import Operation
from cfngen.local.protocol import QueryError
from cfngen.local.questions import Questions
from cfngen.local.stacks import Now, StackRecord
from cfngen.semantics.template import TemplateError
from cfngen.semantics.update import Provider


class Api(ChangeSets, Questions):
    """The operations of CloudFormation in one account and region.

    `fetch` gives a template's text by its URL, `pseudo` the pseudo parameters. Every operation is over when it answers."""

    def __init__(self, provider: Provider, fetch: Callable[[str], str], pseudo: Mapping[str, Any], now: Now) -> None:
        super().__init__(provider, fetch, pseudo, now)
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
        """Answer an operation; raises `QueryError`, also for one that this target does not have."""
        if operation not in self._operations:
            raise QueryError(f"{operation} exists on AWS, but this local AWS does not have it", "NotImplemented", 501)
        try:
            return self._operations[operation](given)
        except TemplateError as error:
            raise QueryError(str(error)) from None

    def check_idle(self, given: Mapping[str, Any]) -> None:
        """Raise `QueryError` when something is done to the stack that an operation is about."""
        name = given.get("StackName") or ""
        made = self.change_sets.get(given.get("ChangeSetName", ""))
        record = self.register.find(made.stack if made else name)
        if record and record.status.endswith("_IN_PROGRESS") and record.status != "REVIEW_IN_PROGRESS":
            raise QueryError(f"Stack:{record.id} is in {record.status} state and can not be updated.")

    def begun(self, operation: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """What is answered while an operation goes on."""
        return {"StackId": self._stack(given["StackName"]).id} if operation in ("CreateStack", "UpdateStack") else {}

    def create_stack(self, given: Mapping[str, Any]) -> dict[str, Any]:
        name = given["StackName"]
        self._check_name(name)
        if self.register.find(name):
            raise QueryError(f"Stack [{name}] already exists", "AlreadyExistsException")
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
            raise QueryError("No updates are to be performed.")
        policy, during = self._policy(given, "StackPolicy"), self._policy(given, "StackPolicyDuringUpdate")
        self._deploy(record, text, template, given, during)
        record.policy = policy or record.policy
        return {"StackId": record.id}

    def delete_stack(self, given: Mapping[str, Any]) -> dict[str, Any]:
        record = self.register.find(given["StackName"])
        if record is None or not record.is_there:
            return {}
        root = self.register.records[record.root] if record.root else record
        if root.is_protected:
            raise QueryError(f"Stack [{root.name}] cannot be deleted while TerminationProtection is enabled")
        if root is not record:
            told = f"Stack [{record.name}] is nested in {root.name}: AWS deletes it alone, this local AWS with its root"
            raise QueryError(told, "NotImplemented", 501)
        retained = given.get("RetainResources", [])
        if retained and record.status != "DELETE_FAILED":
            told = "RetainResources can be specified only for a stack in the DELETE_FAILED state"
            raise QueryError(f"Invalid operation on stack [{record.id}]. {told}")
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
        if pending is None or record.status != "UPDATE_ROLLBACK_FAILED":
            raise QueryError(
                f"Stack:{record.id} is in {record.status} state and can not continue rolling back an update."
            )
        skipped = {self._skipped(record, name) for name in given.get("ResourcesToSkip", [])}
        if unfit := sorted(skipped - {pending.refused}):
            told = f"ResourcesToSkip can only contain resources that failed to roll back: {', '.join(unfit)} did not"
            raise QueryError(told)
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
        raise QueryError(f"Stack {stack} is not nested in {record.name}")

    def _was_skipped(self, record: StackRecord, place: str) -> None:
        path, _, name = place.rpartition("/")
        inside = self.register.places(record)[path]
        each = inside.resources[name]
        self.register.happened(inside, name, each.kind, each.physical, "UPDATE_COMPLETE", "Resource was skipped")

    def update_termination_protection(self, given: Mapping[str, Any]) -> dict[str, Any]:
        record = self._stack(given["StackName"])
        if record.root:
            raise QueryError("Termination protection is set on the root stack")
        record.is_protected = given["EnableTerminationProtection"]
        return {"StackId": record.id}

    def set_stack_policy(self, given: Mapping[str, Any]) -> dict[str, Any]:
        record = self._stack(given["StackName"])
        record.policy = self._policy(given, "StackPolicy")
        return {}
