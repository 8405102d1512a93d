"""Deleting a stage: what goes and what stays is told before, and what was left after."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from cfngen.deploy import deployed
from cfngen.deploy.account import Account, asking
from cfngen.deploy.events import Follower, mark
from cfngen.deploy.failure import leaves, ways
from cfngen.deploy.planning import RefusedError, Wanted
from cfngen.deploy.remains import DATABASES, Going, Left, in_order, of_stack
from cfngen.deploy.running import Begun, Outcome, Watch, follow
from cfngen.operate.finding import command
from cfngen.operate.preflight import preflight
from cfngen.operate.read import read
from cfngen.operate.state import NESTED_STACK, Stack, State

_BALANCER = "AWS::ElasticLoadBalancingV2::LoadBalancer"


@dataclass(frozen=True)
class Farewell:
    """What a deletion would do, stack by stack. `id` is the root's, `nested` the other stacks' ids with their places."""

    stack: str
    id: str
    going: tuple[Going, ...]
    nested: Mapping[str, str]

    @property
    def deleted(self) -> int:
        """How many resources go."""
        return sum(each.deleted for each in self.going)

    @property
    def left(self) -> list[Left]:
        """What stays in the account, in the order in which it may be removed."""
        return in_order(each for stack in self.going for each in stack.left)


def look(account: Account, wanted: Wanted) -> Farewell | None:
    """What would go; `None` when there is no stack. Raises `RefusedError` when something keeps it from going."""
    stack = wanted.stack
    told = deployed.describe(account, stack)
    if told is None:
        return None
    _refuse(account, told)
    state = read(stack, "", account.client)
    problems = [*_deployments(state), *_guards(account, state)]
    if problems:
        raise RefusedError("\n".join([f"{stack}: it cannot be deleted as it is now", *problems]))
    templates = {each.path: _template(account, wanted, each) for each in state.stacks}
    kept = _kept_stacks(state, templates)
    going = tuple(of_stack(each, templates[each.path], is_kept=_is_inside(each.path, kept)) for each in state.stacks)
    return Farewell(
        told["StackName"], told["StackId"], going, {each.id: each.path for each in state.stacks if each.path}
    )


def destroy(account: Account, farewell: Farewell, until: float, watch: Watch) -> Outcome:
    """Delete the stack and follow it to its end; raises `UnfinishedError` as `running.execute` does."""
    client, began, token = account.client("cloudformation"), time.monotonic(), f"cfngen-{uuid.uuid4()}"
    with asking(farewell.stack):
        before = mark(client, farewell.id)
    begun = Begun(lambda: client.delete_stack(StackName=farewell.id, ClientRequestToken=token))
    follower = Follower(client, farewell.id, before, token, farewell.nested)
    events = follow(account, follower, until, watch, farewell.stack, begun)
    is_good = follower.status == "DELETE_COMPLETE"
    return Outcome(
        stack=farewell.stack,
        status=follower.status,
        seconds=time.monotonic() - began,
        failures=() if is_good else leaves(events),
        ways=() if is_good else ways(farewell.stack, follower.status, events),
        events=tuple(events),
    )


def logs_of_databases(account: Account, farewell: Farewell) -> Iterator[Left]:
    """The log groups that RDS made itself; no stack knows of them."""
    databases = [each for stack in farewell.going for each in stack.databases]
    for place, prefix in databases:
        try:
            found = account.client("logs").describe_log_groups(logGroupNamePrefix=prefix)["logGroups"]
        except (ClientError, BotoCoreError):
            continue  # without the permission nobody hears of them; the README tells how to look
        for each in found:
            remove = command("aws", "logs", "delete-log-group", "--log-group-name", each["logGroupName"])
            yield Left(place, "AWS::Logs::LogGroup", each["logGroupName"], "kept", remove)


def _refuse(account: Account, told: Mapping[str, Any]) -> None:
    name, status = told["StackName"], told["StackStatus"]
    if told.get("ParentId"):
        raise RefusedError(f"{name}: it is a nested stack; delete its root")
    if told.get("EnableTerminationProtection"):
        off = command(
            "aws", "cloudformation", "update-termination-protection", "--stack-name", name, "--no-enable-termination-protection"
        )  # fmt: skip
        raise RefusedError(f"{name}: it is protected from deletion; who is sure takes that off first\n  {off}")
    if status.endswith("_IN_PROGRESS") and status != "REVIEW_IN_PROGRESS":
        found = [each for each in preflight(read(name, "", account.client)).findings if each.id == "P11"]
        wait = [f"  {line}" for each in found[:1] for line in each.mend]
        raise RefusedError(
            "\n".join([f"{name} is in {status}: somebody's operation is at work; wait for its end", *wait])
        )


def _deployments(state: State) -> Iterator[str]:
    """A service with a deployment in it cannot be deleted, and what that made would be in the way."""
    for each in preflight(state).findings:
        if each.id == "P5":
            yield f"  {each.place}: {each.seen}"
            yield from (f"    {line}" for line in each.mend)


def _guards(account: Account, state: State) -> Iterator[str]:
    """What is guarded would fail the deletion half-way, so it is asked before."""
    off = "in the description set deletion_protection of the balancer and protected of the database to false, generate, deploy; or"
    for stack in state.stacks:
        for each in stack.of_type(_BALANCER):
            if each.physical_id and _guards_balancer(account, each.physical_id):
                yield f"  {stack.path}/{each.logical_id} is protected from deletion. Take that off: {off}"
                attribute = "Key=deletion_protection.enabled,Value=false"
                yield "    " + command(
                    "aws", "elbv2", "modify-load-balancer-attributes", "--load-balancer-arn", each.physical_id, "--attributes", attribute
                )  # fmt: skip
        for kind, (_, named, _) in DATABASES.items():
            for each in stack.of_type(kind):
                if each.physical_id and _guards_database(account, kind, each.physical_id):
                    yield f"  {stack.path}/{each.logical_id} is protected from deletion. Take that off: {off}"
                    yield "    " + command(
                        "aws", "rds", f"modify-{named}", f"--{named}-identifier", each.physical_id, "--no-deletion-protection", "--apply-immediately"
                    )  # fmt: skip


def _guards_balancer(account: Account, arn: str) -> bool:
    try:
        told = account.client("elbv2").describe_load_balancer_attributes(LoadBalancerArn=arn)["Attributes"]
    except (ClientError, BotoCoreError):
        return False  # it may be gone, or not ours to ask; the deletion tells
    return {each["Key"]: each["Value"] for each in told}.get("deletion_protection.enabled") == "true"


def _guards_database(account: Account, kind: str, name: str) -> bool:
    client = account.client("rds")
    try:
        if kind == "AWS::RDS::DBCluster":
            told = client.describe_db_clusters(DBClusterIdentifier=name)["DBClusters"]
        else:
            told = client.describe_db_instances(DBInstanceIdentifier=name)["DBInstances"]
    except (ClientError, BotoCoreError):
        return False
    return any(each.get("DeletionProtection") for each in told)


def _template(account: Account, wanted: Wanted, stack: Stack) -> Mapping[str, Any]:
    """What was deployed decides; where the account keeps no text, the folder says it."""
    return deployed.template(account, stack.id) or wanted.root.at(stack.path)


def _kept_stacks(state: State, templates: Mapping[str, Mapping[str, Any]]) -> set[str]:
    """Nested stacks that stay whole, by their parents' templates."""
    return {
        _below(stack, each.logical_id)
        for stack in state.stacks
        for each in stack.of_type(NESTED_STACK)
        if deployed.fate(templates[stack.path].get(each.logical_id, {})) != "deleted"
    }


def _below(stack: Stack, name: str) -> str:
    return f"{stack.path}/{name}".strip("/")


def _is_inside(path: str, kept: set[str]) -> bool:
    return any(path == each or path.startswith(f"{each}/") for each in kept)
