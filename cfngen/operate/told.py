"""AWS's answers in the words of `state`: pure, and tolerant of keys that an answer may leave out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from cfngen.operate.state import (
    Change,
    ChangeSet,
    Deployment,
    DeploymentGroup,
    Listener,
    Resource,
    Rule,
    Service,
    Stack,
    TargetGroup,
    TaskSet,
)


def stack(told: Any, path: str, listed: Iterable[Any]) -> Stack:
    """A stack with the resources that it has; parameters of the root alone."""
    resources = (
        Resource(
            each["LogicalResourceId"],
            each.get("PhysicalResourceId", ""),
            each["ResourceType"],
            each.get("ResourceStatus", ""),
        )
        for each in listed
        if each.get("ResourceStatus") != "DELETE_COMPLETE"
    )
    given = {} if path else parameters(told)
    return Stack(told["StackId"], told["StackName"], path, told["StackStatus"], tuple(resources), tags(told), given)


def parameters(told: Any, kept: Mapping[str, str] | None = None) -> dict[str, str]:
    """Parameters of a stack or a change set; one that keeps its value may be told without it."""
    before = kept or {}
    return {
        each["ParameterKey"]: each.get("ParameterValue", before.get(each["ParameterKey"], ""))
        for each in told.get("Parameters") or []
    }


def tags(told: Any) -> dict[str, str]:
    """Those that people gave, without AWS's own."""
    found = {each["Key"]: each["Value"] for each in told.get("Tags") or []}
    return {name: found[name] for name in sorted(found) if not name.startswith("aws:")}


def target_group(told: Any, targets: Iterable[Any] = ()) -> TargetGroup:
    """A target group with its balancers, and the health of its targets."""
    balancers = tuple(sorted(set(told.get("LoadBalancerArns", []))))
    health = Counter(each.get("TargetHealth", {}).get("State", "unknown") for each in targets)
    return TargetGroup(told["TargetGroupArn"], told["TargetGroupName"], balancers, dict(sorted(health.items())))


def listener(told: Any, balancer: str) -> Listener:
    """A listener with its default action."""
    actions = told.get("DefaultActions", [])
    return Listener(told["ListenerArn"], balancer, told.get("Port", 0), _kind(actions), _weights(actions))


def rule(told: Any, listener: str) -> Rule:
    """A rule that is not the default one, which has no number."""
    actions = told.get("Actions", [])
    return Rule(
        arn=told["RuleArn"],
        listener=listener,
        priority=int(told["Priority"]),
        kind=_kind(actions),
        weights=_weights(actions),
        hosts=_patterns(told, "host-header", "HostHeaderConfig"),
        paths=_patterns(told, "path-pattern", "PathPatternConfig"),
    )


def deployment(told: Any, group: DeploymentGroup) -> Deployment:
    """A deployment that is in flight."""
    is_terminating = bool(told.get("instanceTerminationWaitTimeStarted"))
    return Deployment(told["deploymentId"], group.application, group.name, told["status"], is_terminating)


def service(told: Any) -> Service:
    """An ECS service with its task sets."""
    return Service(
        arn=told["serviceArn"],
        name=told["serviceName"],
        cluster=told["clusterArn"].rpartition("/")[2],
        container=next((each["containerName"] for each in _balancers(told) if "containerName" in each), ""),
        desired=told.get("desiredCount", 0),
        task_sets=tuple(
            TaskSet(
                each["id"],
                each["status"],
                next(
                    (group["targetGroupArn"] for group in each.get("loadBalancers", []) if "targetGroupArn" in group),
                    "",
                ),
                each.get("runningCount", 0),
            )
            for each in told.get("taskSets", [])
        ),
    )


def deployment_group(told: Any) -> DeploymentGroup:
    """A deployment group with its pair, as ECS has it: one service, one pair (A4.4)."""
    ecs: Any = next(iter(told.get("ecsServices") or []), {})
    pair: Any = next(iter(told.get("loadBalancerInfo", {}).get("targetGroupPairInfoList") or []), {})
    alarms, back = told.get("alarmConfiguration") or {}, told.get("autoRollbackConfiguration") or {}
    return DeploymentGroup(
        name=told["deploymentGroupName"],
        application=told["applicationName"],
        cluster=ecs.get("clusterName", ""),
        service=ecs.get("serviceName", ""),
        target_groups=tuple(each["name"] for each in pair.get("targetGroups", [])),
        production_listeners=tuple((pair.get("prodTrafficRoute") or {}).get("listenerArns", [])),
        test_listeners=tuple((pair.get("testTrafficRoute") or {}).get("listenerArns", [])),
        alarms=tuple(each["name"] for each in alarms.get("alarms", [])),
        alarms_enabled=bool(alarms.get("enabled")),
        rollback_events=tuple(sorted(back.get("events") or ())) if back.get("enabled") else (),
    )


def change_set(pages: Sequence[Any], stack: str, kept: Mapping[str, str], changes: Iterable[Change]) -> ChangeSet:
    """A change set from the pages of its description, with its `changes`; `kept` are the parameters of its stack."""
    told = pages[0]
    return ChangeSet(
        id=told["ChangeSetId"],
        name=told["ChangeSetName"],
        stack=told.get("StackName", stack),
        status=told["Status"],
        parameters=parameters(told, kept),
        reason=" ".join(told.get("StatusReason", "").split()),
        deployment_mode=told.get("DeploymentMode", ""),
        tags=tags(told),
        changes=tuple(changes),
    )


def change(told: Any, nested: ChangeSet | None) -> Change:
    """A change of one resource, with what is sure apart from what hangs on values that nobody knows yet."""
    attributes: dict[str, set[str]] = {"Static": set(), "Dynamic": set()}
    for each in told.get("Details", []):
        target = each.get("Target", {})
        words = [target.get("Attribute", ""), target.get("Name", "")]
        attributes["Dynamic" if each.get("Evaluation") == "Dynamic" else "Static"].add(".".join(filter(None, words)))
    return Change(
        action=told["Action"],
        logical_id=told["LogicalResourceId"],
        type=told["ResourceType"],
        physical_id=told.get("PhysicalResourceId", ""),
        replacement=told.get("Replacement", ""),
        attributes=tuple(sorted(attributes["Static"])),
        perhaps=tuple(sorted(attributes["Dynamic"] - attributes["Static"])),
        change_set=nested,
    )


def _patterns(told: Any, field: str, config: str) -> tuple[str, ...]:
    """What a rule's conditions of one field want: in their own form, or in the old one."""
    found = (each for each in told.get("Conditions", []) if each.get("Field") == field)
    return tuple(value for each in found for value in each.get(config, {}).get("Values") or each.get("Values", []))


def _kind(actions: Iterable[Any]) -> str:
    return " ".join(each["Type"] for each in actions)


def _weights(actions: Iterable[Any]) -> dict[str, int]:
    weights: dict[str, int] = {}
    for each in actions:
        groups = each.get("ForwardConfig", {}).get("TargetGroups", [])
        if not groups and each.get("TargetGroupArn"):
            groups = [{"TargetGroupArn": each["TargetGroupArn"]}]
        weights |= {group["TargetGroupArn"]: int(group.get("Weight", 1)) for group in groups}
    return weights


def _balancers(told: Any) -> Iterator[Any]:
    yield from told.get("loadBalancers", [])
    for each in told.get("taskSets", []):
        yield from each.get("loadBalancers", [])
