"""Deployments and pipelines that the rehearsal plays, over the API of the local AWS; containers and proxy stand aside.

The steps, the account's answers and the comparison with `cfngen.simulate` are the real ones.
"""

from __future__ import annotations

import io
import json
import queue
import threading
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rehearsed import deploy

from cfngen.rehearse import deployed, pushes
from cfngen.rehearse.account import Account
from cfngen.rehearse.deployed import Service
from cfngen.rehearse.deployment import Deployment
from cfngen.rehearse.errors import RehearsalError
from cfngen.rehearse.player import Player
from cfngen.rehearse.proxy import Health
from cfngen.rehearse.pushes import Push, Started
from cfngen.rehearse.release import Deployer
from cfngen.rehearse.room import Room, room
from cfngen.rehearse.story import Story
from cfngen.rehearse.twin import Twin
from cfngen.rehearse.ways import Seat
from cfngen.simulate.pipelines import Difference

FOLDER = Path(__file__).parents[1] / "templates" / "coffee" / "dev"
GIVEN = {"TestCidr": "127.0.1.0/24"}
SPEED = 3000.0
pytestmark = pytest.mark.filterwarnings("ignore")  # moto's


@dataclass(frozen=True)
class Task:
    """A task that nobody started."""

    name: str
    address: str
    definition: str
    image: str = "web@sha256:1"
    port: int = 8080


@dataclass
class Tasks:
    """Tasks that are only counted; none of them runs anything."""

    room: Room
    running: set[str] = field(default_factory=set)
    count: int = 0
    authority: Path = Path("authority.pem")

    def start(self, label: str, definition: Mapping[str, Any]) -> Task:
        self.count += 1
        task = Task(f"{label}-{self.count}", f"10.0.0.{self.count}", definition["taskDefinitionArn"])
        self.running.add(task.name)
        return task

    def check(self, *_: object) -> str:
        return ""

    def runs(self, task: Task) -> bool:
        return task.name in self.running

    def log(self, _: Task) -> str:
        return "it says no more"

    def stop(self, task: Task) -> None:
        self.running.discard(task.name)


class Balancer:
    """A proxy without traffic."""

    address = "127.0.0.1"

    def __init__(self, account: Account) -> None:
        names = [each["DNSName"] for each in account.client("elbv2").describe_load_balancers()["LoadBalancers"]]
        self.seats = [Seat(name, self.address) for name in names]
        self.groups = deployed.target_groups(account)
        self.is_sick = False

    def register(self, *_: object) -> None:
        pass

    drain = forget = follow = register

    def health(self, *_: object) -> Health:
        return Health(not self.is_sick, 0, "L4CON")


@dataclass
class Played:
    """What a test has: the account, its services, and whoever plays."""

    account: Account
    services: list[Service]
    deployer: Deployer
    player: Player
    balancer: Balancer
    tasks: Tasks
    definitions: dict[str, str] = field(default_factory=dict)

    def appspec(self, service: Service, hooks: Mapping[str, str] | None = None) -> dict[str, Any]:
        told: dict[str, Any] = {
            "TaskDefinition": service.task_definition,
            "LoadBalancerInfo": {"ContainerName": service.container, "ContainerPort": service.port},
        }
        spec: dict[str, Any] = {"version": 0.0, "Resources": [{"TargetService": {"Type": "AWS::ECS::Service", "Properties": told}}]}  # fmt: skip
        spec |= {"Hooks": [{key: value} for key, value in hooks.items()]} if hooks else {}
        return {"revisionType": "AppSpecContent", "appSpecContent": {"content": json.dumps(spec)}}

    def release(self, service: Service, watch: Callable[[Deployment, str], None], **hooks: str) -> Deployment:
        """Create a deployment by the API and wait for its end."""
        self.deployer.watch = watch
        made = self.account.client("codedeploy").create_deployment(
            applicationName=service.group["applicationName"],
            deploymentGroupName=service.group["deploymentGroupName"],
            revision=self.appspec(service, hooks),
        )["deploymentId"]
        self.player.status(made)
        return next(each for each in self.deployer.played if each.identity == made)

    def told(self, deployment: Deployment) -> dict[str, Any]:
        client = self.account.client("codedeploy")
        found: dict[str, Any] = client.get_deployment(deploymentId=deployment.identity)["deploymentInfo"]
        return found

    def goes_on(self, deployment: Deployment, step: str) -> None:
        """A person who continues whatever waits."""
        if step == "Ready":
            client = self.account.client("codedeploy")
            client.continue_deployment(deploymentId=deployment.identity, deploymentWaitType="READY_WAIT")


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    with room(tmp_path_factory.mktemp("logs"), print) as here:
        account = Account(here, "eu-west-1")
        deploy(account, FOLDER, "coffee.yaml", "coffee-dev", GIVEN)
        services, tasks, balancer = deployed.services(account), Tasks(here), Balancer(account)
        twin = Twin(account, FOLDER, "coffee.yaml", GIVEN)
        deployer = Deployer(account, balancer, tasks, Story(lambda _: None), SPEED, twin)  # type: ignore[arg-type]
        deployer.least_seconds = 0.5
        for service in services:
            deployer.birth(service)
        player = Player(account, SimpleNamespace(run=lambda _, __: None, is_ending=None), deployer)  # type: ignore[arg-type]
        with player.playing():
            yield Played(account, services, deployer, player, balancer, tasks)


def live(played: Played, service: Service) -> tuple[str, list[str]]:
    found = played.deployer.live[service.group["deploymentGroupName"]]
    return found.group, [each.name for each in found.tasks]


def weights(played: Played, service: Service) -> dict[str, int]:
    told = played.account.client("elbv2").describe_rules(ListenerArn=service.production)["Rules"]
    pairs = [each["Actions"][-1].get("ForwardConfig", {}).get("TargetGroups", ()) for each in told]
    (found,) = {tuple((one["TargetGroupArn"], one["Weight"]) for one in each if one["TargetGroupArn"] in service.pair) for each in pairs} - {()}  # fmt: skip
    return dict(found)


def test_a_deployment_moves_traffic_and_the_simulator_sees_the_same_at_each_step(played: Played) -> None:
    service = played.services[0]
    before, _ = live(played, service)
    statuses: dict[str, str] = {}

    def watch(deployment: Deployment, step: str) -> None:
        statuses[step] = played.told(deployment)["status"]
        played.goes_on(deployment, step)

    done = played.release(service, watch)
    assert done.flight.differences == []
    assert done.flight.simulated.state == done.status == "Succeeded"
    assert list(statuses) == ["Created", "Install", "AllowTestTraffic", "Ready", "AllowTraffic 100", "TerminationWait", "Terminate", "Succeeded"]  # fmt: skip
    assert (statuses["Ready"], statuses["AllowTraffic 100"]) == ("Ready", "InProgress")
    after, _ = live(played, service)
    assert after != before
    assert weights(played, service) == {after: 100, before: 0}
    client = played.account.client("codedeploy")
    (target,) = client.list_deployment_targets(deploymentId=done.identity)["targetIds"]
    told = client.get_deployment_target(deploymentId=done.identity, targetId=target)["deploymentTarget"]["ecsTarget"]
    assert {each["status"] for each in told["lifecycleEvents"]} == {"Succeeded"}
    ecs = played.account.client("ecs")
    (only,) = ecs.describe_services(cluster=service.cluster, services=[service.name])["services"][0]["taskSets"]
    assert (only["status"], only["loadBalancers"][0]["targetGroupArn"]) == ("PRIMARY", after)


def test_a_difference_from_the_simulator_is_seen(played: Played) -> None:
    """Somebody else writes a weight in the middle of a deployment, of which the simulator knows nothing."""
    service = played.services[1]

    def watch(deployment: Deployment, step: str) -> None:
        played.goes_on(deployment, step)
        if step == "AllowTestTraffic":
            played.deployer._write(service.production, service.pair, {deployment.green: 50, deployment.blue: 50})

    done = played.release(service, watch)
    assert done.status == "Succeeded"
    (difference,) = done.flight.differences
    assert difference.startswith("Ready: production: blue 50 green 50")


def test_what_a_person_stops_goes_back(played: Played) -> None:
    service = played.services[0]
    before = live(played, service)

    def watch(deployment: Deployment, step: str) -> None:
        played.goes_on(deployment, step)
        if step == "AllowTraffic 100":
            assert weights(played, service)[before[0]] == 0
            client = played.account.client("codedeploy")
            assert client.stop_deployment(deploymentId=deployment.identity)["status"] == "Pending"

    done = played.release(service, watch)
    assert (done.status, played.told(done)["errorInformation"]["code"]) == ("Stopped", "MANUAL_STOP")
    assert done.flight.differences == []
    assert live(played, service) == before
    assert weights(played, service)[before[0]] == 100
    assert played.tasks.running >= {*before[1]}


def test_an_alarm_that_rings_takes_the_traffic_back(played: Played) -> None:
    service = played.services[1]
    before, alarm = live(played, service), service.group["alarmConfiguration"]["alarms"][0]["name"]
    client = played.account.client("cloudwatch")

    def watch(deployment: Deployment, step: str) -> None:
        played.goes_on(deployment, step)
        if step == "AllowTraffic 100":
            client.set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="it rings")

    try:
        done = played.release(service, watch)
    finally:
        client.set_alarm_state(AlarmName=alarm, StateValue="OK", StateReason="it is over")
    why = played.told(done)["errorInformation"]
    assert (done.status, why["code"]) == ("Stopped", "ALARM_ACTIVE")
    assert f"{alarm} (it rings)" in why["message"]
    assert done.flight.differences == []
    assert live(played, service) == before


def test_a_bake_lasts_until_so_many_minutes_were_measured(played: Played, monkeypatch: pytest.MonkeyPatch) -> None:
    service, passed, at = played.services[0], 0.0, dict[str, float]()

    def minutes() -> float:
        nonlocal passed
        passed += 0.5  # a look at it takes half a minute
        return passed

    def watch(deployment: Deployment, step: str) -> None:
        at[step] = passed
        played.goes_on(deployment, step)

    monkeypatch.setattr(played.deployer, "minutes", minutes)
    assert played.release(service, watch).status == "Succeeded"
    assert at["Terminate"] - at["TerminationWait"] >= 5
    assert at["TerminationWait"] - at["AllowTraffic 100"] < 5


def test_a_version_that_is_not_healthy_goes_back(played: Played) -> None:
    service = played.services[0]
    before = live(played, service)
    played.balancer.is_sick = True
    try:
        done = played.release(service, played.goes_on)
    finally:
        played.balancer.is_sick = False
    assert (done.status, done.flight.differences) == ("Failed", [])
    assert "is not healthy" in played.told(done)["errorInformation"]["message"]
    assert live(played, service) == before


HOOK = """
import boto3
def handler(event, context):
    boto3.client("codedeploy").put_lifecycle_event_hook_execution_status(
        deploymentId=event["DeploymentId"],
        lifecycleEventHookExecutionId=event["LifecycleEventHookExecutionId"],
        status={status!r},
    )
"""


def function(played: Played, name: str, code: str, seconds: int = 20) -> str:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("own.py", code)
    told = {"Role": played.services[0].group["serviceRoleArn"], "Handler": "own.handler", "Timeout": seconds}
    played.account.client("lambda").create_function(
        FunctionName=name, Runtime="python3.13", Code={"ZipFile": packed.getvalue()}, **told
    )
    return name


def test_hooks_are_the_functions_own_code_and_a_silent_one_fails(played: Played) -> None:
    service = played.services[1]
    before = live(played, service)
    fine = function(played, "fine", HOOK.format(status="Succeeded"))
    bad = function(played, "bad", HOOK.format(status="Failed"))
    silent = function(played, "silent", "def handler(event, context):\n    print('nothing to say')\n")
    slow = function(played, "slow", "import time\ndef handler(event, context):\n    time.sleep(60)\n", seconds=1)
    for name, words in ((bad, "failed"), (silent, "said nothing"), (slow, "said nothing")):
        done = played.release(service, played.goes_on, BeforeInstall=fine, AfterAllowTestTraffic=name)
        why = played.told(done)["errorInformation"]
        assert (done.status, why["code"], done.flight.differences) == ("Failed", "HOOK_EXECUTION_FAILURE", [])
        assert f"the hook {name} of AfterAllowTestTraffic {words}" in why["message"]
        assert live(played, service) == before
    done = played.release(service, played.goes_on, **dict.fromkeys(("BeforeAllowTraffic", "AfterAllowTraffic"), fine))
    assert (done.status, done.flight.differences) == ("Succeeded", [])
    assert live(played, service) != before


def test_two_services_are_deployed_at_once_each_as_simulated(played: Played) -> None:
    at_once: set[str] = set()
    meet = threading.Barrier(2, timeout=60)

    def watch(deployment: Deployment, step: str) -> None:
        played.goes_on(deployment, step)
        if step == "AllowTraffic 100":
            meet.wait()
            at_once.add(deployment.service.short)

    played.deployer.watch = watch
    client = played.account.client("codedeploy")
    made = [
        client.create_deployment(
            applicationName=each.group["applicationName"],
            deploymentGroupName=each.group["deploymentGroupName"],
            revision=played.appspec(each),
        )["deploymentId"]
        for each in played.services
    ]
    assert [played.player.status(each) for each in made] == ["Succeeded"] * 2
    assert at_once == {"customer", "employee"}
    assert [each.flight.differences for each in played.deployer.played if each.identity in made] == [[], []]


def test_a_push_starts_what_the_deployed_rules_say(played: Played) -> None:
    account = played.account

    def started(push: Push) -> list[str]:
        found = pushes.starts(account, push)
        assert [each.reason for each in played.player.outcomes(found)] == [""] * len(found)
        return sorted(each.pipeline for each in found)

    both = ["coffee-dev-customer", "coffee-dev-employee"]
    assert started(Push("", "1" * 40, [])) == both
    mine = Difference("services/customer/a.js", "services/customer/a.js")
    other = Difference("", "docs/a.md")
    assert started(Push("1" * 40, "2" * 40, [other, mine])) == both[:1]
    assert started(Push("1" * 40, "2" * 40, [other])) == []
    assert started(Push("1" * 40, "2" * 40, [other] * 150 + [Difference("templates/coffee/dev/employee/a", "")])) == both[1:]  # fmt: skip
    machines = account.client("stepfunctions")
    arns = [each["stateMachineArn"] for each in machines.list_state_machines()["stateMachines"]]
    ended = [each["status"] for arn in arns for each in machines.list_executions(stateMachineArn=arn)["executions"]]
    assert ended == ["SUCCEEDED"] * 8


def test_trouble_of_the_rehearsal_is_told_to_who_waits(played: Played) -> None:
    def broken(_: str, __: str) -> None:
        raise RehearsalError("an action of another kind")

    runner = SimpleNamespace(run=broken, is_ending=None)
    other = Player(played.account, runner, played.deployer)  # type: ignore[arg-type]
    other._pipelines["p"] = queue.Queue()
    other._pipelines["p"].put("x")
    other._begin("p", lambda: other._run("p"))
    with pytest.raises(RehearsalError, match="another kind"):
        other.outcomes([Started("p", "x", "a test")])
