"""What CloudFormation's describe calls tell, as their shapes want it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cfngen.local.changes import Change, ChangeSet
from cfngen.local.stacks import ResourceRecord, StackRecord

PAGE = 100


def page(every: Any, given: Mapping[str, Any]) -> tuple[Any, str | None]:
    """One page of a list, and the token of the next."""
    first = int(given.get("NextToken") or 0)
    return every[first : first + PAGE], str(first + PAGE) if first + PAGE < len(every) else None


def shown_stack(record: StackRecord) -> dict[str, Any]:
    """A stack as DescribeStacks tells it."""
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


def shown_resource(each: ResourceRecord) -> dict[str, Any]:
    """A resource as ListStackResources tells it."""
    return {
        "LogicalResourceId": each.name,
        "PhysicalResourceId": each.physical or None,
        "ResourceType": each.kind,
        "LastUpdatedTimestamp": each.at,
        "ResourceStatus": each.status,
        "ResourceStatusReason": each.reason or None,
    }


def shown_change(each: Change, made: ChangeSet) -> dict[str, Any]:
    """A change as DescribeChangeSet tells it."""
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
