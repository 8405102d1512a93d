"""Before a stack update or a release: which colour is live, what the next deploy must be given, what stands in the way.

Pure: a state (and a stage's folder, if there is one) goes in, an `Answer` comes out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, astuple, dataclass, fields
from typing import Any

from cfngen.errors import DescriptionError, Problem
from cfngen.operate import changesets, pairs, releases, traffic, updates
from cfngen.operate.colours import Asked, asked
from cfngen.operate.finding import Finding, command
from cfngen.operate.folder import Folder
from cfngen.operate.live import Live, in_words, services
from cfngen.operate.state import DEPLOYMENT_GROUP, ECS_SERVICE, LISTENER_RULE, TARGET_GROUP, Stack, State


@dataclass(frozen=True)
class Row:
    """One service as it serves, in words."""

    service: str
    live: str
    production: str
    test: str
    tasks: str
    deployment: str


@dataclass(frozen=True)
class Answer:
    """What a preflight says. `others` are parameters that the templates ask for besides, of which only people know."""

    stack: str
    status: str
    account: str
    region: str
    services: tuple[Row, ...]
    asked: tuple[Asked, ...]
    others: tuple[str, ...]
    findings: tuple[Finding, ...]

    @property
    def overrides(self) -> str:
        """The options of the next deploy; empty when there is nothing to give."""
        given = [f"{each.name}={each.value}" for each in self.asked if each.value]
        return f"--parameter-overrides {command(*given)}" if given else ""

    @property
    def table(self) -> list[tuple[str, ...]]:
        """The services below a row of headings."""
        return [tuple(each.name for each in fields(Row)), *(astuple(each) for each in self.services)]

    @property
    def given(self) -> list[str]:
        """What the next deploy must be given, line by line; nothing when there is nothing."""
        unknown = [
            f"  {each.name}: the live colour of {each.service}, which nobody can tell now: {each.reason}"
            for each in self.asked
            if not each.value
        ]
        own = [f"  {name}: a value of your own" for name in self.others]
        lines = [*([f"  {self.overrides}"] if self.overrides else []), *unknown, *own]
        return ["", "the next deploy must be given", *lines] if lines else []

    @property
    def is_clear(self) -> bool:
        """Whether there is no error and no warning."""
        return all(each.level == "info" for each in self.findings)

    def data(self) -> dict[str, Any]:
        """The answer for programs."""
        data = asdict(self)
        data["findings"] = [
            {"id": each.id, "level": each.level, "sentence": each.sentence}
            | {"place": each.place, "seen": each.seen, "mend": list(each.mend)}
            for each in self.findings
        ]
        return data | {"overrides": self.overrides}


def preflight(state: State, folder: Folder | None = None) -> Answer:
    """Look at a deployed stage; raises `DescriptionError` when the folder is another application's."""
    every = services(state)
    found = [
        *(finding for live in every for finding in _of(state, live)),
        *updates.findings(state, folder),
        *changesets.findings(state, folder, every),
        *_unseen(state),
    ]
    return Answer(
        stack=state.root.name,
        status=state.root.status,
        account=state.account,
        region=state.region,
        services=tuple(_row(state, live) for live in every),
        asked=tuple(asked(state, folder, every)) if folder else (),
        others=_others(state, folder) if folder else (),
        findings=tuple(sorted(found, key=lambda each: int(each.id[1:]))),
    )


def _of(state: State, live: Live) -> Iterator[Finding]:
    yield from traffic.findings(state, live)
    yield from pairs.findings(state, live)
    yield from releases.findings(state, live)


def _row(state: State, live: Live) -> Row:
    running = live.service.running_in if live.service else None
    tasks = " ".join(f"{colour} {running(arn)}" for arn, colour in live.pair.items()) if running else "not seen"
    deployments = ", ".join(f"{each.id} {each.status}" for each in live.deployments)
    is_unknown = not live.group or state.is_unread("deployments")
    return Row(
        service=live.name,
        live=live.colour or "unclear",
        production=in_words(live, live.production),
        test=in_words(live, live.test),
        tasks=f"{tasks} (asleep)" if live.is_asleep else tasks,
        deployment=deployments or ("not seen" if is_unknown else "none"),
    )


def _others(state: State, folder: Folder) -> tuple[str, ...]:
    known = {*folder.live, *folder.handed, *state.root.parameters}
    return tuple(name for name in folder.required if name not in known)


# P12


def _unseen(state: State) -> Iterator[Finding]:
    for each in state.unread:
        is_denied = any(word in each.reason for word in ("AccessDenied", "not authorized"))
        needed = "it takes the permission" if is_denied else "it was asked with"
        yield Finding("P12", "warning", each.what, f"{each.reason}; {needed} {each.permission}")
    for stack in state.stacks:
        for logical_id in _gone(state, stack):
            named = ("--stack-name", stack.name, "--logical-resource-id", logical_id)
            drift = command("aws", "cloudformation", "detect-stack-resource-drift", *named)
            seen = "it is in the stack, but not in the account any more"
            yield Finding("P12", "error", f"{stack.shown}/{logical_id}", seen, (drift,))


def _gone(state: State, stack: Stack) -> Iterator[str]:
    kinds = (
        (LISTENER_RULE, "rules", {each.arn for each in state.rules}),
        (TARGET_GROUP, "target groups", {each.arn for each in state.target_groups}),
        (ECS_SERVICE, "services", {each.arn for each in state.services}),
        (DEPLOYMENT_GROUP, "deployment groups", {each.name for each in state.deployment_groups}),
    )
    for kind, what, there in kinds:
        if not state.is_unread(what):
            made = (each for each in stack.of_type(kind) if each.physical_id)
            yield from (each.logical_id for each in made if each.physical_id.rpartition("|")[2] not in there)


def check_stack(state: State, stack: str, change_set: str, file: str) -> None:
    """Raise `DescriptionError` when a file's state is another stack's, or does not hold the change set."""
    problems = []
    if stack not in (state.root.name, state.root.id):
        problems.append(Problem("--stack", repr(stack), f"the state in {file} is that of {state.root.name!r}"))
    seen = state.change_set
    if change_set and (seen is None or change_set not in (seen.name, seen.id)):
        there = f"the one of {seen.name!r}" if seen else "no change set"
        fits = f"the state in {file} holds {there}; ask the account with --change-set and --save"
        problems.append(Problem("--change-set", repr(change_set), fits))
    if problems:
        raise DescriptionError(problems)
