"""What is deployed and nobody here plays, told by name: web ACLs, scaling, off-hours."""

from __future__ import annotations

from collections.abc import Iterator

from cfngen.rehearse.account import Account


def told(account: Account) -> Iterator[str]:
    """A line for each thing, with why."""
    yield from _web_acls(account)
    yield from _scaling(account)
    yield from _schedules(account)


def _web_acls(account: Account) -> Iterator[str]:
    """Of a web ACL only that it is there."""
    for each in account.client("wafv2").list_web_acls(Scope="REGIONAL")["WebACLs"]:
        yield f"the web ACL {each['Name']}: its rules are AWS's own, so no request of the rehearsal is looked at by them"


def _scaling(account: Account) -> Iterator[str]:
    """Scaling by use, and by the clock."""
    scaling = account.client("application-autoscaling")
    for each in scaling.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"]:
        name, told = each["ResourceId"].rpartition("/")[2], f"{each['MinCapacity']} to {each['MaxCapacity']}"
        where = {"ServiceNamespace": "ecs", "ResourceId": each["ResourceId"]}
        if scaling.describe_scaling_policies(**where)["ScalingPolicies"]:
            yield f"scaling of {name} ({told} tasks): a rehearsal lasts too short for it, and has as many as the service was born with"
        for action in scaling.describe_scheduled_actions(**where)["ScheduledActions"]:
            yield f"{action['ScheduledActionName']} of {name}, {action['Schedule']}: no clock of the rehearsal comes so far"


def _schedules(account: Account) -> Iterator[str]:
    """What stops and starts a database."""
    scheduler = account.client("scheduler")
    for each in account.all("scheduler", "list_schedules", "Schedules"):
        told = scheduler.get_schedule(Name=each["Name"], GroupName=each["GroupName"])
        arn = str(told["Target"]["Arn"])
        if ":aws-sdk:" in arn:
            yield f"{arn.rpartition(':aws-sdk:')[2]} by {each['Name']}, {told['ScheduleExpression']}: the database runs on, no clock comes so far"
