"""What must hold at every moment, and what at rest: invariants over a world, each an id and a sentence.

`Watch` looks after every single write. It knows which requests there are and whose they are, and during an operation
which services may move; all others have to be answered as before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from cfngen.request import Request
from cfngen.simulate import rest
from cfngen.simulate.balancer import answer, shares, targets
from cfngen.simulate.requests import plain, values_of
from cfngen.simulate.world import Forward, World

INVARIANTS = {
    "T1": "a released service's production rules give weight only to groups with running tasks",
    "T2": "every request reaches healthy tasks of the service that it belongs to",
    "T3": "an operation moves no requests but those of the services that it is about",
    "T4": "at rest every production rule of a service gives all weight to its primary task set's group",
    "T5": "a deployment meets the preconditions of its start, and no update takes away what makes releases safe",
    "T6": "after a deployment that fails, is stopped or hears an alarm, everything is as before it",
    "T7": "a stack operation that nothing disturbs succeeds, and no rollback fails",
    "T8": "nothing is left behind that no policy retains",
    "T9": "old tasks stay until their last requests are drained",
    "T10": "alarms and scaling that look at a group look at the one that serves, and alarms that are named exist",
    "T11": "an image is what it was when its task definition was made",
    "T12": "the test listener routes as production does, and shows the version that is about to take over",
    "T13": "every production rule answers requests of its own",
}
"""What the simulator holds against templates."""


@dataclass(frozen=True)
class Hurt:
    """An invariant that did not hold: which, when, and what was seen."""

    invariant: str
    after: str
    seen: str

    def __str__(self) -> str:
        return f"{self.invariant} ({INVARIANTS[self.invariant]}), after: {self.after}: {self.seen}"


EVERYWHERE = ""
"""In place of a listener: wherever users come in."""
OUTSIDE, INSIDE = "internet-facing", "internal"
"""Likewise: wherever they come in by balancers of this scheme."""
Asked = tuple[str, Request, frozenset[str]]
"""A listener, a request that is sent to it, and the services that may answer it."""
Table = Mapping[tuple[str, Request], frozenset[str]]
"""Requests, each with the services that may answer it: one, or two while an update moves it from one to the other."""


def everywhere(owners: Mapping[Request, frozenset[str]], where: str = EVERYWHERE) -> Table:
    """The table of requests that belong to the same services at every listener, or at those of balancers of a scheme."""
    return {(where, request): services for request, services in owners.items()}


@dataclass
class Watch:
    """Looks at a world after every write and keeps what hurts.

    `entries` are the listeners that users know while a stack is operated on; one that is just being made has none.
    """

    world: World
    table: Table = field(default_factory=dict)
    hurts: list[Hurt] = field(default_factory=list)
    entries: tuple[str, ...] | None = None
    _looked_at: int = -1
    _moving: frozenset[str] = frozenset()
    _awake: frozenset[str] = frozenset()
    _grouped: tuple[tuple[Any, ...], list[tuple[Forward, list[Asked]]]] = ((), [])
    _then: list[tuple[Forward, list[Asked]]] = field(default_factory=list)
    _answered: list[Mapping[str, float]] = field(default_factory=list)
    _by_request: dict[tuple[str, Request], Mapping[str, float]] | None = None

    def begin(self, table: Table, moving: Iterable[str] = ()) -> None:
        """An operation begins: from now on requests of `moving` services may go elsewhere, the others stay."""
        self.table = table
        self._moving = frozenset(moving)
        self._awake = frozenset(each.label for each in self.world.services.values() if each.desired)
        running, self._then = targets(self.world), self._by_action()
        self._answered, self._by_request = [shares(action, running) for action, _ in self._then], None

    def _before(self) -> dict[tuple[str, Request], Mapping[str, float]]:
        """Who answered each request when the operation began; put together only for whoever cannot ask by action."""
        if self._by_request is None:
            self._by_request = {
                (listener, request): answered
                for (_, asked), answered in zip(self._then, self._answered, strict=True)
                for listener, request, _ in asked
            }
        return self._by_request

    def sleeps(self, label: str) -> None:
        """Somebody wants that a service has no tasks; nobody expects an answer."""
        self._awake -= {label}

    def addresses(self) -> dict[str, frozenset[str]]:
        """Where users come in and reach something when an operation begins, each with the services."""
        found: dict[str, frozenset[str]] = {}
        for (listener, _), versions in self._before().items():
            address = self.world.listeners[listener].address
            found[address] = found.get(address, frozenset()).union(map(_label, versions))
        return {address: labels for address, labels in found.items() if labels}

    def moved(self, before: Mapping[str, frozenset[str]], after: str) -> None:
        """Users know addresses, and no stack operation tells them another one."""
        now = {self.world.listeners[each].address for each in self.production()}
        there = {each.label for each in self.world.services.values()}
        for address, labels in before.items():
            if address not in now and (missed := sorted(labels & there)):
                self.hurt("T2", after, f"users of {', '.join(missed)} come by {address}, which is not there any more")

    def look(self, after: str) -> None:
        """What must hold at every moment."""
        for invariant, seen in (*self._empty_groups(), *self._requests()):
            self.hurt(invariant, after, seen)

    def rest(self, after: str) -> None:
        """What must hold when nothing is going on; while a stack is operated on that is asked of the services alone."""
        if self.entries is None and self._looked_at != self.world.structure:
            self._looked_at = self.world.structure
            for invariant, seen in rest.of_all(self.world, self.production()):
                self.hurt(invariant, after, seen)
        for service in self.world.services.values():
            if not self.world.in_flight(service):
                for invariant, seen in rest.of(self.world, service, self.production()):
                    self.hurt(invariant, after, seen)

    def served(self, after: str) -> None:
        """Every request gets an answer of its service, wherever users come in, and would on the test listener."""
        running, asleep = targets(self.world), self._asleep()
        for action, asked in self._by_action():
            found = shares(action, running)
            for _, request, owners in asked:
                if not owners <= asleep and not _is_theirs(found, owners):
                    self.hurt("T2", after, f"{request} of {' or '.join(sorted(owners))} gets {_told(found)}")
        for request, owners in dict.fromkeys((request, owners) for (_, request), owners in self.table.items()):
            for seen in self._tested(request, owners):
                self.hurt("T12", after, seen)

    def hurt(self, invariant: str, after: str, seen: str) -> None:
        """Note something that should not be, once for each thing that is seen."""
        if not any((each.invariant, each.seen) == (invariant, seen) for each in self.hurts):
            self.hurts.append(Hurt(invariant, after, seen))

    def production(self) -> list[str]:
        """The listeners that users reach."""
        found: list[str] = self.world.once(
            "production", lambda: sorted(set(self.world.listeners) - self.world.test_listeners())
        )
        return found

    def followed(self, listener: str, request: Request) -> str:
        """The listener that answers in the end: the one of the port that a redirect names, as 443 for HTTPS."""
        action = answer(self.world, listener, request)
        if action.kind != "redirect":
            return listener
        there = (self.world.listeners[listener].balancer, action.port)
        return next(
            (each.arn for each in self.world.listeners.values() if (each.balancer, each.port) == there), listener
        )

    def _by_action(self) -> list[tuple[Forward, list[Asked]]]:
        """The requests at the listeners that users know, by the action that answers them.

        It is asked after every write, and only one of what carries requests or decides about them changes it.
        """
        entries = tuple(self.production()) if self.entries is None else self.entries
        key = (self.world.routing, id(self.table), entries)
        if self._grouped[0] != key:
            found: dict[int, tuple[Forward, list[Asked]]] = {}
            for listener, request, owners in self._asked(entries):
                action = answer(self.world, self.followed(listener, request), request)
                found.setdefault(id(action), (action, []))[1].append((listener, request, owners))
            self._grouped = key, list(found.values())
        return self._grouped[1]

    def _asked(self, entries: Iterable[str]) -> Iterator[Asked]:
        there = [each for each in entries if each in self.world.listeners]
        inside = [each for each in there if self.world.is_internal(each)]
        outside = [each for each in there if each not in inside]
        meant = {EVERYWHERE: there, INSIDE: inside, OUTSIDE: outside}
        for (where, request), owners in self.table.items():
            for listener in meant.get(where, [where] if where in there else []):
                yield listener, request, owners

    def _asleep(self) -> frozenset[str]:
        """Services that had no tasks before, or that somebody has scaled to nothing: nobody expects an answer."""
        return frozenset(each.label for each in self.world.services.values() if not each.desired) - self._awake

    def _empty_groups(self) -> Iterator[tuple[str, str]]:
        world, owners = self.world, self.world.owners()
        filled = {
            tasks.group
            for service in world.services.values()
            for tasks in service.task_sets
            if tasks.running and tasks.is_healthy
        }
        for listener in self.production():
            for arn, action in world.forwards(listener):
                for group, weight in action.weights.items():
                    owner = owners.get(group) if weight and group not in filled else None
                    if owner and (owner.desired or owner.label in self._awake):
                        yield "T1", f"{arn} gives {weight} to {group}, where no task of {owner.label} runs"

    def _requests(self) -> Iterator[tuple[str, str]]:
        running, asleep, groups = targets(self.world), self._asleep(), self._by_action()
        is_as_then = groups is self._then
        for index, (action, asked) in enumerate(groups):
            now = shares(action, running)
            if is_as_then and now == self._answered[index]:
                continue
            for listener, request, owners in asked:
                before = self._answered[index] if is_as_then else self._before().get((listener, request), now)
                if now == before or owners <= asleep or not _is_theirs(before, owners):
                    continue
                if not _is_theirs(now, owners):
                    yield "T2", f"{request} of {' or '.join(sorted(owners))} gets {_told(now)}"
                elif len(owners) == 1 and not owners & self._moving:
                    yield "T3", f"{request} got {_told(before)} and now gets {_told(now)}"

    def _shown(self, listener: str, request: Request, owners: frozenset[str]) -> set[str]:
        """Who answers on a test listener; where nobody does, who would for a host that only its own rules name."""
        known, world = self.world.owners(), self.world

        def asked(each: Request) -> set[str]:
            action = answer(world, listener, each)
            return {known[group].label if group in known else group for group in action.groups} or {action.kind}

        found = asked(request)
        if answer(world, listener, request).kind != "forward":
            conditions = [each for rule in world.rules_of(listener) for each in rule.conditions]
            hosts = {plain(name) for each in conditions if each["Field"] == "host-header" for name in values_of(each)}
            others = [asked(replace(request, host=host)) for host in sorted(hosts)]
            found = next((each for each in others if each <= owners), found)
        return found

    def _tested(self, request: Request, owners: frozenset[str]) -> Iterator[str]:
        """Whose groups a request reaches on the test listeners of its services."""
        for listener, services in self.world.tested_by().items():
            if owners <= services:
                found = self._shown(listener, request, owners)
                if not found <= owners:
                    told = f"on the test listener it reaches {', '.join(sorted(found))}"
                    yield f"{request} is of {' or '.join(sorted(owners))}; {told}"


def owners_now(world: World, request: Request, listener: str) -> frozenset[str]:
    """Whose a request is by the rules as they are."""
    action = answer(world, listener, request)
    found = {
        service.label
        for service in world.services.values()
        if {tasks.group for tasks in service.task_sets} & action.groups
    }
    return frozenset(found)


def _is_theirs(found: Mapping[str, float], owners: frozenset[str]) -> bool:
    return bool(found) and all(_label(version) in owners for version in found)


def _label(version: str) -> str:
    """The service of a version such as ``web v1``."""
    return version.rpartition(" ")[0]


def _told(found: Mapping[str, float]) -> str:
    return ", ".join(f"{version} {part:.0%}" for version, part in sorted(found.items())) or "nothing"
