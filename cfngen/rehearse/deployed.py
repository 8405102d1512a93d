"""What is deployed, read back from the account: services with their groups, listeners, pipelines and the database.

Nothing here comes from templates or from the description: what the account does not tell is not known.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cfngen.rehearse.account import Account
from cfngen.rehearse.errors import RehearsalError
from cfngen.simulate.requests import values_of


@dataclass(frozen=True)
class Service:
    """An ECS service under CodeDeploy. `pair` are the ARNs of its deployment group's target groups, blue first."""

    name: str
    cluster: str
    container: str
    port: int
    group: Mapping[str, Any]
    pair: tuple[str, str]
    production: str
    test: str
    desired: int
    task_definition: str

    @property
    def short(self) -> str:
        """What people call it: its container."""
        return self.container

    @property
    def alarms(self) -> list[str]:
        """The names of the alarms that its deployment group looks at (A4.10)."""
        told = self.group.get("alarmConfiguration", {})
        return [each["name"] for each in told.get("alarms") or ()] if told.get("enabled") else []


@dataclass(frozen=True)
class Listener:
    """A listener with its rules, and the addresses and groups that its balancer's security groups let in.

    `address` is where it is played. An internal one's tasks find it at `inside`; it lets in those whose addresses are in the file
    `callers`, where that of a `caller` always is.
    """

    arn: str
    port: int
    protocol: str
    rules: tuple[Mapping[str, Any], ...]
    sources: tuple[str, ...]
    balancer: str = ""
    groups: tuple[str, ...] = ()
    address: str = ""
    inside: str = ""
    caller: str = ""
    callers: str = ""


@dataclass(frozen=True)
class TargetGroup:
    """A target group with its attributes."""

    arn: str
    told: Mapping[str, Any]
    attributes: Mapping[str, str]

    @property
    def name(self) -> str:
        return str(self.told["TargetGroupName"])

    @property
    def drain_seconds(self) -> float:
        return float(self.attributes.get("deregistration_delay.timeout_seconds", 300))


@dataclass(frozen=True)
class Database:
    """The database: its address, and the secret of its master. A cluster with readers has an address for them, too.

    One that was there before the stage has users, too: `reader` and `writer` are their secrets.
    """

    host: str
    port: int
    name: str
    master: str
    engine: str
    reader_host: str = ""
    reader: str = ""
    writer: str = ""

    @property
    def hosts(self) -> list[str]:
        """Every address."""
        return [self.host, *([self.reader_host] if self.reader_host else [])]


def services(account: Account) -> list[Service]:
    """Every service that a deployment group moves, in the order of their names."""
    groups = {group["TargetGroupName"]: group["TargetGroupArn"] for group in _groups(account)}
    deploys = account.client("codedeploy")
    found = []
    for application in deploys.list_applications()["applications"]:
        for name in deploys.list_deployment_groups(applicationName=application)["deploymentGroups"]:
            told = deploys.get_deployment_group(applicationName=application, deploymentGroupName=name)
            found.append(_service(account, told["deploymentGroupInfo"], groups))
    if not found:
        raise RehearsalError("nothing that is deployed is a service under CodeDeploy")
    return sorted(found, key=lambda each: each.name)


def _service(account: Account, group: Mapping[str, Any], groups: Mapping[str, str]) -> Service:
    named = group["ecsServices"][0]
    answer = account.client("ecs").describe_services(cluster=named["clusterName"], services=[named["serviceName"]])
    told = answer["services"][0]
    pair = group["loadBalancerInfo"]["targetGroupPairInfoList"][0]
    behind = told["loadBalancers"][0]
    arns = [groups[each["name"]] for each in pair["targetGroups"]]
    arns.sort(key=lambda arn: arn != behind["targetGroupArn"])
    return Service(
        name=told["serviceName"],
        cluster=named["clusterName"],
        container=behind["containerName"],
        port=behind["containerPort"],
        group=group,
        pair=(arns[0], arns[1]),
        production=pair["prodTrafficRoute"]["listenerArns"][0],
        test=(pair.get("testTrafficRoute", {}).get("listenerArns") or [""])[0],
        desired=int(told["desiredCount"]),
        task_definition=told["taskDefinition"],
    )


def task_definition(account: Account, arn: str) -> dict[str, Any]:
    """A revision, as ECS tells it."""
    found: dict[str, Any] = account.client("ecs").describe_task_definition(taskDefinition=arn)["taskDefinition"]
    return found


def listeners(account: Account) -> list[Listener]:
    """The listeners of every balancer, by port, with their rules in the order of their priorities."""
    balancing = account.client("elbv2")
    found = []
    for balancer in account.all("elbv2", "describe_load_balancers", "LoadBalancers"):
        allowed = _allowed(account, balancer.get("SecurityGroups", []))
        arn = balancer["LoadBalancerArn"]
        for each in account.all("elbv2", "describe_listeners", "Listeners", LoadBalancerArn=arn):
            rules = balancing.describe_rules(ListenerArn=each["ListenerArn"])["Rules"]
            ordered = sorted(rules, key=lambda rule: (rule["IsDefault"], _number(rule["Priority"])))
            let_in = [source for first, last, source in allowed if first <= each["Port"] <= last]
            groups = tuple(source for source in let_in if source.startswith("sg-"))
            sources = tuple(source for source in let_in if source not in groups)
            made = (each["ListenerArn"], each["Port"], each["Protocol"], tuple(ordered), sources, arn, groups)
            found.append(Listener(*made))
    return sorted(found, key=lambda each: each.port)


def names(account: Account) -> list[str]:
    """The names by which people and functions ask for the balancer: hosts of rules, aliases, and what functions are told."""
    rules = [rule for each in listeners(account) for rule in each.rules]
    found = [host for each in rules for host in values(each, "host-header")]
    found += [name for name, _ in aliases(account)]
    for function in account.all("lambda", "list_functions", "Functions"):
        found.append(function.get("Environment", {}).get("Variables", {}).get("HOST", ""))
    return sorted({each for each in found if re.fullmatch(r"(\*\.)?[\w-]+(\.[\w-]+)+", each, re.ASCII)})


def aliases(account: Account, *, private: bool = False) -> list[tuple[str, str]]:
    """Names that records give to other names, with these, of all zones or of private ones alone."""
    found = []
    for zone in account.all("route53", "list_hosted_zones", "HostedZones"):
        if private and not (zone.get("Config") or {}).get("PrivateZone"):
            continue
        records = account.all("route53", "list_resource_record_sets", "ResourceRecordSets", HostedZoneId=zone["Id"])
        found += [
            (
                each["Name"].removesuffix(".").replace("\\052", "*"),
                str(each["AliasTarget"]["DNSName"]).removesuffix("."),
            )
            for each in records
            if "AliasTarget" in each
        ]
    return found


def values(rule: Mapping[str, Any], kind: str) -> list[str]:
    """What a rule asks for by its conditions of a kind, such as host-header; nothing where it has none."""
    return [str(value) for each in rule["Conditions"] if each["Field"] == kind for value in values_of(each)]


def _number(priority: str) -> int:
    return int(priority) if priority.isdigit() else 0


def _allowed(account: Account, ids: list[str]) -> list[tuple[int, int, str]]:
    """From port, to port and addresses, or groups, of what security groups let in by TCP."""
    groups = account.client("ec2").describe_security_groups(GroupIds=ids)["SecurityGroups"] if ids else []
    found = []
    for rule in (rule for group in groups for rule in group["IpPermissions"]):
        if rule["IpProtocol"] in ("tcp", "-1"):
            ports = (rule.get("FromPort", 0), rule.get("ToPort", 65535))
            sources = [each["CidrIp"] for each in rule["IpRanges"]] + [each["CidrIpv6"] for each in rule["Ipv6Ranges"]]
            sources += [each["GroupId"] for each in rule["UserIdGroupPairs"]]
            found += [(*ports, source) for source in sources]
    return found


def target_groups(account: Account) -> dict[str, TargetGroup]:
    """The target groups by ARN."""
    balancing = account.client("elbv2")
    found = {}
    for told in _groups(account):
        arn = told["TargetGroupArn"]
        attributes = balancing.describe_target_group_attributes(TargetGroupArn=arn)["Attributes"]
        found[arn] = TargetGroup(arn, told, {each["Key"]: each["Value"] for each in attributes})
    return found


def _groups(account: Account) -> list[dict[str, Any]]:
    return list(account.all("elbv2", "describe_target_groups", "TargetGroups"))


def pipeline_of(account: Account, service: Service) -> dict[str, Any]:
    """The pipeline that releases a service; raises `RehearsalError` when there is none."""
    wanted = service.group["deploymentGroupName"]
    for name in [each["name"] for each in account.all("codepipeline", "list_pipelines", "pipelines")]:
        told: dict[str, Any] = account.client("codepipeline").get_pipeline(name=name)["pipeline"]
        actions = [action for stage in told["stages"] for action in stage["actions"]]
        if any(action["configuration"].get("DeploymentGroupName") == wanted for action in actions):
            return told
    raise RehearsalError(f"{service.short}: no pipeline deploys to {wanted}")


def asks(pipeline: Mapping[str, Any]) -> bool:
    """Whether a pipeline waits for a person's approval."""
    actions = (action for stage in pipeline["stages"] for action in stage["actions"])
    return any(action["actionTypeId"]["category"] == "Approval" for action in actions)


def migrates(account: Account, service: Service) -> bool:
    """Whether a service's pipeline runs a task before it deploys, such as one that makes tables and users."""
    actions = (action for stage in pipeline_of(account, service)["stages"] for action in stage["actions"])
    return any(action["actionTypeId"]["provider"] == "StepFunctions" for action in actions)


def database(account: Account) -> Database | None:
    """The database, if the application has one."""
    for told in account.all("rds", "describe_db_clusters", "DBClusters"):
        return Database(
            told["Endpoint"], int(told["Port"]), told.get("DatabaseName", ""), told["MasterUserSecret"]["SecretArn"],
            told["Engine"], told["ReaderEndpoint"],
        )  # fmt: skip
    for told in account.all("rds", "describe_db_instances", "DBInstances"):
        endpoint = told["Endpoint"]
        return Database(
            endpoint["Address"], int(endpoint["Port"]), told.get("DBName", ""),
            told["MasterUserSecret"]["SecretArn"], told["Engine"],
        )  # fmt: skip
    return None
