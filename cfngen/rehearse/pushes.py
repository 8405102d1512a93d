"""What a push starts: deployed EventBridge rules with their state machines, triggers of connections, and who looks by itself.

Everything that decides is read back from the account; the state machine is played as it is written there, with the real
differences of the commits.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from cfngen.rehearse import uploads
from cfngen.rehearse.account import Account
from cfngen.rehearse.errors import RehearsalError
from cfngen.rehearse.parts import where
from cfngen.rehearse.room import Room
from cfngen.simulate.machines import Machine, TaskFailedError
from cfngen.simulate.pipelines import Difference, is_triggered, matches

_PAGE = 100
_CONNECTION = "CodeStarSourceConnection"
_PLAYED = ("CodeCommit", _CONNECTION, "S3")


@dataclass(frozen=True)
class Started:
    """An execution of a pipeline, and what started it."""

    pipeline: str
    execution: str
    by: str

    @property
    def described(self) -> str:
        """How the deployment of this execution is described."""
        return f"{self.pipeline} {self.execution}"


@dataclass(frozen=True)
class Push:
    """A branch has a new commit; `before` is empty for a branch that is new.

    `folder` is the repository, and `pack` gives the commit's files as a zip file.
    """

    before: str
    after: str
    changes: Sequence[Difference]
    folder: Path = Path()
    pack: Callable[[], bytes] = bytes

    @property
    def paths(self) -> set[str]:
        """The files that are new, gone or others."""
        return {path for each in self.changes for path in each.paths}


def pushed(room: Room, folder: Path, before: str, after: str) -> Push:
    """A push of the repository in a folder, with the files in which its commits differ."""
    words = [where("git"), "diff", "--name-status", "--no-renames", before, after]
    told = room.run("source", words, folder=folder).splitlines() if before else []
    changes = []
    for line in told:
        kind, _, path = line.partition("\t")
        changes.append(Difference("" if kind == "A" else path, "" if kind == "D" else path))
    return Push(before, after, changes, folder, partial(_packed, room, folder, after))


def _packed(room: Room, folder: Path, commit: str) -> bytes:
    file = room.path("uploads") / f"{commit}.zip"
    if not file.exists():
        room.run("source", [where("git"), "archive", "--format=zip", "--output", str(file), commit], folder=folder)
    return file.read_bytes()


def check_sources(account: Account) -> None:
    """Raise `RehearsalError` for pipelines whose source no push reaches, such as what another stage built."""
    for each in account.all("codepipeline", "list_pipelines", "pipelines"):
        pipeline = account.client("codepipeline").get_pipeline(name=each["name"])["pipeline"]
        told = _source(pipeline)
        if told["provider"] not in _PLAYED:
            raise RehearsalError(
                f"{each['name']}: a source of {told['provider']} is not played; a rehearsal pushes commits, to {', '.join(_PLAYED)}"
            )
        if told["provider"] == "S3" and uploads.is_promoted(account, pipeline):
            raise RehearsalError(
                f"{each['name']}: it takes what another stage built, which is not played, since a rehearsal has one stage"
            )


def starts(account: Account, push: Push) -> list[Started]:
    """Start, through the account's API, every pipeline that a push starts, as what is deployed says."""
    pipelines = [
        account.client("codepipeline").get_pipeline(name=each["name"])["pipeline"]
        for each in account.all("codepipeline", "list_pipelines", "pipelines")
    ]
    found: list[Started] = []
    repositories = {(_place(each), _source(each)["provider"]) for each in pipelines}
    for (repository, branch), provider in sorted(repositories):
        if provider == "CodeCommit":
            found += _by_rules(account, push, repository, branch)
    for pipeline in pipelines:
        source, name = _source(pipeline), str(pipeline["name"])
        if any(each.pipeline == name for each in found):
            continue
        if source["provider"] == "S3":
            found += _by_upload(account, pipeline, push)
        elif source["provider"] == _CONNECTION and (why := _by_connection(pipeline, source, push)):
            found.append(_start(account, name, why))
        elif source["provider"] == "CodeCommit" and source.get("PollForSourceChanges", "true").lower() != "false":
            found.append(_start(account, name, "PollForSourceChanges"))
    return found


def _source(pipeline: Mapping[str, Any]) -> dict[str, str]:
    """The settings of a pipeline's first source action, with its provider."""
    action = pipeline["stages"][0]["actions"][0]
    return {"provider": action["actionTypeId"]["provider"], **(action.get("configuration") or {})}


def _place(pipeline: Mapping[str, Any]) -> tuple[str, str]:
    source = _source(pipeline)
    return source.get("RepositoryName") or source.get("FullRepositoryId", ""), source.get("BranchName", "")


def _start(account: Account, name: str, by: str) -> Started:
    made = account.client("codepipeline").start_pipeline_execution(name=name)["pipelineExecutionId"]
    return Started(name, made, by)


def _by_connection(pipeline: Mapping[str, Any], source: Mapping[str, str], push: Push) -> str:
    """Why a connection starts a pipeline: its trigger, or each push of its branch where it has none (D1.7)."""
    if triggers := pipeline.get("triggers"):
        told = {"Triggers": _capital(triggers)}
        return "trigger" if not push.before or is_triggered(told, source.get("BranchName", ""), push.changes) else ""
    return "DetectChanges" if source.get("DetectChanges", "true").lower() != "false" else ""


def _capital(node: Any) -> Any:
    """As templates write it, which the simulator reads."""
    if isinstance(node, Mapping):
        return {f"{key[:1].upper()}{key[1:]}": _capital(part) for key, part in node.items()}
    return [_capital(part) for part in node] if isinstance(node, list) else node


def _by_rules(account: Account, push: Push, repository: str, branch: str) -> Iterator[Started]:
    yield from _heard(account, _event(account, push, repository, branch), push)


def _by_upload(account: Account, pipeline: Mapping[str, Any], push: Push) -> Iterator[Started]:
    event = uploads.bring(account, pipeline, push)
    if event is None:
        return
    if _source(pipeline).get("PollForSourceChanges", "true").lower() != "false":
        yield _start(account, str(pipeline["name"]), "PollForSourceChanges")
    yield from _heard(account, event, push)


def _heard(account: Account, event: Mapping[str, Any], push: Push) -> Iterator[Started]:
    """What the deployed rules start that hear of an event."""
    events = account.client("events")
    for rule in account.all("events", "list_rules", "Rules"):
        if rule["State"] != "ENABLED" or not matches(json.loads(rule.get("EventPattern") or '{"": []}'), event):
            continue
        for target in events.list_targets_by_rule(Rule=rule["Name"])["Targets"]:
            service, name = target["Arn"].split(":")[2], target["Arn"].rpartition(":")[2]
            if service == "states":
                yield from _played(account, target["Arn"], event, push)
            elif service == "codepipeline":
                yield _start(account, name, rule["Name"])


def _event(account: Account, push: Push, repository: str, branch: str) -> dict[str, Any]:
    """CodeCommit's own (EB-UG, CodeCommit Repository State Change)."""
    told = account.client("codecommit").get_repository(repositoryName=repository)["repositoryMetadata"]
    detail = {
        "event": "referenceUpdated" if push.before else "referenceCreated",
        "repositoryName": repository,
        "repositoryId": told["repositoryId"],
        "referenceType": "branch",
        "referenceName": branch,
        "referenceFullName": f"refs/heads/{branch}",
        "commitId": push.after,
        **({"oldCommitId": push.before} if push.before else {}),
    }
    return {
        "source": "aws.codecommit",
        "detail-type": "CodeCommit Repository State Change",
        "region": account.region,
        "resources": [told["Arn"]],
        "detail": detail,
    }


def _played(account: Account, arn: str, event: Mapping[str, Any], push: Push) -> Iterator[Started]:
    """A rule's state machine, played with the real differences; it starts pipelines through the account's API."""
    started: list[Started] = []

    def differences(given: Mapping[str, Any]) -> dict[str, Any]:
        first = int(given.get("NextToken", 0))
        page = push.changes[first : first + min(_PAGE, int(given.get("MaxResults", _PAGE)))]
        more = {"NextToken": str(first + len(page))} if first + len(page) < len(push.changes) else {}
        return {"Differences": [change.told() for change in page], **more}

    def start(given: Mapping[str, Any]) -> dict[str, str]:
        started.append(_start(account, str(given["Name"]), arn.rpartition(":")[2]))
        return {"PipelineExecutionId": started[-1].execution}

    calls = {
        "aws-sdk:codecommit:getDifferences": differences,
        "aws-sdk:codepipeline:startPipelineExecution": start,
    }
    play_machine(account, arn, event, calls)
    yield from started


def play_machine(
    account: Account, arn: str, given: Any, calls: Mapping[str, Any], pause: Callable[[float], None] = lambda _: None
) -> Machine:
    """Play a deployed state machine, and report its execution; a failure is told by `failed` of what is returned.

    `pause` waits for the seconds of a Wait state.

    Raises `RehearsalError` for a task that nothing here plays.
    """
    told = account.client("stepfunctions").describe_state_machine(stateMachineArn=arn)
    definition = json.loads(told["definition"])
    begun = account.play("stepfunctions", "BeginExecution", stateMachineArn=arn, input=json.dumps(given))
    machine, output = Machine(definition, calls, pause=pause), None
    try:
        output = machine.run(given)
    except TaskFailedError as failed:
        machine.failed = str(failed)
    except KeyError as missing:
        raise RehearsalError(f"{told['name']}: {missing} of a state machine is not played") from None
    account.play(
        "stepfunctions",
        "EndExecution",
        executionArn=begun["executionArn"],
        output=json.dumps(output),
        error=machine.failed,
        visited=[[name, definition["States"][name]["Type"]] for name in machine.visited],
    )
    return machine
