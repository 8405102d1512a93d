"""Checks of the limits that AWS sets to one root stack and all below it (speed.md, section 6)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

from cfngen.checks.finding import Check, Place
from cfngen.checks.stage import Stage, dig, walk
from cfngen.checks.tree import Found, Node, roots
from cfngen.limits import BYTES, MAPPINGS, OUTPUTS, PARAMETERS, RESOURCES, RULES, TARGET_GROUPS, TREE, Limit

_LISTENER, _RULE = "AWS::ElasticLoadBalancingV2::Listener", "AWS::ElasticLoadBalancingV2::ListenerRule"


def template_resources(stage: Stage) -> Iterator[Place]:
    """A template has more resources than CloudFormation takes."""
    for file, template in stage.templates.items():
        yield from _over(file, ("Resources",), len(template.section("Resources")), RESOURCES)


def template_entries(stage: Stage) -> Iterator[Place]:
    """A template has more parameters, outputs or mappings than CloudFormation takes."""
    for file, template in stage.templates.items():
        for section, limit in (("Parameters", PARAMETERS), ("Outputs", OUTPUTS), ("Mappings", MAPPINGS)):
            yield from _over(file, (section,), len(template.section(section)), limit)


def template_bytes(stage: Stage) -> Iterator[Place]:
    """A template is larger than CloudFormation takes from S3."""
    for file in stage.templates:
        yield from _over(file, (), len(stage.texts[file].encode()), BYTES)


def tree_resources(stage: Stage) -> Iterator[Place]:
    """An operation of the root would touch more resources than CloudFormation takes at once."""
    for root in roots(stage):
        total = sum(len(node.template.section("Resources")) for node in root.all())
        yield from _over(root.template.file, ("Resources",), total, TREE)


def balancer_target_groups(stage: Stage) -> Iterator[Place]:
    """A load balancer forwards to more target groups than it can."""
    yield from _by_balancer(stage, _groups, TARGET_GROUPS)


def balancer_rules(stage: Stage) -> Iterator[Place]:
    """A load balancer has more rules than it can."""
    yield from _by_balancer(stage, _one_rule, RULES)


def _groups(node: Node, _rule: str, actions: Any) -> set[Found | None]:
    return {node.origin(value) for path, value in walk(actions) if path and path[-1] == "TargetGroupArn"}


def _one_rule(node: Node, rule: str, _actions: Any) -> set[Found | None]:
    return {(node.stack, rule)} if rule else set()


def _by_balancer(stage: Stage, counted: Callable[[Node, str, Any], set[Found | None]], limit: Limit) -> Iterator[Place]:
    """Count something over the rules and default actions of each balancer's listeners."""
    for root in roots(stage):
        nodes = {node.stack: node for node in root.all()}
        found: dict[Found | None, set[Found | None]] = defaultdict(set)
        for node in nodes.values():
            for rule in node.template.of_type(_RULE):
                balancer = _balancer(nodes, node.origin(rule.get("ListenerArn")))
                found[balancer] |= counted(node, rule.name, rule.get("Actions"))
            for listener in node.template.of_type(_LISTENER):
                balancer = node.origin(listener.get("LoadBalancerArn"))
                found[balancer] |= counted(node, "", listener.get("DefaultActions"))
        for balancer, members in found.items():
            stack, name = balancer or ("", "")
            node = nodes.get(stack, root)
            path = ("Resources", name) if stack else ()
            yield from _over(node.template.file, path, len(members - {None}), limit)


def _balancer(nodes: dict[str, Node], listener: Found | None) -> Found | None:
    """The balancer of a listener; a listener from outside stands for its own."""
    stack, name = listener or ("", "")
    if stack not in nodes:
        return listener
    body = nodes[stack].template.section("Resources").get(name)
    return nodes[stack].origin(dig(body, "Properties", "LoadBalancerArn")) or listener


def _over(file: str, path: tuple[str, ...], number: int, limit: Limit) -> Iterator[Place]:
    if number > limit.number:
        yield Place(file, path, f"{number:,} where {limit.number:,} is the limit of {limit.what}")


LIMITS = (
    Check("C501", "A template has 500 resources at most", "K1.6", "error", template_resources),
    Check("C502", "It has 200 parameters, outputs and mappings at most", "K1.6", "error", template_entries),
    Check("C503", "It has 1 MB at most", "K1.6", "error", template_bytes),
    Check("C504", "A root with all that it nests has 2,500 resources at most", "K1.6", "error", tree_resources),
    Check("C505", "A load balancer has 100 target groups at most", "A6.14", "error", balancer_target_groups),
    Check("C506", "It has 100 rules at most, over all its listeners", "A6.15", "error", balancer_rules),
)
