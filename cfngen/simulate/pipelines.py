"""What a push starts, and what a pipeline does: EventBridge, path filters, state machines and stages as they are deployed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cfngen.semantics.template import TemplateError
from cfngen.simulate import ecs
from cfngen.simulate.behaviour import behaviour
from cfngen.simulate.codedeploy import Deployment
from cfngen.simulate.files import Files
from cfngen.simulate.machines import Machine, TaskFailedError
from cfngen.simulate.simulation import Simulation
from cfngen.simulate.world import Service, World

OLD, NEW = "1" * 40, "2" * 40
_PAGE = 100


@dataclass(frozen=True)
class Difference:
    """One difference of two commits: a file that is new, gone or another."""

    before: str = ""
    after: str = ""

    @property
    def paths(self) -> set[str]:
        return {self.before, self.after} - {""}

    def told(self) -> dict[str, Any]:
        """As CodeCommit's GetDifferences has it."""
        blobs = {"BeforeBlob": self.before, "AfterBlob": self.after}
        kind = "M" if self.before and self.after else "A" if self.after else "D"
        found = {key: {"BlobId": "0" * 40, "Path": path, "Mode": "100644"} for key, path in blobs.items() if path}
        return {**found, "ChangeType": kind}


@dataclass
class Execution:
    """One run of a pipeline: the stages that it got through, and how it ended."""

    pipeline: str
    done: list[str] = field(default_factory=list)
    failed: str = ""
    deployment: Deployment | None = None
    uploads: list[tuple[str, str]] = field(default_factory=list)
    """The objects that it put into buckets, each by bucket and key."""


def push(world: World, branch: str, changes: Iterable[Difference], *, new_branch: bool = False) -> list[str]:
    """The names of the pipelines that a push starts, by CodeCommit's event or by the trigger of a connection."""
    touched = list(changes)
    started = [name for name, made in world.pipelines.items() if is_triggered(made, branch, touched)]
    for repository in _repositories(world):
        event = _event(repository, branch, new_branch=new_branch)
        for rule in world.event_rules.values():
            if matches(rule["EventPattern"], event):
                for target in rule["Targets"]:
                    started += _play(world, str(target["Arn"]), event, touched)
    return sorted(str(world.pipelines[name]["Name"]) if name in world.pipelines else name for name in set(started))


@behaviour("D2.1", sure="documented")
def upload(world: World, bucket: str, key: str) -> list[str]:
    """A new object starts the pipelines whose rules hear of its bucket and key, and no other; these are their names."""
    event = {
        "source": "aws.s3",
        "detail-type": "Object Created",
        "detail": {"bucket": {"name": bucket}, "object": {"key": key, "version-id": NEW}},
    }
    arns = [
        str(target["Arn"])
        for rule in world.event_rules.values()
        if matches(rule["EventPattern"], event)
        for target in rule["Targets"]
    ]
    return sorted({arn.rpartition(":")[2] for arn in arns if ":codepipeline:" in arn})


@behaviour("D1.7", sure="documented")
def is_triggered(pipeline: Mapping[str, Any], branch: str, changes: Iterable[Difference]) -> bool:
    """A trigger of a connection starts its pipeline when a push of the branch touches one of its paths."""
    paths = {path for change in changes for path in change.paths}
    for trigger in pipeline.get("Triggers", []):
        for each in trigger["GitConfiguration"].get("Push", []):
            branches = each.get("Branches", {}).get("Includes", [branch])
            wanted = each.get("FilePaths", {}).get("Includes", ["**"])
            if branch in branches and any(_glob(pattern).fullmatch(path) for pattern in wanted for path in paths):
                return True
    return False


@behaviour("EB-UG eb-event-patterns", sure="documented")
def matches(pattern: Mapping[str, Any], event: Mapping[str, Any]) -> bool:
    """An event matches when every field of the pattern has one of the values that are told, or fits a comparison."""
    for key, wanted in pattern.items():
        if key == "$or":
            if not any(matches(each, event) for each in wanted):
                return False
        elif isinstance(wanted, Mapping):
            if not matches(wanted, event.get(key, {})):
                return False
        elif not any(_fits(each, key, event) for each in wanted):
            return False
    return True


def run(
    simulation: Simulation,
    name: str,
    files: Files | None = None,
    *,
    exit_code: int = 0,
    approved: bool = True,
    tasks_stay: bool = True,
) -> Execution:
    """Play a pipeline stage by stage. Builds succeed; a migration ends with `exit_code`; Deploy starts a deployment of a
    service, or is the whole release of a worker, whose new tasks stay or not.
    """
    world = simulation.world
    pipeline = next(each for each in world.pipelines.values() if each["Name"] == name)
    execution = Execution(name)
    for stage in pipeline["Stages"]:
        for action in stage["Actions"]:
            provider, told = action["ActionTypeId"]["Provider"], action.get("Configuration", {})
            if provider == "Manual" and not approved:
                execution.failed = f"{stage['Name']}: rejected"
            elif provider == "StepFunctions" and told.get("InputType") == "FilePath":
                execution.failed = _release(world, told, tasks_stay=tasks_stay)
            elif provider == "StepFunctions":
                execution.failed = _migrate(world, told, exit_code)
            elif provider == "CodeDeployToECS":
                execution.deployment = _deploy(simulation, told, files)
            elif provider == "S3" and "ObjectKey" in told:
                execution.uploads.append((str(told["BucketName"]), str(told["ObjectKey"])))
            if execution.failed:
                return execution
        execution.done.append(stage["Name"])
    return execution


def _migrate(world: World, told: Mapping[str, Any], exit_code: int) -> str:
    definition = world.machines[str(told["StateMachineArn"])]["Definition"]
    machine = Machine(definition, {"ecs:runTask.sync": lambda _: {"Containers": [{"ExitCode": exit_code}]}})
    try:
        machine.run(json.loads(re.sub(r"#\{[\w.]+\}", "the revision", str(told["Input"]))))
    except TaskFailedError as failed:
        return str(failed)
    return machine.failed


def _release(world: World, told: Mapping[str, Any], *, tasks_stay: bool) -> str:
    """Play the machine that registers what the build made, and moves a worker to it."""
    definition = world.machines[str(told["StateMachineArn"])]["Definition"]
    names = re.findall(r"\{% \$states\.input\.(\w+) %\}", json.dumps([*definition["States"].values()], default=str))
    moved: list[tuple[Service, str]] = []

    def register(given: Mapping[str, Any]) -> dict[str, Any]:
        revision = world.new_id(f"task-definition:{given['Family']}")
        world.task_definitions[revision] = given
        return {"TaskDefinition": {"TaskDefinitionArn": revision}}

    def update(given: Mapping[str, Any]) -> dict[str, Any]:
        service = world.service_named(str(given["Cluster"]), str(given["Service"]))
        if service is None:
            raise TaskFailedError("ECS.ServiceNotFoundException")
        moved.append((service, service.live.revision))
        ecs.move(world, service, str(given["TaskDefinition"]))
        return {"Service": {"Deployments": [{"Id": "ours", "Status": "PRIMARY"}]}}

    def describe(_: Mapping[str, Any]) -> dict[str, Any]:
        if tasks_stay:
            return {"Services": [{"Deployments": [{"Id": "ours", "RolloutState": "COMPLETED"}]}]}
        ecs.move(world, *moved[-1])  # the circuit breaker's rollback
        return {"Services": [{"Deployments": [{"Id": "back"}, {"Id": "ours", "RolloutState": "FAILED"}]}]}

    calls = {
        "aws-sdk:ecs:registerTaskDefinition": register,
        "aws-sdk:ecs:updateService": update,
        "aws-sdk:ecs:describeServices": describe,
    }
    machine = Machine(definition, calls)
    try:
        machine.run({name: {"Family": name} for name in names})
    except TaskFailedError as failed:
        return str(failed)
    return machine.failed


def _deploy(simulation: Simulation, told: Mapping[str, Any], files: Files | None) -> Deployment:
    group = simulation.world.deployment_groups[str(told["DeploymentGroupName"])]
    service = simulation.world.service_of(group)
    if service is None:
        raise LookupError(f"the deployment group {group.id} names no service that exists")
    return simulation.release(service.label, files)


def _play(world: World, machine: str, event: Mapping[str, Any], changes: list[Difference]) -> list[str]:
    """The pipelines that a rule's machine starts, which asks CodeCommit what a push changed, page by page."""
    if machine not in world.machines:
        return []
    started: list[str] = []

    def differences(given: Mapping[str, Any]) -> dict[str, Any]:
        first = int(given.get("NextToken", 0))
        page = changes[first : first + min(_PAGE, int(given.get("MaxResults", _PAGE)))]
        more = {"NextToken": str(first + len(page))} if first + len(page) < len(changes) else {}
        return {"Differences": [change.told() for change in page], **more}

    def start(given: Mapping[str, Any]) -> dict[str, str]:
        started.append(str(given["Name"]))
        return {"PipelineExecutionId": "1"}

    calls = {
        "aws-sdk:codecommit:getDifferences": differences,
        "aws-sdk:codepipeline:startPipelineExecution": start,
    }
    Machine(world.machines[machine]["Definition"], calls).run(event)
    return started


def _repositories(world: World) -> set[str]:
    """The repositories that rules listen to, by the ARN in their patterns."""
    return {
        str(arn) for rule in world.event_rules.values() for arn in rule.get("EventPattern", {}).get("resources", [])
    }


def _event(repository: str, branch: str, *, new_branch: bool) -> dict[str, Any]:
    return {
        "source": "aws.codecommit",
        "detail-type": "CodeCommit Repository State Change",
        "resources": [repository],
        "detail": {
            "event": "referenceCreated" if new_branch else "referenceUpdated",
            "repositoryName": repository.rpartition(":")[2],
            "referenceType": "branch",
            "referenceName": branch,
            "commitId": NEW,
            **({} if new_branch else {"oldCommitId": OLD}),
        },
    }


def _fits(wanted: Any, key: str, event: Mapping[str, Any]) -> bool:
    given = event.get(key)
    match wanted:
        case {"exists": bool(there)}:
            return (key in event) == there
        case {"prefix": str(start)}:
            return isinstance(given, str) and given.startswith(start)
        case {"anything-but": [*others]}:
            return key in event and given not in others
        case dict():
            raise TemplateError(f"an event pattern with {wanted} is not played")
    return wanted in given if isinstance(given, list) else key in event and wanted == given


def _glob(pattern: str) -> re.Pattern[str]:
    parts = re.split(r"(\*\*|\*)", pattern)
    return re.compile("".join({"**": ".*", "*": "[^/]*"}.get(part, re.escape(part)) for part in parts))
