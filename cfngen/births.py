"""What a stage, its network, its database, its services and other tasks were born with, and keep for life.

Another value would replace a live resource, so it is refused with the ways out; what is new is remembered in the ledger.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cfngen.describe import problem
from cfngen.errors import Problem
from cfngen.ledger import Ledger
from cfngen.spec import App, Database, ScheduledTask, Service, Worker

# Answers on both architectures, from a registry that needs no login (C1.1).
BOOTSTRAP_IMAGE = "public.ecr.aws/docker/library/node:22-alpine"
OWN_REGISTRY = "ecr:"
"""Begins a bootstrap image of the account's own registry, as the ledger knows it."""
ENGINE_VERSIONS = {
    "aurora-mysql": "8.0.mysql_aurora.3.10.3",
    "aurora-postgresql": "17.9",
    "mariadb": "11.8.6",
    "mysql": "8.4.8",
    "postgres": "17.9",
}


def broken(app: App, known: Ledger) -> Iterator[Problem]:
    """What the description says otherwise than it was born."""
    other = list(_identity(app, known))
    yield from other
    yield from _service_births(app, known)
    yield from _task_births(app, known)
    yield from _network_birth(app, known)
    yield from () if other else _internal_birth(app, known)  # of another stage the zone has another name, too
    yield from _private_births(app, known)
    yield from _database_birth(app, known)


def remember(app: App, settled: Ledger, cells: Mapping[str, int]) -> Ledger:
    """The ledger with the births of what is new. `cells` are those of services and scheduled tasks."""
    for service in app.services:
        settled = settled.with_birth(
            service_key(service.name), {**_service_birth(app, service), **_cell_birth(cells, service.name)}
        )
    if app.has_internal_services:
        settled = settled.with_birth("internal", _internal_values(app))
    for kind, task in _others(app):
        settled = settled.with_birth(f"{kind} {task.name}", {**_task_birth(app, task), **_cell_birth(cells, task.name)})
    for worker in app.workers:
        if worker.queue:
            settled = settled.with_birth(f"queue {worker.name}", {"fifo": worker.queue.fifo})
    if app.balancer.domain:
        settled = settled.with_birth("balancer", {"domain": app.balancer.domain})
    settled = settled.with_birth("stage", {"application": app.name, "name": app.stage})
    settled = settled.with_birth("network", {"existing": True} if app.network.existing else {"cidr": app.network.cidr})
    if public_births(app, settled) and not app.network.has_public_tasks:
        settled = settled.with_greatest("network", "private_tasks", 1)  # as soon as each is released
    if app.database:
        own = {"existing": True} if app.database.existing else _database_values(app, app.database)
        settled = settled.with_birth("database", own)
        if not (app.database.is_aurora or app.database.existing):
            settled = settled.with_greatest("database", "storage_gib", app.database.storage_gib)
    return settled


def _cell_birth(cells: Mapping[str, int], name: str) -> dict[str, object]:
    """A cell of its own; what was born without one, before there were cells or after, lives in the first."""
    return {"cell": cells[name]} if cells.get(name, 1) > 1 else {}


def bootstrap_images(app: App, ledger: Ledger) -> dict[str, str]:
    """The images of first revisions, by service, worker and scheduled task."""
    every = (*(("service", service) for service in app.services), *_others(app))
    return {task.name: ledger.births[f"{kind} {task.name}"]["bootstrap_image"] for kind, task in every}


def public_births(app: App, ledger: Ledger) -> frozenset[str]:
    """The services, workers and scheduled tasks that were born with a public address, in a public subnet."""
    every = (*(("service", service) for service in app.services), *_others(app))
    return frozenset(task.name for kind, task in every if ledger.births[f"{kind} {task.name}"].get("public_address"))


def service_key(name: str) -> str:
    """What the ledger calls a service."""
    return f"service {name}"


def _service_birth(app: App, service: Service) -> dict[str, object]:
    return {
        "bootstrap_image": _bootstrap_image(app),
        "health_path": service.health_path,
        "image_key": _key_of(app, "images"),
        "port": service.port,
        "protocol_version": service.protocol_version,
        **_place(app),
        **({"internal": True} if service.internal else {}),
    }


def _internal_values(app: App) -> dict[str, object]:
    return {"domain": app.internal_domain, "https": app.internal_balancer.https}


def _internal_birth(app: App, known: Ledger) -> Iterator[Problem]:
    """Callers were told domain and scheme with their last release, and know nothing else until their next."""
    if not app.has_internal_services:
        return
    for name, wanted in _internal_values(app).items():
        born = known.births.get("internal", {}).get(name, wanted)
        if wanted != born:
            fits = f"the internal balancer was born with {born!r} and keeps it: callers know its services by this until their next release, and would find nobody. Ways out: keep {born!r}; make a new stage; or, if it was never deployed, delete {known.file} and generate again"
            yield problem(app, f"internal_balancer.{name}", fits)


def _place(app: App) -> dict[str, object]:
    is_public = app.network.has_public_tasks
    return {"public_address": is_public, "subnet_tier": "public" if is_public else "private"}


def _bootstrap_image(app: App) -> str:
    """The public image, or that of the account's own registry, which is written without the account."""
    return f"{OWN_REGISTRY}{app.network.bootstrap_image}" if app.network.bootstrap_image else BOOTSTRAP_IMAGE


def _others(app: App) -> Iterator[tuple[str, Worker | ScheduledTask]]:
    """Workers and scheduled tasks, each with what the ledger calls its kind."""
    yield from (("worker", worker) for worker in app.workers)
    yield from (("scheduled", task) for task in app.scheduled_tasks)


def _task_birth(app: App, task: Worker | ScheduledTask) -> dict[str, object]:
    birth: dict[str, object] = {"bootstrap_image": _bootstrap_image(app), **_place(app)}
    lent = isinstance(task, ScheduledTask) and task.image_of
    return birth if lent else {**birth, "image_key": _key_of(app, "images")}


def _task_births(app: App, known: Ledger) -> Iterator[Problem]:
    for kind, task in _others(app):
        born = known.births.get(f"{kind} {task.name}", {}).get("image_key", _key_of(app, "images"))
        if _key_of(app, "images") != born:
            given = f"{_key_of(app, 'images')!r} for {task.name!r}"
            yield problem(app, "own_key_for", _way_out(task.name, "image_key", born, known), given)
    for index, worker in enumerate(app.workers):
        fifo = known.births.get(f"queue {worker.name}", {}).get("fifo")
        if worker.queue and fifo not in (None, worker.queue.fifo):
            fits = (
                f"the queue was born with {fifo!r} and keeps it, for another one would be another queue, and messages "
                f"would wait in the old one. Ways out: keep {fifo!r}; add a worker with the new queue beside it, let its "
                f"senders change over, and remove the old one when its queue is empty; {_never(known)}"
            )
            yield problem(app, f"workers[{index}].queue.fifo", fits)


def _database_values(app: App, database: Database) -> dict[str, object]:
    return {
        "engine": database.engine,
        "engine_version": ENGINE_VERSIONS[database.engine],
        "key": _key_of(app, "database"),
        "name": database.name,
    }


def _key_of(app: App, what: str) -> str:
    return "application" if what in app.own_key_for else "aws"


def _identity(app: App, ledger: Ledger) -> Iterator[Problem]:
    born = ledger.births.get("stage", {"application": app.name, "name": app.stage})
    for option, wanted, was in (("name", app.name, born["application"]), ("stage", app.stage, born["name"])):
        if wanted != was:
            fits = f"{ledger.file} belongs to {was!r}, and every name in that stage's account would change. Way out: a new stage starts without a ledger, so delete the copied file"
            yield problem(app, option, fits)


def _service_births(app: App, ledger: Ledger) -> Iterator[Problem]:
    told = {
        "port": "port",
        "health_path": "health_path",
        "protocol_version": "protocol_version",
        "image_key": "own_key_for",
    }
    for index, service in enumerate(app.services):
        key, wanted = service_key(service.name), _service_birth(app, service)
        for name, option in told.items():
            born = ledger.births.get(key, {}).get(name, wanted[name])
            if wanted[name] != born:
                path = option if option == "own_key_for" else f"services[{index}].{option}"
                given = f"{wanted[name]!r} for {service.name!r}"
                yield problem(app, path, _way_out(service.name, name, born, ledger), given)
        was = ledger.births.get(key, {"internal": service.internal}).get("internal", False)
        if service.internal != was:
            scheme = "internal" if was else "internet-facing"
            fits = f"{service.name!r} was born {scheme} and keeps it: its target groups belong to one balancer for life. Ways out: keep it so; add a second service of the new form and the same source, release it, let everybody change over to it, and remove {service.name!r}; {_never(ledger)}"
            yield problem(app, f"services[{index}].internal", fits)


def _way_out(service: str, name: str, born: object, ledger: Ledger) -> str:
    reason = {
        "port": "target groups and the service carry their port for life",
        "health_path": "the bootstrap revision answers this path and both target groups ask for it, for life",
        "protocol_version": "target groups carry it for life, and the bootstrap revision speaks it",
        "image_key": "a repository's key cannot change, and a new repository would be without its images",  # F1
    }[name]
    keep = f"keep {born!r}"
    beside = (
        "change over, deploying each step: add a second service of the new form and the same source, with a path of "
        f"its own and a health path below it; release it; in one change give it the paths of {service!r} beside its "
        f"own, and leave {service!r} its health path as its only one; then remove {service!r}"
    )
    if name == "image_key":  # the stage's choice, for every service at once
        keep = f"leave 'images' {'in' if born == 'application' else 'out of'} own_key_for"
        beside = "make a new stage beside this one"
    return f"it was born with {born!r} and keeps it: {reason}. Ways out: {keep}; {beside}; {_never(ledger)}"


def _never(ledger: Ledger) -> str:
    return f"or, if this stage was never deployed, delete {ledger.file} and generate again"


def _network_birth(app: App, ledger: Ledger) -> Iterator[Problem]:
    existed = ledger.births.get("network", {"existing": app.network.existing}).get("existing", False)
    if app.network.existing != existed:
        fits = f"the stage was born in {'a VPC that exists' if existed else 'a VPC of its own'} and keeps it: another one would replace all that is in it. Ways out: make a new stage beside this one; {_never(ledger)}"
        yield problem(app, "network.existing" if app.network.existing else "network", fits)
        return
    if existed:
        return
    born = ledger.births.get("network", {}).get("cidr", app.network.cidr)
    if app.network.cidr != born:
        fits = f"the network was born with {born!r}; another range would replace the VPC and all that is in it. Ways out: make a new stage with the new range beside this one; {_never(ledger)}"
        yield problem(app, "network.cidr", fits)
    zones = sum(
        line.startswith("network/PrivateSubnet") for line in ledger.resources if line.endswith("AWS::EC2::Subnet")
    )
    if app.network.zones < zones:
        fits = f"the network has {zones}: tasks and the database may live in any of them, and a subnet in use cannot be removed. Ways out: keep {zones}; make a new stage beside this one; {_never(ledger)}"
        yield problem(app, "network.zones", fits)


def _private_births(app: App, ledger: Ledger) -> Iterator[Problem]:
    """Tasks move by releases, one after the other, and NAT goes in one update before them."""
    every = (*(("service", service) for service in app.services), *_others(app))
    private = [
        task.name for kind, task in every if ledger.births.get(f"{kind} {task.name}", {}).get("public_address") is False
    ]
    went = ledger.births.get("network", {}).get("private_tasks", 0)
    if app.network.has_public_tasks and (private or went):
        who = (
            f"{', '.join(sorted(private))} {'was' if len(private) == 1 else 'were'} born in"
            if private
            else "tasks went to"
        )
        fits = f"{who} private subnets, where without NAT tasks that run would reach nothing, and new ones would not start, until each is released again. Ways out: keep NAT or endpoints; make a new stage beside this one; {_never(ledger)}"
        yield problem(app, "network.nat", fits)


def _database_birth(app: App, ledger: Ledger) -> Iterator[Problem]:
    if app.database is None:
        return
    born = ledger.births.get("database", {})
    existed = born.get("existing", False)
    if born and app.database.existing != existed:
        was = "one that exists" if existed else "one of its own"
        fits = f"the stage was born with {was}, and its services would find other data in another one. Ways out: make a new stage; or, if this one was never deployed, delete {ledger.file} and generate again"
        yield problem(app, "database.existing", fits)
    if app.database.existing or existed:
        return
    wanted = _database_values(app, app.database)
    for name, option in (("engine", "database.engine"), ("key", "own_key_for"), ("name", "database.name")):
        if wanted[name] != born.get(name, wanted[name]):
            fits = f"the database was born with {born[name]!r}; another value would replace it by an empty one. Ways out: restore a snapshot into a new stage; or, if this one was never deployed, delete {ledger.file} and generate again"  # I2.1
            yield problem(app, option, fits, repr(wanted[name]))
    least = born.get("storage_gib", 0)
    if app.database.storage_gib < least:
        fits = f"it was {least} before, and the storage of a database never shrinks: the update would fail. Ways out: keep {least}; make a new stage beside this one and load a dump into it, since a snapshot keeps its size; or, if {least} was never deployed, restore {ledger.file} from version control"  # I2.11
        yield problem(app, "database.storage_gib", fits)
