"""The load balancer of a stage."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cfngen._frozen import dataclass
from cfngen.arns import CERTIFICATE, WEB_ACL, wrong_arn
from cfngen.describe import Description, Finding
from cfngen.spec.managed_rules import ManagedRules
from cfngen.spec.network import wrong_range
from cfngen.spec.redirect import Redirect
from cfngen.values import Arn, CertificateArn

CERTIFICATES = 25
NAME_OF_A_CERTIFICATE = 64
"""Of its first name, in characters (ACM API RequestCertificate, DomainName)."""
_DOMAIN = r"(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)+"
_RANGE, _EXAMPLE = "an IPv4 range", "203.0.113.0/24"


@dataclass(frozen=True, kw_only=True)
class Balancer(Description):
    """An internet-facing application load balancer with a production and a test listener.

    `https` takes a certificate by the root parameter CertificateArn and redirects port 80; without it, traffic
    is not encrypted. `domain` adds an alias record in the zone of the root parameter HostedZoneId.
    `aliases` are further names in that zone, each with a record of its own.
    With `request_certificate` ACM issues a certificate for each of these names, and CertificateArn is not asked for: the records
    that prove them stand in that zone, which has to be public and in use, since the deployment waits until ACM has seen them.
    `certificates` are further ones, for names that the
    first is not for: the balancer picks by the name that the client asks for, on both listeners. `web_acl` is a web ACL of
    yours in AWS WAF, in the same region, that looks at every request before the rules do; `managed_rules` makes one.
    `redirects` are requests that it answers with another address, as those of www.example.com with example.com.
    `test_port` shows the next version before it takes traffic, to `test_addresses` only; without them the root
    parameter TestCidr says who, and nobody does until it is given.
    """

    https: bool = True
    domain: str | None = None
    aliases: tuple[str, ...] = ()
    request_certificate: bool = False
    certificates: tuple[CertificateArn, ...] = ()
    web_acl: Arn | None = None
    managed_rules: ManagedRules | None = None
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
        if fits := wrong_arn(self.web_acl, WEB_ACL):
            yield "web_acl", fits
        if self.web_acl is not None and self.managed_rules is not None:
            yield "managed_rules", "None, or no web_acl; a balancer has one web ACL"
        for index, redirect in enumerate(self.redirects):
            if redirect in self.redirects[:index]:
                yield f"redirects[{index}]", "another one; this one stands there twice"
        yield from _test_addresses(self)


def _certificates(balancer: Balancer) -> Iterator[Finding]:
    if balancer.certificates and not balancer.https:
        yield "certificates", "none of them, or https"
    elif len(balancer.certificates) > CERTIFICATES:
        yield "certificates", f"at most {CERTIFICATES}, since a balancer takes no more beside the first"  # H8
    elif balancer.request_certificate and len(balancer.certificates) + len(balancer.aliases) > CERTIFICATES:
        fits = f"at most {CERTIFICATES} with the aliases, each of which has a certificate of its own; a balancer takes no more beside the first"
        yield "certificates", fits  # H8
    if balancer.request_certificate:
        yield from _requested(balancer)
    for index, each in enumerate(balancer.certificates):
        if fits := wrong_arn(each, CERTIFICATE):
            yield f"certificates[{index}]", f"{each.data!r:.80}: {fits}"
    if len(set(balancer.certificates)) < len(balancer.certificates):
        yield "certificates", "one of them stands there twice"


def _requested(balancer: Balancer) -> Iterator[Finding]:
    if not balancer.https:
        yield "request_certificate", "False, or https"
    if balancer.domain is None:
        yield "request_certificate", "False, or a domain, in whose zone ACM finds what proves it"
    names = [("domain", balancer.domain or ""), *((f"aliases[{n}]", name) for n, name in enumerate(balancer.aliases))]
    for option, name in names:
        if len(name) > NAME_OF_A_CERTIFICATE:
            fits = f"{name!r}: at most {NAME_OF_A_CERTIFICATE} characters, since ACM writes them into a field that takes no more"
            yield option, fits


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
        elif balancer.domain and name.split(".")[-2:] != balancer.domain.split(".")[-2:]:
            yield (
                f"aliases[{index}]",
                f"{name!r}: a name in the zone of the domain, {balancer.domain!r}, and so with the same end",
            )
