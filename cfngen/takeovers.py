"""Requests that go elsewhere than one might think: told, since every description that says so may be meant.

With a newcomer they change hands, and nobody answers them before its first release; and a host comes before a path.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from cfngen.ledger import Ledger, is_internal, is_test
from cfngen.plan import Plan
from cfngen.routing import Rule, precedes
from cfngen.spec import Service
from cfngen.spec.requests import wildcards

_UNTIL = "get 503 and then 404 until its first release"
_SHOWN = 3


def notes(settled: Plan, before: Ledger) -> Iterator[str]:
    """What is told of services that are new beside those that the ledger knew `before`."""
    app = settled.app
    live = _live(before)
    here = {each.name for each in app.services}
    beside: dict[tuple[int, bool], list[str]] = {}
    for each in settled.services:
        if each.name in live:
            beside.setdefault((settled.cells[each.name], each.internal), []).append(each.name)
    for service in settled.services if live else ():
        if service.name in live:
            continue
        own = _production(settled, service.name)
        wanted = {path for rule in own for path in rule.match.paths}
        gone = {
            name: paths
            for name in sorted(live - here)
            if _is_covered(paths := _paths(before, name, internal=service.internal), wanted)
        }
        if gone:
            yield (
                f"{app.name} {app.stage}: {_told(gone)} {'go' if len(gone) > 1 else 'goes'} and {service.name}, which is new, takes those "
                f"paths: another name is another service, and they {_UNTIL}. To change over without that, keep the old one, "
                f"give {service.name} a path of its own, release it, give it these paths then, and remove the old one last"
            )
        told = set().union(*gone.values())
        taken = {
            (name, path)
            for name in beside.get((settled.cells[service.name], service.internal), ())
            for other in _production(settled, name)
            for rule in own
            if precedes(rule.match, other.match) < 0
            for path in rule.match.paths
            if path not in told
        }
        if taken:
            names, paths = ({pair[index] for pair in taken} for index in (0, 1))
            yield (
                f"{app.name} {app.stage}: {service.name} is new and comes before {_told(names)} at {_told(paths)}: these requests "
                f"{_UNTIL}. Where they are answered now, give {service.name} a path of its own, release it, and give it these then"
            )


def shadowed(settled: Plan, before: Ledger) -> Iterator[str]:
    """Services without hosts, at whose paths another one answers wherever a client names a host of that one: told when
    either is new. Those that take what is left are not told, whose meaning that is.
    """
    app, live = settled.app, _live(before)
    wide = [each for each in settled.services if _asks_only_for_hosts(each)]
    every, new = _Wide(settled, wide), _Wide(settled, [each for each in wide if each.name not in live])
    behind: list[str] = []
    hosts: set[str] = set()
    for service in settled.services:
        if app.hosts_of(service) or "/*" in service.paths:
            continue
        covering = (new if service.name in live else every).hosts_over(settled.cells[service.name], service.paths)
        if covering:
            behind.append(service.name)
            hosts |= covering
    if behind:
        one = not behind[1:]
        yield (
            f"{app.name} {app.stage}: {_told(behind)} {'names' if one else 'name'} no host, and a host comes before a path: at "
            f"{_told(hosts)} {'its' if one else 'their'} requests go to the service that names it. If they should not, give "
            f"{'both' if one else 'all'} the same hosts"
        )


class _Wide:
    """Services with hosts by their paths, so that not every two services have to be compared."""

    def __init__(self, settled: Plan, services: Iterable[Service]) -> None:
        self._by_path: dict[tuple[int, str], dict[str, tuple[str, ...]]] = {}
        for each in services:
            for path in each.paths:
                self._by_path.setdefault((settled.cells[each.name], path), {})[each.name] = each.hosts
        self._known: dict[tuple[int, frozenset[frozenset[str]]], frozenset[str]] = {}

    def hosts_over(self, cell: int, paths: Iterable[str]) -> frozenset[str]:
        """The hosts of services of a cell each of which covers all of some paths."""
        over = frozenset(
            frozenset(wide for wide in _all_that_cover(path) if (cell, wide) in self._by_path) for path in paths
        )
        if (cell, over) not in self._known:
            names = [{name for wide in each for name in self._by_path[cell, wide]} for each in over]
            hosts = {name: of for each in over for wide in each for name, of in self._by_path[cell, wide].items()}
            covering = set.intersection(*names)
            self._known[cell, over] = frozenset(host for name in covering for host in hosts[name])
        return self._known[cell, over]


def _all_that_cover(path: str) -> Iterator[str]:
    """Every pattern that `_covers` a path."""
    yield path
    for index, letter in enumerate(path):
        yield f"{path[:index]}*"
        if wildcards(letter):
            return
    yield f"{path}*"


def _live(before: Ledger) -> set[str]:
    return {name for name, records in before.rules.items() if not all(each.retired for each in records)}


def _asks_only_for_hosts(service: Service) -> bool:
    asks_more = service.headers or service.query or service.methods or service.allowed_addresses
    return bool(service.hosts) and not service.internal and not asks_more


def _covers(wide: str, path: str) -> bool:
    return wide == path or (wide.endswith("*") and not wildcards(wide[:-1]) and path.startswith(wide[:-1]))


def _production(settled: Plan, name: str) -> list[Rule]:
    return [each for each in settled.rules[name] if not is_test(each.listener) and each.says is None]


def _paths(before: Ledger, name: str, *, internal: bool) -> set[str]:
    """The paths that a service had, behind one of the balancers; none where it is the maintenance of a service."""
    if f"service {name}" not in before.births:
        return set()
    records = (each for each in before.rules[name] if not each.retired and is_internal(each.listener) == internal)
    return {path for record in records for path in record.paths}


def _is_covered(paths: Iterable[str], wanted: Collection[str]) -> bool:
    """Whether one of some paths is altogether among others."""
    return any(_covers(wide, path) for path in paths for wide in wanted)


def _told(names: Collection[str]) -> str:
    first, more = sorted(names)[:_SHOWN], len(names) - _SHOWN
    return ", ".join(first) + (f" and {more} more" if more > 0 else "")
