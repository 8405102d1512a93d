"""Requests that go elsewhere than one might think: told, since every description that says so may be meant.

With a newcomer they change hands, and nobody answers them before its first release; and a host comes before a path.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from cfngen.ledger import Ledger, is_internal, is_test
from cfngen.patterns import meet
from cfngen.plan import Plan
from cfngen.routing import Rule, precedes
from cfngen.spec import Service
from cfngen.spec.requests import wildcards

_UNTIL = "get 503 and then 404 until its first release"
_SHOWN = 3


def notes(settled: Plan, before: Ledger) -> Iterator[str]:
    """What is told of services that are new beside those that the ledger knew `before`."""
    app = settled.app
    live = {name for name, records in before.rules.items() if not all(each.retired for each in records)}
    here = {each.name for each in app.services}
    beside: dict[tuple[int, bool], list[str]] = {}
    for each in settled.services:
        if each.name in live:
            beside.setdefault((settled.cells[each.name], each.internal), []).append(each.name)
    for service in settled.services if live else ():
        if service.name in live:
            continue
        own = _production(settled, service.name)
        went = [name for name in sorted(live - here) if _had(before, name, own, internal=service.internal)]
        if went:
            yield (
                f"{app.name} {app.stage}: {_told(went)} {'go' if went[1:] else 'goes'} and {service.name}, which is new, takes those "
                f"paths: another name is another service, and they {_UNTIL}. To change over without that, keep the old one, "
                f"give {service.name} a path of its own, release it, give it these paths then, and remove the old one last"
            )
            continue
        taken = {
            (name, path)
            for name in beside.get((settled.cells[service.name], service.internal), ())
            for other in _production(settled, name)
            for rule in own
            if precedes(rule.match, other.match) < 0
            for path in rule.match.paths
        }
        if taken:
            names, paths = ({pair[index] for pair in taken} for index in (0, 1))
            yield (
                f"{app.name} {app.stage}: {service.name} is new and comes before {_told(names)} at {_told(paths)}: these requests "
                f"{_UNTIL}. Where they are answered now, give {service.name} a path of its own, release it, and give it these then"
            )


def shadowed(settled: Plan) -> Iterator[str]:
    """Services without hosts, at whose paths another one answers wherever a client names a host of that one; but for those
    that take what is left, whose meaning that is.
    """
    app = settled.app
    for service in settled.services:
        if app.hosts_of(service) or "/*" in service.paths:
            continue
        before = {
            host
            for other in settled.services
            if _asks_only_for_hosts(other)
            and settled.cells[other.name] == settled.cells[service.name]
            and all(any(_covers(wide, path) for wide in other.paths) for path in service.paths)
            for host in other.hosts
        }
        if before:
            yield (
                f"{app.name} {app.stage}: {service.name} names no host, and a host comes before a path: at {_told(before)} its "
                "requests go to the service that names it. If they should not, give both the same hosts"
            )


def _asks_only_for_hosts(service: Service) -> bool:
    asks_more = service.headers or service.query or service.methods or service.allowed_addresses
    return bool(service.hosts) and not service.internal and not asks_more


def _covers(wide: str, path: str) -> bool:
    return wide == path or (wide.endswith("*") and not wildcards(wide[:-1]) and path.startswith(wide[:-1]))


def _production(settled: Plan, name: str) -> list[Rule]:
    return [each for each in settled.rules[name] if not is_test(each.listener) and each.says is None]


def _had(before: Ledger, name: str, own: list[Rule], *, internal: bool) -> bool:
    """Whether a service that is gone had a path of the rules of another one."""
    return f"service {name}" in before.births and any(
        meet(path, wanted)
        for record in before.rules[name]
        if not record.retired and is_internal(record.listener) == internal
        for path in record.paths
        for rule in own
        for wanted in rule.match.paths
    )


def _told(names: Collection[str]) -> str:
    first, more = sorted(names)[:_SHOWN], len(names) - _SHOWN
    return ", ".join(first) + (f" and {more} more" if more > 0 else "")
