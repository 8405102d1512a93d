"""AWS Budgets: moto changes no budget, tags none, and does not tell who is told."""

from __future__ import annotations

from cfngen.local.types.standins.room import Body, Room, Standins, Through, listed, pairs

ROOM = Room("budgets")


def _arn(self: Standins, name: str) -> str:
    return f"arn:aws:budgets::{self.account}:budget/{name}"


@ROOM.operation("CreateBudget")
def _create(self: Standins, arguments: Body, through: Through) -> Body:
    asked = {name: value for name, value in arguments.items() if name != "ResourceTags"}
    told = through("budgets", "CreateBudget", {"NotificationsWithSubscribers": [], **asked})
    name = arguments["Budget"]["BudgetName"]
    self.records["budget"][name] = {"notifications": arguments.get("NotificationsWithSubscribers", [])}
    self.tags[_arn(self, name)] = pairs(arguments.get("ResourceTags", []))
    return told


@ROOM.operation("UpdateBudget")
def _update(self: Standins, arguments: Body, through: Through) -> Body:
    name = arguments["NewBudget"]["BudgetName"]
    where = {"AccountId": arguments["AccountId"], "BudgetName": name}
    through("budgets", "DescribeBudget", where)
    through("budgets", "DeleteBudget", where)
    kept = self.records["budget"][name]["notifications"]
    asked = {"AccountId": arguments["AccountId"], "Budget": arguments["NewBudget"]}
    return through("budgets", "CreateBudget", {**asked, "NotificationsWithSubscribers": kept})


@ROOM.operation("DescribeSubscribersForNotification")
def _subscribers(self: Standins, arguments: Body, through: Through) -> Body:
    where = {name: arguments[name] for name in ("AccountId", "BudgetName")}
    through("budgets", "DescribeBudget", where)
    known = self.records["budget"][arguments["BudgetName"]]["notifications"]
    found = [each["Subscribers"] for each in known if _is_same(each["Notification"], arguments["Notification"])]
    return {"Subscribers": [one for each in found for one in each]}


def _is_same(one: Body, other: Body) -> bool:
    keys = ("NotificationType", "ComparisonOperator", "Threshold")
    return [one[key] for key in keys] == [other[key] for key in keys]


@ROOM.operation("TagResource")
def _tag(self: Standins, arguments: Body, _: Through) -> Body:
    self.tags[arguments["ResourceARN"]] |= pairs(arguments["ResourceTags"])
    return {}


@ROOM.operation("UntagResource")
def _untag(self: Standins, arguments: Body, _: Through) -> Body:
    for key in arguments["ResourceTagKeys"]:
        self.tags[arguments["ResourceARN"]].pop(key, None)
    return {}


@ROOM.operation("ListTagsForResource")
def _told_tags(self: Standins, arguments: Body, _: Through) -> Body:
    return {"ResourceTags": listed(self.tags[arguments["ResourceARN"]])}
