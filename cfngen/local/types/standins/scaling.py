"""Application Auto Scaling: moto tags nothing, and gives a policy another ARN whenever it is written."""

from __future__ import annotations

from cfngen.local.types.standins.room import ApiError, Body, Room, Standins, Through

ROOM = Room("application-autoscaling")
ROOM.tags(is_map=True)


def _policy_key(arguments: Body) -> str:
    return "|".join(arguments[name] for name in ("ServiceNamespace", "ResourceId", "ScalableDimension", "PolicyName"))


@ROOM.operation("PutScalingPolicy")
def _put_policy(self: Standins, arguments: Body, through: Through) -> Body:
    answer = through("application-autoscaling", "PutScalingPolicy", arguments)
    known = self.records["policy"].setdefault(_policy_key(arguments), {"PolicyARN": answer["PolicyARN"]})
    return {**answer, **known}


@ROOM.operation("DescribeScalingPolicies")
def _describe_policies(self: Standins, arguments: Body, through: Through) -> Body:
    answer = through("application-autoscaling", "DescribeScalingPolicies", arguments)
    for each in answer["ScalingPolicies"]:
        each.update(self.records["policy"].get(_policy_key(each), {}))
    return answer


@ROOM.operation("DeleteScalingPolicy")
def _delete_policy(self: Standins, arguments: Body, through: Through) -> Body:
    message = f"No scaling policy found for service namespace: {arguments['ServiceNamespace']}"
    self.find("policy", _policy_key(arguments), "ObjectNotFoundException", message)
    answer = through("application-autoscaling", "DeleteScalingPolicy", arguments)
    self.records["policy"].pop(_policy_key(arguments), None)
    return answer


@ROOM.operation("DeregisterScalableTarget")
def _deregister(_: Standins, arguments: Body, through: Through) -> Body:
    """A target that is gone is told by AWS's own code; a stack's second deletion goes on after that."""
    asked = {"ServiceNamespace": arguments["ServiceNamespace"], "ResourceIds": [arguments["ResourceId"]]}
    found = through("application-autoscaling", "DescribeScalableTargets", asked)["ScalableTargets"]
    if not any(each["ScalableDimension"] == arguments["ScalableDimension"] for each in found):
        told = f"service namespace: {asked['ServiceNamespace']}, resource ID: {arguments['ResourceId']}"
        raise ApiError("ObjectNotFoundException", f"No scalable target found for {told}")
    return through("application-autoscaling", "DeregisterScalableTarget", arguments)
