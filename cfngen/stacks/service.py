"""One service: its repository, groups, rules, bootstrap revision, roles, scaling, alarms and deployment group.

Write-once: the ECS service, its bootstrap revision, its target groups and each listener rule. They carry only
what never changes (A2, A3.3, A6.12); what may change rides in taskdef.json and appspec.yaml with a release.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from troposphere import GetAtt, ec2, ecr, ecs, iam, logs
from troposphere import elasticloadbalancingv2 as elb

from cfngen._frozen import dataclass
from cfngen.routing import Rule
from cfngen.spec import Balancer, InternalBalancer, OffHours, Service
from cfngen.spec.release import SMOKE_TEST
from cfngen.stack import Stack
from cfngen.stacks import deployment, scaling, service_alarms
from cfngen.stacks.cluster import ClusterOutputs
from cfngen.stacks.common import (
    Common,
    log_group,
    role_arn,
)
from cfngen.stacks.database import DatabaseOutputs
from cfngen.stacks.foundation import FoundationOutputs
from cfngen.stacks.internal import InternalOutputs, let_call
from cfngen.stacks.network import Birth, NetworkOutputs
from cfngen.stacks.queue import QueueOutputs, sending
from cfngen.stacks.rules import listener_rules
from cfngen.stacks.targets import bootstrap, target_group
from cfngen.stacks.task import (
    Access,
    TaskOutputs,
    egress,
    execution_role,
    from_parameters,
    image_repository,
    keys_of,
    roles,
    secrets_of,
    security_group,
)
from cfngen.values import (
    AlarmName,
    Arn,
    Colour,
    FunctionArn,
    RepositoryUri,
    SecurityGroupId,
    TargetGroupFullName,
    Text,
)


@dataclass(frozen=True)
class ServiceOutputs(TaskOutputs):
    """What a pipeline, a task definition and a dashboard need of a service."""

    ecs_service: Text
    deployment_group: Text
    blue: TargetGroupFullName
    green: TargetGroupFullName
    alarm: AlarmName
    hooks: Mapping[str, FunctionArn]
    is_internal: bool = False


def service_stack(
    stack: Stack,
    common: Common,
    foundation: FoundationOutputs,
    network: NetworkOutputs,
    database: DatabaseOutputs | None,
    cluster: ClusterOutputs,
    balancer: Balancer | InternalBalancer,
    service: Service,
    rules: tuple[Rule, ...],
    bootstrap_image: str,
    live: Mapping[str, Colour],
    access: Access | None = None,
    off_hours: OffHours | None = None,
    queues: tuple[QueueOutputs, ...] = (),
    internal: InternalOutputs | None = None,
    *,
    is_public: bool = False,
) -> ServiceOutputs:
    """A service behind the balancer, born with a bootstrap revision that answers its health path.

    `live` holds the colours of the rules that replace one of a released service, by parameter name.
    `is_public` tells that it was born with a public address. `access` is how the service opens the database, which `migrate` in its description opens as master besides.
    `internal` is the internal balancer, of which a service behind it and one that calls have need.
    """
    cluster = internal.behind(cluster) if internal and service.internal else cluster
    stack.describe(f"Service {service.name}: image repository, rules, tasks, scaling, alarms, deployment group")
    repository = image_repository(stack, common, foundation)
    group = log_group(stack, "LogGroup", common, foundation.key)
    execution, task = roles(
        stack, common, foundation, database, service, repository, group, bootstrap_image, access, sending(queues)
    )
    migration = _migration_role(stack, common, foundation, service, database, repository, group)
    tasks = _security_group(stack, network, cluster, service, database if access or service.migrate else None)
    let_call(stack, tasks, service.name, internal if service.calls else None)
    blue, green = (target_group(stack, colour, network.vpc, service) for colour in ("Blue", "Green"))
    routed = listener_rules(stack, rules, cluster, blue, green, live)
    first = bootstrap(stack, common, service, bootstrap_image, execution, task, group)
    made = _ecs_service(stack, cluster, network.birth(is_public=is_public), service, first, tasks, blue, routed)
    scaling.scale(stack, service.scaling, cluster, made, blue, green, off_hours)
    alarms = service_alarms.add(stack, cluster, service, made, blue, green)
    hooks = _hooks(stack, common, foundation, network, cluster, balancer, service, internal)
    return ServiceOutputs(
        name=service.name,
        repository=RepositoryUri(GetAtt(repository, "RepositoryUri")),
        repository_arn=Arn(GetAtt(repository, "Arn")),
        execution_role=role_arn(execution),
        task_role=role_arn(task),
        migration_role=role_arn(migration) if migration else None,
        log_group=Text(group.ref()),
        security_group=SecurityGroupId(GetAtt(tasks, "GroupId")),
        ecs_service=Text(GetAtt(made, "Name")),
        deployment_group=deployment.group(
            stack, common, service, cluster, made, blue, green, execution, task, alarms, hooks
        ),
        blue=TargetGroupFullName(GetAtt(blue, "TargetGroupFullName")),
        green=TargetGroupFullName(GetAtt(green, "TargetGroupFullName")),
        alarm=alarms.composite,
        hooks=hooks,
        is_internal=service.internal,
    )


def _hooks(
    stack: Stack,
    common: Common,
    foundation: FoundationOutputs,
    network: NetworkOutputs,
    cluster: ClusterOutputs,
    balancer: Balancer | InternalBalancer,
    service: Service,
    internal: InternalOutputs | None,
) -> dict[str, FunctionArn]:
    """The functions that a deployment calls, by its event: the user's, and the smoke test."""
    found: dict[str, FunctionArn] = dict(sorted(service.release.hooks.items()))
    if test := service.release.smoke_test:
        from cfngen.stacks import smoke_test

        found[SMOKE_TEST] = smoke_test.function(
            stack, common, foundation, network, cluster, balancer, service, test, internal if service.internal else None
        )
    return found


def _migration_role(
    stack: Stack,
    common: Common,
    foundation: FoundationOutputs,
    service: Service,
    database: DatabaseOutputs | None,
    repository: ecr.Repository,
    group: logs.LogGroup,
) -> iam.Role | None:
    """Starts the migration, the only task that gets the master secret."""
    if not service.migrate or database is None:
        return None
    secrets = [*secrets_of(service, None, None), database.master_secret, database.reader_secret, database.writer_secret]
    return execution_role(
        stack,
        "MigrationExecutionRole",
        common,
        repository,
        group,
        secrets,
        keys_of(common, foundation, service, database, "writer"),
        from_parameters(service),
    )


def _security_group(
    stack: Stack, network: NetworkOutputs, cluster: ClusterOutputs, service: Service, database: DatabaseOutputs | None
) -> ec2.SecurityGroup:
    tasks = security_group(stack, network, "Tasks of a service")
    tcp: dict[str, Any] = {"IpProtocol": "tcp", "FromPort": service.port, "ToPort": service.port}
    own = GetAtt(tasks, "GroupId")
    stack.add(
        ec2.SecurityGroupEgress(
            "BalancerEgress",
            GroupId=cluster.security_group,
            DestinationSecurityGroupId=own,
            Description=f"to {service.name}",
            **tcp,
        )
    )
    stack.add(
        ec2.SecurityGroupIngress(
            "BalancerIngress",
            GroupId=own,
            SourceSecurityGroupId=cluster.security_group,
            Description="from the balancer",
            **tcp,
        )
    )
    egress(stack, tasks, service, database)
    return tasks


def _ecs_service(
    stack: Stack,
    cluster: ClusterOutputs,
    birth: Birth,
    service: Service,
    first: ecs.TaskDefinition,
    tasks: ec2.SecurityGroup,
    blue: elb.TargetGroup,
    rules: list[elb.ListenerRule],
) -> ecs.Service:
    return stack.add(
        ecs.Service(
            "Service",
            # A target group that no rule names belongs to no balancer, and a service cannot be made on it (A6.10).
            DependsOn=[rule.title for rule in rules],
            Cluster=cluster.cluster,
            TaskDefinition=first.ref(),
            DeploymentController=ecs.DeploymentController(Type="CODE_DEPLOY"),
            CapacityProviderStrategy=[ecs.CapacityProviderStrategyItem(CapacityProvider="FARGATE", Base=0, Weight=1)],
            DesiredCount=1,  # where it begins; then Application Auto Scaling owns it (A3.3)
            HealthCheckGracePeriodSeconds=60,
            EnableECSManagedTags=True,
            PropagateTags="TASK_DEFINITION",  # the service has no tags; those of a task ride in taskdef.json
            LoadBalancers=[
                ecs.LoadBalancer(ContainerName=service.name, ContainerPort=service.port, TargetGroupArn=blue.ref())
            ],
            NetworkConfiguration=ecs.NetworkConfiguration(
                AwsvpcConfiguration=ecs.AwsvpcConfiguration(
                    AssignPublicIp=birth.assign_public_ip,
                    SecurityGroups=[GetAtt(tasks, "GroupId")],
                    Subnets=birth.subnets,
                )
            ),
        )
    )
