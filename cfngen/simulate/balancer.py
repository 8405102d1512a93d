"""The load balancer: which rule takes a request, what writing listeners, rules and groups does, what is refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cfngen.request import Request
from cfngen.semantics.update import RefusedError
from cfngen.simulate.behaviour import behaviour
from cfngen.simulate.requests import holds, values_of
from cfngen.simulate.world import Forward, Listener, Rule, World, text

RULES_OF_A_BALANCER = 100
GROUPS_OF_AN_ACTION = 5
VALUES_OF_A_RULE = 5
HIGHEST_PRIORITY = 50_000
HIGHEST_WEIGHT = 999
HIGHEST_PORT = 65_535


def forward(actions: list[Mapping[str, Any]]) -> Forward:
    """The last action of a rule: the one that answers."""
    if not actions:
        raise RefusedError("An action must be specified (ValidationError)")
    action = max(actions, key=lambda each: int(each.get("Order", 0)))
    before = tuple(sorted(text(each["Type"]) for each in actions if each is not action))
    if action["Type"] != "forward":
        return Forward(text(action["Type"]), before=before, port=_port(action.get("RedirectConfig", {})))
    told = action.get("ForwardConfig", {}).get("TargetGroups")
    if told is None:
        return Forward("forward", {text(action["TargetGroupArn"]): 1}, before)
    return Forward("forward", {text(each["TargetGroupArn"]): int(each.get("Weight", 1)) for each in told}, before)


def _port(redirect: Mapping[str, Any]) -> int:
    """The port that a redirect names; 0 where it keeps the one that it got, or leads to another host."""
    port = str(redirect.get("Port", "#{port}"))
    return int(port) if port != "#{port}" and redirect.get("Host", "#{host}") == "#{host}" else 0


@behaviour("ELB-AG listener-rules", sure="documented")
def answering(world: World, listener: str, request: Request) -> Rule | Listener:
    """The first rule by priority whose conditions all hold answers; else the listener's default."""
    found: dict[tuple[str, Request], Rule | Listener] = world.once("answers", dict)
    if (listener, request) not in found:
        rules = (rule for rule in world.rules_of(listener) if takes(rule, request))
        found[listener, request] = next(rules, world.listeners[listener])
    return found[listener, request]


def takes(rule: Rule, request: Request) -> bool:
    """Whether a rule's conditions all hold for a request."""
    if request not in rule.takes:  # a rule is asked again after every write, and its conditions are what they were
        rule.takes[request] = all(holds(each, request) for each in rule.conditions)
    return rule.takes[request]


def answer(world: World, listener: str, request: Request) -> Forward:
    """The action that answers a request."""
    return answering(world, listener, request).action


Targets = Mapping[str, list[tuple[str, int]]]
"""By target group: each version whose healthy tasks are in it, as ``service version``, with their number."""


def targets(world: World) -> Targets:
    """Who would answer in each group now."""
    found: dict[str, list[tuple[str, int]]] = {}
    for service in world.services.values():
        for tasks in service.task_sets:
            if tasks.is_healthy and tasks.running:
                found.setdefault(tasks.group, []).append((f"{service.label} {tasks.version}", tasks.running))
    return found


def shares(action: Forward, running: Targets) -> dict[str, float]:
    """Which part of the requests that an action answers each version gets; ``503`` where nobody is there."""
    if action.kind != "forward":
        return {action.kind: 1.0}
    total = sum(action.weights.values())
    if total == 0:
        return {"503": 1.0}
    found: dict[str, float] = {}
    for group, weight in action.weights.items():
        if weight:
            there = running.get(group, [("503", 1)])
            number = sum(each for _, each in there)
            for version, part in there:
                found[version] = found.get(version, 0.0) + weight / total * (part / number)
    return found


@behaviour("H16", sure="documented")
def check_priority(world: World, rule: Rule) -> None:
    """A priority is unique on its listener at every moment."""
    if not 0 < rule.priority <= HIGHEST_PRIORITY:
        raise RefusedError(f"Priority '{rule.priority}' is not between 1 and {HIGHEST_PRIORITY} (ValidationError)")
    if any(each.priority == rule.priority and each.arn != rule.arn for each in world.rules_of(rule.listener)):
        raise RefusedError(f"Priority '{rule.priority}' is currently in use (PriorityInUse)")


@behaviour("A6.15", sure="documented")
def check_limits(world: World, rule: Rule) -> None:
    """A balancer holds a hundred rules, a rule five condition values, an action five groups."""
    balancer = world.listeners[rule.listener].balancer
    there = [each for each in world.rules.values() if world.listeners[each.listener].balancer == balancer]
    if len(there) + (rule.arn not in world.rules) > RULES_OF_A_BALANCER:
        raise RefusedError("The maximum number of rules on the load balancer has been reached (TooManyRules)")
    if sum(len(values_of(condition)) for condition in rule.conditions) > VALUES_OF_A_RULE:
        raise RefusedError("A rule can have up to five condition values (TooManyConditionValues)")
    if len(rule.action.weights) > GROUPS_OF_AN_ACTION:
        raise RefusedError("An action can forward to up to five target groups (TooManyTargetGroups)")


@behaviour("ELB API TargetGroupTuple", sure="documented")
def check_weights(action: Forward) -> None:
    """A weight is a number from 0 to 999."""
    if wrong := [weight for weight in action.weights.values() if not 0 <= weight <= HIGHEST_WEIGHT]:
        raise RefusedError(f"Weight '{wrong[0]}' is not between 0 and {HIGHEST_WEIGHT} (ValidationError)")


@behaviour("ELB API CreateRule", sure="documented")
def check_network(world: World, action: Forward) -> None:
    """The groups of an action are in the network of its balancer, and so in one."""
    groups = [world.groups[name] for name in action.groups]
    if len({each.vpc for each in groups if not each.is_elsewhere}) > 1:
        raise RefusedError(
            "The target groups are in a different VPC than the load balancer (InvalidConfigurationRequest)"
        )


@behaviour("A6.9", sure="documented")
def check_groups(world: World, balancer: str, action: Forward) -> None:
    """A target group exists before a rule names it, and belongs to one balancer only."""
    for name in action.groups:
        if not world.adopt_group(name):
            raise RefusedError(f"Target group '{name}' not found (TargetGroupNotFound)")
        for listener in world.listeners.values():
            if (
                listener.balancer != balancer
                and not listener.is_elsewhere
                and any(name in each.groups for _, each in world.forwards(listener.arn))
            ):
                raise RefusedError(
                    f"Target group '{name}' belongs to another load balancer (TargetGroupAssociationLimit)"
                )


@behaviour("ELB API CreateListener", sure="documented")
def check_port(world: World, listener: Listener) -> None:
    """A balancer has one listener a port."""
    check_port_number(listener.port)
    for each in world.listeners.values():
        if (each.balancer, each.port) == (listener.balancer, listener.port) and each.arn != listener.arn:
            raise RefusedError(
                f"A listener already exists on this port for this load balancer: {listener.port} (DuplicateListener)"
            )


def check_port_number(port: int) -> None:
    """Raise for a port that there is not."""
    if not 0 < port <= HIGHEST_PORT:
        raise RefusedError(f"Port '{port}' is not between 1 and {HIGHEST_PORT} (ValidationError)")


@behaviour("ELB API DeleteTargetGroup", sure="documented")
def check_unused(world: World, group: str) -> None:
    """A target group that a rule or a listener names cannot be deleted."""
    if any(group in action.groups for listener in world.listeners for _, action in world.forwards(listener)):
        raise RefusedError(f"Target group '{group}' is currently in use by a listener or a rule (ResourceInUse)")


@behaviour("A6.10", sure="observed")
def is_behind_a_balancer(world: World, group: str) -> bool:
    """A target group belongs to a balancer once a rule or a listener names it, with any weight."""
    return any(group in action.groups for listener in world.listeners for _, action in world.forwards(listener))
