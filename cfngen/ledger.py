"""What must stay as it was: a committed file that `generate` reads and extends.

It remembers, for one stage of one application, what no description can tell: the priority and the birth of
every listener rule, the values that a service, a database or a network was born with and that cannot change
without replacing it, the greatest storage that a database had, and every logical id that was ever released. No lock service, no position: a JSON file
that a reviewer reads. Losing it is like losing a state file, only that git keeps it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import field, replace
from itertools import pairwise
from types import UnionType
from typing import Any, Literal

from cfngen._frozen import dataclass
from cfngen._json import pretty
from cfngen.errors import LedgerError, Problem, writable

FORMAT = 1
Listener = Literal["http", "https", "test", "internal-http", "internal-https", "internal-test"]
LISTENERS: tuple[Listener, ...] = ("http", "https", "test", "internal-http", "internal-https", "internal-test")
LAST_PRIORITY = 50000
"""The greatest that a balancer takes (H16)."""
FILE = "ledger.json"
NAMES = "names"
"""The DNS names of a stage, each with the cell to which it leads: the one birth that says how it is now."""
MAINTENANCE = "maintenance "
"""Begins the name of a service's maintenance rules."""

Birth = Mapping[str, Any]


def is_test(listener: str) -> bool:
    """Whether a listener shows next versions."""
    return listener in ("test", "internal-test")


def is_internal(listener: str) -> bool:
    """Whether a listener is one of the internal balancer."""
    return listener.startswith("internal-")


def logical_id(listener: str, digest: str) -> str:
    """What a template calls the rule of a service."""
    return f"{'Test' if is_test(listener) else 'Production'}Rule{digest}"


@dataclass(frozen=True)
class RuleRecord:
    """One listener rule that was released, or is about to be.

    `digest` stands in its logical id. `colour` is ``blue`` for the rules that a service was born with, else
    the name of the root parameter that says which colour was live when the rule was made.
    A retired rule keeps its number, so that no other rule ever takes it. `paths` are those that it matches, so that a
    path more or less leaves the other rules of the service alone.
    """

    digest: str
    listener: Listener
    priority: int
    content: str
    paths: tuple[str, ...] = ()
    colour: str = "blue"
    retired: bool = False


@dataclass(frozen=True)
class Ledger:
    """The memory of one stage. Methods return a new ledger; nothing is edited in place."""

    births: Mapping[str, Birth] = field(default_factory=dict)
    rules: Mapping[str, tuple[RuleRecord, ...]] = field(default_factory=dict)
    resources: tuple[str, ...] = ()
    file: str = FILE

    @classmethod
    def read(cls, text: str, file: str = FILE) -> Ledger:
        """Parse a ledger's text; raises `LedgerError` when it is not one that this version understands."""
        try:
            data = json.loads(text)
            if data["format"] is True or data["format"] != FORMAT:
                fits = f"this cfngen reads format {FORMAT}; use the version that wrote the file"
                raise LedgerError([Problem("format", repr(data["format"]), fits, file)])
            rules = {
                name: tuple(_record(record) for record in _a(list, records)) for name, records in data["rules"].items()
            }
            births = {_a(str, name): _birth(name, birth) for name, birth in data["births"].items()}
            resources = tuple(_place(line) for line in _a(list, data["resources"]))
            return cls(births=births, rules=rules, resources=resources, file=file)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            fits = "restore it from version control; a ledger is written by cfngen alone and never edited"
            said = " ".join(str(error).split())
            raise LedgerError(
                [Problem("ledger", f"it cannot be read ({type(error).__name__}: {said})", fits, file)]
            ) from None

    def text(self) -> str:
        """The file's text: sorted, one line a fact, so that a reviewer sees what was added."""
        rules = {
            name: [_without_defaults(record) for record in records] for name, records in sorted(self.rules.items())
        }
        births = {name: dict(sorted(birth.items())) for name, birth in sorted(self.births.items())}
        body = {"format": FORMAT, "births": births, "rules": rules, "resources": list(self.resources)}
        return pretty(body, end="\n")

    def with_birth(self, name: str, birth: Birth) -> Ledger:
        """Remember what `name` was born with; a name that is known keeps what it has, and gains new keys."""
        return replace(self, births={**self.births, name: {**birth, **self.births.get(name, {})}})

    def with_greatest(self, name: str, key: str, value: int) -> Ledger:
        """Remember the greatest that `name` ever had, of what can grow and never shrink."""
        birth = self.births.get(name, {})
        return replace(self, births={**self.births, name: {**birth, key: max(value, birth.get(key, value))}})

    def with_names(self, names: Mapping[str, int]) -> Ledger:
        """Remember to which cell each DNS name leads now, and no other."""
        return replace(self, births={**self.births, NAMES: dict(names)})

    def with_rules(self, service: str, records: Iterable[RuleRecord]) -> Ledger:
        """Remember a service's rules, oldest first."""
        return replace(self, rules={**self.rules, service: tuple(records)})

    def with_resources(self, released: Mapping[str, str]) -> Ledger:
        """Remember logical ids: `released` maps ``stack/LogicalId`` to its type.

        Raises `LedgerError` when a known id changes its type, which CloudFormation refuses.
        """
        lines = sorted({f"{place} {kind}" for place, kind in released.items()}.union(self.resources))
        if any(_is_of(one, other) for one, other in pairwise(lines)):
            lines = self._without_clashes(released)
        return replace(self, resources=tuple(lines))

    def _without_clashes(self, released: Mapping[str, str]) -> list[str]:
        known = dict(line.split(" ") for line in self.resources)
        clashes = [
            Problem(
                f"resource {place}",
                f"was {known[place]}, would become {kind}",
                "a logical id keeps its type for ever; give the new resource another name",
                self.file,
            )
            for place, kind in sorted(released.items())
            if known.get(place, kind) != kind
        ]
        if clashes:
            raise LedgerError(clashes)
        return [f"{place} {kind}" for place, kind in sorted({**known, **released}.items())]


def _is_of(line: str, other: str) -> bool:
    """Whether two lines are of the same resource."""
    return other.startswith(line[: line.index(" ") + 1])


def _without_defaults(record: RuleRecord) -> dict[str, Any]:
    data: dict[str, Any] = {
        "digest": record.digest,
        "listener": record.listener,
        "priority": record.priority,
        "content": record.content,
        "paths": list(record.paths),
        "colour": record.colour,
    }
    return data | ({"retired": True} if record.retired else {})


_WHOLE = {"stage": {"application": str, "name": str}}
_TASK = {"bootstrap_image": str, "image_key": str, "public_address": bool, "subnet_tier": str}
_KNOWN: Mapping[str, Mapping[str, type]] = {
    **_WHOLE,
    "network": {"cidr": str, "existing": bool, "private_tasks": int},
    "balancer": {"domain": str},
    "internal": {"domain": str, "https": bool},
    "database": {
        "engine": str,
        "engine_version": str,
        "existing": bool,
        "key": str,
        "name": str,
        "storage_gib": int,
    },
    "service": {
        "bootstrap_image": str,
        "cell": int,
        "health_path": str,
        "image_key": str,
        "internal": bool,
        "port": int,
        "protocol_version": str,
        "public_address": bool,
        "subnet_tier": str,
    },
    "worker": _TASK,
    "scheduled": {**_TASK, "cell": int},
    "queue": {"fifo": bool},
}
"""What is known of a birth, by the first word of its name; one that an earlier version wrote may have less."""


def _birth(name: str, data: Any) -> Birth:
    birth: dict[str, Any] = _a(dict, data)
    kind = name.partition(" ")[0]
    if missing := _WHOLE.get(kind, {}).keys() - birth.keys():
        raise TypeError(f"{name} has no {min(missing)}")
    for key, value in birth.items():
        wanted = _KNOWN.get(kind, {}).get(_a(str, key), str | int | None)
        wanted = int if name == NAMES else wanted
        if wanted is int and isinstance(value, bool):
            raise TypeError(f"{name} has {value!r} as its {key}")
        _a(wanted, value)
        if (key == "cell" and value < 2) or (name == NAMES and value < 1):  # the first cell of a service is not written
            raise TypeError(f"{name} has {value!r} as its cell")
    return birth


def _record(data: Any) -> RuleRecord:
    given = _a(dict, data)
    record = RuleRecord(**{**given, "paths": tuple(_a(str, path) for path in _a(list, given.get("paths", [])))})
    for text in (record.digest, record.listener, record.content, record.colour):
        _a(str, text)
    for text in (record.digest, record.colour):  # which stand in names of the templates
        if not re.fullmatch("[A-Za-z0-9]+", text):
            raise TypeError(f"{text!r:.40} is no part of a name")
    _a(bool, record.retired)
    if isinstance(record.priority, bool) or not 1 <= _a(int, record.priority) <= LAST_PRIORITY:
        raise TypeError(f"{record.priority!r} is no priority")
    if record.listener not in LISTENERS:
        raise TypeError(f"{record.listener!r} is no listener")
    return record


def _place(line: Any) -> str:
    place, kind = _a(str, line).split(" ")
    return f"{place} {kind}"


def _a(kind: type | UnionType, value: Any) -> Any:
    if not isinstance(value, kind) or (isinstance(value, str) and not writable(value)):
        raise TypeError(f"{value!r:.40} is no {getattr(kind, '__name__', 'text or number')}")
    return value
