"""The DNS names of a stage: to the balancer of which cell each leads, and the certificates that are for them.

A name's record stays in the root in which it stands as long as somebody lives there: another root that made it would find
it there already, or would make it after it was gone. So where a name leads is in the ledger, until the name is given up.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping

from cfngen import cells
from cfngen.describe import problem
from cfngen.errors import Problem
from cfngen.ledger import NAMES, Ledger
from cfngen.patterns import meet
from cfngen.spec import App, Balancer
from cfngen.spec.balancer import CERTIFICATES, NAME_OF_A_CERTIFICATE


def record_title(name: str, born: str | None) -> str:
    """The logical id of the DNS record of a name, in the stack of its balancer. The domain that the balancer was `born`
    with has the plain one for life, so that a rename or a swap never makes a record under a second id while the first stands.
    """
    return "Alias" if name == born else f"Alias{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def settle(app: App, cell_of: Mapping[str, int], known: Ledger) -> tuple[dict[int, tuple[str, ...]], list[Problem]]:
    """The DNS names that lead to each cell's balancer, the domain first, and what cannot be; `cell_of` is by service.

    An alias follows the services that have it among their hosts, unless its record stands elsewhere. What a wildcard alias
    covers and lives in another cell gets a name of its own there, which DNS prefers.
    """
    used, stands = cells.used(cell_of.values()), records(app, known)
    found: dict[int, set[str]] = {cells.FIRST: set()}
    problems: list[Problem] = []

    def put(name: str, claimed: int | None, option: str) -> None:
        there = stands.get(name)
        if there in used and claimed not in (None, there):
            problems.append(_torn(app, name, there, claimed, option))
        home = there if there in used and claimed is None else claimed
        found.setdefault(home or cells.FIRST, set()).add(name)

    domain = app.balancer.domain
    if domain:
        put(domain, cells.FIRST, "balancer.domain")
    for alias in app.balancer.aliases:
        put(alias, *_claim(app, alias, cell_of))
    wide = {name: cell for cell, names in found.items() for name in names if name.startswith("*.")}
    for index, service in enumerate(app.services):
        for host in service.hosts if not service.internal else ():
            elsewhere = any(_answers(alias, host) for alias, there in wide.items() if there != cell_of[service.name])
            if elsewhere and _is_name(host) and host not in {domain, *app.balancer.aliases}:
                put(host, cell_of[service.name], f"services[{index}].hosts")
    names = {cell: tuple(sorted(each, key=lambda name: (name != domain, name))) for cell, each in sorted(found.items())}
    return names, [*dict.fromkeys(problems), *_certificate_problems(app, names, known)]


def remember(known: Ledger, names: Mapping[int, tuple[str, ...]]) -> Ledger:
    """The ledger with where each name leads; nothing of a stage that never had a name."""
    leads = {name: cell for cell, each in names.items() for name in each}
    return known.with_names(leads) if leads or NAMES in known.births else known


def records(app: App, known: Ledger) -> dict[str, int]:
    """The DNS names that have a record already, each with the cell to whose balancer it leads."""
    if NAMES in known.births:
        return {name: int(cell) for name, cell in known.births[NAMES].items()}
    there: dict[str, set[int]] = defaultdict(set)
    for line in known.resources:
        if found := re.match(r"(?:cell-(\d+)/)?cluster/(Alias(?:[0-9a-f]{8})?) ", line):
            there[found[2]].add(int(found[1] or cells.FIRST))
    names = (app.balancer.domain, *app.balancer.aliases, *(host for each in app.services for host in each.hosts))
    titles = {name: record_title(name, born(app.balancer, known)) for name in names if name and there}
    return {name: min(there[title]) for name, title in titles.items() if len(there[title]) == 1}


def born(balancer: Balancer, known: Ledger) -> str | None:
    """The domain that a balancer was born with; what it has now where nothing is known."""
    told = known.births.get("balancer", {}).get("domain")
    return str(told) if told else balancer.domain


def first(balancer: Balancer, domain: str | None) -> str | None:
    """The name whose certificate is the first of the listeners: that of the domain that they were born with as long as it is a
    name, so that no name that comes, goes or becomes the domain writes a listener (A6.12).
    """
    return domain if domain in balancer.aliases else balancer.domain


def certified(balancer: Balancer, names: Iterable[str]) -> set[str]:
    """The names for which certificates are issued, so that each of `names` has one: a name that is covered by a wildcard
    among domain and aliases shares its certificate.
    """
    own = (*([balancer.domain] if balancer.domain else ()), *balancer.aliases)
    return {_certificate_of(name, own) for name in names}


def _certificate_of(name: str, own: Collection[str]) -> str:
    """Of a wildcard's certificate the star is exactly one label (RFC 6125, 6.4.3), other than of its record."""
    if name in own:
        return name
    wide = f"*.{name.partition('.')[2]}"
    return wide if wide in own else name


def _claim(app: App, name: str, cell_of: Mapping[str, int]) -> tuple[int | None, str]:
    """Where those are who want the requests for a name, and the option that says so: the services that have it as a host,
    else those with a pattern for it, else redirects. Nobody is nowhere.
    """
    public = [(f"services[{index}].hosts", each) for index, each in enumerate(app.services) if not each.internal]
    exact = [(cell_of[each.name], option) for option, each in public if name in each.hosts]
    wide = [
        (cell_of[each.name], option)
        for option, each in public
        if not name.startswith("*") and any(meet(host, name) for host in each.hosts)
    ]
    sent = [
        (cells.FIRST, f"balancer.redirects[{index}].hosts")
        for index, each in enumerate(app.balancer.redirects)
        if any(host == name or (not name.startswith("*") and meet(host, name)) for host in each.hosts)
    ]
    return next((min(each) for each in (exact, wide, sent) if each), (None, ""))


def _torn(app: App, name: str, there: int | None, wanted: int | None, option: str) -> Problem:
    fits = (
        f"names that lead to cell {wanted}: the record of {name!r} stands in the root of cell {there}, and while it does no "
        f"other root can make it. Ways out: give {name!r} to a service that is new, which goes to cell {there}; or give it up "
        "everywhere, deploy every root, and take it then"
    )
    return problem(app, option, fits, repr(name))


def _certificate_problems(app: App, names: Mapping[int, tuple[str, ...]], known: Ledger) -> Iterator[Problem]:
    """What ACM or a balancer takes no more of, beyond what the description alone shows."""
    balancer = app.balancer
    if not (balancer.request_certificate and balancer.domain):
        return
    own = born(balancer, known)
    for cell, each in names.items():
        issued = certified(balancer, each) - {own}
        number = len(issued) + len(balancer.certificates)
        if number > CERTIFICATES:
            fits = f"at most {CERTIFICATES} certificates beside the first, which is what a balancer takes: give services of cell {cell} hosts that a wildcard alias covers by its one star, or fewer names"
            yield problem(app, "balancer.aliases", fits, f"{number} certificates")  # H8
        for name in sorted(issued - {*balancer.aliases, balancer.domain}):
            if len(name) > NAME_OF_A_CERTIFICATE:
                index = next(index for index, service in enumerate(app.services) if name in service.hosts)
                fits = f"at most {NAME_OF_A_CERTIFICATE} characters, since ACM issues a certificate for it, or an alias that covers it by its one star"
                yield problem(app, f"services[{index}].hosts", fits, repr(name))


def _answers(alias: str, host: str) -> bool:
    """Whether DNS answers with a wildcard's record, whose star is any number of labels (RFC 4592)."""
    return host != alias and host.endswith(alias.removeprefix("*"))


def _is_name(host: str) -> bool:
    """Whether DNS has such a name: a star stands for whole first parts alone (Route 53)."""
    return not {"*", "?"} & set(host.removeprefix("*."))
