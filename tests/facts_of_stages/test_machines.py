"""Facts about pipelines, played: the machines that start them and that migrate."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from cfngen import App, Service
from cfngen.simulate.machines import Machine, TaskFailedError
from cfngen.simulate.pipelines import Difference

from .conftest import SERVICES, Rendered, render, text
from .pushes import PUSHES, Play, accepts, changed


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
