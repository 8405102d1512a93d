"""What the pipelines of a stage share: the repository, and the notice of a failed run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from awacs import s3 as s3_actions
from awacs.aws import Statement
from troposphere import GetAtt, Join, Select, Split, StackId, Sub, codecommit

from cfngen._frozen import dataclass
from cfngen.sources import S3, CodeCommit, Promotion, Source
from cfngen.spec import Pipeline
from cfngen.stack import Stack
from cfngen.stacks.buckets import after_policy, bucket_policy, closed_bucket, encrypted
from cfngen.stacks.common import Common, allow_stage
from cfngen.stacks.foundation import FoundationOutputs
from cfngen.stacks.notices import notice
from cfngen.values import Arn, BucketName, KeyArn, Text

_OLD_SOURCES_DAYS = 90


@dataclass(frozen=True)
class PipelineOutputs:
    """Where the source is: a CodeCommit repository by name, another one by connection, or a bucket, with its key if that is
    a key of one's own. `promotion_bucket` and its key are those of the stage that this one promotes to.
    """

    repository: Text | None = None
    clone_url: Text | None = None
    connection: Arn | None = None
    bucket: BucketName | None = None
    key: KeyArn | None = None
    promotion_bucket: BucketName | None = None
    promotion_key: KeyArn | None = None


def pipeline_stack(
    stack: Stack,
    common: Common,
    foundation: FoundationOutputs,
    pipeline: Pipeline,
    repository: Text | None = None,
    connection: Arn | None = None,
    bucket: BucketName | None = None,
    promotion: tuple[BucketName, KeyArn] | None = None,
) -> PipelineOutputs:
    """The repository or bucket, where this stage makes it; `repository`, `connection` or `bucket` are given where it does not.

    `promotion` are the bucket and key of the stage that this one promotes to, if there is one.
    """
    stack.describe("What the pipelines share: the repository, the notice of a failed run")
    _failures(stack, common, foundation)
    made = _source(stack, common, foundation, pipeline.source, repository, connection, bucket)
    return replace(made, promotion_bucket=promotion[0], promotion_key=promotion[1]) if promotion else made


def _source(
    stack: Stack,
    common: Common,
    foundation: FoundationOutputs,
    source: Source,
    repository: Text | None,
    connection: Arn | None,
    bucket: BucketName | None,
) -> PipelineOutputs:
    if isinstance(source, Promotion):
        # Under a key that other stages may be let use, whatever own_key_for says.
        name = "PromotionBucket"
        look = [s3_actions.GetBucketAcl, s3_actions.GetBucketLocation, s3_actions.GetBucketVersioning]
        inside = Sub(f"${{{name}.Arn}}/{common.application}/{common.stage}/*.zip")
        puts = (
            [
                allow_stage(common, source.stage, look, [GetAtt(name, "Arn")], sid="PromotionAsks"),
                allow_stage(common, source.stage, [s3_actions.PutObject], [inside]),
            ]
            if common.promotion_account
            else []
        )
        return PipelineOutputs(bucket=_bucket(stack, name, foundation.key, puts), key=foundation.key)
    if isinstance(source, S3):
        if not source.create:
            return PipelineOutputs(bucket=bucket, key=source.key)
        own = common.key_for("artifacts", foundation.key)
        return PipelineOutputs(bucket=_bucket(stack, "SourceBucket", own), key=own)
    if isinstance(source, CodeCommit) and source.create:
        made = stack.add(
            codecommit.Repository(
                "Repository",
                DeletionPolicy="RetainExceptOnCreate",
                UpdateReplacePolicy="Retain",
                # With the stack's id, so that a repository that was kept is in nobody's way (K3.5).
                RepositoryName=_unique(common),
                RepositoryDescription=f"Source of {common.application}",
            )
        )
        return PipelineOutputs(repository=Text(GetAtt(made, "Name")), clone_url=Text(GetAtt(made, "CloneUrlHttp")))
    return PipelineOutputs(repository=repository, connection=connection)


def _bucket(stack: Stack, name: str, key: KeyArn | None, statements: Iterable[Statement] = ()) -> BucketName:
    made = closed_bucket(stack, name, encrypted(key), days=None, old_days=_OLD_SOURCES_DAYS, tells_events=True)
    return after_policy(bucket_policy(stack, made, statements))


def _unique(common: Common) -> object:
    first_of_the_id = Select(0, Split("-", Select(2, Split("/", StackId))))
    return Join("-", [common.name, first_of_the_id])


def _failures(stack: Stack, common: Common, foundation: FoundationOutputs) -> None:
    # The run that creation itself starts is expected to fail: nothing was pushed yet. It says so in its trigger,
    # where the event has one at all.
    notice(
        stack,
        "PipelineFailure",
        common,
        foundation,
        description="A pipeline failed",
        pattern={
            "source": ["aws.codepipeline"],
            "detail-type": ["CodePipeline Pipeline Execution State Change"],
            "detail": {"state": ["FAILED"], "pipeline": [{"prefix": f"{common.name}-"}]},
            "$or": [
                {"detail": {"execution-trigger": {"trigger-type": [{"anything-but": ["CreatePipeline"]}]}}},
                {"detail": {"execution-trigger": {"trigger-type": [{"exists": False}]}}},
            ],
        },
        paths={"pipeline": "$.detail.pipeline", "execution": "$.detail.execution-id", "region": "$.region"},
        message="Pipeline <pipeline> failed (execution <execution>, <region>). Its console page shows the action that did; the release did not happen.",
    )
