"""What must hold at every moment, and what at rest: invariants over a world, each an id and a sentence.

`Watch` looks after every single write. It knows which requests there are and whose they are, and during an operation
which services may move; all others have to be answered as before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from cfngen.simulate.balancer import Request, Targets, answer, shares, targets
from cfngen.simulate.world import Forward, Service, World

INVARIANTS = {
    "T1": "a released service's production rules give weight only to groups with running tasks",
    "T2": "every request reaches healthy tasks of the service that it belongs to",
    "T3": "an operation moves no requests but those of the services that it is about",
    "T4": "at rest every production rule of a service gives all weight to its primary task set's group",
    "T5": "a deployment meets the preconditions of its start",
    "T6": "after a rollback the version before serves",
    "T7": "a stack operation that nothing disturbs succeeds, and no rollback fails",
    "T8": "nothing is left behind that no policy retains",
    "T9": "old tasks stay until their last requests are drained",
    "T10": "alarms and scaling that look at a group look at the one that serves",
    "T11": "an image is what it was when its task definition was made",
    "T12": "test traffic shows the version that is about to take over",
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


Table = Mapping[Request, frozenset[str]]
"""Requests, each with the services that may answer it: one, or two while an update moves it from one to the other."""
Entry = tuple[str, Request]


@dataclass
class Watch:
    """Looks at a world after every write and keeps what hurts.

    `entries` are the listeners that users know while a stack is operated on; one that is just being made has none.
    """

    world: World
    table: Table = field(default_factory=dict)
    hurts: list[Hurt] = field(default_factory=list)
    entries: tuple[str, ...] | None = None
    _dataless_at: int = -1
    _moving: frozenset[str] = frozenset()
    _before: dict[Entry, Mapping[str, float]] = field(default_factory=dict)

    def begin(self, table: Table, moving: Iterable[str] = ()) -> None:
        """An operation begins: from now on requests of `moving` services may go elsewhere, the others stay."""
        self.table = table
        self._moving = frozenset(moving)
        self._before = dict(self._answers())

    def look(self, after: str) -> None:
        """What must hold at every moment."""
        for invariant, seen in (*self._empty_groups(), *self._requests()):
            self.hurt(invariant, after, seen)

    def rest(self, after: str) -> None:
        """What must hold when nothing is going on."""
        if self._dataless_at != self.world.structure:
            self._dataless_at = self.world.structure
            for invariant, seen in self._dataless():
                self.hurt(invariant, after, seen)
        for service in self.world.services.values():
            if not self.world.in_flight(service):
                looks = (self._disagreements, self._untouched_test, self._blind, _moving_images)
                for invariant, seen in (found for look in looks for found in look(service)):
                    self.hurt(invariant, after, seen)

    def served(self, after: str) -> None:
        """Every request gets an answer of its service, wherever users come in."""
        running = targets(self.world)
        for listener in self.production():
            for request, owners in self.table.items():
                if not _is_theirs(found := self.client(listener, request, running), owners):
                    self.hurt("T2", after, f"{request} of {' or '.join(sorted(owners))} gets {_told(found)}")

    def hurt(self, invariant: str, after: str, seen: str) -> None:
        """Note something that should not be, once for each thing that is seen."""
        if not any((each.invariant, each.seen) == (invariant, seen) for each in self.hurts):
            self.hurts.append(Hurt(invariant, after, seen))

    def production(self) -> list[str]:
        """The listeners that users reach."""
        return sorted(set(self.world.listeners) - self.world.test_listeners())

    def client(self, listener: str, request: Request, running: Targets) -> Mapping[str, float]:
        """What a client gets that follows a redirect to HTTPS."""
        found = shares(self.world, listener, request, running)
        if set(found) != {"redirect"}:
            return found
        balancer = self.world.listeners[listener].balancer
        secure = next(
            (each.arn for each in self.world.listeners.values() if each.balancer == balancer and each.port == 443), None
        )
        return shares(self.world, secure, request, running) if secure and secure != listener else found

    def _answers(self) -> Iterator[tuple[Entry, Mapping[str, float]]]:
        running = targets(self.world)
        for listener in self.production() if self.entries is None else self.entries:
            for request in self.table if listener in self.world.listeners else ():
                yield (listener, request), self.client(listener, request, running)

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
                    if owner and owner.desired:
                        yield "T1", f"{arn} gives {weight} to {group}, where no task of {owner.label} runs"

    def _requests(self) -> Iterator[tuple[str, str]]:
        running = targets(self.world)
        for (listener, request), before in self._before.items():
            if listener not in self.world.listeners:
                continue
            owners = self.table[request]
            now = self.client(listener, request, running)
            if owners and _is_theirs(before, owners) and not _is_theirs(now, owners):
                yield "T2", f"{request} of {' or '.join(sorted(owners))} gets {_told(now)}"
            elif len(owners) == 1 and not owners & self._moving and now != before and _is_theirs(before, owners):
                yield "T3", f"{request} got {_told(before)} and now gets {_told(now)}"

    def _disagreements(self, service: Service) -> Iterator[tuple[str, str]]:
        if not service.desired or self.world.group_of(service) is None:
            return
        for arn, action in self._rules_of(service):
            if action.live != {service.live.group}:
                yield (
                    "T4",
                    f"{arn} sends {service.label} to {sorted(action.live)}, its primary is in {service.live.group}",
                )

    def _rules_of(self, service: Service) -> list[tuple[str, Forward]]:
        """The production actions that name a group of a service."""
        found: dict[str, list[tuple[str, Forward]]] = self.world.once("production rules", self._rules_by_service)
        return found.get(service.arn, [])

    def _rules_by_service(self) -> dict[str, list[tuple[str, Forward]]]:
        owners = self.world.owners()
        found: dict[str, list[tuple[str, Forward]]] = {}
        for listener in self.production():
            for arn, action in self.world.forwards(listener):
                for owner in {owners[group].arn for group in action.weights if group in owners}:
                    found.setdefault(owner, []).append((arn, action))
        return found

    def _untouched_test(self, service: Service) -> Iterator[tuple[str, str]]:
        group = self.world.group_of(service)
        listener = self.world.listener_of(group, "TestTrafficRoute") if group else ""
        if group is None or not listener or any(each.service is service for each in self.world.deployments):
            return
        pair = {each.arn for each in self.world.pair(group)}
        for arn, action in self.world.forwards(listener):
            if action.groups & pair and action.live != {service.live.group}:
                yield "T12", f"{arn} shows {sorted(action.live)} before anything was released"

    def _blind(self, service: Service) -> Iterator[tuple[str, str]]:
        group = self.world.group_of(service)
        pair = self.world.pair(group) if group else []
        for name, watcher in {name: watcher for each in pair for name, watcher in self.world.watching(each)}.items():
            named = {each.arn for each in pair if each.full_name in watcher.text}
            if service.live.group not in named:
                yield "T10", f"{name} looks at {sorted(named)} and {service.label} serves from {service.live.group}"
            for metric in {metric for metric, _ in watcher.metrics}:
                looked = {each.get("TargetGroup") for other, each in watcher.metrics if other == metric}
                known = {each.arn for each in pair if each.full_name in looked}
                if known and service.live.group not in known:
                    yield "T10", f"{metric} of {name} looks at {sorted(known)}, not at {service.live.group}"

    def _dataless(self) -> Iterator[tuple[str, str]]:
        """Alarms and policies whose dimensions no metric has; they change only when something is made."""
        world, groups = self.world, {each.full_name: each.arn for each in self.world.groups.values()}
        services = {each.name: each for each in world.services.values()}
        for name, watcher in world.watchers.items():
            for metric, dimensions in watcher.metrics:
                if wrong := self._wrong(groups, services, dimensions):
                    yield "T10", f"{metric} of {name} has no data: {wrong}"

    def _wrong(self, groups: Mapping[str, str], services: Mapping[str, Service], dimensions: Mapping[str, str]) -> str:
        group, told = dimensions.get("TargetGroup"), dimensions.get("LoadBalancer")
        if told and told not in map(self.world.balancer_name, self.world.balancers):
            return f"{told} is no balancer"
        if group is not None and group in groups:
            balancer = self.world.balancer_of(
                groups[group]
            )  # none while a reading takes the idle group out of its rules
            is_theirs = not balancer or told in (self.world.balancer_name(balancer), None)
            return "" if is_theirs else f"{told} is not the group's balancer"
        service = services.get(dimensions.get("ServiceName", ""))
        if service and dimensions.get("ClusterName") != service.cluster:
            return f"{service.label} is not in the cluster {dimensions.get('ClusterName')}"
        return ""


def _moving_images(service: Service) -> Iterator[tuple[str, str]]:
    for tasks in service.task_sets:
        name, _, tag = tasks.image.rpartition("/")[2].partition(":")
        if tasks.image and "@" not in name and tag in ("", "latest"):
            yield "T11", f"{service.label} {tasks.version} runs {tasks.image}, whatever that is when a task starts"


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
    return bool(found) and all(version.rpartition(" ")[0] in owners for version in found)


def _told(found: Mapping[str, float]) -> str:
    return ", ".join(f"{version} {part:.0%}" for version, part in sorted(found.items())) or "nothing"
