"""The network of a stage."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import fields
from typing import Literal

from cfngen._frozen import dataclass
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
    and costs as often as there are zones. With "none" there is no way to the internet: interface endpoints lead to what tasks
    need of AWS. With "public tasks" each task has a public address and stands in a public subnet, where security groups alone keep
    others out: the cheapest way for a few tasks. A stage may leave it for NAT, and never comes to it from there. `endpoints` are those of further services, such as ``sts``, with NAT or without.
    `bootstrap_image` is an image of Node 22 for both architectures in a repository of the account, as in ``bootstrap:node-22``,
    that stands in for services, workers and scheduled tasks to come until their first release; without NAT there has to be one.
    `shared` tells VPC and subnets by outputs of the root, for stages in the same region that stand in it by `existing`.
    `existing`: no VPC is made; the root parameters VpcId, PublicSubnetIds and PrivateSubnetIds, and DatabaseSubnetIds with
    a database, say where it is, and nothing of it is changed. Fixed from birth, and the other options do not go with it.
    """

    cidr: str = "10.0.0.0/16"
    zones: int = 2
    nat: Literal["one", "one per zone", "none", "public tasks"] = "one per zone"
    endpoints: tuple[str, ...] = ()
    bootstrap_image: str = ""
    shared: bool = False
    existing: bool = False

    @property
    def has_public_tasks(self) -> bool:
        """Whether tasks have public addresses."""
        return self.nat == "public tasks"

    def checks(self) -> Iterator[Finding]:
        yield from _endpoints(self)
        if self.existing:
            for each in fields(self):
                if each.name not in ("existing", "bootstrap_image") and getattr(self, each.name) != each.default:
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
        if self.shared and self.has_public_tasks:
            yield (
                "shared",
                "False, or a nat other than 'public tasks': private subnets without a way out are no use to others",
            )
        if not 2 <= self.zones <= 3:
            yield "zones", "2 or 3"


def _endpoints(network: Network) -> Iterator[Finding]:
    image = network.bootstrap_image
    if image and not re.fullmatch(r"(?!\d{12}\.)[a-z0-9]+([._/-][a-z0-9]+)*:[\w][\w.-]{0,127}", image, re.ASCII):
        yield "bootstrap_image", "a repository of the account with a tag, as in 'bootstrap:node-22'"
    if network.nat == "none" and not image:
        made = "aws ecr create-repository --repository-name bootstrap"
        copied = "docker buildx imagetools create --tag ACCOUNT.dkr.ecr.REGION.amazonaws.com/bootstrap:node-22 public.ecr.aws/docker/library/node:22-alpine"
        yield (
            "bootstrap_image",
            f"an image in a repository of the account, since without NAT no public registry is reached. Make it once, with {made!r} and {copied!r}, and say 'bootstrap:node-22'",
        )
    for index, service in enumerate(network.endpoints):
        if not re.fullmatch(r"[a-z0-9]+([.-][a-z0-9]+)*", service, re.ASCII):
            yield f"endpoints[{index}]", f"{service!r}: a service as in com.amazonaws.REGION.SERVICE, such as 'sts'"
        elif service in ("s3", "dynamodb"):
            yield (
                f"endpoints[{index}]",
                f"{service!r}: no such one; S3 is there anyway, and DynamoDB has a gateway, which a stack function can add",
            )
        elif service in network.endpoints[:index]:
            yield f"endpoints[{index}]", f"{service!r} stands there twice"
