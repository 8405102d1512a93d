"""Making a change set with those of its nested stacks, waiting for it, and taking it away again (K2.1)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from botocore.exceptions import ClientError

from cfngen.deploy.account import Account, AccountError, asking, code_of

_NOTHING = ("didn't contain changes", "No updates are to be performed")
_LONGEST_PAUSE = 5.0


def create(account: Account, given: Mapping[str, Any]) -> str:
    """Make one and return its ARN."""
    with asking(f"the change set of {given['StackName']}"):
        return str(account.client("cloudformation").create_change_set(**given)["Id"])


def wait(account: Account, change_set: str, until: float, tell: Callable[[str], None]) -> bool:
    """Wait until it can be executed; `False` when it has no changes. Raises `AccountError` when it cannot be made.

    `until` is a moment of `time.monotonic`.
    """
    pause = 0.2 if account.is_local else 1.0
    while True:
        told = describe(account, change_set)
        if told["Status"] == "CREATE_COMPLETE":
            return True
        if told["Status"] == "FAILED":
            if any(each in told.get("StatusReason", "") for each in _NOTHING):
                return False
            raise AccountError("\n".join(["the change set cannot be made:", *_reasons(account, told)]))
        if time.monotonic() > until:
            raise AccountError(f"the change set is {told['Status']} still; look at it by its ARN: {change_set}")
        tell(f"waiting for the change set: {told['Status']}")
        time.sleep(pause)
        pause = min(pause * 1.5, _LONGEST_PAUSE)


def delete(account: Account, change_set: str) -> None:
    """Take one away, with those of nested stacks; gone already is fine."""
    with asking("the change set"):
        try:
            account.client("cloudformation").delete_change_set(ChangeSetName=change_set)
        except ClientError as error:
            if code_of(error) not in ("ChangeSetNotFound", "ChangeSetNotFoundException"):
                raise


def describe(account: Account, change_set: str) -> Mapping[str, Any]:
    """The first page of it."""
    with asking("the change set"):
        return dict(account.client("cloudformation").describe_change_set(ChangeSetName=change_set))


def _reasons(account: Account, told: Mapping[str, Any]) -> Iterator[str]:
    """Where it began: in a nested one, if there is one that says more."""
    below = [
        each["ResourceChange"] for each in told.get("Changes", []) if each.get("ResourceChange", {}).get("ChangeSetId")
    ]
    deeper = []
    for each in below:
        inner = describe(account, each["ChangeSetId"])
        if inner["Status"] == "FAILED" and not any(word in inner.get("StatusReason", "") for word in _NOTHING):
            deeper += [f"{each['LogicalResourceId']}: {line}" for line in _reasons(account, inner)]
    yield from deeper or [told.get("StatusReason") or "AWS gives no reason"]
