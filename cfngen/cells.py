"""Cells: which root a service lives in, for life.

The first root has what a stage shares and the services that one balancer carries; each further cell is a root of its
own with a balancer of its own. A service's cell is given once, by host, and kept in the ledger (A6.14, K1.6).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from cfngen.describe import problem
from cfngen.errors import Problem
from cfngen.ledger import MAINTENANCE, Ledger
from cfngen.limits import TREE
from cfngen.patterns import meet
from cfngen.routing import claimants, listeners, matches
from cfngen.spec import App, ScheduledTask, Service
from cfngen.spec.app_parts import SERVICES_OF_A_BALANCER

FIRST = 1
FILL = 90
"""Listener rules up to which a cell takes services that could live elsewhere: the rest is room for rules that change."""
SHARED, _OF_A_SERVICE, _OF_A_WORKER, _OF_A_TASK, _OF_A_SMOKE_TEST = 200, 45, 45, 25, 6
"""Resources at most, each with its nested stacks; `generate` counts what was made in the end."""


def folder(cell: int) -> str:
    """Where a cell's templates lie, below the stage's folder; nowhere else for the first."""
    return "" if cell == FIRST else f"cell-{cell}"


def is_folder(name: str) -> bool:
    """Whether a folder or a service of that name would be a cell's."""
    return re.fullmatch(r"cell-\d+", name) is not None


def born(ledger: Ledger, kind: str, name: str) -> int:
    """The cell that a service or a scheduled task was born in."""
    return int(ledger.births.get(f"{kind} {name}", {}).get("cell", FIRST))


def of_cell(ledger: Ledger, cell: int, placed: Mapping[str, int] | None = None) -> Ledger:
    """A ledger with the rules of one cell alone, those of services that are gone among them: each balancer has numbers of
    its own. `placed` are the cells of services that the ledger may not know yet; what is no service is the first's.
    """

    def home(name: str) -> int:
        service = name.removeprefix(MAINTENANCE)
        return (placed or {}).get(service) or born(ledger, "service", service)

    return replace(ledger, rules={name: records for name, records in ledger.rules.items() if home(name) == cell})


def settle(app: App, known: Ledger, records: Mapping[str, int]) -> tuple[dict[str, int], list[Problem]]:
    """The cell of every service, and what cannot be placed. `records` are the DNS names that lead somewhere already.

    Services whose hosts meet are one group and stay together, since a DNS name leads to one balancer. Those without
    hosts are a group too, that of the first cell. A group goes where one of it lives already, else into the first cell with room.
    """
    services = _public(app)
    here = {each.name: born(known, "service", each.name) for each in services if f"service {each.name}" in known.births}
    rooms: dict[int, _Room] = {}
    _room(rooms, FIRST, app).add_shared(app)
    for service in services:
        if service.name in here:
            _room(rooms, here[service.name], app).take(app, service)
    groups = sorted(_groups(app), key=lambda each: each[0].name)
    fixed = {id(group): _home(app, group, here, records) for group in groups}
    problems = list(_overfull(app, here, known))
    cells = {**here, **{each.name: FIRST for each in app.services if each.internal}}
    for group in sorted(groups, key=lambda each: not fixed[id(each)].cells):  # those that cannot choose come first
        home, new = fixed[id(group)], [each for each in group if each.name not in here]
        if len(home.cells) > 1:
            problems.append(_torn(app, group, cells, home, known))
        cell = min(home.cells, default=0) or _with_room(app, rooms, new)
        room = _room(rooms, cell, app)
        if new and len(room.services) + len(new) > app.services_per_cell:
            problems.append(_crowded(app, room, cell, group, new, home))
        for service in new:
            cells[service.name] = cell
            room.take(app, service)
    return cells, problems


def of_tasks(app: App, known: Ledger, cells: Mapping[str, int]) -> tuple[dict[str, int], list[Problem]]:
    """The cell of every scheduled task: that of the service whose image it runs, for life; else the first."""
    found, problems = {}, []
    for index, task in enumerate(app.scheduled_tasks):
        found[task.name] = cells.get(task.image_of, FIRST)
        was = born(known, "scheduled", task.name)
        if f"scheduled {task.name}" in known.births and was != found[task.name]:
            fits = (
                f"an image of cell {was}, where the task was born and stays: another cell is another root, and the task would "
                f"be deleted in one and made in the other. Way out: add a task of another name, and remove {task.name!r}"
            )
            problems.append(problem(app, f"scheduled_tasks[{index}].image_of", fits, _shown(task, found[task.name])))
    return found, problems


def only_first(app: App, cells: Mapping[str, int]) -> tuple[str, ...]:
    """Services without hosts, which the names of other cells do not lead to; none as long as all live in the first."""
    if set(cells.values()) <= {FIRST}:
        return ()
    return tuple(sorted(each.name for each in _public(app) if not each.hosts))


def _public(app: App) -> tuple[Service, ...]:
    """The services behind the public balancers; all internal ones are behind the one of the first root."""
    return tuple(each for each in app.services if not each.internal)


@dataclass
class _Room:
    """What a cell has already."""

    services: list[str] = field(default_factory=list)
    rules: int = 0
    resources: int = 0

    def add_shared(self, app: App) -> None:
        """What the first cell has besides: redirects, internal services, workers with their queues, scheduled tasks of their own."""
        redirects = sum(len(matches(each)) * len(listeners(app)) for each in claimants(app, ()))
        services = {each.name for each in app.services}
        tasks = sum(each.image_of not in services for each in app.scheduled_tasks)
        self.rules += redirects
        self.resources += sum(resources(app, each) for each in app.services if each.internal)
        self.resources += redirects + _OF_A_WORKER * len(app.workers) + _OF_A_TASK * tasks

    def take(self, app: App, service: Service) -> None:
        self.services.append(service.name)
        self.rules += _rules(app, service)
        self.resources += resources(app, service)


@dataclass(frozen=True)
class _Home:
    """The cells that a group has to be in, and why."""

    cells: frozenset[int]
    reason: str = ""


def _room(rooms: dict[int, _Room], cell: int, app: App) -> _Room:
    if cell not in rooms:
        rooms[cell] = _Room(rules=int(app.balancer.https), resources=SHARED)
    return rooms[cell]


def _with_room(app: App, rooms: dict[int, _Room], new: list[Service]) -> int:
    """The first cell that takes all of them; a group that none takes gets one of its own."""
    rules, needed = sum(_rules(app, each) for each in new), sum(resources(app, each) for each in new)
    cell = FIRST
    while True:
        room = _room(rooms, cell, app)
        fits = (
            len(room.services) + len(new) <= app.services_per_cell
            and room.rules + rules <= FILL + app.balancer.https
            and room.resources + needed <= TREE.number
        )
        if fits or (cell > FIRST and not room.services):
            return cell
        cell += 1


def _home(app: App, group: list[Service], here: Mapping[str, int], records: Mapping[str, int]) -> _Home:
    found = {here[each.name] for each in group if each.name in here}
    domain, hosts = app.balancer.domain, sorted({host for each in group for host in each.hosts})
    elsewhere = [host for each in app.balancer.redirects for host in each.hosts]
    if not all(each.hosts for each in group):
        return _Home(
            frozenset({FIRST, *found}),
            "services without hosts belong to the first cell, to which every name leads that is no other's",
        )
    if domain and any(meet(domain, host) for host in hosts):
        return _Home(frozenset({FIRST, *found}), f"the domain {domain!r} leads to the first cell")
    if sent := [one for one in elsewhere if any(meet(one, host) for host in hosts)]:
        return _Home(
            frozenset({FIRST, *found}),
            f"the balancer of the first cell has the redirects, and one of {sent[0]!r}",
        )
    if found:
        return _Home(
            frozenset(found), "services whose hosts meet live in one cell, since a DNS name leads to one balancer"
        )
    for name, cell in records.items():
        if name in hosts or (not name.startswith("*") and any(meet(host, name) for host in hosts)):
            return _Home(frozenset({cell}), f"the name {name!r} leads to cell {cell} already")
    return _Home(frozenset())


def _crowded(app: App, room: _Room, cell: int, group: list[Service], new: list[Service], home: _Home) -> Problem:
    number = len(room.services) + len(new)
    names = ", ".join(repr(each.name) for each in new[:3]) + (" …" if new[3:] else "")
    if home.cells:
        fits = f"at most {app.services_per_cell} in a cell: {home.reason}. Ways out: give {names} hosts of their own, which go to a cell with room; remove services of cell {cell}"
        return problem(app, "services", fits, f"{number} of them in cell {cell}")
    hosts = ", ".join(sorted({host for each in group for host in each.hosts})[:3])
    fits = f"at most {app.services_per_cell} in a cell, and a DNS name leads to one cell's balancer. Way out: give some of them hosts of their own"
    return problem(app, "services", fits, f"{number} of them share hosts such as {hosts}")


def _overfull(app: App, here: Mapping[str, int], known: Ledger) -> Iterator[Problem]:
    """Services that the ledger puts into a cell that has no place for them: one that comes back to where it was born, after
    others filled the cell; or those of two branches.
    """
    for cell in sorted(set(here.values())):
        there = [index for index, each in enumerate(app.services) if here.get(each.name) == cell]
        back = [index for index in there if _is_back(known, app.services[index].name)]
        most = (
            app.services_per_cell if back else SERVICES_OF_A_BALANCER
        )  # fewer a cell say nothing of those that live there
        for index in (back or there)[-1:] if len(there) > most else ():
            name = app.services[index].name
            fits = (
                f"at most {most} in a cell: {name!r} was born in cell {cell}, and {len(there)} would be there. Ways out: give it "
                "another name, for what is new goes to a cell with room; remove services of that cell. If two branches were "
                f"merged and {name!r} was never deployed, delete its birth and its rules from {known.file}, and generate again"
            )
            yield problem(app, f"services[{index}].name", fits)


def _is_back(known: Ledger, name: str) -> bool:
    """Whether a service was away: all of its rules are retired."""
    rules = known.rules.get(name, ())
    return bool(rules) and all(each.retired for each in rules)


def _torn(app: App, group: list[Service], cells: Mapping[str, int], home: _Home, known: Ledger) -> Problem:
    """A group that would have to be in two cells at once."""
    there = ", ".join(f"{each.name!r} in cell {cells[each.name]}" for each in group if each.name in cells)
    fits = (
        f"hosts that keep to one cell: {home.reason}, and a service stays where it was born. Ways out: give them hosts that "
        "do not meet; add a service of another name with these hosts, and remove the old one. If two branches were merged "
        f"and one of these services was never deployed, delete its birth and its rules from {known.file}, and generate again"
    )
    return problem(app, "services", fits, there)


def _groups(app: App) -> Iterator[list[Service]]:
    """Services that have to live together: their hosts meet, by themselves or through others; or they have none."""
    leaders: dict[str, str] = {}

    def leader(name: str) -> str:
        while leaders.setdefault(name, name) != name:
            name = leaders[name]
        return name

    hosts: dict[str, list[str]] = {}
    services = _public(app)
    for service in services:
        for host in service.hosts or ("",):
            hosts.setdefault(host, []).append(service.name)
    patterns = [host for host in hosts if {"*", "?"} & set(host)]
    meetings = [
        *hosts.values(),
        *([*hosts[one], *hosts[other]] for one in patterns for other in hosts if other and meet(one, other)),
    ]
    for first, *others in meetings:
        for other in others:
            leaders[leader(other)] = leader(first)
    found: dict[str, list[Service]] = {}
    for service in sorted(services, key=lambda each: each.name):
        found.setdefault(leader(service.name), []).append(service)
    yield from found.values()


def _rules(app: App, service: Service) -> int:
    own = sum(len(matches(each)) for each in claimants(app, [service], ()))
    return own * len(listeners(app)) + (own if app.maintenance_of(service) is not None else 0)


def resources(app: App, service: Service) -> int:
    """What a service brings at most: its stack, its pipeline, and the tasks that run its image."""
    more = _rules(app, service) + len(service.egress_ports) + len(service.containers)
    return _OF_A_SERVICE + more + _OF_A_SMOKE_TEST * bool(service.release.smoke_test) + _OF_A_TASK * len(app.borrowers(service.name))  # fmt: skip


def _shown(task: ScheduledTask, cell: int) -> str:
    return (
        f"{task.image_of!r}, which is in cell {cell}"
        if task.image_of
        else "none, so that it would be in the first cell"
    )


def used(cells: Iterable[int]) -> tuple[int, ...]:
    """The cells that are there, the first always."""
    return tuple(sorted({FIRST, *cells}))
