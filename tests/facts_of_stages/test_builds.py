"""Facts about builds and images: E and F of domain-facts."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace

import pytest

from cfngen import App

from .conftest import PROJECT, SERVICES, Rendered, render, text

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
