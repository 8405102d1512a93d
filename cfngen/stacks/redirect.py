"""Port 80 of a stage with HTTPS: everybody is sent on, also while rules that were there before are going."""

from __future__ import annotations

from troposphere import elasticloadbalancingv2 as elb

from cfngen.routing import REDIRECT_PRIORITY
from cfngen.stack import Stack
from cfngen.stacks.cluster import ClusterOutputs, to_https


def redirect_stack(stack: Stack, cluster: ClusterOutputs) -> None:
    """Sends every request of port 80 to HTTPS, before any other rule.

    Made after every service's rules of HTTPS, so that there is somebody to send to. When HTTPS is added to a stage, the
    services' rules of port 80 go at the end of that update, one after the other and in no certain order; without this
    rule, requests of a rule that is gone would meanwhile reach the service with the next best one.
    """
    stack.add(
        elb.ListenerRule(
            "RedirectRule",
            ListenerArn=cluster.http_listener,
            Priority=REDIRECT_PRIORITY,
            Conditions=[elb.Condition(Field="path-pattern", PathPatternConfig=elb.PathPatternConfig(Values=["/*"]))],
            Actions=[elb.ListenerRuleAction(Type="redirect", RedirectConfig=to_https())],
        )
    )
