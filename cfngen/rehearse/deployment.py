"""A deployment of an ECS service as CodeDeploy has it: its revision, its steps in their order, how its traffic moves."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from cfngen.rehearse.account import Account
from cfngen.rehearse.deployed import Service
from cfngen.rehearse.tasks import Task
from cfngen.rehearse.twin import Flight
from cfngen.simulate.codedeploy import HOOKS, PREDEFINED, steps_of

EVENTS = ("Install", "AllowTestTraffic", "AllowTraffic", *HOOKS)
"""Lifecycle events that AWS tells of; the other steps are waits."""


@dataclass(frozen=True)
class Revision:
    """What an AppSpec tells CodeDeploy; `hooks` are functions by the event before or after which they run."""

    task_definition: str
    container: str
    port: int
    hooks: Mapping[str, str]

    @classmethod
    def of(cls, appspec: str) -> Revision:
        spec = yaml.safe_load(appspec)
        told = spec["Resources"][0]["TargetService"]["Properties"]
        behind = told["LoadBalancerInfo"]
        found = {str(key): str(name) for each in spec.get("Hooks") or () for key, name in each.items()}
        return cls(told["TaskDefinition"], behind["ContainerName"], int(behind["ContainerPort"]), found)


@dataclass
class Live:
    """A service as it runs: the task set that is primary, and its tasks."""

    service: Service
    group: str
    tasks: list[Task]


@dataclass
class Shift:
    """A part of the traffic of a service went to green from a time on, until another."""

    percent: int
    begin: float
    end: float = 0.0
    service: str = ""


@dataclass
class Deployment:
    """A deployment that is played. `flight` is its simulation, `sets` the ids of the blue and the green task set."""

    identity: str
    live: Live
    told: Mapping[str, Any]
    revision: Revision
    flight: Flight
    blue: str
    green: str
    shifts: Sequence[tuple[int, float]]
    sets: list[str]
    status: str = "InProgress"
    step: str = ""
    made: list[Task] = field(default_factory=list)
    began: float = field(default_factory=time.time)

    @property
    def service(self) -> Service:
        return self.live.service

    @property
    def options(self) -> Mapping[str, Any]:
        """The deployment's blue/green settings."""
        found: Mapping[str, Any] = self.told.get("blueGreenDeploymentConfiguration", {})
        return found

    @property
    def waits_for_a_person(self) -> bool:
        """Whether it stops before the traffic moves until a person lets it go on (A4.6)."""
        return bool(self.options.get("deploymentReadyOption", {}).get("actionOnTimeout") == "STOP_DEPLOYMENT")

    @property
    def event(self) -> str:
        """The lifecycle event to which its step belongs; empty for a wait."""
        kind = self.step.partition(" ")[0]
        return kind if kind in EVENTS else ""

    def steps(self) -> Iterator[str]:
        """In their order (A5.5)."""
        own = self.revision.hooks

        def hook(*names: str) -> Iterator[str]:
            yield from (name for name in names if name in own)

        yield from hook("BeforeInstall")
        yield "Install"
        yield from hook("AfterInstall")
        if self.service.test:
            yield "AllowTestTraffic"
        yield from hook("AfterAllowTestTraffic")
        if self.waits_for_a_person:
            yield "Ready"
        yield from hook("BeforeAllowTraffic")
        yield from (f"AllowTraffic {percent}" for percent, _ in self.shifts)
        yield from hook("AfterAllowTraffic")
        yield "TerminationWait"
        if self.options.get("terminateBlueInstancesOnDeploymentSuccess", {}).get("action", "TERMINATE") == "TERMINATE":
            yield "Terminate"


def shift(account: Account, service: Service) -> list[tuple[int, float]]:
    """The percentages that green gets one after another, each with the minutes until the next (A4.13)."""
    name = service.group["deploymentConfigName"]
    routing = PREDEFINED.get(name)
    if routing is None:
        told = account.client("codedeploy").get_deployment_config(deploymentConfigName=name)
        routing = _capital(told["deploymentConfigInfo"]["trafficRoutingConfig"])
    return steps_of(routing)


def _capital(told: Any) -> Any:
    """What the API tells, with keys as CloudFormation has them."""
    if isinstance(told, Mapping):
        return {f"{key[0].upper()}{key[1:]}": _capital(value) for key, value in told.items()}
    return told
