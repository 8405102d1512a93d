"""ECS: the deployments of services that ECS itself releases. Where somebody plays them, an update starts one that has to be reported."""

from __future__ import annotations

import datetime as dt

from cfngen.local.types.standins.ecs import ROOM
from cfngen.local.types.standins.room import Body, Standins, Through

_TOLD = ("networkConfiguration", "capacityProviderStrategy")
_update = ROOM.operations["UpdateService"]
_describe = ROOM.operations["DescribeServices"]


@ROOM.operation("UpdateService")
def _update_service(self: Standins, arguments: Body, through: Through) -> Body:
    """Another task definition is another deployment; it takes the place of one that is not over."""
    answer = _update(self, arguments, through)
    service = answer["service"]
    if not (self.is_played and _is_ours(service) and "taskDefinition" in arguments):
        return answer
    made = _made(self, service, arguments.get("deploymentConfiguration") or service.get("deploymentConfiguration", {}))
    self.records["new rollout"][made["deployments"][0]["id"]] = made
    self.records["rollout"][service["serviceArn"]] = made
    return {**answer, "service": {**service, "deployments": made["deployments"]}}


def _is_ours(service: Body) -> bool:
    is_ecs = (service.get("deploymentController") or {}).get("type", "ECS") == "ECS"
    return is_ecs and not service.get("loadBalancers")


def _made(self: Standins, service: Body, configuration: Body) -> Body:
    first = _deployment(self, service, service["taskDefinition"], "IN_PROGRESS")
    return {
        "serviceArn": service["serviceArn"],
        "clusterArn": service["clusterArn"],
        "serviceName": service["serviceName"],
        "configuration": configuration,
        "deployments": [first],
    }


def _deployment(self: Standins, service: Body, definition: str, state: str) -> Body:
    now = dt.datetime.now(dt.UTC)
    return {
        "id": f"ecs-svc/{int(self.unique('deployment of a service')[:8], 16):019d}",
        "status": "PRIMARY",
        "taskDefinition": definition,
        "desiredCount": service["desiredCount"],
        "pendingCount": service["desiredCount"],
        "runningCount": 0,
        "failedTasks": 0,
        "createdAt": now,
        "updatedAt": now,
        "rolloutState": state,
        "rolloutStateReason": "",
        **{key: service[key] for key in _TOLD if service.get(key)},
    }


@ROOM.operation("DescribeServices")
def _describe_services(self: Standins, arguments: Body, through: Through) -> Body:
    answer = _describe(self, arguments, through)
    for service in answer["services"]:
        if found := self.records["rollout"].get(service["serviceArn"]):
            service["deployments"] = found["deployments"]
            service["taskDefinition"] = found["deployments"][0]["taskDefinition"]
            for key in ("runningCount", "pendingCount"):
                service[key] = sum(each[key] for each in found["deployments"])
    return answer


@ROOM.plays("TakeRollouts")
def _take(self: Standins, _: Body, __: Through) -> Body:
    """The deployments that were begun since the last time."""
    taken = [
        {key: each[key] for key in ("serviceArn", "clusterArn", "serviceName", "configuration")}
        | {"id": identity, "taskDefinition": each["deployments"][0]["taskDefinition"]}
        for identity, each in self.records["new rollout"].items()
    ]
    self.records["new rollout"].clear()
    return {"rollouts": taken}


@ROOM.plays("ReportRollout")
def _report(self: Standins, arguments: Body, through: Through) -> Body:
    """How far a deployment is; the answer says whether another one took its place. One that failed and goes back (`back` is a revision) is listed beside the one that goes back."""
    found = self.find("rollout", arguments["serviceArn"], "ServiceNotFoundException")
    deployment = next((each for each in found["deployments"] if each["id"] == arguments["id"]), None)
    if deployment is None or deployment is not found["deployments"][0]:
        return {"isCurrent": False}
    running = int(arguments["running"])
    deployment |= {
        "rolloutState": arguments["state"],
        "rolloutStateReason": arguments.get("reason", ""),
        "failedTasks": int(arguments.get("failed", 0)),
        "runningCount": running,
        "pendingCount": max(0, deployment["desiredCount"] - running),
        "updatedAt": dt.datetime.now(dt.UTC),
    }
    if arguments["state"] == "FAILED" and (back := arguments.get("back")):
        deployment |= {"status": "ACTIVE", "pendingCount": 0}
        asked = {"cluster": found["clusterArn"], "service": found["serviceName"], "taskDefinition": back}
        service = through("ecs", "UpdateService", asked)["service"]
        made = _deployment(self, service, back, "COMPLETED")
        made |= {"runningCount": made["desiredCount"], "pendingCount": 0}
        found["deployments"] = [made, deployment]
    return {"isCurrent": True}
