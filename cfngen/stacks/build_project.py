"""The project of a pipeline that tests and builds, or copies an image, and its role."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from awacs import codebuild as build_actions
from awacs import ecr as ecr_actions
from awacs import inspector2 as inspector_actions
from awacs import kms as kms_actions
from awacs import logs as log_actions
from awacs import s3 as s3_actions
from awacs.aws import Action, Statement, StringEquals
from troposphere import GetAtt, Sub, codebuild, iam, logs

from cfngen.sources import Promotion
from cfngen.spec import Pipeline
from cfngen.spec.task import Task
from cfngen.stack import Stack
from cfngen.stacks.common import (
    Common,
    allow,
    arn,
    from_this_account,
    given,
    log_group,
    role,
    trust,
)
from cfngen.stacks.foundation import FoundationOutputs
from cfngen.stacks.task import TaskOutputs, registering

# Images of CodeBuild by the architecture of a service's tasks (E2.3, E2.5).
_MACHINES = {
    "ARM64": ("ARM_CONTAINER", "aws/codebuild/amazonlinux-aarch64-standard:3.0"),
    "X86_64": ("LINUX_CONTAINER", "aws/codebuild/amazonlinux-x86_64-standard:5.0"),
}


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
