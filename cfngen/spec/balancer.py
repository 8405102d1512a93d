"""The load balancer of a stage."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from cfngen.describe import Description, Finding
from cfngen.spec.network import wrong_range

_RANGE, _EXAMPLE = "an IPv4 range", "203.0.113.0/24"


@dataclass(frozen=True, kw_only=True)
class Balancer(Description):
    """An internet-facing application load balancer with a production and a test listener.

    `https` takes a certificate by the root parameter CertificateArn and redirects port 80; without it, traffic
    is not encrypted. `domain` adds an alias record in the zone of the root parameter HostedZoneId.
    `test_port` shows the next version before it takes traffic, to `test_addresses` only; without them the root
    parameter TestCidr says who, and nobody does until it is given.
    """

    https: bool = True
    domain: str | None = None
    test_port: int = 8080
    test_addresses: tuple[str, ...] = ()
    access_logs: bool = True
    deletion_protection: bool = True

    @property
    def production_port(self) -> int:
        """The port that users reach."""
        return 443 if self.https else 80

    def checks(self) -> Iterator[Finding]:
        if self.test_port in (80, 443):
            yield "test_port", "another port than 80 and 443, which are production's and its redirect's"
        elif not 1 <= self.test_port <= 65535:
            yield "test_port", "1 to 65535"
        if self.domain is not None and not re.fullmatch(r"(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)+", self.domain, re.ASCII):
            yield "domain", "a domain name in lower case, as in 'shop.example.com'"
        for index, address in enumerate(self.test_addresses):
            if ":" in address:
                yield f"test_addresses[{index}]", f"{address!r}: {_RANGE}, as in {_EXAMPLE!r}"
            elif fits := wrong_range(address, _EXAMPLE, _RANGE):
                yield f"test_addresses[{index}]", fits
        if len(set(self.test_addresses)) < len(self.test_addresses):
            yield "test_addresses", f"{max(self.test_addresses, key=self.test_addresses.count)!r} stands there twice"
