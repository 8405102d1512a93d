"""P13: a deployment group that does not fit its service: whose it is, its pair of target groups, its listeners."""

from __future__ import annotations

import json
from collections.abc import Iterator

from cfngen.operate.finding import Finding, command
from cfngen.operate.live import Live
from cfngen.operate.state import DEPLOYMENT_GROUP, DeploymentGroup, State
from cfngen.operate.traffic import drift


def findings(state: State, live: Live) -> Iterator[Finding]:
    """What is wrong with the deployment group of a service, as far as it could be asked."""
    if state.is_unread("deployment groups"):
        return
    if live.group is None:
        yield from _none(state, live)
        return
    yield from _pair(state, live, live.group)
    yield from _listeners(state, live, live.group)


def _none(state: State, live: Live) -> Iterator[Finding]:
    """One that is in the stack and gone from the account is P12's to tell."""
    names = {each.physical_id.rpartition("|")[2] for each in live.stack.of_type(DEPLOYMENT_GROUP)}
    others = [each for each in state.deployment_groups if each.name in names]
    if live.service is None or (names and not others):
        return
    told = "".join(f"; {each.name} of its stack releases {each.service or 'none'} in {each.cluster or 'no cluster'}" for each in others)  # fmt: skip
    seen = f"no deployment group releases the service {live.service.name}{told}"
    yield Finding("P13", "error", live.stack.shown, seen, drift(live))


def _pair(state: State, live: Live, group: DeploymentGroup) -> Iterator[Finding]:
    """A pair is the service's two groups, by their names (A4.4)."""
    own = {made.name: colour for arn, colour in live.pair.items() if (made := state.target_group(arn))}
    if len(own) != 2 or sorted(own) == sorted(group.target_groups):
        return
    told = ", ".join(_told(state, own, name) for name in group.target_groups) or "no target group"
    seen = f"the pair of deployment group {group.name} is {told}; it would be {' and '.join(own)}"
    yield Finding("P13", "error", f"{live.stack.shown}/DeploymentGroup", seen, _restored(state, live, group))


def _told(state: State, own: dict[str, str], name: str) -> str:
    if name in own:
        return f"{name} ({own[name]})"
    arns = {each.arn for each in state.target_groups if each.name == name}
    owners = (f"{stack.shown}/{made.logical_id}" for stack in state.stacks for made in stack.resources if made.physical_id in arns)  # fmt: skip
    return f"{name} ({next(owners, 'of no stack of this stage')})"


def _listeners(state: State, live: Live, group: DeploymentGroup) -> Iterator[Finding]:
    """CodeDeploy moves the rules of one production listener; others keep the old colour, whose tasks end (A6.2)."""
    if state.is_unread("rules"):
        return
    place, mend = f"{live.stack.shown}/DeploymentGroup", _restored(state, live, group)
    if not group.production_listeners:
        yield Finding("P13", "error", place, f"deployment group {group.name} names no production listener", mend)
        return
    there = {each.arn for each in state.listeners}
    if gone := [each for each in (*group.production_listeners, *group.test_listeners) if each not in there]:
        seen = f"deployment group {group.name} names {', '.join(gone)}, which is no listener of this stage"
        yield Finding("P13", "error", place, seen, mend)
    elif apart := [each for each in live.production if each.live and each.listener not in group.production_listeners]:
        where = "; ".join(f"{each.place} stands on {_port(state, each.listener)}" for each in apart)
        seen = (
            f"{where}, which deployment group {group.name} does not move: after the next release it leads to no tasks"
        )
        yield Finding("P13", "error", place, seen, mend)


def _port(state: State, arn: str) -> str:
    listener = state.listener(arn)
    return f"port {listener.port}" if listener else arn


def _restored(state: State, live: Live, group: DeploymentGroup) -> tuple[str, ...]:
    """The pair and the listeners written anew; there is one production listener only (A4.4), so it must be plain which."""
    names = [made.name for arn in live.pair if (made := state.target_group(arn))]
    stand = list(dict.fromkeys(each.listener for each in live.production if each.live))
    test = [each for each in group.test_listeners if state.listener(each)]
    test = test or list(dict.fromkeys(each.listener for each in live.test))
    if len(names) != 2 or len(stand) != 1:
        return drift(live)
    told = {"prodTrafficRoute": {"listenerArns": stand}, "targetGroups": [{"name": name} for name in names]}
    told |= {"testTrafficRoute": {"listenerArns": test}} if test else {}
    info = json.dumps({"targetGroupPairInfoList": [told]}, separators=(",", ":"))
    named = ("--application-name", group.application, "--current-deployment-group-name", group.name)
    return (command("aws", "deploy", "update-deployment-group", *named, "--load-balancer-info", info),)
