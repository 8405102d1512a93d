"""The pipeline of any task, and what its role may; what starts it, by the source."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from awacs import codebuild as build_actions
from awacs import codeconnections as connection_actions
from awacs import codestar_connections as old_connection_actions
from awacs import kms as kms_actions
from awacs import s3 as s3_actions
from awacs import sns as sns_actions
from awacs.aws import Action, Statement, StringEquals
from troposphere import AccountId, GetAtt, Sub, codebuild, codepipeline

from cfngen.sources import S3, CodeCommit, Connection, Promotion
from cfngen.spec import Pipeline
from cfngen.spec.task import Task
from cfngen.stack import Stack
from cfngen.stacks import trigger
from cfngen.stacks.build_project import artifact_rights
from cfngen.stacks.common import (
    Common,
    allow,
    arn,
    given,
    only_kms_via,
    role,
    trust,
)
from cfngen.stacks.foundation import FoundationOutputs
from cfngen.stacks.pipeline import PipelineOutputs
from cfngen.stacks.pipeline_actions import object_key
from cfngen.values import BucketName, KeyArn


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
