"""A pipeline, run as its definition says: stages and actions in order, by the artifacts and variables that they name.

A step that is not really run is never passed over: an action of another kind ends the rehearsal.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

import yaml

from cfngen.rehearse import buildspec
from cfngen.rehearse.account import Account
from cfngen.rehearse.engine import Engine
from cfngen.rehearse.errors import RehearsalError
from cfngen.rehearse.parts import where
from cfngen.rehearse.room import Room, environment
from cfngen.rehearse.source import Source
from cfngen.rehearse.story import Story
from cfngen.rehearse.tasks import Tasks
from cfngen.simulate.machines import Machine, TaskFailedError

_KEPT = ("PATH", "LANG", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "NPM_CONFIG_CACHE", "TZ")
"""What a build gets of this machine's environment."""


@dataclass(frozen=True)
class Revision:
    """What a Deploy action hands to CodeDeploy."""

    group: str
    task_definition: str
    container: str
    port: int
    hooks: tuple[Mapping[str, str], ...] = ()


Deploy = Callable[[Revision], None]
"""Plays a deployment to its end; raises `RehearsalError` when it does not succeed."""


@dataclass
class Runner:
    """Runs pipelines. `numbers` are the builds of each project so far."""

    room: Room
    account: Account
    engine: Engine
    tasks: Tasks
    source: Source
    story: Story
    numbers: dict[str, int] = field(default_factory=dict)

    def run(self, pipeline: Mapping[str, Any], deploy: Deploy, until: str = "") -> None:
        """Run a pipeline from its source to its end, or up to and with the stage `until`."""
        execution = Execution(self, str(pipeline["name"]), deploy, self.room.path(f"runs/{time.time_ns()}"))
        for stage in pipeline["stages"]:
            ordered = sorted(stage["actions"], key=lambda action: action.get("runOrder", 1))
            for _, side_by_side in groupby(ordered, lambda action: action.get("runOrder", 1)):
                for action in side_by_side:
                    execution.act(stage["name"], action)
            if stage["name"] == until:
                return


@dataclass
class Execution:
    """One run of a pipeline: its artifacts, by name, and the variables of its actions, by namespace."""

    runner: Runner
    name: str
    deploy: Deploy
    place: Path
    artifacts: dict[str, Path] = field(default_factory=dict)
    variables: dict[str, Mapping[str, str]] = field(default_factory=dict)

    def act(self, stage: str, action: Mapping[str, Any]) -> None:
        """Run an action; raises `RehearsalError` when it fails, or is of a kind that is not played."""
        kind = action["actionTypeId"]
        does = _ACTIONS.get((kind["category"], kind["provider"]))
        if does is None:
            raise RehearsalError(f"{self.name}: {stage} {action['name']}: {kind['provider']} is not played")
        for needed in action.get("inputArtifacts", ()):
            if needed["name"] not in self.artifacts:
                raise RehearsalError(f"{self.name}: {stage} needs {needed['name']}, which no action before it made")
        settings = {key: self._filled(value) for key, value in (action.get("configuration") or {}).items()}
        start = time.monotonic()
        told = does(self, action, settings)
        self.runner.story.tell(self.name, f"{stage}: {told} ({time.monotonic() - start:.1f} s)")

    def _filled(self, text: str) -> str:
        def value(match: re.Match[str]) -> str:
            space, _, name = match[1].partition(".")
            if name not in self.variables.get(space, {}):
                raise RehearsalError(f"{self.name}: #{{{match[1]}}} is a variable of no action that ran")
            return self.variables[space][name]

        return re.sub(r"#\{([\w.]+)\}", value, str(text))

    def source(self, action: Mapping[str, Any], settings: Mapping[str, str]) -> str:
        """The newest commit, as a copy of its files."""
        branch = settings.get("BranchName", "")
        commit = self.runner.source.checkout(self.place / "source")
        self.artifacts[action["outputArtifacts"][0]["name"]] = self.place / "source"
        self.variables[action.get("namespace", "")] = {"CommitId": commit, "BranchName": branch}
        return f"commit {commit[:12]}"

    def approve(self, _: Mapping[str, Any], __: Mapping[str, str]) -> str:
        """A rehearsal has nobody to ask."""
        self.runner.story.not_played("approvals: the rehearsal approves at once, since nobody is there to be asked")
        return "approved by the rehearsal"

    def build(self, action: Mapping[str, Any], settings: Mapping[str, str]) -> str:
        """The build project's buildspec, for real."""
        runner, name = self.runner, settings["ProjectName"]
        project = runner.account.client("codebuild").batch_get_projects(names=[name])["projects"][0]
        runner.numbers[name] = number = runner.numbers.get(name, 0) + 1
        source = self.artifacts[settings.get("PrimarySource") or action["inputArtifacts"][0]["name"]]
        text = project["source"].get("buildspec") or "buildspec.yml"
        spec = yaml.safe_load(text if "\n" in text else (source / text).read_text(encoding="utf-8"))
        log = runner.room.log(f"build-{name}-{number}")
        values = self._environment(project, name, number, source)
        seconds = 60.0 * project.get("timeoutInMinutes", 60)
        built = buildspec.run(spec, source, self.place / "build", log, values, runner.account.secret, seconds)
        for phase in (spec["phases"].get("install") or {}).get("runtime-versions") or {}:
            runner.story.not_played(f"runtime-versions: a build uses this machine's {phase}")
        if built.failed:
            last = "\n".join(log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-6:])
            raise RehearsalError(
                f"{self.name}: build {number} failed in {built.failed}: {built.reason}\n{last}\nlog: {log}"
            )
        outputs = [each["name"] for each in action.get("outputArtifacts", ())]
        for output in outputs:
            found = built.artifacts.get(output, built.artifacts.get("") if len(outputs) == 1 else None)
            if found is None:
                raise RehearsalError(f"{self.name}: the build leaves no artifact {output}")
            self.artifacts[output] = found
        if space := action.get("namespace"):
            self.variables[space] = built.exported
        phases = " ".join(phase for phase, _ in built.phases)
        return f"build {number}: {phases}; {', '.join(f'{key}={value[:24]}' for key, value in built.exported.items())}"

    def _environment(self, project: Mapping[str, Any], name: str, number: int, source: Path) -> dict[str, str]:
        runner = self.runner
        values = {key: value for key, value in environment().items() if key in _KEPT}
        values["PATH"] = f"{Path(where('aws')).parent}:{values['PATH']}"
        values |= {"HOME": str(runner.room.path("home")), "AWS_REGION": runner.account.region}
        values |= runner.account.environment
        if project["environment"].get("privilegedMode"):
            values |= runner.engine.docker
        values |= {"CODEBUILD_BUILD_NUMBER": str(number), "CODEBUILD_BUILD_ID": f"{name}:{number}",
                   "CODEBUILD_RESOLVED_SOURCE_VERSION": runner.source.commit, "CODEBUILD_SRC_DIR": str(source)}  # fmt: skip
        for each in project["environment"].get("environmentVariables", ()):
            kind = each.get("type", "PLAINTEXT")
            value = each["value"]
            values[each["name"]] = (
                value if kind == "PLAINTEXT" else runner.account.secret(kind.lower().replace("_", "-"), value)
            )
        return values

    def invoke(self, _: Mapping[str, Any], settings: Mapping[str, str]) -> str:
        """A state machine, whose tasks run as containers."""
        told = self.runner.account.client("stepfunctions").describe_state_machine(
            stateMachineArn=settings["StateMachineArn"]
        )
        logs: list[str] = []
        machine = Machine(json.loads(told["definition"]), {"ecs:runTask.sync": lambda given: self._task(given, logs)})
        try:
            machine.run(json.loads(settings.get("Input") or "{}"))
        except TaskFailedError as failed:
            raise RehearsalError(f"{self.name}: {told['name']}: {failed}") from None
        if machine.failed:
            raise RehearsalError("\n".join([f"{self.name}: {told['name']} ended in {machine.failed}", *logs])[-1500:])
        return f"{' → '.join(machine.visited)}; {len(logs)} task"

    def _task(self, given: Mapping[str, Any], logs: list[str]) -> dict[str, Any]:
        client = self.runner.account.client("ecs")
        definition = client.describe_task_definition(taskDefinition=given["TaskDefinition"])["taskDefinition"]
        code, log = self.runner.tasks.run("migration", definition)
        logs.append(log[-800:])
        return {"Containers": [{"Name": definition["containerDefinitions"][0]["name"], "ExitCode": code}]}

    def release(self, _: Mapping[str, Any], settings: Mapping[str, str]) -> str:
        """Register the revision, fill in the AppSpec, and let it be deployed."""
        text = self._file(settings, "TaskDefinitionTemplate", "taskdef.json")
        for number in range(1, 5):
            if artifact := settings.get(f"Image{number}ArtifactName"):
                image = json.loads((self.artifacts[artifact] / "imageDetail.json").read_text(encoding="utf-8"))
                text = text.replace(f"<{settings[f'Image{number}ContainerName']}>", image["ImageURI"])
        ecs = self.runner.account.client("ecs")
        arn = ecs.register_task_definition(**json.loads(text))["taskDefinition"]["taskDefinitionArn"]
        appspec = self._file(settings, "AppSpecTemplate", "appspec.yaml").replace("<TASK_DEFINITION>", arn)
        (self.place / "taskdef.json").write_text(text, encoding="utf-8")
        (self.place / "appspec.yaml").write_text(appspec, encoding="utf-8")
        spec = yaml.safe_load(appspec)
        told = spec["Resources"][0]["TargetService"]["Properties"]
        behind = told["LoadBalancerInfo"]
        hooks = tuple(spec.get("Hooks") or ())
        port = int(behind["ContainerPort"])
        group = settings["DeploymentGroupName"]
        self.deploy(Revision(group, told["TaskDefinition"], behind["ContainerName"], port, hooks))
        return f"deployed {arn.rpartition('/')[2]}"

    def _file(self, settings: Mapping[str, str], kind: str, usual: str) -> str:
        folder = self.artifacts[settings[f"{kind}Artifact"]]
        return (folder / settings.get(f"{kind}Path", usual)).read_text(encoding="utf-8")


_ACTIONS: Mapping[tuple[str, str], Callable[[Execution, Mapping[str, Any], Mapping[str, str]], str]] = {
    ("Source", "CodeCommit"): Execution.source,
    ("Source", "CodeStarSourceConnection"): Execution.source,
    ("Approval", "Manual"): Execution.approve,
    ("Build", "CodeBuild"): Execution.build,
    ("Invoke", "StepFunctions"): Execution.invoke,
    ("Deploy", "CodeDeployToECS"): Execution.release,
}
