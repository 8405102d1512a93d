"""The load balancer of a stage."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from cfngen.describe import Description, Finding
from cfngen.spec.network import wrong_range
from cfngen.spec.redirect import Redirect
from cfngen.values import Arn, CertificateArn

CERTIFICATES = 25
_DOMAIN = r"(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)+"
_RANGE, _EXAMPLE = "an IPv4 range", "203.0.113.0/24"


@dataclass(frozen=True, kw_only=True)
class Balancer(Description):
    """An internet-facing application load balancer with a production and a test listener.

    `https` takes a certificate by the root parameter CertificateArn and redirects port 80; without it, traffic
    is not encrypted. `domain` adds an alias record in the zone of the root parameter HostedZoneId.
    `aliases` are further names in that zone, each with a record of its own. `certificates` are further ones, for names that the
    first is not for: the balancer picks by the name that the client asks for, on both listeners. `web_acl` is a web ACL of
    yours in AWS WAF, in the same region, that looks at every request before the rules do.
    `redirects` are requests that it answers with another address, as those of www.example.com with example.com.
    `test_port` shows the next version before it takes traffic, to `test_addresses` only; without them the root
    parameter TestCidr says who, and nobody does until it is given.
    """

    https: bool = True
    domain: str | None = None
    aliases: tuple[str, ...] = ()
    certificates: tuple[CertificateArn, ...] = ()
    web_acl: Arn | None = None
    redirects: tuple[Redirect, ...] = ()
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
        yield from _names(self)
        yield from _certificates(self)
        for index, redirect in enumerate(self.redirects):
            if redirect in self.redirects[:index]:
                yield f"redirects[{index}]", "another one; this one stands there twice"
        yield from _test_addresses(self)


def _certificates(balancer: Balancer) -> Iterator[Finding]:
    if balancer.certificates and not balancer.https:
        yield "certificates", "none of them, or https"
    elif len(balancer.certificates) > CERTIFICATES:
        yield "certificates", f"at most {CERTIFICATES}, since a balancer takes no more beside the first"  # H8
    if len(set(balancer.certificates)) < len(balancer.certificates):
        yield "certificates", "one of them stands there twice"


def _test_addresses(balancer: Balancer) -> Iterator[Finding]:
    for index, address in enumerate(balancer.test_addresses):
        if ":" in address:
            yield f"test_addresses[{index}]", f"{address!r}: {_RANGE}, as in {_EXAMPLE!r}"
        elif fits := wrong_range(address, _EXAMPLE, _RANGE):
            yield f"test_addresses[{index}]", fits
    if len(set(balancer.test_addresses)) < len(balancer.test_addresses):
        yield (
            "test_addresses",
            f"{max(balancer.test_addresses, key=balancer.test_addresses.count)!r} stands there twice",
        )


def _names(balancer: Balancer) -> Iterator[Finding]:
    if balancer.domain is not None and not re.fullmatch(_DOMAIN, balancer.domain, re.ASCII):
        yield "domain", "a domain name in lower case, as in 'shop.example.com'"
    if balancer.aliases and balancer.domain is None:
        yield "aliases", "none of them, or a domain, whose zone they are in"
    for index, name in enumerate(balancer.aliases):
        if not re.fullmatch(_DOMAIN, name, re.ASCII):
            yield f"aliases[{index}]", f"{name!r}: a domain name in lower case, as in 'www.example.com'"
        elif name == balancer.domain or name in balancer.aliases[:index]:
            yield f"aliases[{index}]", f"{name!r} stands there twice"
