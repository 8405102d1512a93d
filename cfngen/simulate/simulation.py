"""A stage that lives: its stacks are deployed, its services released, and everything is watched.

It reads generated files alone. Operations that hurt do not raise: `Simulation.hurts` has what did not hold, and
`Simulation.story` what happened.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from cfngen.semantics.document import yaml_data
from cfngen.semantics.template import STACK, Template, TemplateError, read_template
from cfngen.semantics.update import Engine, Event, Outcome, RefusedError, Resource, StackState
from cfngen.semantics.update import Readings as EngineReadings
from cfngen.simulate import codedeploy, ecs
from cfngen.simulate.balancer import Request
from cfngen.simulate.behaviour import Readings
from cfngen.simulate.codedeploy import Deployment, Release
from cfngen.simulate.resources import Resources
from cfngen.simulate.story import Story, colours
from cfngen.simulate.watch import Hurt, Table, Watch, owners_now
from cfngen.simulate.world import Service, World

PSEUDO = {
    "AWS::AccountId": "123456789012",
    "AWS::NotificationARNs": [],
    "AWS::Partition": "aws",
    "AWS::Region": "eu-west-1",
    "AWS::URLSuffix": "amazonaws.com",
}
_PLACEHOLDER = re.compile(r"\$\{\w+\}")  # which the build fills in before anybody reads the file


@dataclass(frozen=True)
class Files:
    """The generated files of one stage, by path below its folder."""

    texts: Mapping[str, str]

    @classmethod
    def of(cls, folder: Path) -> Files:
        """Those of a folder; raises `TemplateError` when there is no template in it."""
        texts = {
            path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8")
            for path in sorted(folder.rglob("*"))
            if path.is_file() and path.suffix in (".yaml", ".yml", ".json") and path.name != "ledger.json"
        }
        found = cls(texts)
        if not found.templates:
            raise TemplateError(f"{folder}: there are no templates in it; name a folder that cfngen generate wrote")
        return found

    @cached_property
    def templates(self) -> dict[str, Template]:
        """The templates by file name."""
        return {
            name: read_template(text)
            for name, text in self.texts.items()
            if name.endswith((".yaml", ".yml")) and "/" not in name
        }

    @cached_property
    def root(self) -> str:
        """The template that no other one nests."""
        nested = {
            posixpath.normpath(str(each.get("Properties", {}).get("TemplateURL")))
            for template in self.templates.values()
            for each in template.resources.values()
            if each.get("Type") == STACK
        }
        roots = sorted(set(self.templates) - nested)
        if len(roots) != 1:
            raise TemplateError(f"one template is the root, that no other nests; here are {', '.join(roots) or 'none'}")
        return roots[0]

    def fetch(self, url: str) -> Template:
        """The template of a nested stack."""
        name = posixpath.normpath(url)
        if name not in self.templates:
            raise TemplateError(f"S3 error: the template {url} does not exist")
        return self.templates[name]

    def release(self, service: str, version: str) -> Release:
        """What the pipeline of a service would release, from its AppSpec and task definition."""
        appspec, taskdef = self.texts.get(f"{service}/appspec.yaml"), self.texts.get(f"{service}/taskdef.json")
        if appspec is None or taskdef is None:
            return Release(version)
        data: Any = yaml_data(_PLACEHOLDER.sub("filled-in", appspec))
        target = data["Resources"][0]["TargetService"]["Properties"]["LoadBalancerInfo"]
        hooks = frozenset(hook for each in data.get("Hooks", []) for hook in each)
        container, port = str(target["ContainerName"]), int(target["ContainerPort"])
        definition = json.loads(taskdef)["containerDefinitions"]
        ports = [
            int(p["containerPort"]) for each in definition if each["name"] == container for p in each["portMappings"]
        ]
        image = next((str(each["image"]) for each in definition if each["name"] == container), "")
        if image.startswith("<"):
            image = Release.image  # the deploy action fills in the digest that the build hands on (D3)
        return Release(version, container, port if port in ports else 0, image, hooks)

    def parameters(self) -> Mapping[str, Any]:
        """What the root asks for."""
        return self.templates[self.root].section("Parameters")


@dataclass
class Disturbance:
    """What happens in the middle of a stack operation: a write that fails, or something else meanwhile, by number."""

    fail_at: int | None = None
    meanwhile: Mapping[int, Callable[[], None]] = field(default_factory=dict)
    writes: int = 0

    def __call__(self, action: str, resource: Resource) -> None:
        if action == "delete":
            return  # clean-up that fails leaves things behind, and CloudFormation goes on
        number = self.writes
        self.writes += 1
        if number in self.meanwhile:
            self.meanwhile[number]()
        if number == self.fail_at:
            raise RefusedError(f"{action} of {resource.place} fails (played)")


class Simulation:
    """One stage in one world. Every operation is watched write by write."""

    def __init__(self, readings: Readings | None = None, *, rewritten: frozenset[str] = frozenset()) -> None:
        self.world = World(readings=readings or Readings())
        self.story = Story(self.world)
        self.watch = Watch(self.world)
        self.stack: StackState | None = None
        self.events: list[Event] = []
        self._rewritten = rewritten
        self._versions: dict[str, int] = {}
        self.world.changed = self._changed
        self.after = "the beginning"

    @property
    def hurts(self) -> list[Hurt]:
        return self.watch.hurts

    def deploy(
        self,
        files: Files,
        parameters: Mapping[str, str],
        table: Table | None = None,
        disturbance: Disturbance | None = None,
        *,
        what: str = "",
    ) -> Outcome:
        """Create the stack, or update it, as ``aws cloudformation deploy`` does.

        `table` says whose requests are; without it they are whose they are before. Raises `TemplateError` for what
        CloudFormation refuses before it begins.
        """
        disturbed = disturbance or Disturbance()
        provider = Resources(self.world, disturbed)
        engine = self._engine(provider, files)
        self.after = what or ("the stack is updated" if self.stack else "the stack is created")
        self.watch.entries = tuple(self.watch.production())
        self.watch.begin(table if table is not None else self.watch.table)
        template = files.templates[files.root]
        name = files.root.removesuffix(".yaml")
        given = {key: value for key, value in parameters.items() if key in files.parameters()}
        outcome = engine.update(self.stack, template, given) if self.stack else engine.create(name, template, given)
        self.stack, self.watch.entries = outcome.stack, None
        self._judge(outcome, disturbed)
        self.story.tell(f"{self.after}: {outcome.status}", of_all=True)
        self.watch.rest(self.after)
        return outcome

    def settle(self, table: Table) -> None:
        """Nothing is going on: from now on, and already now, requests are whose the table says."""
        self.watch.begin(table)
        self.watch.served(self.after)

    def delete(self, files: Files) -> Outcome:
        """Delete the stack."""
        if self.stack is None:
            raise LookupError("there is no stack")
        engine = self._engine(Resources(self.world), files)
        self.after = "the stack is deleted"
        self.watch.begin({})
        outcome = engine.delete(self.stack)
        self._judge(outcome, Disturbance())
        self.stack = outcome.stack
        if outcome.is_good:
            self._check_nothing_left()
        self.story.tell(f"{self.after}: {outcome.status}", of_all=True)
        return outcome

    def release(self, label: str, files: Files | None = None) -> Deployment:
        """Start a deployment of a service's next version; raises `LookupError` when it cannot be released."""
        service = self.service(label)
        group = self.world.group_of(service)
        if group is None:
            raise LookupError(f"{label} is in no deployment group")
        number = self._versions[label] = self._versions.get(label, 0) + 1
        self.after = f"{label} v{number}: the deployment starts"
        self._begin_moving(label)
        release = files.release(label, f"v{number}") if files else Release(f"v{number}")
        busy = bool(self.world.in_flight(service))
        made = codedeploy.start(self.world, group, release)
        if made.state == "Failed" and not busy and not self.world.ringing:
            self.watch.hurt("T5", self.after, made.reason)
        self.story.tell(self.after, always=True)
        return made

    def step(self, deployment: Deployment, failure: str = "") -> str:
        """Play the next step of a deployment, or let it fail."""
        label = deployment.service.label
        self._begin_moving(label)
        self.after = f"{label} {deployment.release.version}: {deployment.next_step}{' fails' if failure else ''}"
        if deployment.next_step == "Terminate":
            self._check_drained(deployment)
        name = deployment.step(failure)
        self._judge_deployment(deployment, failure)
        return name

    def finish(self, deployment: Deployment) -> Deployment:
        """Play all steps that are left."""
        while deployment.is_running:
            self.step(deployment)
        return deployment

    def stop(self, deployment: Deployment) -> None:
        """A person stops a deployment."""
        self._begin_moving(deployment.service.label)
        self.after = f"{deployment.service.label} {deployment.release.version}: stopped"
        deployment.stop()
        self._judge_deployment(deployment, "stopped")

    def scale(self, label: str, tasks: int) -> None:
        """Another number of tasks, as scaling or a schedule would have it."""
        self.watch.begin(self.watch.table)
        self.after = f"{label} is scaled to {tasks}"
        ecs.scale(self.world, self.service(label), tasks)

    def service(self, label: str) -> Service:
        """A service by its label; raises `LookupError`."""
        for service in self.world.services.values():
            if service.label == label:
                return service
        raise LookupError(f"there is no service {label!r}")

    @property
    def labels(self) -> list[str]:
        return sorted(service.label for service in self.world.services.values())

    def live_colours(self) -> dict[str, str]:
        """Which colour serves, by service."""
        named = colours(self.world)
        return {each.label: named.get(each.live.group, "blue") for each in self.world.services.values()}

    def look_around(self, requests: Iterable[Request]) -> Table:
        """Whose the requests are by the rules as they are, for callers without a description."""
        listeners = [each for each in self.watch.production() if self.world.rules_of(each)]
        return {
            request: owners
            for request in requests
            for listener in listeners
            if (owners := owners_now(self.world, request, listener))
        }

    def _engine(self, provider: Resources, files: Files) -> Engine:
        told = self.world.readings
        readings = EngineReadings(told.dynamic_again, self._rewritten, told.backwards)
        return Engine(provider, files.fetch, PSEUDO, readings, self.events.append)

    def _begin_moving(self, label: str) -> None:
        flying = {each.service.label for each in self.world.in_flight()}
        self.watch.begin(self.watch.table, {label, *flying})

    def _changed(self, what: str) -> None:
        self.watch.look(f"{self.after} ({what})")
        self.story.tell(what)

    def _judge(self, outcome: Outcome, disturbed: Disturbance) -> None:
        if outcome.status == "UPDATE_ROLLBACK_FAILED":
            self.watch.hurt("T7", self.after, outcome.reason)
        elif not outcome.is_good and disturbed.fail_at is None:
            self.watch.hurt("T7", self.after, f"{outcome.status}: {outcome.reason}")
        if outcome.left:
            self.watch.hurt("T8", self.after, ", ".join(outcome.left))

    def _check_nothing_left(self) -> None:
        retained = {event.resource.physical for event in self.events if event.action == "retain"}
        left = sorted(self.world.everything() - retained)
        if left:
            self.watch.hurt("T8", self.after, ", ".join(left))

    def _judge_deployment(self, deployment: Deployment, failure: str) -> None:
        self.story.tell(f"{self.after}{f': {deployment.reason}' if deployment.reason else ''}", always=True)
        if deployment.is_running:
            self._check_test_traffic(deployment)
            return
        if (
            deployment.state == "Failed"
            and not failure
            and "alarms" not in deployment.reason
            and "healthy" not in deployment.reason
        ):
            self.watch.hurt("T5", self.after, deployment.reason)
        if (
            deployment.state != "Succeeded"
            and deployment.can_go_back
            and deployment.service.live is not deployment.blue
        ):
            self.watch.hurt("T6", self.after, f"{deployment.service.label} serves {deployment.service.live.version}")
        if deployment.service.arn in self.world.services:
            self.watch.rest(self.after)

    def _check_drained(self, deployment: Deployment) -> None:
        blue = deployment.blue
        group = self.world.groups.get(blue.group) if blue else None
        if group and (self.world.clock - group.had_traffic) * 60 < group.drain_seconds:
            minutes = self.world.clock - group.had_traffic
            seen = f"{deployment.service.label} ends {minutes * 60:.0f} s after its last request, {group.drain_seconds} s are for draining"
            self.watch.hurt("T9", self.after, seen)

    def _check_test_traffic(self, deployment: Deployment) -> None:
        if "AllowTestTraffic" not in deployment.done or deployment.green is None or not deployment.test:
            return
        for arn, action in codedeploy.rules_of_pair(deployment, deployment.test):
            if action.live != {deployment.green.group}:
                self.watch.hurt("T12", self.after, f"{arn} shows {sorted(action.live)}")
