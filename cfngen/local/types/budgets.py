"""AWS Budgets: what a month may cost, and who is told. Budgets belong to an account and are known by their names."""

from __future__ import annotations

from typing import Any

from cfngen.local.types.entry import Body, Call, Context, Name, Part, Read, Type, pairs, physical


def _account(context: Context) -> str:
    return context.api.account


def _named(properties: Body) -> Body:
    """The name stands inside the budget."""
    given = dict(properties)
    name = given.pop("BudgetName", None)
    return {**given, "Budget": {**({"BudgetName": name} if name else {}), **given.get("Budget", {})}}


def _arn(context: Context) -> str:
    return f"arn:aws:budgets::{context.api.account}:budget/{context.physical}"


def _update(context: Context) -> None:
    wanted = {**context.properties["Budget"], "BudgetName": context.physical}
    context.call("budgets", "UpdateBudget", AccountId=context.api.account, NewBudget=wanted)


def _tag(context: Context) -> None:
    old, new = pairs(context.old.get("ResourceTags")), pairs(context.properties.get("ResourceTags"))
    if gone := [key for key in old if key not in new]:
        context.call("budgets", "UntagResource", ResourceARN=_arn(context), ResourceTagKeys=gone)
    if new:
        told = [{"Key": key, "Value": value} for key, value in new.items()]
        context.call("budgets", "TagResource", ResourceARN=_arn(context), ResourceTags=told)


def _notifications(context: Context) -> Any:
    where = {"AccountId": context.api.account, "BudgetName": context.physical}
    told = context.call("budgets", "DescribeNotificationsForBudget", **where)["Notifications"]
    every = [
        {
            "Notification": each,
            "Subscribers": context.call("budgets", "DescribeSubscribersForNotification", Notification=each, **where)[
                "Subscribers"
            ],
        }
        for each in told
    ]
    return {"NotificationsWithSubscribers": every}


TYPES = {
    "AWS::Budgets::Budget": Type(
        "budgets",
        Call("CreateBudget", given={"AccountId": _account}),
        "Budget.BudgetName",
        name=Name("BudgetName", 100),
        folded=_named,
        parts=(
            Part(_update, ("Budget",), whole=True, is_update=True),
            Part(_tag, ("ResourceTags",), whole=True, is_update=True),
        ),
        delete=Call("DeleteBudget", given={"AccountId": _account, "BudgetName": physical}),
        reads=(
            Read("DescribeBudget", {"AccountId": _account, "BudgetName": physical}, "{Budget: Budget}"),
            _notifications,
            Read("ListTagsForResource", {"ResourceARN": _arn}, "{ResourceTags: ResourceTags}"),
        ),
        attributes={"Id": physical},
    ),
}
