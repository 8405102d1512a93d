"""Facts about pipelines, builds, images and artifacts: D, E and F of domain-facts."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import botocore.session
import pytest

from cfngen import AllAtOnce, App, CodeCommit, DescriptionError, Network, Pipeline, Release, Service
from cfngen.simulate.machines import Machine, TaskFailedError
from cfngen.simulate.pipelines import Difference, matches

from .conftest import PROJECT, Rendered, connect, render, text, walk

SERVICES = ("customer", "employee")


def smallest(**service: Any) -> App:
    """One service and its pipeline."""
    quick = Release(strategy=AllAtOnce(), continue_within_minutes=60)
    return App(
        name="shop",
        stage="dev",
        services=(Service(**{"name": "web", "release": quick, **service}),),
        network=Network(nat="one"),
        pipeline=Pipeline(source=CodeCommit(branch="main")),
    )


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


PUSHES = {
    "services/customer/app.js": {"customer"},
    "services/customer/views/deep/home.eta": {"customer"},
    "services/employee/migrate.js": {"employee"},
    "services/customer2/app.js": set(),
    "services/customer.md": set(),
    "other/services/customer/app.js": set(),
    "templates/coffee/prod/customer/taskdef.json": {"customer"},
    "templates/coffee/prod/employee/buildspec.yml": {"employee"},
    "templates/coffee/prod/network.yaml": set(),
    "templates/coffee/staging/customer/taskdef.json": set(),
    "services/coffee.py": set(),
    "README.md": set(),
}


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


# E, builds


def commands(made: Rendered, service: str, phase: str) -> list[str]:
    return made.buildspec(service)["phases"][phase]["commands"]  # type: ignore[no-any-return]


def test_e1_1_nothing_is_pushed_after_a_failure(stage: Rendered) -> None:
    for service in SERVICES:
        phases = stage.buildspec(service)["phases"]
        assert set(phases) <= {"install", "pre_build", "build"}  # post_build would run in any case
        assert {phases[name]["on-failure"] for name in ("pre_build", "build")} == {"ABORT"}
        steps = [*phases["pre_build"]["commands"], *phases["build"]["commands"]]
        at = {word: [n for n, step in enumerate(steps) if word in step] for word in ("npm test", "build --", "push")}
        assert at["npm test"] < at["build --"] < at["push"]


def test_e1_variables_are_no_codebuild_names(stage: Rendered) -> None:
    for service in SERVICES:
        project = stage.one(f"pipeline-{service}.yaml/BuildProject")
        names = [each["Name"] for each in project["Environment"]["EnvironmentVariables"]]
        exported = stage.buildspec(service)["env"]["exported-variables"]
        assert not [name for name in (*names, *exported) if name.startswith("CODEBUILD_")]
        assert stage.buildspec(service)["version"] == 0.2
        assert stage.buildspec(service)["env"]["shell"] == "bash"


def test_e1_exported_variables_are_in_the_environment(stage: Rendered) -> None:
    """A shell variable that is not exported is in no process's environment, and CodeBuild reads that."""
    for service in SERVICES:
        steps = [*commands(stage, service, "pre_build"), *commands(stage, service, "build")]
        for name in stage.buildspec(service)["env"]["exported-variables"]:
            assert any(re.search(rf"(^|[;&\s])(export|declare -x)\s[^\n]*\b{name}\b", step) for step in steps), name


def test_e1_3_secondary_artifacts_are_the_actions_outputs(stage: Rendered) -> None:
    for service in SERVICES:
        outputs = {each["Name"] for each in stage.action(service, "Build")["OutputArtifacts"]}
        assert set(stage.buildspec(service)["artifacts"]["secondary-artifacts"]) == outputs
        made = stage.buildspec(service)["artifacts"]["secondary-artifacts"]
        # Found by their names in the artifact's root (D3.4).
        assert made["Image"]["files"] == ["imageDetail.json"]
        assert made["Defs"]["files"] == ["taskdef.json", "appspec.yaml"]


def test_e1_4_the_primary_artifact_is_there_as_well(stage: Rendered) -> None:
    for service in SERVICES:
        assert stage.buildspec(service)["artifacts"]["files"]


IMAGES = {  # E2.3
    "LINUX_CONTAINER": (
        "aws/codebuild/amazonlinux-x86_64-standard:5.0",
        "aws/codebuild/amazonlinux-x86_64-standard:6.0",
    ),
    "ARM_CONTAINER": (
        "aws/codebuild/amazonlinux-aarch64-standard:3.0",
        "aws/codebuild/amazonlinux-aarch64-standard:4.0",
    ),
}


@pytest.mark.parametrize("architecture", ["ARM64", "X86_64"])
def test_e2_3_e2_5_the_build_machine_is_of_the_tasks_architecture(apps: Mapping[str, App], architecture: str) -> None:
    services = tuple(replace(each, architecture=architecture) for each in apps["dev"].services)
    made = render(replace(apps["dev"], services=services))
    for service in SERVICES:
        machine = made.one(f"pipeline-{service}.yaml/BuildProject")["Environment"]
        assert machine["Type"] == {"ARM64": "ARM_CONTAINER", "X86_64": "LINUX_CONTAINER"}[architecture]
        assert machine["Image"] in IMAGES[machine["Type"]]
        taskdef = json.loads(made.files[f"{service}/taskdef.json"])
        assert taskdef["runtimePlatform"]["cpuArchitecture"] == architecture


def test_e2_4_only_image_builds_are_privileged_and_say_why(stage: Rendered) -> None:
    projects = stage.each("AWS::CodeBuild::Project")
    assert len(projects) == len(SERVICES)
    for project in projects:
        assert project["Environment"]["PrivilegedMode"] is True
        assert "docker" in project.body["Metadata"]["Privileged"].lower()


def test_e2_12_the_buildspec_is_a_generated_file_of_the_source(stage: Rendered) -> None:
    for service in SERVICES:
        project = stage.one(f"pipeline-{service}.yaml/BuildProject")
        assert project["Source"]["Type"] == project["Artifacts"]["Type"] == "CODEPIPELINE"
        folder = f"templates/coffee/{stage.app.stage}/"
        assert project["Source"]["BuildSpec"].startswith(folder)
        assert project["Source"]["BuildSpec"].removeprefix(folder) in stage.files
        # Constant, because a name is create-only: a project keeps it whatever else changes.
        assert project["Name"] == f"coffee-{stage.app.stage}-{service}"


def test_e2_13_builds_encrypt_with_the_key_of_the_artifacts(stages: Mapping[str, Rendered]) -> None:
    for service in SERVICES:
        place = f"pipeline-{service}.yaml"
        made = stages["prod"].one(f"{place}/BuildProject")
        store = stages["prod"].pipeline(service)["ArtifactStore"]
        assert store["EncryptionKey"]["Type"] == "KMS"
        for key in (made["EncryptionKey"], store["EncryptionKey"]["Id"]):
            assert stages["prod"].real(place, key) == ("foundation.yaml", {"Fn::GetAtt": ["Key", "Arn"]})
        assert "EncryptionKey" not in stages["dev"].one(f"{place}/BuildProject").properties
        assert "EncryptionKey" not in stages["dev"].pipeline(service)["ArtifactStore"]


def base_images(dockerfile: str) -> list[str]:
    defaults = dict(re.findall(r"^ARG (\w+)=(\S+)$", dockerfile, re.MULTILINE))
    named = set(re.findall(r"^FROM \S+ AS (\w+)", dockerfile, re.MULTILINE))
    found = re.findall(r"^FROM (?:--\S+ )*(\S+)", dockerfile, re.MULTILINE)
    images = [re.sub(r"\$\{(\w+)\}", lambda match: defaults[match[1]], image) for image in found]
    return [image for image in images if image not in named and image != "scratch"]


def test_e2_14_no_image_comes_from_docker_hub(stage: Rendered) -> None:
    assert base_images("FROM node:22 AS x\nFROM x\n") == ["node:22"]
    for service in SERVICES:
        images = base_images((PROJECT / f"services/{service}/Dockerfile").read_text(encoding="utf-8"))
        assert images
        [bootstrap] = stage.one(f"service-{service}.yaml/BootstrapTaskDefinition")["ContainerDefinitions"]
        for image in (*images, bootstrap["Image"]):
            assert image.startswith("public.ecr.aws/"), image


def test_e5_the_build_role_may_do_this_and_no_more(stage: Rendered) -> None:
    for service in SERVICES:
        role = stage.one(f"pipeline-{service}.yaml/BuildRole")
        rights: dict[str, set[str]] = {}
        for statement in role.statements:
            for one in statement["Resource"]:
                rights.setdefault(text(one), set()).update(statement["Action"])
        expected = {
            '{"Fn::GetAtt": ["BuildLogGroup", "Arn"]}': {"logs:CreateLogStream", "logs:PutLogEvents"},
            '{"Ref": "FoundationArtifactsArn"}': {
                "s3:GetBucketAcl",
                "s3:GetBucketLocation",
                "s3:GetBucketVersioning",
            },
            "${Bucket}/*": {"s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"},
            "*": {"ecr:GetAuthorizationToken", "inspector2:ListCoverage", "inspector2:ListFindings"},
            f'{{"Ref": "Service{service.capitalize()}RepositoryArn"}}': {
                f"ecr:{action}"
                for action in (
                    "BatchCheckLayerAvailability",
                    "BatchGetImage",
                    "GetDownloadUrlForLayer",
                    "InitiateLayerUpload",
                    "UploadLayerPart",
                    "CompleteLayerUpload",
                    "PutImage",
                    "DescribeImages",
                    "DescribeImageScanFindings",
                )
            },
            f"arn:${{AWS::Partition}}:codebuild:${{AWS::Region}}:${{AWS::AccountId}}:report-group/"
            f"coffee-{stage.app.stage}-{service}-*": {
                f"codebuild:{action}"
                for action in ("CreateReportGroup", "CreateReport", "UpdateReport", "BatchPutTestCases")
            },
        }
        if "artifacts" in stage.app.own_key_for:
            expected['{"Ref": "FoundationKey"}'] = {
                f"kms:{action}"
                for action in ("Decrypt", "DescribeKey", "Encrypt", "GenerateDataKey", "ReEncryptFrom", "ReEncryptTo")
            }
        if service == "employee":  # it registers the migration's revision
            expected["*"].add("ecs:RegisterTaskDefinition")
            tagging = role.allowing("ecs:TagResource")
            assert tagging["Condition"] == {"StringEquals": {"ecs:CreateAction": "RegisterTaskDefinition"}}
            expected[text(tagging["Resource"][0])] = {"ecs:TagResource"}
            for name in ("MigrationRole", "TaskRole"):
                expected[f'{{"Ref": "ServiceEmployee{name}"}}'] = {"iam:PassRole"}
            assert role.allowing("iam:PassRole")["Condition"] == {
                "StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}
            }
        assert rights == expected


def test_e5_only_the_project_itself_gets_the_build_role(stage: Rendered) -> None:
    for service in SERVICES:
        [trust] = stage.one(f"pipeline-{service}.yaml/BuildRole")["AssumeRolePolicyDocument"]["Statement"]
        assert trust["Principal"] == {"Service": "codebuild.amazonaws.com"}
        assert trust["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
        project = stage.one(f"pipeline-{service}.yaml/BuildProject")
        assert text(trust["Condition"]["ArnLike"]["aws:SourceArn"]) == (
            "arn:${AWS::Partition}:codebuild:${AWS::Region}:${AWS::AccountId}:project/" + project["Name"]
        )


# F, images


def test_f2_f3_a_tag_is_never_written_twice(stage: Rendered) -> None:
    for repository in stage.each("AWS::ECR::Repository"):
        assert repository["ImageTagMutability"] == "IMMUTABLE"
        assert "ImageTagMutabilityExclusionFilters" not in repository.properties
    for service in SERVICES:
        [tag] = [step for step in commands(stage, service, "pre_build") if "IMAGE_TAG=" in step]
        assert "CODEBUILD_RESOLVED_SOURCE_VERSION" in tag
        assert "CODEBUILD_BUILD_NUMBER" in tag  # a build may run again on the same commit
        assert not re.search(r":latest\b", stage.files[f"{service}/buildspec.yml"])


def test_f7_the_build_waits_for_both_kinds_of_scan(stage: Rendered) -> None:
    for service in SERVICES:
        [gate] = [step for step in commands(stage, service, "build") if "imageScanStatus" in step]
        assert "aws ecr wait" not in gate  # the waiter does not know ACTIVE
        last = gate[gate.index("done\n") :]
        assert re.search(r"^\s*COMPLETE \| ACTIVE\) ;;$", last, re.MULTILINE)
        assert "exit 1" in last
        assert "findingSeverityCounts" in last


def test_f9_the_lifecycle_is_one_that_ecr_takes(stage: Rendered) -> None:
    for repository in stage.each("AWS::ECR::Repository"):
        policy = repository["LifecyclePolicy"]["LifecyclePolicyText"]
        assert 100 <= len(policy) <= 30720
        untagged, tagged = json.loads(policy)["rules"]
        assert untagged["rulePriority"] < tagged["rulePriority"]
        assert untagged["selection"] == {
            "tagStatus": "untagged",
            "countType": "sinceImagePushed",
            "countUnit": "days",
            "countNumber": 7,
        }
        assert tagged["selection"]["tagStatus"] == "tagged"
        assert all(pattern.count("*") <= 4 for pattern in tagged["selection"]["tagPatternList"])
        assert {rule["action"]["type"] for rule in (untagged, tagged)} == {"expire"}
        assert set(untagged) == set(tagged) == {"rulePriority", "description", "selection", "action"}


def test_f10_the_newest_300_stay_however_old(stage: Rendered) -> None:
    for repository in stage.each("AWS::ECR::Repository"):
        rules = json.loads(repository["LifecyclePolicy"]["LifecyclePolicyText"])["rules"]
        tagged = [rule["selection"] for rule in rules if rule["selection"]["tagStatus"] != "untagged"]
        # By number alone: what a service runs may be older than any number of days.
        assert [each["countType"] for each in tagged] == ["imageCountMoreThan"]
        assert [each["countNumber"] for each in tagged] == [300]
        assert "countUnit" not in tagged[0]


# The machines of Step Functions, played


def changed(*paths: str) -> list[Difference]:
    return [Difference(path, path) for path in paths]


class Play:
    """A service's trigger machine, and a repository that it asks."""

    def __init__(self, made: Rendered, service: str) -> None:
        self.definition = made.one(f"pipeline-{service}.yaml/Trigger")["Definition"]
        self.pipeline = made.pipeline(service)["Name"]

    def starts(self, *pages: list[Difference], new_branch: bool = False, broken: int = 0) -> bool:
        """Whether a push starts the pipeline; `broken` is how often GetDifferences fails."""
        self.asked: list[dict[str, Any]] = []
        self.started: list[str] = []
        failures = iter(range(broken))

        def differences(given: dict[str, Any]) -> dict[str, Any]:
            accepts("codecommit", "GetDifferences", given)
            self.asked.append(given)
            if next(failures, None) is not None:
                raise TaskFailedError("CodeCommit.CommitDoesNotExistException")
            number = int(given.get("NextToken", 0))
            more = {"NextToken": str(number + 1)} if number + 1 < len(pages) else {}
            return {"Differences": [change.told() for change in pages[number]], **more}

        def start(given: dict[str, Any]) -> dict[str, str]:
            accepts("codepipeline", "StartPipelineExecution", given)
            self.started.append(given["Name"])
            return {"PipelineExecutionId": "0a1b"}

        calls = {
            "aws-sdk:codecommit:getDifferences": differences,
            "aws-sdk:codepipeline:startPipelineExecution": start,
        }
        detail = {
            "event": "referenceCreated" if new_branch else "referenceUpdated",
            "repositoryName": "coffee",
            "referenceType": "branch",
            "referenceName": "main",
            "commitId": "2" * 40,
            **({} if new_branch else {"oldCommitId": "1" * 40}),
        }
        self.machine = Machine(self.definition, calls)
        self.machine.run({"source": "aws.codecommit", "detail": detail})
        assert self.started in ([], [self.pipeline])
        return bool(self.started)


def accepts(service: str, operation: str, given: Mapping[str, Any]) -> None:
    """Assert that an operation of AWS takes these arguments, as Step Functions spells them."""
    shape = botocore.session.get_session().get_service_model(service).operation_model(operation).input_shape
    known = {name.lower() for name in shape.members}
    assert {name.lower() for name in given} <= known
    assert {name.lower() for name in shape.required_members} <= {name.lower() for name in given}
    assert all(name[0].isupper() for name in given)


@pytest.mark.parametrize("path", PUSHES)
def test_d2_2_a_push_starts_the_pipelines_whose_folders_it_changed(prod: Rendered, path: str) -> None:
    assert {each for each in SERVICES if Play(prod, each).starts(changed(path))} == PUSHES[path]


def test_d2_2_one_of_our_files_among_others_is_enough(prod: Rendered) -> None:
    play = Play(prod, "customer")
    assert play.starts(changed("README.md", "services/employee/app.js", "services/customer/app.js", "Makefile"))
    assert not play.starts(changed("README.md", "services/employee/app.js", "Makefile"))
    assert play.machine.visited == ["IsNewBranch", "Compare", "Decide", "NotOurs"]
    assert not play.starts([])


def test_d2_2_a_file_that_is_gone_or_moved_counts_on_both_ends(prod: Rendered) -> None:
    play = Play(prod, "customer")
    assert play.starts([Difference(before="services/customer/old.js")])
    assert play.starts([Difference(after="services/customer/new.js")])
    assert play.starts([Difference("services/customer/a.js", "archive/a.js")])
    assert play.starts([Difference("archive/a.js", "services/customer/a.js")])
    assert play.starts([Difference(before="services/customer/a.js"), Difference(after="archive/a.js")])
    assert not play.starts([Difference(before="services/employee/a.js"), Difference(after="archive/a.js")])


def test_d2_2_every_page_of_the_differences_is_read(prod: Rendered) -> None:
    play, others = Play(prod, "customer"), changed("README.md", "Makefile")
    assert play.starts(others, others, changed("services/customer/app.js"))
    assert [each.get("NextToken") for each in play.asked] == [None, "1", "2"]
    assert {(each["BeforeCommitSpecifier"], each["AfterCommitSpecifier"]) for each in play.asked} == {
        ("1" * 40, "2" * 40)
    }
    assert not play.starts(others, [], others)
    assert len(play.asked) == 3
    assert play.starts(changed("services/customer/app.js"), others)
    assert len(play.asked) == 1  # enough is known


def test_d2_2_a_new_branch_starts_without_a_comparison(prod: Rendered) -> None:
    play = Play(prod, "customer")
    assert play.starts(changed("README.md"), new_branch=True)
    assert play.asked == []


def test_d2_2_a_comparison_that_keeps_failing_starts_a_release(prod: Rendered) -> None:
    play = Play(prod, "customer")
    assert play.starts(changed("README.md"), broken=99)
    assert len(play.asked) == 4
    assert not play.starts(changed("README.md"), broken=3)
    assert play.starts(changed("services/customer/app.js"), broken=3)


def test_d2_2_a_shared_folder_starts_all_that_share_it(apps: Mapping[str, App]) -> None:
    def sharing(service: Service) -> Service:
        return replace(service, shared=("lib/web-site.v2",), build_context=".")

    made = render(replace(apps["prod"], services=tuple(sharing(each) for each in apps["prod"].services)))
    for service in SERVICES:
        assert Play(made, service).starts(changed("lib/web-site.v2/x.js"))
        assert not Play(made, service).starts(changed("lib/web-siteXv2/x.js"))
        assert not Play(made, service).starts(changed("lib/web-site.v2.md"))


def test_d2_2_a_page_of_long_paths_fits_into_a_states_data(prod: Rendered) -> None:
    """More than 256 KiB is States.DataLimitExceeded, which no Catch of States.ALL catches: nothing would be released."""
    play, path = Play(prod, "customer"), "x/" * 128
    play.starts(changed("README.md"))
    page = [change.told() for change in changed(path)] * play.asked[0]["MaxResults"]
    assert len(json.dumps({"Differences": page, "NextToken": "t" * 1000})) <= 256 * 1024


def test_the_trigger_machine_may_do_what_it_does(dev: Rendered) -> None:
    for service in SERVICES:
        role = dev.one(f"pipeline-{service}.yaml/TriggerRole")
        assert role.actions == {"codecommit:GetDifferences", "codepipeline:StartPipelineExecution"}
        [started] = role.allowing("codepipeline:StartPipelineExecution")["Resource"]
        assert text(started) == (
            f"arn:${{AWS::Partition}}:codepipeline:${{AWS::Region}}:${{AWS::AccountId}}:coffee-dev-{service}"
        )
        [asked] = role.allowing("codecommit:GetDifferences")["Resource"]
        assert text(asked) == "arn:${AWS::Partition}:codecommit:${AWS::Region}:${AWS::AccountId}:${Repository}"


def migrate(made: Rendered, ended: Mapping[str, Any] | None) -> Machine:
    """Play the migration, whose task ends like this; None when it could not be run."""

    def run(given: dict[str, Any]) -> Any:
        accepts("ecs", "RunTask", given)
        assert given["TaskDefinition"] == "the revision"
        if ended is None:
            raise TaskFailedError("ECS.AccessDeniedException")
        return {"Containers": [{"Name": "employee", **ended}], "LastStatus": "STOPPED"}

    machine = Machine(made.one("pipeline-employee.yaml/Migration")["Definition"], {"ecs:runTask.sync": run})
    machine.run({"taskDefinition": "the revision"})
    return machine


def test_the_exit_code_of_a_migration_decides(stage: Rendered) -> None:
    good = migrate(stage, {"ExitCode": 0})
    assert good.visited == ["Run", "Judge", "Migrated"]
    assert not good.failed
    for code in (1, 137, -1):
        assert migrate(stage, {"ExitCode": code}).failed == "MigrationFailed"


def test_a_migration_that_never_ran_fails(stage: Rendered) -> None:
    """Without an exit code, as when its image cannot be pulled, the execution fails and nothing is released."""
    for ended in ({}, None):
        with pytest.raises(TaskFailedError):
            migrate(stage, ended)


def test_the_pipeline_hands_the_builds_revision_to_the_migration(stage: Rendered) -> None:
    action = stage.action("employee", "Migrate")
    assert action["ActionTypeId"] == {
        "Category": "Invoke",
        "Owner": "AWS",
        "Provider": "StepFunctions",
        "Version": "1",
    }
    settings = action["Configuration"]
    assert settings["InputType"] == "Literal"
    given = json.loads(settings["Input"])
    [(namespace, variable)] = re.findall(r"#\{(\w+)\.(\w+)\}", given["taskDefinition"])
    assert stage.action("employee", namespace)["ActionTypeId"]["Provider"] == "CodeBuild"
    assert variable in stage.buildspec("employee")["env"]["exported-variables"]
    names = [one["Name"] for one in stage.pipeline("employee")["Stages"]]
    assert names[-2:] == ["Migrate", "Deploy"]
    assert "Migrate" not in [one["Name"] for one in stage.pipeline("customer")["Stages"]]
    role = stage.one("pipeline-employee.yaml/PipelineRole")
    assert {each for each in role.actions if each.startswith("states:")} == {
        "states:DescribeStateMachine",
        "states:StartExecution",
        "states:DescribeExecution",
    }
    assert role.allowing("states:StartExecution")["Resource"] == [settings["StateMachineArn"]]
    [execution] = role.allowing("states:DescribeExecution")["Resource"]
    assert text(execution) == "arn:${AWS::Partition}:states:${AWS::Region}:${AWS::AccountId}:execution:${Machine}:*"


def test_the_migration_runs_where_the_service_runs_and_may_run_nothing_else(stage: Rendered) -> None:
    machine, role = (stage.one(f"pipeline-employee.yaml/{name}") for name in ("Migration", "MigrationRole"))
    given = machine["Definition"]["States"]["Run"]["Arguments"]
    at = given["NetworkConfiguration"]["AwsvpcConfiguration"]
    assert at["AssignPublicIp"] == "DISABLED"
    assert [stage.names(machine.file, one) for one in at["SecurityGroups"]] == ["service-employee.yaml/SecurityGroup"]
    assert {one["Ref"] for one in stage.real(machine.file, at["Subnets"])[1]} == {
        f"PrivateSubnet{zone + 1}" for zone in range(stage.app.network.zones)
    }
    [revisions] = role.allowing("ecs:RunTask")["Resource"]
    assert text(revisions).endswith(f":task-definition/coffee-{stage.app.stage}-employee_migrate:*")
    assert text(role.allowing("ecs:RunTask")["Condition"]["ArnEquals"]["ecs:cluster"]).endswith(":cluster/${Cluster}")
    assert {text(one).partition("${AWS::AccountId}")[2] for one in role.allowing("ecs:StopTask")["Resource"]} == {
        ":task/${Cluster}/*"
    }
    assert role.actions == {
        "ecs:RunTask",
        "ecs:DescribeTasks",
        "ecs:StopTask",
        "iam:PassRole",
        "events:DescribeRule",
        "events:PutRule",
        "events:PutTargets",
    }
    [managed] = role.allowing("events:PutRule")["Resource"]
    assert text(managed).endswith(":rule/StepFunctionsGetEventsForECSTaskRule")
    assert {stage.names(role.file, one) for one in role.allowing("iam:PassRole")["Resource"]} == {
        "service-employee.yaml/MigrationExecutionRole",
        "service-employee.yaml/TaskRole",
    }
    family = json.loads(stage.files["employee/migrate.taskdef.json"])["family"]
    assert f"/{family}:*" in text(revisions)
