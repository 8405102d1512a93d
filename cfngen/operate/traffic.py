"""P1 to P4: rules, target groups and tasks of a service that do not fit together, or do not get its requests."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache

from cfngen.operate.finding import Finding, Level, command
from cfngen.operate.live import Forward, Live
from cfngen.operate.state import LISTENER_RULE, Rule, State


def findings(state: State, live: Live) -> Iterator[Finding]:
    """What is wrong with one service. While a deployment moves its traffic, only what hurts users at once."""
    yield from _empty_groups(live)
    yield from _unhealthy(state, live)
    yield from _rivals(state, live)
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


def _unhealthy(state: State, live: Live) -> Iterator[Finding]:
    """Targets that do not answer the health check of a group that gets requests."""
    if live.service is None or live.is_asleep:
        return
    for arn in dict.fromkeys(arn for each in live.production for arn in sorted(each.live & live.pair.keys())):
        health = group.health if (group := state.target_group(arn)) else {}
        if sick := health.get("unhealthy"):
            level: Level = "warning" if health.get("healthy") else "error"
            seen = f"{sick} of {sum(health.values())} targets in {live.named(arn)} are unhealthy, and production sends requests there"
            ask = command("aws", "elbv2", "describe-target-health", "--target-group-arn", arn)
            yield Finding("P2", level, live.stack.shown, seen, (ask, *_look(live)))


def _rivals(state: State, live: Live) -> Iterator[Finding]:
    """Rules that no stack of the stage has made, and that take requests before the service's own can."""
    if state.is_unread("stacks"):
        return
    made = {each.physical_id for stack in state.stacks for each in stack.of_type(LISTENER_RULE)}
    places = {each.arn: each.place for each in live.production}
    own = [each for each in state.rules if each.arn in places]
    for rule in state.rules:
        behind = [places[each.arn] for each in own if _comes_first(rule, each)]
        if behind and rule.arn not in made and not live.pair.keys() & rule.weights.keys():
            listener = state.listener(rule.listener)
            port = f" on port {listener.port}" if listener else ""
            asked = " ".join((*rule.hosts, *rule.paths)) or "any request"
            seen = f"rule {rule.priority}{port} ({asked}: {rule.kind}) is of no stack of this stage and comes before {', '.join(behind)}"
            named = command("aws", "elbv2", "describe-rules", "--rule-arns", rule.arn)
            mend = (named, command("aws", "elbv2", "delete-rule", "--rule-arn", rule.arn))
            yield Finding("P2", "warning", live.stack.shown, seen, mend)


def _comes_first(one: Rule, other: Rule) -> bool:
    """Whether a rule may take a request that would be the other one's; conditions beside host and path narrow it only."""
    hosts = [[each.lower() for each in rule.hosts] for rule in (one, other)]
    return (
        one.listener == other.listener
        and one.priority < other.priority
        and _may_meet(*hosts)
        and _may_meet(one.paths, other.paths)
    )


def _may_meet(some: Sequence[str], others: Sequence[str]) -> bool:
    return not some or not others or any(_meets(one, other) for one in some for other in others)


@cache
def _meets(one: str, other: str) -> bool:
    """Whether some text fits two patterns of ``*`` and ``?``."""
    if not one or not other:
        return not (one + other).strip("*")
    if one[0] == "*":
        return _meets(one[1:], other) or _meets(one, other[1:])
    if other[0] == "*":
        return _meets(other, one)
    return (one[0] == other[0] or "?" in (one[0], other[0])) and _meets(one[1:], other[1:])


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
