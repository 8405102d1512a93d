"""The stages and actions of pipelines, and the names of what one hands to another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from troposphere import codebuild, codepipeline, stepfunctions

from cfngen.sources import S3, Connection, Promotion
from cfngen.spec import Pipeline
from cfngen.spec.task import Task
from cfngen.stacks.common import (
    Common,
    given,
)
from cfngen.stacks.foundation import FoundationOutputs
from cfngen.stacks.pipeline import PipelineOutputs

SOURCE, IMAGE, DEFINITIONS = "Source", "Image", "Defs"
"""Names of the artifacts; the buildspec's secondary artifacts carry the same (E1.3)."""

PROMOTED = "Promoted"
"""What a build hands on for the stage that this one promotes to."""

RELEASE_FILE = "release.json"
"""What the build hands to the machine of a release: each task definition by the name of its task."""


def image_artifact(container: str) -> str:
    """The name of the artifact that says which image a further container has."""
    return f"{IMAGE}_{container.replace('-', '_')}"


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


def object_key(common: Common, source: S3 | Promotion, task: Task) -> str:
    """The object that holds the source of a service, worker or scheduled task."""
    prefix = source.prefix if isinstance(source, S3) else ""
    return f"{prefix or f'{common.application}/{common.stage}'}/{task.name}.zip"


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
