"""The network of a stage."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Literal

from cfngen.describe import Description, Finding

_PRIVATE = tuple(map(ipaddress.IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")))


def wrong_range(text: str, example: str, kind: str = "an address range") -> str:
    """What would fit instead of a text that is no range of addresses as AWS writes it; nothing for one that is."""
    try:
        network = ipaddress.ip_network(text)
    except ValueError:
        return f"{text!r}: {kind}, as in {example!r}"
    if "/" not in text or "%" in text:
        return f"{text!r}: {kind}, as in {example!r}"
    return "" if str(network) == text else f"{text!r}: the same range as AWS writes it, {str(network)!r}"


@dataclass(frozen=True, kw_only=True)
class Network(Description):
    """A VPC with public, private and isolated subnets in `zones` availability zones.

    `zones`: two, or three, which us-west-1 does not give to new accounts.
    `cidr` is cut into 16 blocks, four for each tier, so that a further zone moves no subnet (J1.4).
    `nat` is how tasks reach the internet: one gateway, or one in each zone, which survives a zone's failure
    and costs as often as there are zones.
    `existing`: no VPC is made; the root parameters VpcId, PublicSubnetIds and PrivateSubnetIds, and DatabaseSubnetIds with
    a database, say where it is, and nothing of it is changed. Fixed from birth, and the other options do not go with it.
    """

    cidr: str = "10.0.0.0/16"
    zones: int = 2
    nat: Literal["one", "one per zone"] = "one per zone"
    existing: bool = False

    def checks(self) -> Iterator[Finding]:
        if self.existing:
            for each in fields(self):
                if each.name != "existing" and getattr(self, each.name) != each.default:
                    yield each.name, "nothing here; a VPC that exists is as it is"
            return
        fits = "a private range from /16 to /20, as in '10.0.0.0/16'"
        try:
            network = ipaddress.IPv4Network(self.cidr)
        except ValueError as error:
            yield "cidr", f"{fits} ({error})"
        else:
            if not any(map(network.subnet_of, _PRIVATE)) or not 16 <= network.prefixlen <= 20:
                yield "cidr", fits
            elif str(network) != self.cidr:
                yield "cidr", f"the same range as AWS writes it, {str(network)!r}"
        if not 2 <= self.zones <= 3:
            yield "zones", "2 or 3"
