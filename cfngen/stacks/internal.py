"""The internal balancer, the private zone in which its services are found, and the ways to it."""

from __future__ import annotations

from typing import Any

from troposphere import GetAtt, Region, ec2, route53
from troposphere import elasticloadbalancingv2 as elb

from cfngen._frozen import dataclass
from cfngen.spec import Balancer, InternalBalancer
from cfngen.stack import Stack
from cfngen.stacks.cluster import (
    TLS_POLICY,
    BareClusterOutputs,
    ClusterOutputs,
    alias,
    let_in,
    load_balancer,
    not_found,
)
from cfngen.stacks.foundation import FoundationOutputs
from cfngen.stacks.network import NetworkOutputs
from cfngen.values import CertificateArn, ListenerArn, LoadBalancerFullName, SecurityGroupId, Text


@dataclass(frozen=True)
class InternalOutputs:
    """What internal services and those who call them need of their balancer; `port` is production's."""

    security_group: SecurityGroupId
    load_balancer: LoadBalancerFullName
    address: Text
    production_listener: ListenerArn
    test_listener: ListenerArn
    port: int
    test_port: int

    def behind(self, cluster: ClusterOutputs | BareClusterOutputs) -> ClusterOutputs:
        """The cluster as internal services see it: with their balancer, in the place of another one if there is one."""
        return ClusterOutputs(
            cluster=cluster.cluster,
            deploy_application=cluster.deploy_application,
            security_group=self.security_group,
            load_balancer=self.load_balancer,
            address=self.address,
            http_listener=self.production_listener,
            https_listener=None,
            test_listener=self.test_listener,
        )


def internal_stack(
    stack: Stack,
    foundation: FoundationOutputs,
    network: NetworkOutputs,
    balancer: Balancer,
    internal: InternalBalancer,
    domain: str,
    certificate: CertificateArn | None = None,
) -> InternalOutputs:
    """A balancer in the private subnets that lets nobody in but the named ranges; each caller adds the way for its own tasks.

    `domain` is the private zone; `balancer` says how logs and deletion are, as of the other one.
    """
    stack.describe("Internal load balancer, and the private zone of the services behind it")
    group = _security_group(stack, network, internal)
    made = load_balancer(stack, foundation, balancer, group, "internal", network.private_subnets)
    production, test = _listeners(stack, internal, made, certificate)
    _zone(stack, network, domain, made)
    return InternalOutputs(
        security_group=SecurityGroupId(GetAtt(group, "GroupId")),
        load_balancer=LoadBalancerFullName(GetAtt(made, "LoadBalancerFullName")),
        address=Text(GetAtt(made, "DNSName")),
        production_listener=ListenerArn(production.ref()),
        test_listener=ListenerArn(test.ref()),
        port=internal.production_port,
        test_port=internal.test_port,
    )


def let_call(stack: Stack, tasks: ec2.SecurityGroup, name: str, internal: InternalOutputs | None) -> None:
    """The way from a group of tasks to the production port, both ends in the stack of the tasks: the balancer's comes before it."""
    if internal:
        _way(stack, tasks, "Internal", internal.security_group, internal.port, name)


def let_test(stack: Stack, function: ec2.SecurityGroup, name: str, internal: InternalOutputs) -> None:
    """The way in of a smoke test, likewise; its group leads out by itself."""
    stack.add(
        ec2.SecurityGroupIngress(
            "InternalTestIngress",
            GroupId=internal.security_group,
            SourceSecurityGroupId=GetAtt(function, "GroupId"),
            Description=f"smoke test of {name}",
            **_tcp(internal.test_port),
        )
    )


def _way(stack: Stack, tasks: ec2.SecurityGroup, title: str, there: SecurityGroupId, port: int, name: str) -> None:
    own = GetAtt(tasks, "GroupId")
    stack.add(
        ec2.SecurityGroupEgress(
            f"{title}Egress",
            GroupId=own,
            DestinationSecurityGroupId=there,
            Description="to internal services",
            **_tcp(port),
        )
    )
    stack.add(
        ec2.SecurityGroupIngress(
            f"{title}Ingress", GroupId=there, SourceSecurityGroupId=own, Description=f"from {name}", **_tcp(port)
        )
    )


def _tcp(port: int) -> dict[str, Any]:
    return {"IpProtocol": "tcp", "FromPort": port, "ToPort": port}


def _security_group(stack: Stack, network: NetworkOutputs, internal: InternalBalancer) -> ec2.SecurityGroup:
    nowhere = ec2.SecurityGroupRule(IpProtocol="-1", CidrIp="127.0.0.1/32", Description="nowhere")
    group = stack.add(
        ec2.SecurityGroup(
            "SecurityGroup", GroupDescription="Internal load balancer", VpcId=network.vpc, SecurityGroupEgress=[nowhere]
        )
    )
    for option, addresses, port in (
        ("", internal.addresses, internal.production_port),
        ("Test", internal.test_addresses, internal.test_port),
    ):
        for address in sorted(addresses):
            name = f"{option}Ingress{''.join(c if c.isalnum() else 'x' for c in address)}"
            let_in(
                stack, group, name, port, address, "who may see the next version" if option else "who may come besides"
            )
    return group


def _listeners(
    stack: Stack, internal: InternalBalancer, made: elb.LoadBalancer, certificate: CertificateArn | None
) -> tuple[elb.Listener, elb.Listener]:
    told: dict[str, Any] = {"Protocol": "HTTP"}
    if internal.https:
        told = {
            "Protocol": "HTTPS",
            "SslPolicy": TLS_POLICY,
            "Certificates": [elb.Certificate(CertificateArn=certificate)],
        }
    scheme = "Https" if internal.https else "Http"
    production, test = (
        stack.add(
            elb.Listener(f"{name}Listener", LoadBalancerArn=made.ref(), Port=port, DefaultActions=[not_found()], **told)
        )
        for name, port in ((scheme, internal.production_port), ("Test", internal.test_port))
    )
    return production, test


def _zone(stack: Stack, network: NetworkOutputs, domain: str, made: elb.LoadBalancer) -> None:
    """The domain and every name in it lead to the balancer, which tells services apart by the name."""
    zone = stack.add(
        route53.HostedZone(
            "HostedZone",
            Name=domain,
            HostedZoneConfig=route53.HostedZoneConfiguration(Comment="Internal services"),
            VPCs=[route53.HostedZoneVPCs(VPCId=network.vpc, VPCRegion=Region)],
        )
    )
    for title, name in (("Alias", domain), ("AliasOfAll", f"*.{domain}")):
        alias(stack, title, name, zone.ref(), made)
