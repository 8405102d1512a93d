"""CodeCommit, CodeBuild, CodeDeploy, CodePipeline, CodeConnections.

moto records some of them and does nothing with any; all but CodePipeline are stand-ins.
"""

from __future__ import annotations

from typing import Any

from cfngen.local.types.entry import (
    Body,
    Call,
    Context,
    Name,
    Part,
    Read,
    Type,
    arn,
    physical,
    property_,
    tags,
    text,
    update,
)

_PROJECT = (
    "Artifacts",
    "AutoRetryLimit",
    "BadgeEnabled",
    "BuildBatchConfig",
    "Cache",
    "ConcurrentBuildLimit",
    "Description",
    "EncryptionKey",
    "Environment",
    "FileSystemLocations",
    "LogsConfig",
    "QueuedTimeoutInMinutes",
    "SecondaryArtifacts",
    "SecondarySourceVersions",
    "SecondarySources",
    "ServiceRole",
    "Source",
    "SourceVersion",
    "Tags",
    "TimeoutInMinutes",
    "VpcConfig",
)
_GROUP = (
    "AlarmConfiguration",
    "AutoRollbackConfiguration",
    "AutoScalingGroups",
    "BlueGreenDeploymentConfiguration",
    "DeploymentConfigName",
    "DeploymentStyle",
    "ECSServices",
    "Ec2TagFilters",
    "Ec2TagSet",
    "LoadBalancerInfo",
    "OnPremisesInstanceTagFilters",
    "OnPremisesTagSet",
    "OutdatedInstancesStrategy",
    "ServiceRoleArn",
    "TerminationHookEnabled",
    "TriggerConfigurations",
)
_PIPELINE = (
    "ArtifactStore",
    "ArtifactStores",
    "ExecutionMode",
    "PipelineType",
    "RoleArn",
    "Stages",
    "Triggers",
    "Variables",
)


def _repository_name(context: Context) -> str:
    return str(context.properties["RepositoryName"])


def _stages(value: Any) -> list[dict[str, Any]]:
    """A stage's actions and hooks as the API has them; a configuration's values are text there."""
    return [{**stage, "Actions": [_action(each) for each in stage.get("Actions", [])]} for stage in value]


def _action(action: Body) -> dict[str, Any]:
    told = {"RunOrder": 1, **action}
    told["Configuration"] = {key: text(value) for key, value in action.get("Configuration", {}).items()}
    return told


def _artifact_stores(value: Any) -> dict[str, Any]:
    return {each["Region"]: each["ArtifactStore"] for each in value}


def _group_arn(context: Context) -> str:
    return context.arn("codedeploy", f"deploymentgroup:{context.properties['ApplicationName']}/{context.physical}")


_PIPELINE_NAMES = {name: f"pipeline.{name}" for name in ("Name", *_PIPELINE)}
_PIPELINE_VALUES = {"Stages": _stages, "ArtifactStores": _artifact_stores}

TYPES = {
    "AWS::CodeCommit::Repository": Type(
        "codecommit",
        Call("CreateRepository"),
        "repositoryMetadata.repositoryId",
        parts=(
            Part(
                Call(
                    "UpdateRepositoryName",
                    ("RepositoryName",),
                    {"RepositoryName": "newName"},
                    given={"oldName": lambda context: context.old["RepositoryName"]},
                ),
                is_update=True,
            ),
            update(
                "UpdateRepositoryDescription",
                "RepositoryDescription",
                given={"repositoryName": _repository_name},
                absent={"RepositoryDescription": ""},
            ),
            tags(
                "TagResource",
                "UntagResource",
                "resourceArn",
                lambda context: context.arn("codecommit", _repository_name(context)),
            ),
        ),
        delete=Call("DeleteRepository", ("RepositoryName",)),
        reads=(
            Read("GetRepository", {"repositoryName": _repository_name}, "repositoryMetadata"),
            Read(
                "ListTagsForResource",
                {"resourceArn": lambda context: context.arn("codecommit", _repository_name(context))},
                "tags",
            ),
        ),
        attributes={
            "Arn": "Arn",
            "CloneUrlHttp": "cloneUrlHttp",
            "CloneUrlSsh": "cloneUrlSsh",
            "Name": "repositoryName",
            "RepositoryId": "repositoryId",
        },
    ),
    "AWS::CodeBuild::Project": Type(
        "codebuild",
        Call("CreateProject"),
        "project.name",
        Name("Name", 255),
        parts=(Part(Call("UpdateProject", _PROJECT, given={"name": physical}), whole=True, is_update=True),),
        delete=Call("DeleteProject", given={"name": physical}),
        reads=(Read("BatchGetProjects", {"names": [physical]}, "projects[0]"),),
        attributes={"Arn": "arn", "Id": "name"},
    ),
    "AWS::CodeDeploy::Application": Type(
        "codedeploy",
        Call("CreateApplication"),
        "applicationName",
        Name("ApplicationName", 100),
        parts=(tags("TagResource", "UntagResource", "ResourceArn", arn("codedeploy", "application:{}")),),
        delete=Call("DeleteApplication", given={"applicationName": physical}),
        reads=(
            Read("GetApplication", {"applicationName": physical}, "application"),
            Read("ListTagsForResource", {"ResourceArn": arn("codedeploy", "application:{}")}, "Tags"),
        ),
    ),
    "AWS::CodeDeploy::DeploymentConfig": Type(
        "codedeploy",
        Call("CreateDeploymentConfig"),
        "deploymentConfigName",
        Name("DeploymentConfigName", 100),
        delete=Call("DeleteDeploymentConfig", given={"deploymentConfigName": physical}),
        reads=(Read("GetDeploymentConfig", {"deploymentConfigName": physical}, "deploymentConfigInfo"),),
    ),
    "AWS::CodeDeploy::DeploymentGroup": Type(
        "codedeploy",
        Call("CreateDeploymentGroup"),
        "deploymentGroupName",
        Name("DeploymentGroupName", 100),
        parts=(
            Part(
                Call(
                    "UpdateDeploymentGroup",
                    _GROUP,
                    given={"applicationName": property_("ApplicationName"), "currentDeploymentGroupName": physical},
                    absent={
                        "AlarmConfiguration": {"enabled": False, "alarms": []},
                        "AutoRollbackConfiguration": {"enabled": False, "events": []},
                        "TriggerConfigurations": [],
                        "DeploymentConfigName": "CodeDeployDefault.OneAtATime",
                    },
                ),
                is_update=True,
            ),
            tags("TagResource", "UntagResource", "ResourceArn", _group_arn),
        ),
        delete=Call("DeleteDeploymentGroup", ("ApplicationName",), given={"deploymentGroupName": physical}),
        reads=(
            Read(
                "GetDeploymentGroup",
                {"applicationName": property_("ApplicationName"), "deploymentGroupName": physical},
                "deploymentGroupInfo",
            ),
            Read("ListTagsForResource", {"ResourceArn": _group_arn}, "Tags"),
        ),
    ),
    "AWS::CodePipeline::Pipeline": Type(
        "codepipeline",
        Call("CreatePipeline", names=_PIPELINE_NAMES, values=_PIPELINE_VALUES, given={"pipeline.version": 1}),
        "pipeline.name",
        Name("Name", 100),
        parts=(
            Part(
                Call("UpdatePipeline", _PIPELINE, _PIPELINE_NAMES, _PIPELINE_VALUES, given={"pipeline.name": physical}),
                whole=True,
                is_update=True,
            ),
            tags("TagResource", "UntagResource", "resourceArn", arn("codepipeline", "{}")),
        ),
        delete=Call("DeletePipeline", given={"name": physical}),
        reads=(
            Read("GetPipeline", {"name": physical}, "pipeline"),
            Read("ListTagsForResource", {"resourceArn": arn("codepipeline", "{}")}, "tags"),
        ),
        attributes={"Version": "to_string(version)", "Arn": arn("codepipeline", "{}")},
        dropped={"RestartExecutionOnUpdate": "no pipeline runs here by itself"},
    ),
    "AWS::CodeConnections::Connection": Type(
        "codeconnections",
        Call("CreateConnection"),
        "ConnectionArn",
        parts=(tags("TagResource", "UntagResource"),),
        delete=Call("DeleteConnection", given={"ConnectionArn": physical}),
        reads=(
            Read("GetConnection", {"ConnectionArn": physical}, "Connection"),
            Read("ListTagsForResource", {"ResourceArn": physical}, "Tags"),
        ),
        # PENDING until somebody finishes the handshake in the console, as on AWS (D2.4).
        attributes={
            "ConnectionArn": physical,
            "ConnectionStatus": "ConnectionStatus",
            "OwnerAccountId": "OwnerAccountId",
        },
    ),
}
