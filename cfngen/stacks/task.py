"""What tasks of every kind need: an image repository, roles, a security group with its ways out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any, Literal

from awacs import ecr as ecr_actions
from awacs import ecs as ecs_actions
from awacs import iam as iam_actions
from awacs import kms as kms_actions
from awacs import logs as log_actions
from awacs import secretsmanager as secret_actions
from awacs import ssm as ssm_actions
from awacs.aws import Action, PolicyDocument, Statement, StringEquals
from troposphere import GetAtt, Region, Sub, ec2, ecr, ecs, iam, logs

from cfngen import placeholders
from cfngen._frozen import dataclass
from cfngen.births import OWN_REGISTRY
from cfngen.spec import Secret, SsmParameter
from cfngen.spec.task import Task
from cfngen.spec.telemetry import ROUTER
from cfngen.stack import Stack
from cfngen.stacks.common import (
    Common,
    allow,
    allow_stage,
    arn,
    from_this_account,
    given,
    in_order,
    only_kms_via,
    pass_to,
    role,
    trust,
)
from cfngen.stacks.database import DatabaseOutputs
from cfngen.stacks.foundation import FoundationOutputs
from cfngen.stacks.network import NetworkOutputs
from cfngen.values import Arn, KeyArn, PolicyArn, RepositoryUri, RoleArn, SecretArn, SecurityGroupId, Text

Access = Literal["reader", "writer"]
KEPT_IMAGES = 300
_PULL = [ecr_actions.BatchCheckLayerAvailability, ecr_actions.BatchGetImage, ecr_actions.GetDownloadUrlForLayer]


@dataclass(frozen=True)
class TaskOutputs:
    """What a pipeline and a task definition need of tasks of any kind; `repository` is that of the image they run."""

    name: str
    repository: RepositoryUri
    repository_arn: Arn
    execution_role: RoleArn
    task_role: RoleArn
    migration_role: RoleArn | None
    log_group: Text
    security_group: SecurityGroupId


def image_repository(stack: Stack, common: Common, foundation: FoundationOutputs) -> ecr.Repository:
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
            LifecyclePolicy=ecr.LifecyclePolicy(LifecyclePolicyText=_lifecycle()),
            **given(
                RepositoryPolicyText=_copied_from(common) if common.promotes_to and common.promotion_account else None
            ),
        )
    )


def _copied_from(common: Common) -> PolicyDocument:
    """The stage that this one promotes to copies images, from another account."""
    read = [ecr_actions.BatchGetImage, ecr_actions.GetDownloadUrlForLayer]
    return PolicyDocument(Version="2012-10-17", Statement=[allow_stage(common, common.promotes_to, read, None)])


@cache
def _lifecycle() -> str:
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
    rules = [
        rule(1, "What no tag names goes after a week", untagged),
        rule(2, f"The newest {KEPT_IMAGES} stay", tagged),
    ]
    return json.dumps({"rules": rules}, indent=2)


def _trust_tasks() -> PolicyDocument:
    # A single cluster's ARN is not supported here (M1).
    return trust("ecs-tasks", from_this_account("ecs:*"))


_TRACING = [
    Action("xray", name)
    for name in ("GetSamplingRules", "GetSamplingTargets", "PutTelemetryRecords", "PutTraceSegments")
]


def _task_role(
    stack: Stack, common: Common, task: Task, group: logs.LogGroup, more: Iterable[Statement] = ()
) -> iam.Role:
    """Who the containers are, in front of AWS; `more` is what they may do besides what the description says.

    `group` is where the collector of telemetry writes metrics, too.
    """
    statements = [
        allow(
            [Action(*action.split(":", 1)) for action in actions],
            [Sub(resource) if isinstance(resource, str) and "${" in resource else resource for resource in resources],
        )
        for actions, resources in in_order(
            (in_order(each.actions), in_order(each.resources)) for each in task.statements
        )
    ]
    reasons = sorted({each.reason for each in task.statements if each.reason})
    if task.telemetry:
        statements += [
            allow(_TRACING, "*"),
            allow([log_actions.CreateLogStream, log_actions.PutLogEvents], GetAtt(group, "Arn")),
        ]
        reasons.append("X-Ray takes no resource")
    managed = [
        PolicyArn(Sub(f"arn:${{AWS::Partition}}:iam::aws:policy/{each}")) if isinstance(each, str) else each
        for each in in_order(task.policies)
    ]
    statements += more
    return role(stack, "TaskRole", common, _trust_tasks(), statements, wildcards="; ".join(reasons), managed=managed)


def all_secrets(task: Task) -> list[tuple[str, Secret | SsmParameter]]:
    """The secrets of all its containers, each with its placeholder."""
    own = [(placeholders.secret(name), secret) for name, secret in sorted(task.secrets.items())]
    beside = {each.name: each.secrets for each in task.containers}
    if task.log_router:
        beside[ROUTER] = task.log_router.secret_output
    return own + [
        (placeholders.secret(name, container), secret)
        for container, secrets in sorted(beside.items())
        for name, secret in sorted(secrets.items())
    ]


def secret_arn(secret: Secret | SsmParameter) -> SecretArn | Sub:
    """Where a secret's value lies; a parameter is one of this account and region."""
    return secret.arn if isinstance(secret, Secret) else arn("ssm", f"parameter/{secret.name.removeprefix('/')}")


def from_parameters(task: Task) -> Iterator[Statement]:
    """The rights to read parameters, with the keys of those that have one."""
    parameters = [each for _, each in all_secrets(task) if isinstance(each, SsmParameter)]
    if wanted := {each.name.removeprefix("/"): each for each in parameters}:
        yield allow([ssm_actions.GetParameters], [secret_arn(each) for each in wanted.values()])
    if keys := list(dict.fromkeys(each.encrypted_with for each in parameters if each.encrypted_with)):
        yield allow([kms_actions.Decrypt], keys, only_kms_via("ssm"))


def secrets_of(task: Task, database: DatabaseOutputs | None, access: Access | None) -> list[SecretArn]:
    own = [secret.arn for _, secret in all_secrets(task) if isinstance(secret, Secret)]
    if database and access:
        own.append(database.reader_secret if access == "reader" else database.writer_secret)
    return own


def keys_of(
    common: Common, foundation: FoundationOutputs, task: Task, database: DatabaseOutputs | None, access: Access | None
) -> list[KeyArn]:
    theirs = [each.encrypted_with for _, each in all_secrets(task) if isinstance(each, Secret) and each.encrypted_with]
    if not (database and access):
        return theirs
    key = database.key or common.key_for("database", foundation.key)
    return theirs + ([key] if key else [])


def execution_role(
    stack: Stack,
    name: str,
    common: Common,
    repository: ecr.Repository | Arn,
    group: logs.LogGroup,
    secrets: list[SecretArn],
    keys: list[KeyArn],
    more: Iterable[Statement],
) -> iam.Role:
    """What starts a task: pulls its image, opens its secrets, writes its log (G4.2); not what runs in it (M2.7)."""
    statements: list[Statement] = [
        allow([ecr_actions.GetAuthorizationToken], "*"),
        allow(
            _PULL,
            repository if isinstance(repository, Arn) else GetAtt(repository, "Arn"),
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


def roles(
    stack: Stack,
    common: Common,
    foundation: FoundationOutputs,
    database: DatabaseOutputs | None,
    task: Task,
    repository: ecr.Repository | Arn,
    group: logs.LogGroup,
    bootstrap_image: str,
    access: Access | None,
    more: Iterable[Statement],
) -> tuple[iam.Role, iam.Role]:
    """What starts the tasks, those of the first revision too, and who their containers are, which may do `more` besides."""
    execution = execution_role(
        stack,
        "ExecutionRole",
        common,
        repository,
        group,
        secrets_of(task, database, access),
        keys_of(common, foundation, task, database, access),
        [*from_parameters(task), *_may_pull(bootstrap_image)],
    )
    return execution, _task_role(stack, common, task, group, more)


def registering(roles: Iterable[Any], *passed_to: str) -> list[Statement]:
    """The rights to register revisions that run as some roles."""
    return [
        allow([ecs_actions.RegisterTaskDefinition], "*"),
        allow(
            [ecs_actions.TagResource],
            arn("ecs", "task-definition/*"),
            StringEquals("ecs:CreateAction", "RegisterTaskDefinition"),
        ),
        allow([iam_actions.PassRole], list(roles), pass_to(*passed_to)),
    ]


def security_group(stack: Stack, network: NetworkOutputs, description: str) -> ec2.SecurityGroup:
    """A group of tasks out of which nothing leads yet."""
    nowhere = ec2.SecurityGroupRule(IpProtocol="-1", CidrIp="127.0.0.1/32", Description="nowhere")
    return stack.add(
        ec2.SecurityGroup(
            "SecurityGroup", GroupDescription=description, VpcId=network.vpc, SecurityGroupEgress=[nowhere]
        )
    )


def egress(stack: Stack, tasks: ec2.SecurityGroup, task: Task, database: DatabaseOutputs | None) -> None:
    """The ways out of a group of tasks: to the ports that the description names, and to the database."""
    own = GetAtt(tasks, "GroupId")
    for port in sorted(set(task.egress_ports)):
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
                Description=f"from {task.name}",
                **there,
            )
        )


def _may_pull(image: str) -> Iterator[Statement]:
    """The right to a bootstrap image of the account's own registry; a public one needs none."""
    if image.startswith(OWN_REGISTRY):
        repository = image.removeprefix(OWN_REGISTRY).partition(":")[0]
        yield allow(_PULL, arn("ecr", f"repository/{repository}"))


def _address(image: str) -> str | Sub:
    if not image.startswith(OWN_REGISTRY):
        return image
    return Sub(f"${{AWS::AccountId}}.dkr.ecr.${{AWS::Region}}.${{AWS::URLSuffix}}/{image.removeprefix(OWN_REGISTRY)}")


def first_revision(
    stack: Stack,
    common: Common,
    name: str,
    image: str,
    command: list[str],
    execution: iam.Role,
    task: iam.Role,
    group: logs.LogGroup,
    ports: Iterable[ecs.PortMapping] = (),
) -> ecs.TaskDefinition:
    """What runs until the first release, in the family of the releases. Write-once: never changed again."""
    container = ecs.ContainerDefinition(
        Name=name,
        Image=_address(image),
        Essential=True,
        Command=command,
        User="1000:1000",
        ReadonlyRootFilesystem=True,
        # The program as process 1 would not hear SIGTERM (C2.6).
        LinuxParameters=ecs.LinuxParameters(InitProcessEnabled=True, Capabilities=ecs.KernelCapabilities(Drop=["ALL"])),
        **given(PortMappings=list(ports) or None),
        LogConfiguration=ecs.LogConfiguration(
            LogDriver="awslogs",
            Options={
                "awslogs-group": group.ref(),
                "awslogs-region": Region,
                "awslogs-stream-prefix": "bootstrap",
                "mode": "non-blocking",
                "max-buffer-size": "25m",
            },
        ),
    )
    return stack.add(
        ecs.TaskDefinition(
            "BootstrapTaskDefinition",
            # Tasks may run on it long after it left the template (A3.4).
            DeletionPolicy="Retain",
            UpdateReplacePolicy="Retain",
            Family=f"{common.name}-{name}",
            RequiresCompatibilities=["FARGATE"],
            NetworkMode="awsvpc",
            Cpu="256",
            Memory="512",
            ExecutionRoleArn=GetAtt(execution, "Arn"),
            TaskRoleArn=GetAtt(task, "Arn"),
            ContainerDefinitions=[container],
        )
    )
