"""CodeDeploy: deployments of ECS services. Whoever plays them reports each step; everybody asks by AWS's own operations."""

from __future__ import annotations

import copy
import datetime as dt
import hashlib
from collections.abc import Iterator
from typing import Any

import yaml

from cfngen.local.types.standins.codedeploy import ROOM
from cfngen.local.types.standins.room import ApiError, Body, Standins, Through
from cfngen.local.types.standins.tasksets import task_sets

_OVER = ("Succeeded", "Failed", "Stopped")
_FROM_GROUP = (
    "deploymentConfigName",
    "autoRollbackConfiguration",
    "deploymentStyle",
    "blueGreenDeploymentConfiguration",
    "loadBalancerInfo",
)
_EVENTS = (
    "BeforeInstall",
    "Install",
    "AfterInstall",
    "AllowTestTraffic",
    "AfterAllowTestTraffic",
    "BeforeAllowTraffic",
    "AllowTraffic",
    "AfterAllowTraffic",
)
"""In their order (A5.5)."""


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def _record(self: Standins, arguments: Body) -> Body:
    name = arguments["deploymentId"]
    return self.find("deployment", name, "DeploymentDoesNotExistException", f"The deployment {name} could not be found")


def _of_group(self: Standins, application: str, group: str) -> Iterator[Body]:
    for each in self.records["deployment"].values():
        info = each["info"]
        if (info["applicationName"], info["deploymentGroupName"]) == (application, group):
            yield info


@ROOM.operation("CreateDeployment")
def _create(self: Standins, arguments: Body, through: Through) -> Body:
    """A group runs one deployment at a time, and a revision is an AppSpec that can be read."""
    self.check_played("deployments")
    for key in ("overrideAlarmConfiguration", "deploymentConfigName"):
        if key in arguments:
            raise ApiError("NotImplementedException", f"{key} of one deployment alone is not played here")
    asked = {key: arguments[key] for key in ("applicationName", "deploymentGroupName")}
    group = self.call("codedeploy", "GetDeploymentGroup", asked, through)["deploymentGroupInfo"]
    application, name = asked["applicationName"], asked["deploymentGroupName"]
    for other in _of_group(self, application, name):
        if other["status"] not in _OVER:
            message = f"The Deployment Group '{name}' already has an active Deployment '{other['deploymentId']}'"
            raise ApiError("DeploymentLimitExceededException", message)
    revision = copy.deepcopy(arguments.get("revision") or {})
    text = revision.get("appSpecContent", {}).get("content", "")
    spec = _appspec(text)
    if revision.get("appSpecContent"):
        revision["appSpecContent"]["sha256"] = hashlib.sha256(text.encode()).hexdigest()
    made = f"d-{self.unique('deployment').replace('-', '')[:9].upper()}"
    info = {
        **asked,
        **{key: copy.deepcopy(group[key]) for key in _FROM_GROUP if key in group},
        "deploymentId": made,
        "revision": revision,
        "status": "Created",
        "createTime": _now(),
        "creator": "user",
        "description": arguments.get("description", ""),
        "computePlatform": "ECS",
        "deploymentOverview": {"Pending": 1, "InProgress": 0, "Succeeded": 0, "Failed": 0, "Skipped": 0, "Ready": 0},
        "instanceTerminationWaitTimeStarted": False,
    }
    if "autoRollbackConfiguration" in arguments:
        info["autoRollbackConfiguration"] = arguments["autoRollbackConfiguration"]
    hooks = {key for each in spec.get("Hooks") or () for key in each}
    events = [
        {"lifecycleEventName": each, "status": "Pending"}
        for each in _EVENTS
        if each in hooks or each in ("Install", "AllowTraffic") or (each == "AllowTestTraffic" and _has_test(group))
    ]
    named = group["ecsServices"][0]
    target = {"id": f"{named['clusterName']}:{named['serviceName']}", "status": "Pending", "events": events}
    wishes: Body = {"stop": False, "rollback": None, "continue": [], "hooks": {}}
    self.records["deployment"][made] = {"info": info, "target": target, "wishes": wishes, "is_taken": False, "sets": {}}
    return {"deploymentId": made}


def _appspec(text: str) -> Body:
    try:
        spec = yaml.safe_load(text)
        properties = spec["Resources"][0]["TargetService"]["Properties"]
        is_whole = properties["TaskDefinition"] and properties["LoadBalancerInfo"]["ContainerName"]
    except (yaml.YAMLError, KeyError, IndexError, TypeError):
        is_whole = False
    if not is_whole:
        raise ApiError("InvalidRevisionException", "The AppSpec of the revision names no TargetService")
    return dict(spec)


def _has_test(group: Body) -> bool:
    pair = group["loadBalancerInfo"]["targetGroupPairInfoList"][0]
    return bool(pair.get("testTrafficRoute", {}).get("listenerArns"))


@ROOM.operation("GetDeployment")
def _get(self: Standins, arguments: Body, _: Through) -> Body:
    return {"deploymentInfo": _record(self, arguments)["info"]}


@ROOM.operation("BatchGetDeployments")
def _get_many(self: Standins, arguments: Body, _: Through) -> Body:
    return {"deploymentsInfo": [_record(self, {"deploymentId": each})["info"] for each in arguments["deploymentIds"]]}


@ROOM.operation("ListDeployments")
def _list(self: Standins, arguments: Body, _: Through) -> Body:
    """The newest first."""
    wanted = arguments.get("includeOnlyStatuses")
    found = [
        name
        for name, each in reversed(self.records["deployment"].items())
        if arguments.get("deploymentGroupName") in (None, each["info"]["deploymentGroupName"])
        and arguments.get("applicationName") in (None, each["info"]["applicationName"])
        and (not wanted or each["info"]["status"] in wanted)
    ]
    return {"deployments": found}


@ROOM.operation("ListDeploymentTargets")
def _list_targets(self: Standins, arguments: Body, _: Through) -> Body:
    return {"targetIds": [_record(self, arguments)["target"]["id"]]}


@ROOM.operation("GetDeploymentTarget")
def _get_target(self: Standins, arguments: Body, through: Through) -> Body:
    record = _record(self, arguments)
    if arguments["targetId"] != record["target"]["id"]:
        raise ApiError(
            "DeploymentTargetDoesNotExistException", f"No target {arguments['targetId']} is in the deployment"
        )
    return {"deploymentTarget": _target(self, record, through)}


@ROOM.operation("BatchGetDeploymentTargets")
def _get_targets(self: Standins, arguments: Body, through: Through) -> Body:
    record = _record(self, arguments)
    wanted = arguments.get("targetIds") or [record["target"]["id"]]
    return {"deploymentTargets": [_target(self, record, through) for each in wanted if each == record["target"]["id"]]}


def _target(self: Standins, record: Body, through: Through) -> Body:
    target, info = record["target"], record["info"]
    cluster, service = target["id"].split(":")
    asked = {"cluster": cluster, "services": [service]}
    told = self.call("ecs", "DescribeServices", asked, through)["services"][0]
    sets = [_task_set(each, record, through) for each in task_sets(self, told) if each["id"] in record["sets"]]
    ecs = {
        "deploymentId": info["deploymentId"],
        "targetId": target["id"],
        "targetArn": told["serviceArn"],
        "lastUpdatedAt": target.get("at", info["createTime"]),
        "lifecycleEvents": target["events"],
        "status": target["status"],
        "taskSetsInfo": sets,
    }
    return {"deploymentTargetType": "ECSTarget", "ecsTarget": ecs}


def _task_set(told: Body, record: Body, through: Through) -> Body:
    label, weight = record["sets"][told["id"]]
    arn = told["loadBalancers"][0]["targetGroupArn"]
    name = through("elbv2", "DescribeTargetGroups", {"TargetGroupArns": [arn]})["TargetGroups"][0]["TargetGroupName"]
    # "identifer" is how AWS's API writes it.
    return {
        "identifer": told["id"],
        "desiredCount": told["computedDesiredCount"],
        "pendingCount": told["pendingCount"],
        "runningCount": told["runningCount"],
        "status": told["status"],
        "trafficWeight": weight,
        "targetGroup": {"name": name},
        "taskSetLabel": label,
    }


# What a person, or a hook, does


@ROOM.operation("StopDeployment")
def _stop(self: Standins, arguments: Body, _: Through) -> Body:
    record = _record(self, arguments)
    _check_open(record)
    record["wishes"] |= {"stop": True, "rollback": arguments.get("autoRollbackEnabled")}
    return {"status": "Pending", "statusMessage": "Stopping deployment"}


@ROOM.operation("ContinueDeployment")
def _continue(self: Standins, arguments: Body, _: Through) -> Body:
    record = _record(self, arguments)
    _check_open(record)
    wanted = arguments.get("deploymentWaitType", "READY_WAIT")
    is_waiting = (
        record["info"]["instanceTerminationWaitTimeStarted"]
        if wanted == "TERMINATION_WAIT"
        else record["info"]["status"] == "Ready"
    )
    if not is_waiting:
        message = "The deployment is not in a state in which it waits to be continued"
        raise ApiError("DeploymentIsNotInReadyStateException", message)
    record["wishes"]["continue"].append(wanted)
    return {}


def _check_open(record: Body) -> None:
    info = record["info"]
    if info["status"] in _OVER:
        message = f"Deployment {info['deploymentId']} already completed"
        raise ApiError("DeploymentAlreadyCompletedException", message)


@ROOM.operation("PutLifecycleEventHookExecutionStatus")
def _put_hook(self: Standins, arguments: Body, _: Through) -> Body:
    """A hook says how it ended, once; what it says afterwards is refused."""
    record = _record(self, arguments)
    hooks, name = record["wishes"]["hooks"], arguments["lifecycleEventHookExecutionId"]
    if name not in hooks:
        raise ApiError("InvalidLifecycleEventHookExecutionIdException", f"{name} is no hook that runs")
    if arguments["status"] not in ("Succeeded", "Failed"):
        message = "The status of a lifecycle event can be set to Succeeded or Failed only"
        raise ApiError("InvalidLifecycleEventHookExecutionStatusException", message)
    if hooks[name]:
        raise ApiError("LifecycleEventAlreadyCompletedException", f"{name} has said already how it ended")
    hooks[name] = arguments["status"]
    return {"lifecycleEventHookExecutionId": name}


# What CodeDeploy itself does, and whoever plays it reports


@ROOM.plays("TakeDeployments")
def _take(self: Standins, _: Body, __: Through) -> Body:
    """The deployments that nobody has taken yet."""
    new = [each for each in self.records["deployment"].values() if not each["is_taken"]]
    for each in new:
        each["is_taken"] = True
    return {"deployments": [each["info"]["deploymentId"] for each in new]}


@ROOM.plays("Wishes")
def _wishes(self: Standins, arguments: Body, _: Through) -> Body:
    """What people and hooks said: stop, rollback, continue, hooks."""
    return dict(_record(self, arguments)["wishes"])


@ROOM.plays("BeginHook")
def _begin_hook(self: Standins, arguments: Body, _: Through) -> Body:
    name = self.unique(f"hook {arguments['deploymentId']}")
    _record(self, arguments)["wishes"]["hooks"][name] = ""
    return {"lifecycleEventHookExecutionId": name}


@ROOM.plays("ReportEvent")
def _report_event(self: Standins, arguments: Body, _: Through) -> Body:
    """A lifecycle event begins or ends; `message` is why it failed."""
    record = _record(self, arguments)
    event = next(
        each for each in record["target"]["events"] if each["lifecycleEventName"] == arguments["lifecycleEventName"]
    )
    status: str = arguments["status"]
    event["status"] = status
    event["startTime" if status == "InProgress" else "endTime"] = _now()
    if message := arguments.get("message"):
        event["diagnostics"] = {"errorCode": "ScriptFailed", "message": message}
    record["target"] |= {"at": _now(), "status": "InProgress" if status in ("Succeeded", "InProgress") else status}
    return {}


@ROOM.plays("ReportDeployment")
def _report(self: Standins, arguments: Body, _: Through) -> Body:
    """Its status, why it failed, which task sets it moves, with the part of the traffic that each has."""
    record, told = _record(self, arguments), dict(arguments)
    info, target = record["info"], record["target"]
    record["sets"] = told.pop("sets", record["sets"])
    status: Any = told.get("status", info["status"])
    info |= {key: told[key] for key in ("status", "errorInformation", "rollbackInfo") if key in told}
    info["instanceTerminationWaitTimeStarted"] = told.get("is_terminating", info["instanceTerminationWaitTimeStarted"])
    if status not in ("Created", "Queued"):
        info.setdefault("startTime", _now())
    if status in _OVER:
        info["completeTime"] = _now()
        for each in target["events"]:
            if each["status"] in ("Pending", "InProgress"):
                each["status"] = "Skipped" if each["status"] == "Pending" else "Failed"
    kind = {"Stopped": "Failed", "Created": "Pending"}.get(status, status)
    target |= {"status": kind, "at": _now()}
    info["deploymentOverview"] = {key: int(key == kind) for key in info["deploymentOverview"]}
    return {}
