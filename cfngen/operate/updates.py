"""P8, P10 and P11: tags, ledgers and states of stacks that stand in the way of an update."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cfngen.operate.colours import is_live
from cfngen.operate.finding import Finding, Level, command, some
from cfngen.operate.folder import Folder
from cfngen.operate.state import LISTENER_RULE, NESTED_STACK, Stack, State
from cfngen.operate.ways import deleted
from cfngen.stack import title

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
            yield Finding("P8", "error", root.shown, seen, (deleted(state.change_set),))
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
            seen = f"deployed, and not in {folder.path}/ledger.json: {some(rules)}"
            yield Finding("P10", "error", stack.shown, seen, _restored(folder, rules[0]))
        elif missing:
            others = [each.logical_id for each in missing]
            seen = f"deployed, and not in {folder.path}/ledger.json: {some(others)}"
            yield Finding("P10", "warning", stack.shown, seen, _restored(folder, others[0]))
    asked = [name for name in state.root.parameters if is_live(name) and name not in folder.owners]
    if asked:
        seen = f"the deployed root has {', '.join(asked)}, of which {folder.path}/ledger.json knows nothing, so it would write blue into those rules"
        yield Finding("P10", "error", state.root.shown, seen, _restored(folder, asked[0]))


def _restored(folder: Folder, word: str) -> tuple[str, ...]:
    """Git knows the commit that has it; everything since then is generated again from that ledger."""
    file = f"{folder.path}/ledger.json"
    return (
        command("git", "log", "--all", "--oneline", "-S", word, "--", file),
        command("git", "checkout", "COMMIT", "--", file),
        "cfngen generate",
    )
