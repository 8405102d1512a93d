"""Operations of CloudFormation that tell what there is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cfngen.local.account import importers, states
from cfngen.local.deploying import Deploying, capabilities
from cfngen.local.protocol import QueryError
from cfngen.local.shown import page, shown_resource, shown_stack


class Questions(Deploying):
    """What describe, list and get calls answer."""

    def describe_stacks(self, given: Mapping[str, Any]) -> dict[str, Any]:
        if name := given.get("StackName"):
            return {"Stacks": [shown_stack(self._stack(name, gone=name.startswith("arn:")))]}
        every = [each for each in list(self.register.records.values()) if each.is_there]
        shown, more = page(every, given)
        return {"Stacks": [shown_stack(each) for each in shown], "NextToken": more}

    def list_stacks(self, given: Mapping[str, Any]) -> dict[str, Any]:
        wanted = given.get("StackStatusFilter")
        every = [each for each in list(self.register.records.values()) if wanted is None or each.status in wanted]
        shown, more = page(every, given)
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
        summaries = [
            {key: shown_stack(each).get(key) for key in keys} | {"DeletionTime": each.deleted} for each in shown
        ]
        return {"StackSummaries": summaries, "NextToken": more}

    def describe_stack_events(self, given: Mapping[str, Any]) -> dict[str, Any]:
        record = self._stack(given["StackName"], gone=True)
        shown, more = page(list(reversed(record.events)), given)
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
                raise QueryError(f"Stack for {physical} does not exist")
        else:
            record = self._stack(given["StackName"], gone=True)
        wanted = given.get("LogicalResourceId")
        every = [each for name, each in list(record.resources.items()) if wanted in (None, name)]
        keys = ("LogicalResourceId", "PhysicalResourceId", "ResourceType", "ResourceStatus", "ResourceStatusReason")
        return {
            "StackResources": [
                {"StackName": record.name, "StackId": record.id, "Timestamp": each.at}
                | {key: shown_resource(each)[key] for key in keys}
                for each in every
            ]
        }

    def describe_stack_resource(self, given: Mapping[str, Any]) -> dict[str, Any]:
        record = self._stack(given["StackName"], gone=True)
        name = given["LogicalResourceId"]
        if name not in record.resources:
            raise QueryError(f"Resource {name} does not exist for stack {record.name}")
        own = {"StackName": record.name, "StackId": record.id}
        return {"StackResourceDetail": own | shown_resource(record.resources[name])}

    def list_stack_resources(self, given: Mapping[str, Any]) -> dict[str, Any]:
        record = self._stack(given["StackName"])
        shown, more = page(list(record.resources.values()), given)
        return {"StackResourceSummaries": [shown_resource(each) for each in shown], "NextToken": more}

    def list_exports(self, given: Mapping[str, Any]) -> dict[str, Any]:
        every = [
            {"ExportingStackId": places[state.path].id, "Name": name, "Value": str(value)}
            for root, state in states(self.register)
            for places in [self.register.places(root)]
            for name, value in state.exports.items()
        ]
        shown, more = page(every, given)
        return {"Exports": shown, "NextToken": more}

    def list_imports(self, given: Mapping[str, Any]) -> dict[str, Any]:
        name = given["ExportName"]
        if not (users := importers(self.register, name)):
            raise QueryError(f"Export '{name}' is not imported by any stack.")
        shown, more = page(users, given)
        return {"Imports": shown, "NextToken": more}

    def get_template(self, given: Mapping[str, Any]) -> dict[str, Any]:
        record = self._stack(given["StackName"], gone=True)
        return {"TemplateBody": record.text, "StagesAvailable": ["Original", "Processed"]}

    def get_template_summary(self, given: Mapping[str, Any]) -> dict[str, Any]:
        known = self._stack(given["StackName"]) if "StackName" in given else None
        _, template = self._template(given, known)
        declared = template.section("Parameters").items()
        needed = capabilities(self._every(template))
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
