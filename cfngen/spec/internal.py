"""Internal services: the load balancer that they are behind, and who calls them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from cfngen._frozen import dataclass
from cfngen.describe import Description, Finding
from cfngen.errors import did_you_mean
from cfngen.spec.network import wrong_range
from cfngen.spec.service import Service
from cfngen.spec.task import Task

_DOMAIN = r"(?=.{1,95}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]+"
_RANGE, _EXAMPLE = "an IPv4 range", "10.20.0.0/16"


@dataclass(frozen=True, kw_only=True)
class InternalBalancer(Description):
    """The application load balancer of scheme internal, in the private subnets. It is made once a service is `internal`.

    `domain` is the name of a private hosted zone that is made with it and that only the VPC knows,
    ``<application>-<stage>.internal`` if nothing is said. An internal service without hosts is found at its name there, as in
    ``inventory.shop-dev.internal``; all hosts of internal services are in it.
    It listens on port 80 and traffic within the VPC is not encrypted, as it is not between a balancer and tasks either.
    `https` takes a certificate for the names of the domain by the root parameter InternalCertificateArn, and then it listens on 443
    alone. Domain and HTTPS are fixed from birth, for callers know both.
    Services, workers and scheduled tasks that say `calls` reach it, and besides them only `addresses`, ranges such as those of a
    VPN. `test_port` shows the next version to smoke tests and to `test_addresses`.
    Access logs and deletion protection are those of the `balancer`.
    """

    domain: str = ""
    https: bool = False
    addresses: tuple[str, ...] = ()
    test_port: int = 8080
    test_addresses: tuple[str, ...] = ()

    @property
    def production_port(self) -> int:
        """The port that callers reach."""
        return 443 if self.https else 80

    def checks(self) -> Iterator[Finding]:
        if self.domain and not re.fullmatch(_DOMAIN, self.domain, re.ASCII):
            yield "domain", "a domain name in lower case, at most 95 characters, as in 'shop.internal'"
        if self.test_port in (80, 443) or not 1 <= self.test_port <= 65535:
            yield "test_port", "1 to 65535, but neither 80 nor 443, which are production's"
        for option in ("addresses", "test_addresses"):
            ranges = getattr(self, option)
            for index, address in enumerate(ranges):
                if ":" in address:
                    yield f"{option}[{index}]", f"{address!r}: {_RANGE}, as in {_EXAMPLE!r}"
                elif fits := wrong_range(address, _EXAMPLE, _RANGE):
                    yield f"{option}[{index}]", fits
            if len(set(ranges)) < len(ranges):
                yield option, f"{max(ranges, key=ranges.count)!r} stands there twice"


def call_variable(service: str) -> str:
    """The variable in which those who call a service find its address."""
    return f"{service.replace('-', '_').upper()}_URL"


def plain_host(hosts: Iterable[str]) -> str:
    """The first of some hosts without a wildcard, which can be asked for; empty where there is none."""
    return next((host for host in sorted(hosts) if not {"*", "?"} & set(host)), "")


def wrong_calls(placed: Iterable[tuple[str, Task]], services: Mapping[str, Service]) -> Iterator[Finding]:
    """What is wrong with the calls of tasks, each given with its place in the description."""
    internal = [name for name, service in services.items() if service.internal]
    for place, task in placed:
        for name in task.calls:
            if name not in services:
                yield f"{place}.calls", f"{name!r} is no internal service; {did_you_mean(name, internal)}"
            elif not services[name].internal:
                fits = f"{name!r} is internet-facing, and is called by its public name, as users call it: give that by environment. Ways out: that; or make {name!r} internal, if no user calls it"
                yield f"{place}.calls", fits
        if len(set(task.calls)) < len(task.calls):
            yield f"{place}.calls", f"{max(task.calls, key=task.calls.count)!r} stands there twice"


def wrong_hosts(placed: Iterable[tuple[str, Service]], domain: str, called: set[str]) -> Iterator[Finding]:
    """Hosts of internal services that no record of the private zone leads to, or that nobody can ask for."""
    for place, service in placed:
        for number, host in enumerate(service.hosts):
            if host != domain and not host.endswith(f".{domain}"):
                fits = f"{host!r}: {domain!r} or a name in it, since only these lead to the internal balancer; internal_balancer.domain says another domain"
                yield f"{place}.hosts[{number}]", fits
        if service.hosts and service.name in called and not plain_host(service.hosts):
            yield f"{place}.hosts", "one without wildcards among them, for those who call it"
