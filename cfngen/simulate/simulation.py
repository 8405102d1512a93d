"""A stage that lives: its stacks are deployed, its services released, and everything is watched.

It reads generated files alone. Operations that hurt do not raise: `Simulation.hurts` has what did not hold, and
`Simulation.story` what happened.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from cfngen.request import Request
from cfngen.semantics.account import Nobody
from cfngen.semantics.template import TemplateError
from cfngen.semantics.update import Engine, Event, Outcome, RefusedError, Resource, StackState
from cfngen.semantics.update import Readings as EngineReadings
from cfngen.simulate import codedeploy, ecs, rest
from cfngen.simulate.behaviour import Readings
from cfngen.simulate.codedeploy import Deployment, Revision
from cfngen.simulate.files import Files
from cfngen.simulate.resources import MalformedError, Resources
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


class Elsewhere(Nobody):
    """The account around the stacks that are played: what no export of theirs gives is another stack's, by its name."""

    def __init__(self) -> None:
        self._exports: dict[str, Mapping[str, object]] = {}

    def exported(self, path: str, exports: Mapping[str, object]) -> None:
        self._exports[path] = exports

    def imported(self, name: str) -> object:
        return next((each[name] for each in self._exports.values() if name in each), name)


@dataclass
class Disturbance:
    """What happens in the middle of a stack operation: a write that fails, or something else meanwhile, by number."""

    fail_at: int | None = None
    meanwhile: Mapping[int, Callable[[], None]] = field(default_factory=dict)
    kinds: list[str] = field(default_factory=list)
    """The types of what was written, in order."""

    @property
    def writes(self) -> int:
        return len(self.kinds)

    def __call__(self, action: str, resource: Resource) -> None:
        if action == "delete":
            return  # clean-up that fails leaves things behind, and CloudFormation goes on
        number = self.writes
        self.kinds.append(resource.kind)
        if number in self.meanwhile:
            self.meanwhile[number]()
        if number == self.fail_at:
            raise RefusedError(f"{action} of {resource.place} fails (played)")


class Simulation:
    """One stage in one world. Every operation is watched write by write.

    What is made in the `world` of another stage is that one's to watch, write by write.
    """

    def __init__(
        self,
        readings: Readings | None = None,
        *,
        rewritten: frozenset[str] = frozenset(),
        world: World | None = None,
    ) -> None:
        self.world = world or World(readings=readings or Readings())
        self.story = Story(self.world)
        self.watch = Watch(self.world)
        self.stack: StackState | None = None
        self.events: list[Event] = []
        self._rewritten = rewritten
        self._account = Elsewhere()
        self._versions: dict[str, int] = {}
        if world is None:
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
        had, addresses = rest.safeguards(self.world), self.watch.addresses()
        template, known = files.templates[files.root], files.parameters()
        name = files.root.rpartition(".")[0]
        given = {key: value for key, value in parameters.items() if key in known}
        try:
            outcome = engine.update(self.stack, template, given) if self.stack else engine.create(name, template, given)
        except MalformedError as error:
            at = f"{files.file_of(error.resource.place)}: {error.resource.name} ({error.resource.kind})"
            raise TemplateError(f"{at}: {error}") from None
        except TemplateError as error:
            raise TemplateError(f"{files.root}: {error}") from None
        self.stack, self.watch.entries = outcome.stack, None
        self._judge(outcome, disturbed)
        for invariant, seen in rest.dropped(had, self.world):
            self.watch.hurt(invariant, self.after, seen)
        self.watch.moved(addresses, self.after)
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
        """Start a deployment of a service's next version.

        Raises `LookupError` when it cannot be released, and `TemplateError` for files that CodeDeploy could not read.
        """
        service = self.service(label)
        group = self.world.group_of(service)
        if group is None:
            raise LookupError(f"{label} is in no deployment group")
        number = self._versions[label] = self._versions.get(label, 0) + 1
        self.after = f"{label} v{number}: the deployment starts"
        self._begin_moving(label)
        revision = files.revision(label, f"v{number}") if files else Revision(f"v{number}")
        made = codedeploy.start(self.world, group, revision)
        if made.state == "Failed" and not made.is_expected:
            self.watch.hurt("T5", self.after, made.reason)
        self.story.tell(self.after, always=True)
        return made

    def step(self, deployment: Deployment, failure: str = "") -> str:
        """Play the next step of a deployment, or let it fail."""
        label = deployment.service.label
        self._begin_moving(label)
        self.after = f"{label} {deployment.revision.version}: {deployment.next_step}{' fails' if failure else ''}"
        if deployment.next_step == "Terminate":
            self._check_drained(deployment)
        name = deployment.step(failure)
        self._judge_deployment(deployment)
        return name

    def finish(self, deployment: Deployment) -> Deployment:
        """Play all steps that are left."""
        while deployment.is_running:
            self.step(deployment)
        return deployment

    def stop(self, deployment: Deployment) -> None:
        """A person stops a deployment; raises `LookupError` when it is over already."""
        self._begin_moving(deployment.service.label)
        self.after = f"{deployment.service.label} {deployment.revision.version}: stopped"
        deployment.stop()
        self._judge_deployment(deployment)

    def scale(self, label: str, tasks: int, *, is_lasting: bool = False) -> None:
        """Another number of tasks, as scaling or a schedule would have it.

        One that `is_lasting` goes on until the service is `steady`; meanwhile CodeDeploy shifts no traffic (A8.1).
        """
        self.watch.begin(self.watch.table)
        self.watch.sleeps(label)
        self.after = f"{label} is scaled to {tasks}"
        service = self.service(label)
        if is_lasting:
            self.world.scaling.add(service.arn)
        ecs.scale(self.world, service, tasks)

    def steady(self, label: str) -> None:
        """The number of tasks is what it should be."""
        self.world.scaling.discard(self.service(label).arn)

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
        listeners, found = self.watch.production(), {}
        for request in requests:
            for listener in listeners:
                if owners := owners_now(self.world, request, self.watch.followed(listener, request)):
                    found[listener, request] = owners
        return found

    def _engine(self, provider: Resources, files: Files) -> Engine:
        told = self.world.readings
        readings = EngineReadings(told.dynamic_again, self._rewritten, told.backwards)
        return Engine(provider, files.fetch, PSEUDO, readings, self.events.append, self._account)

    def _begin_moving(self, label: str) -> None:
        flying = {each.service.label for each in self.world.in_flight()}
        self.watch.begin(self.watch.table, {label, *flying})

    def _changed(self, what: str) -> None:
        self.watch.look(f"{self.after} ({what})")
        self.story.tell(what)

    def _judge(self, outcome: Outcome, disturbed: Disturbance) -> None:
        if outcome.status == "UPDATE_ROLLBACK_FAILED":
            self.watch.hurt("T7", self.after, outcome.reason)
        elif not outcome.is_good and disturbed.fail_at is None and not self.world.sick:
            made_up = sorted(self.world.made_up)
            told = f". Made up, since nobody gave them: {', '.join(made_up)} (--ssm)" if made_up else ""
            self.watch.hurt("T7", self.after, f"{outcome.status}: {outcome.reason}{told}")
        if outcome.left:
            self.watch.hurt("T8", self.after, ", ".join(outcome.left))

    def _check_nothing_left(self) -> None:
        retained = {event.resource.physical for event in self.events if event.action == "retain"}
        left = sorted(self.world.everything() - retained)
        if left:
            self.watch.hurt("T8", self.after, ", ".join(left))

    def _judge_deployment(self, deployment: Deployment) -> None:
        self.story.tell(f"{self.after}{f': {deployment.reason}' if deployment.reason else ''}", always=True)
        if deployment.is_running:
            self._check_test_traffic(deployment)
            return
        if deployment.state == "Failed" and not deployment.is_expected:
            self.watch.hurt("T5", self.after, deployment.reason)
        if deployment.state != "Succeeded" and deployment.can_go_back:
            self._check_way_back(deployment)
        if deployment.service.arn in self.world.services:
            self.watch.rest(self.after)

    def _check_way_back(self, deployment: Deployment) -> None:
        service, blue = deployment.service, deployment.blue
        if blue is None:
            return
        if service.live is not blue:
            self.watch.hurt("T6", self.after, f"{service.label} {service.live.version} is the primary task set")
        if (green := deployment.green) and green in service.task_sets:
            self.watch.hurt("T6", self.after, f"{service.label} {green.version} still runs in {green.group}")
        for arn, action in codedeploy.rules_of_pair(deployment, deployment.production):
            if action.live != {blue.group}:
                told = f"{arn} sends requests to {sorted(action.live)}, and {blue.version} is in {blue.group}"
                self.watch.hurt("T6", self.after, told)
            if lost := sorted(set(deployment.before.get(arn, ())) - set(action.before)):
                self.watch.hurt("T6", self.after, f"{arn} has lost its action {', '.join(lost)}")

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
