"""What commands say of plans and outcomes: lines, each with a colour or none, and data for programs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

from cfngen.deploy.account import Account
from cfngen.deploy.destruction import Farewell
from cfngen.deploy.planning import Plan
from cfngen.deploy.remains import Left
from cfngen.deploy.running import Outcome

Lines = Iterator[tuple[str, str]]
_LEVELS = {"error": "red", "warning": "yellow", "info": "blue"}


def values(plan: Plan) -> Iterator[str]:
    """The parameters that are not as they were, or as the template has them."""
    for each in plan.values:
        if each.source == "live":
            yield f"  {each.name}={each.value}, the colour in which {each.service} serves now"
        elif each.source == "given":
            yield f"  {each.name} as given"


def plan(plan: Plan) -> Lines:
    """What a change set would do, and what preflight says of it."""
    assert plan.changes  # an empty one is not shown
    for line, is_loud in plan.changes.lines():
        yield line, "red" if is_loud else ""
    yield f"{plan.stack}: {plan.changes.counts or 'nothing but outputs, parameters or descriptions'}", ""
    for each in plan.findings:
        yield f"{each.level} {each.id} {each.place}: {each.sentence}", _LEVELS[each.level]
        yield f"  seen: {each.seen}", ""
        for index, line in enumerate(each.mend):
            yield f"  {'      ' if index else 'mend: '}{line}", ""


def commands(plan: Plan) -> Iterator[str]:
    """How a change set that was left is looked at, executed and taken away."""
    yield "the change set waits; look at it, execute it, or take it away:"
    yield from (f"  {each}" for each in (plan.look, plan.execute, plan.forget))


def outcome(ended: Outcome) -> Lines:
    """How a deployment ended: outputs, or where it failed and what to do."""
    yield f"{ended.stack}: {ended.status}", "green" if ended.is_good else "red"
    yield from _failures(ended)
    if ended.is_protected:
        yield "it is protected from deletion from now on, because its description guards it", ""
    for line in ended.ways:
        yield line, ""
    width = max(map(len, ended.outputs or ()), default=0)
    for name, value in (ended.outputs or {}).items():
        yield f"  {name:<{width}}  {value}", ""


def farewell(told: Farewell) -> Lines:
    """What goes and what stays, before."""
    for each in told.going:
        if each.deleted or each.left:
            depth = each.stack.count("/") + 1 if each.stack else 0
            stays = f", {len(each.left)} stay" if each.left else ""
            name = each.stack.rpartition("/")[2] or told.stack
            yield f"{'  ' * depth}- {name}: {each.deleted} deleted{stays}", "red" if each.deleted else ""
    yield f"{told.stack}: {told.deleted} resources are deleted, {len(told.left)} stay{':' if told.left else ''}", ""
    for left in told.left:
        yield f"  {left.place}  {left.type}  {left.fate}", ""


def gone(ended: Outcome, left: Sequence[Left]) -> Lines:
    """How a deletion ended, and what was left."""
    yield f"{ended.stack}: {ended.status}", "green" if ended.is_good else "red"
    yield from _failures(ended)
    for line in ended.ways:
        yield line, ""
    if left:
        yield "what stays in the account, and what removes it for good:", ""
    for each in left:
        yield f"  {each.place}  {each.type}  {each.physical_id}", ""
        if each.remove:
            yield f"    {each.remove}", ""


def data(plan: Plan, ended: Outcome | None, account: Account) -> dict[str, Any]:
    """A deployment for programs; `docs/deploy.md` has the keys."""
    return {
        "stack": plan.stack,
        "account": account.number,
        "region": account.region,
        "operation": plan.kind if plan.changes else "none",
        "change_set": plan.change_set if plan.changes and not ended else "",
        "parameters": {each.name: {"source": each.source, "value": each.value if each.source == "live" else ""} for each in plan.values},
        "uploaded": plan.uploaded,
        "changes": plan.changes.data() if plan.changes else [],
        "findings": [
            {"id": each.id, "level": each.level, "sentence": each.sentence}
            | {"place": each.place, "seen": each.seen, "mend": list(each.mend)}
            for each in plan.findings
        ],
        **_ended(ended),
    }  # fmt: skip


def farewell_data(
    stack: str, account: Account, told: Farewell | None, ended: Outcome | None, left: Iterable[Left]
) -> dict[str, Any]:
    """A deletion for programs."""
    return {
        "stack": stack,
        "account": account.number,
        "region": account.region,
        "operation": "delete" if told else "none",
        "deleted": told.deleted if told else 0,
        "left": [asdict(each) for each in left],
        **_ended(ended),
    }


def _failures(ended: Outcome) -> Lines:
    for each in ended.failures:
        where = each.place or ended.stack
        yield f"{where} ({each.type}): {each.reason}", "red" if not ended.is_good else "yellow"


def _ended(ended: Outcome | None) -> dict[str, Any]:
    if ended is None:
        return {"status": "", "failures": [], "ways": [], "outputs": {}}
    return {
        "status": ended.status,
        "failures": [asdict(each) for each in ended.failures],
        "ways": list(ended.ways),
        "outputs": dict(ended.outputs or {}),
    }
