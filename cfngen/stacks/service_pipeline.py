"""The pipeline of one service: source, build, approval, migration, deployment, and what starts it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from awacs import codebuild as build_actions
from awacs import codeconnections as connection_actions
from awacs import codedeploy as deploy_actions
from awacs import codestar_connections as old_connection_actions
from awacs import ecr as ecr_actions
from awacs import ecs as ecs_actions
from awacs import iam as iam_actions
from awacs import inspector2 as inspector_actions
from awacs import kms as kms_actions
from awacs import logs as log_actions
from awacs import s3 as s3_actions
from awacs import sns as sns_actions
from awacs.aws import Action, Statement, StringEquals
from troposphere import GetAtt, Region, Sub, codebuild, codepipeline, iam, logs

from cfngen import placeholders
from cfngen.sources import Connection
from cfngen.spec import Pipeline, Service
from cfngen.stack import Stack
from cfngen.stacks import migration, trigger
from cfngen.stacks.cluster import ClusterOutputs
from cfngen.stacks.common import (
    Common,
    allow,
    arn,
    from_this_account,
    given,
    log_group,
    only_kms_via,
    pass_to,
    role,
    trust,
)
from cfngen.stacks.database import DatabaseOutputs
from cfngen.stacks.foundation import FoundationOutputs
from cfngen.stacks.network import NetworkOutputs
from cfngen.stacks.pipeline import PipelineOutputs
from cfngen.stacks.service import ServiceOutputs
from cfngen.stacks.task import Access, all_secrets, secret_arn
from cfngen.values import Value

# Images of CodeBuild by the architecture of a service's tasks (E2.3, E2.5).
_MACHINES = {
    "ARM64": ("ARM_CONTAINER", "aws/codebuild/amazonlinux-aarch64-standard:3.0"),
    "X86_64": ("LINUX_CONTAINER", "aws/codebuild/amazonlinux-x86_64-standard:5.0"),
}
SOURCE, IMAGE, DEFINITIONS = "Source", "Image", "Defs"
"""Names of the artifacts; the buildspec's secondary artifacts carry the same (E1.3)."""


def image_artifact(container: str) -> str:
    """The name of the artifact that says which image a further container has."""
    return f"{IMAGE}_{container.replace('-', '_')}"


def service_pipeline_stack(
    stack: Stack,
    common: Common,
    foundation: FoundationOutputs,
    network: NetworkOutputs,
    database: DatabaseOutputs | None,
    cluster: ClusterOutputs,
    made: ServiceOutputs,
    shared: PipelineOutputs,
    service: Service,
    pipeline: Pipeline,
    files: str,
    access: Access | None = None,
) -> None:
    """A pipeline that a change of the service's own folders starts, and no other change.

    `files` is the folder of the stage's generated files, from the source's root.
    """
    stack.describe(f"Pipeline of {service.name}: build, pipeline, and what starts it")
    name = f"{common.name}-{service.name}"
    values = stack_values(network, database, made, service, access)
    project = _project(
        stack, common, foundation, made, service, pipeline, name, f"{files}/{service.name}/buildspec.yml", values
    )
    machine = migration.machine(stack, common, cluster, network, made) if service.migrate else None
    stages = [
        _source(pipeline, shared),
        _stage("Build", [_build(project, service)]),
        *([_stage("Approve", [_approval(common, foundation, service)])] if pipeline.approval else []),
        *([_stage("Migrate", [_migrate(machine)])] if machine else []),
        _stage("Deploy", [_deploy(cluster, made, service)]),
    ]
    rights = [
        *_pipeline_rights(common, foundation, cluster, made, pipeline, shared, project),
        *(migration.rights(machine) if machine else []),
    ]
    pipeline_role = role(
        stack,
        "PipelineRole",
        common,
        trust("codepipeline"),
        rights,
        wildcards="ecs:RegisterTaskDefinition takes no resource",
    )
    own = common.key_for("artifacts", foundation.key)
    by_path = (
        trigger.by_connection(service, pipeline.source, files) if isinstance(pipeline.source, Connection) else None
    )
    stack.add(
        codepipeline.Pipeline(
            "Pipeline",
            Name=name,
            PipelineType="V2",
            ExecutionMode="QUEUED",
            RoleArn=GetAtt(pipeline_role, "Arn"),
            ArtifactStore=codepipeline.ArtifactStore(
                Type="S3",
                Location=foundation.artifacts,
                **given(EncryptionKey=codepipeline.EncryptionKey(Type="KMS", Id=own) if own else None),
            ),
            Stages=stages,
            **given(Triggers=[by_path] if by_path else None),
        )
    )
    if shared.repository and not isinstance(pipeline.source, Connection):
        trigger.by_commit(stack, common, shared.repository, pipeline.source, name, trigger.folders(service, files))


def stack_values(
    network: NetworkOutputs,
    database: DatabaseOutputs | None,
    made: ServiceOutputs,
    service: Service,
    access: Access | None,
) -> dict[str, Value | Any]:
    """What the build fills into the service's files, by placeholder."""
    values: dict[str, Value | Any] = {
        placeholders.REGION: Region,
        placeholders.LOG_GROUP: made.log_group,
        placeholders.EXECUTION_ROLE_ARN: made.execution_role,
        placeholders.TASK_ROLE_ARN: made.task_role,
        placeholders.SUBNETS: network.private_subnets.text,
        placeholders.SECURITY_GROUP: made.security_group,
    }
    if database and (access or service.migrate):
        values |= {placeholders.DB_HOST: database.host, placeholders.DB_PORT: database.port}
    if database and access:
        values[placeholders.DB_SECRET_ARN] = database.reader_secret if access == "reader" else database.writer_secret
    if database and made.migration_role:
        values |= {
            placeholders.MIGRATION_EXECUTION_ROLE_ARN: made.migration_role,
            placeholders.DB_MASTER_SECRET_ARN: database.master_secret,
            placeholders.DB_READER_SECRET_ARN: database.reader_secret,
            placeholders.DB_WRITER_SECRET_ARN: database.writer_secret,
        }
    values |= {
        placeholders.variable(key): value for key, value in service.environment.items() if isinstance(value, Value)
    }
    values |= {
        placeholders.variable(key, each.name): value
        for each in service.containers
        for key, value in each.environment.items()
        if isinstance(value, Value)
    }
    values |= {placeholder: secret_arn(secret) for placeholder, secret in all_secrets(service)}
    return dict(sorted(values.items()))


def _project(
    stack: Stack,
    common: Common,
    foundation: FoundationOutputs,
    made: ServiceOutputs,
    service: Service,
    pipeline: Pipeline,
    name: str,
    buildspec: str,
    values: Mapping[str, Any],
) -> codebuild.Project:
    group = log_group(stack, "BuildLogGroup", common, foundation.key)
    machine, image = _MACHINES[service.architecture]
    variables = {"REPOSITORY_URI": made.repository, **values}
    build_role = _build_role(stack, common, foundation, made, service, pipeline, name, group)
    return stack.add(
        codebuild.Project(
            "BuildProject",
            Metadata={"Privileged": "docker build needs a Docker daemon in the build container"},  # E2.4
            Name=name,
            Description=f"Tests {service.name} and builds its image",
            ServiceRole=GetAtt(build_role, "Arn"),
            Source=codebuild.Source(Type="CODEPIPELINE", BuildSpec=buildspec),
            Artifacts=codebuild.Artifacts(Type="CODEPIPELINE"),
            Environment=codebuild.Environment(
                Type=machine,
                Image=image,
                ComputeType="BUILD_GENERAL1_SMALL",
                PrivilegedMode=True,
                EnvironmentVariables=[
                    codebuild.EnvironmentVariable(Name=key, Type="PLAINTEXT", Value=value)
                    for key, value in variables.items()
                ],
            ),
            Cache=codebuild.ProjectCache(Type="LOCAL", Modes=["LOCAL_DOCKER_LAYER_CACHE"]),
            LogsConfig=codebuild.LogsConfig(
                CloudWatchLogs=codebuild.CloudWatchLogs(Status="ENABLED", GroupName=group.ref())
            ),
            TimeoutInMinutes=pipeline.build_timeout_minutes,
            QueuedTimeoutInMinutes=60,
            # No ConcurrentBuildLimit: it may not exceed the account's own, which is 1 in a new account; runs queue anyway.
            **given(EncryptionKey=common.key_for("artifacts", foundation.key)),
        )
    )


def _build_role(
    stack: Stack,
    common: Common,
    foundation: FoundationOutputs,
    made: ServiceOutputs,
    service: Service,
    pipeline: Pipeline,
    name: str,
    group: logs.LogGroup,
) -> iam.Role:
    statements = [
        allow([log_actions.CreateLogStream, log_actions.PutLogEvents], GetAtt(group, "Arn")),
        *_artifact_rights(common, foundation),
        allow([ecr_actions.GetAuthorizationToken], "*"),
        allow(
            [
                ecr_actions.BatchCheckLayerAvailability,
                ecr_actions.BatchGetImage,
                ecr_actions.CompleteLayerUpload,
                ecr_actions.DescribeImageScanFindings,
                ecr_actions.DescribeImages,
                ecr_actions.GetDownloadUrlForLayer,
                ecr_actions.InitiateLayerUpload,
                ecr_actions.PutImage,
                ecr_actions.UploadLayerPart,
            ],
            made.repository_arn,
        ),
    ]
    if pipeline.test_report:
        report = [
            build_actions.CreateReportGroup,
            build_actions.CreateReport,
            build_actions.UpdateReport,
            build_actions.BatchPutTestCases,
        ]
        statements.append(allow(report, arn("codebuild", f"report-group/{name}-*")))
    wide = ["ecr:GetAuthorizationToken"]
    if pipeline.scan_threshold != "NONE":
        # Where the account has enhanced scanning, ECR asks Inspector in the name of who asks ECR.
        statements.append(allow([inspector_actions.ListCoverage, inspector_actions.ListFindings], "*"))
        wide += ["inspector2:ListCoverage", "inspector2:ListFindings"]
    if service.migrate and made.migration_role:
        statements += _registering([made.migration_role, made.task_role], "ecs-tasks")
        wide += ["ecs:RegisterTaskDefinition"]
    wildcards = f"no resource can be named for {', '.join(wide)}"
    return role(
        stack,
        "BuildRole",
        common,
        trust("codebuild", from_this_account(f"codebuild:project/{name}")),
        statements,
        wildcards=wildcards,
    )


def _registering(roles: list[Any], *passed_to: str) -> list[Statement]:
    return [
        allow([ecs_actions.RegisterTaskDefinition], "*"),
        allow(
            [ecs_actions.TagResource],
            arn("ecs", "task-definition/*"),
            StringEquals("ecs:CreateAction", "RegisterTaskDefinition"),
        ),
        allow([iam_actions.PassRole], roles, pass_to(*passed_to)),
    ]


def _artifact_rights(common: Common, foundation: FoundationOutputs) -> Iterator[Statement]:
    inside = Sub("${Bucket}/*", Bucket=foundation.artifacts_arn)
    yield allow(
        [s3_actions.GetBucketAcl, s3_actions.GetBucketLocation, s3_actions.GetBucketVersioning],
        foundation.artifacts_arn,
    )
    yield allow([s3_actions.GetObject, s3_actions.GetObjectVersion, s3_actions.PutObject], inside)
    if own := common.key_for("artifacts", foundation.key):
        use = [
            kms_actions.Decrypt,
            kms_actions.DescribeKey,
            kms_actions.Encrypt,
            kms_actions.GenerateDataKey,
            kms_actions.ReEncryptFrom,
            kms_actions.ReEncryptTo,
        ]
        yield allow(use, own)


def _pipeline_rights(
    common: Common,
    foundation: FoundationOutputs,
    cluster: ClusterOutputs,
    made: ServiceOutputs,
    pipeline: Pipeline,
    shared: PipelineOutputs,
    project: codebuild.Project,
) -> Iterator[Statement]:
    yield from _artifact_rights(common, foundation)
    if shared.repository:
        read = (
            "CancelUploadArchive",
            "GetBranch",
            "GetCommit",
            "GetRepository",
            "GetUploadArchiveStatus",
            "UploadArchive",
        )
        yield allow(
            [Action("codecommit", name) for name in read],
            arn("codecommit", "${Repository}", Repository=shared.repository),
        )
    if shared.connection:
        yield allow([connection_actions.UseConnection, old_connection_actions.UseConnection], shared.connection)
    yield allow([build_actions.BatchGetBuilds, build_actions.StartBuild], GetAtt(project, "Arn"))
    if pipeline.approval:
        yield allow([sns_actions.Publish], foundation.alerts)
        yield allow([kms_actions.Decrypt, kms_actions.GenerateDataKey], foundation.key, only_kms_via("sns"))
    names = {"Application": cluster.deploy_application, "Group": made.deployment_group}
    yield allow(
        [deploy_actions.CreateDeployment, deploy_actions.GetDeployment],
        arn("codedeploy", "deploymentgroup:${Application}/${Group}", **names),
    )
    application = arn("codedeploy", "application:${Application}", Application=cluster.deploy_application)
    yield allow(
        [
            deploy_actions.GetApplication,
            deploy_actions.GetApplicationRevision,
            deploy_actions.RegisterApplicationRevision,
        ],
        application,
    )
    yield allow([deploy_actions.GetDeploymentConfig], arn("codedeploy", "deploymentconfig:*"))
    yield from _registering([made.execution_role, made.task_role], "ecs", "ecs-tasks")


def _stage(name: str, actions: list[codepipeline.Actions]) -> codepipeline.Stages:
    return codepipeline.Stages(Name=name, Actions=actions)


def _action(
    name: str,
    category: str,
    provider: str,
    configuration: Mapping[str, Any],
    inputs: tuple[str, ...] = (),
    outputs: tuple[str, ...] = (),
) -> codepipeline.Actions:
    return codepipeline.Actions(
        Name=name,
        ActionTypeId=codepipeline.ActionTypeId(Category=category, Owner="AWS", Provider=provider, Version="1"),
        Configuration=dict(configuration),
        **given(
            InputArtifacts=[codepipeline.InputArtifacts(Name=artifact) for artifact in inputs] or None,
            OutputArtifacts=[codepipeline.OutputArtifacts(Name=artifact) for artifact in outputs] or None,
            Namespace=name if outputs else None,
        ),
    )


def _source(pipeline: Pipeline, shared: PipelineOutputs) -> codepipeline.Stages:
    source = pipeline.source
    if isinstance(source, Connection):
        by_connection = {
            "ConnectionArn": shared.connection,
            "FullRepositoryId": source.repository,
            "BranchName": source.branch,
            "OutputArtifactFormat": "CODE_ZIP",
            "DetectChanges": "false",  # the trigger decides, by path
        }
        return _stage(
            "Source", [_action("Source", "Source", "CodeStarSourceConnection", by_connection, outputs=(SOURCE,))]
        )
    by_commit = {
        "RepositoryName": shared.repository,
        "BranchName": source.branch,
        "OutputArtifactFormat": "CODE_ZIP",
        "PollForSourceChanges": "false",
    }
    return _stage("Source", [_action("Source", "Source", "CodeCommit", by_commit, outputs=(SOURCE,))])


def _build(project: codebuild.Project, service: Service) -> codepipeline.Actions:
    made = (IMAGE, DEFINITIONS, *(image_artifact(each.name) for each in service.built_containers))
    return _action("Build", "Build", "CodeBuild", {"ProjectName": project.ref()}, inputs=(SOURCE,), outputs=made)


def _approval(common: Common, foundation: FoundationOutputs, service: Service) -> codepipeline.Actions:
    told = {
        "NotificationArn": foundation.alerts,
        "CustomData": f"Release the new version of {service.name} to {common.application} {common.stage}?",
    }
    return _action("Approve", "Approval", "Manual", told)


def _migrate(machine: Any) -> codepipeline.Actions:
    task = f'{{"taskDefinition": "#{{Build.{migration.TASK_DEFINITION}}}"}}'
    return _action(
        "Migrate", "Invoke", "StepFunctions", {"StateMachineArn": machine.ref(), "InputType": "Literal", "Input": task}
    )


def _deploy(cluster: ClusterOutputs, made: ServiceOutputs, service: Service) -> codepipeline.Actions:
    configuration = {
        "ApplicationName": cluster.deploy_application,
        "DeploymentGroupName": made.deployment_group,
        "TaskDefinitionTemplateArtifact": DEFINITIONS,
        "TaskDefinitionTemplatePath": "taskdef.json",
        "AppSpecTemplateArtifact": DEFINITIONS,
        "AppSpecTemplatePath": "appspec.yaml",
        "Image1ArtifactName": IMAGE,
        "Image1ContainerName": placeholders.IMAGE1,
    }
    beside = service.built_containers
    for number, each in enumerate(beside, 2):
        configuration[f"Image{number}ArtifactName"] = image_artifact(each.name)
        configuration[f"Image{number}ContainerName"] = placeholders.image_of(each.name)
    inputs = (DEFINITIONS, IMAGE, *(image_artifact(each.name) for each in beside))
    return _action("Deploy", "Deploy", "CodeDeployToECS", configuration, inputs=inputs)
