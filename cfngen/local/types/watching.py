"""CloudWatch: alarms, composite alarms, mute rules, dashboards."""

from __future__ import annotations

from cfngen.local.types.entry import Call, Context, Name, Part, Read, Type, arn, physical, tags

_ALARM_ARN = arn("cloudwatch", "alarm:{}")
_TAGS = tags("TagResource", "UntagResource", "ResourceARN", _ALARM_ARN)
_TAGS_READ = Read("ListTagsForResource", {"ResourceARN": _ALARM_ARN}, "Tags")

_ACTIONS = ("ActionsEnabled", "AlarmActions", "InsufficientDataActions", "OKActions")
_ALARM = (
    *_ACTIONS,
    "AlarmDescription",
    "ComparisonOperator",
    "DatapointsToAlarm",
    "Dimensions",
    "EvaluateLowSampleCountPercentile",
    "EvaluationPeriods",
    "ExtendedStatistic",
    "MetricName",
    "Metrics",
    "Namespace",
    "Period",
    "Statistic",
    "Threshold",
    "ThresholdMetricId",
    "TreatMissingData",
    "Unit",
)
_COMPOSITE = (
    *_ACTIONS,
    "ActionsSuppressor",
    "ActionsSuppressorExtensionPeriod",
    "ActionsSuppressorWaitPeriod",
    "AlarmDescription",
    "AlarmRule",
)


def _dashboard_arn(context: Context) -> str:
    return f"arn:aws:cloudwatch::{context.api.account}:dashboard/{context.physical}"


def _mute_name(context: Context) -> str:
    return context.physical.rpartition(":")[2]


TYPES = {
    # Each write is whole: what it does not tell is not there any more.
    "AWS::CloudWatch::Alarm": Type(
        "cloudwatch",
        Call("PutMetricAlarm"),
        "AlarmName",
        Name("AlarmName", 255),
        parts=(
            Part(Call("PutMetricAlarm", _ALARM, given={"AlarmName": physical}), whole=True, is_update=True),
            _TAGS,
        ),
        delete=Call("DeleteAlarms", given={"AlarmNames": [physical]}),
        reads=(Read("DescribeAlarms", {"AlarmNames": [physical]}, "MetricAlarms[0]"), _TAGS_READ),
        attributes={"Arn": "AlarmArn"},
    ),
    "AWS::CloudWatch::CompositeAlarm": Type(
        "cloudwatch",
        Call("PutCompositeAlarm"),
        "AlarmName",
        Name("AlarmName", 255),
        parts=(
            Part(Call("PutCompositeAlarm", _COMPOSITE, given={"AlarmName": physical}), whole=True, is_update=True),
            _TAGS,
        ),
        delete=Call("DeleteAlarms", given={"AlarmNames": [physical]}),
        reads=(
            Read("DescribeAlarms", {"AlarmNames": [physical], "AlarmTypes": ["CompositeAlarm"]}, "CompositeAlarms[0]"),
            _TAGS_READ,
        ),
        attributes={"Arn": "AlarmArn"},
    ),
    "AWS::CloudWatch::AlarmMuteRule": Type(
        "cloudwatch",
        Call("PutAlarmMuteRule"),
        lambda context, answer: context.arn("cloudwatch", f"alarm-mute-rule:{answer['Name']}"),
        Name("Name", 255),
        parts=(
            Part(
                Call(
                    "PutAlarmMuteRule",
                    ("Description", "ExpireDate", "MuteTargets", "Rule", "StartDate"),
                    given={"Name": _mute_name},
                ),
                whole=True,
                is_update=True,
            ),
            tags("TagResource", "UntagResource", "ResourceARN"),
        ),
        delete=Call("DeleteAlarmMuteRule", given={"AlarmMuteRuleName": _mute_name}),
        reads=(
            Read("GetAlarmMuteRule", {"AlarmMuteRuleName": _mute_name}),
            Read("ListTagsForResource", {"ResourceARN": physical}, "Tags"),
        ),
        attributes={"Arn": "AlarmMuteRuleArn", "Status": "Status", "MuteType": "MuteType"},
    ),
    "AWS::CloudWatch::Dashboard": Type(
        "cloudwatch",
        Call("PutDashboard"),
        "DashboardName",
        Name("DashboardName", 255),
        parts=(
            Part(Call("PutDashboard", ("DashboardBody",), given={"DashboardName": physical}), is_update=True),
            tags("TagResource", "UntagResource", "ResourceARN", _dashboard_arn),
        ),
        delete=Call("DeleteDashboards", given={"DashboardNames": [physical]}),
        reads=(
            Read("GetDashboard", {"DashboardName": physical}),
            Read("ListTagsForResource", {"ResourceARN": _dashboard_arn}, "Tags"),
        ),
    ),
}
