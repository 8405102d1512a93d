"""`cfngen local`: it starts, tells, holds stacks for whoever speaks to it, and ends, by its own pid."""

from __future__ import annotations

import gc
import json
import os
import signal
import socket
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from conftest import Run

from cfngen.local import background

QUEUE = json.dumps({"Resources": {"Jobs": {"Type": "AWS::SQS::Queue"}}})


@pytest.fixture(autouse=True)
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cfngen: Run) -> Iterator[Path]:
    """A folder of its own for what a test starts; whatever still runs there ends with it."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    yield tmp_path / "cfngen"
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    cfngen("local", "down", "--all")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder in which a target runs, for whoever starts and ends none."""
    folder = tmp_path_factory.mktemp("running")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(folder))
        background.start("default", 0, "eu-west-1", "")
    yield folder
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(folder))
        for each in background.every():
            background.stop(each)


def exported(text: str) -> dict[str, str]:
    return dict(line.removeprefix("export ").split("=", 1) for line in text.splitlines())


def client(service: str, environment: dict[str, str], region: str = "") -> Any:
    """A client as any program makes it, with nothing but the environment."""
    session = boto3.Session(
        environment["AWS_ACCESS_KEY_ID"],
        environment["AWS_SECRET_ACCESS_KEY"],
        region_name=region or environment["AWS_DEFAULT_REGION"],
    )
    return session.client(service, endpoint_url=environment["AWS_ENDPOINT_URL"])


def test_it_starts_holds_stacks_and_ends(cfngen: Run, runtime: Path) -> None:
    started = cfngen("local", "up", "--region", "eu-central-1")
    assert started.status == 0
    assert "not IAM, quotas, times or what services refuse" in started.err
    told = exported(started.out)
    assert list(told) == ["AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"]
    assert told["AWS_DEFAULT_REGION"] == "eu-central-1"

    again = cfngen("local", "up", "--region", "eu-central-1")
    assert (again.status, exported(again.out)) == (0, told)
    assert "runs already" in again.err
    assert exported(cfngen("local", "up").out) == told

    client("cloudformation", told).create_stack(StackName="shop", TemplateBody=QUEUE)
    client("cloudformation", told, "us-east-1").create_stack(StackName="other", TemplateBody=QUEUE)
    [url] = client("sqs", told).list_queues()["QueueUrls"]
    assert url.startswith(told["AWS_ENDPOINT_URL"])

    [shown] = json.loads(cfngen("local", "status", "--format", "json").out)
    assert shown["environment"] == told
    assert [(each["region"], each["name"], each["status"]) for each in shown["stacks"]] == [
        ("eu-central-1", "shop", "CREATE_COMPLETE"),
        ("us-east-1", "other", "CREATE_COMPLETE"),
    ]
    text = cfngen("local", "status").out
    assert "  shop: CREATE_COMPLETE\n" in text
    assert "  other: CREATE_COMPLETE (us-east-1)\n" in text
    log = Path(shown["log"]).read_text()
    assert "cloudformation CreateStack 200 " in log
    assert "sqs ListQueues 200 " in log

    ended = cfngen("local", "down")
    assert (ended.status, ended.out) == (0, "")
    assert f"pid {shown['pid']} has ended" in ended.err
    with pytest.raises(ProcessLookupError):
        os.kill(shown["pid"], 0)
    assert not list(runtime.glob("*.json"))
    assert cfngen("local", "down").err == "default: does not run\n"
    nothing = cfngen("local", "status")
    assert (nothing.status, nothing.out) == (1, "")


def test_several_at_once_know_nothing_of_each_other(cfngen: Run) -> None:
    one, two = (exported(cfngen("local", "up", "--name", name).out) for name in ("one", "two"))
    assert one["AWS_ENDPOINT_URL"] != two["AWS_ENDPOINT_URL"]
    client("sqs", one).create_queue(QueueName="jobs")
    assert "QueueUrls" not in client("sqs", two).list_queues()
    assert [each["name"] for each in json.loads(cfngen("local", "status", "--format", "json").out)] == ["one", "two"]
    [shown] = json.loads(cfngen("local", "status", "--name", "two", "--format", "json").out)
    assert shown["environment"] == two
    third = cfngen("local", "status", "--name", "three")
    assert (third.status, third.out) == (1, "")
    assert third.err == "three: does not run; start it by: cfngen local up --name three\n"
    assert json.loads(cfngen("local", "down", "--all", "--format", "json").out) == ["one", "two"]


def test_the_same_seed_gives_the_same_ids(cfngen: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MOTO_EC2_LOAD_DEFAULT_AMIS")  # as whoever has the local AWS

    def ids(name: str, seed: str) -> str:
        told = exported(cfngen("local", "up", "--name", name, "--seed", seed).out)
        client("cloudformation", told).create_stack(StackName="shop", TemplateBody=QUEUE)
        user = client("iam", told).create_user(UserName="ada")["User"]["UserId"]
        network = client("ec2", told).create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        [url] = client("sqs", told).list_queues()["QueueUrls"]
        cfngen("local", "down", "--name", name)
        return f"{user} {network} {url.rpartition('/')[2]}"

    first = ids("one", "7")
    assert ids("two", "7") == first
    assert not set(ids("three", "8").split()) & set(first.split())


def test_what_was_killed_is_no_ghost(cfngen: Run) -> None:
    first = json.loads(cfngen("local", "up", "--format", "json").out)
    os.kill(first["pid"], signal.SIGKILL)
    os.waitpid(first["pid"], 0)
    with warnings.catch_warnings(record=True) as warned:  # of a process that nobody waited for
        warnings.simplefilter("always")
        assert cfngen("local", "status").status == 1
        gc.collect()
    assert [str(each.message) for each in warned if "subprocess" in str(each.message)] == []
    assert not background._started
    assert cfngen("local", "down").err == "default: does not run\n"
    second = json.loads(cfngen("local", "up", "--format", "json").out)
    assert second["pid"] != first["pid"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_in_the_foreground_it_ends_as_it_is_told_to(cfngen: Run, number: signal.Signals) -> None:
    words = ["local", "up", "--foreground", "--name", "here", "--format", "json"]
    with subprocess.Popen(
        [sys.executable, "-m", "cfngen", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stderr
        assert f"here: pid {process.pid} listens on http://localhost:" in process.stderr.readline()
        process.send_signal(number)
        out, err = process.communicate(timeout=30)
    assert json.loads(out)["pid"] == process.pid
    assert (process.returncode, err.endswith(" here: ends\n")) == (0, True)
    assert cfngen("local", "status").status == 1


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        (["--name", "No!"], 2, "--name: 'No!'; 1 to 32 of a-z, 0-9 and -"),
        (["--port", "70000"], 2, "70000 is not in the range"),
        (["--region", "mars"], 2, "--region: 'mars'; a region of AWS, such as 'eu-west-1'"),
        (["--region", "eu-west1"], 2, "--region: 'eu-west1'; a region of AWS; did you mean 'eu-west-1'?"),
        (["--region", "us-east-1"], 1, "default: runs already, with --region 'eu-west-1'; end it first by: cfngen"),
        (["--seed", "x"], 1, "default: runs already, with --seed ''"),
        (["--foreground"], 1, "default: runs already; end it by: cfngen local down --name default"),
    ],
)
def test_what_is_refused(
    cfngen: Run, monkeypatch: pytest.MonkeyPatch, running: Path, words: list[str], status: int, told: str
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(running))
    done = cfngen("local", "up", *words)
    assert (done.status, done.out) == (status, "")
    assert told in done.err


def test_a_port_that_somebody_has(cfngen: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = cfngen("local", "up", "--port", taken.getsockname()[1])
    assert (done.status, done.out) == (1, "")
    assert "default: the local AWS did not start; it said" in done.err
    assert "cannot be had (Address already in use" in done.err
    assert "Traceback" not in done.err


def test_without_moto_the_way_to_it_is_told() -> None:
    hidden = "import sys, importlib.util as u; real = u.find_spec\n"
    hidden += "u.find_spec = lambda name, *a: None if name == 'moto' else real(name, *a)\n"
    hidden += "from cfngen.__main__ import main; sys.argv = ['cfngen', 'local', 'up']; main()"
    done = subprocess.run([sys.executable, "-c", hidden], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: local needs moto; run: make install, or pip install 'cfngen[local]'\n"
