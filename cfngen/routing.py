"""Which requests reach which service: listener rules, their order and their priorities.

A rule is write-once: its digest covers everything but weights and priority, so a change is a new rule beside
the old one (A6.12). Its priority is given once, by how specific it is, and kept in the ledger (H16).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from ipaddress import ip_address, ip_network
from itertools import chain

from cfngen._frozen import dataclass
from cfngen.describe import problem
from cfngen.errors import Problem
from cfngen.ledger import LAST_PRIORITY, Listener, RuleRecord
from cfngen.patterns import glob, meet, precision
from cfngen.request import Pairs, Request
from cfngen.spec import App, Redirect, Service
from cfngen.spec.requests import CONDITION_VALUES, Named, Requests, shares, wildcards

REDIRECT_PRIORITY = 1
"""Of the one rule that is no service's: it sends port 80 to HTTPS."""
_HOST_RANKS, _PATH_RANKS = 3, 2 * 129
_STEP = 8
"""Between two rules of like precision, so that others have room between them."""
_BAND = LAST_PRIORITY / (_HOST_RANKS * _PATH_RANKS)
_FORWARD = "forward to both target groups of the service, weighted, v1"


@dataclass(frozen=True)
class Claimant:
    """Who wants requests: a service, by its name, or all redirects to one place. `made` are their descriptions, `hosts`
    those that it has where these name none; `internal` is whether it wants them of the internal balancer.
    """

    name: str
    made: tuple[Service | Redirect, ...]
    action: str = _FORWARD
    hosts: tuple[str, ...] = ()
    internal: bool = False

    @property
    def is_service(self) -> bool:
        """Whether it is a service, and no redirects."""
        return self.action == _FORWARD

    def __str__(self) -> str:
        return f"service {self.name!r}" if self.is_service else f"the {self.name}"


@dataclass(frozen=True, kw_only=True)
class Match(Requests):
    """What one rule matches. `claimant` is the name of who wants that, `action` what is done with it."""

    claimant: str
    action: str = _FORWARD

    def content(self, listener: Listener) -> str:
        """A digest of every property of the rule except weights and priority."""
        named = (self.headers, self.methods, self.query)
        return _content(self.action, listener, self.hosts, self.paths, self.addresses, *named)

    def takes(self, request: Request) -> bool:
        """Whether a request would match if its address were allowed."""
        return (
            (not self.hosts or any(glob(each, request.host) for each in self.hosts))
            and any(glob(each, request.path) for each in self.paths)
            and _fits(self, request)
        )


@dataclass(frozen=True)
class Rule:
    """One listener rule as it is rendered. `live` names the parameter that holds the colour that it starts with; one
    that `says` something forwards nothing and answers 503 with that text, one that `sends` answers with another address.
    """

    listener: Listener
    match: Match
    digest: str
    priority: int
    live: str | None = None
    says: str | None = None
    sends: Redirect | None = None


@lru_cache(maxsize=4096)  # a plan asks the same of each rule again and again
def _content(
    action: str,
    listener: Listener,
    hosts: tuple[str, ...],
    paths: tuple[str, ...],
    addresses: tuple[str, ...],
    headers: Named,
    methods: tuple[str, ...],
    query: Named,
) -> str:
    asked: list[object] = [listener, hosts, paths, addresses, *([headers] if headers else [])]
    if methods or query:
        asked.append({"methods": methods, "query": query})
    text = json.dumps([action, *asked])
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def claimants(
    app: App, services: Iterable[Service] | None = None, redirects: Iterable[Redirect] | None = None
) -> tuple[Claimant, ...]:
    """The services of a stage and its redirects, each by name, so that their order in the description changes nothing.

    `services` and `redirects` are those of one balancer, where there are several.
    """
    services = app.services if services is None else services
    redirects = app.balancer.redirects if redirects is None else redirects
    to: dict[str, list[Redirect]] = {}
    for redirect in sorted(redirects, key=lambda each: (each.hosts, each.paths)):
        to.setdefault(f"redirect to {redirect.target}, {redirect.status}", []).append(redirect)
    found = [
        Claimant(service.name, (service,), hosts=app.hosts_of(service), internal=service.internal)
        for service in services
    ]
    found += [Claimant(name, tuple(made), f"{name}, v1") for name, made in to.items()]
    return tuple(sorted(found, key=lambda each: each.name))


def matches(claimant: Claimant, records: Collection[RuleRecord] = ()) -> dict[Match, Service | Redirect]:
    """What is asked for: as few rules as the paths need, each within the limits of a rule (A6.15); and by whom.

    `records` are the rules that exist. One whose paths are all wanted stays as it is; new paths get rules of
    their own, so that a path more replaces no rule.
    """
    return {
        match: made
        for made in claimant.made
        for match in _matches(claimant, replace(made.requests, hosts=made.requests.hosts or claimant.hosts), records)
    }


def _matches(claimant: Claimant, requests: Requests, records: Collection[RuleRecord]) -> Iterator[Match]:
    parts = shares(requests)
    room = CONDITION_VALUES - max(each.values for each in parts)
    wild = CONDITION_VALUES - max(each.wildcards for each in parts)
    wanted = set(requests.paths)
    kept: list[tuple[str, ...]] = []
    for paths in _groups(claimant, parts, records):
        if paths and wanted >= set(paths):
            kept.append(paths)
            wanted -= set(paths)
    groups: list[list[str]] = []
    for path in sorted(wanted):
        if not groups or len(groups[-1]) == room or sum(map(wildcards, [*groups[-1], path])) > wild:
            groups.append([])
        groups[-1].append(path)
    for paths in (*kept, *map(tuple, groups)):
        yield from (_match(claimant, each, paths) for each in parts)


def _match(claimant: Claimant, share: Requests, paths: tuple[str, ...]) -> Match:
    return Match(**{**vars(share), "paths": paths}, claimant=claimant.name, action=claimant.action)


def _groups(claimant: Claimant, parts: Iterable[Requests], records: Iterable[RuleRecord]) -> Iterable[tuple[str, ...]]:
    """The paths of the rules that there are, as long as what they ask for besides is what it was."""
    wanted: dict[tuple[Listener, tuple[str, ...]], set[str]] = {}
    found: dict[tuple[str, ...], None] = {}
    for record in records:
        key = (record.listener, record.paths)
        if key not in wanted:
            wanted[key] = {_match(claimant, part, record.paths).content(record.listener) for part in parts}
        if not record.retired and record.content in wanted[key]:
            found[record.paths] = None
    return found


def conflicts(who: Iterable[Claimant], rules: Mapping[str, Collection[RuleRecord]] | None = None) -> Iterator[Problem]:
    """Requests that two of one balancer claim with equal right, and rules that no order could satisfy.

    `rules` are those that exist, by claimant; see `matches`.
    """
    every = [
        (claimant, match, made)
        for claimant in who
        for match, made in matches(claimant, (rules or {}).get(claimant.name, ())).items()
    ]
    for index, (claimant, one, made) in enumerate(every):
        for rival, other, _ in every[:index]:
            if claimant == rival or claimant.internal != rival.internal:
                continue
            meetings = list(_meetings(one, other))
            orders = {order for *_, order in meetings}
            for host, path, order in meetings:
                if order == 0:
                    where = f" at {host!r}" if host else ""
                    fits = f"{rival} claims the same requests with the same precision; make one of them more specific"
                    yield problem(made, "paths", fits, f"{path!r}{where}")
                    break
            else:
                if len(orders) > 1:
                    fits = f"some of these paths must come before, some after those of {rival}; name fewer paths that overlap with it"
                    yield problem(made, "paths", fits)


def precedes(one: Match, other: Match) -> int:
    """-1 when `one` must come before `other`, 1 when after it, 0 when their order does not matter."""
    return next((order for *_, order in _meetings(one, other) if order), 0)


def give_priority(match: Match, others: Iterable[tuple[Match, int]], taken: Iterable[int]) -> int | None:
    """The number for a new rule: in the middle of the band of its specificity, or as near to that as the rules
    with which it overlaps allow. `taken` are all numbers ever given on the listener. `None` when there is no room.
    """
    low, high, used = REDIRECT_PRIORITY, LAST_PRIORITY + 1, set(taken)
    for other, priority in others:
        order = precedes(match, other)
        low = max(low, priority) if order > 0 else low
        high = min(high, priority) if order < 0 else high
    ideal = _ideal(match) if low < _ideal(match) < high else (low + high) // 2
    apart = range(0, int(_BAND / 2), _STEP) if high - low > _BAND else range(0)
    for distance in chain(apart, range(LAST_PRIORITY)):
        for number in (ideal + distance, ideal - distance):
            if low < number < high and number not in used:
                return number
    return None


def answering(rules: Iterable[Rule], listener: Listener, request: Request) -> Rule | None:
    """The rule that answers a request when every source address is allowed; `None` is the default, a 404."""
    for rule in sorted((rule for rule in rules if rule.listener == listener), key=lambda rule: rule.priority):
        if rule.match.takes(request):
            return rule
    return None


def reached(rules: Iterable[Rule], listener: Listener, request: Request) -> str | None:
    """The service that a request reaches when every source address is allowed, or the redirect that answers it; `None` is
    the default, a 404.
    """
    found = answering(rules, listener, request)
    return found.match.claimant if found else None


def owner(app: App, request: Request, *, internal: bool = False, who: Iterable[Claimant] | None = None) -> str | None:
    """The service that a description gives a request to: whose pattern for it is the most specific; `None` for nobody,
    and where that one is a redirect, or under maintenance. `internal` asks at the internal balancer.

    `who` are the claimants of one balancer, where there are several. It looks at no rule and no priority, so that rules can be held against it.
    """
    claims = [
        (_key(of_host, of_path, _more(match)), match.claimant)
        for claimant in (claimants(app) if who is None else who)
        if claimant.internal == internal
        for match in matches(claimant)
        if _fits(match, request)
        if not match.addresses or any(ip_address(request.address) in ip_network(each) for each in match.addresses)
        for of_host in match.hosts or ("",)
        for of_path in match.paths
        if (not of_host or glob(of_host, request.host)) and glob(of_path, request.path)
    ]
    name = max(claims)[1] if claims else None
    service = next((each for each in app.services if each.name == name), None)
    return name if service and app.maintenance_of(service) is None else None


def _meetings(one: Match, other: Match) -> Iterator[tuple[str, str, int]]:
    """Each pair of patterns that one request could match both of, and which of the two comes first."""
    if one.headers and other.headers and not _named_meet(one.headers, other.headers):
        return
    if one.query and other.query and not _named_meet(one.query, other.query):
        return
    if one.methods and other.methods and not {*one.methods} & {*other.methods}:
        return
    more, others_more = _more(one), _more(other)
    for host in one.hosts or ("",):
        for other_host in other.hosts or ("",):
            if host and other_host and not meet(host, other_host):
                continue
            for path in one.paths:
                for other_path in other.paths:
                    if meet(path, other_path):
                        mine, theirs = _key(host, path, more), _key(other_host, other_path, others_more)
                        yield host, path, (mine < theirs) - (mine > theirs)


def _key(host: str, path: str, more: int) -> tuple[object, ...]:
    """Greater is more specific: host before path, exact before wildcard, long before short, then what is asked for beside."""
    return precision(host), precision(path), more


def _more(match: Match) -> int:
    """How much is asked for beside hosts and paths: headers, keys of the query, methods, addresses."""
    return len(match.headers) + len(match.query) + bool(match.methods) + bool(match.addresses)


def _fits(match: Match, request: Request) -> bool:
    """Whether a request has all that is asked for beside host, path and address."""
    return (
        (not match.methods or request.method in match.methods)
        and _has(request.headers, match.headers)
        and _has(request.query, match.query)
    )


def _has(sent: Pairs, wanted: Named) -> bool:
    return all(
        any(key.lower() == name.lower() and glob(each.lower(), value.lower()) for key, value in sent for each in values)
        for name, values in wanted
    )


def _named_meet(one: Named, other: Named) -> bool:
    """Whether some request fulfils both, as far as each header, or key, is sent once."""
    if not one or not other:  # as almost all are
        return True
    others = {name.lower(): values for name, values in other}
    return all(
        any(meet(each.lower(), their.lower()) for each in values for their in others[name.lower()])
        for name, values in one
        if name.lower() in others
    )


def _ideal(match: Match) -> int:
    host, (exact, literals) = min(map(precision, match.hosts), default=(0, 0))[0], min(map(precision, match.paths))
    rank = (_HOST_RANKS - 1 - host) * _PATH_RANKS + (128 - min(literals, 128)) * 2 + (2 - exact)
    return int((rank + 0.5) * _BAND)


def listeners(app: App, *, internal: bool = False) -> Sequence[Listener]:
    """The listeners that carry the rules of a balancer: production's and the test listener."""
    if internal:
        return ("internal-https" if app.internal_balancer.https else "internal-http", "internal-test")
    return ("https" if app.balancer.https else "http", "test")


def digest(content: str, generation: int) -> str:
    """A rule that comes back after it was retired is another rule: what it says may no longer be what is live."""
    return hashlib.sha256(f"{content} {generation}".encode()).hexdigest()[:8] if generation else content
