"""ECS: the task sets of services under CodeDeploy. The first one comes with the service; CodeDeploy makes the others."""

from __future__ import annotations

import datetime as dt

from cfngen.local.types.standins.ecs import ROOM
from cfngen.local.types.standins.room import ApiError, Body, Standins, Through

_KINDS = ("launchType", "capacityProviderStrategy", "platformVersion", "networkConfiguration")


def task_sets(self: Standins, service: Body) -> list[Body]:
    """The task sets of a service as DescribeServices tells it; none where something else than CodeDeploy releases it."""
    if service.get("deploymentController", {}).get("type") != "CODE_DEPLOY" or service["status"] != "ACTIVE":
        return []
    kept = self.records[f"task sets of {service['serviceArn']}"]
    if not kept:
        service = {**service, **self.records["forgotten ecs DescribeServices"].get(service["serviceArn"], {})}
        first = {"taskDefinition": service["taskDefinition"], "loadBalancers": service.get("loadBalancers", [])}
        _keep(self, service, first, "PRIMARY")
    if not self.is_played:
        wanted = service["desiredCount"]
        for each in kept.values():
            each |= {"computedDesiredCount": wanted, "runningCount": wanted, "pendingCount": 0}
    return list(kept.values())


def _keep(self: Standins, service: Body, told: Body, status: str) -> Body:
    made = f"ecs-svc/{int(self.unique('task set')[:8], 16):019d}"
    now, place = dt.datetime.now(dt.UTC), service["serviceArn"].partition(":service/")
    count = service["desiredCount"] if status == "PRIMARY" else 0
    self.records[f"task sets of {service['serviceArn']}"][made] = {
        **{key: service[key] for key in _KINDS if service.get(key)},
        **told,
        "id": made,
        "taskSetArn": f"{place[0]}:task-set/{place[2]}/{made}",
        "serviceArn": service["serviceArn"],
        "clusterArn": service["clusterArn"],
        "status": status,
        "computedDesiredCount": service["desiredCount"],
        "pendingCount": service["desiredCount"] - count,
        "runningCount": count,
        "createdAt": now,
        "updatedAt": now,
        "scale": {"value": 100.0, "unit": "PERCENT"},
        "stabilityStatus": "STEADY_STATE" if status == "PRIMARY" else "STABILIZING",
        "stabilityStatusAt": now,
    }
    return self.records[f"task sets of {service['serviceArn']}"][made]


def _service(self: Standins, arguments: Body, through: Through) -> Body:
    asked = {"cluster": arguments["cluster"], "services": [arguments["service"]]}
    found = self.call("ecs", "DescribeServices", asked, through)["services"]
    if not found:
        raise ApiError("ServiceNotFoundException", f"Service not found: {arguments['service']}")
    return dict(found[0])


_stable = ROOM.operations["DescribeServices"]


@ROOM.operation("DescribeServices")
def _describe_services(self: Standins, arguments: Body, through: Through) -> Body:
    answer = _stable(self, arguments, through)
    for service in answer["services"]:
        if not service.get("taskSets") and (found := task_sets(self, service)):
            service["taskSets"] = found
            service |= {key: sum(each[key] for each in found) for key in ("runningCount", "pendingCount")}
    return answer


@ROOM.operation("DescribeTaskSets")
def _describe(self: Standins, arguments: Body, through: Through) -> Body:
    service = _service(self, {"cluster": "default", **arguments}, through)
    found = task_sets(self, service)
    if not found:
        return through("ecs", "DescribeTaskSets", arguments)
    wanted = arguments.get("taskSets")
    return {"taskSets": [each for each in found if not wanted or {each["id"], each["taskSetArn"]} & {*wanted}]}


# What CodeDeploy and the scheduler do


@ROOM.plays("CreateTaskSet")
def _create(self: Standins, arguments: Body, through: Through) -> Body:
    service = _service(self, arguments, through)
    told = {key: arguments[key] for key in ("taskDefinition", "loadBalancers", "startedBy", "externalId")}
    return {"taskSet": _keep(self, service, told, "ACTIVE")}


def _find(self: Standins, arguments: Body, through: Through) -> Body:
    wanted = arguments["taskSet"]
    for each in task_sets(self, _service(self, arguments, through)):
        if each["id"] == wanted:
            return each
    raise ApiError("TaskSetNotFoundException", f"The specified task set {wanted} does not exist")


@ROOM.plays("ReportTaskSet")
def _report(self: Standins, arguments: Body, through: Through) -> Body:
    """So many of its tasks run."""
    found, running = _find(self, arguments, through), int(arguments["running"])
    found |= {"runningCount": running, "pendingCount": max(0, found["computedDesiredCount"] - running)}
    is_steady = running >= found["computedDesiredCount"]
    found["stabilityStatus"] = "STEADY_STATE" if is_steady else "STABILIZING"
    found["updatedAt"] = found["stabilityStatusAt"] = dt.datetime.now(dt.UTC)
    return {}


@ROOM.plays("UpdateServicePrimaryTaskSet")
def _make_primary(self: Standins, arguments: Body, through: Through) -> Body:
    found = _find(self, arguments, through)
    for each in self.records[f"task sets of {found['serviceArn']}"].values():
        each["status"] = "PRIMARY" if each is found else "ACTIVE"
    return {}


@ROOM.plays("DeleteTaskSet")
def _delete(self: Standins, arguments: Body, through: Through) -> Body:
    found = _find(self, arguments, through)
    del self.records[f"task sets of {found['serviceArn']}"][found["id"]]
    return {}
