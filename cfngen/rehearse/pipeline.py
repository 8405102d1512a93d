"""A pipeline, run as its definition says: stages and actions in order, by the artifacts and variables that they name.

Each action is reported to the account when it begins and when it is over, so that AWS's own operations tell of it. A step
that is not really run is never passed over: an action of another kind ends the rehearsal.
"""

from __future__ import annotations

import json
import re
import threading
import time
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

import yaml
from botocore.exceptions import ClientError

from cfngen.rehearse import buildspec, sdk, uploads
from cfngen.rehearse.account import Account
from cfngen.rehearse.engine import Engine
from cfngen.rehearse.errors import RehearsalError
from cfngen.rehearse.parts import where
from cfngen.rehearse.pushes import Started, play_machine
from cfngen.rehearse.room import Room, environment
from cfngen.rehearse.source import Source
from cfngen.rehearse.story import Story
from cfngen.rehearse.tasks import Tasks

OVER = ("Succeeded", "Failed", "Stopped")
"""What a deployment's status is at its end."""
_KEPT = ("PATH", "LANG", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "NPM_CONFIG_CACHE", "TZ")
"""What a build gets of this machine's environment."""


_BUILDS_AT_ONCE = 2
_PAUSE_SECONDS = 0.3
_SHORTEST_WAIT_SECONDS = 1.0
"""No wait of a state machine is shorter, or it goes round and round."""


class ActionFailedError(RehearsalError):
    """An action did its work and it did not succeed, as on AWS; whatever else goes wrong is the rehearsal's own trouble."""


class StoppedError(ActionFailedError):
    """A person stopped the execution."""


@dataclass
class Runner:
    """Runs executions of pipelines that were started by the account's API, and reports there what each action does."""

    room: Room
    account: Account
    engine: Engine
    tasks: Tasks
    source: Source
    story: Story
    builds: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(_BUILDS_AT_ONCE))
    is_ending: Callable[[], bool] = lambda: False

    def run(self, pipeline: str, identity: str, until: str = "") -> None:
        """Run an execution from its source to its end, or up to and with the stage `until`.

        Raises `ActionFailedError` for one that fails, after it was reported, and `RehearsalError` for an action of a kind
        that is not played.
        """
        told = self.account.client("codepipeline").get_pipeline(name=pipeline)["pipeline"]
        execution = Execution(self, pipeline, identity, self.room.path(f"runs/{identity}"))
        try:
            for stage in told["stages"]:
                ordered = sorted(stage["actions"], key=lambda action: action.get("runOrder", 1))
                for _, side_by_side in groupby(ordered, lambda action: action.get("runOrder", 1)):
                    execution.heed(("wait", "abandon"))
                    for action in side_by_side:
                        execution.act(stage["name"], action)
                if stage["name"] == until:
                    execution.report(status="Stopped", statusSummary=f"the rehearsal ends after {until}")
                    return
        except StoppedError:
            execution.report(status="Stopped")
            raise
        except RehearsalError as failed:
            execution.report(status="Failed", statusSummary=str(failed)[:200])
            raise
        execution.report(status="Succeeded")

    def build(self, pipeline: str, until: str) -> None:
        """Start a pipeline and run it here and now, up to and with a stage."""
        self.account.play("codepipeline", "TakeExecutions")
        made = self.account.client("codepipeline").start_pipeline_execution(name=pipeline)["pipelineExecutionId"]
        self.account.play("codepipeline", "TakeExecutions")
        self.run(pipeline, made, until)


@dataclass
class Execution:
    """One run of a pipeline: its artifacts, by name, and the variables of its actions, by namespace."""

    runner: Runner
    name: str
    identity: str
    place: Path
    artifacts: dict[str, Path] = field(default_factory=dict)
    variables: dict[str, Mapping[str, str]] = field(default_factory=dict)
    action: str = ""
    commit: str = ""

    def report(self, **told: Any) -> dict[str, Any]:
        """Report about the execution; the answer says whether a person stops it."""
        return self.runner.account.play("codepipeline", "ReportExecution", pipelineExecutionId=self.identity, **told)

    def heed(self, kinds: Collection[str] = ("abandon",)) -> None:
        """Raise `StoppedError` where a person stops the execution in one of these ways: what runs ends first, or is left alone."""
        if self.report()["stop"] in kinds:
            raise StoppedError(f"{self.name}: a person stopped the execution")

    def report_action(self, **told: Any) -> dict[str, Any]:
        """Report about the action that runs."""
        told |= {"actionExecutionId": self.action} if self.action else {}
        return self.runner.account.play(
            "codepipeline", "ReportAction", pipelineExecutionId=self.identity, **told
        )  # fmt: skip

    def act(self, stage: str, action: Mapping[str, Any]) -> None:
        """Run an action; raises `RehearsalError` when it fails, or is of a kind that is not played."""
        kind = action["actionTypeId"]
        does = _ACTIONS.get((kind["category"], kind["provider"]))
        if does is None:
            raise RehearsalError(f"{self.name}: {stage} {action['name']}: {kind['provider']} is not played")
        told = {"actionTypeId": kind, "configuration": action.get("configuration") or {}}
        self.action = ""
        self.action = self.report_action(stageName=stage, actionName=action["name"], status="InProgress", input=told)[
            "actionExecutionId"
        ]
        start = time.monotonic()
        try:
            self._check_inputs(stage, action)
            settings = {key: self._filled(value) for key, value in (action.get("configuration") or {}).items()}
            summary = does(self, action, settings)
        except StoppedError:
            self.report_action(status="Abandoned")
            raise
        except ActionFailedError as failed:
            self.report_action(status="Failed", errorDetails={"code": "JobFailed", "message": str(failed)[:400]})
            raise
        self.report_action(status="Succeeded", summary=summary[:400])
        self.runner.story.tell(self.name, f"{stage}: {summary} ({time.monotonic() - start:.1f} s)")

    def _check_inputs(self, stage: str, action: Mapping[str, Any]) -> None:
        for needed in action.get("inputArtifacts", ()):
            if needed["name"] not in self.artifacts:
                raise ActionFailedError(f"{self.name}: {stage} needs {needed['name']}, which no action before it made")

    def _filled(self, text: str) -> str:
        def value(match: re.Match[str]) -> str:
            space, _, name = match[1].partition(".")
            if name not in self.variables.get(space, {}):
                raise ActionFailedError(f"{self.name}: #{{{match[1]}}} is a variable of no action that ran")
            return self.variables[space][name]

        return re.sub(r"#\{([\w.]+)\}", value, str(text))

    def source(self, action: Mapping[str, Any], settings: Mapping[str, str]) -> str:
        """The newest commit, as a copy of its files."""
        branch = settings.get("BranchName", "")
        self.commit = commit = self.runner.source.checkout(self.place / "source")
        self.artifacts[action["outputArtifacts"][0]["name"]] = self.place / "source"
        self.variables[action.get("namespace", "")] = {"CommitId": commit, "BranchName": branch}
        self.report(revisions=[{"actionName": action["name"], "revisionId": commit}])
        return f"commit {commit[:12]}"

    def approve(self, _: Mapping[str, Any], __: Mapping[str, str]) -> str:
        """Wait until a person says yes or no through the API."""
        token = uuid.uuid4().hex
        result = self.report_action(status="InProgress", token=token)["result"]
        self.runner.story.tell(self.name, "waits for an approval")
        while not result:
            if self.runner.is_ending():
                raise ActionFailedError(f"{self.name}: the rehearsal ends, and nobody approved")
            self.heed()
            time.sleep(_PAUSE_SECONDS)
            result = self.report_action(status="InProgress")["result"]
        if result["status"] != "Approved":
            raise ActionFailedError(f"{self.name}: rejected: {result.get('summary', '')}")
        return f"approved: {result.get('summary', '')}"

    def build(self, action: Mapping[str, Any], settings: Mapping[str, str]) -> str:
        """The build project's buildspec, for real."""
        with self.runner.builds:
            return self._built(action, settings)

    def _built(self, action: Mapping[str, Any], settings: Mapping[str, str]) -> str:
        runner, name = self.runner, settings["ProjectName"]
        project = runner.account.client("codebuild").batch_get_projects(names=[name])["projects"][0]
        begun = runner.account.play(
            "codebuild", "BeginBuild", projectName=name, initiator=f"codepipeline/{self.name}",
            sourceVersion=self.commit,
        )  # fmt: skip
        number = begun["buildNumber"]
        self.report_action(status="InProgress", externalExecutionId=begun["id"])
        source = self.artifacts[settings.get("PrimarySource") or action["inputArtifacts"][0]["name"]]
        text = project["source"].get("buildspec") or "buildspec.yml"
        spec = yaml.safe_load(text if "\n" in text else (source / text).read_text(encoding="utf-8"))
        log = runner.room.log(f"build-{name}-{number}")
        values = self._environment(project, name, number, source)
        seconds = 60.0 * project.get("timeoutInMinutes", 60)
        built = buildspec.run(spec, source, self.place / "build", log, values, runner.account.secret, seconds)
        runner.account.play(
            "codebuild", "ReportBuild", id=begun["id"], status="FAILED" if built.failed else "SUCCEEDED",
            phases=built.phases, exported=built.exported, reason=built.reason,
        )  # fmt: skip
        for phase in (spec["phases"].get("install") or {}).get("runtime-versions") or {}:
            runner.story.not_played(f"runtime-versions: a build uses this machine's {phase}")
        if built.failed:
            last = "\n".join(log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-6:])
            raise ActionFailedError(
                f"{self.name}: build {number} failed in {built.failed}: {built.reason}\n{last}\nlog: {log}"
            )
        for report, files in built.reports.items():
            what = f"build {number} of {name} leaves its report {report}"
            runner.story.check("reports", what, ", ".join(each.name for each in files) or "no file", passed=bool(files))
        outputs = [each["name"] for each in action.get("outputArtifacts", ())]
        for output in outputs:
            found = built.artifacts.get(output, built.artifacts.get("") if len(outputs) == 1 else None)
            if found is None:
                raise ActionFailedError(f"{self.name}: the build leaves no artifact {output}")
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
        # Builds share a home, and with it what npm fetched, as by CodeBuild's cache; nobody asks whether it is still the same.
        values["NPM_CONFIG_PREFER_OFFLINE"] = "true"
        values |= runner.account.environment
        if project["environment"].get("privilegedMode"):
            values |= runner.engine.docker
        values |= {"CODEBUILD_BUILD_NUMBER": str(number), "CODEBUILD_BUILD_ID": f"{name}:{number}",
                   "CODEBUILD_RESOLVED_SOURCE_VERSION": self.commit, "CODEBUILD_SRC_DIR": str(source)}  # fmt: skip
        for each in project["environment"].get("environmentVariables", ()):
            kind = each.get("type", "PLAINTEXT")
            value = each["value"]
            values[each["name"]] = (
                value if kind == "PLAINTEXT" else runner.account.secret(kind.lower().replace("_", "-"), value)
            )
        return values

    def invoke(self, action: Mapping[str, Any], settings: Mapping[str, str]) -> str:
        """A state machine, whose tasks run as containers and whose calls of AWS are made in the account."""
        logs: list[str] = []
        arn, text = settings["StateMachineArn"], settings.get("Input") or "{}"
        if settings.get("InputType") == "FilePath":
            text = (self.artifacts[action["inputArtifacts"][0]["name"]] / text).read_text(encoding="utf-8")
        machine = play_machine(self.runner.account, arn, json.loads(text), _Calls(self, logs), self._pause)
        if machine.failed:
            told = f"{self.name}: {arn.rpartition(':')[2]} ended in {machine.failed}"
            raise ActionFailedError("\n".join([told, *logs])[-1500:])
        steps = " → ".join(dict.fromkeys(machine.visited))
        return f"{steps}; {len(logs)} task" if logs else steps

    def _pause(self, seconds: float) -> None:
        """The wait of a state machine, shorter than on AWS."""
        until = time.monotonic() + max(seconds / self.runner.tasks.speed, _SHORTEST_WAIT_SECONDS)
        while time.monotonic() < until:
            if self.runner.is_ending():
                raise ActionFailedError(f"{self.name}: the rehearsal ends before its state machine does")
            self.heed()
            time.sleep(_PAUSE_SECONDS)

    def run_task(self, given: Mapping[str, Any], logs: list[str]) -> dict[str, Any]:
        """A task that a state machine runs to its end; its log is added to `logs`."""
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
        made = self._created(
            applicationName=settings["ApplicationName"],
            deploymentGroupName=settings["DeploymentGroupName"],
            revision={"revisionType": "AppSpecContent", "appSpecContent": {"content": appspec}},
            description=Started(self.name, self.identity, "").described,
        )
        self.report_action(status="InProgress", externalExecutionId=made)
        return f"deployed {arn.rpartition('/')[2]} by {self._followed(made)}"

    def _created(self, **told: Any) -> str:
        try:
            return str(self.runner.account.client("codedeploy").create_deployment(**told)["deploymentId"])
        except ClientError as refused:
            raise ActionFailedError(f"{self.name}: {refused}") from None

    def _followed(self, deployment: str) -> str:
        """Wait until a deployment is over, as the pipeline's action does by GetDeployment."""
        deploys = self.runner.account.client("codedeploy")
        while (told := deploys.get_deployment(deploymentId=deployment)["deploymentInfo"])["status"] not in OVER:
            if self.runner.is_ending():
                raise ActionFailedError(f"{self.name}: the rehearsal ends before {deployment} does")
            self.heed()
            time.sleep(_PAUSE_SECONDS)
        if told["status"] != "Succeeded":
            why = told.get("errorInformation", {})
            raise ActionFailedError(f"{self.name}: {deployment} {told['status']}: {why.get('message', '')}")
        return deployment

    def _file(self, settings: Mapping[str, str], kind: str, usual: str) -> str:
        folder = self.artifacts[settings[f"{kind}Artifact"]]
        return (folder / settings.get(f"{kind}Path", usual)).read_text(encoding="utf-8")


class _Calls(Mapping[str, Callable[[Any], Any]]):
    """The tasks of a state machine, by what follows ``:states:::`` in their ARN; `KeyError` for one of another kind."""

    def __init__(self, execution: Execution, logs: list[str]) -> None:
        self.execution, self.logs = execution, logs

    def __getitem__(self, resource: str) -> Callable[[Any], Any]:
        if resource == "ecs:runTask.sync":
            return lambda given: self.execution.run_task(given, self.logs)
        kind, _, rest = resource.partition(":")
        service, _, operation = rest.partition(":")
        if kind != "aws-sdk":
            raise KeyError(resource)
        return lambda given: sdk.call(self.execution.runner.account, service, operation, given)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


_ACTIONS: Mapping[tuple[str, str], Callable[[Execution, Mapping[str, Any], Mapping[str, str]], str]] = {
    ("Source", "CodeCommit"): Execution.source,
    ("Source", "CodeStarSourceConnection"): Execution.source,
    ("Source", "S3"): uploads.fetch,
    ("Approval", "Manual"): Execution.approve,
    ("Build", "CodeBuild"): Execution.build,
    ("Invoke", "StepFunctions"): Execution.invoke,
    ("Deploy", "CodeDeployToECS"): Execution.release,
    ("Deploy", "S3"): uploads.hand_on,
}
