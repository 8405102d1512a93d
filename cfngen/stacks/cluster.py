"""The load balancer with its listeners, the ECS cluster, the CodeDeploy application: what services share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from troposphere import GetAtt, Ref, Sub, codedeploy, ec2, ecs, route53
from troposphere import elasticloadbalancingv2 as elb

from cfngen._frozen import dataclass
from cfngen.ledger import Listener
from cfngen.names import certified, first, record_title
from cfngen.spec import Balancer
from cfngen.stack import Stack
from cfngen.stacks.certificates import on_listeners, requested
from cfngen.stacks.foundation import FoundationOutputs
from cfngen.stacks.network import NetworkOutputs
from cfngen.values import (
    CertificateArn,
    ClusterName,
    HostedZoneId,
    ListenerArn,
    LoadBalancerFullName,
    SecurityGroupId,
    SubnetIds,
    Text,
)

TLS_POLICY = "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09"  # H7


@dataclass(frozen=True)
class ClusterOutputs:
    """`http_listener` carries production rules without HTTPS, else it only redirects; each listener is a value of
    its own, so that a service's rules never change their listener.
    """

    cluster: ClusterName
    deploy_application: Text
    security_group: SecurityGroupId
    load_balancer: LoadBalancerFullName
    address: Text
    http_listener: ListenerArn
    https_listener: ListenerArn | None
    test_listener: ListenerArn

    def listener(self, which: Listener) -> ListenerArn:
        """The listener of that kind; raises `KeyError` for HTTPS without a certificate.

        Of an internal service both are those of the balancer that it is behind, whose one production listener is `http_listener`.
        """
        found = {
            "http": self.http_listener,
            "https": self.https_listener,
            "test": self.test_listener,
            "internal-http": self.http_listener,
            "internal-https": self.http_listener,
            "internal-test": self.test_listener,
        }[which]
        if found is None:
            raise KeyError(which)
        return found

    @property
    def production_listener(self) -> ListenerArn:
        """The listener that users reach."""
        return self.https_listener or self.http_listener


@dataclass(frozen=True)
class BareClusterOutputs:
    """The ECS cluster and the CodeDeploy application alone."""

    cluster: ClusterName
    deploy_application: Text


def bare_cluster_stack(stack: Stack) -> BareClusterOutputs:
    """What services share where none of them is internet-facing: no balancer is there."""
    cluster = stack.add(
        ecs.Cluster(
            "Cluster",
            CapacityProviders=["FARGATE", "FARGATE_SPOT"],
            ClusterSettings=[ecs.ClusterSetting(Name="containerInsights", Value="enabled")],
        )
    )
    application = stack.add(codedeploy.Application("DeployApplication", ComputePlatform="ECS"))
    return BareClusterOutputs(ClusterName(cluster.ref()), Text(application.ref()))


def cluster_stack(
    stack: Stack,
    foundation: FoundationOutputs,
    network: NetworkOutputs,
    balancer: Balancer,
    certificate: CertificateArn | None = None,
    hosted_zone: HostedZoneId | None = None,
    testers: Text | None = None,
    names: tuple[str, ...] | None = None,
    born: str | None = None,
) -> ClusterOutputs:
    """One internet-facing balancer whose listeners answer 404 until a service brings its rules.

    `testers` is the range that reaches the test listener where the description names no `test_addresses`. `names` are the DNS
    names that lead here, of those that the balancer of the description has; all of them if nothing is said. `born` is the domain
    that the first balancer was born with, if it was another than today's.
    """
    group = _security_group(stack, network, balancer, testers)
    made = load_balancer(stack, foundation, balancer, group, "internet-facing", network.public_subnets)
    if names is None:
        names = (balancer.domain, *sorted(balancer.aliases)) if balancer.domain else ()
    born = born or balancer.domain
    default = first(balancer, born)
    others: Mapping[str, CertificateArn] = {}
    if balancer.request_certificate and default and hosted_zone:
        beside = certified(balancer, names) - {born}
        issued = requested(stack, {default, *beside}, hosted_zone)
        certificate, others = issued[default], {name: issued[name] for name in sorted(beside)}
    http, https, test = _listeners(stack, balancer, made, certificate)
    if https:
        on_listeners(stack, balancer.certificates, others, {"Https": https, "Test": test})
    bare = bare_cluster_stack(stack)
    if hosted_zone:
        for name in names:
            alias(stack, record_title(name, born), name, hosted_zone, made)
    if balancer.web_acl:
        from troposphere import wafv2

        stack.add(wafv2.WebACLAssociation("WebAclAssociation", ResourceArn=made.ref(), WebACLArn=balancer.web_acl))
    return ClusterOutputs(
        cluster=bare.cluster,
        deploy_application=bare.deploy_application,
        security_group=SecurityGroupId(GetAtt(group, "GroupId")),
        load_balancer=LoadBalancerFullName(GetAtt(made, "LoadBalancerFullName")),
        address=Text(GetAtt(made, "DNSName")),
        http_listener=ListenerArn(http.ref()),
        https_listener=ListenerArn(https.ref()) if https else None,
        test_listener=ListenerArn(test.ref()),
    )


def _security_group(
    stack: Stack, network: NetworkOutputs, balancer: Balancer, testers: Text | None
) -> ec2.SecurityGroup:
    # Each service adds the way out to its own tasks; the constant way to nowhere closes all others (J4.3, J4.4).
    nowhere = ec2.SecurityGroupRule(IpProtocol="-1", CidrIp="127.0.0.1/32", Description="nowhere")
    group = stack.add(
        ec2.SecurityGroup(
            "SecurityGroup", GroupDescription="Load balancer", VpcId=network.vpc, SecurityGroupEgress=[nowhere]
        )
    )
    for port in (80, 443) if balancer.https else (80,):
        let_in(stack, group, f"Ingress{port}", port, "0.0.0.0/0", "everybody")
    for address in sorted(balancer.test_addresses):
        let_in(
            stack,
            group,
            f"TestIngress{''.join(c if c.isalnum() else 'x' for c in address)}",
            balancer.test_port,
            address,
            "who may see the next version",
        )
    for index, own in enumerate(network.addresses):
        told = Text(Sub("${Address}/32", Address=own))
        let_in(stack, group, f"SmokeTestIngress{index + 1}", balancer.test_port, told, "smoke tests")
    if testers and not balancer.test_addresses:
        let_in(stack, group, "TestIngress", balancer.test_port, testers, "who may see the next version")
    return group


def let_in(stack: Stack, group: ec2.SecurityGroup, name: str, port: int, address: str | Text, who: str) -> None:
    """Let a range of addresses into a group, by one TCP port."""
    stack.add(
        ec2.SecurityGroupIngress(
            name,
            GroupId=GetAtt(group, "GroupId"),
            IpProtocol="tcp",
            FromPort=port,
            ToPort=port,
            CidrIp=address,
            Description=who,
        )
    )


def load_balancer(
    stack: Stack,
    foundation: FoundationOutputs,
    balancer: Balancer,
    group: ec2.SecurityGroup,
    scheme: Literal["internet-facing", "internal"],
    subnets: SubnetIds,
) -> elb.LoadBalancer:
    """A balancer of a scheme in subnets; `balancer` says whether it keeps logs and may be deleted."""
    attributes: dict[str, object] = {
        "deletion_protection.enabled": str(balancer.deletion_protection).lower(),
        "idle_timeout.timeout_seconds": "60",
        "routing.http.desync_mitigation_mode": "defensive",
        "routing.http.drop_invalid_header_fields.enabled": "true",
        "access_logs.s3.enabled": str(balancer.access_logs).lower(),
    }
    if balancer.access_logs:
        prefix = "balancer" if scheme == "internet-facing" else "internal"
        attributes |= {"access_logs.s3.bucket": foundation.logs, "access_logs.s3.prefix": prefix}
    return stack.add(
        elb.LoadBalancer(
            "LoadBalancer",
            Type="application",
            Scheme=scheme,
            IpAddressType="ipv4",
            Subnets=subnets,
            SecurityGroups=[GetAtt(group, "GroupId")],
            LoadBalancerAttributes=[
                elb.LoadBalancerAttributes(Key=key, Value=value) for key, value in attributes.items()
            ],
        )
    )


def _listeners(
    stack: Stack, balancer: Balancer, made: elb.LoadBalancer, certificate: CertificateArn | None
) -> tuple[elb.Listener, elb.Listener | None, elb.Listener]:
    if not balancer.https:
        http = stack.add(
            elb.Listener(
                "HttpListener", LoadBalancerArn=made.ref(), Port=80, Protocol="HTTP", DefaultActions=[not_found()]
            )
        )
        test = stack.add(
            elb.Listener(
                "TestListener",
                LoadBalancerArn=made.ref(),
                Port=balancer.test_port,
                Protocol="HTTP",
                DefaultActions=[not_found()],
            )
        )
        return http, None, test
    tls: dict[str, Any] = {
        "Protocol": "HTTPS",
        "SslPolicy": TLS_POLICY,
        "Certificates": [elb.Certificate(CertificateArn=certificate)],
    }
    http = stack.add(
        elb.Listener(
            "HttpListener",
            LoadBalancerArn=made.ref(),
            Port=80,
            Protocol="HTTP",
            DefaultActions=[elb.Action(Type="redirect", RedirectConfig=to_https())],
        )
    )
    https = stack.add(
        elb.Listener("HttpsListener", LoadBalancerArn=made.ref(), Port=443, DefaultActions=[not_found()], **tls)
    )
    test = stack.add(
        elb.Listener(
            "TestListener", LoadBalancerArn=made.ref(), Port=balancer.test_port, DefaultActions=[not_found()], **tls
        )
    )
    return http, https, test


def not_found() -> elb.Action:
    """No service answers what no rule is for (S6)."""
    page = elb.FixedResponseConfig(StatusCode="404", ContentType="text/plain", MessageBody="not found")
    return elb.Action(Type="fixed-response", FixedResponseConfig=page)


def to_https() -> elb.RedirectConfig:
    """The same address by HTTPS, for good."""
    return elb.RedirectConfig(Protocol="HTTPS", Port="443", StatusCode="HTTP_301")


def alias(stack: Stack, title: str, domain: str, hosted_zone: HostedZoneId | Ref, made: elb.LoadBalancer) -> None:
    """A name in a zone that leads to a balancer."""
    stack.add(
        route53.RecordSetType(
            title,
            HostedZoneId=hosted_zone,
            Name=domain,
            Type="A",
            AliasTarget=_to(made),
        )
    )


def _to(made: elb.LoadBalancer) -> Any:
    kind: Any = route53.AliasTarget  # type: ignore[attr-defined]  # troposphere leaves this class untyped
    return kind(GetAtt(made, "CanonicalHostedZoneID"), GetAtt(made, "DNSName"), EvaluateTargetHealth=True)
