"""What a deployment would do: the templates packaged, the parameters settled, a change set made and read."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from cfngen.deploy import changeset, deployed
from cfngen.deploy.account import Account, asking
from cfngen.deploy.bucket import Bucket
from cfngen.deploy.package import Package, Template, capabilities, packaged
from cfngen.deploy.parameters import Value, settle
from cfngen.deploy.picture import Changes, changes
from cfngen.errors import CfngenError, DescriptionError, Problem
from cfngen.operate.finding import Finding, command
from cfngen.operate.folder import Folder
from cfngen.operate.preflight import preflight
from cfngen.operate.read import read
from cfngen.operate.state import State

_STABLE = (
    "CREATE_COMPLETE",
    "IMPORT_COMPLETE",
    "IMPORT_ROLLBACK_COMPLETE",
    "UPDATE_COMPLETE",
    "UPDATE_ROLLBACK_COMPLETE",
)
_ABOUT_UPDATES = ("P5", "P7", "P8", "P9", "P10", "P11", "P12")
"""The findings of preflight that say something of a stack update; the others are of the next release."""
_WORDS = {
    "ROLLBACK_COMPLETE": "its first creation failed, and such a stack can only be deleted",
    "ROLLBACK_FAILED": "its first creation failed and could not be taken back; it can only be deleted",
    "DELETE_FAILED": "its deletion failed, and has to be brought to its end",
    "UPDATE_ROLLBACK_FAILED": "an update failed, and the way back too; that has to be continued first",
}


class RefusedError(CfngenError):
    """The stack cannot be deployed or deleted as it is now; nothing was changed."""

    exit_status = 1


@dataclass(frozen=True)
class Wanted:
    """What is to be deployed: the templates of a root, and its folder where cfngen generated it.

    `first` is the stack of the stage's first root, whose outputs are parameters of this one; empty where this is the first.
    """

    stack: str
    root: Template
    folder: Folder | None = None
    stage: str = ""
    first: str = ""


@dataclass(frozen=True)
class Plan:
    """A change set that waits to be executed; without `changes` there is nothing to do."""

    stack: str
    kind: str
    change_set: str
    values: tuple[Value, ...]
    uploaded: int
    changes: Changes | None
    findings: tuple[Finding, ...] = ()
    is_ours: bool = False
    """Whether the stack itself is there for this change set alone."""

    @property
    def blocking(self) -> tuple[Finding, ...]:
        """What an update would hurt."""
        return tuple(each for each in self.findings if each.level == "error")

    @property
    def execute(self) -> str:
        """The command that executes it."""
        return command("aws", "cloudformation", "execute-change-set", "--change-set-name", self.change_set)

    @property
    def look(self) -> str:
        """The command that shows it."""
        return command("aws", "cloudformation", "describe-change-set", "--change-set-name", self.change_set)

    @property
    def forget(self) -> str:
        """The command that takes it away."""
        if self.is_ours:
            return command("aws", "cloudformation", "delete-stack", "--stack-name", self.stack)
        return command("aws", "cloudformation", "delete-change-set", "--change-set-name", self.change_set)


def plan(
    account: Account,
    wanted: Wanted,
    given: Mapping[str, str],
    bucket: Bucket | None,
    until: float,
    tell: Callable[[str], None],
) -> Plan:
    """Upload templates and make a change set; raises `CfngenError` for what stands in the way, and leaves nothing then.

    `bucket` may be missing where the templates fit without; `tell` hears what is going on.
    """
    told = deployed.describe(account, wanted.stack)
    is_new = told is None or told["StackStatus"] == "REVIEW_IN_PROGRESS"
    if told and not is_new:
        _refuse_unstable(account, told)
    values = _values(account, wanted, given, told if not is_new else None)
    package, uploaded = _uploaded(account, wanted, bucket, tell)
    tags = told.get("Tags") if told else None
    request: dict[str, Any] = {
        "StackName": wanted.stack,
        "ChangeSetName": f"cfngen-{dt.datetime.now(dt.UTC):%Y%m%dT%H%M%SZ}-{uuid.uuid4().hex[:6]}",
        "ChangeSetType": "CREATE" if is_new else "UPDATE",
        "IncludeNestedStacks": True,
        "Parameters": [each.call for each in values if each.call],
        "Capabilities": list(capabilities(wanted.root)),
        **_source(package, bucket, f"{wanted.stack}"),
        # Tags that somebody gave reach every resource; the same ones again change nothing (P8).
        **({"Tags": tags} if tags else {}),
    }
    made = changeset.create(account, request)
    kind = "create" if is_new else "update"
    try:
        if not changeset.wait(account, made, until, tell):
            return Plan(wanted.stack, kind, made, values, uploaded, None)
        tell("asking what the change set would do")
        state = read(wanted.stack, made, account.client)
        assert state.change_set  # that is what was asked for
        found = changes(state.change_set, wanted.stack, {each.path: each for each in state.stacks}, _templates(account, state))  # fmt: skip
        if not found.steps and not is_new and _is_same(account, wanted.stack, package, values):
            return Plan(wanted.stack, kind, made, values, uploaded, None)
        findings = () if is_new else _findings(state, wanted.folder)
        return Plan(wanted.stack, kind, made, values, uploaded, found, findings, is_ours=told is None)
    except BaseException:
        _forget(account, made, wanted.stack, is_made_stack=told is None)
        raise


def waiting(account: Account, wanted: Wanted, given: Mapping[str, str]) -> list[str]:
    """The parameters that the stage's first root has yet to tell: it is not deployed, or not as it is wanted."""
    told = _handed(account, wanted)
    return [name for name in wanted.folder.handed if name not in told and name not in given] if wanted.folder else []


def deserted(account: Account, gone: Iterable[Wanted]) -> Iterator[str]:
    """What is said of cells in which nobody lives, and whose stacks are there still."""
    for wanted in gone:
        if deployed.describe(account, wanted.stack):
            delete = command("aws", "cloudformation", "delete-stack", "--stack-name", wanted.stack)
            yield f"{wanted.stack}: no service lives there any more, and its balancer still costs; delete it by: {delete}"


def refuse_standing(account: Account, roots: Iterable[Wanted], gone: Iterable[Wanted]) -> None:
    """Raise `RefusedError` where the stack of a cell in which nobody lives has records of names that `roots` would make."""
    wanted = {name for each in roots for name in _record_names(each.root.at("Cluster"))}
    for left in gone:
        told = deployed.describe(account, left.stack)
        standing = (
            sorted(_record_names(deployed.nested_template(account, left.stack, "Cluster")) & wanted) if told else ()
        )
        if standing:
            delete = command("aws", "cloudformation", "delete-stack", "--stack-name", left.stack)
            raise RefusedError(
                f"{left.stack}: no service lives there any more, but the records of {', '.join(standing)} do, and no other "
                f"stack can make them while they stand; delete it first, wait for its end, then deploy: {delete}"
            )


def _record_names(resources: Mapping[str, Mapping[str, Any]]) -> set[str]:
    """The names of the DNS records of a template."""
    records = (each for each in resources.values() if each.get("Type") == "AWS::Route53::RecordSet")
    return {str(each.get("Properties", {}).get("Name", "")) for each in records}


def discard(account: Account, planned: Plan) -> None:
    """Take the change set away, with the empty stack that was there for it alone."""
    _forget(account, planned.change_set, planned.stack, is_made_stack=planned.is_ours)


def _refuse_unstable(account: Account, told: Mapping[str, Any]) -> None:
    name, status = told["StackName"], told["StackStatus"]
    if status in _STABLE:
        return
    if told.get("ParentId"):
        raise RefusedError(f"{name}: it is a nested stack; deploy its root")
    found = [each for each in preflight(read(name, "", account.client)).findings if each.id == "P11"]
    ways_on = [f"  {line}" for each in found[:1] for line in each.mend]
    busy = "somebody's operation is at work on it; wait for its end, then deploy"
    why = _WORDS.get(status) or (busy if status.endswith("_IN_PROGRESS") else "so it cannot be updated")
    raise RefusedError("\n".join([f"{name} is in {status}: {why}", *ways_on]))


def _values(
    account: Account, wanted: Wanted, given: Mapping[str, str], told: Mapping[str, Any] | None
) -> tuple[Value, ...]:
    declared = wanted.root.parameters
    kept = {each["ParameterKey"]: each.get("ParameterValue", "") for each in told.get("Parameters", [])} if told else {}
    live: Sequence[Any] = ()
    if wanted.folder and any(name not in given for name in wanted.folder.live):
        if told is None:
            live = [_Blue(name, service) for name, service in wanted.folder.live.items()]
        else:
            live = preflight(read(wanted.stack, "", account.client), wanted.folder).asked
    return settle(declared, given, kept, live, _handed(account, wanted))


def _handed(account: Account, wanted: Wanted) -> Mapping[str, str]:
    """What the stage's first root tells of the parameters of a further cell's; nothing as long as it is not deployed."""
    if not wanted.first or wanted.folder is None:
        return {}
    told = deployed.describe(account, wanted.first)
    outputs = deployed.outputs(told) if told else {}
    return {name: outputs[name] for name in wanted.folder.handed if name in outputs}


@dataclass(frozen=True)
class _Blue:
    """The colour of a service that is born with its stage."""

    name: str
    service: str
    value: str = "blue"
    reason: str = ""


def _uploaded(
    account: Account, wanted: Wanted, bucket: Bucket | None, tell: Callable[[str], None]
) -> tuple[Package, int]:
    package = packaged(wanted.root, bucket.url if bucket else str, wanted.stack)
    if not package.needs_bucket:
        return package, 0
    if bucket is None:
        make = command("aws", "s3", "mb", "s3://NAME", "--region", account.region)
        fits = f"nested templates are given to CloudFormation in a bucket; make one, once for all stages, and name it by --bucket or CFNGEN_BUCKET: {make}"
        raise DescriptionError([Problem("--bucket", "", fits)])
    bucket.check()
    objects = dict(package.objects)
    if package.is_long:
        objects[package.key(wanted.stack)] = package.text
    tell(f"{len(objects)} templates, those that are not there yet go to s3://{bucket.name}/{wanted.stack}/")
    return package, bucket.put(objects)


def _source(package: Package, bucket: Bucket | None, prefix: str) -> dict[str, str]:
    if bucket and package.is_long:
        return {"TemplateURL": bucket.url(package.key(prefix))}
    return {"TemplateBody": package.text}


def _templates(account: Account, state: State) -> Callable[[str], Mapping[str, Any]]:
    ids = {each.path: each.id for each in state.stacks}

    @cache
    def of(path: str) -> Mapping[str, Any]:
        return deployed.template(account, ids[path]) if path in ids else {}

    return of


def _is_same(account: Account, stack: str, package: Package, values: Sequence[Value]) -> bool:
    """Whether nothing at all differs: outputs and descriptions are changes too, which no list of resources shows."""
    with asking(stack):
        body = account.client("cloudformation").get_template(StackName=stack).get("TemplateBody")
    return body == package.text and all(each.source in ("kept", "default") for each in values)


def _findings(state: State, folder: Folder | None) -> tuple[Finding, ...]:
    return tuple(
        each for each in preflight(state, folder).findings if each.id in _ABOUT_UPDATES and each.level != "info"
    )


def _forget(account: Account, change_set: str, stack: str, *, is_made_stack: bool) -> None:
    changeset.delete(account, change_set)
    if is_made_stack:
        told = deployed.describe(account, stack)
        if told and told["StackStatus"] == "REVIEW_IN_PROGRESS":
            with asking(stack):
                account.client("cloudformation").delete_stack(StackName=stack)
