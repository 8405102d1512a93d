"""The parts of `cfngen deploy` where a real account differs from a local one: events as AWS writes them, what serves, Ctrl-C."""

from __future__ import annotations

import datetime as dt
import io
import json
import os
import pty
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import boto3
import pytest
import yaml
from botocore.config import Config
from conftest import Run
from shells import REGION, as_in_a_shell, fresh

from cfngen import (
    App,
    BackupPlan,
    Balancer,
    CodeCommit,
    Database,
    Ledger,
    Network,
    Pipeline,
    Queue,
    Service,
    Worker,
    stage_files,
    write,
)
from cfngen.deploy.account import AccountError
from cfngen.deploy.events import Event, Follower
from cfngen.deploy.failure import leaves, ways
from cfngen.deploy.package import capabilities, packaged, read_tree
from cfngen.deploy.remains import of_stack
from cfngen.errors import DescriptionError
from cfngen.local.protocol import QueryError, write_answer, write_error
from cfngen.local.server import listening, serving
from cfngen.local.target import Target
from cfngen.operate.state import Resource, Stack
from cfngen.semantics.document import yaml_data

COFFEE = Path(__file__).parent.parent / "templates/coffee/prod"
ROOT = "arn:aws:cloudformation:eu-west-1:123456789012:stack/shop-dev/0"
WEB = "arn:aws:cloudformation:eu-west-1:123456789012:stack/shop-dev-ServiceWeb-1ABC/1"
NOON = dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC)

pytestmark = pytest.mark.filterwarnings("ignore")  # moto's and werkzeug's


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    as_in_a_shell(monkeypatch, tmp_path)


Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


@contextmanager
def target(around: Callable[[Target], Wsgi], monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A local AWS with something around it, and with a bucket."""
    with listening() as (url, serve):
        serve(around(fresh(url)))
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        place = {"LocationConstraint": REGION}
        boto3.client("s3").create_bucket(Bucket="templates", CreateBucketConfiguration=place)
        yield url


# Packages


def test_a_package_is_the_one_of_the_aws_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = read_tree(COFFEE / "coffee.yaml")
    package = packaged(root, lambda key: f"https://s3.example/{key}", "coffee-prod")
    texts = {f"https://s3.example/{key}": text for key, text in package.objects.items()}
    with target(lambda inner: inner, monkeypatch) as url:
        words = ["--s3-bucket", "templates", "--output-template-file", "out.yaml"]
        command = ["-m", "awscli", "cloudformation", "package", "--template-file", str(COFFEE / "coffee.yaml"), *words]
        subprocess.run([sys.executable, *command], check=True, capture_output=True, timeout=120)

        def theirs(address: str) -> str:
            key = address.removeprefix(f"{url}/templates/")
            return str(boto3.client("s3").get_object(Bucket="templates", Key=key)["Body"].read().decode())

        their_root = (tmp_path / "out.yaml").read_text(encoding="utf-8")
        assert _whole(package.text, texts.__getitem__) == _whole(their_root, theirs)


def _whole(text: str, read: Callable[[str], str]) -> Any:
    """A template with the nested ones in the place of their addresses."""
    body = yaml_data(text)
    for each in body["Resources"].values():
        if each["Type"] == "AWS::CloudFormation::Stack":
            each["Properties"]["TemplateURL"] = _whole(read(each["Properties"]["TemplateURL"]), read)
    return body


def test_nothing_but_addresses_changes_in_a_template() -> None:
    root = read_tree(COFFEE / "coffee.yaml")
    package = packaged(root, str, "coffee")
    old, new = root.text.splitlines(), package.text.splitlines()
    assert len(old) == len(new)
    changed = {before.strip() for before, after in zip(old, new, strict=True) if before != after}
    assert changed == {f"TemplateURL: {child.file.name}" for child in root.children.values()}
    leaves_ = {child.text for child in root.children.values()}
    assert set(package.objects.values()) == leaves_  # byte for byte, comments too
    assert packaged(read_tree(COFFEE / "coffee.yaml"), str, "coffee") == package


def test_templates_nest_deeper_and_in_json(tmp_path: Path) -> None:
    nested = {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": "below.json"}}
    (tmp_path / "root.yaml").write_text("Resources:\n  A:\n    Type: AWS::CloudFormation::Stack\n    Properties: {TemplateURL: 'middle.json'}\n  B:\n    Type: AWS::CloudFormation::Stack\n    Properties:\n      TemplateURL: !Sub https://elsewhere/${AWS::Region}\n", encoding="utf-8")  # fmt: skip
    (tmp_path / "middle.json").write_text(json.dumps({"Resources": {"C": nested, "D": nested}}), encoding="utf-8")
    (tmp_path / "below.json").write_text('{"Resources": {"T": {"Type": "AWS::SNS::Topic"}}}', encoding="utf-8")
    package = packaged(read_tree(tmp_path / "root.yaml"), lambda key: f"https://b/{key}", "p")
    assert len(package.objects) == 2
    a, b = yaml_data(package.text)["Resources"].values()
    assert b["Properties"]["TemplateURL"] == {"Fn::Sub": "https://elsewhere/${AWS::Region}"}
    middle = json.loads(package.objects[a["Properties"]["TemplateURL"].removeprefix("https://b/")])
    urls = {each["Properties"]["TemplateURL"].removeprefix("https://b/") for each in middle["Resources"].values()}
    assert urls < package.objects.keys()


@pytest.mark.parametrize(
    ("below", "told"),
    [
        (None, "below.yaml, cannot be read: No such file"),
        ("Resources: {A: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: root.yaml}}}", "a template cannot nest itself: root.yaml -> below.yaml -> root.yaml"),
        ("[", "run cfngen generate again"),
        ("Parameters: {}", "it has no Resources"),
    ],
)  # fmt: skip
def test_trees_of_files_that_cannot_be_deployed(tmp_path: Path, below: str | None, told: str) -> None:
    root = "Resources: {A: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: below.yaml}}}"
    (tmp_path / "root.yaml").write_text(root, encoding="utf-8")
    if below:
        (tmp_path / "below.yaml").write_text(below, encoding="utf-8")
    with pytest.raises(DescriptionError) as refused:
        read_tree(tmp_path / "root.yaml")
    for words in told.split(", "):
        assert words in str(refused.value)


@pytest.mark.parametrize(
    ("resources", "needed"),
    [
        ({"T": {"Type": "AWS::SNS::Topic"}}, ()),
        ({"R": {"Type": "AWS::IAM::Role", "Properties": {}}}, ("CAPABILITY_IAM",)),
        ({"R": {"Type": "AWS::IAM::Role", "Properties": {"RoleName": "r"}}}, ("CAPABILITY_NAMED_IAM",)),
        ({"R": {"Type": "My::Own::Thing::MODULE"}}, ("CAPABILITY_AUTO_EXPAND",)),
    ],
)
def test_capabilities_are_those_that_are_needed(tmp_path: Path, resources: Any, needed: tuple[str, ...]) -> None:
    (tmp_path / "root.yaml").write_text(yaml.safe_dump({"Resources": resources}), encoding="utf-8")
    assert capabilities(read_tree(tmp_path / "root.yaml")) == needed


# Events


def event(
    stack: str, name: str, kind: str, physical: str, status: str, second: int, reason: str = "", **more: str
) -> Any:
    return {
        "StackId": stack,
        "StackName": stack.split("/")[1],
        "EventId": f"{second}-{stack[-1]}-{name}-{status}",
        "LogicalResourceId": name,
        "PhysicalResourceId": physical,
        "ResourceType": kind,
        "Timestamp": NOON + dt.timedelta(seconds=second),
        "ResourceStatus": status,
        **({"ResourceStatusReason": reason} if reason else {}),
        **more,
    }


STACK = "AWS::CloudFormation::Stack"
TOPIC = "AWS::SNS::Topic"
EMBEDDED = f"Embedded stack {WEB} was not successfully updated. Currently in UPDATE_ROLLBACK_IN_PROGRESS with reason: The following resource(s) failed to update: [Broken]."
OURS = {"ClientRequestToken": "ours"}
OLD = [event(ROOT, "shop-dev", STACK, ROOT, "CREATE_COMPLETE", -90)]
OLD_WEB = [event(WEB, "Broken", TOPIC, "arn:t", "CREATE_FAILED", -95, "long ago")]
BEGUN = [
    event(ROOT, "shop-dev", STACK, ROOT, "UPDATE_IN_PROGRESS", 0, "User Initiated", **OURS),
    event(ROOT, "ServiceWeb", STACK, WEB, "UPDATE_IN_PROGRESS", 1, **OURS),
]
FAILED_WEB = [
    event(WEB, "shop-dev-ServiceWeb-1ABC", STACK, WEB, "UPDATE_IN_PROGRESS", 2, "Parent"),
    event(WEB, "Broken", TOPIC, "arn:t", "UPDATE_IN_PROGRESS", 3),
    event(WEB, "Other", TOPIC, "arn:o", "UPDATE_IN_PROGRESS", 3),
    event(WEB, "Broken", TOPIC, "arn:t", "UPDATE_FAILED", 5, "Resource handler returned message: no"),
    event(WEB, "Other", TOPIC, "arn:o", "UPDATE_FAILED", 5, "Resource update cancelled"),
    event(WEB, "shop-dev-ServiceWeb-1ABC", STACK, WEB, "UPDATE_ROLLBACK_IN_PROGRESS", 6, "The following resource(s) failed to update: [Broken]. "),
]  # fmt: skip
BACK_WEB = [
    event(WEB, "Other", TOPIC, "arn:o", "UPDATE_COMPLETE", 8),
    event(WEB, "Broken", TOPIC, "arn:t", "UPDATE_COMPLETE", 8),
    event(WEB, "shop-dev-ServiceWeb-1ABC", STACK, WEB, "UPDATE_ROLLBACK_COMPLETE", 9),
]
FAILED = [
    event(ROOT, "ServiceWeb", STACK, WEB, "UPDATE_FAILED", 7, EMBEDDED, **OURS),
    event(ROOT, "shop-dev", STACK, ROOT, "UPDATE_ROLLBACK_IN_PROGRESS", 7, "The following resource(s) failed to update: [ServiceWeb]. ", **OURS),
]  # fmt: skip
BACK = [
    event(ROOT, "ServiceWeb", STACK, WEB, "UPDATE_COMPLETE", 10, **OURS),
    event(ROOT, "shop-dev", STACK, ROOT, "UPDATE_ROLLBACK_COMPLETE", 11, **OURS),
]


class Scripted:
    """A CloudFormation that tells of one operation, a step further whenever the root is asked; two events a page."""

    def __init__(self, *steps: dict[str, list[Any]], refusing: int = 0) -> None:
        self.steps = steps
        self.at = -1
        self.refusing = refusing
        self.asked: list[str] = []

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        form = parse_qs(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])).decode())
        if self.refusing:
            self.refusing -= 1
            start("400 Bad", [("Content-Type", "text/xml")])
            return [write_error(QueryError("Rate exceeded", "Throttling")).encode()]
        stack, first = form["StackName"][0], int(form.get("NextToken", ["0"])[0])
        if first == 0:
            self.asked.append(stack[-1])
            self.at = min(self.at + (stack == ROOT), len(self.steps) - 1)
        told = [each for step in self.steps[: self.at + 1] for each in step.get(stack, [])][::-1]
        page = {"StackEvents": told[first : first + 2], "NextToken": str(first + 2) if first + 2 < len(told) else None}
        start("200 OK", [("Content-Type", "text/xml")])
        return [write_answer("DescribeStackEvents", page).encode()]


def heard(script: Scripted, *, attempts: int = 3) -> tuple[list[Event], Follower]:
    """Everything that following the operation gives."""
    config = Config(retries={"mode": "standard", "total_max_attempts": attempts})
    with serving(script) as url:
        client = boto3.client("cloudformation", endpoint_url=url, config=config)
        follower, events = Follower(client, ROOT, OLD[0]["EventId"], "ours"), []
        while not follower.is_over:
            events += follower.poll()
    return events, follower


FAILING = (
    {ROOT: [*OLD, *BEGUN], WEB: OLD_WEB},
    {WEB: FAILED_WEB},
    {ROOT: FAILED},
    {WEB: BACK_WEB},
    {ROOT: BACK},
)


def test_nested_stacks_are_followed_and_nothing_of_before_is_heard() -> None:
    events, follower = heard(Scripted(*FAILING))
    assert follower.status == "UPDATE_ROLLBACK_COMPLETE"
    assert len(events) == len({each.id for each in events}) == len([*BEGUN, *FAILED_WEB, *FAILED, *BACK_WEB, *BACK])
    assert {each.path for each in events} == {"", "ServiceWeb"}
    assert "long ago" not in {each.reason for each in events}


def test_the_resource_where_it_began_is_named_and_nothing_else() -> None:
    events, _ = heard(Scripted(*FAILING))
    [failure] = leaves(events)
    assert failure.place == "ServiceWeb/Broken"
    assert (failure.type, failure.reason) == (TOPIC, "Resource handler returned message: no")
    assert ways("shop-dev", "UPDATE_ROLLBACK_COMPLETE", events)[0].startswith("nothing is left of the update")


def test_a_stack_that_was_cancelled_for_a_failure_elsewhere_is_not_named() -> None:
    def told(path: str, name: str, kind: str, status: str, reason: str, *, own: bool = False) -> Event:
        return Event(path + name, dt.datetime(2026, 1, 1, tzinfo=dt.UTC), path, name, "", kind, status, reason, own)

    inside = "The following resource(s) failed to create: "
    events = [
        told("Web", "Role", TOPIC, "CREATE_FAILED", "no"),
        told("Watch", "Rule", TOPIC, "CREATE_FAILED", "Resource creation cancelled"),
        told("", "Watch", STACK, "CREATE_FAILED", "Resource creation cancelled"),
        told("Watch", "shop-dev-Watch", STACK, "CREATE_FAILED", inside + "[Rule]. ", own=True),
        told("", "shop-dev", STACK, "ROLLBACK_IN_PROGRESS", inside + "[Web, Watch]. ", own=True),
    ]
    assert [each.place for each in leaves(events)] == ["Web/Role"]


def test_what_stands_as_failed_after_the_way_back_is_what_to_skip() -> None:
    stuck = [
        event(WEB, "Broken", TOPIC, "arn:t", "UPDATE_FAILED", 8, "still no"),
        event(WEB, "shop-dev-ServiceWeb-1ABC", STACK, WEB, "UPDATE_ROLLBACK_FAILED", 9, "The following resource(s) failed to update: [Broken]. "),
    ]  # fmt: skip
    end = [event(ROOT, "shop-dev", STACK, ROOT, "UPDATE_ROLLBACK_FAILED", 11, "[ServiceWeb]", **OURS)]
    events, follower = heard(Scripted(*FAILING[:3], {WEB: [BACK_WEB[0], *stuck]}, {ROOT: end}))
    told = ways("shop-dev", follower.status, events)
    assert told[-1].endswith("--resources-to-skip shop-dev-ServiceWeb-1ABC.Broken")


def test_a_nested_stack_that_never_began_says_its_own_reason() -> None:
    reason = "Template error: instance of Fn::GetAtt references undefined resource Nothing"
    failed = [event(ROOT, "ServiceWeb", STACK, "", "CREATE_FAILED", 2, reason, **OURS), event(ROOT, "shop-dev", STACK, ROOT, "UPDATE_ROLLBACK_COMPLETE", 3, **OURS)]  # fmt: skip
    events, _ = heard(Scripted({ROOT: [*OLD, BEGUN[0], *failed]}))
    [failure] = leaves(events)
    assert (failure.place, failure.reason) == ("ServiceWeb", reason)


def test_stacks_that_are_at_rest_are_not_asked() -> None:
    script = Scripted(
        {ROOT: [*OLD, *BEGUN], WEB: [*FAILED_WEB[:1], event(WEB, "shop-dev-ServiceWeb-1ABC", STACK, WEB, "UPDATE_COMPLETE", 3)]},
        {}, {}, {}, {ROOT: [event(ROOT, "shop-dev", STACK, ROOT, "UPDATE_COMPLETE", 9, **OURS)]},
    )  # fmt: skip
    heard(script)
    assert script.asked.count("1") == 1
    assert script.asked.count("0") == 5


def test_throttling_is_borne_and_silence_is_not() -> None:
    events, _ = heard(Scripted(*FAILING, refusing=2), attempts=1)
    assert leaves(events)[0].place == "ServiceWeb/Broken"
    with pytest.raises(AccountError, match="Rate exceeded"):
        heard(Scripted(*FAILING, refusing=10), attempts=1)


# What serves, and who stops watching


class Serving:
    """A local AWS in which the tasks of every service run in one colour; before it is known, in none."""

    def __init__(self, inner: Target) -> None:
        self.inner = inner
        self.group = ""

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        if not environ.get("HTTP_X_AMZ_TARGET", "").endswith(".DescribeServices"):
            return self.inner(environ, start)
        said: list[Any] = []
        body = b"".join(self.inner(environ, lambda *told: said.extend(told)))
        data = json.loads(body)
        for each in data["services"]:
            balancers = [{"targetGroupArn": self.group}]
            task_set = {"id": "ecs-svc/1", "status": "PRIMARY", "loadBalancers": balancers, "runningCount": 1}
            each["taskSets"] = [task_set] if self.group else []
        body = json.dumps(data).encode()
        start(said[0], [("Content-Type", "application/x-amz-json-1.1"), ("Content-Length", str(len(body)))])
        return [body]


def test_the_live_colour_is_given_to_a_rule_that_replaces_one(
    cfngen: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin = Service(name="admin", paths=("/admin", "/admin/*"), health_path="/admin/health")
    balancer = Balancer(https=False, deletion_protection=False)
    app = App(
        name="shop", stage="live", services=(Service(name="web"), admin), network=Network(zones=2), balancer=balancer
    )
    folder, around = tmp_path / "dev", []
    files = stage_files(app, None)
    write({folder: files})

    def serving_green(inner: Target) -> Wsgi:
        around.append(Serving(inner))
        return around[0]

    with target(serving_green, monkeypatch):
        assert cfngen("deploy", folder, "--yes").status == 0
        moved = replace(app, services=(app.services[0], replace(admin, paths=("/admin/*", "/office/*"))))
        write({folder: stage_files(moved, Ledger.read(files["ledger.json"]))})
        unknown = cfngen("deploy", folder, "--yes")
        assert unknown.status == 2
        assert "the live colour of admin, blue or green, which nobody can tell now" in unknown.err

        around[0].group = green_serves("ServiceAdmin")
        told = cfngen("deploy", folder, "--yes")
        assert told.status == 0, told.err + told.out
        [line] = [each for each in told.err.splitlines() if "Live=" in each]
        assert line.endswith("Live=green, the colour in which admin serves now")
        name = line.split("=")[0].strip()
        [stack] = boto3.client("cloudformation").describe_stacks(StackName="shop-live")["Stacks"]
        assert {"ParameterKey": name, "ParameterValue": "green"} in stack["Parameters"]
        assert cfngen("deploy", folder, "--yes").out == "shop-live: nothing to do\n"


def green_serves(stack: str) -> str:
    """Move the rules of a service to green, as CodeDeploy does; gives its target group."""
    cloudformation, balancers = boto3.client("cloudformation"), boto3.client("elbv2")
    there = {
        each["LogicalResourceId"]: each["PhysicalResourceId"]
        for parent in cloudformation.describe_stack_resources(StackName="shop-live")["StackResources"]
        if parent["LogicalResourceId"] == stack
        for each in cloudformation.describe_stack_resources(StackName=parent["PhysicalResourceId"])["StackResources"]
    }
    green, blue = there["GreenTargetGroup"], there["BlueTargetGroup"]
    groups = [{"TargetGroupArn": green, "Weight": 100}, {"TargetGroupArn": blue, "Weight": 0}]
    for name, arn in there.items():
        if name.startswith(("ProductionRule", "TestRule")):
            action = {"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}
            balancers.modify_rule(RuleArn=arn, Actions=[action])
    return str(green)


class InState:
    """A local AWS whose stacks are all said to be in one state."""

    def __init__(self, inner: Target) -> None:
        self.inner = inner
        self.state = b""

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        said: list[Any] = []
        body = b"".join(self.inner(environ, lambda *told: said.extend(told)))
        if self.state:
            body = re.sub(rb"(?<=<StackStatus>)\w+", self.state, body)
        headers = [(name, value) for name, value in said[1] if name.lower() != "content-length"]
        start(said[0], [*headers, ("Content-Length", str(len(body)))])
        return [body]


def test_states_in_which_nothing_can_be_deployed_say_what_can_be_done(
    cfngen: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    balancer = Balancer(https=False, deletion_protection=False)
    app = App(name="shop", stage="busy", services=(Service(name="web"),), balancer=balancer)
    write({tmp_path / "busy": stage_files(app, None)})
    around: list[InState] = []

    def in_state(inner: Target) -> Wsgi:
        around.append(InState(inner))
        return around[0]

    told = {
        b"UPDATE_IN_PROGRESS": ("somebody's operation is at work on it", "wait stack-update-complete"),
        b"ROLLBACK_FAILED": ("it can only be deleted", "delete-stack"),
        b"DELETE_FAILED": ("its deletion failed", "FORCE_DELETE_STACK"),
        b"UPDATE_ROLLBACK_FAILED": ("that has to be continued first", "continue-update-rollback"),
    }
    with target(in_state, monkeypatch):
        assert cfngen("deploy", "busy", "--yes").status == 0
        for state, (why, command) in told.items():
            around[0].state = state
            refused = cfngen("deploy", "busy", "--yes")
            assert (refused.status, refused.out) == (1, "")
            assert refused.err.startswith(f"error: shop-busy is in {state.decode()}: ")
            assert why in refused.err
            assert command in refused.err
        around[0].state = b"UPDATE_IN_PROGRESS"
        refused = cfngen("destroy", "busy", "--yes")
        assert refused.status == 1
        assert "wait stack-update-complete" in refused.err


def test_a_stack_that_is_a_change_set_only_is_deployed_as_new(
    cfngen: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    balancer = Balancer(https=False, deletion_protection=False)
    app = App(name="shop", stage="looked", services=(Service(name="web"),), balancer=balancer)
    write({tmp_path / "looked": stage_files(app, None)})
    with target(lambda inner: inner, monkeypatch):
        client = boto3.client("cloudformation")
        planned = cfngen("deploy", "looked", "--plan")
        assert planned.status == 0
        assert "aws cloudformation delete-stack --stack-name shop-looked" in planned.out
        again = cfngen("deploy", "looked", "--plan")
        assert "delete-change-set" in again.out
        assert len(client.list_change_sets(StackName="shop-looked")["Summaries"]) >= 2  # of nobody is one taken away
        assert client.describe_stacks(StackName="shop-looked")["Stacks"][0]["StackStatus"] == "REVIEW_IN_PROGRESS"
        assert cfngen("deploy", "looked", "--yes").status == 0
        assert client.describe_stacks(StackName="shop-looked")["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE"


class Slow:
    """A local AWS that takes its time to execute a change set."""

    def __init__(self, inner: Target) -> None:
        self.inner = inner
        self.began, self.may_go_on = threading.Event(), threading.Event()

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        if "/cloudformation/aws4_request" in environ.get("HTTP_AUTHORIZATION", ""):
            length = int(environ.get("CONTENT_LENGTH") or 0)
            body = environ["wsgi.input"].read(length)
            if b"Action=ExecuteChangeSet" in body:
                self.began.set()
                self.may_go_on.wait(60)
            environ["wsgi.input"] = io.BytesIO(body)
        return self.inner(environ, start)


def test_who_stops_watching_hears_that_it_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = App(name="shop", services=(Service(name="web"),), balancer=Balancer(https=False, deletion_protection=False))
    write({tmp_path / "dev": stage_files(app, None)})
    around: list[Slow] = []

    def slow(inner: Target) -> Wsgi:
        around.append(Slow(inner))
        return around[0]

    with target(slow, monkeypatch):
        ours, theirs = pty.openpty()
        command = [sys.executable, "-m", "cfngen", "deploy", "dev", "--yes"]
        process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs)
        os.close(theirs)
        try:
            assert around[0].began.wait(60)
            process.send_signal(signal.SIGINT)
            said = b""
            try:
                while more := os.read(ours, 4096):
                    said += more
            except OSError:
                pass  # how a terminal ends
            assert process.wait(timeout=60) == 130
        finally:
            around[0].may_go_on.set()
            os.close(ours)
    told = said.decode(errors="replace")
    assert "shop-dev: you have stopped watching, and nothing else. CloudFormation goes on by itself" in told
    assert "aws cloudformation describe-stack-events --stack-name shop-dev" in told
    assert "interrupted" in told


def test_what_takes_longer_than_it_is_followed_goes_on(
    cfngen: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = App(name="shop", stage="long", services=(Service(name="web"),), balancer=Balancer(https=False))
    write({tmp_path / "long": stage_files(app, None)})
    around: list[Slow] = []

    def slow(inner: Target) -> Wsgi:
        around.append(Slow(inner))
        return around[0]

    class Clock:
        """An hour passes once the operation has begun."""

        sleep = staticmethod(time.sleep)

        @staticmethod
        def monotonic() -> float:
            return time.monotonic() + (3600 if around[0].began.is_set() else 0)

    with target(slow, monkeypatch):
        monkeypatch.setattr("cfngen.deploy.running.time", Clock)
        done = cfngen("deploy", "long", "--yes", "--minutes", "59")
        around[0].may_go_on.set()
        boto3.client("cloudformation").get_waiter("stack_create_complete").wait(
            StackName="shop-long", WaiterConfig={"Delay": 1, "MaxAttempts": 120}
        )
    assert done.status == 1
    assert "shop-long: it is starting still" in done.err
    assert "CloudFormation goes on by itself" in done.err


def test_an_execution_that_is_refused_is_told(cfngen: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = App(name="shop", stage="late", services=(Service(name="web"),), balancer=Balancer(https=False))
    write({tmp_path / "late": stage_files(app, None)})

    def refusing(inner: Target) -> Wsgi:
        def answer(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
            body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            environ["wsgi.input"] = io.BytesIO(body)
            if b"Action=ExecuteChangeSet" not in body:
                return inner(environ, start)
            start("400 Bad", [("Content-Type", "text/xml")])
            return [write_error(QueryError("it cannot be executed any more", "InvalidChangeSetStatus")).encode()]

        return answer

    with target(refusing, monkeypatch):
        refused = cfngen("deploy", "late", "--yes")
    assert refused.status == 2
    assert refused.err.endswith("error: shop-late: ExecuteChangeSet: it cannot be executed any more\n")


def removing(kind: str, name: str) -> str:
    """The command that removes what stayed."""
    stack = Stack("", "shop-dev", "", "DELETE_COMPLETE", (Resource("Kept", name, kind),))
    [left] = of_stack(stack, {}, is_kept=True).left
    return left.remove


@pytest.mark.parametrize("refusals", [0, 1, 30])
def test_a_vault_is_emptied_before_it_goes(tmp_path: Path, refusals: int) -> None:
    """By a stand-in for the AWS command line, since no local AWS makes copies; AWS keeps a vault while they are going."""
    aws = f"""\
#!/bin/sh
echo "$@" >> told
case "$2" in
  list-*) printf "one\\ttwo\\n" ;;
  delete-backup-vault) [ "$(grep -c delete-backup-vault told)" -gt {refusals} ] ;;
esac
"""
    for name, text in (("aws", aws), ("sleep", '#!/bin/sh\necho "sleep $1" >> told\n')):
        (tmp_path / name).write_text(text, encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    command = removing("AWS::Backup::BackupVault", "shop-1a2b")
    done = subprocess.run(["bash", "-euc", command], cwd=tmp_path, env=environment, check=False)
    _, *deleted = (tmp_path / "told").read_text(encoding="utf-8").splitlines()
    vault = "--backup-vault-name shop-1a2b"
    remove = f"backup delete-backup-vault {vault}"
    assert deleted == [
        f"backup delete-recovery-point {vault} --recovery-point-arn one",
        f"backup delete-recovery-point {vault} --recovery-point-arn two",
        *[remove, "sleep 10"] * min(refusals, 29),
        remove,
    ]
    assert (done.returncode == 0) == (refusals < 30)


def test_whatever_a_stage_keeps_has_a_command_that_removes_it() -> None:
    """But for policies, which go with what they are of."""
    app = App(
        name="shop",
        services=(Service(name="web"),),
        workers=(Worker(name="mailer", queue=Queue()),),
        database=Database(readers=("web",), backup_plan=BackupPlan()),
        pipeline=Pipeline(source=CodeCommit(create=True)),
    )
    kept = {
        each["Type"]
        for name, text in stage_files(app).items()
        if name.endswith(".yaml") and "/" not in name
        for each in yaml_data(text)["Resources"].values()
        if str(each.get("DeletionPolicy", "")).startswith("Retain")
    }
    assert kept >= {"AWS::SQS::Queue", "AWS::Backup::BackupVault", "AWS::SecretsManager::Secret"}
    assert {kind for kind in kept if not removing(kind, "one")} == {"AWS::S3::BucketPolicy", "AWS::SQS::QueuePolicy"}
