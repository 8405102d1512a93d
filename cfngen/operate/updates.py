"""P7 to P11: what a stack update would do that it must not, and stacks that cannot be updated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cfngen.operate.finding import Finding, Level, command
from cfngen.operate.folder import Folder
from cfngen.operate.state import (
    ECS_SERVICE,
    LISTENER_RULE,
    NESTED_STACK,
    TARGET_GROUP,
    TASK_DEFINITION,
    Change,
    ChangeSet,
    Stack,
    State,
)
from cfngen.stack import title

_WRITTEN_ONCE = (LISTENER_RULE, ECS_SERVICE, TARGET_GROUP)
_BOOTSTRAP = "BootstrapTaskDefinition"
_GOOD = (
    "CREATE_COMPLETE",
    "UPDATE_COMPLETE",
    "UPDATE_ROLLBACK_COMPLETE",
    "IMPORT_COMPLETE",
    "IMPORT_ROLLBACK_COMPLETE",
    "REVIEW_IN_PROGRESS",  # nothing but a change set that would make it
)


def findings(state: State, folder: Folder | None) -> Iterator[Finding]:
    """What stands in the way of an update."""
    yield from _states(state)
    yield from _tags(state)
    if folder:
        yield from _ledger(state, folder)
    if state.change_set:
        yield from _change_set(state, state.change_set)


# P11


def _states(state: State) -> Iterator[Finding]:
    for stack in state.stacks:
        if stack.status in _GOOD:
            continue
        if stack.path and state.root.status not in _GOOD:
            continue  # its parent's state says what to do
        level: Level = "warning" if stack.status in ("CREATE_FAILED", "UPDATE_FAILED") else "error"
        yield Finding("P11", level, stack.shown, f"it is in {stack.status}", _way_on(state, stack))


def _way_on(state: State, stack: Stack) -> tuple[str, ...]:
    name = ("--stack-name", stack.name)
    query = "StackEvents[?ends_with(ResourceStatus,'_FAILED')].[LogicalResourceId,ResourceStatusReason]"
    why = command("aws", "cloudformation", "describe-stack-events", *name, "--query", query, "--output", "table")

    def on(operation: str, *more: str) -> str:
        return command("aws", "cloudformation", operation, *name, *more)

    waits = {
        "CREATE_IN_PROGRESS": "stack-create-complete",
        "DELETE_IN_PROGRESS": "stack-delete-complete",
        "UPDATE_IN_PROGRESS": "stack-update-complete",
        "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS": "stack-update-complete",
        "UPDATE_ROLLBACK_IN_PROGRESS": "stack-rollback-complete",
        "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS": "stack-rollback-complete",
    }
    deleted = (on("delete-stack"), command("aws", "cloudformation", "wait", "stack-delete-complete", *name))
    ways = {
        "ROLLBACK_COMPLETE": deleted,
        "ROLLBACK_FAILED": deleted,
        "DELETE_FAILED": (on("delete-stack", "--deletion-mode", "FORCE_DELETE_STACK"),),
        "UPDATE_ROLLBACK_FAILED": (
            on("continue-update-rollback"),
            on("continue-update-rollback", *_skipped(state)),
        ),
        "CREATE_FAILED": (on("rollback-stack"),),
        "UPDATE_FAILED": (on("rollback-stack"),),
    }
    if stack.status in waits:
        return (command("aws", "cloudformation", "wait", waits[stack.status], *name),)
    # A nested stack is mended through its root alone (K1.7).
    return (why, *(() if stack.path else ways.get(stack.status, ())))


def _skipped(state: State) -> tuple[str, ...]:
    """What a second try leaves out: the resources that failed, in nested stacks by the stack's name (K3.6)."""
    failed = [
        f"{stack.name}.{each.logical_id}" if stack.path else each.logical_id
        for stack in state.stacks
        for each in stack.resources
        if each.status == "UPDATE_FAILED" and each.type != NESTED_STACK
    ]
    return ("--resources-to-skip", *(failed or ["STACK_NAME.LOGICAL_ID"]))


# P8


def _tags(state: State) -> Iterator[Finding]:
    root, wanted = state.root, state.change_set.tags if state.change_set else None
    if wanted is not None:
        if dict(wanted) != dict(root.tags):
            assert state.change_set  # or nothing would be wanted
            seen = f"the stack has {_told(root.tags)}, the change set {_told(wanted)}"
            yield Finding("P8", "error", root.shown, seen, (_deleted(state.change_set),))
    elif root.tags:
        given = [f"{name}={value}" for name, value in sorted(root.tags.items())]
        seen = f"it has {_told(root.tags)}; an update that leaves a tag out takes it away everywhere, so give each update exactly these"
        keep = command(
            "aws", "cloudformation", "describe-stacks", "--stack-name", root.name, "--query", "Stacks[0].Tags"
        )
        yield Finding("P8", "warning", root.shown, f"{seen}: {command('--tags', *given)}", (keep,))


def _told(tags: Mapping[str, str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in sorted(tags.items())) or "no tags"


# P10


def _ledger(state: State, folder: Folder) -> Iterator[Finding]:
    known = {line.partition(" ")[0] for line in folder.ledger.resources}
    names = {title(place.partition("/")[0]): place.partition("/")[0] for place in known}
    root = str(folder.ledger.births["stage"]["application"])
    for stack in state.stacks:
        name = names.get(stack.path.rpartition("/")[2], "") if stack.path else root
        missing = [each for each in stack.resources if f"{name}/{each.logical_id}" not in known]
        rules = [each.logical_id for each in missing if each.type == LISTENER_RULE]
        if rules:
            seen = f"deployed, and not in {folder.path}/ledger.json: {_some(rules)}"
            yield Finding("P10", "error", stack.shown, seen, _restored(folder, rules[0]))
        elif missing:
            others = [each.logical_id for each in missing]
            seen = f"deployed, and not in {folder.path}/ledger.json: {_some(others)}"
            yield Finding("P10", "warning", stack.shown, seen, _restored(folder, others[0]))
    asked = [name for name in state.root.parameters if _is_live(name) and name not in folder.owners]
    if asked:
        seen = f"the deployed root has {', '.join(asked)}, of which {folder.path}/ledger.json knows nothing, so it would write blue into those rules"
        yield Finding("P10", "error", state.root.shown, seen, _restored(folder, asked[0]))


def _some(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _is_live(name: str) -> bool:
    owner, rule, rest = name.rpartition("Rule")
    return bool(owner and rule) and rest.endswith("Live") and len(rest) == len("xxxxxxxxLive")


def _restored(folder: Folder, word: str) -> tuple[str, ...]:
    """Git knows the commit that has it; everything since then is generated again from that ledger."""
    file = f"{folder.path}/ledger.json"
    return (
        command("git", "log", "--all", "--oneline", "-S", word, "--", file),
        command("git", "checkout", "COMMIT", "--", file),
        "cfngen generate",
    )


# P7 and P9


def _change_set(state: State, change_set: ChangeSet) -> Iterator[Finding]:
    if change_set.deployment_mode == "REVERT_DRIFT":
        seen = f"change set {change_set.name} has the deployment mode REVERT_DRIFT"
        yield Finding("P9", "error", state.root.shown, seen, (_deleted(change_set),))
    if change_set.status != "CREATE_COMPLETE":
        if not _is_empty(change_set):
            yield _unready(state, change_set)
        return
    yield from _touched(change_set, change_set, state.root.shown, "")
    if hidden := sorted(set(_hidden(change_set, ""))):
        seen = f"what change set {change_set.name} does inside {', '.join(hidden)} is not known: it was made without --include-nested-stacks"
        yield Finding("P7", "warning", state.root.shown, seen, (_deleted(change_set), _made_again(state)))


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
    return Finding("P7", "warning", state.root.shown, seen, (wait if is_made else _deleted(change_set),))


def _touched(root: ChangeSet, change_set: ChangeSet, shown: str, path: str) -> Iterator[Finding]:
    for change in change_set.changes:
        if change.change_set:
            below = f"{path}/{change.logical_id}".strip("/")
            yield from _touched(root, change.change_set, below, below)
        elif _is_written_once(change) and change.action in ("Modify", "Dynamic", "SyncWithActual"):
            look = command(
                "aws", "cloudformation", "describe-change-set", "--change-set-name", change_set.id,
                "--include-property-values",
                "--query", f"Changes[?ResourceChange.LogicalResourceId=='{change.logical_id}'].ResourceChange.Details[].Target",
            )  # fmt: skip
            level = _level(change)
            mend = (look, _deleted(root)) if level == "error" else (look,)
            yield Finding("P7", level, f"{shown}/{change.logical_id}", _in_words(change), mend)


def _is_written_once(change: Change) -> bool:
    return change.type in _WRITTEN_ONCE or (change.type == TASK_DEFINITION and change.logical_id == _BOOTSTRAP)


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


def _hidden(change_set: ChangeSet, path: str) -> Iterator[str]:
    """Nested stacks into which the change set does not look. One that is added or removed has nothing live to lose."""
    for change in change_set.changes:
        below = f"{path}/{change.logical_id}".strip("/")
        if change.change_set:
            yield from _hidden(change.change_set, below)
        elif change.type == NESTED_STACK and change.action == "Modify":
            yield below


def _deleted(change_set: ChangeSet) -> str:
    return command("aws", "cloudformation", "delete-change-set", "--change-set-name", change_set.id)


def _made_again(state: State) -> str:
    kept = [f"ParameterKey={name},UsePreviousValue=true" for name in sorted(state.root.parameters)]
    return command(
        "aws", "cloudformation", "create-change-set", "--stack-name", state.root.name, "--change-set-name", "preflight",
        "--template-body", "file://PACKAGED_TEMPLATE", "--include-nested-stacks", "--capabilities", "CAPABILITY_IAM",
        *(["--parameters", *kept] if kept else []),
    )  # fmt: skip
