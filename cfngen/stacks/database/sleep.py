"""A database that sleeps while its stage does."""

from __future__ import annotations

from typing import Any

from awacs import rds as actions
from awacs.aws import Action
from troposphere import GetAtt, Sub, scheduler

from cfngen._frozen import dataclass
from cfngen.spec import OffHours
from cfngen.stack import Stack
from cfngen.stacks.common import Common, allow, arn, from_this_account, role, trust
from cfngen.times import clock

STOP_MINUTES_AFTER_TASKS, START_MINUTES_BEFORE_TASKS = 10, 20


@dataclass(frozen=True)
class Sleeper:
    """What is stopped and started: its kind in an ARN, its kind in the calls of RDS, and the argument that names it."""

    kind: str
    called: str
    argument: str
    rights: tuple[Action, Action]


CLUSTER = Sleeper("cluster", "DBCluster", "DbClusterIdentifier", (actions.StopDBCluster, actions.StartDBCluster))
INSTANCE = Sleeper("db", "DBInstance", "DbInstanceIdentifier", (actions.StopDBInstance, actions.StartDBInstance))


def sleep(stack: Stack, common: Common, what: Sleeper, resource: Any, off_hours: OffHours) -> None:
    """Stop after the tasks have gone, start before they come. The stop is daily, since AWS starts a stopped database
    after seven days (I3.3).
    """
    name = resource.title
    right = allow(list(what.rights), arn("rds", f"{what.kind}:${{{name}}}", **{name: resource.ref()}))
    made = role(stack, "SleepRole", common, trust("scheduler", from_this_account()), [right])
    stop = clock(off_hours.start) + STOP_MINUTES_AFTER_TASKS
    start = clock(off_hours.end) - START_MINUTES_BEFORE_TASKS
    # A start before midnight belongs to the evening before a working day.
    mornings = off_hours.days if start >= 0 else off_hours.evenings
    for does, minutes, days in (("Stop", stop, "*"), ("Start", start, mornings)):
        time = minutes % (24 * 60)
        stack.add(
            scheduler.Schedule(
                f"{does}Schedule",
                ScheduleExpression=f"cron({time % 60} {time // 60} ? * {days} *)",
                ScheduleExpressionTimezone=off_hours.timezone,
                FlexibleTimeWindow=scheduler.FlexibleTimeWindow(Mode="OFF"),
                Target=scheduler.Target(
                    Arn=Sub(f"arn:${{AWS::Partition}}:scheduler:::aws-sdk:rds:{does.lower()}{what.called}"),
                    RoleArn=GetAtt(made, "Arn"),
                    Input=Sub(f'{{"{what.argument}": "${{{name}}}"}}'),
                    # A stop that is tried again all night would meet the database after it was started.
                    RetryPolicy=scheduler.RetryPolicy(MaximumRetryAttempts=3, MaximumEventAgeInSeconds=600),
                ),
            )
        )
