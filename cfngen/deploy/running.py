"""Executing a plan and following it to its end."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, ReadTimeoutError

from cfngen.deploy import deployed
from cfngen.deploy.account import Account, asking
from cfngen.deploy.events import Event, Follower, mark
from cfngen.deploy.failure import Failure, leaves, ways
from cfngen.deploy.package import is_guarded
from cfngen.deploy.planning import Plan, Wanted
from cfngen.errors import CfngenError
from cfngen.operate.finding import command


class UnfinishedError(CfngenError):
    """The operation goes on in the account; nobody follows it any more."""

    exit_status = 1


Watch = Callable[[Sequence[Event], Follower], None]


@dataclass(frozen=True)
class Outcome:
    """How an operation ended. `failures` are where it began to fail; `ways` what to do then, line by line."""

    stack: str
    status: str
    seconds: float
    failures: tuple[Failure, ...] = ()
    ways: tuple[str, ...] = ()
    outputs: Mapping[str, str] | None = None
    events: tuple[Event, ...] = ()
    is_protected: bool = False

    @property
    def is_good(self) -> bool:
        """Whether all is as it was wanted."""
        return self.status in ("CREATE_COMPLETE", "UPDATE_COMPLETE", "DELETE_COMPLETE")


def execute(account: Account, wanted: Wanted, planned: Plan, until: float, watch: Watch) -> Outcome:
    """Execute a plan and follow it to its end; `watch` hears of every event.

    Raises `UnfinishedError` when AWS stops answering or `until` has come: then it goes on without being followed.
    """
    client, began = account.client("cloudformation"), time.monotonic()
    with asking(planned.stack):
        before = mark(client, planned.stack)
        token = f"cfngen-{uuid.uuid4()}"
        told = client.describe_stacks(StackName=planned.stack)["Stacks"][0]
    begun = Begun(lambda: client.execute_change_set(ChangeSetName=planned.change_set, ClientRequestToken=token))
    follower = Follower(client, told["StackId"], before, token)
    events = follow(account, follower, until, watch, planned.stack, begun)
    is_good = follower.status in ("CREATE_COMPLETE", "UPDATE_COMPLETE")
    is_protected = is_good and _protect(account, wanted, told)
    after = deployed.describe(account, planned.stack)
    return Outcome(
        stack=planned.stack,
        status=follower.status,
        seconds=time.monotonic() - began,
        failures=leaves(events),
        ways=() if is_good else ways(planned.stack, follower.status, events),
        outputs=deployed.outputs(after) if after and is_good else {},
        events=tuple(events),
        is_protected=is_protected,
    )


class Begun:
    """A call that begins an operation. A local target answers when all is over, so nobody waits for the answer."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self._call = call
        self._refusal: ClientError | BotoCoreError | None = None
        self._answered = threading.Event()
        threading.Thread(target=self._run, daemon=True).start()

    def check(self, stack: str) -> None:
        """Raise `AccountError` when it was refused."""
        if self._refusal:
            with asking(stack):
                raise self._refusal

    def wait(self, seconds: float) -> None:
        """Wait that long, or until it is answered."""
        if self._answered.is_set():
            time.sleep(seconds)
        else:
            self._answered.wait(seconds)

    def _run(self) -> None:
        try:
            self._call()
        except ReadTimeoutError:
            pass  # events tell
        except (ClientError, BotoCoreError) as error:
            self._refusal = error
        self._answered.set()


def follow(account: Account, follower: Follower, until: float, watch: Watch, stack: str, begun: Begun) -> list[Event]:
    """All events until the root has come to rest; raises `AccountError` when the operation was refused."""
    events: list[Event] = []
    while True:
        begun.check(stack)
        try:
            new = follower.poll()
        except CfngenError as error:
            raise UnfinishedError(f"{error}\n{goes_on(stack)}") from None
        events += new
        watch(new, follower)
        if follower.is_over:
            return events
        if time.monotonic() > until:
            raise UnfinishedError(f"{stack}: it is {follower.status or 'starting'} still.\n{goes_on(stack)}")
        # Each stack at work is one call; a handful each second is what an account bears, and what leaves a local
        # target time for its work.
        if account.is_local:
            begun.wait(max(0.1, follower.open / 20))
        else:
            time.sleep(min(15.0, max(3.0, follower.open / 4)))


def goes_on(stack: str) -> str:
    """What is said when nobody follows any more."""
    events = command("aws", "cloudformation", "describe-stack-events", "--stack-name", stack, "--max-items", "20")
    status = command(
        "aws", "cloudformation", "describe-stacks", "--stack-name", stack, "--query", "Stacks[0].StackStatus"
    )
    stop = command("aws", "cloudformation", "cancel-update-stack", "--stack-name", stack)
    return f"CloudFormation goes on by itself. Its state, its last events, and (for an update) what turns it back:\n  {status}\n  {events}\n  {stop}"


def _protect(account: Account, wanted: Wanted, told: Mapping[str, Any]) -> bool:
    """A stage that guards its balancer or its database is protected as a whole; never the other way round (K1.11)."""
    if told.get("EnableTerminationProtection") or not is_guarded(wanted.root):
        return False
    with asking(wanted.stack):
        client = account.client("cloudformation")
        client.update_termination_protection(StackName=wanted.stack, EnableTerminationProtection=True)
    return True
