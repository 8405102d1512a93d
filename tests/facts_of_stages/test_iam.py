"""Facts about roles and policies: M of domain-facts."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

import pytest
from cfnlint.data import AdditionalSpecs  # type: ignore[import-untyped,unused-ignore]
from cfnlint.helpers import load_resource  # type: ignore[import-untyped,unused-ignore]

from cfngen import App

from .conftest import Rendered, Resource, render, text, walk

ACCOUNT = {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
HERE = "arn:${AWS::Partition}:%s:${AWS::Region}:${AWS::AccountId}:%s"

# M1: the principals of roles, and a pattern for the ARN that each has to come from.
TRUST: dict[str, tuple[bool, str | None]] = {
    "codebuild.amazonaws.com": (True, HERE % ("codebuild", "project/coffee-*")),
    "codedeploy.amazonaws.com": (True, HERE % ("codedeploy", "deploymentgroup:*/[*]")),
    "codepipeline.amazonaws.com": (False, None),
    "ecs-tasks.amazonaws.com": (True, HERE % ("ecs", "[*]")),
    "events.amazonaws.com": (True, None),
    "scheduler.amazonaws.com": (True, None),
    "states.amazonaws.com": (True, HERE % ("states", "stateMachine:[*]")),
}


def roles(made: Rendered) -> list[Resource]:
    found = made.each("AWS::IAM::Role")
    assert len(found) >= 14
    return found


def trust(role: Resource) -> dict[str, Any]:
    [statement] = role["AssumeRolePolicyDocument"]["Statement"]
    return statement  # type: ignore[no-any-return]


def test_m1_every_role_knows_whom_it_serves(stage: Rendered) -> None:
    seen = set()
    for role in roles(stage):
        statement = trust(role)
        assert (statement["Effect"], statement["Action"]) == ("Allow", ["sts:AssumeRole"])
        service = statement["Principal"]["Service"]
        seen.add(service)
        account, source = TRUST[service]
        condition = statement.get("Condition", {})
        assert condition.get("StringEquals") == (ACCOUNT if account else None), role.place
        assert set(condition) == ({"StringEquals"} if account else set()) | ({"ArnLike"} if source else set())
        if source:
            assert fnmatchcase(text(condition["ArnLike"]["aws:SourceArn"]), source.replace("$", "$")), role.place
    assert seen == set(TRUST) - ({"scheduler.amazonaws.com"} if stage.app.off_hours is None else set())


def test_m1_codedeploy_comes_from_a_group_of_the_application(stage: Rendered) -> None:
    found = [role for role in roles(stage) if trust(role)["Principal"]["Service"] == "codedeploy.amazonaws.com"]
    assert len(found) == 2
    for role in found:
        source = trust(role)["Condition"]["ArnLike"]["aws:SourceArn"]
        assert text(source) == HERE % ("codedeploy", "deploymentgroup:${Application}/*")
        assert stage.names(role.file, source["Fn::Sub"][1]["Application"]) == "cluster.yaml/DeployApplication"


def policies(made: Rendered) -> dict[str, list[dict[str, Any]]]:
    """The statements of resource policies by the service that they let in."""
    found: dict[str, list[dict[str, Any]]] = {}
    for each in made.resources.values():
        for name in ("KeyPolicy", "PolicyDocument"):
            for statement in each.properties.get(name, {}).get("Statement", ()):
                principal = statement["Principal"]
                if isinstance(principal, dict) and "Service" in principal:
                    found.setdefault(text(principal["Service"]), []).append(statement)
    return found


def test_m1_resource_policies_let_in_only_our_account(stage: Rendered) -> None:
    found = policies(stage)
    assert set(found) == {
        "cloudwatch.amazonaws.com",
        "delivery.logs.amazonaws.com",
        "logdelivery.elasticloadbalancing.amazonaws.com",
        "logs.${AWS::Region}.${AWS::URLSuffix}",
    }
    for statement in found["logdelivery.elasticloadbalancing.amazonaws.com"]:
        assert text(statement["Condition"]["ArnLike"]["aws:SourceArn"]) == HERE % (
            "elasticloadbalancing",
            "loadbalancer/*",
        )
        assert statement["Action"] == ["s3:PutObject"]
    for statement in found["delivery.logs.amazonaws.com"]:
        assert statement["Condition"]["StringEquals"] == ACCOUNT
        assert text(statement["Condition"]["ArnLike"]["aws:SourceArn"]) == HERE % ("logs", "*")
    for statement in found["cloudwatch.amazonaws.com"]:
        assert statement["Condition"]["StringEquals"] == ACCOUNT
        if "sns:Publish" in statement["Action"]:
            assert text(statement["Condition"]["ArnLike"]["aws:SourceArn"]) == HERE % ("cloudwatch", "alarm:*")
    [logs] = found["logs.${AWS::Region}.${AWS::URLSuffix}"]
    assert text(logs["Condition"]["ArnLike"]["kms:EncryptionContext:aws:logs:arn"]) == HERE % ("logs", "*")


def test_m1_no_condition_meets_eventbridge_in_a_topics_policy(stage: Rendered) -> None:
    assert "events.amazonaws.com" not in policies(stage)


def test_m2_1_roles_have_neither_names_nor_paths(stage: Rendered) -> None:
    for role in roles(stage):
        assert not {"RoleName", "Path", "Description"} & role.properties.keys(), role.place


def test_m2_2_a_role_is_there_with_its_rights(stage: Rendered) -> None:
    for kind in ("Policy", "RolePolicy", "ManagedPolicy"):
        assert not stage.each(f"AWS::IAM::{kind}")
    empty = {role.place for role in roles(stage) if not role.statements}
    assert empty == {f"service-{name}.yaml/TaskRole" for name in ("customer", "employee")}


def test_m2_3_passing_a_role_says_to_whom(stage: Rendered) -> None:
    passing = [(role, each) for role in roles(stage) for each in role.statements if "iam:PassRole" in each["Action"]]
    assert len(passing) == 6
    for role, statement in passing:
        assert statement["Action"] == ["iam:PassRole"]
        assert set(statement["Condition"]) == {"StringEquals"}
        to = statement["Condition"]["StringEquals"]["iam:PassedToService"]
        by_pipeline = trust(role)["Principal"]["Service"] == "codepipeline.amazonaws.com"
        assert to == (["ecs.amazonaws.com", "ecs-tasks.amazonaws.com"] if by_pipeline else "ecs-tasks.amazonaws.com")
        for one in statement["Resource"]:  # roles by name, of a task
            passed = stage.one(stage.names(role.file, one))
            assert passed.type == "AWS::IAM::Role"
            assert trust(passed)["Principal"]["Service"] == "ecs-tasks.amazonaws.com"


def test_m2_4_one_parameter_bounds_every_role(apps: Mapping[str, App], dev: Rendered) -> None:
    assert not [role for role in roles(dev) if "PermissionsBoundary" in role.properties]
    made = render(replace(apps["dev"], permissions_boundary=True))
    for role in roles(made):
        assert made.real(role.file, role["PermissionsBoundary"]) == ("coffee.yaml", {"Ref": "PermissionsBoundaryArn"})
    assert "Default" not in made.templates["coffee.yaml"]["Parameters"]["PermissionsBoundaryArn"]


def test_m2_5_no_managed_policy_is_wide_enough_to_be_used(stage: Rendered) -> None:
    assert not [role for role in roles(stage) if "ManagedPolicyArns" in role.properties]
    assert ":aws:policy/" not in json.dumps(stage.templates)


def test_m2_6_no_partition_region_or_account_is_written_out(stage: Rendered) -> None:
    for name, content in stage.files.items():
        assert not re.search(r"arn:aws[\w-]*:", content), name
        assert not re.search(r"(?<!\d)\d{12}(?!\d)", content), name
        assert not re.search(r"\b(us|eu|ap|sa|ca|me|af|il)-[a-z]+-\d\b", content), name
    named = [one for one in walk(stage.templates) if isinstance(one, str) and one.startswith("logs.$")]
    assert named == ["logs.${AWS::Region}.${AWS::URLSuffix}"]


def test_m2_7_each_service_has_two_roles_of_its_own(stage: Rendered) -> None:
    for name in ("customer", "employee"):
        file = f"service-{name}.yaml"
        [definition] = stage.each("AWS::ECS::TaskDefinition", file)
        assert definition["ExecutionRoleArn"] == {"Fn::GetAtt": ["ExecutionRole", "Arn"]}
        assert definition["TaskRoleArn"] == {"Fn::GetAtt": ["TaskRole", "Arn"]}
        # What starts a task opens secrets; what runs in it may do nothing.
        assert not stage.one(f"{file}/TaskRole").statements
        assert "secretsmanager:GetSecretValue" in stage.one(f"{file}/ExecutionRole").actions


def test_m2_8_tasks_run_in_our_cluster_only(stage: Rendered) -> None:
    for role in roles(stage):
        for statement in role.statements:
            if "ecs:RunTask" in statement["Action"]:
                assert text(statement["Condition"]["ArnEquals"]["ecs:cluster"]) == HERE % ("ecs", "cluster/${Cluster}")
    assert any("ecs:RunTask" in role.actions for role in roles(stage))


def documents(made: Rendered) -> list[dict[str, Any]]:
    return [node for node in walk(made.templates) if isinstance(node, dict) and "Statement" in node]


def test_m2_9_policy_documents_are_of_the_current_version(stage: Rendered) -> None:
    found = documents(stage)
    assert len(found) > 25
    assert {each["Version"] for each in found} == {"2012-10-17"}


@pytest.fixture(scope="module")
def known() -> dict[str, Any]:
    """Every action of AWS and the kinds of resources that it takes, as cfn-lint knows them."""
    return load_resource(AdditionalSpecs, "Policies.json")  # type: ignore[no-any-return]


def takes(known: Mapping[str, Any], action: str) -> Any:
    service, _, name = action.partition(":")
    return (known[service]["Actions"][name.lower()] or {}).get("Resources")


def test_every_action_exists(stage: Rendered, known: Mapping[str, Any]) -> None:
    actions = {action for each in documents(stage) for one in each["Statement"] for action in one["Action"]}
    assert len(actions) > 60
    for action in actions:
        service, _, name = action.partition(":")
        if "*" in name:
            assert name == "*" or any(fnmatchcase(one, name.lower()) for one in known[service]["Actions"])
            continue
        assert name.lower() in known[service]["Actions"], action
    assert "nosuchaction" not in known["s3"]["Actions"]


# Actions that take a resource and have none here, each with the reason.
WIDE = {
    "cloudwatch:DescribeAlarms",  # of composite alarms it tells only to who may see all; a release may watch one
    "ecs:RegisterTaskDefinition",  # D4
}


def test_no_statement_is_for_everything_without_a_reason(stage: Rendered, known: Mapping[str, Any]) -> None:
    wide = set()
    for role in roles(stage):
        everything = [each for each in role.statements if "*" in each["Resource"]]
        assert bool(everything) == bool(role.body.get("Metadata", {}).get("Wildcards")), role.place
        for statement in everything:
            assert statement["Resource"] == ["*"]
            for action in statement["Action"]:
                wide.add(action)
                assert action in WIDE or not takes(known, action), action
    assert {"ecr:GetAuthorizationToken", *WIDE} <= wide


def test_only_the_keys_policy_allows_every_action(stage: Rendered) -> None:
    for role in roles(stage):
        assert not [action for action in role.actions if "*" in action], role.place
    for each in stage.resources.values():
        for name in ("KeyPolicy", "PolicyDocument"):
            for statement in each.properties.get(name, {}).get("Statement", ()):
                if statement["Effect"] == "Allow" and any(action.endswith(":*") for action in statement["Action"]):
                    assert (each.place, statement["Sid"]) == ("foundation.yaml/Key", "Account")
                if statement["Effect"] == "Allow":
                    assert statement["Principal"] != "*", each.place


def test_every_statement_with_a_resource_names_one_of_its_service(stage: Rendered, known: Mapping[str, Any]) -> None:
    """An ARN of another service than the action's allows nothing."""
    for role in roles(stage):
        for statement in role.statements:
            services = {action.partition(":")[0] for action in statement["Action"]}
            for one in statement["Resource"]:
                match = re.match(r"arn:\$\{AWS::Partition\}:(\w[\w-]*):", text(one))
                if match:
                    assert services == {match[1]}, role.place


def test_no_role_is_left_over(stage: Rendered) -> None:
    """Every role is used by a resource, or handed on to one."""
    for role in roles(stage):
        reference = {"Fn::GetAtt": [role.name, "Arn"]}
        others = {name: each for name, each in stage.templates[role.file]["Resources"].items() if name != role.name}
        outputs = stage.templates[role.file].get("Outputs", {})
        assert reference in list(walk([others, outputs])), role.place
