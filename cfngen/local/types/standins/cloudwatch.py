"""CloudWatch: composite alarms and mute rules, of which moto has none, and their tags."""

from __future__ import annotations

import ast
import re

from cfngen.local.types.standins.room import ApiError, Body, Room, Standins, Through, pairs

ROOM = Room("cloudwatch")
_STATE = re.compile(r'(ALARM|OK|INSUFFICIENT_DATA)\(\s*(?:"([^"]+)"|([^")\s]+))\s*\)')
ROOM.tags(is_map=False, mine=lambda arn: any(each in arn for each in (":alarm-mute-rule:", ":dashboard/", ":alarm:")))


@ROOM.operation("PutCompositeAlarm")
def _put_composite(self: Standins, arguments: Body, through: Through) -> Body:
    told = dict(arguments)
    name, tags = told["AlarmName"], told.pop("Tags", None)
    for child in _children(told["AlarmRule"]):
        if child.startswith("arn:"):
            child = child.rpartition(":alarm:")[2]  # noqa: PLW2901
        there = through("cloudwatch", "DescribeAlarms", {"AlarmNames": [child]}).get("MetricAlarms")
        if not there and child not in self.records["composite alarm"]:
            raise ApiError(
                "ValidationError",
                f"Could not save the composite alarm as alarms [{child}] in the alarm rule do not exist",
            )
    arn = self.arn("cloudwatch", f"alarm:{name}")
    defaults = {"ActionsEnabled": True, "AlarmActions": [], "OKActions": [], "InsufficientDataActions": []}
    self.records["composite alarm"][name] = {**defaults, **told, "AlarmArn": arn, "StateValue": "INSUFFICIENT_DATA"}
    if tags:
        self.tags[arn] |= pairs(tags)
    return {}


def _children(rule: str) -> list[str]:
    return [
        one or other
        for one, other in re.findall(r'(?:ALARM|OK|INSUFFICIENT_DATA)\(\s*(?:"([^"]+)"|([^")\s]+))\s*\)', rule)
    ]


@ROOM.operation("DescribeAlarms")
def _describe_alarms(self: Standins, arguments: Body, through: Through) -> Body:
    kinds, names, prefix = (arguments.get(each) for each in ("AlarmTypes", "AlarmNames", "AlarmNamePrefix"))
    found = {} if kinds == ["CompositeAlarm"] else through("cloudwatch", "DescribeAlarms", arguments)
    wanted = [
        each
        for name, each in self.records["composite alarm"].items()
        if (not names or name in names) and name.startswith(prefix or "")
    ]
    for each in wanted:
        each["StateValue"] = "ALARM" if _rings(self, each["AlarmRule"], through) else "OK"
    return {
        "MetricAlarms": [],
        **found,
        "CompositeAlarms": wanted if kinds is None or "CompositeAlarm" in kinds else [],
    }


def _rings(self: Standins, rule: str, through: Through) -> bool:
    """Whether the rule of a composite alarm holds, by the states of its alarms now."""

    def told(match: re.Match[str]) -> str:
        name = (match[2] or match[3]).rpartition(":alarm:")[2]
        if name in self.records["composite alarm"]:
            inner = self.records["composite alarm"][name]["AlarmRule"]
            return str(("ALARM" if _rings(self, inner, through) else "OK") == match[1])
        alarms = through("cloudwatch", "DescribeAlarms", {"AlarmNames": [name]}).get("MetricAlarms") or []
        return str(bool(alarms) and alarms[0]["StateValue"] == match[1])

    words = _STATE.sub(told, rule)
    for word, operator in (("AND", "and"), ("OR", "or"), ("NOT", "not"), ("TRUE", "True"), ("FALSE", "False")):
        words = re.sub(rf"\b{word}\b", operator, words)
    return _holds(ast.parse(words.strip(), mode="eval").body)


def _holds(node: ast.expr) -> bool:
    match node:
        case ast.Constant(value=bool() as value):
            return value
        case ast.UnaryOp(op=ast.Not(), operand=part):
            return not _holds(part)
        case ast.BoolOp(op=op, values=parts):
            return (all if isinstance(op, ast.And) else any)(map(_holds, parts))
    raise ApiError("ValidationError", "The alarm rule cannot be read")


@ROOM.operation("DeleteAlarms")
def _delete_alarms(self: Standins, arguments: Body, through: Through) -> Body:
    names = arguments["AlarmNames"]
    for name in names:
        users = [
            each
            for each, told in self.records["composite alarm"].items()
            if name in _children(told["AlarmRule"]) and each not in names
        ]
        if users:
            message = f"Cannot delete {name} as there are composite alarm(s) depending on it: {', '.join(users)}"
            raise ApiError("ValidationError", message)
    rest = [name for name in names if self.records["composite alarm"].pop(name, None) is None]
    for name in names:
        self.tags.pop(self.arn("cloudwatch", f"alarm:{name}"), None)
    return through("cloudwatch", "DeleteAlarms", {"AlarmNames": rest}) if rest else {}


@ROOM.operation("PutAlarmMuteRule")
def _put_mute_rule(self: Standins, arguments: Body, _: Through) -> Body:
    told = dict(arguments)
    name, tags = told["Name"], told.pop("Tags", None)
    arn = self.arn("cloudwatch", f"alarm-mute-rule:{name}")
    kind = "ONE_TIME" if told["Rule"]["Schedule"]["Expression"].startswith("at(") else "RECURRING"
    self.records["mute rule"][name] = {**told, "AlarmMuteRuleArn": arn, "Status": "SCHEDULED", "MuteType": kind}
    if tags:
        self.tags[arn] |= pairs(tags)
    return {}


@ROOM.operation("GetAlarmMuteRule")
def _get_mute_rule(self: Standins, arguments: Body, _: Through) -> Body:
    name = arguments["AlarmMuteRuleName"]
    return self.find("mute rule", name, "ResourceNotFoundException", f"Alarm mute rule {name} does not exist")


@ROOM.operation("ListAlarmMuteRules")
def _list_mute_rules(self: Standins, _: Body, __: Through) -> Body:
    keys = ("AlarmMuteRuleArn", "Status", "MuteType", "ExpireDate")
    there = self.records["mute rule"].values()
    return {"AlarmMuteRuleSummaries": [{key: each[key] for key in keys if key in each} for each in there]}


@ROOM.operation("DeleteAlarmMuteRule")
def _delete_mute_rule(self: Standins, arguments: Body, _: Through) -> Body:
    self.records["mute rule"].pop(arguments["AlarmMuteRuleName"], None)
    return {}
