"""What happens in a tree of stacks while an operation runs, by `DescribeStackEvents`.

Only stacks that are at work are asked, each only for what is new; a stack of which nobody spoke yet is found by its
parent's events. A root's events carry the token of the operation; nested ones are taken from its first moment on.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from cfngen.deploy.account import AccountError, code_of, said
from cfngen.operate.state import NESTED_STACK

_PATIENCE = 10
"""How many times in a row AWS may fail to answer before following gives up."""
_PASSING = ("Throttling", "ThrottlingException", "RequestLimitExceeded", "ServiceUnavailable", "InternalFailure")


@dataclass(frozen=True)
class Event:
    """One thing that happened. `path` is the stack's place in the tree: empty for the root, else logical ids.

    `is_stack`: it is about the stack itself, not about one of its resources.
    """

    id: str
    at: dt.datetime
    path: str
    logical_id: str
    physical_id: str
    type: str
    status: str
    reason: str
    is_stack: bool

    @property
    def place(self) -> str:
        """The resource with its stack, as in ``ServiceCustomer/LogGroup``; of a stack, its path."""
        return self.path if self.is_stack else f"{self.path}/{self.logical_id}".strip("/")

    @property
    def is_over(self) -> bool:
        """Whether nothing more is to be expected of it for now."""
        return not self.status.endswith("_IN_PROGRESS")

    @property
    def has_failed(self) -> bool:
        """Whether this is a failure."""
        return self.status.endswith("_FAILED")


@dataclass
class _Followed:
    id: str
    path: str
    seen: set[str]
    is_open: bool = True


class Follower:
    """Follows one operation on a root. `mark` is the id of its last event before, `token` that of the operation.

    `nested` are stacks that are known already, by id, each with its place in the tree.
    """

    def __init__(self, client: Any, root: str, mark: str, token: str, nested: Mapping[str, str] | None = None) -> None:
        self._client = client
        self._token = token
        self._since: dt.datetime | None = None
        self._stacks = {root: _Followed(root, "", {mark})}
        self._stacks |= {each: _Followed(each, path, set()) for each, path in (nested or {}).items()}
        self._root = root
        self._failures = 0
        self.status = ""
        """The root's status, once an event told it."""

    @property
    def open(self) -> int:
        """How many stacks are at work."""
        return sum(each.is_open for each in self._stacks.values())

    @property
    def is_over(self) -> bool:
        """Whether the root has come to rest."""
        return bool(self.status) and not self.status.endswith("_IN_PROGRESS")

    def poll(self) -> list[Event]:
        """What is new, in the order of time; raises `AccountError` when AWS stops answering."""
        new: list[Event] = []
        try:
            asked: set[str] = set()
            while waiting := [each for each in self._stacks.values() if each.is_open and each.id not in asked]:
                for each in waiting:
                    asked.add(each.id)
                    new += self._heard(each)
        except (ClientError, BotoCoreError) as error:
            self._failures += 1
            is_passing = not isinstance(error, ClientError) or code_of(error) in _PASSING
            if not is_passing or self._failures >= _PATIENCE:
                raise AccountError(said(error)) from None
        else:
            self._failures = 0
        return sorted(new, key=lambda each: each.at)

    def _heard(self, stack: _Followed) -> list[Event]:
        new = list(self._new(stack))
        new.reverse()
        for each in new:
            self._note(stack, each)
        return new

    def _new(self, stack: _Followed) -> Iterator[Event]:
        """Newest first, until what is known or from before; nothing of nested stacks before the root has begun."""
        if self._since is None and stack.id != self._root:
            return
        pages = self._client.get_paginator("describe_stack_events").paginate(StackName=stack.id)
        fresh: list[Event] = []
        for told in (each for page in pages for each in page["StackEvents"]):
            if told["EventId"] in stack.seen or (self._since and told["Timestamp"] < self._since):
                break
            if stack.id == self._root and told.get("ClientRequestToken", self._token) != self._token:
                break
            fresh.append(_event(told, stack.path))
        # Only when all pages were read: one that failed in between is read again from the start.
        stack.seen |= {each.id for each in fresh}
        yield from fresh

    def _note(self, stack: _Followed, event: Event) -> None:
        if stack.id == self._root and self._since is None:
            self._since = event.at
        if event.is_stack:
            stack.is_open = not event.is_over
            if stack.id == self._root:
                self.status = event.status
                stack.is_open = True
        elif event.type == NESTED_STACK and event.physical_id.startswith("arn:"):
            known = self._stacks.get(event.physical_id)
            if known is None:
                self._stacks[event.physical_id] = _Followed(event.physical_id, event.place, set())
            elif not event.is_over:
                known.is_open = True


def mark(client: Any, stack: str) -> str:
    """The id of a stack's last event; empty when it has none."""
    for page in client.get_paginator("describe_stack_events").paginate(StackName=stack):
        for told in page["StackEvents"]:
            return str(told["EventId"])
    return ""


def _event(told: Any, path: str) -> Event:
    return Event(
        id=told["EventId"],
        at=told["Timestamp"],
        path=path,
        logical_id=told["LogicalResourceId"],
        physical_id=told.get("PhysicalResourceId", ""),
        type=told["ResourceType"],
        status=told["ResourceStatus"],
        reason=told.get("ResourceStatusReason", ""),
        is_stack=told.get("PhysicalResourceId") == told["StackId"],
    )
