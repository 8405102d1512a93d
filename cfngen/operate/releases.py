"""P5 and P6: a deployment that runs, and what would stop the next one, or not stop it when it should."""

from __future__ import annotations

import json
from collections.abc import Iterator

from cfngen.operate.finding import Finding, command
from cfngen.operate.live import Live
from cfngen.operate.state import ROLLBACK_EVENTS, Deployment, DeploymentGroup, State
from cfngen.operate.traffic import drift

_SAVED = "build/alarms.json"
_WHY = "*[].[AlarmName,StateValue,StateReason]"


def findings(state: State, live: Live) -> Iterator[Finding]:
    """What keeps one service from being released."""
    for deployment in live.deployments:
        told = f"deployment {deployment.id} is {deployment.status}"
        yield Finding("P5", "error", live.stack.shown, told + _waits(deployment), _ways(deployment))
    if live.group:
        yield from _alarms(state, live, live.group)
        yield from _way_back(live, live.group)


def _waits(deployment: Deployment) -> str:
    if deployment.status == "Ready":
        return ": it waits for somebody to continue it"
    return ": traffic has moved, and the old tasks stay for a rollback" if deployment.is_terminating else ""


def _ways(deployment: Deployment) -> tuple[str, ...]:
    named = ("--deployment-id", deployment.id)
    query = "deploymentInfo.[status,deploymentOverview,errorInformation.message]"
    watch = command("aws", "deploy", "get-deployment", *named, "--query", query)
    waits = "READY_WAIT" if deployment.status == "Ready" else "TERMINATION_WAIT" if deployment.is_terminating else ""
    go_on = (command("aws", "deploy", "continue-deployment", *named, "--deployment-wait-type", waits),) if waits else ()
    return (watch, *go_on, command("aws", "deploy", "stop-deployment", *named, "--auto-rollback-enabled"))


def _alarms(state: State, live: Live, group: DeploymentGroup) -> Iterator[Finding]:
    if not group.alarms:
        seen = f"deployment group {group.name} names no alarm: a release goes on whatever users get"
        yield Finding("P6", "warning", live.stack.shown, seen, drift(live))
        return
    if not group.alarms_enabled:
        seen = f"the alarms of deployment group {group.name} are switched off"
        yield Finding("P6", "info", live.stack.shown, seen, (_on(group, group.alarms),))
        return
    states = {each.name: each.state for each in state.alarms}
    if ringing := [name for name in group.alarms if states.get(name) == "ALARM"]:
        seen = f"{', '.join(ringing)} rings; to release what mends it: switch off, release, switch on"
        yield Finding("P6", "error", live.stack.shown, seen, (*_off(group), _on(group)))
    if gone := [name for name in group.alarms if name not in states and not state.is_unread("alarms")]:
        seen = f"{', '.join(gone)} is named by deployment group {group.name} and does not exist"
        yield Finding("P6", "warning", live.stack.shown, seen, (*_off(group), _on(group)))
    if blind := [name for name in group.alarms if states.get(name) == "INSUFFICIENT_DATA"]:
        seen = f"{', '.join(blind)} has no data, and stops no release until it has (L1.5)"
        ask = command("aws", "cloudwatch", "describe-alarms", "--alarm-names", *blind, "--query", _WHY)
        yield Finding("P6", "info", live.stack.shown, seen, (ask,))


def _way_back(live: Live, group: DeploymentGroup) -> Iterator[Finding]:
    """A deployment goes back by itself after the events that its group names, and after no other (A4.9)."""
    if missing := [each for each in ROLLBACK_EVENTS if each not in group.rollback_events]:
        seen = f"a deployment of group {group.name} does not go back by itself after {', '.join(missing)}"
        told = f"enabled=true,events={','.join(ROLLBACK_EVENTS)}"
        named = ("--application-name", group.application, "--current-deployment-group-name", group.name)
        mend = command("aws", "deploy", "update-deployment-group", *named, "--auto-rollback-configuration", told)
        yield Finding("P6", "warning", live.stack.shown, seen, (mend,))


def _off(group: DeploymentGroup) -> tuple[str, ...]:
    named = ("--application-name", group.application, "--deployment-group-name", group.name)
    query = ("--query", "deploymentGroupInfo.alarmConfiguration", "--output", "json")
    return (
        "mkdir -p build",
        f"{command('aws', 'deploy', 'get-deployment-group', *named, *query)} > {_SAVED}",
        _update(group, "enabled=false"),
    )


def _on(group: DeploymentGroup, alarms: tuple[str, ...] = ()) -> str:
    """Back to what was saved, or to the alarms that the group still names."""
    if not alarms:
        return _update(group, f"file://{_SAVED}")
    told = {"enabled": True, "ignorePollAlarmFailure": False, "alarms": [{"name": name} for name in alarms]}
    return _update(group, json.dumps(told, separators=(",", ":")))


def _update(group: DeploymentGroup, alarms: str) -> str:
    named = ("--application-name", group.application, "--current-deployment-group-name", group.name)
    return command("aws", "deploy", "update-deployment-group", *named, "--alarm-configuration", alarms)
