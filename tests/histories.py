"""Lives of a stage: its description changes, its services are released, things go wrong, and all of it is watched.

`Life` plays one event after another on generated files. It behaves as a deployer who follows the README: the colour
that a root parameter asks for is the one that serves, and it is not given while that service is being released.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import replace
from fnmatch import fnmatch
from functools import lru_cache
from typing import Any

import pytest

from cfngen import (
    AllAtOnce,
    App,
    Balancer,
    Canary,
    Ledger,
    LedgerError,
    Linear,
    Network,
    OffHours,
    Release,
    Scaling,
    Service,
    stage_files,
    title,
)
from cfngen.request import Request
from cfngen.semantics.template import read_template
from cfngen.simulate.behaviour import Readings
from cfngen.simulate.codedeploy import Deployment
from cfngen.simulate.files import Files
from cfngen.simulate.scenario import parameters
from cfngen.simulate.simulation import Disturbance, Simulation
from cfngen.simulate.watch import Table, everywhere

WEB = Service(name="web", release=Release(strategy=Canary(percent=10, minutes=5)))
ADMIN = Service(
    name="admin",
    paths=("/admin", "/admin/*"),
    health_path="/admin/health",
    release=Release(strategy=AllAtOnce(), continue_within_minutes=60),
)
SHOP = App(name="shop", services=(WEB, ADMIN), balancer=Balancer(https=False))
REPORTS = Service(name="reports", paths=("/reports/*",), health_path="/reports/health")
OFFICE = Service(name="office", paths=("/office",), health_path="/office", allowed_addresses=("203.0.113.0/24",))

Change = Callable[[App], App]


def _service(name: str, **options: Any) -> Change:
    return lambda app: replace(
        app, services=tuple(replace(each, **options) if each.name == name else each for each in app.services)
    )


def _with(service: Service) -> Change:
    return lambda app: app if service.name in names(app) else replace(app, services=(*app.services, service))


def _without(name: str) -> Change:
    return lambda app: replace(app, services=tuple(each for each in app.services if each.name != name))


def _app(**options: Any) -> Change:
    return lambda app: replace(app, **options)


CHANGES: Mapping[str, Change] = {
    "nothing": lambda app: app,
    "admin takes /manage too": _service("admin", paths=("/admin", "/admin/*", "/manage/*")),
    "admin has its first paths": _service("admin", paths=("/admin", "/admin/*")),
    "admin needs two rules": _service("admin", paths=("/admin", "/admin/*", "/a1", "/a2", "/a3", "/a4", "/a5")),
    "web by host": _service("web", hosts=("shop.example.com", "*.example.com")),
    "web for every host": _service("web", hosts=()),
    "admin for the office": _service("admin", allowed_addresses=("203.0.113.0/24",)),
    "admin for everybody": _service("admin", allowed_addresses=()),
    "reports comes": _with(REPORTS),
    "reports goes": _without("reports"),
    "office comes": _with(OFFICE),
    "office goes": _without("office"),
    "admin goes": _without("admin"),
    "admin comes": _with(ADMIN),
    "web is canary": _service("web", release=Release(strategy=Canary(percent=20, minutes=7))),
    "web is linear": _service("web", release=Release(strategy=Linear(percent=25, minutes=2))),
    "web waits for a person": _service("web", release=Release(strategy=AllAtOnce(), continue_within_minutes=30)),
    "web is at once": _service("web", release=Release(strategy=AllAtOnce(), termination_wait_minutes=1)),
    "web scales more": _service("web", scaling=Scaling(minimum=2, maximum=6, requests_per_minute=100)),
    "web scales less": _service("web", scaling=Scaling(minimum=1, maximum=2)),
    "web is larger": _service("web", cpu=1024, memory_mib=2048),
    "HTTPS": _app(balancer=Balancer(https=True)),
    "no access logs": lambda app: replace(app, balancer=replace(app.balancer, access_logs=False)),
    "other test port": lambda app: replace(app, balancer=replace(app.balancer, test_port=9000)),
    "three zones": _app(network=Network(zones=3)),
    "tags": _app(tags={"Team": "beans"}),
    "own key": _app(own_key_for=("logs",)),
    "longer retention": _app(log_retention_days=90),
    "off-hours": _app(off_hours=OffHours()),
    "e-mail": _app(alarm_email="ops@example.com"),
}
"""What may change between two deployments, each keeping what it does not name. HTTPS goes on and not off again, since
a switch off is known to answer 404 on port 80 for the time of an update (docs/traffic.md)."""

ROUTING = {
    name
    for name in CHANGES
    if any(
        word in name for word in ("takes", "paths", "rules", "host", "office", "everybody", "comes", "goes", "HTTPS")
    )
}
"""Changes of who gets a request, which are what can hurt."""
ADDRESSES = ("203.0.113.7", "198.51.100.1")
FOREIGN = "elsewhere.example.org"
"""A host of nobody's, by which clients come who know an address only, or another name of the balancer."""
PATHS = (
    "/", "/suppliers", "/admin", "/admin/suppliers", "/administrator", "/manage/x", "/reports/1", "/office", "/a1", "/a5"
)  # fmt: skip


def names(app: App) -> list[str]:
    return [service.name for service in app.services]


REQUESTS = (
    *(Request(path, address=address) for path in PATHS for address in ADDRESSES),
    *(Request(path, FOREIGN) for path in PATHS[::2]),
)


def claims(app: App, request: Request) -> dict[str, tuple[bool, bool, int, bool]]:
    """The services whose paths match a request, each with how precisely: by host before by path, then the longest."""
    found: dict[str, tuple[bool, bool, int, bool]] = {}
    for service in app.services:
        if service.hosts and not any(fnmatch(request.host, host) for host in service.hosts):
            continue
        for path in service.paths:
            exact, inside = path == request.path, path.endswith("*") and request.path.startswith(path[:-1])
            if (exact or inside) and (not service.allowed_addresses or request.address.startswith("203.0.113.")):
                how = (bool(service.hosts), exact, len(path.replace("*", "")), bool(service.allowed_addresses))
                found[service.name] = max(how, found.get(service.name, how))
    return found


def owner(app: App, request: Request) -> str | None:
    """Whose a request is, by the description alone."""
    found = claims(app, request)
    return max(found, key=lambda name: found[name]) if found else None


def table(app: App, after: App | None = None) -> Table:
    """Whose each request is, and during an update to another description, whose it may be."""
    for each in (app, after or app):
        _APPS[repr(each)] = each
    return _table(repr(app), repr(after or app))


@lru_cache(maxsize=1024)
def _table(before: str, following: str) -> Table:
    """The table by the texts of two descriptions.

    Two changes of who claims a request take hold one after the other: meanwhile it is anybody's who claims it then.
    What a newcomer takes from a service that is there is left out: its stand-in answers until its first release, and
    nobody for the minutes until that runs. So is what a service that goes leaves to another, which gets it after its
    tasks have ended. docs/traffic.md says how to move paths without.
    """
    app, after = _APPS[before], _APPS[following]
    found = {}
    for request in REQUESTS:
        first, then = claims(app, request), claims(after, request)
        if not first or not then or set(first) - set(names(after)) or set(then) - set(names(app)):
            continue
        owners = {str(owner(app, request)), str(owner(after, request))}
        if first != then:
            owners |= {name for name in then if then[name] != first.get(name)}
        found[request] = frozenset(owners)
    return everywhere(found)


@lru_cache(maxsize=512)
def _generate(app: str, ledger: str) -> tuple[Files, str]:
    made = stage_files(_APPS[app], Ledger.read(ledger) if ledger else None)
    return Files(made), made["ledger.json"]


_APPS: dict[str, App] = {}


def generate(app: App, ledger: str) -> tuple[Files, str]:
    """What `cfngen generate` writes for a description beside a ledger; the same again for the same input."""
    _APPS[repr(app)] = app
    return _generate(repr(app), ledger)


@lru_cache(maxsize=4096)
def _writes(old: str, new: str) -> int:
    """How many resources of a template are not as they were."""
    before, after = (read_template(each).resources if each else {} for each in (old, new))
    return sum(before.get(name) != each for name, each in after.items())


def writes(old: Files, new: Files) -> int:
    """About how many writes an update takes: those of resources whose text has changed."""
    return sum(_writes(old.texts.get(name, ""), new.texts[name]) for name in new.templates)


@lru_cache(maxsize=256)
def _begun(readings: Readings, app: str, ledger: str) -> tuple[Life, dict[int, Any]]:
    """A life whose stage has just been created, and what of it never changes, by `id`, for `deepcopy` to share."""
    life = Life(readings)
    life.app, life.ledger = _APPS[app], ledger
    life.deploy()
    simulation, world = life.simulation, life.simulation.world
    shared: list[Any] = [life.app, life.files, simulation.stack, simulation.watch.table, readings]
    shared += [*simulation.story.rows, *simulation.events, *simulation.watch.hurts, *REQUESTS]
    shared += [each.takes for each in world.rules.values()]
    shared += [each.conditions for each in world.rules.values()]
    shared += [each.properties for each in world.deployment_groups.values()]
    for kept in (world.task_definitions, world.deployment_configs, world.metric_readers, world.composites):
        shared += kept.values()
    for kept in (world.scalable, world.pipelines, world.event_rules, world.machines):
        shared += kept.values()
    return life, {id(each): each for each in shared}


def begin(readings: Readings, app: App = SHOP, ledger: str = "") -> Life:
    """A life whose stage has just been created; played once, and copied whenever the same is asked for again."""
    _APPS[repr(app)] = app
    life, shared = _begun(readings, repr(app), ledger)
    return deepcopy(life, dict(shared))


class Life:
    """One stage from its first deployment on. Every event says by itself whether it can happen now."""

    def __init__(self, readings: Readings) -> None:
        self.simulation = Simulation(readings)
        self.app = SHOP
        self.deployed: App | None = None
        self.ledger = ""
        self.files: Files | None = None

    @property
    def flying(self) -> list[Deployment]:
        return self.simulation.world.in_flight()

    @property
    def is_deployed(self) -> bool:
        return self.simulation.stack is not None

    def deploy(
        self,
        changes: tuple[str, ...] = (),
        *,
        fail_at: float | None = None,
        meanwhile: tuple[float, ...] = (),
        revert: bool = False,
        sick: bool = False,
    ) -> None:
        """Change the description, generate, deploy.

        A write may fail, or the first tasks of a newcomer never become healthy; between two writes a deployment may go
        on or begin. Which writes is said by how much of the update is done by then, from 0 to 1.
        """
        wanted = self.deployed if revert and self.deployed else self.app
        for change in changes:
            wanted = CHANGES[change](wanted)
        if not wanted.services:
            return
        try:
            files, self.ledger = generate(wanted, self.ledger)
        except LedgerError:
            return  # refused with a way out, and nothing is written
        self.app = wanted
        given = self._parameters(files)
        asked = {name.partition("Rule")[0] for name in given if name.endswith("Live")}
        number = writes(self.files, files) if self.is_deployed and self.files else len(files.templates) * 12
        disturbance = Disturbance(
            None if fail_at is None or sick else int(fail_at * number),
            dict.fromkeys((int(each * number) for each in meanwhile), lambda: self._meanwhile(asked)),
        )
        self.simulation.world.sick = {REPORTS.name, OFFICE.name} if sick else set()
        outcome = self.simulation.deploy(
            files,
            given,
            table(self.deployed or wanted, wanted),
            disturbance,
            what=f"deploy ({', '.join(changes) or 'as it is'})",
        )
        self.simulation.world.sick = set()
        if self.simulation.stack is None:
            self.deployed = None
        elif outcome.is_good:
            self.deployed, self.files = wanted, files
            self.simulation.settle(table(wanted))
        elif self.deployed:
            self.simulation.settle(table(self.deployed))

    def release(self, name: str) -> None:
        assert self.files is not None
        assert self.deployed is not None
        if not any(each.service.label == name for each in self.flying):
            self.simulation.release(name, self.files)

    def delete(self, *, stop_first: bool) -> None:
        for each in self.flying if stop_first else ():
            self.simulation.stop(each)
        assert self.files is not None
        self.simulation.delete(self.files)
        self.deployed = self.files = None

    def ring(self, deployment: Deployment) -> None:
        """An alarm of the service rings while its next version takes over."""
        told = deployment.group.properties["AlarmConfiguration"]["Alarms"]
        ringing = self.simulation.world.ringing
        ringing.add(told[0]["Name"])
        self.simulation.step(deployment)
        ringing.clear()

    def crash(self, deployment: Deployment) -> None:
        """The next version's tasks fail before they get production traffic."""
        if deployment.green and not any(step.startswith("AllowTraffic") for step in deployment.done):
            deployment.green.is_healthy = False
            self.simulation.step(deployment)

    def scaled_meanwhile(self, deployment: Deployment, tasks: int) -> None:
        """The number of tasks is being changed while the next step wants to come: it may shift no traffic (A8.1)."""
        name = deployment.service.label
        self.simulation.scale(name, tasks, is_lasting=True)
        self.simulation.step(deployment)
        self.simulation.steady(name)

    def copy(self, how: str) -> None:
        """The stage once more: `beside` itself in one account; `elsewhere`, in another; or as a stage of its own."""
        assert self.deployed is not None
        if how == "beside":
            self._copy_beside()
            return
        copied, ledger = self.deployed, self.ledger
        if how == "as another stage":
            copied, ledger = replace(copied, stage="copy"), ""
            with pytest.raises(LedgerError):
                generate(copied, self.ledger)
        other = begin(self.simulation.world.readings, copied, ledger)
        for name in other.simulation.labels:
            other.simulation.finish(other.simulation.release(name, other.files))
        self.simulation.hurts.extend(other.simulation.hurts)

    def _copy_beside(self) -> None:
        """The same templates as a second stack of the account, which goes again: nobody of the first one notices."""
        assert self.files is not None
        root, world = self.files.root, self.simulation.world
        files = Files({"beside.yaml" if name == root else name: text for name, text in self.files.texts.items()})
        self.simulation.after = "its templates are deployed beside it"
        self.simulation.watch.begin(self.simulation.watch.table)
        before, beside = world.everything(), Simulation(world=world)
        assert beside.deploy(files, parameters(files, {}), {}).is_good
        beside.delete(files)
        retained = {event.resource.physical for event in beside.events if event.action == "retain"}
        assert world.everything() - retained == before
        self.simulation.events += beside.events

    def sleep(self, name: str) -> None:
        """Off-hours: no tasks, and tasks again in the morning; a release may be under way."""
        service = self.simulation.service(name)
        self.simulation.watch.begin({})
        service.minimum, limits = 0, (service.minimum, service.maximum)
        self.simulation.scale(name, 0)
        service.minimum, service.maximum = limits
        self.simulation.scale(name, max(1, limits[0]))
        assert self.deployed is not None
        self.simulation.settle(table(self.deployed))

    def _parameters(self, files: Files) -> dict[str, str]:
        """What the deployer gives: the colours that serve now, for parameters that the stack does not have yet."""
        stack, live = self.simulation.stack, self.simulation.live_colours()
        given = {"CertificateArn": "arn:aws:acm:eu-west-1:123456789012:certificate/1"}
        for name, declared in files.parameters().items():
            if name.endswith("Live") and not (stack and name in stack.parameters):
                service = next(
                    each for each in declared["Description"].split() if name.startswith(f"{title(each)}Rule")
                )
                for deployment in [each for each in self.flying if each.service.label == service]:
                    self.simulation.finish(deployment)
                live = self.simulation.live_colours()
                given[name] = live.get(service, "blue")
        return given

    def _meanwhile(self, asked: set[str]) -> None:
        """Between two writes: a deployment goes on, or one begins of a service whose colour nobody was asked for."""
        simulation = self.simulation
        after, requests = simulation.after, simulation.watch.table
        if flying := self.flying:
            simulation.step(flying[0])
        elif self.files and (free := [name for name in self._there() if title(name) not in asked]):
            simulation.release(free[0], self.files)
        simulation.after = after
        simulation.watch.begin(requests, {each.service.label for each in (*flying, *self.flying)})

    def _there(self) -> list[str]:
        """The services that can be released now and are not about to go."""
        world = self.simulation.world
        there = [each.label for each in world.services.values() if world.group_of(each)]
        return [name for name in there if self.deployed and name in names(self.deployed) and name in names(self.app)]
