"""What ELB, ECS, CodeDeploy and Application Auto Scaling refuse is refused here, in their words.

Each specimen is the system of tests/specimens.py with one mistake in it. A creation that is refused hurts as T7: nothing
disturbed it, and it did not succeed.
"""

from __future__ import annotations

from pathlib import Path

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
    watched_in_blue,
    with_policy,
)

from cfngen.semantics.template import TemplateError
from cfngen.simulate.behaviour import Readings
from cfngen.simulate.files import Files
from cfngen.simulate.scenario import parameters
from cfngen.simulate.simulation import Simulation

LISTENER, GROUP = "AWS::ElasticLoadBalancingV2::Listener", "AWS::ElasticLoadBalancingV2::TargetGroup"


def refusals(*mistakes: Mistake, readings: Readings | None = None) -> set[str]:
    """What is told of a creation."""
    return told([deployed(*mistakes, readings=readings)])


def _paths(name: str, *paths: str) -> Mistake:
    return edited(name, Conditions=[{"Field": "path-pattern", "PathPatternConfig": {"Values": list(paths)}}])


def _groups(name: str, *groups: object) -> Mistake:
    told = [{"TargetGroupArn": group, "Weight": 1} for group in groups]
    return edited(name, Actions=[{"Type": "forward", "ForwardConfig": {"TargetGroups": told}}])


def _many_rules(body: Body) -> None:
    """Four are there already."""
    for number in range(97):
        body["Resources"][f"More{number}"] = rule("Production", 1000 + number, [f"/{number}"], "Web")


def _six_groups(body: Body) -> None:
    for number in range(4):
        body["Resources"][f"More{number}"] = {"Type": GROUP, "Properties": {"VpcId": "vpc-1"}}
    _groups("WebRule", *({"Ref": name} for name in ("WebBlue", "WebGreen", "More0", "More1", "More2", "More3")))(body)


def _other_balancer(body: Body) -> None:
    """A second balancer whose listener forwards to a group of the first."""
    body["Resources"]["Other"] = {"Type": "AWS::ElasticLoadBalancingV2::LoadBalancer", "Properties": {}}
    action = [{"Type": "forward", "TargetGroupArn": {"Ref": "WebBlue"}}]
    body["Resources"]["OtherListener"] = {
        "Type": LISTENER,
        "Properties": {"LoadBalancerArn": {"Ref": "Other"}, "Port": 80, "DefaultActions": action},
    }


def _test_listener_elsewhere(body: Body) -> None:
    """The test listener is another balancer's, and its rules forward to nothing of the first."""
    body["Resources"]["Other"] = {"Type": "AWS::ElasticLoadBalancingV2::LoadBalancer", "Properties": {}}
    properties(body, "Test")["LoadBalancerArn"] = {"Ref": "Other"}
    for name in ("Web", "Admin"):
        del body["Resources"][f"{name}TestRule"]
        body["Resources"][f"{name}Service"]["DependsOn"] = f"{name}Rule"


def _route(route: str, listener: object) -> Mistake:
    def mistake(body: Body) -> None:
        pair = properties(body, "AdminDeployment")["LoadBalancerInfo"]["TargetGroupPairInfoList"][0]
        pair[route]["ListenerArns"] = [listener]

    return mistake


def _pair(*groups: object) -> Mistake:
    def mistake(body: Body) -> None:
        pair = properties(body, "AdminDeployment")["LoadBalancerInfo"]["TargetGroupPairInfoList"][0]
        pair["TargetGroups"] = [{"Name": group} for group in groups]

    return mistake


def _of_service(cluster: object, service: object) -> Mistake:
    return edited("AdminDeployment", ECSServices=[{"ClusterName": cluster, "ServiceName": service}])


def _name(of: str, attribute: str = "TargetGroupName") -> Body:
    return {"Fn::GetAtt": [of, attribute]}


def _balancers(container: str, port: object) -> Mistake:
    group = {"Ref": "AdminBlue"}
    return edited(
        "AdminService", LoadBalancers=[{"ContainerName": container, "ContainerPort": port, "TargetGroupArn": group}]
    )


def _shift(percent: int) -> Mistake:
    def mistake(body: Body) -> None:
        told = {"Type": "TimeBasedLinear", "TimeBasedLinear": {"LinearPercentage": percent, "LinearInterval": 1}}
        added("Shift", "AWS::CodeDeploy::DeploymentConfig", TrafficRoutingConfig=told)(body)
        properties(body, "AdminDeployment")["DeploymentConfigName"] = {"Ref": "Shift"}

    return mistake


def _network(body: Body) -> None:
    properties(body, "Balancer")["Type"] = "network"


REFUSED: dict[str, tuple[Mistake, str]] = {
    "a priority twice": (edited("AdminRule", Priority=200), "Priority '200' is currently in use (PriorityInUse)"),
    "a priority that is none": (edited("AdminRule", Priority=50_001), "is not between 1 and 50000"),
    "a port that is none": (edited("Test", Port=0), "is not between 1 and 65535"),
    "a target group's port that is none": (edited("AdminGreen", Port=70_000), "is not between 1 and 65535"),
    "a weight that is none": (edited("AdminRule", Actions=forward(1000, 0, "Admin")), "is not between 0 and 999"),
    "a percentage that is none": (_shift(0), "InvalidTrafficRoutingConfigurationException"),
    "a rule without an action": (edited("AdminRule", Actions=[]), "An action must be specified"),
    "a listener without an action": (edited("Test", DefaultActions=[]), "An action must be specified"),
    "a rule without a condition": (edited("AdminRule", Conditions=[]), "A condition must be specified"),
    "a hundred and one rules": (_many_rules, "TooManyRules"),
    "six condition values": (_paths("AdminRule", *(f"/{each}" for each in range(6))), "TooManyConditionValues"),
    "six groups": (_six_groups, "TooManyTargetGroups"),
    "a rule on what is no group": (_groups("AdminRule", {"Ref": "Cluster"}), "TargetGroupNotFound"),
    "a default action on what is no group": (
        edited("Production", DefaultActions=[{"Type": "forward", "TargetGroupArn": {"Ref": "Cluster"}}]),
        "TargetGroupNotFound",
    ),
    "a group of two balancers": (_other_balancer, "TargetGroupAssociationLimit"),
    "groups of two networks": (edited("AdminGreen", VpcId="vpc-2"), "InvalidConfigurationRequest"),
    "two listeners of one port": (edited("Test", Port=80), "DuplicateListener"),
    "a rule on what is no listener": (edited("AdminRule", ListenerArn={"Ref": "Balancer"}), "ListenerNotFound"),
    "a revision that is none": (
        edited("AdminService", TaskDefinition={"Ref": "Cluster"}),
        "inactive or does not exist",
    ),
    "a group behind nothing": (
        lambda body: (
            body["Resources"].pop("AdminRule")
            and body["Resources"].pop("AdminTestRule")
            and body["Resources"]["AdminService"].pop("DependsOn")
        ),
        "does not have an associated load balancer",
    ),
    "another container": (_balancers("web", 8080), "The container web does not exist in the task definition"),
    "another port": (_balancers("admin", 9090), "has no port 9090"),
    "an application that is none": (
        edited("AdminDeployment", ApplicationName={"Ref": "Cluster"}),
        "ApplicationDoesNotExistException",
    ),
    "a service that is none": (_of_service({"Ref": "Cluster"}, {"Ref": "AdminService"}), "InvalidECSServiceException"),
    "a service of another cluster": (_of_service("other", _name("AdminService", "Name")), "InvalidECSServiceException"),
    "a service whose deployments are its own": (
        lambda body: properties(body, "AdminService").pop("DeploymentController"),
        "must be configured for a CODE_DEPLOY deployment controller",
    ),
    "two deployment groups of one service": (
        _of_service({"Ref": "Cluster"}, _name("WebService", "Name")),
        "ECSServiceMappingLimitExceededException",
    ),
    "a pair of one group": (_pair(_name("AdminBlue"), _name("AdminBlue")), "InvalidTargetGroupPairException"),
    "half a pair": (_pair(_name("AdminBlue")), "InvalidTargetGroupPairException"),
    "a pair with what is no group": (_pair(_name("AdminBlue"), {"Ref": "Cluster"}), "InvalidTargetGroupPairException"),
    "no production listener": (
        _route("ProdTrafficRoute", {"Ref": "Cluster"}),
        "The listener of ProdTrafficRoute does not exist",
    ),
    "no test listener": (_route("TestTrafficRoute", {"Ref": "AdminRule"}), "The listener of TestTrafficRoute does not"),
    "listeners of two balancers": (_test_listener_elsewhere, "must be of one load balancer"),
    "a configuration that nobody made": (
        edited("AdminDeployment", DeploymentConfigName="CodeDeployDefault.LambdaAllAtOnce"),
        "DeploymentConfigDoesNotExistException",
    ),
    "a canary behind a network balancer": (_network, "A Network Load Balancer supports"),
    "limits the wrong way round": (edited("AdminTarget", MinCapacity=5), "Maximum capacity cannot be less"),
    "scaling in another cluster": (
        edited("AdminTarget", ResourceId={"Fn::Sub": "service/other/${AdminService.Name}"}),
        "ECS service doesn't exist",
    ),
    "scaling of what is called in another way": (
        edited("AdminTarget", ResourceId={"Fn::Sub": "${Cluster}/${AdminService.Name}"}),
        "ECS service doesn't exist",
    ),
    "an alarm that returns all of its metrics": (
        lambda body: properties(body, "AdminAlarm")["Metrics"][1].pop("ReturnData"),
        "Exactly one metric must be returned, and 2 are",
    ),
    "an alarm that returns nothing": (
        lambda body: properties(body, "AdminAlarm")["Metrics"][0].update(ReturnData=False),
        "Exactly one metric must be returned, and 0 are",
    ),
    "an alarm of a metric that it has not": (
        lambda body: properties(body, "AdminAlarm")["Metrics"].pop(),
        "The expression of worst names green, which is no id",
    ),
    "two groups of one name": (
        lambda body: (edited("WebBlue", Name="shop")(body), edited("AdminBlue", Name="shop")(body)),
        "shop already exists",
    ),
    "scaling of what is no service": (
        edited("AdminTarget", ResourceId={"Fn::Sub": "service/${Cluster}/nobody"}),
        "ECS service doesn't exist",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_creation_is_refused(name: str) -> None:
    mistake, reason = REFUSED[name]
    for readings in (Readings(), Readings(backwards=True)):
        found = refusals(mistake, readings=readings)
        assert [each for each in found if each.startswith("T7 ROLLBACK_COMPLETE") and reason in each], found


def test_a_name_is_unique_in_its_own_scope_only() -> None:
    """Services in two clusters may be called the same, as may a group and an alarm."""

    def second_cluster(body: Body) -> None:
        body["Resources"]["Other"] = {"Type": "AWS::ECS::Cluster", "Properties": {"ClusterName": "other"}}
        for name, cluster in (("Web", "Cluster"), ("Admin", "Other")):
            edited(f"{name}Service", ServiceName="same", Cluster={"Ref": cluster})(body)
            ecs = [{"ClusterName": {"Ref": cluster}, "ServiceName": _name(f"{name}Service", "Name")}]
            edited(f"{name}Deployment", ECSServices=ecs)(body)
            target = {"Fn::Sub": f"service/${{{cluster}}}/${{{name}Service.Name}}"}
            edited(f"{name}Target", ResourceId=target)(body)
        edited("WebBlue", Name="shop")(body)
        edited("WebAlarm", AlarmName="shop")(body)

    assert lived(second_cluster) == set()


def test_a_name_moves_to_no_other_resource_in_one_update() -> None:
    """The new one is made before the old one goes; once it has gone, another may have its name."""

    def moved(body: Body) -> None:
        body["Resources"]["WebGroup"] = body["Resources"].pop("Unused")

    unused = added("Unused", GROUP, Name="shop", VpcId="vpc-1", Port=80)
    simulation = deployed(unused)
    found = files(by_hand(), unused, moved)
    assert "shop already exists" in simulation.deploy(found, parameters(found, {})).reason
    without = files(by_hand())
    assert simulation.deploy(without, parameters(without, {})).is_good
    assert simulation.deploy(found, parameters(found, {})).is_good


def test_templates_that_give_names_are_deployed_once_in_an_account() -> None:
    """Coffee's pipelines have names. The second stack is taken back, and nobody of the first one notices."""
    coffee = Files.of(Path(__file__).parent.parent / "templates" / "coffee" / "dev")
    first = Simulation()
    assert first.deploy(coffee, parameters(coffee, {}), {}).is_good
    before = first.world.everything()
    again = Files({"again.yaml" if name == coffee.root else name: text for name, text in coffee.texts.items()})
    outcome = Simulation(world=first.world).deploy(again, parameters(again, {}), {})
    assert outcome.status == "ROLLBACK_COMPLETE"
    assert "coffee-dev-customer already exists" in outcome.reason
    assert first.world.everything() >= before
    assert first.hurts == []


def test_tasks_that_never_become_healthy_end_a_creation() -> None:
    simulation = Simulation()
    simulation.world.sick.add("admin")
    outcome = simulation.deploy(files(by_hand()), {}, {})
    assert outcome.status == "ROLLBACK_COMPLETE"
    assert outcome.reason.endswith("admin never became steady.")


def test_nothing_starts_on_a_revision_that_was_deregistered() -> None:
    """One stack keeps the revision's ARN as a parameter, which an update has removed from the template."""
    simulation = deployed(
        lambda body: body["Resources"].update(Old=dict(body["Resources"]["AdminTask"], DeletionPolicy="Delete"))
    )
    revision = next(each for each in simulation.world.task_definitions if "/Old" in each)

    def renamed(body: Body) -> None:
        body["Resources"]["NewService"] = body["Resources"].pop("AdminService")
        properties(body, "NewService")["TaskDefinition"] = revision
        for name in ("AdminDeployment", "AdminTarget"):
            body["Resources"][name] = _with_other_name(body["Resources"][name])

    removed, after = files(by_hand()), files(by_hand(), renamed)
    assert simulation.deploy(removed, {}).is_good
    assert revision in simulation.world.inactive
    simulation.deploy(after, {})
    assert any(f"TaskDefinition is inactive or does not exist: {revision}" in each for each in told([simulation]))


def _with_other_name(node: Body) -> Body:
    import json

    return json.loads(json.dumps(node).replace("AdminService", "NewService"))  # type: ignore[no-any-return]


@pytest.mark.parametrize("changed", ["PlatformVersion", "NetworkConfiguration", "EnableExecuteCommand"])
def test_what_codedeploy_owns_is_not_updated(changed: str) -> None:
    found = told(lives(then=[edited("AdminService", **{changed: "other"})], readings=[Readings()]))
    assert any(f"Unable to update {changed} on services with a CODE_DEPLOY" in each for each in found)


def test_the_first_releases_update_is_refused_once_green_is_primary() -> None:
    """A field that ECS takes: before the first release it is updated, in green never, and in blue again neither."""
    graceful = files(by_hand(), edited("AdminService", HealthCheckGracePeriodSeconds=90))
    assert deployed().deploy(graceful, {}).is_good
    for readings, status in ((Readings(), "UPDATE_ROLLBACK"), (Readings(service_update="taken"), "UPDATE_COMPLETE")):
        for releases in (1, 2):
            simulation = deployed(readings=readings)
            for _ in range(releases):
                simulation.finish(simulation.release("admin"))
            assert simulation.deploy(graceful, {}).status.startswith(status)


def test_a_configuration_in_use_is_not_deleted() -> None:
    """Its deployment group is retained, so it stays behind when the stack goes."""

    def own(body: Body) -> None:
        body["Resources"]["Shift"] = {
            "Type": "AWS::CodeDeploy::DeploymentConfig",
            "Properties": {
                "ComputePlatform": "ECS",
                "TrafficRoutingConfig": {
                    "Type": "TimeBasedLinear",
                    "TimeBasedLinear": {"LinearPercentage": 50, "LinearInterval": 1},
                },
            },
        }
        properties(body, "AdminDeployment")["DeploymentConfigName"] = {"Ref": "Shift"}

    assert lived(own) == set()
    found = told(lives(own, with_policy("AdminDeployment", "Retain")))
    assert any(each.startswith("T8 ") and "Shift" in _names(each) for each in found), found


def _names(told: str) -> set[str]:
    return {each.rpartition("/")[2] for each in told.split(", ")}


def test_a_group_in_use_is_not_deleted() -> None:
    """A balancer that is retained with a rule of it holds both groups of the rule's service."""
    found = told(lives(*(with_policy(name, "Retain") for name in ("Balancer", "Production", "AdminRule"))))
    assert any(each.startswith("T8 ") and {"AdminBlue", "AdminGreen"} <= _names(each) for each in found), found


def test_what_an_update_cannot_remove_is_left_for_good() -> None:
    """Admin stops being released and its rules name blue alone. Nobody writes them, so that green cannot go."""

    def blue_alone(body: Body) -> None:
        for name in ("AdminRule", "AdminTestRule"):
            properties(body, name)["Actions"] = [{"Type": "forward", "TargetGroupArn": {"Ref": "AdminBlue"}}]

    def no_more(body: Body) -> None:
        del body["Resources"]["AdminDeployment"], body["Resources"]["AdminGreen"]
        watched_in_blue(body)

    before, after = files(by_hand(), blue_alone), files(by_hand(), blue_alone, no_more)
    simulation = deployed(blue_alone)
    simulation.finish(simulation.release("admin"))
    assert simulation.deploy(after, parameters(before, {})).left == ("system/AdminGreen",)
    assert simulation.delete(after).is_good
    left = [each for each in simulation.hurts if (each.invariant, each.after) == ("T8", "the stack is deleted")]
    assert len(left) == 1
    assert left[0].seen.startswith("targetgroup:system/AdminGreen")


def test_what_waits_for_nobody_is_refused_before_anything_is_made() -> None:
    def mistake(body: Body) -> None:
        body["Resources"]["AdminService"]["DependsOn"] = ["AdminRules"]

    with pytest.raises(TemplateError, match=r"system.yaml: .*Unresolved resource dependencies \[AdminRules\]"):
        deployed(mistake)
