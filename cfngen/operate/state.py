"""What was seen of a deployed stage at one moment: data with look-ups and nothing else.

The names are AWS's; `docs/preflight.md` documents the JSON form, which has the same ones (see `saved`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

LISTENER_RULE = "AWS::ElasticLoadBalancingV2::ListenerRule"
TARGET_GROUP = "AWS::ElasticLoadBalancingV2::TargetGroup"
ECS_SERVICE = "AWS::ECS::Service"
LISTENER = "AWS::ElasticLoadBalancingV2::Listener"
LOAD_BALANCER = "AWS::ElasticLoadBalancingV2::LoadBalancer"
CLUSTER = "AWS::ECS::Cluster"
APPLICATION = "AWS::CodeDeploy::Application"
DEPLOYMENT_GROUP = "AWS::CodeDeploy::DeploymentGroup"
TASK_DEFINITION = "AWS::ECS::TaskDefinition"
NESTED_STACK = "AWS::CloudFormation::Stack"
ROLLBACK_EVENTS = ("DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM", "DEPLOYMENT_STOP_ON_REQUEST")
"""Everything after which CodeDeploy can go back by itself (A4.9)."""


@dataclass(frozen=True)
class Resource:
    """A resource of a stack. `physical_id` is empty while there is none."""

    logical_id: str
    physical_id: str
    type: str
    status: str = ""


@dataclass(frozen=True)
class Stack:
    """A stack. `path` says where in the tree: empty for the root, else logical ids, as in ``ServiceCustomer``.

    `parameters` are those of the root; a nested stack's are nobody's business.
    """

    id: str
    name: str
    path: str
    status: str
    resources: tuple[Resource, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)

    @property
    def shown(self) -> str:
        """What people call it: its logical id, or the name of the root."""
        return self.path or self.name

    def physical(self, logical_id: str, *types: str) -> str:
        """The physical id of a resource; empty when the stack has none of that name and type."""
        found = (each for each in self.resources if each.logical_id == logical_id and each.type in types)
        return next((each.physical_id for each in found), "")

    def of_type(self, *types: str) -> Iterator[Resource]:
        """The resources of these types."""
        return (each for each in self.resources if each.type in types)


@dataclass(frozen=True)
class Listener:
    """A port of a balancer. `default` are the weights of its default action, by target group; `kind` is its type."""

    arn: str
    balancer: str
    port: int
    kind: str = "fixed-response"
    default: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Rule:
    """A listener rule with its weights by target group. `kind` names its actions: ``forward``, as a rule.

    `hosts` and `paths` are the patterns of its conditions; without one it takes every host, or every path.
    """

    arn: str
    listener: str
    priority: int
    kind: str = "forward"
    weights: Mapping[str, int] = field(default_factory=dict)
    hosts: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()


@dataclass(frozen=True)
class TargetGroup:
    """A target group with the balancers that it belongs to. `health` counts its targets by AWS's word for their state."""

    arn: str
    name: str
    balancers: tuple[str, ...] = ()
    health: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class TaskSet:
    """The tasks of one version of a service: PRIMARY is the one that serves, ACTIVE one that comes or goes."""

    id: str
    status: str
    target_group: str
    running: int


@dataclass(frozen=True)
class Service:
    """An ECS service. `container` is the one behind the balancer, by whose name people know the service."""

    arn: str
    name: str
    cluster: str
    container: str
    desired: int
    task_sets: tuple[TaskSet, ...] = ()

    @property
    def primary(self) -> TaskSet | None:
        """The task set that serves."""
        return next((each for each in self.task_sets if each.status == "PRIMARY"), None)

    def running_in(self, target_group: str) -> int:
        """How many tasks are targets of a group."""
        return sum(each.running for each in self.task_sets if each.target_group == target_group)


@dataclass(frozen=True)
class DeploymentGroup:
    """A deployment group: whose it is, its pair of target groups by name, its listeners, its alarms.

    `rollback_events` are those after which a deployment goes back by itself.
    """

    name: str
    application: str
    cluster: str
    service: str
    target_groups: tuple[str, ...] = ()
    production_listeners: tuple[str, ...] = ()
    test_listeners: tuple[str, ...] = ()
    alarms: tuple[str, ...] = ()
    alarms_enabled: bool = True
    rollback_events: tuple[str, ...] = ROLLBACK_EVENTS


@dataclass(frozen=True)
class Deployment:
    """A deployment that is not over. `is_terminating`: traffic has moved, and the old tasks wait for their end."""

    id: str
    application: str
    deployment_group: str
    status: str
    is_terminating: bool = False


@dataclass(frozen=True)
class Alarm:
    """An alarm and its state: OK, ALARM or INSUFFICIENT_DATA."""

    name: str
    state: str


@dataclass(frozen=True)
class Change:
    """What a change set would do to one resource. `attributes` change for sure, as in ``Properties.Actions``;
    `perhaps` are those that hang on a value which is not known before the update. `change_set` is a nested stack's own.
    """

    action: str
    logical_id: str
    type: str
    physical_id: str = ""
    replacement: str = ""
    attributes: tuple[str, ...] = ()
    perhaps: tuple[str, ...] = ()
    change_set: ChangeSet | None = None


@dataclass(frozen=True)
class ChangeSet:
    """A change set, with those of nested stacks inside its changes. `parameters` are what it would give the stack."""

    id: str
    name: str
    stack: str
    status: str
    parameters: Mapping[str, str]
    reason: str = ""
    deployment_mode: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True)
class Unread:
    """What could not be asked. `permission` is the IAM action that it takes."""

    what: str
    permission: str
    reason: str


@dataclass(frozen=True)
class State:
    """Everything that was seen. `change_set` is the one that was asked for."""

    stacks: tuple[Stack, ...]
    account: str = ""
    region: str = ""
    listeners: tuple[Listener, ...] = ()
    rules: tuple[Rule, ...] = ()
    target_groups: tuple[TargetGroup, ...] = ()
    services: tuple[Service, ...] = ()
    deployment_groups: tuple[DeploymentGroup, ...] = ()
    deployments: tuple[Deployment, ...] = ()
    alarms: tuple[Alarm, ...] = ()
    change_set: ChangeSet | None = None
    unread: tuple[Unread, ...] = ()

    @property
    def root(self) -> Stack:
        """The root stack."""
        return next(each for each in self.stacks if not each.path)

    def listener(self, arn: str) -> Listener | None:
        """A listener by its ARN."""
        return _first(each for each in self.listeners if each.arn == arn)

    def target_group(self, arn: str) -> TargetGroup | None:
        """A target group by its ARN."""
        return _first(each for each in self.target_groups if each.arn == arn)

    def service(self, arn: str) -> Service | None:
        """An ECS service by its ARN."""
        return _first(each for each in self.services if each.arn == arn)

    def group_of(self, service: Service) -> DeploymentGroup | None:
        """The deployment group that releases a service."""
        named = (service.cluster, service.name)
        return _first(each for each in self.deployment_groups if (each.cluster, each.service) == named)

    def deployments_of(self, group: DeploymentGroup) -> tuple[Deployment, ...]:
        """The deployments of a group that are not over."""
        named = (group.application, group.name)
        return tuple(each for each in self.deployments if (each.application, each.deployment_group) == named)

    def is_unread(self, what: str) -> bool:
        """Whether a kind of thing could not be asked for, at least in part."""
        return any(each.what == what for each in self.unread)


_Item = TypeVar("_Item")


def _first(found: Iterator[_Item]) -> _Item | None:
    return next(found, None)
