"""What is unusual and right hurts in no reading; and the same with a mistake in it does."""

from __future__ import annotations

import copy
import json

import pytest
from specimens import (
    Body,
    Mistake,
    added,
    by_hand,
    deployed,
    edited,
    listener,
    lived,
    lives,
    properties,
    rule,
    service,
    told,
)

from cfngen.semantics.template import TemplateError
from cfngen.simulate.files import Files
from cfngen.simulate.scenario import Surroundings
from cfngen.simulate.simulation import Simulation

BALANCER, RULE = "AWS::ElasticLoadBalancingV2::LoadBalancer", "AWS::ElasticLoadBalancingV2::ListenerRule"


def _same_container(body: Body) -> None:
    """Both containers are called app."""
    for name in ("Web", "Admin"):
        properties(body, f"{name}Task")["ContainerDefinitions"][0]["Name"] = "app"
        properties(body, f"{name}Service")["LoadBalancers"][0]["ContainerName"] = "app"


def test_two_services_whose_containers_share_a_name_are_told_apart() -> None:
    assert lived(_same_container) == set()
    assert set(deployed(_same_container).labels) == {"AdminService", "app"}
    found = told(lives(_same_container, then=[edited("WebRule", Priority=99)]))
    assert any(each.startswith("T2 / of app gets 503") for each in found), found


def _two_balancers(body: Body) -> None:
    """Partners come in by a balancer of their own, at the same paths as everybody, and reach a service of their own."""
    more = service("Partner", ["/*"], 200)
    body["Resources"] |= more
    body["Resources"]["Second"] = {"Type": BALANCER, "Properties": {}}
    for name, port in (("SecondProduction", 80), ("SecondTest", 8080)):
        body["Resources"][name] = listener(port)
        properties(body, name)["LoadBalancerArn"] = {"Fn::GetAtt": ["Second", "LoadBalancerArn"]}
    properties(body, "PartnerRule")["ListenerArn"] = {"Ref": "SecondProduction"}
    properties(body, "PartnerTestRule")["ListenerArn"] = {"Fn::GetAtt": ["SecondTest", "ListenerArn"]}
    for metric in properties(body, "PartnerAlarm")["Metrics"][1:]:
        metric["MetricStat"]["Metric"]["Dimensions"][1]["Value"] = {"Fn::GetAtt": ["Second", "LoadBalancerFullName"]}
    pair = properties(body, "PartnerDeployment")["LoadBalancerInfo"]["TargetGroupPairInfoList"][0]
    pair["ProdTrafficRoute"]["ListenerArns"] = [{"Ref": "SecondProduction"}]
    pair["TestTrafficRoute"]["ListenerArns"] = [{"Ref": "SecondTest"}]


def test_two_balancers_answer_the_same_paths_each_with_its_own() -> None:
    assert lived(_two_balancers) == set()
    found = told(lives(_two_balancers, then=[edited("PartnerRule", Priority=5)]))
    assert any(each.startswith("T2 / of partner gets 503") for each in found)
    assert not any("of web" in each for each in found)


def _redirected(port: str, **more: str) -> Mistake:
    """Users come in by port 80, which sends them to the listener that has the rules."""

    def mistake(body: Body) -> None:
        told = {"Protocol": "HTTPS", "StatusCode": "HTTP_301", "Port": port, **more}
        properties(body, "Production").update(Port=443)
        body["Resources"]["Plain"] = listener(80)
        properties(body, "Plain")["DefaultActions"] = [{"Type": "redirect", "RedirectConfig": told}]

    return mistake


def test_a_redirect_leads_to_the_port_that_it_names() -> None:
    assert lived(_redirected("443")) == set()
    around = Surroundings(owner=lambda request: "admin" if request.path.startswith("/admin/") else None)
    assert lived(_redirected("443"), around=around) == set()
    for wrong in (_redirected("444"), _redirected("#{port}"), _redirected("443", Host="www.example.com")):
        found = told(lives(wrong, around=around))
        assert "T2 /admin/x of admin gets redirect 100%" in found, found


def _conditions(*told: Body) -> Mistake:
    def mistake(body: Body) -> None:
        for name in ("AdminRule", "AdminTestRule"):
            properties(body, name)["Conditions"] = [copy.deepcopy(each) for each in told]

    return mistake


CONDITIONS: dict[str, tuple[Body, str]] = {
    "method": ({"Field": "http-request-method", "HttpRequestMethodConfig": {"Values": ["POST", "PUT"]}}, "POST /x"),
    "header": (
        {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "X-Team", "Values": ["admin*"]}},
        "/x with X-Team: adminx",
    ),
    "query": ({"Field": "query-string", "QueryStringConfig": {"Values": [{"Key": "team", "Value": "admin"}]}}, "?team"),
    "query without a key": ({"Field": "query-string", "QueryStringConfig": {"Values": [{"Value": "admin"}]}}, "=admin"),
    "host": (
        {"Field": "host-header", "HostHeaderConfig": {"Values": ["*.admin.example.com"]}},
        "x.admin.example.com/x",
    ),
    "host, the old way": ({"Field": "host-header", "Values": ["admin.example.com"]}, "admin.example.com/x"),
    "address": ({"Field": "source-ip", "SourceIpConfig": {"Values": ["198.51.100.0/24"]}}, "from 198.51.100.0"),
    "address, version 6": ({"Field": "source-ip", "SourceIpConfig": {"Values": ["2001:db8::/32"]}}, "from 2001:db8::"),
}


@pytest.mark.parametrize("name", CONDITIONS)
def test_every_condition_of_a_rule_is_asked(name: str) -> None:
    condition, asked = CONDITIONS[name]
    assert lived(_conditions(condition)) == set()
    found = told(lives(_conditions(condition), then=[edited("AdminRule", Priority=99)]))
    assert any(each.startswith("T2 ") and asked in each and " of admin gets 503" in each for each in found), found


def test_conditions_hold_together() -> None:
    both = _conditions(CONDITIONS["host"][0], CONDITIONS["method"][0])
    assert lived(both) == set()
    found = told(lives(both, then=[edited("AdminRule", Priority=99)]))
    assert any("POST x.admin.example.com/x of admin gets 503" in each for each in found)


@pytest.mark.parametrize(
    ("field", "config"), [("path-pattern", "PathPatternConfig"), ("host-header", "HostHeaderConfig")]
)
def test_rules_by_regular_expressions_are_played_though_nobody_asks_them(field: str, config: str) -> None:
    """Their requests are not made up (docs/traffic.md); their weights are looked at all the same."""
    by_regex = _conditions({"Field": field, config: {"RegexValues": ["^/admin/(a|b)$"]}})
    assert lived(by_regex) == set()
    found = {each.partition(" ")[0] for each in told(lives(by_regex, then=[edited("AdminRule", Priority=99)]))}
    assert found == {"T1", "T4", "T5"}


def _by_arns(body: Body) -> None:
    """Everything that has an ARN is named by it."""
    for name in ("Web", "Admin"):
        properties(body, f"{name}Service")["Cluster"] = {"Fn::GetAtt": ["Cluster", "Arn"]}
        properties(body, f"{name}Service")["TaskDefinition"] = {"Fn::GetAtt": [f"{name}Task", "TaskDefinitionArn"]}
    for name in ("Production", "Test"):
        properties(body, name)["LoadBalancerArn"] = {"Fn::GetAtt": ["Balancer", "LoadBalancerArn"]}
    properties(body, "AdminRule")["ListenerArn"] = {"Fn::GetAtt": ["Production", "ListenerArn"]}


def test_what_is_named_by_its_arn_is_known() -> None:
    assert lived(_by_arns) == set()


def _by_names(body: Body) -> None:
    """Everything that may have a name has one, and is named by it as well as by reference."""
    names = {
        "Cluster": ("ClusterName", "shop"),
        "Application": ("ApplicationName", "shop"),
        "AdminService": ("ServiceName", "shop-admin"),
        "AdminAlarm": ("AlarmName", "shop-admin-errors"),
        "AdminBlue": ("Name", "shop-admin-1"),
        "AdminGreen": ("Name", "shop-admin-2"),
        "AdminDeployment": ("DeploymentGroupName", "shop-admin"),
    }
    for name, (key, value) in names.items():
        properties(body, name)[key] = value
    deployment = properties(body, "AdminDeployment")
    deployment["ApplicationName"] = "shop"
    deployment["ECSServices"] = [{"ClusterName": "shop", "ServiceName": "shop-admin"}]
    deployment["AlarmConfiguration"]["Alarms"] = [{"Name": "shop-admin-errors"}]
    pair = deployment["LoadBalancerInfo"]["TargetGroupPairInfoList"][0]
    pair["TargetGroups"] = [{"Name": "shop-admin-1"}, {"Name": "shop-admin-2"}]
    properties(body, "AdminTarget")["ResourceId"] = "service/shop/shop-admin"
    body["Resources"]["AdminDeployment"]["DependsOn"] = ["Application", "AdminService", "AdminAlarm"]
    body["Resources"]["AdminTarget"]["DependsOn"] = ["AdminService"]


def test_what_has_a_name_is_known_by_it() -> None:
    assert lived(_by_names) == set()


def _own_config(body: Body) -> None:
    shift = {"Type": "TimeBasedLinear", "TimeBasedLinear": {"LinearPercentage": 50, "LinearInterval": 1}}
    added("Shift", "AWS::CodeDeploy::DeploymentConfig", DeploymentConfigName="halves", TrafficRoutingConfig=shift)(body)
    properties(body, "AdminDeployment")["DeploymentConfigName"] = {"Ref": "Shift"}
    properties(body, "WebDeployment")["DeploymentConfigName"] = "halves"
    body["Resources"]["WebDeployment"]["DependsOn"] = "Shift"


def test_a_configuration_is_known_by_its_name() -> None:
    assert lived(_own_config) == set()
    simulation = deployed(_own_config)
    for label in ("web", "admin"):
        assert "AllowTraffic 50" in simulation.finish(simulation.release(label)).done


def _from_elsewhere(body: Body) -> None:
    """The application, the listeners and the cluster are another stack's."""
    for name in ("Application", "Production", "Test", "Balancer", "Cluster"):
        del body["Resources"][name]
        body["Parameters"][name] = {"Type": "String"}
    for name in ("WebAlarm", "AdminAlarm"):
        for metric in properties(body, name)["Metrics"][1:]:
            metric["MetricStat"]["Metric"]["Dimensions"][1]["Value"] = {"Ref": "Balancer"}


ELSEWHERE = Surroundings(
    given={
        "Application": "shop",
        "Balancer": "app/shop/0123456789abcdef",
        "Cluster": "shop",
        "Production": "arn:aws:elasticloadbalancing:eu-west-1:123456789012:listener/app/shop/0123456789abcdef/1",
        "Test": "arn:aws:elasticloadbalancing:eu-west-1:123456789012:listener/app/shop/0123456789abcdef/2",
    }
)


def test_what_parameters_name_is_elsewhere() -> None:
    assert lived(_from_elsewhere, around=ELSEWHERE) == set()
    found = told(lives(_from_elsewhere, around=ELSEWHERE, then=[edited("AdminRule", Priority=99)]))
    assert any(each.startswith("T2 /admin of admin gets 503") for each in found), found


def _exported(body: Body) -> None:
    _from_elsewhere(body)
    text = json.dumps(body["Resources"])
    for name in ("Application", "Production", "Test", "Balancer", "Cluster"):
        del body["Parameters"][name]
        text = text.replace(json.dumps({"Ref": name}), json.dumps({"Fn::ImportValue": f"shared-{name}"}))
        text = text.replace(f"${{{name}}}", f"${{{name}Name}}")
    body["Resources"] = json.loads(text)
    for name in ("Web", "Admin"):
        resource = {
            "Fn::Sub": [
                f"service/${{Cluster}}/${{{name}Service.Name}}",
                {"Cluster": {"Fn::ImportValue": "shared-Cluster"}},
            ]
        }
        properties(body, f"{name}Target")["ResourceId"] = resource


def test_what_other_stacks_export_is_elsewhere() -> None:
    assert lived(_exported) == set()
    found = told(lives(_exported, then=[edited("AdminRule", Priority=99)]))
    assert any(each.startswith("T2 /admin of admin gets 503") for each in found), found


def _beside(body: Body) -> None:
    """A function and servers with deployment groups of their own, and a service that ECS itself deploys."""
    added("Functions", "AWS::CodeDeploy::Application", ComputePlatform="Lambda")(body)
    added(
        "Function",
        "AWS::CodeDeploy::DeploymentGroup",
        ApplicationName={"Ref": "Functions"},
        DeploymentConfigName="CodeDeployDefault.LambdaCanary10Percent5Minutes",
    )(body)
    added(
        "Servers",
        "AWS::CodeDeploy::DeploymentGroup",
        ApplicationName={"Ref": "Functions"},
        LoadBalancerInfo={"TargetGroupInfoList": [{"Name": "other"}]},
    )(body)
    added(
        "Worker",
        "AWS::ECS::Service",
        Cluster={"Ref": "Cluster"},
        TaskDefinition={"Ref": "WebTask"},
        DeploymentConfiguration={"MinimumHealthyPercent": 50},
    )(body)


def test_what_no_request_reaches_may_stand_beside() -> None:
    assert lived(_beside) == set()
    assert lived(_beside, then=[edited("Worker", TaskDefinition={"Ref": "AdminTask"})]) == set()
    assert lived(_beside, then=[edited("Function", DeploymentConfigName="CodeDeployDefault.LambdaAllAtOnce")]) == set()


def _rolling(body: Body) -> None:
    """A third service behind the balancer, which ECS itself deploys."""
    group = copy.deepcopy(body["Resources"]["WebBlue"])
    body["Resources"] |= {"ApiGroup": group, "ApiTask": copy.deepcopy(body["Resources"]["WebTask"])}
    for name, where in (("ApiRule", "Production"), ("ApiTestRule", "Test")):
        body["Resources"][name] = rule(where, 50, ["/api/*"], "Web")
        properties(body, name)["Actions"] = [{"Type": "forward", "TargetGroupArn": {"Ref": "ApiGroup"}}]
    balancers = [{"ContainerName": "web", "ContainerPort": 8080, "TargetGroupArn": {"Ref": "ApiGroup"}}]
    added(
        "ApiService",
        "AWS::ECS::Service",
        Cluster={"Ref": "Cluster"},
        ServiceName="api",
        TaskDefinition={"Ref": "ApiTask"},
        DesiredCount=2,
        LoadBalancers=balancers,
    )(body)
    body["Resources"]["ApiService"]["DependsOn"] = ["ApiRule"]


def test_a_service_that_ecs_deploys_stands_beside() -> None:
    """CodeDeploy's rules are not its: its rules, its task definition and its number of tasks may change."""
    larger, more = edited("ApiTask", Cpu="512"), edited("ApiService", DesiredCount=3)
    assert lived(_rolling, then=[larger, more, edited("ApiRule", Priority=51)]) == set()


ARN = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/legacy/0123456789abcdef"


def _more_from_elsewhere(body: Body) -> None:
    """Old paths go to a target group of another stack, Web starts on its revision, and a table scales, too."""
    body["Resources"]["LegacyRule"] = rule("Production", 10, ["/legacy/*"], "Web")
    properties(body, "LegacyRule")["Actions"] = [{"Type": "forward", "TargetGroupArn": ARN}]
    properties(body, "WebService")["TaskDefinition"] = "arn:aws:ecs:eu-west-1:123456789012:task-definition/web:7"
    for name, of in (("Table", "table/orders"), ("OtherService", "service/other/web")):
        target = {"ResourceId": of, "MinCapacity": 1, "MaxCapacity": 9}
        added(name, "AWS::ApplicationAutoScaling::ScalableTarget", **target)(body)


def test_groups_revisions_and_tables_may_be_elsewhere() -> None:
    assert lived(_more_from_elsewhere) == set()


def _group_elsewhere(body: Body) -> None:
    properties(body, "AdminService")["LoadBalancers"][0]["TargetGroupArn"] = ARN


def _pair_elsewhere(body: Body) -> None:
    info = properties(body, "AdminDeployment")["LoadBalancerInfo"]["TargetGroupPairInfoList"][0]
    info["TargetGroups"][1]["Name"] = "shop-green"


@pytest.mark.parametrize(
    ("mistake", "reason"),
    [
        (_group_elsewhere, rf"AdminService \(AWS::ECS::Service\): no template here has the target group {ARN}"),
        (_pair_elsewhere, r"AdminDeployment .*: no template here makes the target group shop-green"),
        (
            edited("AdminDeployment", ECSServices=[{"ClusterName": "shop", "ServiceName": "api"}]),
            r"AdminDeployment .*: no template here makes the service api",
        ),
        (
            edited("AdminDeployment", DeploymentConfigName="shop-halves"),
            r"AdminDeployment .*: no template here makes the deployment configuration shop-halves",
        ),
    ],
)
def test_what_moves_in_a_release_has_to_be_here(mistake: Mistake, reason: str) -> None:
    """Who asks for a group that is elsewhere is unknown, so that nothing could be said about it."""
    with pytest.raises(TemplateError, match=f"^system.yaml: {reason}"):
        deployed(mistake)


def test_what_a_stack_of_the_same_tree_exports_is_its_value() -> None:
    system = by_hand()
    name = {"Fn::GetAtt": ["WebBlue", "TargetGroupName"]}
    system["Outputs"] = {"Blue": {"Value": name, "Export": {"Name": "blue"}}}
    topic = {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": {"Fn::ImportValue": "blue"}}}
    stacks = {
        each: {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": f"{each.lower()}.yaml"}}
        for each in ("System", "Topics")
    }
    stacks["Topics"]["DependsOn"] = "System"
    told = {"root.yaml": {"Resources": stacks}, "system.yaml": system, "topics.yaml": {"Resources": {"Topic": topic}}}
    simulation = Simulation()
    assert simulation.deploy(Files({name: json.dumps(body) for name, body in told.items()}), {}, {}).is_good
    assert simulation.stack is not None
    made = simulation.stack.children["Topics"].resources["Topic"].properties["TopicName"]
    assert made == next(iter(simulation.world.groups.values())).name
