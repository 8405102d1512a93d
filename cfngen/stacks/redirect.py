"""What the balancer answers with another address: redirects of the description, and port 80 of a stage with HTTPS."""

from __future__ import annotations

from troposphere import elasticloadbalancingv2 as elb

from cfngen.routing import REDIRECT_PRIORITY, Rule
from cfngen.spec import Redirect
from cfngen.stack import Stack
from cfngen.stacks.cluster import ClusterOutputs, to_https
from cfngen.stacks.rules import conditions


def redirect_stack(stack: Stack, cluster: ClusterOutputs, redirects: tuple[Rule, ...] = ()) -> None:
    """Sends every request of port 80 to HTTPS, before any other rule.

    Made after every service's rules of HTTPS, so that there is somebody to send to. When HTTPS is added to a stage, the
    services' rules of port 80 go at the end of that update, one after the other and in no certain order; without the
    rule, requests of one that is gone would meanwhile reach the service with the next best one.
    `redirects` are those of the description, on both listeners.
    """
    if redirects:
        stack.describe("Requests that the balancer answers with another address")
    if cluster.https_listener:
        _port_80(stack, cluster)
    for rule in sorted(redirects, key=lambda rule: (rule.listener == "test", rule.priority)):
        if rule.sends:
            _redirect(stack, cluster, rule, rule.sends)


def _redirect(stack: Stack, cluster: ClusterOutputs, rule: Rule, to: Redirect) -> None:
    """Write-once like every rule; scheme, port and query stay as they were asked."""
    config = elb.RedirectConfig(
        Host=to.to_host or "#{host}", Path=to.to_path or "/#{path}", StatusCode=f"HTTP_{to.status}"
    )
    stack.add(
        elb.ListenerRule(
            f"{'Test' if rule.listener == 'test' else 'Production'}Redirect{rule.digest}",
            ListenerArn=cluster.listener(rule.listener),
            Priority=rule.priority,
            Conditions=conditions(rule.match),
            Actions=[elb.ListenerRuleAction(Type="redirect", RedirectConfig=config)],
        )
    )


def _port_80(stack: Stack, cluster: ClusterOutputs) -> None:
    stack.add(
        elb.ListenerRule(
            "RedirectRule",
            ListenerArn=cluster.http_listener,
            Priority=REDIRECT_PRIORITY,
            Conditions=[elb.Condition(Field="path-pattern", PathPatternConfig=elb.PathPatternConfig(Values=["/*"]))],
            Actions=[elb.ListenerRuleAction(Type="redirect", RedirectConfig=to_https())],
        )
    )
