"""Application Auto Scaling: moto tags nothing, and gives a policy another ARN whenever it is written."""

from __future__ import annotations

from cfngen.local.types.standins.room import Body, Room, Standins, Through

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
