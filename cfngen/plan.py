"""The plan of a stage: its description, and what the ledger remembers of it.

`plan` is the one place where a description meets the past. It gives new rules their priorities, keeps what a
service was born with, refuses what would replace a live resource, and returns the ledger extended. Stacks and
files are made from plans, so nothing below has to know whether a thing is new.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

from cfngen import maintenance
from cfngen.describe import problem
from cfngen.errors import LedgerError, Problem, report
from cfngen.ledger import LISTENERS, Ledger, RuleRecord
from cfngen.limits import RULES, SPLIT
from cfngen.routing import (
    Match,
    Rule,
    conflicts,
    digest,
    give_priority,
    listeners,
    match_of,
    matches,
    precedes,
    reached,
    shares_of,
)
from cfngen.spec import App, Database, ScheduledTask, Service, Worker
from cfngen.stack import title

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
RULES_OF_A_BALANCER = RULES.number
"""Over all its listeners, defaults excluded (A6.15)."""


@dataclass(frozen=True)
class Plan:
    """One stage, ready to be rendered. `rules` are by service, `bootstrap_images` by service, worker and scheduled task."""

    app: App
    rules: Mapping[str, tuple[Rule, ...]]
    bootstrap_images: Mapping[str, str]
    engine_version: str
    ledger: Ledger

    @property
    def services(self) -> tuple[Service, ...]:
        """By name, so that their order in the description changes nothing."""
        return tuple(sorted(self.app.services, key=lambda service: service.name))

    @property
    def live_parameters(self) -> tuple[tuple[str, str], ...]:
        """Each parameter that the deployer must give, with the service whose live colour it is."""
        return tuple(sorted({(rule.live, name) for name, rules in self.rules.items() for rule in rules if rule.live}))


def plan(app: App, ledger: Ledger | None = None) -> Plan:
    """Settle a stage against its ledger.

    Raises `DescriptionError` when two services claim the same requests or the balancer's limits are passed, and
    `LedgerError` when the change would replace what must stay.
    """
    known = ledger or Ledger()
    clashes = list(conflicts(app, {service.name: _groups(service, known) for service in app.services}))
    broken = [
        *_identity(app, known),
        *_numbers(known),
        *_service_births(app, known),
        *_task_births(app, known),
        *_network_birth(app, known),
        *_database_birth(app, known),
    ]
    if broken:
        raise LedgerError([*broken, *clashes])
    report(clashes)
    settled = _retire_removed(app, known)
    active = {service.name: list(_records(app, service, settled)) for service in app.services}
    for service in sorted(app.services, key=lambda each: each.name):
        others = [each for name, records in active.items() if name != service.name for each in records]
        settled = _settle_rules(app, service, settled, others, born=_service_key(service.name) in known.births)
        active[service.name] = list(_records(app, service, settled))
    every = [each for records in active.values() for each in records]
    for service in app.services:
        settled = maintenance.settle(app, service, settled, every)
    if disorder := list(_disorder(app, settled)):
        raise LedgerError(disorder)
    rules = {
        service.name: (
            *_rules(service, settled),
            *maintenance.rules(app, service, settled, active[service.name]),
        )
        for service in app.services
    }
    routing = _routing_problems(app, rules, _retired(settled) - _retired(known))
    report([*routing, *_smoke_test_problems(app, rules)])
    for service in app.services:
        settled = settled.with_birth(_service_key(service.name), _service_birth(app, service))
    for kind, task in _others(app):
        settled = settled.with_birth(f"{kind} {task.name}", _task_birth(app, task))
    for worker in app.workers:
        if worker.queue:
            settled = settled.with_birth(f"queue {worker.name}", {"fifo": worker.queue.fifo})
    settled = settled.with_birth("stage", {"application": app.name, "name": app.stage})
    settled = settled.with_birth("network", {"existing": True} if app.network.existing else {"cidr": app.network.cidr})
    if app.database:
        born = {"existing": True} if app.database.existing else _database_values(app, app.database)
        settled = settled.with_birth("database", born)
        if not (app.database.is_aurora or app.database.existing):
            settled = settled.with_greatest("database", "storage_gib", app.database.storage_gib)
    return Plan(
        app=app,
        rules=rules,
        bootstrap_images={
            task.name: settled.births[f"{kind} {task.name}"]["bootstrap_image"]
            for kind, task in (*(("service", service) for service in app.services), *_others(app))
        },
        engine_version=settled.births["database"].get("engine_version", "") if app.database else "",
        ledger=settled,
    )


def _service_key(name: str) -> str:
    return f"service {name}"


def _service_birth(app: App, service: Service) -> dict[str, object]:
    return {
        "bootstrap_image": _bootstrap_image(app),
        "health_path": service.health_path,
        "image_key": _key_of(app, "images"),
        "port": service.port,
        "protocol_version": service.protocol_version,
        "public_address": False,
        "subnet_tier": "private",
    }


def _bootstrap_image(app: App) -> str:
    """The public image, or that of the account's own registry, which is written without the account."""
    return f"{OWN_REGISTRY}{app.network.bootstrap_image}" if app.network.bootstrap_image else BOOTSTRAP_IMAGE


def _others(app: App) -> Iterator[tuple[str, Worker | ScheduledTask]]:
    """Workers and scheduled tasks, each with what the ledger calls its kind."""
    yield from (("worker", worker) for worker in app.workers)
    yield from (("scheduled", task) for task in app.scheduled_tasks)


def _task_birth(app: App, task: Worker | ScheduledTask) -> dict[str, object]:
    birth: dict[str, object] = {
        "bootstrap_image": _bootstrap_image(app),
        "public_address": False,
        "subnet_tier": "private",
    }
    lent = isinstance(task, ScheduledTask) and task.image_of
    return birth if lent else {**birth, "image_key": _key_of(app, "images")}


def _task_births(app: App, known: Ledger) -> Iterator[Problem]:
    for kind, task in _others(app):
        born = known.births.get(f"{kind} {task.name}", {}).get("image_key", _key_of(app, "images"))
        if _key_of(app, "images") != born:
            given = f"{_key_of(app, 'images')!r} for {task.name!r}"
            yield problem(app, "own_key_for", _way_out(task.name, "image_key", born, known.file), given)
    for index, worker in enumerate(app.workers):
        fifo = known.births.get(f"queue {worker.name}", {}).get("fifo")
        if worker.queue and fifo not in (None, worker.queue.fifo):
            fits = (
                f"the queue was born with {fifo!r} and keeps it, for another one would be another queue, and messages "
                f"would wait in the old one. Ways out: keep {fifo!r}; add a worker with the new queue beside it, let its "
                "senders change over, and remove the old one when its queue is empty"
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


_MERGED = (
    "both came from branches that were merged. Way out: in {file} delete the rules of the service that was never "
    "deployed, and generate again; they get new numbers"
)


def _numbers(ledger: Ledger) -> Iterator[Problem]:
    """Numbers that two rules have, which no generation gives; a merge of two branches' ledgers does."""
    seen: dict[tuple[str, int], str] = {}
    for name, records in sorted(ledger.rules.items()):
        for record in records:
            place = (record.listener, record.priority)
            if place in seen:
                given = f"priority {record.priority} on the {record.listener} listener for {seen[place]!r} and {name!r}"
                yield Problem("ledger", given, _MERGED.format(file=ledger.file), ledger.file)
            seen[place] = name


def _disorder(app: App, ledger: Ledger) -> Iterator[Problem]:
    """Rules whose numbers are the wrong way round, so that requests would reach the wrong service; as above."""
    active = [(service.name, *each) for service in app.services for each in _records(app, service, ledger)]
    for index, (name, match, record) in enumerate(active):
        for other_name, other, other_record in active[:index]:
            if name != other_name and record.listener == other_record.listener:
                order = precedes(match, other)
                if order and (order < 0) != (record.priority < other_record.priority):
                    given = f"the rules of {other_name!r} and {name!r} on the {record.listener} listener are in the wrong order"
                    yield Problem("ledger", given, _MERGED.format(file=ledger.file), ledger.file)


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
        key, wanted = _service_key(service.name), _service_birth(app, service)
        for name, option in told.items():
            born = ledger.births.get(key, {}).get(name, wanted[name])
            if wanted[name] != born:
                path = option if option == "own_key_for" else f"services[{index}].{option}"
                given = f"{wanted[name]!r} for {service.name!r}"
                yield problem(app, path, _way_out(service.name, name, born, ledger.file), given)


def _way_out(service: str, name: str, born: object, file: str) -> str:
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
    return (
        f"it was born with {born!r} and keeps it: {reason}. Ways out: {keep}; {beside}; "
        f"or, if this stage was never deployed, delete {file} and generate again"
    )


def _network_birth(app: App, ledger: Ledger) -> Iterator[Problem]:
    existed = ledger.births.get("network", {"existing": app.network.existing}).get("existing", False)
    if app.network.existing != existed:
        fits = f"the stage was born in {'a VPC that exists' if existed else 'a VPC of its own'} and keeps it: another one would replace all that is in it. Make a new stage beside this one"
        yield problem(app, "network.existing" if app.network.existing else "network", fits)
        return
    if existed:
        return
    born = ledger.births.get("network", {}).get("cidr", app.network.cidr)
    if app.network.cidr != born:
        fits = f"the network was born with {born!r}; another range would replace the VPC and all that is in it. Make a new stage with the new range beside this one"
        yield problem(app, "network.cidr", fits)
    zones = sum(
        line.startswith("network/PrivateSubnet") for line in ledger.resources if line.endswith("AWS::EC2::Subnet")
    )
    if app.network.zones < zones:
        fits = f"the network has {zones}: tasks and the database may live in any of them, and a subnet in use cannot be removed. Ways out: keep {zones}, or make a new stage beside this one"
        yield problem(app, "network.zones", fits)


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
            fits = f"the database was born with {born[name]!r}; another value would replace it by an empty one. Restore a snapshot into a new stage instead"  # I2.1
            yield problem(app, option, fits, repr(wanted[name]))
    least = born.get("storage_gib", 0)
    if app.database.storage_gib < least:
        fits = f"it was {least} before, and the storage of a database never shrinks: the update would fail. Ways out: keep {least}; make a new stage beside this one and load a dump into it, since a snapshot keeps its size; or, if {least} was never deployed, restore {ledger.file} from version control"  # I2.11
        yield problem(app, "database.storage_gib", fits)


def _retire_removed(app: App, ledger: Ledger) -> Ledger:
    """A service that comes back after it was removed gets new rules, which ask for its colour: whether the removal
    was ever deployed cannot be known here.
    """
    here = {service.name for service in app.services}
    for name, records in ledger.rules.items():
        if name.removeprefix(maintenance.PREFIX) not in here:
            ledger = ledger.with_rules(name, (replace(record, retired=True) for record in records))
    return ledger


def _settle_rules(
    app: App, service: Service, ledger: Ledger, others: Sequence[tuple[Match, RuleRecord]], *, born: bool
) -> Ledger:
    """Retire the rules that are wanted no more, and add those that are new, each with its number between the `others`."""
    made = matches(service, _groups(service, ledger))
    wanted = {match.content(listener): (listener, match) for listener in listeners(app) for match in made}
    records = [
        replace(record, paths=wanted[record.content][1].paths)
        if record.content in wanted
        else replace(record, retired=True)
        for record in ledger.rules.get(service.name, ())
    ]
    missing = [
        content for content in wanted if not any(record.content == content and not record.retired for record in records)
    ]
    digests = {content: digest(content, sum(record.content == content for record in records)) for content in missing}
    live = f"{title(service.name)}Rule{digest(''.join(sorted(digests.values())), 1)}Live"
    for content in sorted(missing):
        listener, match = wanted[content]
        active = [(other, record.priority) for other, record in others if record.listener == listener]
        taken = [
            record.priority
            for every in (*ledger.rules.values(), records)
            for record in every
            if record.listener == listener
        ]
        priority = give_priority(match, active, taken)
        if priority is None:
            fits = "no number is left between the rules that must come before and after it; make the paths of these services overlap less, or give one of them a host of its own"
            raise LedgerError([problem(service, "paths", fits, ", ".join(match.paths))])
        colour = live if born else "blue"
        records.append(RuleRecord(digests[content], listener, priority, content, match.paths, colour))
    return ledger.with_rules(service.name, records)


def _records(app: App, service: Service, ledger: Ledger) -> Iterator[tuple[Match, RuleRecord]]:
    """The rules of a service that are wanted still, each with what it matches."""
    made = matches(service, _groups(service, ledger))
    contents = {match.content(listener): match for listener in listeners(app) for match in made}
    for record in ledger.rules.get(service.name, ()):
        if not record.retired and record.content in contents:
            yield contents[record.content], record


def _groups(service: Service, ledger: Ledger) -> tuple[tuple[str, ...], ...]:
    """The paths of the rules that a service has, as long as what they ask for besides is what it was."""
    parts = shares_of(service)
    return tuple(
        dict.fromkeys(
            record.paths
            for record in ledger.rules.get(service.name, ())
            if not record.retired
            and any(match_of(service, part, record.paths).content(record.listener) == record.content for part in parts)
        )
    )


def _rules(service: Service, ledger: Ledger) -> tuple[Rule, ...]:
    made = {
        match.content(listener): (listener, match)
        for listener in LISTENERS
        for match in matches(service, _groups(service, ledger))
    }
    return tuple(
        Rule(*made[record.content], record.digest, record.priority, None if record.colour == "blue" else record.colour)
        for record in ledger.rules[service.name]
        if not record.retired
    )


def _retired(ledger: Ledger) -> int:
    return sum(record.retired for records in ledger.rules.values() for record in records)


def _smoke_test_problems(app: App, rules: Mapping[str, tuple[Rule, ...]]) -> Iterator[Problem]:
    every = [rule for each in rules.values() for rule in each]
    for index, service in enumerate(app.services):
        if test := service.release.smoke_test:
            host = service.smoke_test_host(app.balancer.domain) or "any.host"
            found = reached(every, "test", host, test.path.partition("?")[0])
            if found != service.name:
                there = f"service {found!r}" if found else "nobody"
                fits = f"a path that reaches {service.name!r} by its own rules; at {host} this one reaches {there}"
                yield problem(app, f"services[{index}].release.smoke_test.path", fits)


def _routing_problems(app: App, rules: Mapping[str, tuple[Rule, ...]], leaving: int) -> Iterator[Problem]:
    every = [rule for each in rules.values() for rule in each]
    every_rule = len(every) + app.balancer.https  # the redirect is a rule too
    if every_rule + leaving > RULES_OF_A_BALANCER:
        there = f"{every_rule} listener rules" + (
            f", and {leaving} that stay until the update is over" if leaving else ""
        )
        fewer = f"name fewer paths, or {'change fewer rules in one update' if leaving else SPLIT}"
        fits = f"at most {RULES_OF_A_BALANCER} on one balancer, production and test together: AWS can raise this quota, but cfngen keeps to its default; {fewer}"  # A6.15
        yield problem(app, "services", fits, there)
    for index, service in enumerate(app.services):
        if service.protocol_version == "GRPC":  # services share one health method, which the balancer alone asks for
            continue
        for host, listener in product(sorted(service.hosts) or ["any.host"], listeners(app)):
            found = reached(every, listener, _plain(host), service.health_path, _sent(service))
            if found != service.name:
                there = f"service {found!r}" if found else "nobody"
                fits = f"a path that reaches {service.name!r} through its own rules; this one reaches {there}"
                yield problem(app, f"services[{index}].health_path", fits)
                break


def _sent(service: Service) -> list[tuple[str, str]]:
    """Headers of a request that is the service's."""
    return [(name, _plain(min(values))) for name, values in service.headers.items()]


def _plain(pattern: str) -> str:
    return pattern.replace("*", "x").replace("?", "x")
