"""Maintenance pages: rules that answer 503 before a service's own, so that these, and where they send traffic, stay as they are.

A maintenance rule asks for what a rule of the service asks for, has the greatest number below it that is free, and
stands on the production listener alone: on the test listener the service is still seen. Like every rule it is write-once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from cfngen.describe import problem
from cfngen.errors import LedgerError
from cfngen.ledger import MAINTENANCE, Ledger, RuleRecord
from cfngen.routing import REDIRECT_PRIORITY, Match, Rule, digest, listeners, precedes
from cfngen.spec import App, Service

Pair = tuple[Match, RuleRecord]


def settle(app: App, service: Service, ledger: Ledger, active: Iterable[Pair]) -> Ledger:
    """Retire the maintenance rules that are wanted no more, and add those that are new.

    `active` are the rules of all services that are wanted. Raises `LedgerError` where no number is left.
    """
    every: list[Pair] = []
    if app.maintenance_of(service) is not None:
        listener = listeners(app, internal=service.internal)[0]
        every = [(match, record) for match, record in active if record.listener == listener]
    wanted = {_content(app, *pair): pair for pair in every if pair[0].claimant == service.name}
    records = [
        record if record.content in wanted else replace(record, retired=True)
        for record in ledger.rules.get(f"{MAINTENANCE}{service.name}", ())
    ]
    for content in sorted(wanted):
        if any(record.content == content and not record.retired for record in records):
            continue
        match, own = wanted[content]
        number = _number(match, own, every, _taken(ledger, records, own))
        if number is None:
            fits = "None, since no priority is left before the service's rules. Deploy the service with another path for this while, which gives its rules new priorities, or give it a host of its own"
            raise LedgerError([problem(service, "maintenance", fits)])
        generation = sum(record.content == content for record in records)
        records.append(RuleRecord(digest(content, generation), own.listener, number, content, match.paths))
    return ledger.with_rules(f"{MAINTENANCE}{service.name}", records) if records else ledger


def rules(app: App, service: Service, ledger: Ledger, own: Iterable[Pair]) -> Iterator[Rule]:
    """The maintenance rules of a service; `own` are its rules that are wanted."""
    matches = {_content(app, match, record): match for match, record in own}
    for record in ledger.rules.get(f"{MAINTENANCE}{service.name}", ()):
        if not record.retired:
            says = app.maintenance_of(service)
            yield Rule(record.listener, matches[record.content], record.digest, record.priority, says=says)


def _content(app: App, match: Match, record: RuleRecord) -> str:
    return digest(f"{match.content(record.listener)} {app.maintenance_of(app.service(match.claimant))}", 1)


def _taken(ledger: Ledger, records: Iterable[RuleRecord], own: RuleRecord) -> set[int]:
    every = [record for each in ledger.rules.values() for record in each]
    return {record.priority for record in (*every, *records) if record.listener == own.listener}


def _number(match: Match, own: RuleRecord, every: Iterable[Pair], taken: set[int]) -> int | None:
    """All numbers between it and the rule are taken for ever, so no rule that comes later gets between them.

    Rules of the same service do not bound it: each has a page of its own before it, whatever the order of their patterns.
    """
    others = [(other, record.priority) for other, record in every if other.claimant != match.claimant]
    low = max((priority for other, priority in others if precedes(match, other) > 0), default=REDIRECT_PRIORITY)
    return next((number for number in range(own.priority - 1, low, -1) if number not in taken), None)
