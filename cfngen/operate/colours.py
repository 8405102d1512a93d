"""The colours that new rules begin with: what the next deploy must be given, and (P7) what a change set gives wrongly.

A rule that replaces one of a released service says the colour of a root parameter, `<Service>Rule<digest>Live`, without
a default. The value is kept afterwards, so that no later update writes that rule again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cfngen.operate.changes import Update
from cfngen.operate.finding import Finding, command, some
from cfngen.operate.folder import Folder
from cfngen.operate.live import Live
from cfngen.operate.state import LISTENER_RULE, State
from cfngen.operate.ways import deleted, made_again
from cfngen.stack import title


@dataclass(frozen=True)
class Asked:
    """A parameter that the next deploy must be given. Without a `value` the `reason` says why nobody can know it yet."""

    name: str
    service: str
    value: str
    reason: str = ""


def is_live(name: str) -> bool:
    """Whether a parameter asks for a live colour, by its name."""
    return re.fullmatch(r"[A-Za-z0-9]+Rule[0-9a-f]{8}Live", name) is not None


def asked(state: State, folder: Folder, every: Sequence[Live]) -> Iterator[Asked]:
    """The colours that the folder's root asks for, of the services whose rules they are.

    Those that the deployed root has are kept, and not asked for; unless a rule is yet to be made with one that is not
    the live one any more.
    """
    for name, service in folder.live.items():
        value, reason = serving(state, every, title(f"service-{service}"))
        kept = state.root.parameters.get(name)
        if kept is None or (kept != value and _unmade(state, folder, name)):
            yield Asked(name, service, value, reason)


def serving(state: State, every: Sequence[Live], name: str) -> tuple[str, str]:
    """The colour that a service's rules must begin with now, by the logical id of its stack; else why nobody can tell."""
    live = next((each for each in every if each.stack.path.rpartition("/")[2] == name), None)
    if live:
        reason = _unsure(state, live)
        return ("", reason) if reason else (live.colour, "")
    if any(each.path.rpartition("/")[2] == name for each in state.stacks):
        return "", "its target groups or its ECS service are not there"
    if state.is_unread("stacks"):
        return "", "not every nested stack could be asked"
    return "blue", ""  # a service that is not deployed is born blue


def _unsure(state: State, live: Live) -> str:
    """Why nobody can tell what serves, or will serve when the deploy comes."""
    if live.deployments:
        return "a deployment is in flight; ask again when it is over"
    if live.group is None or state.is_unread("deployments"):
        return "whether a deployment is in flight could not be asked"
    if state.is_unread("rules"):
        return "not every rule could be asked"
    if not live.colour:
        return "its production rules do not say one colour; mend them and ask again"
    if live.primary is None or live.named(live.primary.target_group) != live.colour:
        return "its rules do not say where its tasks serve; mend them and ask again"
    return ""


def kept(state: State, folder: Folder, every: Sequence[Live]) -> Iterator[Finding]:
    """P7 without a change set: a value that the next deploy would keep, for a rule that is yet to be made with it."""
    for each in asked(state, folder, every):
        if each.name not in state.root.parameters:
            continue
        rules = some(sorted(_unmade(state, folder, each.name)))
        told = f"{each.value} serves" if each.value else f"what serves nobody can tell: {each.reason}"
        seen = f"the deployed root keeps {each.name}={state.root.parameters[each.name]}, with which {rules} would be made, and {told}"
        given = ("--parameter-overrides", f"{each.name}={each.value}")
        deploy = command(
            "aws", "cloudformation", "deploy", "--stack-name", state.root.name, "--template-file", "PACKAGED_TEMPLATE",
            "--capabilities", "CAPABILITY_IAM", *given,
        )  # fmt: skip
        yield Finding("P7", "error", state.root.shown, seen, (deploy,) if each.value else ())


def given(update: Update, folder: Folder | None) -> Iterator[Finding]:
    """P7 with a change set: parameters whose colour is not the one that serves, and rules that ask for none."""
    wrong: dict[str, str] = {}
    seen: list[tuple[str, str]] = []
    for name, value in sorted(update.change_set.parameters.items()):
        if is_live(name) and (told := _wrong(update, folder, name, value)):
            right, reason = told
            wrong[name] = right
            seen.append((name, reason))
    can_mend = all(wrong.values())
    mend = (deleted(update.change_set), *([made_again(update.state, update.change_set, wrong)] if can_mend else []))
    for name, reason in seen:
        yield Finding("P7", "error", f"{update.state.root.shown}/{name}", reason, mend)
    yield from _born(update, folder)


def _wrong(update: Update, folder: Folder | None, name: str, value: str) -> tuple[str, str] | None:
    """The right value, or nothing when nobody can tell, and what is wrong with the one that is given."""
    state, path = update.state, stack_of(name, folder)
    stays = next((each.stack.path for each in update.services if each.stack.path.rpartition("/")[2] == path), path)
    if update.goes(stays):
        return None
    before = state.root.parameters.get(name)
    if before is not None and before != value:
        what = f"the change set changes {name} from {before} to {value}, which writes the rules that were made with it"
        return before, f"{what}; a value that was given once is kept (A6.12)"
    if before is not None and not _makes(update, folder, name, stays):
        return None
    right, reason = serving(state, update.services, path)
    if not right:
        return "", f"the change set makes rules with {name}={value}, and what serves nobody can tell: {reason}"
    if value == right:
        return None
    served = (
        "serves" if any(each.stack.path == stays for each in update.services) else "is what a new service is born with"
    )
    return right, f"the change set makes rules with {name}={value}, and {right} {served}"


def stack_of(name: str, folder: Folder | None) -> str:
    """The logical id of the stack of the service that a parameter is about."""
    owner = folder.owners.get(name) if folder else None
    return title(f"service-{owner}") if owner else f"Service{name[: -len('Rulexxxxxxxx' + 'Live')]}"


def _makes(update: Update, folder: Folder | None, name: str, path: str) -> bool:
    """Whether the change set makes, or replaces, a rule with a parameter that the root has already."""
    made = {
        each.change.logical_id
        for each in update.touches
        if each.path == path
        and each.change.type == LISTENER_RULE
        and (each.change.action == "Add" or each.is_replaced or each.may_be_replaced)
    }
    return bool(folder and made & folder.rules(name))


def _unmade(state: State, folder: Folder, name: str) -> frozenset[str]:
    """The rules that are wanted with a parameter, and not deployed as far as every stack was seen."""
    if state.is_unread("stacks"):
        return frozenset()
    there = {each.logical_id for stack in state.stacks for each in stack.of_type(LISTENER_RULE)}
    return folder.rules(name) - there


def _born(update: Update, folder: Folder | None) -> Iterator[Finding]:
    """Rules that are made without asking begin with blue, as those of a new service do; this one is not new."""
    for live in update.staying:
        path = live.stack.path
        if live.colour != "green":
            continue
        for rule in update.added_rules(path):
            if _begins(update, folder, path, rule) == "blue":
                seen = f"the change set makes this rule, which begins with blue, while green serves {live.name}: the ledger that it comes from does not know the deployed rules"
                yield Finding("P7", "error", f"{live.stack.shown}/{rule}", seen, (deleted(update.change_set),))


def _begins(update: Update, folder: Folder | None, path: str, rule: str) -> str:
    """What a rule begins with; without the ledger only that no parameter can be the one that it asks."""
    if folder and (told := folder.begins(path, rule)):
        return told
    asks = [name for name in update.change_set.parameters if is_live(name) and stack_of(name, folder) == path.rpartition("/")[2]]  # fmt: skip
    return "" if asks else "blue"
