"""EventBridge, its scheduler, and Step Functions."""

from __future__ import annotations

import re

from cfngen.local.types.entry import (
    Body,
    Call,
    Context,
    Name,
    Part,
    Read,
    Type,
    arn,
    physical,
    property_,
    tags,
    text,
    update,
)
from cfngen.semantics.update import RefusedError


def _bus(context: Context) -> str | None:
    return context.properties.get("EventBusName")


def _rule_arn(context: Context) -> str:
    bus = str(context.properties.get("EventBusName", "default")).rpartition("/")[2]
    return context.arn("events", f"rule/{context.physical}" if bus == "default" else f"rule/{bus}/{context.physical}")


def _targets(context: Context) -> None:
    old, new = (side.get("Targets", []) for side in (context.old, context.properties))
    bus = {"EventBusName": _bus(context)} if _bus(context) else {}
    if gone := [each["Id"] for each in old if each["Id"] not in {one["Id"] for one in new}]:
        context.call("events", "RemoveTargets", Rule=context.physical, Ids=gone, **bus)
    if new:
        told = context.call("events", "PutTargets", Rule=context.physical, Targets=new, **bus)
        for each in told.get("FailedEntries", []):
            raise RefusedError(f"{each['ErrorMessage']} (Service: EventBridge; Error Code: {each['ErrorCode']})")


def _delete_rule(context: Context) -> None:
    bus = {"EventBusName": _bus(context)} if _bus(context) else {}
    there = context.call("events", "ListTargetsByRule", Rule=context.physical, **bus)["Targets"]
    if there:
        context.call("events", "RemoveTargets", Rule=context.physical, Ids=[each["Id"] for each in there], **bus)
    context.call("events", "DeleteRule", Name=context.physical, **bus)


_RULE = ("Description", "EventPattern", "RoleArn", "ScheduleExpression", "State", "EventBusName")


def _bus_policy(context: Context) -> None:
    asked = {"Policy": text(context.properties["Policy"]), "EventBusName": context.physical}
    context.call("events", "PutPermission", **asked)


def _machine(properties: Body) -> Body:
    """Whichever way the definition is told, the API wants it as text."""
    told = dict(properties)
    if "DefinitionS3Location" in told:
        raise RefusedError(
            "AWS::StepFunctions::StateMachine: property DefinitionS3Location has no place in CreateStateMachine"
        )
    definition = told.pop("Definition", None)
    if definition is not None:
        told["DefinitionString"] = text(definition)
    values = told.pop("DefinitionSubstitutions", {})
    if values:
        told["DefinitionString"] = re.sub(
            r"\$\{([^}]+)\}", lambda match: text(values.get(match[1], match[0])), told["DefinitionString"]
        )
    return told


_SCHEDULE = (
    "Description",
    "EndDate",
    "FlexibleTimeWindow",
    "GroupName",
    "KmsKeyArn",
    "ScheduleExpression",
    "ScheduleExpressionTimezone",
    "StartDate",
    "State",
    "Target",
)


def _schedule_arn(context: Context) -> str:
    return context.arn("scheduler", f"schedule/{context.properties.get('GroupName', 'default')}/{context.physical}")


TYPES = {
    "AWS::Events::Rule": Type(
        "events",
        Call("PutRule"),
        "Name",
        Name("Name"),
        parts=(
            Part(Call("PutRule", _RULE, given={"Name": physical}), whole=True, is_update=True),
            Part(_targets, ("Targets",), whole=True),
            tags("TagResource", "UntagResource", "ResourceARN", _rule_arn),
        ),
        delete=_delete_rule,
        reads=(
            Read("DescribeRule", {"Name": physical, "EventBusName": _bus}),
            Read("ListTargetsByRule", {"Rule": physical, "EventBusName": _bus}, "Targets"),
            Read("ListTagsForResource", {"ResourceARN": _rule_arn}, "Tags"),
        ),
        attributes={"Arn": _rule_arn, "RuleName": physical},
    ),
    "AWS::Events::EventBus": Type(
        "events",
        Call("CreateEventBus"),
        "Name",
        parts=(
            update(
                "UpdateEventBus",
                "Description",
                "DeadLetterConfig",
                "KmsKeyIdentifier",
                "LogConfig",
                given={"Name": physical},
                absent={"Description": "", "KmsKeyIdentifier": ""},
            ),
            Part(
                _bus_policy,
                ("Policy",),
                unset=Call("RemovePermission", given={"EventBusName": physical, "RemoveAllPermissions": True}),
            ),
            tags("TagResource", "UntagResource", "ResourceARN", arn("events", "event-bus/{}")),
        ),
        delete=Call("DeleteEventBus", given={"Name": physical}),
        reads=(
            Read("DescribeEventBus", {"Name": physical}),
            Read("ListTagsForResource", {"ResourceARN": arn("events", "event-bus/{}")}, "Tags"),
        ),
        attributes={"Arn": "Arn", "Name": "Name"},
    ),
    "AWS::Scheduler::Schedule": Type(
        "scheduler",
        Call("CreateSchedule"),
        "Name",
        Name("Name"),
        parts=(Part(Call("UpdateSchedule", _SCHEDULE, given={"Name": physical}), whole=True, is_update=True),),
        delete=Call("DeleteSchedule", ("GroupName",), given={"Name": physical}),
        reads=(Read("GetSchedule", {"Name": physical, "GroupName": property_("GroupName")}),),
        attributes={"Arn": _schedule_arn},
    ),
    "AWS::Scheduler::ScheduleGroup": Type(
        "scheduler",
        Call("CreateScheduleGroup"),
        "Name",
        Name("Name"),
        parts=(tags("TagResource", "UntagResource", "ResourceArn", arn("scheduler", "schedule-group/{}")),),
        delete=Call("DeleteScheduleGroup", given={"Name": physical}),
        reads=(
            Read("GetScheduleGroup", {"Name": physical}),
            Read("ListTagsForResource", {"ResourceArn": arn("scheduler", "schedule-group/{}")}, "Tags"),
        ),
        attributes={"Arn": "Arn", "State": "State"},
    ),
    "AWS::StepFunctions::StateMachine": Type(
        "stepfunctions",
        Call(
            "CreateStateMachine",
            names={"StateMachineName": "name", "StateMachineType": "type", "DefinitionString": "definition"},
        ),
        "stateMachineArn",
        Name("StateMachineName", 80),
        folded=_machine,
        parts=(
            update(
                "UpdateStateMachine",
                "DefinitionString",
                "RoleArn",
                "LoggingConfiguration",
                "TracingConfiguration",
                "EncryptionConfiguration",
                names={"DefinitionString": "definition"},
                given={"stateMachineArn": physical},
                absent={
                    "LoggingConfiguration": {"level": "OFF"},
                    "TracingConfiguration": {"enabled": False},
                    "EncryptionConfiguration": {"type": "AWS_OWNED_KEY"},
                },
            ),
            tags("TagResource", "UntagResource", "resourceArn"),
        ),
        delete=Call("DeleteStateMachine", given={"stateMachineArn": physical}),
        reads=(
            Read("DescribeStateMachine", {"stateMachineArn": physical}),
            Read("ListTagsForResource", {"resourceArn": physical}, "tags"),
        ),
        attributes={
            "Arn": physical,
            "Name": "name",
            "StateMachineRevisionId": "revisionId || 'INITIAL'",
        },
    ),
}
