"""What starts a pipeline: a push that changed one of the service's own folders, or an object that was uploaded for it."""

from __future__ import annotations

import re
from typing import Any

from awacs import codecommit as commit_actions
from awacs import codepipeline as pipeline_actions
from awacs import states as state_actions
from troposphere import GetAtt, Sub, codepipeline, events, stepfunctions

from cfngen.sources import CodeCommit, Connection
from cfngen.spec.task import Task
from cfngen.stack import Stack
from cfngen.stacks.common import Common, allow, arn, from_this_account, role, trust
from cfngen.values import BucketName, Text


def folders(task: Task, files: str) -> tuple[str, ...]:
    """The folders whose change releases a service: its sources, what it shares, and its generated files; or ``.`` alone."""
    sources = (task.source_folder, *(each.source for each in task.built_containers))
    found = {*sources, *task.shared, f"{files}/{task.name}"}
    return (".",) if "." in found else tuple(sorted(found))


def by_connection(task: Task, source: Connection, files: str) -> codepipeline.PipelineTriggerDeclaration:
    """The pipeline's own trigger, which knows paths (D1.7)."""
    paths = codepipeline.GitFilePathFilterCriteria(Includes=[_pattern(folder) for folder in folders(task, files)])
    push = codepipeline.GitPushFilter(
        Branches=codepipeline.GitBranchFilterCriteria(Includes=[source.branch]), FilePaths=paths
    )
    return codepipeline.PipelineTriggerDeclaration(
        ProviderType="CodeStarSourceConnection",
        GitConfiguration=codepipeline.GitConfiguration(SourceActionName="Source", Push=[push]),
    )


def _pattern(folder: str) -> str:
    return "**" if folder == "." else f"{folder}/**"


def by_commit(
    stack: Stack, common: Common, repository: Text, source: CodeCommit, pipeline: str, watched: tuple[str, ...]
) -> None:
    """CodeCommit's events carry no paths, so a small machine asks which files a push changed; nothing polls."""
    repository_arn = arn("codecommit", "${Repository}", Repository=repository)
    machine_role = role(
        stack,
        "TriggerRole",
        common,
        trust("states", from_this_account("states:stateMachine:*")),
        [
            allow([commit_actions.GetDifferences], repository_arn),
            allow([pipeline_actions.StartPipelineExecution], arn("codepipeline", pipeline)),
        ],
    )
    machine = stack.add(
        stepfunctions.StateMachine(
            "Trigger",
            StateMachineType="STANDARD",
            RoleArn=GetAtt(machine_role, "Arn"),
            Definition=_definition(pipeline, watched),
        )
    )
    event_role = role(
        stack,
        "PushRole",
        common,
        trust("events", from_this_account()),
        [allow([state_actions.StartExecution], machine.ref())],
    )
    stack.add(
        events.Rule(
            "Push",
            Description=f"A push to {source.branch}",
            EventPattern={
                "source": ["aws.codecommit"],
                "detail-type": ["CodeCommit Repository State Change"],
                "resources": [repository_arn],
                "detail": {
                    "event": ["referenceCreated", "referenceUpdated"],
                    "referenceType": ["branch"],
                    "referenceName": [source.branch],
                },
            },
            Targets=[events.Target(Id="trigger", Arn=machine.ref(), RoleArn=GetAtt(event_role, "Arn"))],
        )
    )


def by_upload(stack: Stack, common: Common, bucket: BucketName, key: str, pipeline: str) -> None:
    """The bucket's event of a new object starts the pipeline of that object; nothing polls (D2.1)."""
    pipeline_arn = arn("codepipeline", pipeline)
    made = role(
        stack,
        "UploadRole",
        common,
        trust("events", from_this_account()),
        [allow([pipeline_actions.StartPipelineExecution], pipeline_arn)],
    )
    stack.add(
        events.Rule(
            "Upload",
            Description=f"A new {key}",
            EventPattern={
                "source": ["aws.s3"],
                "detail-type": ["Object Created"],
                "detail": {"bucket": {"name": [bucket]}, "object": {"key": [key]}},
            },
            Targets=[events.Target(Id="pipeline", Arn=pipeline_arn, RoleArn=GetAtt(made, "Arn"))],
        )
    )


def _definition(pipeline: str, watched: tuple[str, ...]) -> dict[str, Any]:
    again = [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 2, "MaxAttempts": 3, "BackoffRate": 2}]
    is_new = {
        "Type": "Choice",
        "Choices": [{"Condition": "{% $exists($states.input.detail.oldCommitId) %}", "Next": "Compare"}],
        "Default": "Start",
    }
    compare = {
        "Type": "Task",
        "Resource": Sub("arn:${AWS::Partition}:states:::aws-sdk:codecommit:getDifferences"),
        "Arguments": (
            '{% $merge([{"RepositoryName": $states.input.detail.repositoryName, '
            '"BeforeCommitSpecifier": $states.input.detail.oldCommitId, "AfterCommitSpecifier": $states.input.detail.commitId, '
            '"MaxResults": 100}, $exists($states.input.next) ? {"NextToken": $states.input.next} : {}]) %}'
        ),
        "Output": (
            '{% {"detail": $states.input.detail, "next": $states.result.NextToken, "touched": $count('
            "$append($states.result.Differences.BeforeBlob.Path, $states.result.Differences.AfterBlob.Path)"
            f"[$contains($, {_regex(watched)})]) > 0}} %}}"
        ),
        "Retry": again,
        # Better a release too many than one that never comes: a commit may be gone after a forced push.
        "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Start"}],
        "Next": "Decide",
    }
    decide = {
        "Type": "Choice",
        "Choices": [
            {"Condition": "{% $states.input.touched %}", "Next": "Start"},
            {"Condition": "{% $exists($states.input.next) %}", "Next": "Compare"},
        ],
        "Default": "NotOurs",
    }
    start = {
        "Type": "Task",
        "Resource": Sub("arn:${AWS::Partition}:states:::aws-sdk:codepipeline:startPipelineExecution"),
        "Arguments": {"Name": pipeline},
        "Retry": again,
        "End": True,
    }
    return {
        "Comment": f"Start {pipeline} when a push changed one of its folders",
        "QueryLanguage": "JSONata",
        "StartAt": "IsNewBranch",
        "States": {
            "IsNewBranch": is_new,
            "Compare": compare,
            "Decide": decide,
            "Start": start,
            "NotOurs": {"Type": "Succeed"},
        },
    }


def _regex(watched: tuple[str, ...]) -> str:
    if watched == (".",):
        return "/./"
    escaped = (re.sub(r"([./])", r"\\\1", folder) for folder in watched)
    return rf"/^({'|'.join(escaped)})\//"
