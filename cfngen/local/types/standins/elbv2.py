"""Elastic Load Balancing: what AWS refuses and moto does, and targets by their ports."""

from __future__ import annotations

from cfngen.local.types.standins.room import ApiError, Body, Room, Standins, Through

ROOM = Room("elbv2")


@ROOM.operation("DeleteLoadBalancer")
def _delete_balancer(_: Standins, arguments: Body, through: Through) -> Body:
    """Deletion protection protects (H11)."""
    arn = arguments["LoadBalancerArn"]
    told = through("elbv2", "DescribeLoadBalancerAttributes", {"LoadBalancerArn": arn})["Attributes"]
    if {"Key": "deletion_protection.enabled", "Value": "true"} in told:
        message = f"Load balancer '{arn}' cannot be deleted because deletion protection is enabled"
        raise ApiError("OperationNotPermitted", message)
    return through("elbv2", "DeleteLoadBalancer", arguments)


# Targets: moto knows one port of an address only


@ROOM.operation("RegisterTargets")
def _register(self: Standins, arguments: Body, through: Through) -> Body:
    answer = through("elbv2", "RegisterTargets", arguments)
    kept = self.records[f"targets of {arguments['TargetGroupArn']}"]
    for each in _with_ports(arguments, through):
        kept[f"{each['Id']} {each.get('Port')}"] = {
            "Target": each,
            "HealthCheckPort": str(each.get("Port", "")),
            "TargetHealth": {"State": "healthy"},
        }
    return answer


@ROOM.operation("DeregisterTargets")
def _deregister(self: Standins, arguments: Body, through: Through) -> Body:
    kept = self.records[f"targets of {arguments['TargetGroupArn']}"]
    for each in arguments["Targets"]:
        for key in [key for key, told in kept.items() if _is_meant(told["Target"], each)]:
            del kept[key]
    there = {each["Target"]["Id"] for each in kept.values()}
    gone = [each for each in arguments["Targets"] if each["Id"] not in there]
    return through("elbv2", "DeregisterTargets", {**arguments, "Targets": gone}) if gone else {}


@ROOM.operation("DescribeTargetHealth")
def _describe_health(self: Standins, arguments: Body, through: Through) -> Body:
    arn = arguments["TargetGroupArn"]
    through("elbv2", "DescribeTargetGroups", {"TargetGroupArns": [arn]})  # is it there?
    wanted, kept = arguments.get("Targets"), self.records[f"targets of {arn}"].values()
    if wanted is None:
        return {"TargetHealthDescriptions": list(kept)}
    found = []
    for each in _with_ports(arguments, through):
        known = [told for told in kept if _is_meant(told["Target"], each)]
        unused = {"State": "unused", "Reason": "Target.NotRegistered", "Description": "Target is not registered"}
        found += known or [{"Target": each, "TargetHealth": unused}]
    return {"TargetHealthDescriptions": found}


@ROOM.operation("DeleteTargetGroup")
def _delete_group(self: Standins, arguments: Body, through: Through) -> Body:
    answer = through("elbv2", "DeleteTargetGroup", arguments)
    self.records.pop(f"targets of {arguments['TargetGroupArn']}", None)
    return answer


def _with_ports(arguments: Body, through: Through) -> list[Body]:
    """A target without a port has its group's."""
    asked = {"TargetGroupArns": [arguments["TargetGroupArn"]]}
    port = through("elbv2", "DescribeTargetGroups", asked)["TargetGroups"][0].get("Port")
    return [{"Port": port, **each} if port else each for each in arguments["Targets"]]


def _is_meant(told: Body, wanted: Body) -> bool:
    return bool(told["Id"] == wanted["Id"] and wanted.get("Port") in (None, told.get("Port")))
