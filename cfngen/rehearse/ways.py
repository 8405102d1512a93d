"""Where each balancer of a stage is played, by which names tasks find an internal one, and which of them it lets in.

Every balancer has an address of loopback. An internal one answers at the first address of the tasks' network, too, where the names of
its private zone lead; it lets in tasks whose security group its own names, by the address that each got.
"""

from __future__ import annotations

import fnmatch
import ipaddress
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from cfngen.rehearse import background, deployed
from cfngen.rehearse.account import Account
from cfngen.rehearse.deployed import Listener
from cfngen.rehearse.room import loopback

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Seat:
    """A balancer, by the name that AWS gives it; `caller` is the address of a client whom an internal one always lets in."""

    name: str
    address: str
    caller: str = ""


@dataclass
class Ways:
    """The balancers of a stage, that of users first, and their listeners with where they are played.

    `admits` are the addresses that each file of callers has, `groups` the security groups of tasks by their label.
    """

    seats: Sequence[Seat]
    listeners: Sequence[Listener]
    names: Mapping[str, str]
    groups: Mapping[str, frozenset[str]]
    admits: dict[str, set[str]] = field(default_factory=dict)

    @property
    def address(self) -> str:
        """Where the balancer of users is played."""
        return self.seats[0].address

    def let_in(self, label: str, address: str, tell: Tell) -> None:
        """A task of that label got an address: each internal listener lets it in or not, by commands that haproxy is told.

        A task of which nobody knows the groups, such as a migration, has those of all.
        """
        mine = self.groups.get(label) or frozenset().union(*self.groups.values())
        for listener in self.listeners:
            if not listener.callers:
                continue
            known, may = self.admits.setdefault(listener.callers, set()), bool(mine & set(listener.groups))
            if may != (address in known):
                tell(f"{'add' if may else 'del'} acl {listener.callers} {address}")
                (known.add if may else known.discard)(address)


def ways(account: Account, subnet: str, folder: Path) -> Ways:
    """Read what is deployed, and find an address for each balancer; files of callers are written to a folder."""
    network = ipaddress.ip_network(subnet)
    inside, caller = str(network[1]), str(network[-3])
    told = account.all("elbv2", "describe_load_balancers", "LoadBalancers")
    every = sorted(told, key=lambda each: each["Scheme"] == "internal")
    listeners = deployed.listeners(account)
    seats, seated = [], []
    for each in every:
        mine = [one for one in listeners if one.balancer == each["LoadBalancerArn"]]
        is_internal = each["Scheme"] == "internal"
        seat = Seat(each["DNSName"], loopback([one.port for one in mine]), caller if is_internal else "")
        seats.append(seat)
        for one in mine:
            made = replace(one, address=seat.address)
            if is_internal:
                file = folder / f"{one.port}.acl"
                file.write_text(f"{caller}\n", encoding="utf-8")
                made = replace(made, inside=inside, caller=caller, callers=str(file))
            seated.append(made)
    return Ways(seats, seated, dict.fromkeys(_names(account, every, seated), inside), _groups(account))


def at(listeners: Iterable[Listener], host: str) -> Listener:
    """The listener that has a rule for a host; where none has, or no host is asked for, the first that is not internal, else the first."""
    found = list(listeners)
    named = (
        each
        for each in found
        if host and any(_is_of(host, deployed.values(rule, "host-header")) for rule in each.rules)
    )
    return next(named, next((each for each in found if not each.caller), found[0]))


def _is_of(host: str, patterns: Iterable[str]) -> bool:
    return any(fnmatch.fnmatchcase(host.lower(), each.lower()) for each in patterns)


def _names(account: Account, balancers: Iterable[Mapping[str, str]], listeners: Sequence[Listener]) -> set[str]:
    """The hosts of internal listeners' rules which records of private zones lead to their balancers, and names of such records themselves."""
    arns = {each["DNSName"].lower(): each["LoadBalancerArn"] for each in balancers if each["Scheme"] == "internal"}
    found: set[str] = set()
    for record, target in deployed.aliases(account, private=True):
        if (arn := arns.get(target.lower())) is None:
            continue
        hosts = {
            host
            for each in listeners
            if each.balancer == arn
            for rule in each.rules
            for host in deployed.values(rule, "host-header")
        }
        found |= {each for each in (*hosts, record) if "*" not in each and "?" not in each and _is_of(each, [record])}
    return found


def _groups(account: Account) -> dict[str, frozenset[str]]:
    """The security groups of each service's and worker's tasks."""
    named = [(each.short, each.cluster, each.name) for each in deployed.services(account)]
    named += [(each.short, each.cluster, each.name) for each in background.workers(account)]
    found = {}
    for short, cluster, name in named:
        told = account.client("ecs").describe_services(cluster=cluster, services=[name])["services"][0]
        network = (told.get("networkConfiguration") or {}).get("awsvpcConfiguration") or {}
        found[short] = frozenset(map(str, network.get("securityGroups") or ()))
    return found
