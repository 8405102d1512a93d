"""What stands before moto: operations that it lacks, refusals that it does not give, values that it forgets.

A module is the room of a service. Each of its functions is an operation of AWS's API by name, that takes and gives what
the API does, so that resources and whoever speaks over HTTP are answered alike. All records are in memory.
"""

from __future__ import annotations

from collections.abc import Mapping

from cfngen.local.types.standins import (
    backup,
    budgets,
    cloud9,
    cloudwatch,
    codebuild,
    codecommit,
    codeconnections,
    codedeploy,
    codepipeline,
    deployments,
    ec2,
    ecs,
    elbv2,
    events,
    functions,
    logs,
    rds,
    rollouts,
    scaling,
    scheduler,
    stepfunctions,
    tasksets,
    wafv2,
)
from cfngen.local.types.standins.room import ApiError, Room, Standins

_MODULES = (
    backup,
    budgets,
    cloud9,
    cloudwatch,
    codebuild,
    codecommit,
    codeconnections,
    codedeploy,
    codepipeline,
    ec2,
    ecs,
    elbv2,
    events,
    functions,
    logs,
    rds,
    scaling,
    scheduler,
    stepfunctions,
    wafv2,
)
_MORE = (deployments, tasksets, rollouts)
"""Further modules of a room that another one begins."""

ROOMS: Mapping[str, Room] = {each.ROOM.service: each.ROOM for each in _MODULES}


def standins(account: str, region: str) -> Standins:
    """New records, of every service."""
    return Standins(account, region, ROOMS)


__all__ = ["ROOMS", "ApiError", "Standins", "standins"]
