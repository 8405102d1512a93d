"""The function that asks each new version of a service, before it takes traffic."""

from __future__ import annotations

from functools import cache

from awacs import codedeploy as deploy_actions
from awacs import ec2 as ec2_actions
from awacs import logs as log_actions
from awacs.aws import Condition, Deny, Null, Statement
from troposphere import GetAtt, awslambda, ec2, iam, logs

from cfngen.spec import Balancer, InternalBalancer, Service, SmokeTest
from cfngen.stack import Stack
from cfngen.stacks.cluster import ClusterOutputs
from cfngen.stacks.common import Common, allow, arn, log_group, role, trust
from cfngen.stacks.foundation import FoundationOutputs
from cfngen.stacks.internal import InternalOutputs, let_test
from cfngen.stacks.network import NetworkOutputs
from cfngen.values import FunctionArn

_RUNTIME = "python3.13"
# By these Lambda checks and makes the function's network interfaces; all but two take no resource.
_INTERFACES = [
    ec2_actions.AssignPrivateIpAddresses,
    ec2_actions.CreateNetworkInterface,
    ec2_actions.DeleteNetworkInterface,
    ec2_actions.DescribeNetworkInterfaces,
    ec2_actions.DescribeSubnets,
    ec2_actions.UnassignPrivateIpAddresses,
]


def function(
    stack: Stack,
    common: Common,
    foundation: FoundationOutputs,
    network: NetworkOutputs,
    cluster: ClusterOutputs,
    balancer: Balancer | InternalBalancer,
    service: Service,
    test: SmokeTest,
    internal: InternalOutputs | None = None,
) -> FunctionArn:
    """Add a function that stands in the private subnets and comes to the test listener by the NAT gateways' addresses, or
    by its security group where the service is `internal`.
    """
    asking = _security_group(stack, network, balancer)
    if internal:
        let_test(stack, asking, service.name, internal)
    group = log_group(stack, "SmokeTestLogGroup", common, foundation.key)
    variables = {
        "ADDRESS": cluster.address,
        "ASKED_PATH": test.path,
        "CONTAINS": test.contains,
        "HOST": service.smoke_test_host(None if internal else balancer.domain),
        "PORT": str(balancer.test_port),
        "SCHEME": "https" if balancer.https else "http",
        "SECONDS": str(test.timeout_seconds),
        "STATUS": str(test.status),
    }
    made = stack.add(
        awslambda.Function(
            "SmokeTest",
            Description=f"Asks the next version of {service.name} for {test.path}"[:256],
            Runtime=_RUNTIME,
            Architectures=["arm64"],
            Handler="index.handler",
            Code=awslambda.Code(ZipFile=_code()),
            Role=GetAtt(_role(stack, common, cluster, group), "Arn"),
            Timeout=test.timeout_seconds + 30,
            MemorySize=256,
            Environment=awslambda.Environment(Variables=variables),
            LoggingConfig=awslambda.LoggingConfig(LogGroup=group.ref()),
            VpcConfig=awslambda.VPCConfig(
                SubnetIds=network.private_subnets,
                SecurityGroupIds=[GetAtt(asking, "GroupId")],
            ),
        )
    )
    return FunctionArn(GetAtt(made, "Arn"))


@cache
def _code() -> str:
    from importlib.resources import files

    return files("cfngen.functions").joinpath("smoke_test.py").read_text(encoding="utf-8")


def _role(stack: Stack, common: Common, cluster: ClusterOutputs, group: logs.LogGroup) -> iam.Role:
    statements = [
        allow([log_actions.CreateLogStream, log_actions.PutLogEvents], GetAtt(group, "Arn")),
        allow(
            [deploy_actions.PutLifecycleEventHookExecutionStatus],
            arn("codedeploy", "deploymentgroup:${Application}/*", Application=cluster.deploy_application),
        ),
        allow(_INTERFACES, "*"),
        # Only Lambda itself, never the function's code.
        Statement(
            Effect=Deny,
            Action=_INTERFACES,
            Resource=["*"],
            Condition=Condition(Null("lambda:SourceFunctionArn", "false")),
        ),
    ]
    return role(
        stack,
        "SmokeTestRole",
        common,
        trust("lambda"),
        statements,
        wildcards="Lambda makes the function's network interfaces by rights that take no resource; its code is denied them",
    )


def _security_group(stack: Stack, network: NetworkOutputs, balancer: Balancer | InternalBalancer) -> ec2.SecurityGroup:
    return stack.add(
        ec2.SecurityGroup(
            "SmokeTestSecurityGroup",
            GroupDescription="Smoke test of a service",
            VpcId=network.vpc,
            SecurityGroupEgress=[
                ec2.SecurityGroupRule(
                    IpProtocol="tcp", FromPort=port, ToPort=port, CidrIp="0.0.0.0/0", Description=what
                )
                for port, what in sorted({443: "CodeDeploy", balancer.test_port: "the test listener"}.items())
            ],
        )
    )
