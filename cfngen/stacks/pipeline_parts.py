"""The parts of every pipeline: its source, the project that builds, an approval, the rights of both, what starts it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from awacs import codebuild as build_actions
from awacs import codeconnections as connection_actions
from awacs import codestar_connections as old_connection_actions
from awacs import ecr as ecr_actions
from awacs import inspector2 as inspector_actions
from awacs import kms as kms_actions
from awacs import logs as log_actions
from awacs import s3 as s3_actions
from awacs import sns as sns_actions
from awacs.aws import Action, Statement, StringEquals
from troposphere import AccountId, GetAtt, Sub, codebuild, codepipeline, iam, logs, stepfunctions

from cfngen.sources import S3, CodeCommit, Connection, Promotion
from cfngen.spec import Pipeline
from cfngen.spec.task import Task
from cfngen.stack import Stack
from cfngen.stacks import trigger
from cfngen.stacks.common import (
    Common,
    allow,
    arn,
    from_this_account,
    given,
    log_group,
    only_kms_via,
    role,
    trust,
)
from cfngen.stacks.foundation import FoundationOutputs
from cfngen.stacks.pipeline import PipelineOutputs
from cfngen.stacks.task import TaskOutputs, registering
from cfngen.values import BucketName, KeyArn

# Images of CodeBuild by the architecture of a service's tasks (E2.3, E2.5).
_MACHINES = {
    "ARM64": ("ARM_CONTAINER", "aws/codebuild/amazonlinux-aarch64-standard:3.0"),
    "X86_64": ("LINUX_CONTAINER", "aws/codebuild/amazonlinux-x86_64-standard:5.0"),
}
SOURCE, IMAGE, DEFINITIONS = "Source", "Image", "Defs"
"""Names of the artifacts; the buildspec's secondary artifacts carry the same (E1.3)."""

PROMOTED = "Promoted"
"""What a build hands on for the stage that this one promotes to."""

RELEASE_FILE = "release.json"
"""What the build hands to the machine of a release: each task definition by the name of its task."""


def image_artifact(container: str) -> str:
    """The name of the artifact that says which image a further container has."""
    return f"{IMAGE}_{container.replace('-', '_')}"


def pipeline_of(
    stack: Stack,
    common: Common,
    foundation: FoundationOutputs,
    shared: PipelineOutputs,
    task: Task,
    pipeline: Pipeline,
    files: str,
    stages: list[codepipeline.Stages],
    rights: Iterable[Statement],
    wildcards: str = "",
) -> None:
    """The pipeline itself, which a change of the task's own folders starts, and no other change."""
    name = f"{common.name}-{task.name}"
    pipeline_role = role(
        stack,
        "PipelineRole",
        common,
        trust("codepipeline"),
        rights,
        wildcards=wildcards,
    )
    own = common.key_for("artifacts", foundation.key)
    by_path = trigger.by_connection(task, pipeline.source, files) if isinstance(pipeline.source, Connection) else None
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
    if shared.bucket and isinstance(pipeline.source, S3 | Promotion):
        trigger.by_upload(stack, common, shared.bucket, object_key(common, pipeline.source, task), name)
    elif shared.repository and isinstance(pipeline.source, CodeCommit):
        trigger.by_commit(stack, common, shared.repository, pipeline.source, name, trigger.folders(task, files))


def project(
    stack: Stack,
    common: Common,
    foundation: FoundationOutputs,
    made: TaskOutputs,
    task: Task,
    pipeline: Pipeline,
    name: str,
    buildspec: str,
    values: Mapping[str, Any],
) -> codebuild.Project:
    """What tests and builds; `values` is what it fills into the files, `buildspec` where it reads what to do."""
    group = log_group(stack, "BuildLogGroup", common, foundation.key)
    machine, image = _MACHINES[task.architecture]
    variables = {"REPOSITORY_URI": made.repository, **values}
    build_role = _build_role(stack, common, foundation, made, pipeline, name, group)
    builds = not isinstance(pipeline.source, Promotion)
    cache = codebuild.ProjectCache(Type="LOCAL", Modes=["LOCAL_DOCKER_LAYER_CACHE"])
    privileged = {"Privileged": "docker build needs a Docker daemon in the build container"}  # E2.4
    return stack.add(
        codebuild.Project(
            "BuildProject",
            Name=name,
            Description=f"Tests {task.name} and builds its image" if builds else f"Copies the image of {task.name}",
            ServiceRole=GetAtt(build_role, "Arn"),
            Source=codebuild.Source(Type="CODEPIPELINE", BuildSpec=buildspec),
            Artifacts=codebuild.Artifacts(Type="CODEPIPELINE"),
            Environment=codebuild.Environment(
                Type=machine,
                Image=image,
                ComputeType="BUILD_GENERAL1_SMALL",
                PrivilegedMode=builds,
                EnvironmentVariables=[
                    codebuild.EnvironmentVariable(Name=key, Type="PLAINTEXT", Value=value)
                    for key, value in variables.items()
                ],
            ),
            **given(Cache=cache if builds else None),
            LogsConfig=codebuild.LogsConfig(
                CloudWatchLogs=codebuild.CloudWatchLogs(Status="ENABLED", GroupName=group.ref())
            ),
            TimeoutInMinutes=pipeline.build_timeout_minutes,
            QueuedTimeoutInMinutes=60,
            # No ConcurrentBuildLimit: it may not exceed the account's own, which is 1 in a new account; runs queue anyway.
            **given(
                EncryptionKey=common.key_for("artifacts", foundation.key),
                Metadata=privileged if builds else None,
            ),
        )
    )


def _build_role(
    stack: Stack,
    common: Common,
    foundation: FoundationOutputs,
    made: TaskOutputs,
    pipeline: Pipeline,
    name: str,
    group: logs.LogGroup,
) -> iam.Role:
    statements = [
        allow([log_actions.CreateLogStream, log_actions.PutLogEvents], GetAtt(group, "Arn")),
        *artifact_rights(common, foundation),
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
    if isinstance(pipeline.source, Promotion):
        read = [ecr_actions.BatchGetImage, ecr_actions.GetDownloadUrlForLayer]
        statements.append(_may_copy(common, pipeline.source.stage, read))
    if made.migration_role:
        statements += registering([made.migration_role, made.task_role], "ecs-tasks")
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


def _may_copy(common: Common, stage: str, read: Sequence[Action]) -> Statement:
    """To read the images of another stage, whose names are known only there; in another account its own policies say which."""
    if common.promotion_account:
        theirs = "arn:${AWS::Partition}:ecr:${AWS::Region}:${Account}:repository/*"
        return allow(read, Sub(theirs, Account=common.promotion_account))
    tags = {"aws:ResourceTag/Application": common.application, "aws:ResourceTag/Stage": stage}
    return allow(read, arn("ecr", "repository/*"), StringEquals(tags))


def artifact_rights(common: Common, foundation: FoundationOutputs) -> Iterator[Statement]:
    """The rights to read and write what pipelines hand on."""
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


def source_rights(
    common: Common,
    foundation: FoundationOutputs,
    pipeline: Pipeline,
    shared: PipelineOutputs,
    task: Task,
    project: codebuild.Project,
) -> Iterator[Statement]:
    """What a pipeline needs to fetch, build and ask."""
    yield from artifact_rights(common, foundation)
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
    if shared.bucket and isinstance(pipeline.source, S3 | Promotion):
        yield from _object_rights(shared.bucket, object_key(common, pipeline.source, task), shared.key)
    yield allow([build_actions.BatchGetBuilds, build_actions.StartBuild], GetAtt(project, "Arn"))
    if pipeline.approval:
        yield allow([sns_actions.Publish], foundation.alerts)
        yield allow([kms_actions.Decrypt, kms_actions.GenerateDataKey], foundation.key, only_kms_via("sns"))


def object_key(common: Common, source: S3 | Promotion, task: Task) -> str:
    """The object that holds the source of a service, worker or scheduled task."""
    prefix = source.prefix if isinstance(source, S3) else ""
    return f"{prefix or f'{common.application}/{common.stage}'}/{task.name}.zip"


def _object_rights(bucket: BucketName, key: str, encrypted_with: KeyArn | None) -> Iterator[Statement]:
    """To read one object; the bucket's name says nothing of whose it is, so that is asked for too."""
    ours = StringEquals("aws:ResourceAccount", AccountId)
    yield allow(
        [s3_actions.GetBucketAcl, s3_actions.GetBucketLocation, s3_actions.GetBucketVersioning],
        Sub("arn:${AWS::Partition}:s3:::${Bucket}", Bucket=bucket),
        ours,
    )
    yield allow(
        [
            s3_actions.GetObject,
            s3_actions.GetObjectTagging,
            s3_actions.GetObjectVersion,
            s3_actions.GetObjectVersionTagging,
        ],
        Sub(f"arn:${{AWS::Partition}}:s3:::${{Bucket}}/{key}", Bucket=bucket),
        ours,
    )
    if encrypted_with:
        yield allow([kms_actions.Decrypt], encrypted_with, only_kms_via("s3"))


def stage(name: str, actions: list[codepipeline.Actions]) -> codepipeline.Stages:
    """One stage of a pipeline."""
    return codepipeline.Stages(Name=name, Actions=actions)


def action(
    name: str,
    category: str,
    provider: str,
    configuration: Mapping[str, Any],
    inputs: tuple[str, ...] = (),
    outputs: tuple[str, ...] = (),
) -> codepipeline.Actions:
    """One action; what it hands on has its name as the namespace of its variables."""
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


def source(common: Common, pipeline: Pipeline, shared: PipelineOutputs, task: Task) -> codepipeline.Stages:
    """The stage that fetches what was pushed."""
    source = pipeline.source
    if isinstance(source, Connection):
        by_connection = {
            "ConnectionArn": shared.connection,
            "FullRepositoryId": source.repository,
            "BranchName": source.branch,
            "OutputArtifactFormat": "CODE_ZIP",
            "DetectChanges": "false",  # the trigger decides, by path
        }
        return stage(
            "Source", [action("Source", "Source", "CodeStarSourceConnection", by_connection, outputs=(SOURCE,))]
        )
    if isinstance(source, S3 | Promotion):
        by_upload = {
            "S3Bucket": shared.bucket,
            "S3ObjectKey": object_key(common, source, task),
            "PollForSourceChanges": "false",
        }
        return stage("Source", [action("Source", "Source", "S3", by_upload, outputs=(SOURCE,))])
    by_commit = {
        "RepositoryName": shared.repository,
        "BranchName": source.branch,
        "OutputArtifactFormat": "CODE_ZIP",
        "PollForSourceChanges": "false",
    }
    return stage("Source", [action("Source", "Source", "CodeCommit", by_commit, outputs=(SOURCE,))])


def build(made: codebuild.Project, outputs: tuple[str, ...]) -> codepipeline.Actions:
    """The action that builds, and the artifacts that it hands on."""
    return action("Build", "Build", "CodeBuild", {"ProjectName": made.ref()}, inputs=(SOURCE,), outputs=outputs)


def release_action(name: str, machine: stepfunctions.StateMachine) -> codepipeline.Actions:
    """Hands what the build filled in to the machine that releases it."""
    told = {"StateMachineArn": machine.ref(), "InputType": "FilePath", "Input": RELEASE_FILE}
    return action(name, "Invoke", "StepFunctions", told, inputs=(DEFINITIONS,))


def approval(common: Common, foundation: FoundationOutputs, task: Task) -> codepipeline.Actions:
    """A person's yes, asked for by the alert topic."""
    told = {
        "NotificationArn": foundation.alerts,
        "CustomData": f"Release the new version of {task.name} to {common.application} {common.stage}?",
    }
    return action("Approve", "Approval", "Manual", told)
