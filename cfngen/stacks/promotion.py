"""What a stage hands to the one that it promotes to: for each service a zip file in that stage's bucket."""

from __future__ import annotations

from collections.abc import Iterator

from awacs import kms as kms_actions
from awacs import s3 as s3_actions
from awacs.aws import Statement, StringEquals
from troposphere import AccountId, Sub, codepipeline

from cfngen.spec import Pipeline
from cfngen.spec.task import Task
from cfngen.stacks.common import Common, allow, only_kms_via
from cfngen.stacks.pipeline import PipelineOutputs
from cfngen.stacks.pipeline_actions import PROMOTED, action, stage


def artifacts(pipeline: Pipeline) -> tuple[str, ...]:
    """What a build hands on for the next stage, if there is one."""
    return (PROMOTED,) if pipeline.promotes_to else ()


def stages(common: Common, pipeline: Pipeline, shared: PipelineOutputs, task: Task) -> Iterator[codepipeline.Stages]:
    """The last stage of a pipeline that promotes: what was built and released here starts the next stage's pipeline."""
    if pipeline.promotes_to:
        told = {
            "BucketName": shared.promotion_bucket,
            "ObjectKey": _key(common, pipeline.promotes_to.stage, task),
            "Extract": "false",
            "KMSEncryptionKeyARN": shared.promotion_key,
        }
        yield stage("Promote", [action("Promote", "Deploy", "S3", told, inputs=(PROMOTED,))])


def rights(common: Common, pipeline: Pipeline, shared: PipelineOutputs, task: Task) -> Iterator[Statement]:
    """To put that one object into a bucket of that stage's account, under the bucket's key."""
    if pipeline.promotes_to and shared.promotion_bucket and shared.promotion_key:
        ours = StringEquals("aws:ResourceAccount", common.promotion_account or AccountId)
        names = {"Bucket": shared.promotion_bucket}
        bucket = "arn:${AWS::Partition}:s3:::${Bucket}"
        key = _key(common, pipeline.promotes_to.stage, task)
        look = [s3_actions.GetBucketAcl, s3_actions.GetBucketLocation, s3_actions.GetBucketVersioning]
        yield allow(look, Sub(bucket, names), ours)
        yield allow([s3_actions.PutObject], Sub(f"{bucket}/{key}", names), ours)
        # Decrypt, because what is large goes up in parts.
        use = [kms_actions.Decrypt, kms_actions.GenerateDataKey]
        yield allow(use, shared.promotion_key, only_kms_via("s3"))


def _key(common: Common, stage_name: str, task: Task) -> str:
    return f"{common.application}/{stage_name}/{task.name}.zip"
