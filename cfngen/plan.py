"""The plan of a stage: its description, and what the ledger remembers of it.

`plan` is the one place where a description meets the past. It gives new rules their priorities, has `births` refuse what
would replace a live resource and remember what is new, and returns the ledger extended. Stacks and
files are made from plans, so nothing below has to know whether a thing is new.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from itertools import product

from cfngen import births, cells, maintenance, names, redirects
from cfngen._frozen import dataclass
from cfngen.describe import problem
from cfngen.errors import LedgerError, Problem, report
from cfngen.ledger import LISTENERS, MAINTENANCE, Ledger, RuleRecord, is_internal
from cfngen.limits import RULES, SPLIT
from cfngen.request import Pairs, Request
from cfngen.routing import (
    Claimant,
    Match,
    Rule,
    claimants,
    conflicts,
    digest,
    give_priority,
    listeners,
    matches,
    precedes,
    reached,
)
from cfngen.spec import App, Redirect, Service
from cfngen.stack import title

RULES_OF_A_BALANCER = RULES.number
"""Over all its listeners, defaults excluded (A6.15)."""


@dataclass(frozen=True)
class Plan:
    """One stage, ready to be rendered. `rules` are by service, `redirects` those of the first balancer itself,
    `bootstrap_images` by service, worker and scheduled task, `public_births` those of them that were born with a public
    address, `cells` by service and scheduled task, `names` those that lead to each cell's balancer; `domain` is what the first was born with.
    """

    app: App
    rules: Mapping[str, tuple[Rule, ...]]
    redirects: tuple[Rule, ...]
    bootstrap_images: Mapping[str, str]
    public_births: frozenset[str]
    engine_version: str
    ledger: Ledger
    cells: Mapping[str, int]
    names: Mapping[int, tuple[str, ...]]
    domain: str | None

    @property
    def further_cells(self) -> tuple[int, ...]:
        """The cells that have roots of their own, beside the first."""
        return tuple(sorted({self.cells[each.name] for each in self.app.services} - {cells.FIRST}))

    def services_of(self, cell: int) -> tuple[Service, ...]:
        """Those that live in a cell, by name."""
        return tuple(each for each in self.services if self.cells[each.name] == cell)

    @property
    def has_public_balancer(self) -> bool:
        """Whether there is an internet-facing balancer: for services and what else it is asked for, and ever since."""
        return self.app.asks_for_public_balancer or any(
            line.startswith("cluster/LoadBalancer ") for line in self.ledger.resources
        )

    @cached_property
    def services(self) -> tuple[Service, ...]:
        """By name, so that their order in the description changes nothing."""
        return tuple(sorted(self.app.services, key=lambda service: service.name))

    @cached_property
    def live_parameters(self) -> tuple[tuple[str, str], ...]:
        """Each parameter that the deployer must give, with the service whose live colour it is."""
        return tuple(sorted({(rule.live, name) for name, rules in self.rules.items() for rule in rules if rule.live}))


def plan(app: App, ledger: Ledger | None = None) -> Plan:
    """Settle a stage against its ledger.

    Raises `DescriptionError` when two services claim the same requests or the balancer's limits are passed, and
    `LedgerError` when the change would replace what must stay.
    """
    known = ledger or Ledger()
    placed, crowded = cells.settle(app, known, names.records(app, known))
    tasks, moved = cells.of_tasks(app, known, placed)
    named, torn = names.settle(app, placed, known)
    moved += torn
    balancers = {cell: _claimants(app, cell, placed) for cell in cells.used(placed.values())}
    before = {cell: cells.of_cell(known, cell, placed) for cell in balancers}
    clashes = [problem for cell, who in balancers.items() for problem in conflicts(who, before[cell].rules)]
    broken = [*births.broken(app, known), *(problem for part in before.values() for problem in _numbers(part))]
    if broken:
        raise LedgerError([*broken, *crowded, *moved, *clashes])
    report([*crowded, *moved, *clashes])
    settled = _retire_removed(app, known)
    made: dict[str, tuple[Rule, ...]] = {}
    problems: list[Problem] = []
    for cell, who in balancers.items():
        part, standing = _settle_balancer(app, who, cells.of_cell(settled, cell, placed))
        settled = replace(settled, rules={**settled.rules, **part.rules})
        made |= standing
        problems += _problems(app, cell, who, standing, _retired(part) - _retired(before[cell]))
    report(problems)
    settled = names.remember(births.remember(app, settled, {**placed, **tasks}), named)
    return Plan(
        app=app,
        rules={service.name: made[service.name] for service in app.services},
        redirects=tuple(rule for each in made.values() for rule in each if rule.sends),
        bootstrap_images=births.bootstrap_images(app, settled),
        public_births=births.public_births(app, settled),
        engine_version=settled.births["database"].get("engine_version", "") if app.database else "",
        ledger=settled,
        cells={**placed, **tasks},
        names=named,
        domain=names.born(app.balancer, settled),
    )


_CLAIM = {"name", "internal", "paths", "hosts", "allowed_addresses", "headers", "methods", "query"}
"""What decides which requests a service has."""


def circles(app: App) -> Iterator[Problem]:
    """Redirects by which a client comes to no end, as far as a description tells it whose other parts may be wrong;
    so they are told with what is wrong there. A sound one is planned, and `plan` refuses them.
    """
    sound = [each for each in app.balancer.redirects if each.faults <= {"status"}]
    if not sound or app.faults & {"name", "stage"} or any(each.faults & _CLAIM for each in app.services):
        return
    placed, _ = cells.settle(app, Ledger(), {})
    who = claimants(app, [each for each in app.services if placed[each.name] == cells.FIRST], sound)
    if any(conflicts(who)):
        return
    with suppress(LedgerError):  # what has no order is told when the rest is right
        _, made = _settle_balancer(app, who, Ledger())
        yield from redirects.loops(app, [rule for each in made.values() for rule in each])


def _claimants(app: App, cell: int, placed: Mapping[str, int]) -> tuple[Claimant, ...]:
    """Those of one balancer. Redirects are the first one's."""
    services = [each for each in app.services if placed[each.name] == cell]
    return claimants(app, services, app.balancer.redirects if cell == cells.FIRST else ())


def _settle_balancer(app: App, who: Sequence[Claimant], settled: Ledger) -> tuple[Ledger, dict[str, tuple[Rule, ...]]]:
    """The rules of one balancer: the ledger with them, and what is rendered of each claimant."""
    services = [app.service(each.name) for each in who if each.is_service]
    active = {each.name: list(_records(app, each, settled)) for each in who}
    for claimant in who:
        others = [each for name, records in active.items() if name != claimant.name for each in records]
        born = births.service_key(claimant.name) in settled.births
        settled = _settle_rules(app, claimant, settled, others, born=born)
        active[claimant.name] = list(_records(app, claimant, settled))
    if disorder := list(_disorder(active, settled)):
        raise LedgerError(disorder)
    every = [each for records in active.values() for each in records]
    for service in services:
        settled = maintenance.settle(app, service, settled, every)
    made = {each.name: _rules(each, settled) for each in who}
    for service in services:
        made[service.name] += tuple(maintenance.rules(app, service, settled, active[service.name]))
    return settled, made


def _problems(
    app: App, cell: int, who: Sequence[Claimant], made: Mapping[str, tuple[Rule, ...]], leaving: Counter[bool]
) -> Iterator[Problem]:
    """What is wrong with all rules of one balancer together."""
    standing = [rule for each in made.values() for rule in each]
    own = {each.name for each in who}
    yield from _routing_problems(app, own, standing, leaving)
    yield from _smoke_test_problems(app, own, standing, app.balancer.domain if cell == cells.FIRST else None)
    if cell == cells.FIRST:
        yield from redirects.loops(app, standing)


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


def _disorder(active: Mapping[str, Sequence[tuple[Match, RuleRecord]]], ledger: Ledger) -> Iterator[Problem]:
    """Rules whose numbers are the wrong way round, so that requests would reach the wrong service; as above."""
    every = [(name, *pair) for name, pairs in active.items() for pair in pairs]
    for index, (name, match, record) in enumerate(every):
        for other_name, other, other_record in every[:index]:
            if name != other_name and record.listener == other_record.listener:
                order = precedes(match, other)
                if order and (order < 0) != (record.priority < other_record.priority):
                    given = f"the rules of {other_name!r} and {name!r} on the {record.listener} listener are in the wrong order"
                    yield Problem("ledger", given, _MERGED.format(file=ledger.file), ledger.file)


def _retire_removed(app: App, ledger: Ledger) -> Ledger:
    """A service that comes back after it was removed gets new rules, which ask for its colour: whether the removal
    was ever deployed cannot be known here.
    """
    here = {each.name for each in claimants(app)}
    for name, records in ledger.rules.items():
        if name.removeprefix(MAINTENANCE) not in here:
            ledger = ledger.with_rules(name, (replace(record, retired=True) for record in records))
    return ledger


def _settle_rules(
    app: App, claimant: Claimant, ledger: Ledger, others: Sequence[tuple[Match, RuleRecord]], *, born: bool
) -> Ledger:
    """Retire the rules that are wanted no more, and add those that are new, each with its number between the `others`."""
    made = matches(claimant, ledger.rules.get(claimant.name, ()))
    wanted = {
        match.content(listener): (listener, match)
        for listener in listeners(app, internal=claimant.internal)
        for match in made
    }
    records = [
        replace(record, paths=wanted[record.content][1].paths)
        if record.content in wanted
        else replace(record, retired=True)
        for record in ledger.rules.get(claimant.name, ())
    ]
    missing = [
        content for content in wanted if not any(record.content == content and not record.retired for record in records)
    ]
    digests = {content: digest(content, sum(record.content == content for record in records)) for content in missing}
    first = f"{title(claimant.name)}Rule{digest(''.join(sorted(digests.values())), 1)}Live" if born else "blue"
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
            fits = "no priority is left between the listener rules that must come before and after it; make the paths of these services overlap less, or give one of them a host of its own"
            raise LedgerError([problem(made[match], "paths", fits, ", ".join(match.paths))])
        records.append(RuleRecord(digests[content], listener, priority, content, match.paths, first))
    return ledger.with_rules(claimant.name, records)


def _records(app: App, claimant: Claimant, ledger: Ledger) -> Iterator[tuple[Match, RuleRecord]]:
    """The rules of a claimant that are wanted still, each with what it matches."""
    made = matches(claimant, ledger.rules.get(claimant.name, ()))
    contents = {
        match.content(listener): match for listener in listeners(app, internal=claimant.internal) for match in made
    }
    for record in ledger.rules.get(claimant.name, ()):
        if not record.retired and record.content in contents:
            yield contents[record.content], record


def _rules(claimant: Claimant, ledger: Ledger) -> tuple[Rule, ...]:
    made = matches(claimant, ledger.rules[claimant.name])
    wanted = {match.content(listener): (listener, match) for listener in LISTENERS for match in made}
    return tuple(
        Rule(
            *wanted[record.content],
            record.digest,
            record.priority,
            None if record.colour == "blue" else record.colour,
            sends=by if isinstance(by := made[wanted[record.content][1]], Redirect) else None,
        )
        for record in ledger.rules[claimant.name]
        if not record.retired
    )


def _retired(ledger: Ledger) -> Counter[bool]:
    """How many rules are retired, on the internal balancer and on the other."""
    every = (record for records in ledger.rules.values() for record in records)
    return Counter(is_internal(record.listener) for record in every if record.retired)


def _smoke_test_problems(
    app: App, own: Collection[str], every: Sequence[Rule], domain: str | None
) -> Iterator[Problem]:
    for index, service in enumerate(app.services):
        if service.name in own and (test := service.release.smoke_test):
            name = None if service.internal else domain
            host = service.smoke_test_host(name, app.hosts_of(service)) or "any.host"
            path, _, query = test.path.partition("?")
            told = tuple((key, value) for key, _, value in (each.partition("=") for each in query.split("&")))
            asked = Request(path, host, query=told)
            found = reached(every, listeners(app, internal=service.internal)[1], asked)
            if found != service.name and (service.headers or (service.methods and asked.method not in service.methods)):
                fits = "None, since the generated function asks by GET and sends no header of its own; give a hook of your own by hooks"
                yield problem(app, f"services[{index}].release.smoke_test", fits)
            elif found != service.name:
                there = _who(app, found)
                fits = f"a path that reaches {service.name!r} by its own rules; at {host} this one reaches {there}"
                yield problem(app, f"services[{index}].release.smoke_test.path", fits)


def _who(app: App, name: str | None) -> str:
    return next((str(each) for each in claimants(app) if each.name == name), "nobody")


def _routing_problems(
    app: App, own: Collection[str], every: Sequence[Rule], leaving: Counter[bool]
) -> Iterator[Problem]:
    of_internal = sum(is_internal(rule.listener) for rule in every)
    yield from _too_many(app, len(every) - of_internal + app.balancer.https, leaving[False])  # the redirect is one too
    yield from _too_many(app, of_internal, leaving[True])
    for index, service in enumerate(app.services):
        if service.name not in own:
            continue
        if service.protocol_version == "GRPC":  # services share one health method, which the balancer alone asks for
            continue
        hosts = sorted(app.hosts_of(service)) or ["any.host"]
        for host, listener in product(hosts, listeners(app, internal=service.internal)):
            method, query = min(service.methods, default="GET"), _sent(service.query)
            asked = Request(
                service.health_path, _plain(host), method=method, headers=_sent(service.headers), query=query
            )
            found = reached(every, listener, asked)
            if found != service.name:
                there = _who(app, found)
                fits = f"a path that reaches {service.name!r} through its own rules; this one reaches {there}"
                yield problem(app, f"services[{index}].health_path", fits)
                break


def _too_many(app: App, every_rule: int, leaving: int) -> Iterator[Problem]:
    if every_rule + leaving > RULES_OF_A_BALANCER:
        there = f"{every_rule} listener rules" + (
            f", and {leaving} that stay until the update is over" if leaving else ""
        )
        fewer = f"name fewer paths, or {'change fewer rules in one update' if leaving else SPLIT}"
        if any(app.maintenance_of(service) is not None for service in app.services):
            fewer = f"close fewer services at once, by maintenance of their own, {fewer}"
        fits = f"at most {RULES_OF_A_BALANCER} on one balancer, production and test together: AWS can raise this quota, but cfngen keeps to its default; {fewer}"  # A6.15
        yield problem(app, "services", fits, there)


def _sent(wanted: Mapping[str, tuple[str, ...]]) -> Pairs:
    """Headers, or a query, of a request that is the service's."""
    return tuple((name, _plain(min(values))) for name, values in wanted.items())


def _plain(pattern: str) -> str:
    return pattern.replace("*", "x").replace("?", "x")
