"""Certificates that ACM issues for the names of a balancer, and those that its listeners have beside the first."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

from troposphere import certificatemanager as acm
from troposphere import elasticloadbalancingv2 as elb

from cfngen.stack import Stack
from cfngen.stacks.common import in_order
from cfngen.values import CertificateArn, HostedZoneId


def requested(stack: Stack, names: Iterable[str], hosted_zone: HostedZoneId) -> dict[str, CertificateArn]:
    """A certificate for each name, which ACM issues once the record that it asks for stands in the zone (H8).

    Each name has one of its own: a certificate never changes, so with all names in one a further name would replace it,
    and write the listeners (A6.12).
    """
    return {
        name: CertificateArn(
            stack.add(
                acm.Certificate(
                    f"Certificate{digest(name)}",
                    DomainName=name,
                    ValidationMethod="DNS",
                    DomainValidationOptions=[acm.DomainValidationOption(DomainName=name, HostedZoneId=hosted_zone)],
                )
            ).ref()
        )
        for name in sorted(names)
    }


def on_listeners(
    stack: Stack,
    given: Iterable[CertificateArn],
    issued: Mapping[str, CertificateArn],
    listeners: Mapping[str, elb.Listener],
) -> None:
    """Each is a resource of its own, so that no listener is written when one comes or goes (A6.12)."""
    named = [(repr(each), each) for each in in_order(given)] + sorted(issued.items())
    for name, certificate in named:
        for prefix, listener in listeners.items():
            stack.add(
                elb.ListenerCertificate(
                    f"{prefix}Certificate{digest(name)}",
                    ListenerArn=listener.ref(),
                    Certificates=[elb.Certificate(CertificateArn=certificate)],
                )
            )


def digest(text: str) -> str:
    """A part of a logical id, for what is known by a text."""
    return hashlib.sha256(text.encode()).hexdigest()[:8]
