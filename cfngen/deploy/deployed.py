"""What the account has of a stack: its status, its template as it was deployed, and what becomes of its resources."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from botocore.exceptions import ClientError

from cfngen.deploy.account import Account, asking, code_of
from cfngen.semantics.document import UnreadableError, read_yaml

Fate = Literal["deleted", "kept", "kept as a snapshot"]
_SNAPSHOT_BY_DEFAULT = ("AWS::RDS::DBCluster", "AWS::RDS::DBInstance")
_FATES: Mapping[str, Fate] = {
    "Delete": "deleted",
    "Retain": "kept",
    "RetainExceptOnCreate": "kept",
    "Snapshot": "kept as a snapshot",
}


def describe(account: Account, stack: str) -> Mapping[str, Any] | None:
    """A stack as `DescribeStacks` tells it; `None` when there is none, or none any more."""
    with asking(stack):
        try:
            told = account.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
        except ClientError as error:
            if code_of(error) == "ValidationError" and "does not exist" in str(error):
                return None
            raise
    return None if told["StackStatus"] == "DELETE_COMPLETE" else dict(told)


def template(account: Account, stack: str) -> Mapping[str, Any]:
    """The resources of a deployed stack's template, by logical id."""
    with asking(stack):
        body = account.client("cloudformation").get_template(StackName=stack).get("TemplateBody") or {}
    if isinstance(body, str):
        try:
            body = read_yaml(body).data
        except UnreadableError:
            body = {}
    found = body.get("Resources", {}) if isinstance(body, Mapping) else {}
    return {str(name): each for name, each in found.items() if isinstance(each, Mapping)}


def nested_template(account: Account, stack: str, name: str) -> Mapping[str, Any]:
    """The resources of the template of a stack that a deployed one nests under a logical id; none where it does not."""
    with asking(stack):
        try:
            told = account.client("cloudformation").describe_stack_resource(StackName=stack, LogicalResourceId=name)
        except ClientError as error:
            if code_of(error) == "ValidationError":
                return {}
            raise
    nested = told["StackResourceDetail"].get("PhysicalResourceId")
    return template(account, nested) if nested else {}


def fate(resource: Mapping[str, Any], policy: str = "DeletionPolicy") -> Fate:
    """What becomes of a resource that goes (K3.4); without a policy it is deleted, but for databases."""
    kind, properties = resource.get("Type"), resource.get("Properties") or {}
    in_a_cluster = isinstance(properties, Mapping) and "DBClusterIdentifier" in properties
    default = "Snapshot" if kind in _SNAPSHOT_BY_DEFAULT and not in_a_cluster else "Delete"
    return _FATES.get(str(resource.get(policy, default)), "deleted")


def outputs(told: Mapping[str, Any]) -> dict[str, str]:
    """The outputs of a described stack."""
    return {each["OutputKey"]: each["OutputValue"] for each in told.get("Outputs", [])}
