"""The acts of the rehearsal on coffee's own templates, with real pushes, pipelines, deployments, hooks and simulator.

Builds, containers and the proxy stand aside: a build hands on what the source's files say, and a version is as sick or slow as
its Dockerfile makes it.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import socketserver
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rehearsed import deploy
from test_rehearse_released import FOLDER, GIVEN, SPEED, Task, Tasks

from cfngen.rehearse import acts, buildspec, deployed, rounds, rules
from cfngen.rehearse.account import Account
from cfngen.rehearse.buildspec import Build
from cfngen.rehearse.certificates import Authority
from cfngen.rehearse.fleet import Fleet
from cfngen.rehearse.pipeline import Runner
from cfngen.rehearse.places import Place
from cfngen.rehearse.player import Player
from cfngen.rehearse.proxy import Health
from cfngen.rehearse.pushes import Started
from cfngen.rehearse.rehearsal import Stage, Wanted, own_paths
from cfngen.rehearse.release import Deployer
from cfngen.rehearse.room import Room, loopback, room, wait
from cfngen.rehearse.source import Source
from cfngen.rehearse.story import Request, Story
from cfngen.rehearse.twin import Twin

PROJECT = Path(__file__).parents[1]
DOCKERFILES: dict[str, str] = {}
"""What an image is made of, by its digest."""
ACCOUNTS: list[Account] = []
pytestmark = pytest.mark.filterwarnings("ignore")  # moto's


class Containers(Tasks):
    """Tasks whose image's Dockerfile is known."""

    def start(self, label: str, definition: Mapping[str, Any]) -> Task:
        self.count += 1
        image = definition["containerDefinitions"][0]["image"]
        task = Task(f"{label}-{self.count}", f"10.0.0.{self.count}", definition["taskDefinitionArn"], image)
        self.running.add(task.name)
        return task

    def run(self, _: str, definition: Mapping[str, Any]) -> tuple[int, str]:
        text = dockerfile(definition["containerDefinitions"][0]["image"])
        return (1, "false says nothing") if "/bin/false" in text else (0, "migrated")


def dockerfile(image: str) -> str:
    return DOCKERFILES.get(image.partition("@")[2], "")


class Answers(socketserver.StreamRequestHandler):
    """Answers 200 on the test port, whoever the PROXY protocol says is asking."""

    def handle(self) -> None:
        while self.rfile.readline().strip():
            pass
        self.wfile.write(b"HTTP/1.0 200 OK\r\n\r\n")


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


@contextmanager
def answering(address: str, port: int) -> Iterator[None]:
    with Server((address, port), Answers) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield
        server.shutdown()
        thread.join()


class Balancer:
    """A proxy that knows who would answer; a slow version makes its latency alarm ring."""

    def __init__(self, account: Account, tasks: Containers) -> None:
        self.account, self.tasks, self.address = account, tasks, loopback([80, 8080])
        self.groups = deployed.target_groups(account)
        self.seats: tuple[()] = ()
        self.targets: dict[tuple[str, str], str] = {}
        self.live: dict[str, str] = {}
        self.alarms: dict[str, str] = {}
        self.text: dict[str, str] = {}

    def register(self, arn: str, address: str, _: int) -> None:
        self.targets[arn, address] = arn

    def drain(self, *_: object) -> None:
        pass

    def forget(self, arn: str, address: str) -> None:
        del self.targets[arn, address]

    def health(self, arn: str, address: str) -> Health:
        return Health('"sleep"' not in self.text.get(address, ""), 0, "L4CON")

    def follow(self, listener: str) -> None:
        for rule in self.account.client("elbv2").describe_rules(ListenerArn=listener)["Rules"]:
            for arn, weight in rules.targets_of(rule):
                if weight and listener in self.live:
                    self._now(arn)

    def _now(self, arn: str) -> None:
        for pair, alarm in self.alarms.items():
            if arn in pair:
                slow = any(
                    "setTimeout" in self.text.get(address, "") for group, address in self.targets if group == arn
                )
                told = {"StateValue": "ALARM" if slow else "OK", "StateReason": "measured"}
                self.account.client("cloudwatch").set_alarm_state(AlarmName=alarm, **told)


class Coffee(Stage):
    """A stage that is asked and loaded without a connection."""

    def ask(self, place: str, port: int = 0) -> tuple[int, str, str]:
        asked = Place.of(place)
        if port and port != self.port:
            return (200 if asked.address.startswith("127.0.1.") else 0), "", ""
        return 200, self.serving(self.services[asked.path.startswith("/admin")]), ""

    def serving(self, service: deployed.Service) -> str:
        told = self.account.client("elbv2").describe_rules(ListenerArn=service.production)["Rules"]
        found = [arn for rule in told for arn, weight in rules.targets_of(rule) if weight and arn in service.pair]
        return found[0]

    @contextmanager
    def load(
        self, name: str, paths: object = (), kept: int = 0, every: str = "", seconds: float = 600
    ) -> Iterator[list[Request]]:
        found: list[Request] = []
        over, own = threading.Event(), [path for each in self.paths.values() for path in each]

        def ask() -> None:
            while not over.wait(0.05):
                backends = [rules.name_of(self.proxy.groups[self.serving(service)]) for service in self.services]
                for path in own:
                    backend = backends[path.startswith("/admin")]
                    found.extend(Request(time.time(), path, "kept", 200, f"{backend}/s1", 1.0) for _ in range(10))

        thread = threading.Thread(target=ask, daemon=True)
        thread.start()
        try:
            yield found
        finally:
            over.set()
            thread.join()


def built(
    spec: Mapping[str, Any], source: Path, place: Path, log: Path, values: Mapping[str, str], *_: object
) -> Build:
    """What the generated buildspec hands on, without a container engine."""
    assert set(spec["phases"]) == {"install", "pre_build", "build"}
    service = values["CODEBUILD_BUILD_ID"].partition(":")[0].rpartition("-")[2]
    text = (source / "services" / service / "Dockerfile").read_text(encoding="utf-8")
    digest = f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
    DOCKERFILES[digest] = text
    image = f"{values['REPOSITORY_URI']}@{digest}"
    log.write_text("built\n", encoding="utf-8")
    folder = place / "made"
    folder.mkdir(parents=True)
    for each in ("taskdef.json", "appspec.yaml"):
        told = (source / "templates/coffee/dev" / service / each).read_text(encoding="utf-8")
        (folder / each).write_text(re.sub(r"\$\{(STACK_\w+)\}", lambda m: values[m[1]], told), encoding="utf-8")
    (folder / "imageDetail.json").write_text(json.dumps({"ImageURI": image}), encoding="utf-8")
    exported = {"IMAGE_DIGEST": digest}
    if service == "employee":
        migration = json.loads((folder / "taskdef.json").read_text(encoding="utf-8"))
        migration["containerDefinitions"][0]["image"] = image
        made = ACCOUNTS[0].client("ecs").register_task_definition(**{**migration, "family": "migration"})
        exported["MIGRATION_TASK_DEFINITION"] = made["taskDefinition"]["taskDefinitionArn"]
    return Build(
        exported=exported, artifacts={"Image": folder, "Defs": folder}, phases=[("install", "SUCCEEDED")]
    )  # fmt: skip


def project(folder: Path) -> Path:
    """A repository with what the pipelines need of coffee."""
    shutil.copytree(PROJECT / "templates" / "coffee" / "dev", folder / "templates" / "coffee" / "dev")
    for each in ("customer", "employee"):
        (folder / "services" / each).mkdir(parents=True)
        shutil.copy(PROJECT / "services" / each / "Dockerfile", folder / "services" / each)
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    return folder


@pytest.fixture(scope="module")
def coffee(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Coffee]:
    with pytest.MonkeyPatch.context() as patch, room(tmp_path_factory.mktemp("logs"), print) as here:
        patch.setattr(buildspec, "run", built)
        patch.setattr("cfngen.rehearse.rounds._AROUND_SECONDS", 0.2)
        made = stage(here, project(tmp_path_factory.mktemp("project")))
        with answering(made.proxy.address, 8080), made.player.playing():
            yield made


def stage(here: Room, folder: Path) -> Coffee:
    account = Account(here, "eu-west-1")
    ACCOUNTS[:] = [account]
    deploy(account, FOLDER, "coffee.yaml", "coffee-dev", GIVEN)
    services, tasks = deployed.services(account), Containers(here)
    authority = Authority(here.path("certificates"))
    tasks.authority = authority.file
    proxy, story = Balancer(account, tasks), Story(lambda _: None)
    proxy.text = Texts(tasks, proxy)
    twin = Twin(account, FOLDER, "coffee.yaml", GIVEN)
    deployer = Deployer(account, proxy, tasks, story, SPEED, twin)  # type: ignore[arg-type]
    for service in services:
        names = [each["name"] for each in service.group["alarmConfiguration"]["alarms"]]
        told = account.client("cloudwatch").describe_alarms(AlarmNames=names)["MetricAlarms"]
        proxy.alarms[" ".join(service.pair)] = next(
            e["AlarmName"] for e in told if "two seconds" in e["AlarmDescription"]
        )
        proxy.live[service.production] = ""
        deployer.birth(service)
    source = Source(here, folder)
    engine = SimpleNamespace(docker={})
    runner = Runner(here, account, engine, tasks, source, story)  # type: ignore[arg-type]
    wanted = Wanted(FOLDER, "coffee.yaml", "coffee-dev", folder, "eu-west-1", SPEED)
    fleet = Fleet(account, tasks, story)  # type: ignore[arg-type]
    made = Coffee(
        wanted, here, story, account, engine, source, services, proxy, tasks, deployer, runner,  # type: ignore[arg-type]
        [replace(each, address=proxy.address) for each in deployed.listeners(account)], authority, Player(account, runner, deployer, fleet), fleet,
    )  # fmt: skip
    made.paths = own_paths(made)
    story.called = {rules.name_of(group): name for name, group in named(made)}
    return made


class Texts(dict[str, str]):
    """The Dockerfile of the task at an address."""

    def __init__(self, tasks: Containers, proxy: Balancer) -> None:
        super().__init__()
        start = tasks.start

        def started(label: str, definition: Mapping[str, Any]) -> Task:
            task = start(label, definition)
            self[task.address] = dockerfile(task.image)
            return task

        tasks.start = started  # type: ignore[method-assign]


def named(made: Coffee) -> Iterator[tuple[str, Any]]:
    for service in made.services:
        for arn, colour in zip(service.pair, ("blue", "green"), strict=True):
            yield f"{service.short} {colour}", made.proxy.groups[arn]


def played(coffee: Coffee, act: Any) -> dict[str, str]:
    """The checks of an act with what they say; each has to have passed."""
    had = len(coffee.story.checks)
    act(coffee)
    checks = coffee.story.checks[had:]
    failed = [f"{each.what}: {each.told}" for each in checks if not each.passed]
    assert not failed, failed
    return {f"{each.part}: {each.what}": each.told for each in checks}


def test_the_acts_of_a_rehearsal_one_after_the_other(coffee: Coffee) -> None:
    first = played(coffee, acts.first_releases)
    assert "coffee-dev-customer by" in first["source: the first push starts every pipeline"]
    assert "coffee-dev-employee by" in first["source: the first push starts every pipeline"]
    assert first["aws: aws codepipeline get-pipeline-state"] == "Succeeded Succeeded Succeeded"

    had = {name: each.tasks for name, each in coffee.deployer.live.items()}
    second = played(coffee, acts.second_release)
    assert [each for each in second if each.startswith("second version: the hook")] == [
        f"second version: the hook {event} ran"
        for event in (
            "BeforeInstall",
            "AfterInstall",
            "AfterAllowTestTraffic",
            "BeforeAllowTraffic",
            "AfterAllowTraffic",
        )
    ]
    started = [each.told for each in coffee.story.checks if each.what.startswith("the push starts")]
    assert [told.partition(" by ")[0] for told in started] == ["coffee-dev-employee", "coffee-dev-customer"]
    changed = [name for name, each in coffee.deployer.live.items() if each.tasks is not had[name]]
    assert changed == [coffee.services[1].group["deploymentGroupName"]]

    assert "is not healthy" in second["a version that never answers: the release of customer fails"]

    ringing = played(coffee, acts.ringing_alarm)
    assert "MigrationFailed" in ringing["a version whose migration fails: the release of employee fails"]
    assert "a version whose migration fails: nothing of employee moved: no deployment began" in ringing
    assert any("(measured)" in told for told in ringing.values())
    assert ringing["a version that its hook finds wrong: the hook AfterAllowTestTraffic ran"] == "Failed"
    stopped = {each.status: each.told for each in coffee.deployer.played if each.service.short == "employee"}
    assert set(stopped) == {"Succeeded", "Failed", "Stopped"}
    assert played(coffee, acts.simulated)
    assert coffee.changed, "what a later push changes is not more than it says"
    rounds.restore(coffee)
    assert not coffee.changed
    for service in ("customer", "employee"):
        file = f"services/{service}/Dockerfile"
        assert (coffee.source.folder / file).read_text(encoding="utf-8") == coffee.source.first(file)


def test_an_approval_waits_for_a_person_who_may_say_no(coffee: Coffee) -> None:
    client = coffee.account.client("codepipeline")
    told = client.get_pipeline(name="coffee-dev-customer")["pipeline"]
    kind = {"category": "Approval", "owner": "AWS", "provider": "Manual", "version": "1"}
    approve = {"name": "Approve", "actions": [{"name": "Ask", "actionTypeId": kind, "configuration": {}}]}
    client.create_pipeline(pipeline={**told, "name": "gate", "stages": [told["stages"][0], approve]})

    def start() -> Started:
        return Started("gate", client.start_pipeline_execution(name="gate")["pipelineExecutionId"], "a test")

    def latest() -> dict[str, Any]:
        state = client.get_pipeline_state(name="gate")["stageStates"][1]["actionStates"][0]
        found: dict[str, Any] = state.get("latestExecution", {})
        return found

    with rounds.approving(coffee, {"gate"}):
        assert [each.reason for each in coffee.player.outcomes([start()])] == [""]
    again = start()
    wait(lambda: latest().get("status") == "InProgress", "an approval", 60)
    client.put_approval_result(
        pipelineName="gate", stageName="Approve", actionName="Ask", token=latest()["token"],
        result={"status": "Rejected", "summary": "not on a Friday"},
    )  # fmt: skip
    (outcome,) = coffee.player.outcomes([again])
    assert outcome.reason == "gate: rejected: not on a Friday"

    third = start()
    wait(lambda: latest().get("status") == "InProgress", "an approval", 60)
    asked = {"pipelineName": "gate", "pipelineExecutionId": third.execution}
    client.stop_pipeline_execution(**asked, reason="not today")
    with pytest.raises(client.exceptions.DuplicatedStopRequestException):
        client.stop_pipeline_execution(**asked)
    client.stop_pipeline_execution(**asked, abandon=True)
    (outcome,) = coffee.player.outcomes([third])
    assert outcome.reason == "gate: a person stopped the execution"
    assert latest()["status"] == "Abandoned"
    with pytest.raises(client.exceptions.PipelineExecutionNotStoppableException):
        client.stop_pipeline_execution(**asked)
    executions = client.list_pipeline_executions(pipelineName="gate")["pipelineExecutionSummaries"]
    assert [each["status"] for each in executions] == ["Stopped", "Failed", "Succeeded"]
