"""Listener rules: write-once, the same action in every rule of a service (A6.3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from troposphere import FindInMap
from troposphere import elasticloadbalancingv2 as elb

from cfngen.ledger import is_test, logical_id
from cfngen.routing import Match, Rule
from cfngen.stack import Stack
from cfngen.stacks.cluster import ClusterOutputs
from cfngen.values import Colour

_WEIGHTS = {"blue": {"Blue": 100, "Green": 0}, "green": {"Blue": 0, "Green": 100}}


def listener_rules(
    stack: Stack,
    rules: tuple[Rule, ...],
    cluster: ClusterOutputs,
    blue: elb.TargetGroup,
    green: elb.TargetGroup,
    live: Mapping[str, Colour],
) -> list[elb.ListenerRule]:
    """The rules of one service that forward. Those that it was born with say blue; one that replaces another starts with the
    colour that serves at that time, by a parameter without default, and is never written again (A6.12).
    """
    if any(rule.live for rule in rules):
        stack.template.add_mapping("Weights", _WEIGHTS)
    ordered = sorted(rules, key=lambda rule: (is_test(rule.listener), rule.match.paths, rule.digest))
    for rule in ordered:
        if rule.says is not None:
            _maintenance_rule(stack, rule, cluster, rule.says)
    return [_rule(stack, rule, cluster, blue, green, live) for rule in ordered if rule.says is None]


def _maintenance_rule(stack: Stack, rule: Rule, cluster: ClusterOutputs, says: str) -> None:
    """Names no target group, so that no deployment touches it (A6.2)."""
    is_page = says.lstrip().startswith("<")
    page = elb.FixedResponseConfig(
        StatusCode="503", ContentType="text/html" if is_page else "text/plain", MessageBody=says
    )
    stack.add(
        elb.ListenerRule(
            f"MaintenanceRule{rule.digest}",
            ListenerArn=cluster.listener(rule.listener),
            Priority=rule.priority,
            Conditions=conditions(rule.match),
            Actions=[elb.ListenerRuleAction(Type="fixed-response", FixedResponseConfig=page)],
        )
    )


def _rule(
    stack: Stack,
    rule: Rule,
    cluster: ClusterOutputs,
    blue: elb.TargetGroup,
    green: elb.TargetGroup,
    live: Mapping[str, Colour],
) -> elb.ListenerRule:
    def weight(colour: str) -> Any:
        return FindInMap("Weights", live[rule.live], colour) if rule.live else _WEIGHTS["blue"][colour]

    targets = [
        elb.TargetGroupTuple(TargetGroupArn=group.ref(), Weight=weight(colour))
        for colour, group in (("Blue", blue), ("Green", green))
    ]
    return stack.add(
        elb.ListenerRule(
            logical_id(rule.listener, rule.digest),
            ListenerArn=cluster.listener(rule.listener),
            Priority=rule.priority,
            Conditions=conditions(rule.match),
            Actions=[elb.ListenerRuleAction(Type="forward", ForwardConfig=elb.ForwardConfig(TargetGroups=targets))],
        )
    )


def conditions(match: Match) -> list[elb.Condition]:
    """What a rule asks of a request."""
    found = [elb.Condition(Field="path-pattern", PathPatternConfig=elb.PathPatternConfig(Values=list(match.paths)))]
    if match.hosts:
        found.append(
            elb.Condition(Field="host-header", HostHeaderConfig=elb.HostHeaderConfig(Values=list(match.hosts)))
        )
    if match.addresses:
        found.append(elb.Condition(Field="source-ip", SourceIpConfig=elb.SourceIpConfig(Values=list(match.addresses))))
    for name, values in match.headers:
        told = elb.HttpHeaderConfig(HttpHeaderName=name, Values=list(values))
        found.append(elb.Condition(Field="http-header", HttpHeaderConfig=told))
    if match.methods:
        methods = elb.HttpRequestMethodConfig(Values=list(match.methods))
        found.append(elb.Condition(Field="http-request-method", HttpRequestMethodConfig=methods))
    for name, values in match.query:
        pairs = [elb.QueryStringKeyValue(Key=name, Value=value) for value in values]
        found.append(elb.Condition(Field="query-string", QueryStringConfig=elb.QueryStringConfig(Values=pairs)))
    return found
