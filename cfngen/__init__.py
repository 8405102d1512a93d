"""cfngen: one short description of an application in, plain CloudFormation and its CI/CD files out."""

from __future__ import annotations

from cfngen._version import VERSION as __version__
from cfngen.disk import write
from cfngen.errors import CfngenError, DescriptionError, LedgerError, OutputError, Problem, WiringError
from cfngen.ledger import Ledger
from cfngen.plan import Plan, plan
from cfngen.render import render, stage_files, tree_files
from cfngen.sources import CodeCommit, Connection
from cfngen.spec import (
    AllAtOnce,
    App,
    Balancer,
    Canary,
    Container,
    Database,
    HealthCheck,
    Linear,
    Network,
    OffHours,
    Pipeline,
    Release,
    Scaling,
    ScheduledScaling,
    Secret,
    Service,
    SsmParameter,
    Statement,
)
from cfngen.stack import Stack, title
from cfngen.stacks.application import application_stack
from cfngen.stacks.cluster import ClusterOutputs, cluster_stack
from cfngen.stacks.common import Common
from cfngen.stacks.database import DatabaseOutputs, database_stack
from cfngen.stacks.foundation import FoundationOutputs, foundation_stack
from cfngen.stacks.network import NetworkOutputs, network_stack
from cfngen.stacks.service import ServiceOutputs, service_stack
from cfngen.values import (
    AlarmName,
    Arn,
    BucketName,
    CertificateArn,
    ClusterName,
    Colour,
    HostedZoneId,
    KeyArn,
    ListenerArn,
    LoadBalancerFullName,
    PolicyArn,
    RepositoryUri,
    RoleArn,
    SecretArn,
    SecurityGroupId,
    SubnetIds,
    TargetGroupFullName,
    Text,
    TopicArn,
    Value,
    VpcId,
)

__all__ = [
    "AlarmName",
    "AllAtOnce",
    "App",
    "Arn",
    "Balancer",
    "BucketName",
    "Canary",
    "CertificateArn",
    "CfngenError",
    "ClusterName",
    "ClusterOutputs",
    "CodeCommit",
    "Colour",
    "Common",
    "Connection",
    "Container",
    "Database",
    "DatabaseOutputs",
    "DescriptionError",
    "FoundationOutputs",
    "HealthCheck",
    "HostedZoneId",
    "KeyArn",
    "Ledger",
    "LedgerError",
    "Linear",
    "ListenerArn",
    "LoadBalancerFullName",
    "Network",
    "NetworkOutputs",
    "OffHours",
    "OutputError",
    "Pipeline",
    "Plan",
    "PolicyArn",
    "Problem",
    "Release",
    "RepositoryUri",
    "RoleArn",
    "Scaling",
    "ScheduledScaling",
    "Secret",
    "SecretArn",
    "SecurityGroupId",
    "Service",
    "ServiceOutputs",
    "SsmParameter",
    "Stack",
    "Statement",
    "SubnetIds",
    "TargetGroupFullName",
    "Text",
    "TopicArn",
    "Value",
    "VpcId",
    "WiringError",
    "__version__",
    "application_stack",
    "cluster_stack",
    "database_stack",
    "foundation_stack",
    "network_stack",
    "plan",
    "render",
    "service_stack",
    "stage_files",
    "title",
    "tree_files",
    "write",
]
