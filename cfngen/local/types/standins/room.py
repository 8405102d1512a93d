"""What a stand-in is written with: the room of a service, the records, and the words of a refusal."""

from __future__ import annotations

import copy
import hashlib
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import jmespath  # type: ignore[import-untyped]

Body = dict[str, Any]
Through = Callable[[str, str, Body], Body]
"""Service, operation, arguments: what moto answers."""
Handler = Callable[["Standins", Body, Through], Body]


class ApiError(Exception):
    """An operation is refused, in AWS's words and with its code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


@dataclass(frozen=True)
class _Forgotten:
    """Values that moto takes in `writes` and does not tell in `read`.

    `writes` are operations with the JMESPath, into arguments and answer, of the key; `items` is where `read` lists what
    has that key as `key`. `fields` are arguments, of the same name in the answer.
    """

    writes: Mapping[str, str]
    read: str
    items: str
    key: str
    fields: tuple[str, ...]


@dataclass(frozen=True)
class Room:
    """One service's stand-ins: `operations` by name, and what of it moto forgets.

    `machinery` is what AWS does by itself, such as the next step of a deployment: whoever plays it reports it by these
    operations, which are none of AWS's API.
    """

    service: str
    operations: dict[str, Handler] = field(default_factory=dict)
    machinery: dict[str, Handler] = field(default_factory=dict)
    forgotten: list[_Forgotten] = field(default_factory=list)

    def operation(self, name: str) -> Callable[[Handler], Handler]:
        """A function that answers an operation."""

        def keep(handler: Handler) -> Handler:
            self.operations[name] = handler
            return handler

        return keep

    def plays(self, name: str) -> Callable[[Handler], Handler]:
        """A function that takes a report of whoever plays AWS's own machinery."""

        def keep(handler: Handler) -> Handler:
            self.machinery[name] = handler
            return handler

        return keep

    def forgets(self, writes: Mapping[str, str], read: str, items: str, key: str, fields: tuple[str, ...]) -> None:
        """Lay values over moto's answers that moto takes and does not tell."""
        self.forgotten.append(_Forgotten(writes, read, items, key, fields))

    def refuses(self, operations: Iterable[str], why: str) -> None:
        """Operations that moto answers as if it did something, and that nothing here does: they are refused."""

        def refuse(_: Standins, __: Body, ___: Through) -> Body:
            raise ApiError("NotImplementedException", f"{why} (the local AWS of cfngen)")

        for name in operations:
            self.operations[name] = refuse

    def tags(self, *, is_map: bool, told: str = "Tags", mine: Callable[[str], bool] = lambda _: True) -> None:
        """The three operations on tags; those on an ARN that is not `mine` go to moto."""

        def tag(self_: Standins, arguments: Body, through: Through) -> Body:
            arn = argument(arguments, "ResourceArn")
            if not mine(arn):
                return through(self.service, "TagResource", arguments)
            self_.tags[arn] |= pairs(argument(arguments, "Tags"))
            return {}

        def untag(self_: Standins, arguments: Body, through: Through) -> Body:
            arn = argument(arguments, "ResourceArn")
            if not mine(arn):
                return through(self.service, "UntagResource", arguments)
            for key in argument(arguments, "TagKeys"):
                self_.tags[arn].pop(key, None)
            return {}

        def told_tags(self_: Standins, arguments: Body, through: Through) -> Body:
            arn = argument(arguments, "ResourceArn")
            if not mine(arn):
                return through(self.service, "ListTagsForResource", arguments)
            return {told: dict(self_.tags[arn]) if is_map else listed(self_.tags[arn])}

        self.operations.update(TagResource=tag, UntagResource=untag, ListTagsForResource=told_tags)

    def handles(self, operation: str) -> bool:
        """Whether an operation has to come here."""
        return operation in self.operations or any(
            operation in each.writes or operation == each.read for each in self.forgotten
        )


class Standins:
    """The records, of one account and region, and the rooms that keep them."""

    def __init__(self, account: str, region: str, rooms: Mapping[str, Room]) -> None:
        self.account = account
        self.region = region
        self.rooms = rooms
        self.records: dict[str, dict[str, Body]] = defaultdict(dict)
        self.tags: dict[str, dict[str, str]] = defaultdict(dict)
        self.is_played = False
        """Whether somebody runs what is started here: pipelines, builds, deployments. Else none can be started."""
        self._count = 0
        self._lock = threading.RLock()

    def handles(self, service: str, operation: str) -> bool:
        """Whether an operation has to come here; every other one can go to moto at once."""
        return service in self.rooms and self.rooms[service].handles(operation)

    def call(self, service: str, operation: str, arguments: Body, through: Through) -> Body:
        """Answer an operation; raises `ApiError`, or whatever `through` does."""
        if not self.handles(service, operation):
            return through(service, operation, arguments)
        room = self.rooms[service]
        with self._lock:
            handler = room.operations.get(operation)
            answer = handler(self, arguments, through) if handler else through(service, operation, arguments)
            for each in room.forgotten:
                self._remember(f"forgotten {service} {each.read}", each, operation, arguments, answer)
        return answer

    def play(self, service: str, operation: str, arguments: Body, through: Through) -> Body:
        """Take a report of whoever plays AWS's machinery, who is there from the first one on; raises as `call` does."""
        handler = self.rooms[service].machinery.get(operation) if service in self.rooms else None
        if handler is None:
            raise ApiError("NotImplementedException", f"nobody plays {operation} of {service} here")
        with self._lock:
            self.is_played = True
            return handler(self, arguments, through)

    def check_played(self, what: str) -> None:
        """Raise `ApiError` where nobody would run what somebody wants to start."""
        if not self.is_played:
            message = f"Nothing runs {what} here, so none can be started (the local AWS of cfngen)"
            raise ApiError("NotImplementedException", message)

    def arn(self, service: str, rest: str) -> str:
        return f"arn:aws:{service}:{self.region}:{self.account}:{rest}"

    def unique(self, of: str) -> str:
        """An id, the same in the same order of calls."""
        self._count += 1
        found = hashlib.sha256(f"{of} {self._count}".encode()).hexdigest()
        return "-".join((found[:8], found[8:12], found[12:16], found[16:20], found[20:32]))

    def find(self, kind: str, key: str, code: str, message: str = "") -> Body:
        """A record; raises `ApiError` when there is none."""
        if key not in self.records[kind]:
            raise ApiError(code, message or f"No {kind} found for name: {key}")
        return self.records[kind][key]

    def _remember(self, kind: str, what: _Forgotten, operation: str, arguments: Body, answer: Body) -> None:
        kept = self.records[kind]
        if operation in what.writes:
            key = jmespath.search(what.writes[operation], {**arguments, **answer})
            if key is not None:
                if operation.startswith("Create"):
                    kept.pop(key, None)
                known = kept.setdefault(key, {})
                known |= {name: copy.deepcopy(arguments[name]) for name in what.fields if name in arguments}
        if operation == what.read:
            for item in jmespath.search(what.items, answer) or []:
                item.update(copy.deepcopy(kept.get(item.get(what.key), {})))


def listed(tags: Mapping[str, str], key: str = "Key", value: str = "Value") -> list[dict[str, str]]:
    """Tags as a list."""
    return [{key: name, value: told} for name, told in tags.items()]


def pairs(tags: Any) -> dict[str, str]:
    """Tags as a map."""
    if isinstance(tags, Mapping):
        return dict(tags)
    return {each.get("Key", each.get("key")): each.get("Value", each.get("value", "")) for each in tags or []}


def argument(arguments: Body, name: str) -> Any:
    """An argument by its name, whose case differs between services."""
    return next((value for key, value in arguments.items() if key.lower() == name.lower()), None)
