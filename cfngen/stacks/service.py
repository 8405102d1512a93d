"""One service: its repository, groups, rules, bootstrap revision, roles, scaling, alarms and deployment group.

Write-once: the ECS service, its bootstrap revision, its target groups and each listener rule. They carry only
what never changes (A2, A3.3, A6.12); what may change rides in taskdef.json and appspec.yaml with a release.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from awacs import ecr as ecr_actions
from awacs import kms as kms_actions
from awacs import logs as log_actions
from awacs import secretsmanager as secret_actions
from awacs import ssm as ssm_actions
from awacs.aws import Action, PolicyDocument, Statement
from troposphere import GetAtt, Sub, ec2, ecr, ecs, iam, logs
from troposphere import elasticloadbalancingv2 as elb

from cfngen import placeholders
from cfngen.routing import Rule
from cfngen.spec import OffHours, Secret, Service, SsmParameter
from cfngen.stack import Stack
from cfngen.stacks import deployment, scaling, service_alarms
from cfngen.stacks.cluster import ClusterOutputs
from cfngen.stacks.common import (
    Common,
    allow,
    arn,
    from_this_account,
    in_order,
    log_group,
    only_kms_via,
    role,
    role_arn,
    trust,
)
from cfngen.stacks.database import DatabaseOutputs
from cfngen.stacks.foundation import FoundationOutputs
from cfngen.stacks.network import NetworkOutputs
from cfngen.stacks.rules import listener_rules
from cfngen.stacks.targets import bootstrap, target_group
from cfngen.values import (
    AlarmName,
    Arn,
    Colour,
    KeyArn,
    PolicyArn,
    RepositoryUri,
    RoleArn,
    SecretArn,
    SecurityGroupId,
    TargetGroupFullName,
    Text,
)

Access = Literal["reader", "writer"]
KEPT_IMAGES = 300


@dataclass(frozen=True)
class ServiceOutputs:
    """What a pipeline, a task definition and a dashboard need of a service."""

    name: str
    repository: RepositoryUri
    repository_arn: Arn
    execution_role: RoleArn
    task_role: RoleArn
    migration_role: RoleArn | None
    log_group: Text
    security_group: SecurityGroupId
    ecs_service: Text
    deployment_group: Text
    blue: TargetGroupFullName
    green: TargetGroupFullName
    alarm: AlarmName


def service_stack(
    stack: Stack,
    common: Common,
    foundation: FoundationOutputs,
    network: NetworkOutputs,
    database: DatabaseOutputs | None,
    cluster: ClusterOutputs,
    service: Service,
    rules: tuple[Rule, ...],
    bootstrap_image: str,
    live: Mapping[str, Colour],
    access: Access | None = None,
    off_hours: OffHours | None = None,
) -> ServiceOutputs:
    """A service behind the balancer, born with a bootstrap revision that answers its health path.

    `live` holds the colours of the rules that replace one of a released service, by parameter name.
    `access` is how the service opens the database, which `migrate` in its description opens as master besides.
    """
    stack.describe(f"Service {service.name}: image repository, rules, tasks, scaling, alarms, deployment group")
    repository = _repository(stack, common, foundation)
    group = log_group(stack, "LogGroup", common, foundation.key)
    secrets = _secrets(service, database, access)
    execution = _execution_role(
        stack,
        "ExecutionRole",
        common,
        repository,
        group,
        secrets,
        _keys(common, foundation, service, access),
        _from_parameters(service),
    )
    task = _task_role(stack, common, service)
    migration = _migration_role(stack, common, foundation, service, database, repository, group)
    tasks = _security_group(stack, network, cluster, service, database if access or service.migrate else None)
    blue, green = (target_group(stack, colour, network.vpc, service) for colour in ("Blue", "Green"))
    routed = listener_rules(stack, rules, cluster, blue, green, live)
    first = bootstrap(stack, common, service, bootstrap_image, execution, task, group)
    made = _ecs_service(stack, cluster, network, service, first, tasks, blue, routed)
    scaling.scale(stack, service.scaling, cluster, made, blue, green, off_hours)
    alarms = service_alarms.add(stack, cluster, service, made, blue, green)
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
        deployment_group=deployment.group(stack, common, service, cluster, made, blue, green, execution, task, alarms),
        blue=TargetGroupFullName(GetAtt(blue, "TargetGroupFullName")),
        green=TargetGroupFullName(GetAtt(green, "TargetGroupFullName")),
        alarm=alarms.composite,
    )


def _repository(stack: Stack, common: Common, foundation: FoundationOutputs) -> ecr.Repository:
    key = common.key_for("images", foundation.key)
    encryption = (
        ecr.EncryptionConfiguration(EncryptionType="KMS", KmsKey=key)
        if key
        else ecr.EncryptionConfiguration(EncryptionType="AES256")
    )
    return stack.add(
        ecr.Repository(
            "Repository",
            # Like a bucket, it cannot be deleted with something in it, and a first build may be quick.
            DeletionPolicy="Retain",
            UpdateReplacePolicy="Retain",
            EncryptionConfiguration=encryption,
            ImageScanningConfiguration=ecr.ImageScanningConfiguration(ScanOnPush=True),
            ImageTagMutability="IMMUTABLE",
            LifecyclePolicy=ecr.LifecyclePolicy(LifecyclePolicyText=json.dumps(_lifecycle(), indent=2)),
        )
    )


def _lifecycle() -> dict[str, object]:
    # A rule cannot say "neither among the newest nor pulled of late", and an expired image that a service still
    # runs is a service that cannot restart (F10). So images go by number alone, and the number is generous: layers
    # are shared, and 300 builds outlast 90 days at three a day.
    def rule(priority: int, description: str, selection: dict[str, object]) -> dict[str, object]:
        return {
            "rulePriority": priority,
            "description": description,
            "selection": selection,
            "action": {"type": "expire"},
        }

    untagged = {"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 7}
    tagged = {
        "tagStatus": "tagged",
        "tagPatternList": ["*"],
        "countType": "imageCountMoreThan",
        "countNumber": KEPT_IMAGES,
    }
    return {
        "rules": [
            rule(1, "What no tag names goes after a week", untagged),
            rule(2, f"The newest {KEPT_IMAGES} stay", tagged),
        ]
    }


def _trust_tasks() -> PolicyDocument:
    # A single cluster's ARN is not supported here (M1).
    return trust("ecs-tasks", from_this_account("ecs:*"))


def _task_role(stack: Stack, common: Common, service: Service) -> iam.Role:
    """Who the containers are, in front of AWS."""
    statements = [
        allow(
            [Action(*action.split(":", 1)) for action in actions],
            [Sub(resource) if isinstance(resource, str) and "${" in resource else resource for resource in resources],
        )
        for actions, resources in in_order(
            (in_order(each.actions), in_order(each.resources)) for each in service.statements
        )
    ]
    reasons = "; ".join(sorted({each.reason for each in service.statements if each.reason}))
    managed = [
        PolicyArn(Sub(f"arn:${{AWS::Partition}}:iam::aws:policy/{each}")) if isinstance(each, str) else each
        for each in in_order(service.policies)
    ]
    return role(stack, "TaskRole", common, _trust_tasks(), statements, wildcards=reasons, managed=managed)


def all_secrets(service: Service) -> list[tuple[str, Secret | SsmParameter]]:
    """The secrets of all its containers, each with its placeholder."""
    own = [(placeholders.secret(name), secret) for name, secret in sorted(service.secrets.items())]
    return own + [
        (placeholders.secret(name, each.name), secret)
        for each in sorted(service.containers, key=lambda each: each.name)
        for name, secret in sorted(each.secrets.items())
    ]


def secret_arn(secret: Secret | SsmParameter) -> SecretArn | Sub:
    """Where a secret's value lies; a parameter is one of this account and region."""
    return secret.arn if isinstance(secret, Secret) else arn("ssm", f"parameter/{secret.name.removeprefix('/')}")


def _from_parameters(service: Service) -> Iterator[Statement]:
    """The rights to read parameters, with the keys of those that have one."""
    parameters = [each for _, each in all_secrets(service) if isinstance(each, SsmParameter)]
    if wanted := {each.name.removeprefix("/"): each for each in parameters}:
        yield allow([ssm_actions.GetParameters], [secret_arn(each) for each in wanted.values()])
    if keys := list(dict.fromkeys(each.encrypted_with for each in parameters if each.encrypted_with)):
        yield allow([kms_actions.Decrypt], keys, only_kms_via("ssm"))


def _secrets(service: Service, database: DatabaseOutputs | None, access: Access | None) -> list[SecretArn]:
    own = [secret.arn for _, secret in all_secrets(service) if isinstance(secret, Secret)]
    if database and access:
        own.append(database.reader_secret if access == "reader" else database.writer_secret)
    return own


def _keys(common: Common, foundation: FoundationOutputs, service: Service, access: Access | None) -> list[KeyArn]:
    theirs = [
        each.encrypted_with for _, each in all_secrets(service) if isinstance(each, Secret) and each.encrypted_with
    ]
    return theirs + ([foundation.key] if access and common.key_for("database", foundation.key) else [])


def _execution_role(
    stack: Stack,
    name: str,
    common: Common,
    repository: ecr.Repository,
    group: logs.LogGroup,
    secrets: list[SecretArn],
    keys: list[KeyArn],
    more: Iterable[Statement],
) -> iam.Role:
    """What starts a task: pulls its image, opens its secrets, writes its log (G4.2); not what runs in it (M2.7)."""
    statements: list[Statement] = [
        allow([ecr_actions.GetAuthorizationToken], "*"),
        allow(
            [ecr_actions.BatchCheckLayerAvailability, ecr_actions.BatchGetImage, ecr_actions.GetDownloadUrlForLayer],
            GetAtt(repository, "Arn"),
        ),
        allow([log_actions.CreateLogStream, log_actions.PutLogEvents], GetAtt(group, "Arn")),
    ]
    if secrets:
        statements.append(allow([secret_actions.GetSecretValue], list(secrets)))
    if keys:
        statements.append(allow([kms_actions.Decrypt], list(keys), only_kms_via("secretsmanager")))
    statements += more
    return role(
        stack, name, common, _trust_tasks(), statements, wildcards="ecr:GetAuthorizationToken takes no resource"
    )


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
    secrets = [*_secrets(service, None, None), database.master_secret, database.reader_secret, database.writer_secret]
    return _execution_role(
        stack,
        "MigrationExecutionRole",
        common,
        repository,
        group,
        secrets,
        _keys(common, foundation, service, "writer"),
        _from_parameters(service),
    )


def _security_group(
    stack: Stack, network: NetworkOutputs, cluster: ClusterOutputs, service: Service, database: DatabaseOutputs | None
) -> ec2.SecurityGroup:
    nowhere = ec2.SecurityGroupRule(IpProtocol="-1", CidrIp="127.0.0.1/32", Description="nowhere")
    tasks = stack.add(
        ec2.SecurityGroup(
            "SecurityGroup", GroupDescription="Tasks of a service", VpcId=network.vpc, SecurityGroupEgress=[nowhere]
        )
    )
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
    for port in sorted(set(service.egress_ports)):
        stack.add(
            ec2.SecurityGroupEgress(
                f"Egress{port}",
                GroupId=own,
                IpProtocol="tcp",
                FromPort=port,
                ToPort=port,
                CidrIp="0.0.0.0/0",
                Description="registries and services",
            )
        )
    if database:
        there: dict[str, Any] = {"IpProtocol": "tcp", "FromPort": database.engine_port, "ToPort": database.engine_port}
        stack.add(
            ec2.SecurityGroupEgress(
                "DatabaseEgress",
                GroupId=own,
                DestinationSecurityGroupId=database.security_group,
                Description="to the database",
                **there,
            )
        )
        stack.add(
            ec2.SecurityGroupIngress(
                "DatabaseIngress",
                GroupId=database.security_group,
                SourceSecurityGroupId=own,
                Description=f"from {service.name}",
                **there,
            )
        )
    return tasks


def _ecs_service(
    stack: Stack,
    cluster: ClusterOutputs,
    network: NetworkOutputs,
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
                    AssignPublicIp="DISABLED", SecurityGroups=[GetAtt(tasks, "GroupId")], Subnets=network.birth_subnets
                )
            ),
        )
    )
