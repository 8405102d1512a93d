"""P7: changes of what all services of a stage stand on, and of whole nested stacks."""

from __future__ import annotations

from collections.abc import Iterator

from cfngen.operate import owned
from cfngen.operate.changes import Harm, Touch, Update
from cfngen.operate.finding import Level, some
from cfngen.operate.live import Live
from cfngen.operate.state import (
    APPLICATION,
    CLUSTER,
    LISTENER,
    LISTENER_RULE,
    LOAD_BALANCER,
    Change,
    Resource,
    Stack,
)
from cfngen.operate.state import Listener as Port


def listener(update: Update, touch: Touch) -> Iterator[Harm]:
    """Any change writes the declared default action (A6.12), so a service on it moves; on rules of its own it does not.

    A certificate or a TLS policy is such a harmless change, as long as the default action forwards nowhere.
    """
    arn = update.physical(touch)
    names = _names([live for live, _ in update.bound(arn, production=False)])
    seen = update.state.listener(arn)
    port = f"port {seen.port}" if seen else "this port"
    if touch.is_removed:
        told = f", on which rules of {names} stand" if names else ""
        yield Harm("error" if names else "warning", f"the change set removes this listener{told}: {port} is closed")
    elif touch.is_replaced or touch.may_be_replaced:
        told = "its rules go with it, and a balancer has one listener a port, so that the update fails"
        yield _replaced(touch, f"this listener: {told}")
    elif touch.is_written:
        yield from _default_action(update, touch, seen)
        if touch.writes("Port", "Protocol"):
            names = _names([live for live, each in update.bound(arn, production=True) if each.live])
            told = f": users of {names} who call {port} get no answer any more" if names else ""
            yield Harm("error" if names else "warning", f"the change set changes the port or protocol of {port}{told}")


def _default_action(update: Update, touch: Touch, seen: Port | None) -> Iterator[Harm]:
    is_sure = bool(touch.change.attributes) or not touch.change.perhaps
    if seen is None:
        yield Harm("warning", "the change set modifies this listener, and what its default action serves was not seen")
    elif seen.default:
        owners = [live for live in update.services if not live.pair.keys().isdisjoint(seen.default)]
        told = f"of {_names(owners)}" if owners else "of another stack"
        will = "would write" if is_sure else "might write"
        yield Harm(
            "error" if is_sure else "warning",
            f"the change set {will} the default action of port {seen.port}, which forwards to target groups {told}, "
            "back to the template's colour (A6.12)",
        )
    elif touch.writes("DefaultActions"):
        yield Harm("info", f"the change set changes what port {seen.port} answers when no rule matches")


def balancer(update: Update, touch: Touch) -> Iterator[Harm]:
    """A target group belongs to one balancer only (A6.9), and names in DNS lead to this one."""
    arn = update.physical(touch)
    ports = {each.arn for each in update.state.listeners if each.balancer == arn}
    stand = [live for live in update.staying if any(each.listener in ports for each in (*live.production, *live.test))]
    yield from _ground(touch, stand, "this load balancer", "its target groups belong to one balancer only (A6.9)")


def cluster(update: Update, touch: Touch) -> Iterator[Harm]:
    """An ECS service lives in one cluster; another cluster is another service."""
    name = update.physical(touch).rpartition("/")[2]
    stand = [live for live in update.staying if live.service and live.service.cluster == name]
    yield from _ground(touch, stand, "this ECS cluster", "an ECS service cannot move to another one (A2)")


def application(update: Update, touch: Touch) -> Iterator[Harm]:
    """A CodeDeploy application takes its deployment groups along (A4.2)."""
    name = update.physical(touch)
    stand = [live for live in update.staying if live.group and live.group.application == name]
    yield from _ground(touch, stand, "this CodeDeploy application", "its deployment groups go with it (A4.2)")


def nested(update: Update, touch: Touch) -> Iterator[Harm]:
    """A stack that goes, with all that is in it: a service on purpose, as a rule. What others stand on must not go."""
    if not touch.is_removed:
        return
    inside = [each for each in update.state.stacks if each.path == touch.below or each.path.startswith(f"{touch.below}/")]  # fmt: skip
    going = [each for each in update.services if each.stack in inside]
    busy = [f"{each.id} of {live.name} is in flight" for live in going for each in live.deployments]
    ground = [seen for stack in inside for each in stack.resources for seen in _gone(update, stack, each)]
    level: Level = "error" if busy or ground else "warning" if going else "info"
    parts = [*map(_goes, going)] or [f"{sum(len(each.resources) for each in inside)} resources"]
    said = "; ".join([f"the change set removes this stack with {' and '.join(parts)}", *busy, *ground])
    yield Harm(level, said)


def _goes(live: Live) -> str:
    tasks = sum(each.running for each in live.service.task_sets) if live.service else 0
    rules = owned.rules_told((*live.production, *live.test))
    return f"the service {live.name}: {rules}, both target groups, {tasks} running tasks, its deployment group"


def _gone(update: Update, stack: Stack, resource: Resource) -> Iterator[str]:
    """What would be an error if it were removed alone."""
    judges = {LISTENER: listener, LOAD_BALANCER: balancer, CLUSTER: cluster, APPLICATION: application, LISTENER_RULE: owned.rule}  # fmt: skip
    if judge := judges.get(resource.type):
        change = Change("Remove", resource.logical_id, resource.type, resource.physical_id)
        for harm in judge(update, Touch(change, stack.path, update.change_set)):
            if harm.level == "error":
                yield f"{resource.logical_id}: {harm.seen}"


def _ground(touch: Touch, stand: list[Live], what: str, why: str) -> Iterator[Harm]:
    names = _names(stand)
    if touch.is_removed:
        told = f", on which {names} runs" if names else ""
        yield Harm("error" if names else "warning", f"the change set removes {what}{told}: {why}")
    elif touch.is_replaced or touch.may_be_replaced:
        yield _replaced(touch, f"{what}: {why}")


def _replaced(touch: Touch, told: str) -> Harm:
    if touch.is_replaced:
        return Harm("error", f"the change set would replace {told}")
    return Harm("warning", f"the change set might replace {told}")


def _names(services: list[Live]) -> str:
    return some(list(dict.fromkeys(each.name for each in services)))
