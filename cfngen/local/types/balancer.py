"""Elastic Load Balancing v2: balancers, target groups, listeners, rules."""

from __future__ import annotations

from cfngen.local.types.entry import (
    Body,
    Call,
    Context,
    Name,
    Part,
    Read,
    Type,
    pairs,
    physical,
    property_,
    tags,
    update,
)
from cfngen.semantics.update import RefusedError

_TAGS = tags("AddTags", "RemoveTags", "ResourceArns", [physical])
_TAGS_READ = Read("DescribeTags", {"ResourceArns": [physical]}, "TagDescriptions[0]")

# What AWS says where a template says nothing, so that an attribute which leaves a template goes back.
_ATTRIBUTES = {
    "access_logs.s3.bucket": "",
    "access_logs.s3.enabled": "false",
    "access_logs.s3.prefix": "",
    "client_keep_alive.seconds": "3600",
    "connection_logs.s3.enabled": "false",
    "deletion_protection.enabled": "false",
    "idle_timeout.timeout_seconds": "60",
    "routing.http.desync_mitigation_mode": "defensive",
    "routing.http.drop_invalid_header_fields.enabled": "false",
    "routing.http.preserve_host_header.enabled": "false",
    "routing.http.xff_client_port.enabled": "false",
    "routing.http.xff_header_processing.mode": "append",
    "routing.http2.enabled": "true",
    "waf.fail_open.enabled": "false",
    "deregistration_delay.timeout_seconds": "300",
    "load_balancing.algorithm.type": "round_robin",
    "slow_start.duration_seconds": "0",
    "stickiness.enabled": "false",
    "stickiness.lb_cookie.duration_seconds": "86400",
    "stickiness.type": "lb_cookie",
}


def _attributes(name: str, operation: str, key: str) -> Part:
    def write(context: Context) -> None:
        old, new = pairs(context.old.get(name)), pairs(context.properties.get(name))
        if lost := [each for each in old if each not in new and each not in _ATTRIBUTES]:
            raise RefusedError(f"{context.resource.kind}: no operation takes {', '.join(lost)} of {name} away here")
        told = {**{each: _ATTRIBUTES[each] for each in old if each not in new}, **new}
        listed = [{"Key": each, "Value": value} for each, value in told.items()]
        context.call("elbv2", operation, **{key: context.physical}, Attributes=listed)

    return Part(write, (name,), whole=True)


def _full_name(context: Context) -> str:
    return context.physical.partition(":loadbalancer/")[2]


def _conditions(properties: Body) -> Body:
    """The short form of a condition has its values beside the field; the API wants them in the field's own object."""
    configs = {"path-pattern": "PathPatternConfig", "host-header": "HostHeaderConfig"}
    told = [
        {"Field": each["Field"], configs[each["Field"]]: {"Values": each["Values"]}}
        if "Values" in each and each.get("Field") in configs
        else each
        for each in properties.get("Conditions", [])
    ]
    return {**properties, "Conditions": told}


def _set_priority(context: Context) -> None:
    """Two rules cannot change places in one update: each is written alone (H16)."""
    wanted = [{"RuleArn": context.physical, "Priority": context.properties["Priority"]}]
    context.call("elbv2", "SetRulePriorities", RulePriorities=wanted)


def _deregister(context: Context) -> None:
    context.call("elbv2", "DeregisterTargets", TargetGroupArn=context.physical, Targets=context.old["Targets"])


def _certificates(context: Context) -> list[str]:
    return [each["CertificateArn"] for each in context.properties["Certificates"]]


def _listed(context: Context) -> Body | None:
    """The certificate among those of its listener; nothing where it is none of them."""
    told = context.call("elbv2", "DescribeListenerCertificates", ListenerArn=context.properties["ListenerArn"])
    there = [each for each in told["Certificates"] if each["CertificateArn"] in _certificates(context)]
    return {"Certificates": there} if there else None


_HEALTH = (
    "HealthCheckEnabled",
    "HealthCheckIntervalSeconds",
    "HealthCheckPath",
    "HealthCheckPort",
    "HealthCheckProtocol",
    "HealthCheckTimeoutSeconds",
    "HealthyThresholdCount",
    "Matcher",
    "UnhealthyThresholdCount",
)

TYPES = {
    "AWS::ElasticLoadBalancingV2::LoadBalancer": Type(
        "elbv2",
        Call("CreateLoadBalancer"),
        "LoadBalancers[0].LoadBalancerArn",
        Name("Name", 32),
        parts=(
            update("SetSubnets", "Subnets", "SubnetMappings", given={"LoadBalancerArn": physical}),
            update("SetSecurityGroups", "SecurityGroups", given={"LoadBalancerArn": physical}),
            update(
                "SetIpAddressType",
                "IpAddressType",
                given={"LoadBalancerArn": physical},
                absent={"IpAddressType": "ipv4"},
            ),
            _attributes("LoadBalancerAttributes", "ModifyLoadBalancerAttributes", "LoadBalancerArn"),
            _TAGS,
        ),
        delete=Call("DeleteLoadBalancer", given={"LoadBalancerArn": physical}),
        reads=(
            Read("DescribeLoadBalancers", {"LoadBalancerArns": [physical]}, "LoadBalancers[0]"),
            Read("DescribeLoadBalancerAttributes", {"LoadBalancerArn": physical}),
            _TAGS_READ,
        ),
        attributes={
            "LoadBalancerArn": "LoadBalancerArn",
            "LoadBalancerName": "LoadBalancerName",
            "LoadBalancerFullName": _full_name,
            "DNSName": "DNSName",
            "CanonicalHostedZoneID": "CanonicalHostedZoneId",
            "SecurityGroups": "SecurityGroups",
        },
    ),
    "AWS::ElasticLoadBalancingV2::TargetGroup": Type(
        "elbv2",
        Call("CreateTargetGroup"),
        "TargetGroups[0].TargetGroupArn",
        Name("Name", 32),
        parts=(
            update(
                "ModifyTargetGroup",
                *_HEALTH,
                given={"TargetGroupArn": physical},
                absent={
                    "HealthCheckIntervalSeconds": 30,
                    "HealthCheckPath": "/",
                    "HealthCheckPort": "traffic-port",
                    "HealthCheckProtocol": "HTTP",
                    "HealthCheckTimeoutSeconds": 5,
                    "HealthyThresholdCount": 5,
                    "Matcher": {"HttpCode": "200"},
                    "UnhealthyThresholdCount": 2,
                },
            ),
            _attributes("TargetGroupAttributes", "ModifyTargetGroupAttributes", "TargetGroupArn"),
            Part(
                Call("RegisterTargets", ("Targets",), given={"TargetGroupArn": physical}),
                unset=_deregister,
            ),
            _TAGS,
        ),
        delete=Call("DeleteTargetGroup", given={"TargetGroupArn": physical}),
        reads=(
            Read("DescribeTargetGroups", {"TargetGroupArns": [physical]}, "TargetGroups[0]"),
            Read("DescribeTargetGroupAttributes", {"TargetGroupArn": physical}),
            Read("DescribeTargetHealth", {"TargetGroupArn": physical}, "TargetHealthDescriptions[].Target"),
            _TAGS_READ,
        ),
        attributes={
            "TargetGroupArn": "TargetGroupArn",
            "TargetGroupName": "TargetGroupName",
            "TargetGroupFullName": lambda context: context.physical.split(":", 5)[5],
            "LoadBalancerArns": "LoadBalancerArns",
        },
    ),
    "AWS::ElasticLoadBalancingV2::Listener": Type(
        "elbv2",
        Call("CreateListener"),
        "Listeners[0].ListenerArn",
        parts=(
            # Any change writes the declared default action, wherever the requests go now (A6.12).
            update(
                "ModifyListener",
                "DefaultActions",
                "Port",
                "Protocol",
                "SslPolicy",
                "Certificates",
                "AlpnPolicy",
                "MutualAuthentication",
                given={"ListenerArn": physical},
                absent={
                    "SslPolicy": "ELBSecurityPolicy-2016-08",
                    "Certificates": [],
                    "MutualAuthentication": {"Mode": "off"},
                },
            ),
            _attributes("ListenerAttributes", "ModifyListenerAttributes", "ListenerArn"),
            _TAGS,
        ),
        delete=Call("DeleteListener", given={"ListenerArn": physical}),
        reads=(Read("DescribeListeners", {"ListenerArns": [physical]}, "Listeners[0]"), _TAGS_READ),
        attributes={"ListenerArn": "ListenerArn"},
    ),
    "AWS::ElasticLoadBalancingV2::ListenerRule": Type(
        "elbv2",
        Call("CreateRule"),
        "Rules[0].RuleArn",
        folded=_conditions,
        parts=(
            Part(_set_priority, ("Priority",), whole=True, is_update=True),
            # Any change writes the declared weights, wherever the requests go now (A6.12).
            update("ModifyRule", "Conditions", "Actions", given={"RuleArn": physical}),
            _TAGS,
        ),
        delete=Call("DeleteRule", given={"RuleArn": physical}),
        reads=(
            Read("DescribeRules", {"RuleArns": [physical]}, "Rules[0]"),
            # The listener of a rule is told by no describe call but this one.
            Read("DescribeRules", {"ListenerArn": property_("ListenerArn")}, "Rules[].RuleArn"),
            _TAGS_READ,
        ),
        attributes={"RuleArn": "RuleArn", "IsDefault": "IsDefault"},
    ),
    "AWS::ElasticLoadBalancingV2::ListenerCertificate": Type(
        "elbv2",
        Call("AddListenerCertificates"),
        lambda context, _: f"{context.properties['ListenerArn']}|{_certificates(context)[0]}",
        delete=Call("RemoveListenerCertificates", ("ListenerArn", "Certificates")),
        reads=(_listed,),
        unseen={"ListenerArn": "is the listener whose certificates are read"},
    ),
}
