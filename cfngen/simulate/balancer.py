"""The load balancer: which rule takes a request, what writing listeners, rules and groups does, what is refused."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import translate
from functools import lru_cache
from typing import Any

from cfngen.semantics.update import RefusedError
from cfngen.simulate.behaviour import behaviour
from cfngen.simulate.world import Forward, Listener, Rule, World

RULES_OF_A_BALANCER = 100
GROUPS_OF_AN_ACTION = 5
VALUES_OF_A_RULE = 5


@dataclass(frozen=True)
class Request:
    """What a client asks: a path, of a host, from an address."""

    path: str
    host: str = "shop.example.com"
    address: str = "203.0.113.7"

    def __str__(self) -> str:
        host = "" if self.host == Request.host else self.host
        return host + self.path + ("" if self.address == Request.address else f" from {self.address}")


def forward(actions: list[Mapping[str, Any]]) -> Forward:
    """The last action of a rule: the one that answers."""
    none: Mapping[str, Any] = {"Type": "none"}
    action = max(actions, key=lambda each: int(each.get("Order", 0)), default=none)
    if action["Type"] != "forward":
        return Forward(action["Type"])
    told = action.get("ForwardConfig", {}).get("TargetGroups")
    if told is None:
        return Forward("forward", {action["TargetGroupArn"]: 1})
    return Forward("forward", {each["TargetGroupArn"]: int(each.get("Weight", 1)) for each in told})


@behaviour("ELB-AG listener-rules", sure="documented")
def answer(world: World, listener: str, request: Request) -> Forward:
    """The first rule by priority whose conditions all hold answers; else the listener's default."""
    found: dict[tuple[str, Request], Forward] = world.once("answers", dict)
    if (listener, request) not in found:
        found[listener, request] = _first(world, listener, request)
    return found[listener, request]


def _first(world: World, listener: str, request: Request) -> Forward:
    for rule in world.rules_of(listener):
        if all(_holds(condition, request) for condition in rule.conditions):
            return rule.action
    return world.listeners[listener].default


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


def shares(world: World, listener: str, request: Request, running: Targets) -> dict[str, float]:
    """Which part of such requests each version gets; ``503`` where nobody is there."""
    action = answer(world, listener, request)
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
    if any(each.priority == rule.priority and each.arn != rule.arn for each in world.rules_of(rule.listener)):
        raise RefusedError(f"Priority '{rule.priority}' is currently in use (PriorityInUse)")


@behaviour("A6.15", sure="documented")
def check_limits(world: World, rule: Rule) -> None:
    """A balancer holds a hundred rules, a rule five condition values, an action five groups."""
    balancer = world.listeners[rule.listener].balancer
    there = [each for each in world.rules.values() if world.listeners[each.listener].balancer == balancer]
    if len(there) + (rule.arn not in world.rules) > RULES_OF_A_BALANCER:
        raise RefusedError("The maximum number of rules on the load balancer has been reached (TooManyRules)")
    if sum(len(_values(condition)) for condition in rule.conditions) > VALUES_OF_A_RULE:
        raise RefusedError("A rule can have up to five condition values (TooManyConditionValues)")
    if len(rule.action.weights) > GROUPS_OF_AN_ACTION:
        raise RefusedError("An action can forward to up to five target groups (TooManyTargetGroups)")


@behaviour("A6.9", sure="documented")
def check_groups(world: World, balancer: str, action: Forward) -> None:
    """A target group exists before a rule names it, and belongs to one balancer only."""
    for name in action.groups:
        if name not in world.groups:
            raise RefusedError(f"Target group '{name}' not found (TargetGroupNotFound)")
        for listener in world.listeners.values():
            if listener.balancer != balancer and any(name in each.groups for _, each in world.forwards(listener.arn)):
                raise RefusedError(
                    f"Target group '{name}' belongs to another load balancer (TargetGroupAssociationLimit)"
                )


@behaviour("ELB API CreateListener", sure="documented")
def check_port(world: World, listener: Listener) -> None:
    """A balancer has one listener a port."""
    for each in world.listeners.values():
        if (each.balancer, each.port) == (listener.balancer, listener.port) and each.arn != listener.arn:
            raise RefusedError(
                f"A listener already exists on this port for this load balancer: {listener.port} (DuplicateListener)"
            )


@behaviour("ELB API DeleteTargetGroup", sure="documented")
def check_unused(world: World, group: str) -> None:
    """A target group that a rule or a listener names cannot be deleted."""
    if any(group in action.groups for listener in world.listeners for _, action in world.forwards(listener)):
        raise RefusedError(f"Target group '{group}' is currently in use by a listener or a rule (ResourceInUse)")


@behaviour("A6.10", sure="observed")
def is_behind_a_balancer(world: World, group: str) -> bool:
    """A target group belongs to a balancer once a rule or a listener names it, with any weight."""
    return any(group in action.groups for listener in world.listeners for _, action in world.forwards(listener))


def _values(condition: Mapping[str, Any]) -> list[Any]:
    own: Mapping[str, Any] = next((value for key, value in condition.items() if key.endswith("Config")), {})
    return list(own.get("Values", condition.get("Values", [])))


def _holds(condition: Mapping[str, Any], request: Request) -> bool:
    match condition["Field"]:
        case "path-pattern":
            return any(_glob(each).match(request.path) for each in _values(condition))
        case "host-header":
            return any(_glob(each.lower()).match(request.host.lower()) for each in _values(condition))
        case "source-ip":
            return any(ipaddress.ip_address(request.address) in _network(each) for each in _values(condition))
    return False  # headers, methods and query strings: a plain request has none of them


@lru_cache(maxsize=4096)
def _glob(pattern: str) -> re.Pattern[str]:
    return re.compile(translate(pattern.replace("[", "[[]")))


@lru_cache(maxsize=4096)
def _network(text: str) -> Any:
    return ipaddress.ip_network(text)
