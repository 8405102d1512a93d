"""P7 and P9: what a change set would do that it must not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from cfngen.operate import colours, owned, shared
from cfngen.operate.changes import Harm, Touch, Update
from cfngen.operate.finding import Finding, command
from cfngen.operate.folder import Folder
from cfngen.operate.live import Live
from cfngen.operate.state import (
    APPLICATION,
    CLUSTER,
    DEPLOYMENT_GROUP,
    ECS_SERVICE,
    LISTENER,
    LISTENER_RULE,
    LOAD_BALANCER,
    NESTED_STACK,
    TARGET_GROUP,
    TASK_DEFINITION,
    ChangeSet,
    State,
)
from cfngen.operate.ways import deleted, made_again

PRIVATE_SUBNETS = "PrivateSubnetIds"
"""The root parameter of `Network(existing=True)`."""
_JUDGES: Mapping[str, Callable[[Update, Touch], Iterator[Harm]]] = {
    LISTENER_RULE: owned.rule,
    TARGET_GROUP: owned.target_group,
    ECS_SERVICE: owned.ecs_service,
    TASK_DEFINITION: owned.bootstrap,
    DEPLOYMENT_GROUP: owned.deployment_group,
    LISTENER: shared.listener,
    LOAD_BALANCER: shared.balancer,
    CLUSTER: shared.cluster,
    APPLICATION: shared.application,
    NESTED_STACK: shared.nested,
}


def findings(state: State, folder: Folder | None, every: Sequence[Live]) -> Iterator[Finding]:
    """What is wrong with the change set that was asked for; without one, with the values that a deploy would keep."""
    change_set = state.change_set
    if change_set is None:
        if folder:
            yield from colours.kept(state, folder, every)
        return
    if change_set.deployment_mode == "REVERT_DRIFT":
        seen = f"change set {change_set.name} has the deployment mode REVERT_DRIFT"
        yield Finding("P9", "error", state.root.shown, seen, (deleted(change_set),))
    if change_set.status != "CREATE_COMPLETE":
        if not _is_empty(change_set):
            yield _unready(state, change_set)
        return
    yield from _birth_subnets(state, change_set)
    update = Update(state, tuple(every), change_set)
    yield from _harms(update)
    yield from colours.given(update, folder)
    if hidden := sorted({each.below for each in update.touches if _is_hidden(each)}):
        if state.is_unread("change sets"):
            return  # P12 tells it
        seen = f"what change set {change_set.name} does inside {', '.join(hidden)} is not known: it was made without --include-nested-stacks"
        yield Finding("P7", "warning", state.root.shown, seen, (deleted(change_set), made_again(state, change_set)))


def _birth_subnets(state: State, change_set: ChangeSet) -> Iterator[Finding]:
    """In a network that exists, services are born in the first two subnets of a list, and keep these for life (A2)."""
    if "BirthSubnetIds" in change_set.parameters:  # a tree of one's own gives them apart
        return
    had, wanted = (
        [each.strip() for each in told.get(PRIVATE_SUBNETS, "").split(",")][:2]
        for told in (state.root.parameters, change_set.parameters)
    )
    if any(had) and any(wanted) and had != wanted:
        seen = f"{PRIVATE_SUBNETS} would begin with {', '.join(wanted)} and begins with {', '.join(had)}: services were born in these two, and ECS refuses another definition of them. Add further ones behind them"
        yield Finding("P7", "error", state.root.shown, seen, (deleted(change_set),))


def _harms(update: Update) -> Iterator[Finding]:
    for touch in update.touches:
        if judge := _JUDGES.get(touch.change.type):
            shown = touch.path or update.state.root.shown
            for harm in judge(update, touch):
                mend = _ways(update, touch, harm)
                yield Finding("P7", harm.level, f"{shown}/{touch.change.logical_id}", harm.seen, mend)


def _ways(update: Update, touch: Touch, harm: Harm) -> tuple[str, ...]:
    look = command(
        "aws", "cloudformation", "describe-change-set", "--change-set-name", touch.change_set.id,
        "--include-property-values",
        "--query", f"Changes[?ResourceChange.LogicalResourceId=='{touch.change.logical_id}'].ResourceChange.Details[].Target",
    )  # fmt: skip
    if touch.is_removed:  # which has no details
        return () if harm.level == "info" else (deleted(update.change_set),)
    return (look, deleted(update.change_set)) if harm.level == "error" else (look,)


def _is_hidden(touch: Touch) -> bool:
    """Nested stacks into which the change set does not look. One that is added has nothing live to lose."""
    return touch.change.type == NESTED_STACK and touch.is_written


def _is_empty(change_set: ChangeSet) -> bool:
    said = change_set.reason
    return change_set.status == "FAILED" and (
        "didn't contain changes" in said or "No updates are to be performed" in said
    )


def _unready(state: State, change_set: ChangeSet) -> Finding:
    named = ("--change-set-name", change_set.id)
    is_made = change_set.status in ("CREATE_PENDING", "CREATE_IN_PROGRESS")
    wait = command("aws", "cloudformation", "wait", "change-set-create-complete", *named)
    reason = f": {change_set.reason}" if change_set.reason else ""
    seen = f"change set {change_set.name} is {change_set.status}{reason}"
    return Finding("P7", "warning", state.root.shown, seen, (wait if is_made else deleted(change_set),))
