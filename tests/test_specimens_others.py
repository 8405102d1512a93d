"""Templates as others write them: in the style of AWS's own samples, and as the CDK makes them. Nothing is alarmed in vain.

They are right as long as nobody edits what CodeDeploy has moved; what hurts them is told.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Run
from specimens import Body, hurts, told
from specimens_of_others import SAMPLE, cdk

from cfngen.semantics.document import yaml_data
from cfngen.simulate.behaviour import one_at_a_time
from cfngen.simulate.files import Files
from cfngen.simulate.scenario import standard, update

BODIES: dict[str, Callable[[], Body]] = {
    "sample.yaml": lambda: copy.deepcopy(yaml_data(SAMPLE)),
    "App.template.json": cdk,
}
LISTENERS = {"sample.yaml": "ProductionListener", "App.template.json": "ServiceLBPublicListener46709EAA"}


def _files(name: str, body: Body) -> Files:
    return Files({name: json.dumps(body)})


@pytest.mark.parametrize("name", BODIES)
def test_what_others_write_hurts_in_no_reading(name: str) -> None:
    for readings in one_at_a_time():
        assert told([standard(_files(name, BODIES[name]()), None, readings)]) == set(), readings


@pytest.mark.parametrize("name", BODIES)
def test_the_listener_of_others_hurts_when_it_is_edited(name: str) -> None:
    """Their services are on default actions (A6.12): a certificate is enough."""
    old, new = BODIES[name](), BODIES[name]()
    new["Resources"][LISTENERS[name]]["Properties"]["SslPolicy"] = "ELBSecurityPolicy-TLS13-1-2-2021-06"
    simulations = [update(_files(name, old), _files(name, new), releases=number) for number in (0, 1, 2)]
    assert [hurts([each]) >= {"T1", "T2"} for each in simulations] == [False, True, False]
    assert hurts(simulations[::2]) == set()


@pytest.mark.parametrize("name", BODIES)
def test_the_next_image_of_others_cannot_be_deployed_by_the_stack(name: str) -> None:
    """With a revision by reference the stack's update fails (A2); the CDK names a family alone, and nothing happens."""
    old, new = BODIES[name](), BODIES[name]()
    for each in new["Resources"].values():
        if each["Type"] == "AWS::ECS::TaskDefinition":
            each["Properties"]["ContainerDefinitions"][0]["Image"] = "web:2"
    assert hurts([update(_files(name, old), _files(name, new))]) == ({"T7"} if name == "sample.yaml" else set())


def test_what_the_cdk_leaves_out_by_default_is_told(cfngen: Run, tmp_path: Path) -> None:
    """Its deployment groups do not go back when somebody stops a deployment, and end blue's tasks at once."""
    body = cdk()
    told = body["Resources"]["BlueGreenDG5E3F2A1B"]["Properties"]
    told["AutoRollbackConfiguration"]["Events"].remove("DEPLOYMENT_STOP_ON_REQUEST")
    told["BlueGreenDeploymentConfiguration"]["TerminateBlueInstancesOnDeploymentSuccess"][
        "TerminationWaitTimeInMinutes"
    ] = 0
    (tmp_path / "App.template.json").write_text(json.dumps(body), encoding="utf-8")
    done = cfngen("simulate", tmp_path)
    assert done.status == 1
    assert "T6 after a deployment that fails, is stopped or hears an alarm" in done.out
    assert "still runs in" in done.out
    assert "T9" in done.out


def test_an_alarm_for_one_colour_needs_one_for_the_other() -> None:
    body = cdk()
    del body["Resources"]["GreenErrors"]
    body["Resources"]["BlueGreenDG5E3F2A1B"]["Properties"]["AlarmConfiguration"]["Alarms"].pop()
    found = told([standard(_files("App.template.json", body), None)])
    assert any(each.startswith("T10") and "BlueErrors" in each for each in found)
    assert not any("BlueUnhealthy" in each for each in found)


def test_templates_of_others_through_the_command_line(cfngen: Run, tmp_path: Path) -> None:
    (tmp_path / "sample.yaml").write_text(SAMPLE, encoding="utf-8")
    (tmp_path / "manifest.json").write_text('{"version": "36.0.0", "artifacts": {}}', encoding="utf-8")
    done = cfngen("simulate", tmp_path)
    assert (done.status, done.out) == (0, "")
    assert "1 service, 1 of them released; 9 histories played; nothing hurts" in done.err


@pytest.mark.parametrize("transform", ["AWS::CodeDeployBlueGreen", ["AWS::Serverless-2016-10-31", "OurMacro"]])
def test_transforms_that_change_what_is_deployed_are_refused(cfngen: Run, tmp_path: Path, transform: object) -> None:
    """CloudFormation's own blue/green hook among them, which has no deployment group."""
    (tmp_path / "App.template.json").write_text(json.dumps({**cdk(), "Transform": transform}), encoding="utf-8")
    done = cfngen("simulate", tmp_path)
    assert done.status == 2
    name = transform if isinstance(transform, str) else transform[-1]
    assert f"App.template.json: the transform {name} is not played" in " ".join(done.err.split())


@pytest.mark.parametrize("name", ["Fn::ForEach::Topics", "Fn::Transform"])
def test_functions_that_make_templates_are_refused_by_name(cfngen: Run, tmp_path: Path, name: str) -> None:
    body = {**cdk(), "Transform": "AWS::LanguageExtensions"}
    body["Resources"][name] = ["Topic", ["A", "B"], {"Topic${Topic}": {"Type": "AWS::SNS::Topic"}}]
    (tmp_path / "App.template.json").write_text(json.dumps(body), encoding="utf-8")
    done = cfngen("simulate", tmp_path)
    assert done.status == 2
    assert f"App.template.json: {name} is not played; play the template that it makes" in " ".join(done.err.split())


def test_functions_beside_are_no_trouble(cfngen: Run, tmp_path: Path) -> None:
    body = {**cdk(), "Transform": "AWS::Serverless-2016-10-31"}
    body["Resources"]["Hook"] = {"Type": "AWS::Serverless::Function", "Properties": {"Handler": "index.handler"}}
    (tmp_path / "App.template.json").write_text(json.dumps(body), encoding="utf-8")
    assert cfngen("simulate", tmp_path).status == 0
