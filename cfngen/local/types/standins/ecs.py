"""ECS: what AWS refuses and moto does, and settings of services that moto forgets."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from cfngen.local.types.standins.room import ApiError, Body, Room, Standins, Through

ROOM = Room("ecs")


@ROOM.operation("CreateService")
def _create_service(_: Standins, arguments: Body, through: Through) -> Body:
    """A target group that no listener and no rule sends to is refused (A6.10)."""
    for each in arguments.get("loadBalancers", []):
        arn = each.get("targetGroupArn")
        if arn and not _has_balancer(arn, through):
            message = f"The target group with targetGroupArn {arn} does not have an associated load balancer."
            raise ApiError("InvalidParameterException", message)
    return through("ecs", "CreateService", arguments)


def _has_balancer(arn: str, through: Through) -> bool:
    group = through("elbv2", "DescribeTargetGroups", {"TargetGroupArns": [arn]})["TargetGroups"][0]
    if group.get("LoadBalancerArns"):
        return True
    for balancer in through("elbv2", "DescribeLoadBalancers", {})["LoadBalancers"]:
        asked = {"LoadBalancerArn": balancer["LoadBalancerArn"]}
        for listener in through("elbv2", "DescribeListeners", asked)["Listeners"]:
            rules = through("elbv2", "DescribeRules", {"ListenerArn": listener["ListenerArn"]})["Rules"]
            if arn in json.dumps([listener["DefaultActions"], [rule["Actions"] for rule in rules]]):
                return True
    return False


@ROOM.operation("DescribeServices")
def _describe_services(_: Standins, arguments: Body, through: Through) -> Body:
    """Services are told as AWS tells them once they are stable; moto leaves all of them without a task for ever."""
    answer = through("ecs", "DescribeServices", arguments)
    for service in answer["services"]:
        if service["status"] != "ACTIVE":
            service |= {"desiredCount": 0, "runningCount": 0, "pendingCount": 0}
            continue
        service |= {"runningCount": service["desiredCount"], "pendingCount": 0}
        for each in service.get("deployments", []):
            each |= {"runningCount": each["desiredCount"], "pendingCount": 0, "rolloutState": "COMPLETED"}
            each["rolloutStateReason"] = f"ECS deployment {each['id']} completed."
    return answer


@ROOM.operation("ListServices")
def _list_services(_: Standins, arguments: Body, through: Through) -> Body:
    """Services that have ended are described for a time, but not listed; moto lists them for ever."""
    answer = through("ecs", "ListServices", arguments)
    cluster = arguments.get("cluster", "default")
    every: list[str] = answer["serviceArns"]
    ended = set()
    for first in range(0, len(every), 10):
        asked = {"cluster": cluster, "services": every[first : first + 10]}
        told = through("ecs", "DescribeServices", asked)["services"]
        ended |= {each["serviceArn"] for each in told if each["status"] == "INACTIVE"}
    return {**answer, "serviceArns": [each for each in every if each not in ended]}


@ROOM.operation("ListClusters")
def _list_clusters(_: Standins, arguments: Body, through: Through) -> Body:
    answer = through("ecs", "ListClusters", arguments)
    told = through("ecs", "DescribeClusters", {"clusters": answer["clusterArns"]})["clusters"]
    return {**answer, "clusterArns": [each["clusterArn"] for each in told if each["status"] != "INACTIVE"]}


_BY_CODEDEPLOY = {
    "taskDefinition": "task definition",
    "networkConfiguration": "network parameters",
    "loadBalancers": "load balancers",
    "platformVersion": "platform version",
    "capacityProviderStrategy": "capacity provider strategy",
    "enableExecuteCommand": "enable execute command",
    "serviceConnectConfiguration": "service connect configuration",
}


@ROOM.operation("UpdateService")
def _update_service(self: Standins, arguments: Body, through: Through) -> Body:
    """Under CodeDeploy a service takes a few changes alone; what is told and is not live is refused (A2, A3.3)."""
    asked = {"cluster": arguments.get("cluster", "default"), "services": [arguments["service"]]}
    found = self.call("ecs", "DescribeServices", asked, through)["services"]
    if found and found[0].get("deploymentController", {}).get("type") == "CODE_DEPLOY":
        for name, words in _BY_CODEDEPLOY.items():
            if name in arguments and not _is_within(arguments[name], found[0].get(name)):
                message = (
                    f"Unable to update {words} on services with a CODE_DEPLOY deployment controller. "
                    "Use AWS CodeDeploy to trigger a new deployment."
                )
                raise ApiError("InvalidParameterException", message)
    return through("ecs", "UpdateService", arguments)


def _is_within(told: Any, live: Any) -> bool:
    """Whether everything that is told is live already."""
    if isinstance(told, Mapping):
        return isinstance(live, Mapping) and all(_is_within(value, live.get(key)) for key, value in told.items())
    if isinstance(told, list):
        return isinstance(live, list) and len(told) == len(live) and all(map(_is_within, told, live))
    return bool(told == live)


ROOM.forgets(
    {"CreateService": "service.serviceArn", "UpdateService": "service.serviceArn"},
    "DescribeServices",
    "services",
    "serviceArn",
    (
        "availabilityZoneRebalancing",
        "capacityProviderStrategy",
        "deploymentConfiguration",
        "enableECSManagedTags",
        "enableExecuteCommand",
        "healthCheckGracePeriodSeconds",
        "loadBalancers",
        "networkConfiguration",
        "placementConstraints",
        "placementStrategy",
        "platformVersion",
        "propagateTags",
        "serviceRegistries",
    ),
)
