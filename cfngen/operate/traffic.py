"""P1 to P4: rules, target groups and tasks of a service that do not fit together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cfngen.operate.finding import Finding, Level, command
from cfngen.operate.live import Forward, Live
from cfngen.operate.state import State


def findings(state: State, live: Live) -> Iterator[Finding]:
    """What is wrong with one service. While a deployment moves its traffic, only what hurts users at once."""
    yield from _empty_groups(live)
    if not live.deployments:
        yield from _disagreement(live)
    if not live.deployments and not state.is_unread("rules"):  # what was not seen may be what is missed
        yield from _primary(live)
        yield from _unattached(state, live)


def _disagreement(live: Live) -> Iterator[Finding]:
    if live.production and not live.colour:
        seen = _said(live, live.production)
        yield Finding("P1", "error", live.stack.shown, seen, live.restored() or _look(live))
    if len({each.live for each in live.test}) > 1 or any(len(each.live) != 1 for each in live.test):
        # Softer than of production (A6.7); a hook that looks at the next version would see both.
        seen = f"on the test listener {_said(live, live.test)}"
        yield Finding("P1", "warning", live.stack.shown, seen, live.restored(live.test) or _look(live))


def _said(live: Live, forwards: Iterable[Forward]) -> str:
    return "; ".join(f"{each.place} says {live.told(each)}" for each in forwards)


def _empty_groups(live: Live) -> Iterator[Finding]:
    if live.service is None or live.is_asleep:
        return
    hurt = [
        f"{each.place} gives {each.weights[group]} to {live.named(group)}, where no task runs"
        for each in live.production
        for group in sorted(each.live & live.pair.keys())
        if not live.service.running_in(group)
    ]
    if hurt:
        yield Finding("P2", "error", live.stack.shown, "; ".join(hurt), live.restored() or _look(live))


def _primary(live: Live) -> Iterator[Finding]:
    if live.service is None:
        return
    primary = live.primary
    if primary is None:
        yield Finding("P3", "error", live.stack.shown, "the service has no primary task set", _look(live))
        return
    listeners = live.group.production_listeners if live.group else ()
    behind = [each for each in live.production if not listeners or each.listener in listeners]
    if not any(primary.target_group in each.live for each in behind):
        said = _said(live, behind) or "no production rule names the pair"
        seen = f"the primary task set {primary.id} is in {live.named(primary.target_group)}; {said}"
        yield Finding("P3", "error", live.stack.shown, seen, live.restored() or _look(live))


def _unattached(state: State, live: Live) -> Iterator[Finding]:
    for arn, colour in live.pair.items():
        group = state.target_group(arn)
        forwards = [each for each in (*live.production, *live.test) if arn in each.weights]
        if group is None or (group.balancers and forwards):
            continue
        # CodeDeploy may itself take the idle group out of a rule (A6.4).
        level: Level = "error" if live.primary and live.primary.target_group == arn else "warning"
        said = f"belongs to {', '.join(group.balancers)}" if group.balancers else "belongs to no balancer"
        seen = f"{colour} ({group.name}) {said}, and {'a rule' if forwards else 'no rule of the service'} names it"
        others = [each for each in (*live.production, *live.test) if arn not in each.weights and each.kind == "forward"]
        mend = tuple(each.name(arn) for each in others) or drift(live)
        yield Finding("P4", level, f"{live.stack.shown}/{colour.capitalize()}TargetGroup", seen, mend)


def _look(live: Live) -> tuple[str, ...]:
    """When no command can say what is right, the one that shows why no tasks serve."""
    if live.service is None:
        return drift(live)
    query = "services[0].[taskSets[].[id,status,runningCount],events[:5].message]"
    named = ("--cluster", live.service.cluster, "--services", live.service.name)
    return (command("aws", "ecs", "describe-services", *named, "--query", query),)


def drift(live: Live) -> tuple[str, ...]:
    """When something of the service is gone, or another's: drift says what."""
    return (
        command("aws", "cloudformation", "detect-stack-drift", "--stack-name", live.stack.name),
        command(
            "aws", "cloudformation", "describe-stack-resource-drifts", "--stack-name", live.stack.name,
            "--stack-resource-drift-status-filters", "DELETED", "MODIFIED",
        ),
    )  # fmt: skip
