"""Releases that end badly: by a mistake of the templates, by a person, by an alarm, by scaling.

What whoever plays wanted, such as tasks that are sick, does not hurt as long as everything goes back.
"""

from __future__ import annotations

import json

import pytest
from specimens import (
    Body,
    Mistake,
    added,
    by_hand,
    deployed,
    edited,
    files,
    forward,
    lived,
    lives,
    properties,
    rule,
    told,
)

from cfngen.simulate.behaviour import Readings, one_at_a_time
from cfngen.simulate.codedeploy import Deployment
from cfngen.simulate.simulation import Simulation

FAILURE, ALARM, REQUEST = "DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM", "DEPLOYMENT_STOP_ON_REQUEST"


def until(simulation: Simulation, step: str, label: str = "admin") -> Deployment:
    """A release, up to a step."""
    deployment = simulation.release(label)
    while deployment.next_step != step:
        simulation.step(deployment)
    return deployment


def _without(*events: str) -> Mistake:
    there = [each for each in (FAILURE, ALARM, REQUEST) if each not in events]
    return edited("AdminDeployment", AutoRollbackConfiguration={"Enabled": True, "Events": there})


def _end(simulation: Simulation, deployment: Deployment, event: str) -> None:
    """A deployment ends by one of the three events."""
    if event == REQUEST:
        simulation.stop(deployment)
    elif event == ALARM:
        simulation.world.ringing |= set(deployment.alarms)
        simulation.step(deployment)
        simulation.world.ringing.clear()
    else:
        simulation.step(deployment, "a hook says no")


@pytest.mark.parametrize("event", [FAILURE, ALARM, REQUEST])
def test_a_deployment_goes_back_for_each_event_that_its_group_names(event: str) -> None:
    for ends in (FAILURE, ALARM, REQUEST):
        simulation = deployed(_without(event))
        deployment = until(simulation, "AllowTraffic 100")
        _end(simulation, deployment, ends)
        assert deployment.state == ("Failed" if ends == FAILURE else "Stopped")
        assert ("T6" in {each.invariant for each in simulation.hurts}) == (ends == event), ends
    assert "T6" in lived(_without(event), readings=[Readings()])


@pytest.mark.parametrize(
    "never",
    [
        {"Enabled": False, "Events": [FAILURE, ALARM, REQUEST]},
        {"Events": [FAILURE, ALARM, REQUEST]},
        {"Enabled": True},
    ],
)
def test_a_group_that_never_goes_back_leaves_half_a_release(never: Body) -> None:
    assert "T6" in lived(edited("AdminDeployment", AutoRollbackConfiguration=never), readings=[Readings()])
    assert "T6" in lived(
        lambda body: properties(body, "AdminDeployment").pop("AutoRollbackConfiguration"), readings=[Readings()]
    )


def test_an_action_before_the_forward_is_lost_on_the_way_back() -> None:
    """Admin is for people of the company alone. After a release that is rolled back it is for everybody."""

    def mistake(body: Body) -> None:
        actions = properties(body, "AdminRule")["Actions"]
        actions[0]["Order"] = 2
        actions.insert(0, {"Type": "authenticate-oidc", "Order": 1, "AuthenticateOidcConfig": {"ClientId": "office"}})

    found = told(lives(mistake))
    assert any(each.startswith("T6") and each.endswith("has lost its action authenticate-oidc") for each in found)
    simulation = deployed(mistake)
    simulation.finish(simulation.release("admin"))
    assert simulation.hurts == []


def _alarms(*names: object) -> Mistake:
    return edited("AdminDeployment", AlarmConfiguration={"Enabled": True, "Alarms": [{"Name": name} for name in names]})


def test_alarms_that_a_deployment_looks_at_are_alarms() -> None:
    assert "T10 deploymentgroup:system/AdminDeployment-24 looks at cluster:system/Cluster-2, which is no alarm" in told(
        [deployed(_alarms({"Ref": "AdminAlarm"}, {"Ref": "Cluster"}))]
    )
    assert any("names an alarm twice" in each for each in told([deployed(_alarms(*[{"Ref": "AdminAlarm"}] * 2))]))
    composite = added("Composite", "AWS::CloudWatch::CompositeAlarm", AlarmRule={"Fn::Sub": "ALARM(${AdminAlarm})"})
    assert lived(composite, _alarms({"Ref": "Composite"}, "made-elsewhere")) == set()


def test_one_deployment_at_a_time() -> None:
    simulation = deployed()
    first = until(simulation, "AllowTraffic 100")
    second = simulation.release("admin")
    assert second.state == "Failed"
    assert "DeploymentLimitExceeded" in second.reason
    assert simulation.finish(first).state == "Succeeded"
    assert simulation.hurts == []


def _revision(container: str = "admin", port: int = 8080, its_port: int = 8080, hook: str = "") -> dict[str, str]:
    """The AppSpec and the task definition of Admin's pipeline."""
    info = {"ContainerName": container, "ContainerPort": port}
    target = {"TargetService": {"Type": "AWS::ECS::Service", "Properties": {"LoadBalancerInfo": info}}}
    hooks = {"Hooks": [{hook: "function"}]} if hook else {}
    own = {"name": container, "image": "<IMAGE1_NAME>", "portMappings": [{"containerPort": its_port}]}
    return {
        "admin/appspec.yaml": json.dumps({"version": 0.0, "Resources": [target], **hooks}),
        "admin/taskdef.json": json.dumps({"family": "admin", "containerDefinitions": [own]}),
    }


def test_a_revision_names_the_container_and_port_of_its_service() -> None:
    assert lived(beside=_revision()) == set()
    assert lived(beside=_revision(hook="AfterAllowTestTraffic")) == set()
    for wrong in (_revision(container="web"), _revision(port=9090), _revision(its_port=9090)):
        found = told(lives(beside=wrong, readings=[Readings()]))
        assert any(each.startswith("T5 The container") and "is not in the service's" in each for each in found), found


def test_green_starts_in_a_group_without_other_tasks() -> None:
    """A worker, which nobody releases, has been put into the group that looks unused."""
    balancers = [{"ContainerName": "admin", "ContainerPort": 8080, "TargetGroupArn": {"Ref": "AdminGreen"}}]
    worker = added(
        "Worker",
        "AWS::ECS::Service",
        Cluster={"Ref": "Cluster"},
        TaskDefinition={"Ref": "AdminTask"},
        LoadBalancers=balancers,
    )

    def mistake(body: Body) -> None:
        worker(body)
        body["Resources"]["Worker"]["DependsOn"] = "AdminService"

    found = told(lives(mistake, readings=[Readings()]))
    assert any(each.startswith("T5 Target group") and "has targets of another task set" in each for each in found)


@pytest.mark.parametrize("step", ["AllowTestTraffic", "AllowTraffic 10", "AllowTraffic 100", "TerminationWait"])
def test_a_version_that_is_sick_gives_its_requests_back(step: str) -> None:
    """While it has some of them they are lost, which no template can help."""
    simulation = deployed()
    deployment = until(simulation, step)
    assert deployment.green is not None
    deployment.green.is_healthy = False
    simulation.step(deployment)
    assert (deployment.state, deployment.reason) == ("Failed", "The replacement task set is not healthy")
    simulation.settle(simulation.watch.table)
    assert not {each.invariant for each in simulation.hurts} & {"T4", "T5", "T6"}
    assert simulation.finish(simulation.release("admin")).state == "Succeeded"


def test_no_traffic_is_shifted_while_a_service_is_being_scaled() -> None:
    for readings in one_at_a_time():
        simulation = deployed(readings=readings)
        deployment = until(simulation, "AllowTraffic 100")
        simulation.scale("admin", 4, is_lasting=True)
        simulation.step(deployment)
        assert (deployment.state, deployment.service.live.version) == ("Failed", "v0")
        assert "being scaled" in deployment.reason
        simulation.steady("admin")
        assert simulation.finish(simulation.release("admin")).state == "Succeeded"
        assert simulation.hurts == []


def test_scaling_that_is_over_disturbs_no_release() -> None:
    simulation = deployed()
    deployment = until(simulation, "AllowTraffic 10")
    simulation.scale("admin", 4, is_lasting=True)
    simulation.steady("admin")
    assert simulation.finish(deployment).state == "Succeeded"
    assert simulation.hurts == []


def test_a_release_lives_through_a_night_without_tasks() -> None:
    nothing = edited("AdminTarget", MinCapacity=0)
    for step in ("Install", "AllowTestTraffic", "AllowTraffic 10", "AllowTraffic 100", "TerminationWait", "Terminate"):
        simulation = deployed(nothing)
        deployment = until(simulation, step)
        simulation.scale("admin", 0)
        assert {tasks.running for tasks in simulation.service("admin").task_sets} == {0}
        if deployment.next_step != "Install":
            simulation.step(deployment)
        simulation.scale("admin", 2)
        simulation.finish(deployment)
        simulation.settle(simulation.watch.table)
        assert simulation.hurts == [], step
        assert deployment.state == "Succeeded"


def test_what_is_over_cannot_be_stopped() -> None:
    simulation = deployed()
    deployment = simulation.finish(simulation.release("admin"))
    with pytest.raises(LookupError, match="DeploymentAlreadyCompletedException"):
        simulation.stop(deployment)
    assert deployment.state == "Succeeded"
    with pytest.raises(LookupError, match="there is no service 'nobody'"):
        simulation.release("nobody")


def _own_config(linear: int) -> Mistake:
    def mistake(body: Body) -> None:
        told = {
            "Type": "TimeBasedLinear",
            "TimeBasedLinear": {"LinearPercentage": linear, "LinearInterval": 1},
        }
        body["Resources"]["Shift"] = {
            "Type": "AWS::CodeDeploy::DeploymentConfig",
            "Properties": {"ComputePlatform": "ECS", "TrafficRoutingConfig": told},
        }
        properties(body, "AdminDeployment")["DeploymentConfigName"] = {"Ref": "Shift"}

    return mistake


def test_a_configuration_that_is_replaced_in_flight_leaves_the_deployment_its_own() -> None:
    simulation = deployed(_own_config(25))
    deployment = until(simulation, "AllowTraffic 50")
    assert simulation.deploy(files(by_hand(), _own_config(50)), {}).is_good
    assert deployment.left == ["AllowTraffic 50", "AllowTraffic 75", "AllowTraffic 100", "TerminationWait", "Terminate"]
    assert simulation.finish(deployment).state == "Succeeded"
    shifted = [each for each in simulation.finish(simulation.release("admin")).done if "AllowTraffic" in each]
    assert shifted == ["AllowTraffic 50", "AllowTraffic 100"]
    assert simulation.hurts == []


def test_the_test_listener_routes_as_production_does() -> None:
    """Without a rule of its own there, Web answers Admin's testers, and nobody sees Admin's next version."""

    def missing(body: Body) -> None:
        del body["Resources"]["AdminTestRule"]
        body["Resources"]["AdminService"]["DependsOn"] = ["AdminRule"]

    def elsewhere(body: Body) -> None:
        properties(body, "AdminTestRule")["Conditions"][0]["PathPatternConfig"]["Values"] = ["/staff"]

    for mistake in (missing, elsewhere):
        found = told(lives(mistake))
        assert "T12 /admin of admin; on the test listener it reaches web" in {
            each.replace(" is of ", " of ") for each in found
        }


def test_the_test_listener_shows_one_group_before_the_first_release() -> None:
    for weights in ((50, 50), (0, 0)):
        found = told(lives(edited("AdminTestRule", Actions=forward(*weights, "Admin"))))
        assert any(each.startswith("T12") and each.endswith("before anything was released") for each in found)


def test_the_test_listener_may_begin_with_the_group_in_which_nothing_runs() -> None:
    """As in AWS's tutorials, whose releases work (A6.7)."""
    assert lived(edited("AdminTestRule", Actions=forward(0, 100, "Admin"))) == set()


def test_a_rule_that_others_shadow_answers_nothing() -> None:
    def shadowed(body: Body) -> None:
        body["Resources"]["AdminRule2"] = rule("Production", 300, ["/staff"], "Admin")

    found = told(lives(shadowed))
    assert any(each.startswith("T13 listenerrule:system/AdminRule2") and "WebRule" in each for each in found)


def test_a_rule_whose_others_want_a_host_of_their_own_is_not_shadowed() -> None:
    """Web takes all of its own host, and Admin what is left of the paths."""

    def of_host(body: Body) -> None:
        for name in ("WebRule", "WebTestRule"):
            properties(body, name)["Conditions"].append(
                {"Field": "host-header", "HostHeaderConfig": {"Values": ["shop.example.com"]}}
            )
            properties(body, name)["Priority"] = 50

    assert lived(of_host) == set()


def test_a_test_rule_that_no_release_knows_stays_where_it_is() -> None:
    """Admin's deployments know no test listener, and its rule there shows the first group for ever."""

    def mistake(body: Body) -> None:
        pair = properties(body, "AdminDeployment")["LoadBalancerInfo"]["TargetGroupPairInfoList"][0]
        del pair["TestTrafficRoute"]

    found = told(lives(mistake))
    assert any(each.startswith("T12") and each.endswith("have another test listener or none") for each in found)

    def without_rule(body: Body) -> None:
        mistake(body)
        del body["Resources"]["AdminTestRule"]
        body["Resources"]["AdminService"]["DependsOn"] = ["AdminRule"]

    assert lived(without_rule) == set()


def test_metrics_of_a_group_name_its_balancer_too() -> None:
    def mistake(body: Body) -> None:
        properties(body, "AdminAlarm")["Metrics"][1]["MetricStat"]["Metric"]["Dimensions"].pop()

    found = told([deployed(mistake)])
    assert any(each.startswith("T10 UnHealthyHostCount") and "name its balancer" in each for each in found), found
