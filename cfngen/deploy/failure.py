"""Why an operation failed: the resources where it began, not the stacks around them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cfngen.deploy.events import Event
from cfngen.deploy.remains import BUCKET, bucket_away
from cfngen.operate.finding import command
from cfngen.operate.state import NESTED_STACK

_CANCELLED = re.compile(r"Resource (creation|update|deletion) cancelled|^Parent stack", re.IGNORECASE)
_OF_OTHERS = re.compile(r"^(Embedded stack|The following resource\(s\) failed|Nested stack)", re.IGNORECASE)


@dataclass(frozen=True)
class Failure:
    """One resource that failed by itself. `place` has the stacks that it is in, as in ``ServiceCustomer/LogGroup``."""

    place: str
    type: str
    status: str
    reason: str
    physical_id: str = ""


def leaves(events: Iterable[Event]) -> tuple[Failure, ...]:
    """Where it began, in the order of time; what was only cancelled or turned back by the stack
    around it, and stacks that failed by what is in them, left out.

    A nested stack of which nothing failed inside failed by itself: its template or its parameters.
    """
    told_failed = [each for each in events if each.reason and _is_failure(each)]
    failed = [each for each in told_failed if not _CANCELLED.search(each.reason)]
    stopped = {each.place for each in told_failed if _is_stack(each) and _CANCELLED.search(each.reason)}
    broken = [each for each in failed if not _is_stack(each)]
    found: dict[tuple[str, str], Failure] = {}
    for each in failed:
        inside = f"{each.place}/" if each.place else ""
        by_another = any(other.place.startswith(inside) for other in broken)
        of_others = _OF_OTHERS.match(each.reason)
        if _is_stack(each) and (by_another or (of_others and (each.place in stopped or _is_told_better(each, failed)))):
            continue
        told = Failure(each.place, each.type, each.status, " ".join(each.reason.split()), each.physical_id)
        found.setdefault((each.place, told.reason), told)
    return tuple(found.values())


def ways(stack: str, status: str, events: Sequence[Event]) -> tuple[str, ...]:
    """What to do now (K3.6 to K3.8), line by line: sentences, and commands that are indented."""
    name = ("--stack-name", stack)

    def on(operation: str, *more: str) -> str:
        return "  " + command("aws", "cloudformation", operation, *name, *more)

    again = "nothing is left of the update: every stack is as it was before. Mend what failed, and deploy again"
    told = {
        "UPDATE_ROLLBACK_COMPLETE": (again,),
        "ROLLBACK_COMPLETE": (
            "what was made is gone again, but for what is retained. A stack in ROLLBACK_COMPLETE can only be deleted; then mend what failed, and deploy again",
            on("delete-stack"),
            "  " + command("aws", "cloudformation", "wait", "stack-delete-complete", *name),
        ),
        "ROLLBACK_FAILED": (
            "not everything could be taken back. What is protected from deletion keeps its stack: take the protection off (README, Deploying), then delete the stack",
            on("delete-stack"),
        ),
        "UPDATE_ROLLBACK_FAILED": (
            "the way back is open still: mend what keeps it, and continue; what cannot be mended can be skipped",
            on("continue-update-rollback"),
            on("continue-update-rollback", "--resources-to-skip", *_skipped(events)),
        ),
        "DELETE_FAILED": (
            "mend what keeps it and delete again; or leave those resources in the account",
            *(f"  {bucket_away(each.physical_id)}" for each in leaves(events) if each.type == BUCKET),
            on("delete-stack"),
            on("delete-stack", "--deletion-mode", "FORCE_DELETE_STACK"),
        ),
    }
    return told.get(status, (f"the stack is in {status}; cfngen preflight --stack {stack} says more",))


def _skipped(events: Sequence[Event]) -> Iterable[str]:
    """What stands as failed at the end, in nested stacks by the stack's name."""
    names = {each.path: each.physical_id.split("/")[1] for each in events if each.is_stack and "/" in each.physical_id}
    last = {each.place: each for each in events if not _is_stack(each)}
    failed = [each for each in last.values() if each.has_failed]
    found = {
        f"{names[each.path]}.{each.logical_id}" if each.path in names and each.path else each.logical_id
        for each in failed
    }
    return sorted(found) or ["STACK_NAME.LOGICAL_ID"]


def _is_failure(event: Event) -> bool:
    # A stack that turns back says why in ROLLBACK_IN_PROGRESS.
    return event.has_failed or (event.is_stack and event.status.endswith("ROLLBACK_IN_PROGRESS"))


def _is_stack(event: Event) -> bool:
    return event.is_stack or event.type == NESTED_STACK


def _is_told_better(event: Event, failed: Sequence[Event]) -> bool:
    """Whether the stack itself, or one inside, says more than the stack around it."""
    inside = f"{event.place}/" if event.place else ""
    return any(
        other is not event and not _OF_OTHERS.match(other.reason)
        and (other.place == event.place or other.place.startswith(inside))
        for other in failed
    )  # fmt: skip
