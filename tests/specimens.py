"""A small system as people write it by hand, in one template, and what they get wrong in it.

`by_hand` is right; each specimen is the same with one well-known mistake in it.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from cfngen.simulate.behaviour import Readings, one_at_a_time
from cfngen.simulate.files import Files
from cfngen.simulate.scenario import Surroundings, parameters, requests, standard
from cfngen.simulate.simulation import Simulation

Body = dict[str, Any]
Mistake = Callable[[Body], None]


def forward(blue: Any, green: Any, service: str) -> list[Body]:
    groups = [
        {"TargetGroupArn": {"Ref": f"{service}{colour}"}, "Weight": weight}
        for colour, weight in (("Blue", blue), ("Green", green))
    ]
    return [{"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}]


def rule(listener: str, priority: int, paths: list[str], service: str, blue: Any = 100, green: Any = 0) -> Body:
    return {
        "Type": "AWS::ElasticLoadBalancingV2::ListenerRule",
        "Properties": {
            "ListenerArn": {"Ref": listener},
            "Priority": priority,
            "Conditions": [{"Field": "path-pattern", "PathPatternConfig": {"Values": paths}}],
            "Actions": forward(blue, green, service),
        },
    }


def listener(port: int) -> Body:
    return {
        "Type": "AWS::ElasticLoadBalancingV2::Listener",
        "Properties": {
            "LoadBalancerArn": {"Ref": "Balancer"},
            "Port": port,
            "Protocol": "HTTP",
            "DefaultActions": [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}],
        },
    }


def service(name: str, paths: list[str], priority: int) -> Body:
    """The resources of one service; `name` begins them all."""
    group = {
        "Type": "AWS::ElasticLoadBalancingV2::TargetGroup",
        "Properties": {
            "Port": 8080,
            "Protocol": "HTTP",
            "TargetType": "ip",
            "VpcId": "vpc-1",
            "TargetGroupAttributes": [{"Key": "deregistration_delay.timeout_seconds", "Value": "30"}],
        },
    }
    return {
        f"{name}Blue": group,
        f"{name}Green": copy.deepcopy(group),
        f"{name}Rule": rule("Production", priority, paths, name),
        f"{name}TestRule": rule("Test", priority, paths, name),
        f"{name}Task": {
            "Type": "AWS::ECS::TaskDefinition",
            "DeletionPolicy": "Retain",
            "UpdateReplacePolicy": "Retain",
            "Properties": {
                "Family": name.lower(),
                "Cpu": "256",
                "ContainerDefinitions": [
                    {
                        "Name": name.lower(),
                        "Image": "repository@sha256:bootstrap",
                        "PortMappings": [{"ContainerPort": 8080}],
                    }
                ],
            },
        },
        f"{name}Service": {
            "Type": "AWS::ECS::Service",
            "DependsOn": [f"{name}Rule", f"{name}TestRule"],
            "Properties": {
                "Cluster": {"Ref": "Cluster"},
                "TaskDefinition": {"Ref": f"{name}Task"},
                "DesiredCount": 2,
                "DeploymentController": {"Type": "CODE_DEPLOY"},
                "LoadBalancers": [
                    {"ContainerName": name.lower(), "ContainerPort": 8080, "TargetGroupArn": {"Ref": f"{name}Blue"}}
                ],
            },
        },
        f"{name}Deployment": {
            "Type": "AWS::CodeDeploy::DeploymentGroup",
            "Properties": {
                "ApplicationName": {"Ref": "Application"},
                "DeploymentConfigName": "CodeDeployDefault.ECSCanary10Percent5Minutes",
                "ECSServices": [
                    {"ClusterName": {"Ref": "Cluster"}, "ServiceName": {"Fn::GetAtt": [f"{name}Service", "Name"]}}
                ],
                "LoadBalancerInfo": {
                    "TargetGroupPairInfoList": [
                        {
                            "ProdTrafficRoute": {"ListenerArns": [{"Ref": "Production"}]},
                            "TestTrafficRoute": {"ListenerArns": [{"Ref": "Test"}]},
                            "TargetGroups": [
                                {"Name": {"Fn::GetAtt": [f"{name}{colour}", "TargetGroupName"]}}
                                for colour in ("Blue", "Green")
                            ],
                        }
                    ]
                },
                "BlueGreenDeploymentConfiguration": {
                    "DeploymentReadyOption": {"ActionOnTimeout": "CONTINUE_DEPLOYMENT"},
                    "TerminateBlueInstancesOnDeploymentSuccess": {
                        "Action": "TERMINATE",
                        "TerminationWaitTimeInMinutes": 5,
                    },
                },
                "AutoRollbackConfiguration": {
                    "Enabled": True,
                    "Events": ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM", "DEPLOYMENT_STOP_ON_REQUEST"],
                },
                "AlarmConfiguration": {"Enabled": True, "Alarms": [{"Name": {"Ref": f"{name}Alarm"}}]},
            },
        },
        f"{name}Alarm": {
            "Type": "AWS::CloudWatch::Alarm",
            "Properties": {"Metrics": [_worst(), _metric(name, "Blue"), _metric(name, "Green")]},
        },
        f"{name}Target": {
            "Type": "AWS::ApplicationAutoScaling::ScalableTarget",
            "Properties": {
                "ResourceId": {"Fn::Sub": f"service/${{Cluster}}/${{{name}Service.Name}}"},
                "MinCapacity": 1,
                "MaxCapacity": 4,
            },
        },
    }


def _worst() -> Body:
    return {"Id": "worst", "Expression": "MAX([FILL(blue, 0), FILL(green, 0)])"}


def _metric(name: str, colour: str) -> Body:
    values = (f"{name}{colour}", "TargetGroupFullName"), ("Balancer", "LoadBalancerFullName")
    dimensions = [
        {"Name": dimension, "Value": {"Fn::GetAtt": list(value)}}
        for dimension, value in zip(("TargetGroup", "LoadBalancer"), values, strict=True)
    ]
    metric = {"MetricName": "UnHealthyHostCount", "Dimensions": dimensions}
    return {"Id": colour.lower(), "MetricStat": {"Metric": metric}, "ReturnData": False}


def by_hand() -> Body:
    return {
        "Parameters": {"Certificate": {"Type": "String", "Default": "one"}},
        "Resources": {
            "Balancer": {"Type": "AWS::ElasticLoadBalancingV2::LoadBalancer", "Properties": {}},
            "Production": listener(80),
            "Test": listener(8080),
            "Cluster": {"Type": "AWS::ECS::Cluster", "Properties": {}},
            "Application": {"Type": "AWS::CodeDeploy::Application", "Properties": {}},
            **service("Web", ["/*"], 200),
            **service("Admin", ["/admin", "/admin/*"], 100),
        },
    }


def files(body: Body, *mistakes: Mistake, beside: Mapping[str, str] | None = None) -> Files:
    """A template with mistakes in it, as files; `beside` are other files of its folder."""
    body = copy.deepcopy(body)
    for mistake in mistakes:
        mistake(body)
    return Files({"system.yaml": json.dumps(body), **(beside or {})})


def properties(body: Body, name: str) -> Body:
    return body["Resources"][name]["Properties"]  # type: ignore[no-any-return]


def watched_in_blue(body: Body) -> None:
    """Admin's alarm looks at its first group alone."""
    metrics = properties(body, "AdminAlarm")["Metrics"]
    metrics[:] = [{**each, "ReturnData": True} for each in metrics if each["Id"] == "blue"]


def by_parameter(body: Body) -> None:
    """The weights of Admin's rules by a colour that is kept in SSM, and read by a parameter's type."""
    body["Parameters"]["AdminColour"] = {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "admin-colour"}
    body["Mappings"] = {"Weights": {"blue": {"Blue": 100, "Green": 0}, "green": {"Blue": 0, "Green": 100}}}
    for name in ("AdminRule", "AdminTestRule"):
        blue, green = ({"Fn::FindInMap": ["Weights", {"Ref": "AdminColour"}, each]} for each in ("Blue", "Green"))
        properties(body, name)["Actions"] = forward(blue, green, "Admin")


def by_reference(body: Body) -> None:
    """The weights of Admin's rules by dynamic references, one for each."""
    for name in ("AdminRule", "AdminTestRule"):
        blue, green = (f"{{{{resolve:ssm:admin-{colour}}}}}" for colour in ("blue", "green"))
        properties(body, name)["Actions"] = forward(blue, green, "Admin")


def edited(name: str, **changed: Any) -> Mistake:
    """Some properties of a resource are others."""
    return lambda body: properties(body, name).update(changed)


def added(name: str, kind: str, **told: Any) -> Mistake:
    """One resource more."""
    return lambda body: body["Resources"].update({name: {"Type": kind, "Properties": told}})


def with_policy(name: str, policy: str) -> Mistake:
    """A resource has a DeletionPolicy."""
    return lambda body: body["Resources"][name].update(DeletionPolicy=policy)


def hurts(simulations: Iterable[Simulation]) -> set[str]:
    """The invariants that did not hold."""
    return {each.invariant for simulation in simulations for each in simulation.hurts}


def lives(
    *mistakes: Mistake,
    then: Iterable[Mistake] = (),
    readings: Iterable[Readings] = (),
    around: Surroundings | None = None,
    beside: Mapping[str, str] | None = None,
) -> list[Simulation]:
    """A standard life of a template with mistakes, which changes to one with other mistakes, in each reading."""
    before, after = (files(by_hand(), *wrong, beside=beside) for wrong in (mistakes, (*mistakes, *then)))
    return [standard(before, around, each, then=after) for each in readings or one_at_a_time()]


def lived(*mistakes: Mistake, **how: Any) -> set[str]:
    """The invariants that do not hold in a standard life, in one reading at least; `how` as in `lives`."""
    return hurts(lives(*mistakes, **how))


def told(simulations: Iterable[Simulation]) -> set[str]:
    """What was seen that hurts, each after the id of its invariant."""
    return {f"{each.invariant} {each.seen}" for simulation in simulations for each in simulation.hurts}


def deployed(*mistakes: Mistake, readings: Readings | None = None, ssm: Mapping[str, str] | None = None) -> Simulation:
    """A stage that was just created, whose requests are watched."""
    system, simulation = files(by_hand(), *mistakes), Simulation(readings)
    simulation.world.ssm = dict(ssm or {})
    simulation.deploy(system, parameters(system, {}), {})
    simulation.settle(simulation.look_around(requests(simulation.world)))
    return simulation
