"""P7: changes of what a service owns. Its rules, target groups, ECS service and bootstrap revision are written once."""

from __future__ import annotations

from collections.abc import Iterator

from cfngen.operate.changes import Harm, Touch, Update, is_test
from cfngen.operate.finding import Level
from cfngen.operate.live import Forward, Live
from cfngen.operate.state import Change

BOOTSTRAP = "BootstrapTaskDefinition"


def written_once(touch: Touch) -> Iterator[Harm]:
    """A rule that is written sends users to the template's colour (A6.12); ECS refuses a service that changed (A2)."""
    if touch.is_written:
        yield Harm(_level(touch.change), _in_words(touch.change))


def bootstrap(_: Update, touch: Touch) -> Iterator[Harm]:
    """A revision that a service names: another one changes the service (A3.3)."""
    if touch.change.logical_id == BOOTSTRAP:
        yield from written_once(touch)


def rule(update: Update, touch: Touch) -> Iterator[Harm]:
    """A rule may go when another takes its place, or when the service keeps others and its paths are given up."""
    yield from written_once(touch)
    if not touch.is_removed:
        return
    arn = update.physical(touch)
    for live in update.staying:
        if any(each.arn == arn for each in live.production):
            yield from _without(update, live)
        elif any(each.arn == arn for each in live.test):
            yield from _without_test(update, live)
    if not any(arn == each.arn for live in update.services for each in (*live.production, *live.test)):
        added = update.added_rules(touch.path)
        if not added:
            yield Harm(
                "warning", "the change set removes this rule and adds none: what it answered is answered otherwise"
            )


def _without(update: Update, live: Live) -> Iterator[Harm]:
    left = [each for each in live.production if each.arn not in update.leaving]
    added = [each for each in update.added_rules(live.stack.path) if not is_test(each)]
    if live.deployments:
        moved = f"while deployment {live.deployments[0].id} moves the rules of {live.name}"
        yield Harm("error", f"the change set removes this rule {moved}")
    elif not left and not added:
        yield Harm(
            "error",
            f"the change set removes the last production rule of {live.name}: nobody reaches its tasks any more, and "
            "its next deployment fails (A6.6)",
        )
    elif not added:
        yield Harm(
            "warning",
            f"the change set removes this rule and adds none to {live.name}: requests that it matched go elsewhere",
        )


def _without_test(update: Update, live: Live) -> Iterator[Harm]:
    left = [each for each in live.test if each.arn not in update.leaving]
    if not left and not any(map(is_test, update.added_rules(live.stack.path))):
        yield Harm(
            "warning",
            f"the change set removes the last test rule of {live.name}: nobody sees its next version before users do",
        )


def target_group(update: Update, touch: Touch) -> Iterator[Harm]:
    """A pair is two groups (A4.4), and a group that serves is not to be missed."""
    yield from written_once(touch)
    if not touch.is_removed:
        return
    arn = update.physical(touch)
    for live in update.staying:
        if arn in live.pair:
            what = "serves" if _serves(live, arn) else "is the other one of the pair, without which no release starts"
            yield Harm("error", f"the change set removes {live.named(arn)} of {live.name}, which {what} (A4.4)")
        elif any(arn in each.live for each in live.production):
            yield Harm("error", f"the change set removes this target group, to which rules of {live.name} give weight")


def ecs_service(update: Update, touch: Touch) -> Iterator[Harm]:
    """A service that goes without its stack leaves rules behind that lead nowhere."""
    yield from written_once(touch)
    if not touch.is_removed:
        return
    service = update.state.service(update.physical(touch))
    running = sum(each.running for each in service.task_sets) if service else 0
    level: Level = "error" if running or service is None or service.desired else "warning"
    told = f"{running} running tasks" if service else "its tasks, which could not be seen,"
    yield Harm(level, f"the change set removes this ECS service with {told} and leaves its stack")


def deployment_group(update: Update, touch: Touch) -> Iterator[Harm]:
    """It may change between releases, but its name and application not (A4.2), and its pair and listeners with care."""
    live = update.service(touch.path)
    if live and live.deployments and (touch.is_written or touch.is_removed):
        does = "removes" if touch.is_removed else "modifies"
        may_not = touch.is_written and not touch.is_replaced and touch.change.perhaps and not touch.change.attributes
        level: Level = "warning" if may_not else "error"
        yield Harm(level, f"the change set {does} this deployment group while {live.deployments[0].id} is in flight")
    elif touch.is_removed:
        yield Harm("warning", "the change set removes this deployment group: its service is released no more")
    elif touch.is_replaced or touch.may_be_replaced:
        sure, will = (True, "would") if touch.is_replaced else (False, "might")
        yield Harm(
            "error" if sure else "warning",
            f"the change set {will} replace this deployment group, and a service is in one group only (A4.2, A4.12)",
        )
    elif touch.writes("ECSServices"):
        yield Harm("error", "the change set gives this deployment group another service (A4.12)")
    elif touch.writes("LoadBalancerInfo") and not update.added_rules(touch.path):
        yield Harm(
            "warning",
            "the change set gives this deployment group other listeners or target groups, and its service no rules "
            "for them: the next deployment fails unless the group that serves is behind them (A4.4, A6.6)",
        )


def _serves(live: Live, arn: str) -> bool:
    return any(arn in each.live for each in live.production) or bool(live.service and live.service.running_in(arn))


def rules_told(forwards: tuple[Forward, ...]) -> str:
    """How many rules, in words."""
    return f"{len(forwards)} rule{'' if len(forwards) == 1 else 's'}"


def _level(change: Change) -> Level:
    """What only may happen is a warning: values of other stacks are not known before the update (K2.2)."""
    if change.action != "Modify":
        return "warning"
    if change.replacement == "True" or change.attributes:
        return "error"
    return "warning" if change.replacement == "Conditional" or change.perhaps else "error"


def _in_words(change: Change) -> str:
    will = "would" if _level(change) == "error" else "might"
    what = f"{will} replace" if change.replacement == "True" else f"{will} modify"
    if change.replacement == "Conditional":
        what = "would modify and might replace" if change.attributes else "might replace"
    sure = f", by {', '.join(change.attributes)}" if change.attributes else ""
    perhaps = f", perhaps by {', '.join(change.perhaps)}" if change.perhaps else ""
    return f"the change set {what} this {change.type}{sure}{perhaps}"
