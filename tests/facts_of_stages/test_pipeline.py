"""Facts about pipelines, their sources and their artifacts: D of domain-facts."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from cfngen import S3, App, DescriptionError, KeyArn
from cfngen.simulate.pipelines import Difference, matches

from .conftest import PROJECT, SERVICES, Rendered, connect, render, smallest, text, walk
from .pushes import PUSHES, Play

# D1, the pipeline itself


def test_d1_1_every_pipeline_is_v2(stage: Rendered) -> None:
    made = stage.each("AWS::CodePipeline::Pipeline")
    assert len(made) == len(SERVICES)
    assert {each["PipelineType"] for each in made} == {"V2"}


def test_d1_4_pipelines_queue_and_drop_nothing(stage: Rendered) -> None:
    assert {each["ExecutionMode"] for each in stage.each("AWS::CodePipeline::Pipeline")} == {"QUEUED"}


def covers(pattern: str, path: str) -> bool:
    """Whether a file path is in a glob of a trigger."""
    parts = re.split(r"(\*\*|\*)", pattern)
    return bool(re.fullmatch("".join({"**": ".*", "*": "[^/]*"}.get(part, re.escape(part)) for part in parts), path))


def filters(made: Rendered, service: str) -> list[dict[str, Any]]:
    return [push for trigger in made.pipeline(service)["Triggers"] for push in trigger["GitConfiguration"]["Push"]]


def starts_by_trigger(made: Rendered, service: str, *touched: str) -> bool:
    return any(
        covers(pattern, path)
        for push in filters(made, service)
        for pattern in push["FilePaths"]["Includes"]
        for path in touched
    )


@pytest.mark.parametrize("path", PUSHES)
def test_d1_7_a_trigger_names_the_folders_of_its_service(connected: Rendered, path: str) -> None:
    assert {each for each in SERVICES if starts_by_trigger(connected, each, path)} == PUSHES[path]


def test_d1_7_the_trigger_governs_one_branch_of_its_source_action(connected: Rendered, prod: Rendered) -> None:
    for service in SERVICES:
        [trigger] = connected.pipeline(service)["Triggers"]
        assert trigger["ProviderType"] == "CodeStarSourceConnection"
        source = connected.action(service, trigger["GitConfiguration"]["SourceActionName"])
        assert source["ActionTypeId"]["Category"] == "Source"
        assert source["Configuration"]["DetectChanges"] == "false"
        for push in filters(connected, service):
            assert push["Branches"] == {"Includes": [source["Configuration"]["BranchName"]]}
        assert "Triggers" not in prod.pipeline(service).properties


@pytest.mark.parametrize("more", [1, 6, 7, 12, 30])
def test_d1_7_a_trigger_keeps_within_its_filters_or_is_refused(more: int) -> None:
    shared = tuple(f"lib/part{number:02}" for number in range(more))
    try:
        made = render(connect(smallest(shared=shared, build_context=".")))
    except DescriptionError as refused:
        made, told = None, str(refused)
    if made is None:
        assert more > 6, told  # the service's own two folders leave room for six
        assert "shared" in told
        return
    pushes = filters(made, "web")
    assert len(pushes) <= 3
    assert all(len(push["FilePaths"]["Includes"]) <= 8 for push in pushes)
    assert all(starts_by_trigger(made, "web", f"{folder}/x.js") for folder in shared)


@pytest.mark.parametrize("source", [".", "./web", "apps/./web"])
def test_d1_7_a_service_at_the_sources_root_is_started_or_refused(source: str) -> None:
    app = smallest(source="web")
    try:
        app = smallest(source=source)
    except DescriptionError:
        return
    path = str((PROJECT / source / "Dockerfile").relative_to(PROJECT))
    assert starts_by_trigger(render(connect(app)), "web", path)
    assert Play(render(app), "web").starts([Difference(after=path)])


# D2, sources


def test_d2_codecommit_source_action(prod: Rendered) -> None:
    for service in SERVICES:
        source = prod.action(service, "Source")
        assert source["ActionTypeId"] == {
            "Category": "Source",
            "Owner": "AWS",
            "Provider": "CodeCommit",
            "Version": "1",
        }
        settings = dict(source["Configuration"])
        assert prod.real(f"pipeline-{service}.yaml", settings.pop("RepositoryName")) == (
            "coffee.yaml",
            {"Ref": "SourceRepositoryName"},
        )
        assert settings == {"BranchName": "main", "OutputArtifactFormat": "CODE_ZIP", "PollForSourceChanges": "false"}


def test_d2_codecommit_rights_of_the_pipeline(stages: Mapping[str, Rendered]) -> None:
    for name in ("dev", "prod"):
        for service in SERVICES:
            role = stages[name].one(f"pipeline-{service}.yaml/PipelineRole")
            statement = role.allowing("codecommit:GetBranch")
            assert set(statement["Action"]) == {
                f"codecommit:{action}"
                for action in (
                    "GetBranch",
                    "GetCommit",
                    "GetRepository",
                    "UploadArchive",
                    "GetUploadArchiveStatus",
                    "CancelUploadArchive",
                )
            }
            assert [text(one) for one in statement["Resource"]] == [
                "arn:${AWS::Partition}:codecommit:${AWS::Region}:${AWS::AccountId}:${Repository}"
            ]


def test_d2_1_nothing_polls(stage: Rendered) -> None:
    settings = [stage.action(service, "Source")["Configuration"] for service in SERVICES]
    assert all("false" in (each.get("PollForSourceChanges"), each.get("DetectChanges")) for each in settings)


def test_d2_2_pushes_to_the_branch_reach_the_trigger(dev: Rendered) -> None:
    def pushed(**detail: str) -> dict[str, Any]:
        there = {"event": "referenceUpdated", "referenceType": "branch", "referenceName": "dev"}
        event = {"source": "aws.codecommit", "detail-type": "CodeCommit Repository State Change"}
        return event | {"resources": ["the repository"], "detail": there | detail}

    for service in SERVICES:
        rule = dev.one(f"pipeline-{service}.yaml/Push")
        [resource] = rule["EventPattern"]["resources"]
        named = resource["Fn::Sub"][1]["Repository"]
        assert dev.real(rule.file, named) == ("pipeline.yaml", {"Fn::GetAtt": ["Repository", "Name"]})
        pattern = {**rule["EventPattern"], "resources": ["the repository"]}
        assert matches(pattern, pushed())
        assert matches(pattern, pushed(event="referenceCreated"))
        assert not matches(pattern, pushed(event="referenceDeleted"))
        assert not matches(pattern, pushed(referenceName="main"))
        assert not matches(pattern, pushed(referenceType="tag"))
        [target] = rule["Targets"]
        assert dev.names(rule.file, target["Arn"]) == f"{rule.file}/Trigger"
        role = dev.one(dev.names(rule.file, target["RoleArn"]))
        assert role.allowing("states:StartExecution")["Resource"] == [target["Arn"]]


def test_d2_connection_source_action(connected: Rendered) -> None:
    for service in SERVICES:
        source = connected.action(service, "Source")
        assert source["ActionTypeId"] == {
            "Category": "Source",
            "Owner": "AWS",
            "Provider": "CodeStarSourceConnection",
            "Version": "1",
        }
        settings = dict(source["Configuration"])
        assert connected.real(f"pipeline-{service}.yaml", settings.pop("ConnectionArn")) == (
            "coffee.yaml",
            {"Ref": "SourceConnectionArn"},
        )
        assert settings == {
            "FullRepositoryId": "acme/coffee",
            "BranchName": "main",
            "OutputArtifactFormat": "CODE_ZIP",
            "DetectChanges": "false",
        }


def test_d2_connection_rights_are_of_both_names_on_one_connection(connected: Rendered) -> None:
    for service in SERVICES:
        role = connected.one(f"pipeline-{service}.yaml/PipelineRole")
        statement = role.allowing("codeconnections:UseConnection")
        assert set(statement["Action"]) == {"codeconnections:UseConnection", "codestar-connections:UseConnection"}
        assert [connected.real(role.file, one) for one in statement["Resource"]] == [
            ("coffee.yaml", {"Ref": "SourceConnectionArn"})
        ]
        assert not any(action.startswith("codecommit:") for action in role.actions)


def test_d2_3_a_connection_is_given_and_not_made(connected: Rendered) -> None:
    assert not connected.each("AWS::CodeConnections::*")
    parameter = connected.templates["coffee.yaml"]["Parameters"]["SourceConnectionArn"]
    assert "Default" not in parameter
    pattern = parameter["AllowedPattern"]
    for service in ("codeconnections", "codestar-connections"):
        assert re.fullmatch(pattern, f"arn:aws:{service}:eu-west-1:123456789012:connection/0a1b")
    assert not re.fullmatch(pattern, "arn:aws:iam::123456789012:role/x")


@pytest.mark.parametrize("source", [S3(create=True), S3(prefix="sources", key=KeyArn.parameter("SourceKeyArn"))])
def test_d2_s3_source_action_and_its_rights(source: S3, apps: Mapping[str, App]) -> None:
    assert apps["prod"].pipeline
    made = render(replace(apps["prod"], pipeline=replace(apps["prod"].pipeline, source=source)))
    for service in SERVICES:
        file, key = f"pipeline-{service}.yaml", f"{source.prefix or 'coffee/prod'}/{service}.zip"
        action = made.action(service, "Source")
        assert action["ActionTypeId"] == {"Category": "Source", "Owner": "AWS", "Provider": "S3", "Version": "1"}
        settings = dict(action["Configuration"])
        bucket = settings.pop("S3Bucket")
        assert settings == {"S3ObjectKey": key, "PollForSourceChanges": "false"}
        role = made.one(f"{file}/PipelineRole")
        statement = role.allowing("s3:GetObjectTagging")
        assert set(statement["Action"]) == {
            f"s3:GetObject{what}" for what in ("", "Tagging", "Version", "VersionTagging")
        }
        [resource] = statement["Resource"]
        assert resource["Fn::Sub"][0].endswith(f":s3:::${{Bucket}}/{key}")
        assert resource["Fn::Sub"][1] == {"Bucket": bucket}
        assert statement["Condition"] == {"StringEquals": {"aws:ResourceAccount": {"Ref": "AWS::AccountId"}}}
        assert not any(action.startswith("codecommit:") for action in role.actions)
        # EventBridge starts this pipeline for this object, and no other
        rule = made.one(f"{file}/Upload")
        assert rule["EventPattern"] == {
            "source": ["aws.s3"],
            "detail-type": ["Object Created"],
            "detail": {"bucket": {"name": [bucket]}, "object": {"key": [key]}},
        }
        [target] = rule["Targets"]
        starter = made.one(made.names(file, target["RoleArn"]))
        assert starter.actions == {"codepipeline:StartPipelineExecution"}
        assert starter.allowing("codepipeline:StartPipelineExecution")["Resource"] == [target["Arn"]]
        assert text(target["Arn"]).endswith(f":coffee-prod-{service}")


def test_d2_a_bucket_of_sources_is_closed_keeps_versions_and_tells_of_its_objects(apps: Mapping[str, App]) -> None:
    assert apps["prod"].pipeline
    made = render(replace(apps["prod"], pipeline=replace(apps["prod"].pipeline, source=S3(create=True))))
    bucket, model = made.one("pipeline.yaml/SourceBucket"), made.one("foundation.yaml/ArtifactBucket")
    same = ("OwnershipControls", "PublicAccessBlockConfiguration", "VersioningConfiguration")
    assert [bucket[each] for each in same] == [model[each] for each in same]
    assert bucket["NotificationConfiguration"] == {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}
    [rule] = bucket["LifecycleConfiguration"]["Rules"]
    assert "ExpirationInDays" not in rule  # the newest source stays
    assert rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": 90}
    assert (bucket.body["DeletionPolicy"], bucket.body["UpdateReplacePolicy"]) == ("Retain", "Retain")
    policy = made.one("pipeline.yaml/SourceBucketPolicy")["PolicyDocument"]["Statement"]
    assert [(each["Effect"], each["Condition"]) for each in policy] == [
        ("Deny", {"Bool": {"aws:SecureTransport": False}})
    ]
    # it is encrypted by the stage's key, which its pipelines may use
    [encryption] = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert encryption["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"


# D3, D4, build, approval, deployment


def test_d3_codebuild_action(stage: Rendered) -> None:
    for service in SERVICES:
        action = stage.action(service, "Build")
        assert action["ActionTypeId"] == {
            "Category": "Build",
            "Owner": "AWS",
            "Provider": "CodeBuild",
            "Version": "1",
        }
        assert stage.names(f"pipeline-{service}.yaml", action["Configuration"]["ProjectName"]).endswith("BuildProject")
        assert [each["Name"] for each in action["InputArtifacts"]] == ["Source"]
        assert [each["Name"] for each in action["OutputArtifacts"]] == ["Image", "Defs"]
        assert action["Namespace"] == "Build"


def test_d3_codebuild_rights_of_the_pipeline(stage: Rendered) -> None:
    for service in SERVICES:
        role = stage.one(f"pipeline-{service}.yaml/PipelineRole")
        statement = role.allowing("codebuild:StartBuild")
        assert set(statement["Action"]) == {"codebuild:StartBuild", "codebuild:BatchGetBuilds"}
        assert statement["Resource"] == [{"Fn::GetAtt": ["BuildProject", "Arn"]}]


def test_d3_an_approval_can_tell_its_topic(stage: Rendered) -> None:
    for service in SERVICES:
        names = [action["Name"] for one in stage.pipeline(service)["Stages"] for action in one["Actions"]]
        role = stage.one(f"pipeline-{service}.yaml/PipelineRole")
        if not (stage.app.pipeline and stage.app.pipeline.approval):
            assert "Approve" not in names
            assert "sns:Publish" not in role.actions
            continue
        assert names.index("Build") < names.index("Approve") < names.index("Deploy")
        action = stage.action(service, "Approve")
        assert action["ActionTypeId"] == {
            "Category": "Approval",
            "Owner": "AWS",
            "Provider": "Manual",
            "Version": "1",
        }
        topic = stage.one(stage.names(role.file, action["Configuration"]["NotificationArn"]))
        assert [stage.names(role.file, one) for one in role.allowing("sns:Publish")["Resource"]] == [topic.place]
        key = stage.names(topic.file, topic["KmsMasterKeyId"])
        by_sns = [each for each in role.statements if "Condition" in each and "kms:Decrypt" in each["Action"]]
        assert [stage.names(role.file, one) for one in by_sns[0]["Resource"]] == [key]
        assert set(by_sns[0]["Action"]) >= {"kms:Decrypt", "kms:GenerateDataKey"}
        assert by_sns[0]["Condition"] == {"StringLike": {"kms:ViaService": ["sns.*.amazonaws.com"]}}
        assert len(action["Configuration"]["CustomData"]) <= 1000


def test_d3_codedeploytoecs_action(stage: Rendered) -> None:
    for service in SERVICES:
        action = stage.action(service, "Deploy")
        assert action["ActionTypeId"] == {
            "Category": "Deploy",
            "Owner": "AWS",
            "Provider": "CodeDeployToECS",
            "Version": "1",
        }
        settings, file = dict(action["Configuration"]), f"pipeline-{service}.yaml"
        assert stage.names(file, settings.pop("ApplicationName")) == "cluster.yaml/DeployApplication"
        assert stage.names(file, settings.pop("DeploymentGroupName")) == f"service-{service}.yaml/DeploymentGroup"
        assert settings == {
            "TaskDefinitionTemplateArtifact": "Defs",
            "TaskDefinitionTemplatePath": "taskdef.json",
            "AppSpecTemplateArtifact": "Defs",
            "AppSpecTemplatePath": "appspec.yaml",
            "Image1ArtifactName": "Image",
            "Image1ContainerName": "IMAGE1_NAME",
        }
        # Small artifacts of the build, never the source, which may be larger than the action takes (D3.3).
        assert {each["Name"] for each in action["InputArtifacts"]} == {"Defs", "Image"}
        [container] = json.loads(stage.files[f"{service}/taskdef.json"])["containerDefinitions"]
        assert container["image"] == f"<{settings['Image1ContainerName']}>"


def test_d4_codedeploytoecs_rights_are_these_and_no_others(stage: Rendered) -> None:
    arn = "arn:${AWS::Partition}:%s:${AWS::Region}:${AWS::AccountId}:%s"
    for service in SERVICES:
        role = stage.one(f"pipeline-{service}.yaml/PipelineRole")
        group, tagging = role.allowing("codedeploy:CreateDeployment"), role.allowing("ecs:TagResource")
        assert set(group["Action"]) == {"codedeploy:CreateDeployment", "codedeploy:GetDeployment"}
        [there] = group["Resource"]
        assert text(there) == arn % ("codedeploy", "deploymentgroup:${Application}/${Group}")
        named = {key: stage.names(role.file, value) for key, value in there["Fn::Sub"][1].items()}
        assert named == {
            "Application": "cluster.yaml/DeployApplication",
            "Group": f"service-{service}.yaml/DeploymentGroup",
        }
        application = role.allowing("codedeploy:GetApplication")
        assert set(application["Action"]) == {
            "codedeploy:GetApplication",
            "codedeploy:GetApplicationRevision",
            "codedeploy:RegisterApplicationRevision",
        }
        assert [text(one) for one in application["Resource"]] == [arn % ("codedeploy", "application:${Application}")]
        config = role.allowing("codedeploy:GetDeploymentConfig")
        assert config["Action"] == ["codedeploy:GetDeploymentConfig"]
        assert [text(one) for one in config["Resource"]] == [arn % ("codedeploy", "deploymentconfig:*")]
        assert role.allowing("ecs:RegisterTaskDefinition")["Action"] == ["ecs:RegisterTaskDefinition"]
        assert tagging["Action"] == ["ecs:TagResource"]
        assert tagging["Condition"] == {"StringEquals": {"ecs:CreateAction": "RegisterTaskDefinition"}}
        passing = role.allowing("iam:PassRole")
        assert {stage.names(role.file, one) for one in passing["Resource"]} == {
            f"service-{service}.yaml/ExecutionRole",
            f"service-{service}.yaml/TaskRole",
        }
        assert passing["Condition"] == {
            "StringEquals": {"iam:PassedToService": ["ecs.amazonaws.com", "ecs-tasks.amazonaws.com"]}
        }
        others = {"s3", "kms", "codecommit", "codeconnections", "codestar-connections", "codebuild", "sns", "states"}
        rest = {action for action in role.actions if action.partition(":")[0] not in others}
        assert rest == {
            *group["Action"],
            *application["Action"],
            *config["Action"],
            "ecs:RegisterTaskDefinition",
            "ecs:TagResource",
            "iam:PassRole",
        }


# D5, artifacts


def test_d5_4_buckets_are_closed_encrypted_versioned_and_emptied(stage: Rendered) -> None:
    buckets = stage.each("AWS::S3::Bucket")
    assert {each.name for each in buckets} == {"LogBucket", "ArtifactBucket"}
    for bucket in buckets:
        assert bucket["PublicAccessBlockConfiguration"] == dict.fromkeys(
            ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"), True
        )
        assert bucket["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
        assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
        [encryption] = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        assert encryption["BucketKeyEnabled"] is True
        algorithm = encryption["ServerSideEncryptionByDefault"]["SSEAlgorithm"]
        assert algorithm == ("aws:kms" if bucket.name == "ArtifactBucket" else "AES256")  # H13
        [rule] = bucket["LifecycleConfiguration"]["Rules"]
        assert rule["Status"] == "Enabled"
        assert 30 <= rule["ExpirationInDays"] <= max(90, stage.app.log_retention_days)
        assert 7 <= rule["NoncurrentVersionExpiration"]["NoncurrentDays"] <= 30
        assert rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"] <= 7
        policy = stage.one(f"{bucket.place}Policy")
        denied = [each for each in policy["PolicyDocument"]["Statement"] if each["Effect"] == "Deny"]
        assert [
            (each["Principal"], each["Action"], [text(one) for one in each["Resource"]], each["Condition"])
            for each in denied
        ] == [
            (
                "*",
                ["s3:*"],
                [text({"Fn::GetAtt": [bucket.name, "Arn"]}), f"${{{bucket.name}.Arn}}/*"],
                {"Bool": {"aws:SecureTransport": False}},
            )
        ]


def test_d5_5_no_deny_asks_for_an_encryption_header(stage: Rendered) -> None:
    policies = stage.each("AWS::S3::BucketPolicy")
    assert policies
    conditions = [one for policy in policies for one in walk(policy.properties) if isinstance(one, str)]
    assert not [one for one in conditions if "x-amz-server-side-encryption" in one]
    assert "x-amz-server-side-encryption" not in json.dumps([policy.properties for policy in policies])


def test_d5_6_iam_decides_who_uses_the_key(stage: Rendered) -> None:
    [key] = stage.each("AWS::KMS::Key")
    policy = key["KeyPolicy"]
    owner = policy["Statement"][0]
    assert owner["Principal"] == {"AWS": {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}}
    assert (owner["Effect"], owner["Action"], owner.get("Condition")) == ("Allow", ["kms:*"], None)
    # No role stands in it: that would be a cycle of key, role and key.
    assert {next(iter(each["Principal"])) for each in policy["Statement"][1:]} == {"Service"}
    assert not [one for one in walk(policy) if isinstance(one, dict) and "Fn::GetAtt" in one]


def test_d5_7_what_guards_a_bucket_stays_with_it(stage: Rendered) -> None:
    policies = stage.each("AWS::S3::BucketPolicy")
    assert len(policies) == 2
    for policy in policies:
        assert (policy.body["DeletionPolicy"], policy.body["UpdateReplacePolicy"]) == ("Retain", "Retain")


def test_a_build_has_no_limit_that_a_new_account_refuses(stage: Rendered) -> None:
    for project in stage.each("AWS::CodeBuild::Project"):
        assert "ConcurrentBuildLimit" not in project.properties


def test_the_build_may_read_the_findings_of_either_kind_of_scan(apps: Mapping[str, App], stage: Rendered) -> None:
    for service in SERVICES:
        role = stage.one(f"pipeline-{service}.yaml/BuildRole")
        assert "ecr:DescribeImageScanFindings" in role.actions
        assert set(role.allowing("inspector2:ListFindings")["Action"]) == {
            "inspector2:ListCoverage",
            "inspector2:ListFindings",
        }
        assert "inspector2:ListFindings" in role.body["Metadata"]["Wildcards"]
    assert apps["dev"].pipeline
    unscanned = render(replace(apps["dev"], pipeline=replace(apps["dev"].pipeline, scan_threshold="NONE")))
    assert "inspector2:ListFindings" not in unscanned.one("pipeline-customer.yaml/BuildRole").actions


def test_d5_7_a_bucket_outlives_its_stack(stage: Rendered) -> None:
    """And a failed creation, since logs come early and a bucket with something in it cannot be deleted."""
    for bucket in stage.each("AWS::S3::Bucket"):
        assert bucket.body["DeletionPolicy"] == "Retain"
        assert bucket.body["UpdateReplacePolicy"] == "Retain"


def test_d5_8_buckets_have_no_names(stage: Rendered) -> None:
    for bucket in stage.each("AWS::S3::Bucket"):
        assert not {"BucketName", "BucketNamePrefix", "BucketNamespace"} & bucket.properties.keys()


# D6, a failed run is told


def failed(pipeline: str, state: str = "FAILED", **detail: Any) -> dict[str, Any]:
    return {
        "source": "aws.codepipeline",
        "detail-type": "CodePipeline Pipeline Execution State Change",
        "region": "eu-west-1",
        "detail": {"pipeline": pipeline, "execution-id": "0a1b", "state": state, "version": 3, **detail},
    }


def test_d6_1_a_failed_run_is_told_but_not_the_first(stage: Rendered) -> None:
    rule, name = stage.one("pipeline.yaml/PipelineFailureNotice"), f"coffee-{stage.app.stage}"
    pattern = rule["EventPattern"]
    for service in SERVICES:
        assert stage.pipeline(service)["Name"] == f"{name}-{service}"
        assert matches(pattern, failed(f"{name}-{service}"))
    pushed = {"execution-trigger": {"trigger-type": "StartPipelineExecution", "trigger-detail": "x"}}
    first = {"execution-trigger": {"trigger-type": "CreatePipeline", "trigger-detail": "x"}}
    assert matches(pattern, failed(f"{name}-customer", **pushed))
    assert not matches(pattern, failed(f"{name}-customer", **first))
    for state in ("STARTED", "SUCCEEDED", "SUPERSEDED", "STOPPED", "RESUMED"):
        assert not matches(pattern, failed(f"{name}-customer", state))
    assert not matches(pattern, failed("tea-dev-customer"))
    assert not matches(pattern, {**failed(f"{name}-customer"), "source": "aws.codebuild"})


def test_d6_1_the_notice_is_a_sentence_of_what_the_event_says(stage: Rendered) -> None:
    for rule in (stage.one("pipeline.yaml/PipelineFailureNotice"), stage.one("watch.yaml/DeploymentFailureNotice")):
        [target] = rule["Targets"]
        given = target["InputTransformer"]
        words = set(re.findall(r"<(\w+)>", given["InputTemplate"]))
        assert words == set(given["InputPathsMap"])
        sentence = json.loads(re.sub(r"<\w+>", "x", given["InputTemplate"]))
        assert isinstance(sentence, str)
    paths = stage.one("pipeline.yaml/PipelineFailureNotice")["Targets"][0]["InputTransformer"]["InputPathsMap"]
    event = failed("p")
    for path in paths.values():
        node: Any = event
        for key in path.removeprefix("$.").split("."):
            node = node[key]
        assert node
