"""Application Auto Scaling."""

from __future__ import annotations

from typing import Any

from cfngen.local.types.entry import Body, Call, Context, Part, Read, Type, physical, property_, tags
from cfngen.semantics.update import RefusedError

_KEYS = ("ServiceNamespace", "ResourceId", "ScalableDimension")


def _target_id(context: Context, _: Body) -> str:
    return "|".join(context.properties[name] for name in ("ResourceId", "ScalableDimension", "ServiceNamespace"))


def _target_arn(context: Context) -> str:
    asked = {
        "ServiceNamespace": context.properties["ServiceNamespace"],
        "ResourceIds": [context.properties["ResourceId"]],
    }
    found = context.call("application-autoscaling", "DescribeScalableTargets", **asked)["ScalableTargets"]
    return str(found[0]["ScalableTargetARN"]) if found else ""


def _actions(context: Context) -> None:
    old, new = (
        {each["ScheduledActionName"]: each for each in side.get("ScheduledActions", [])}
        for side in (context.old, context.properties)
    )
    where = {name: context.properties[name] for name in _KEYS}
    for name in old:
        if name not in new:
            context.call("application-autoscaling", "DeleteScheduledAction", **where, ScheduledActionName=name)
    for name, each in new.items():
        if old.get(name) != each:
            context.call("application-autoscaling", "PutScheduledAction", **where, **each)


def _policy(properties: Body) -> Body:
    """A policy tells its target by one id, or by the three parts of it."""
    told = dict(properties)
    target = told.pop("ScalingTargetId", None)
    if target is not None:
        parts = str(target).split("|")
        if len(parts) != len(_KEYS):
            raise RefusedError(f"Invalid ScalingTargetId {target} (Service: ApplicationAutoScaling)")
        told |= dict(zip(("ResourceId", "ScalableDimension", "ServiceNamespace"), parts, strict=True))
    return told


def _described_policy(context: Context) -> Any:
    where = {name: context.properties[name] for name in _KEYS}
    found = context.call("application-autoscaling", "DescribeScalingPolicies", **where)["ScalingPolicies"]
    return next((each for each in found if each["PolicyARN"] == context.physical), None)


_TARGET = ("MinCapacity", "MaxCapacity", "RoleARN", "SuspendedState")
_POLICY = (
    "PolicyType",
    "PredictiveScalingPolicyConfiguration",
    "StepScalingPolicyConfiguration",
    "TargetTrackingScalingPolicyConfiguration",
)
_HERE: dict[str, Any] = {name: property_(name) for name in _KEYS}

TYPES = {
    "AWS::ApplicationAutoScaling::ScalableTarget": Type(
        "application-autoscaling",
        Call("RegisterScalableTarget"),
        _target_id,
        parts=(
            Part(
                Call(
                    "RegisterScalableTarget",
                    _TARGET,
                    given=_HERE,
                    absent={
                        "SuspendedState": {
                            "DynamicScalingInSuspended": False,
                            "DynamicScalingOutSuspended": False,
                            "ScheduledScalingSuspended": False,
                        }
                    },
                ),
                is_update=True,
            ),
            Part(_actions, ("ScheduledActions",), whole=True),
            tags("TagResource", "UntagResource", "ResourceARN", _target_arn),
        ),
        delete=Call("DeregisterScalableTarget", _KEYS),
        reads=(
            Read(
                "DescribeScalableTargets",
                {"ServiceNamespace": property_("ServiceNamespace"), "ResourceIds": [property_("ResourceId")]},
                "ScalableTargets[0]",
            ),
            Read(
                "DescribeScheduledActions",
                {"ServiceNamespace": property_("ServiceNamespace"), "ResourceId": property_("ResourceId")},
                "ScheduledActions",
            ),
            Read("ListTagsForResource", {"ResourceARN": _target_arn}, "Tags"),
        ),
        attributes={"Id": physical},
    ),
    "AWS::ApplicationAutoScaling::ScalingPolicy": Type(
        "application-autoscaling",
        Call("PutScalingPolicy"),
        "PolicyARN",
        folded=_policy,
        parts=(
            Part(
                Call("PutScalingPolicy", _POLICY, given={**_HERE, "PolicyName": property_("PolicyName")}),
                whole=True,
                is_update=True,
            ),
        ),
        delete=Call("DeleteScalingPolicy", ("PolicyName", *_KEYS)),
        reads=(_described_policy,),
        attributes={"Arn": physical},
    ),
}
