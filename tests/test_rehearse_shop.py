"""A stage with a source in S3 and an internal service, as a rehearsal reads it back: what an upload starts, and who reaches whom."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rehearsed import deploy

from cfngen import S3, App, Network, Pipeline, Promotion, Service
from cfngen.disk import write
from cfngen.rehearse import (
    callers,
    deployed,
    grpc,
    inside,
    parameters,
    places,
    player,
    promotions,
    pushes,
    rules,
    uploads,
    versions,
    ways,
)
from cfngen.rehearse.account import Account
from cfngen.rehearse.certificates import Authority
from cfngen.rehearse.deployment import Shift
from cfngen.rehearse.errors import RehearsalError
from cfngen.rehearse.images import told_by
from cfngen.rehearse.pipeline import Execution
from cfngen.rehearse.room import Room, room
from cfngen.rehearse.source import Source
from cfngen.rehearse.story import Request, Story
from cfngen.render import stage_files

pytestmark = pytest.mark.filterwarnings("ignore")  # moto's
DESK = Service(name="desk", internal=True)
APP = App(name="shop", stage="dev", services=(Service(name="web", calls=("desk",)), DESK), pipeline=Pipeline(source=S3()), network=Network(nat="one"))  # fmt: skip


@pytest.fixture(scope="module")
def uploaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Room, Account, Source]]:
    project = tmp_path_factory.mktemp("project")
    folder = project / "templates" / "shop" / "dev"
    write({folder: stage_files(APP)})
    for name in ("web", "desk"):
        (project / "services" / name).mkdir(parents=True)
        (project / "services" / name / "Dockerfile").write_text("FROM scratch\n", encoding="utf-8")
    (project / "run.sh").write_text("#!/bin/sh\n", encoding="utf-8")
    (project / "run.sh").chmod(0o755)
    (project / "link").symlink_to("run.sh")
    subprocess.run(["git", "init", "--quiet", str(project)], check=True)
    with room(tmp_path_factory.mktemp("logs"), print) as here:
        account = Account(here, "eu-west-1")
        authority = Authority(here.path("certificates"))
        given = parameters.made(folder, "shop.yaml", {}, account, authority, testers="127.0.1.0/24")
        assert given["SourceBucketName"] == "rehearsal-source"
        deploy(account, folder, "shop.yaml", "shop-dev", given)
        account.play("codepipeline", "TakeExecutions")  # somebody plays
        yield here, account, Source(here, project)


def push(uploaded: tuple[Room, Account, Source], before: str) -> list[str]:
    here, account, source = uploaded
    started = pushes.starts(account, pushes.pushed(here, source.folder, before, source.commit))
    return sorted(f"{each.pipeline} {each.by.partition('-Upload')[0][:8]}" for each in started)


def test_an_upload_starts_the_pipelines_whose_files_a_commit_changed(uploaded: tuple[Room, Account, Source]) -> None:
    _, account, source = uploaded
    pushes.check_sources(account)
    assert [each.split()[0] for each in push(uploaded, "")] == ["shop-dev-desk", "shop-dev-web"]
    first = source.commit
    source.change({"services/desk/Dockerfile": "FROM scratch\nLABEL a=b\n"}, "another desk")
    assert [each.split()[0] for each in push(uploaded, first)] == ["shop-dev-desk"]
    second = source.commit
    source.change({"templates/shop/dev/web/appspec.yaml": "other"}, "another web")
    assert [each.split()[0] for each in push(uploaded, second)] == ["shop-dev-web"]
    third = source.commit
    source.change({"README.md": "nobody's"}, "a page")
    assert push(uploaded, third) == []
    listed = account.client("s3").list_object_versions(Bucket="rehearsal-source")["Versions"]
    assert sorted(each["Key"] for each in listed) == ["shop/dev/desk.zip"] * 2 + ["shop/dev/web.zip"] * 2


def test_a_pipeline_takes_the_newest_version_of_its_object(
    uploaded: tuple[Room, Account, Source], tmp_path: Path
) -> None:
    here, account, source = uploaded
    push(uploaded, "")
    pipeline = account.client("codepipeline").get_pipeline(name="shop-dev-web")["pipeline"]
    identity = account.client("codepipeline").start_pipeline_execution(name="shop-dev-web")["pipelineExecutionId"]
    runner: Any = SimpleNamespace(account=account, story=Story(lambda _: None), room=here)
    execution = Execution(runner, "shop-dev-web", identity, tmp_path)
    execution.act("Source", pipeline["stages"][0]["actions"][0])
    version = account.client("s3").head_object(Bucket="rehearsal-source", Key="shop/dev/web.zip")["VersionId"]
    assert execution.commit == execution.variables["Source"]["VersionId"] == version
    place = execution.artifacts["Source"]
    assert (place / "services/desk/Dockerfile").read_text(encoding="utf-8") == (
        source.folder / "services/desk/Dockerfile"
    ).read_text(encoding="utf-8")
    assert os.access(place / "run.sh", os.X_OK)
    assert str((place / "link").readlink()) == "run.sh"


def test_a_bucket_that_keeps_no_versions_is_told(uploaded: tuple[Room, Account, Source]) -> None:
    s3 = uploaded[1].client("s3")
    for status in ("Suspended", "Enabled"):
        told = {"Status": status}
        s3.put_bucket_versioning(Bucket="rehearsal-source", VersioningConfiguration=told)
        if status == "Suspended":
            with pytest.raises(RehearsalError, match="the bucket rehearsal-source keeps no versions"):
                push(uploaded, "")


def test_what_another_stage_built_is_refused_by_name(uploaded: tuple[Room, Account, Source]) -> None:
    account = uploaded[1]
    text = stage_files(
        App(name="shop", stage="prod", services=(DESK,), pipeline=Pipeline(source=Promotion(stage="dev")))
    )
    assert any("PrivilegedMode: false" in str(each) for each in text.values())
    builds = account.client("codebuild")
    told = builds.batch_get_projects(names=["shop-dev-web"])["projects"][0]["environment"]
    builds.update_project(name="shop-dev-web", environment={**told, "privilegedMode": False})
    try:
        with pytest.raises(RehearsalError, match="shop-dev-web: it takes what another stage built"):
            pushes.check_sources(account)
    finally:
        builds.update_project(name="shop-dev-web", environment=told)
    assert not uploads.is_promoted(
        account, account.client("codepipeline").get_pipeline(name="shop-dev-web")["pipeline"]
    )


@pytest.fixture(scope="module")
def there(uploaded: tuple[Room, Account, Source]) -> ways.Ways:
    here, account, _ = uploaded
    return ways.ways(account, "10.91.16.0/24", here.path("ways"))


def test_each_balancer_is_played_at_an_address_of_its_own(there: ways.Ways) -> None:
    users, inside = there.seats
    assert (users.caller, inside.caller) == ("", "10.91.16.253")
    assert there.address == users.address != inside.address
    told = {(each.port, each.address, each.inside) for each in there.listeners if each.caller}
    assert told == {(80, inside.address, "10.91.16.1"), (8080, inside.address, "10.91.16.1")}
    assert {each.address for each in there.listeners if not each.caller} == {users.address}
    assert there.names == dict.fromkeys(("desk.shop-dev.internal", "shop-dev.internal"), "10.91.16.1")


def test_an_internal_listener_lets_in_tasks_by_the_groups_that_its_own_names(there: ways.Ways) -> None:
    said: list[str] = []
    for label, address in (
        ("web", "10.91.16.9"),
        ("desk", "10.91.16.10"),
        ("web", "10.91.16.9"),
        ("desk", "10.91.16.9"),
    ):
        there.let_in(label, address, said.append)
    production = next(each for each in there.listeners if each.caller and each.port == 80)
    assert said == [f"add acl {production.callers} 10.91.16.9", f"del acl {production.callers} 10.91.16.9"]
    assert Path(production.callers).read_text(encoding="utf-8") == "10.91.16.253\n"
    there.let_in("migration", "10.91.16.11", said.append)
    assert said[2:] == [f"add acl {production.callers} 10.91.16.11"]


def test_an_internal_service_is_asked_by_its_name_and_by_a_caller(
    there: ways.Ways, uploaded: tuple[Room, Account, Source]
) -> None:
    account = uploaded[1]
    desk, web = deployed.services(account)
    (place,) = places.own(there.listeners, desk.production, desk.pair)
    assert str(place) == "desk.shop-dev.internal/ from 10.91.16.253"
    assert ways.at(there.listeners, place.host).caller
    ports = [each for each in there.listeners if each.port == 8080]
    assert ways.at(ports, place.host).arn == desk.test
    assert ways.at(ports, "").arn == ways.at(ports, "www.example.com").arn == web.test
    test = next(each for each in there.listeners if each.arn == desk.test)
    assert places.as_tester(test, place) == place
    assert places.outsider(test.sources) == ""


def test_haproxy_is_told_who_may_come(there: ways.Ways, uploaded: tuple[Room, Account, Source]) -> None:
    account = uploaded[1]
    groups = deployed.target_groups(account)
    text = rules.configuration(there.listeners, groups, there.address, Path("s"), Path("c.pem"), 60)
    blocks = {block.split()[0]: block for block in text.split("\nfrontend ")[1:]}
    inside = there.seats[1].address
    assert {"port-80", f"port-80-at-{inside}", f"port-8080-at-{inside}"} <= set(blocks)
    own = blocks[f"port-80-at-{inside}"]
    production = next(each for each in there.listeners if each.caller and each.port == 80)
    assert f"    bind {inside}:80\n    bind 10.91.16.1:80 transparent\n" in own
    assert f"    tcp-request session reject unless {{ src -f {production.callers} }}\n" in own
    assert "transparent" not in blocks["port-80"]


def test_a_task_finds_internal_services_by_its_hosts_file() -> None:
    text = "127.0.0.1 localhost\n10.91.16.1\tdesk.shop-dev.internal other # a\n"
    assert inside.address_of(text, "desk.shop-dev.internal") == inside.address_of(text, "other") == "10.91.16.1"
    assert inside.address_of(text, "a") == ""


@pytest.mark.parametrize("reached", [200, 0])
def test_callers_get_through_and_nobody_else(
    there: ways.Ways, uploaded: tuple[Room, Account, Source], reached: int
) -> None:
    account = uploaded[1]
    desk, web = deployed.services(account)
    asked: list[list[str]] = []

    def run(_: str, words: list[str], __: object) -> str:
        asked.append(words)
        return f"{reached}\n"

    def live(service: deployed.Service, process: int) -> Any:
        return SimpleNamespace(service=service, tasks=[SimpleNamespace(containers=[str(process)])])

    stage: Any = SimpleNamespace(
        services=[desk, web], listeners=there.listeners, groups=there.groups | {"mailer": frozenset({"sg-1"})},
        deployer=SimpleNamespace(live={each.short: live(each, n) for n, each in enumerate((desk, web))}),
        fleet=SimpleNamespace(crews={"m": SimpleNamespace(worker=SimpleNamespace(short="mailer"), tasks=live(web, 7).tasks)}),
        engine=SimpleNamespace(inspect=lambda name: {"State": {"Pid": name}}), story=Story(lambda _: None),
        proxy=SimpleNamespace(groups=deployed.target_groups(account)), room=SimpleNamespace(run=run),
        authority=SimpleNamespace(file=Path("a.pem")),
    )  # fmt: skip
    assert callers.is_there(stage)
    callers.callers(stage)
    assert {(each.what, each.passed) for each in stage.story.checks} == {
        ("web calls desk at desk.shop-dev.internal", reached == 200),
        ("mailer does not get through to desk at desk.shop-dev.internal", reached == 0),
    }
    assert [words[3:] for words in asked] == [
        [process, "", "80", "desk.shop-dev.internal", "/health", ""] for process in ("1", "7")
    ]


def test_what_callers_fail_before_what_they_call_is_released_does_not_count(
    there: ways.Ways, uploaded: tuple[Room, Account, Source]
) -> None:
    desk, web = deployed.services(uploaded[1])
    shifts = [Shift(10, 5.0, service="desk"), Shift(100, 10.0, service="desk")]
    stage: Any = SimpleNamespace(
        services=[desk, web], listeners=there.listeners, groups=there.groups, paths={"web": ["/"], "desk": ["d/"]},
        deployer=SimpleNamespace(shifts=shifts), story=Story(lambda _: None),
    )  # fmt: skip
    requests = [
        Request(at, path, "kept", status, "", 1.0) for path in ("/", "d/") for at in (9, 12) for status in (200, 502, 0)
    ]
    kept = callers.without_early(stage, requests)
    assert [(each.path, each.at, each.status) for each in requests if each not in kept] == [("/", 9, 502)]
    assert stage.story.wanted == 1
    shifts.clear()  # it was never released, which excuses nobody
    assert callers.without_early(stage, requests) == requests


@pytest.mark.parametrize(
    ("well", "answer", "seen"),
    [
        ("", b"HTTP/1.0 200 OK\r\n\r\n", "200"),
        ("0", b"HTTP/1.1 200 \r\n\r\n0\r\ngrpc-status: 0\r\n\r\n", "200"),
        ("0", b"HTTP/1.1 200 \r\nGrpc-Status: 12\r\n\r\n", "a call that ended otherwise"),
    ],
)
def test_a_hook_of_the_rehearsal_asks_for_a_page_or_calls(
    monkeypatch: pytest.MonkeyPatch, well: str, answer: bytes, seen: str
) -> None:
    asked: list[bytes] = []

    def serve(server: socket.socket) -> None:
        with server.accept()[0] as talk:
            asked.append(talk.recv(1 << 16))
            talk.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve, args=(server,), daemon=True)
        thread.start()
        values = {"SOURCE": "", "ADDRESS": "127.0.0.1", "PORT": str(server.getsockname()[1]), "PREAMBLE": "", "AUTHORITY": "",
                  "REQUEST": grpc.request("/a.B/C", "h").hex(), "WELL": well}  # fmt: skip
        for key, value in values.items():
            monkeypatch.setenv(key, value)
        known: dict[str, Any] = {}
        exec(versions._HOOK_CODE, known)  # noqa: S102  (ours)
        assert known["ask"]() == seen
        thread.join()
    assert asked[0].endswith(b"\r\n\r\n\0\0\0\0\0")


def test_a_release_that_succeeded_is_handed_on_with_its_image(
    uploaded: tuple[Room, Account, Source], tmp_path: Path
) -> None:
    _, account, _ = uploaded
    client, web = account.client("codepipeline"), deployed.services(account)[1]
    told = client.get_pipeline(name="shop-dev-web")["pipeline"]
    kind = {"category": "Deploy", "owner": "AWS", "provider": "S3", "version": "1"}
    settings = {
        "BucketName": uploads.bucket(account, "rehearsal-promotion"),
        "ObjectKey": "shop/prod/web.zip",
        "Extract": "false",
    }
    action = {
        "name": "Promote",
        "actionTypeId": kind,
        "configuration": settings,
        "inputArtifacts": [{"name": "Promoted"}],
    }
    client.update_pipeline(pipeline={**told, "stages": [*told["stages"], {"name": "Promote", "actions": [action]}]})
    folder = tmp_path / "promoted"
    (folder / "templates").mkdir(parents=True)
    (folder / "templates" / "taskdef.json").write_text("{}", encoding="utf-8")
    (folder / "cfngen-images.json").write_text('{"STACK_IMAGE": "r/web@sha256:1"}', encoding="utf-8")
    revision = account.client("ecs").register_task_definition(
        family="promoted", containerDefinitions=[{"name": "web", "image": "r/web@sha256:1", "memory": 128}]
    )["taskDefinition"]["taskDefinitionArn"]  # fmt: skip
    deployments = [
        SimpleNamespace(service=web, status=status, told={"description": "shop-dev-web 1"}, revision=SimpleNamespace(task_definition=revision))
        for status in ("Succeeded", "Failed")
    ]  # fmt: skip
    stage: Any = SimpleNamespace(
        account=account, services=[web], story=Story(lambda _: None), deployer=SimpleNamespace(played=deployments)
    )  # fmt: skip
    try:
        pushes.check_sources(account)
        assert promotions.is_there(stage)
        promotions.promotions(stage)
        assert [each.passed for each in stage.story.checks] == [False]
        runner: Any = SimpleNamespace(account=account, story=stage.story)
        identity = client.start_pipeline_execution(name="shop-dev-web")["pipelineExecutionId"]
        Execution(runner, "shop-dev-web", identity, tmp_path, artifacts={"Promoted": folder}).act("Promote", action)
        promotions.promotions(stage)
        assert [(each.passed, each.told) for each in stage.story.checks[1:]] == [
            (True, "1 times, 1 of 2 releases succeeded"), (True, "sha256:1"),
        ]  # fmt: skip
        uploads.unpack(uploads.pack(folder), tmp_path / "again")
        assert (tmp_path / "again" / "templates" / "taskdef.json").read_text(encoding="utf-8") == "{}"
        unpacked = {**action, "configuration": {**settings, "Extract": "true"}}
        with pytest.raises(RehearsalError, match="Promote unpacks an artifact"):
            Execution(runner, "shop-dev-web", identity, tmp_path, artifacts={"Promoted": folder}).act(
                "Promote", unpacked
            )
    finally:
        client.update_pipeline(pipeline=told)
    assert not promotions.is_there(stage)


def test_internal_services_are_released_after_what_their_own_description_calls(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All of them may call each other; who really does is told by their task definitions, and a ring of calls is cut."""
    hosts = {name: f"{name}.shop-dev.internal" for name in ("desk", "stock", "till")}
    calls = {"desk": {f"http://{hosts['stock']}", "8080"}, "stock": {f"http://{hosts['till']}:80"}, "till": {f"http://{hosts['desk']}"}}  # fmt: skip

    def rule(name: str) -> dict[str, Any]:
        condition = {"Field": "host-header", "HostHeaderConfig": {"Values": [hosts[name]]}}
        return {"Conditions": [condition], "Actions": [{"Type": "forward", "TargetGroupArn": f"{name}-blue"}]}

    inside: Any = SimpleNamespace(
        arn="inside", protocol="HTTP", port=80, rules=tuple(map(rule, hosts)), caller="10.0.0.9", groups=("sg",)
    )
    outside = SimpleNamespace(arn="outside", protocol="HTTP", port=80, rules=(), caller="", groups=())

    def service(name: str) -> Any:
        pair = (f"{name}-blue", f"{name}-green")
        return SimpleNamespace(short=name, pair=pair, production="inside" if name in hosts else "outside")

    stage: Any = SimpleNamespace(
        services=[service(name) for name in ("desk", "web", "stock", "till", "page")], listeners=[inside, outside],
        groups={"web": frozenset({"sg"})}, account=None, proxy=SimpleNamespace(groups={}), source=SimpleNamespace(folder=Path()),
    )  # fmt: skip
    monkeypatch.setattr(callers.deployed, "pipeline_of", lambda _, each: {"name": each.short})
    monkeypatch.setattr(callers, "told_by", lambda _, pipeline, __: calls.get(pipeline["name"], set()))
    assert callers.order(stage) == {"web": {"desk", "stock", "till"}, "desk": {"stock"}, "stock": {"till"}}
    stage.listeners = [outside]
    stage.services = [service("web")]
    assert callers.order(stage) == {}


def test_who_calls_is_released_after_what_it_calls(
    there: ways.Ways, uploaded: tuple[Room, Account, Source], monkeypatch: pytest.MonkeyPatch
) -> None:
    account, (desk, web) = uploaded[1], deployed.services(uploaded[1])
    stage: Any = SimpleNamespace(
        services=[desk, web], listeners=there.listeners, groups=there.groups, account=account,
        proxy=SimpleNamespace(groups={}), source=uploaded[2],
    )  # fmt: skip
    assert "http://desk.shop-dev.internal" in told_by(account, deployed.pipeline_of(account, web), uploaded[2].folder)
    assert callers.order(stage) == {"shop-dev-web": {"shop-dev-desk"}}
    ran: list[str] = []

    def run(pipeline: str, _: str) -> None:
        ran.append(pipeline)

    monkeypatch.setattr(player, "_START_SECONDS", 0.3)
    made = player.Player(account, SimpleNamespace(run=run), SimpleNamespace())  # type: ignore[arg-type]
    made.after = callers.order(stage) | {"alone": {"never"}}
    account.play("codepipeline", "TakeExecutions")  # what other tests started
    started = []
    with made.playing():
        for name in ("shop-dev-web", "shop-dev-desk"):
            made_so = account.client("codepipeline").start_pipeline_execution(name=name)["pipelineExecutionId"]
            started.append(pushes.Started(name, made_so, "a test"))
        assert all(each.is_good for each in made.outcomes(started))
        made._wait_for_others("alone")
    assert ran == ["shop-dev-desk", "shop-dev-web"]
