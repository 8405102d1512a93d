"""CloudWatch Logs."""

from __future__ import annotations

from typing import Any

from cfngen.local.types.entry import Body, Call, Name, Part, Read, Type, arn, physical, property_, tags, update


def _transformations(value: Any) -> list[dict[str, Any]]:
    names = {"Dimensions": "dimensions"}
    return [{names.get(key, key): _dimensions(key, part) for key, part in each.items()} for each in value]


def _dimensions(key: str, value: Any) -> Any:
    return {each["Key"]: each["Value"] for each in value} if key == "Dimensions" else value


def _filter_name(_: Any, answer: Body) -> str:
    return str(answer["filterName"])


TYPES = {
    "AWS::Logs::LogGroup": Type(
        "logs",
        Call("CreateLogGroup"),
        "logGroupName",
        Name("LogGroupName", 512),
        parts=(
            Part(
                Call("PutRetentionPolicy", ("RetentionInDays",), given={"logGroupName": physical}),
                unset=Call("DeleteRetentionPolicy", given={"logGroupName": physical}),
            ),
            Part(
                Call("AssociateKmsKey", ("KmsKeyId",), given={"logGroupName": physical}),
                unset=Call("DisassociateKmsKey", given={"logGroupName": physical}),
            ),
            tags("TagResource", "UntagResource", "resourceArn", arn("logs", "log-group:{}")),
        ),
        delete=Call("DeleteLogGroup", given={"logGroupName": physical}),
        reads=(
            Read("DescribeLogGroups", {"logGroupNamePrefix": physical}, "logGroups[0]"),
            Read("ListTagsForResource", {"resourceArn": arn("logs", "log-group:{}")}, "tags"),
        ),
        attributes={"Arn": arn("logs", "log-group:{}:*")},
    ),
    "AWS::Logs::MetricFilter": Type(
        "logs",
        Call("PutMetricFilter", values={"MetricTransformations": _transformations}),
        _filter_name,
        Name("FilterName", 512),
        parts=(
            update(
                "PutMetricFilter",
                "FilterPattern",
                "MetricTransformations",
                values={"MetricTransformations": _transformations},
                given={"logGroupName": property_("LogGroupName"), "filterName": physical},
            ),
        ),
        delete=Call("DeleteMetricFilter", ("LogGroupName",), given={"filterName": physical}),
        reads=(
            Read(
                "DescribeMetricFilters",
                {"logGroupName": property_("LogGroupName"), "filterNamePrefix": physical},
                "metricFilters[0]",
            ),
        ),
    ),
}
