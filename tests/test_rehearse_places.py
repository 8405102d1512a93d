"""Places that rules give to services, and clients that they let in; and what an image is built from."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from cfngen.rehearse import base, definition, places, tasks
from cfngen.rehearse.deployed import Listener, Service
from cfngen.rehearse.errors import RehearsalError
from cfngen.rehearse.images import Image, bases, buildspec_of, built
from cfngen.rehearse.places import Place
from cfngen.rehearse.room import room
from cfngen.rehearse.rules import tolerance
from cfngen.rehearse.servers import server_of
from cfngen.rehearse.source import Source


@pytest.mark.parametrize(
    "text", ["/", "/a?b=1", "desk.example.com/up", "/office from 203.0.113.7", "x.y/a from 2001:db8::1"]
)
def test_a_place_is_written_as_it_is_read(text: str) -> None:
    assert str(Place.of(text)) == text


@pytest.mark.parametrize("text", ["", "desk.example.com", "/a b", "/ from"])
def test_what_is_no_place_is_told(text: str) -> None:
    with pytest.raises(ValueError, match="a path, as in"):
        Place.of(text)


def test_a_client_of_another_address_says_so_before_all_else() -> None:
    assert Place("/").told(80) == b""
    assert Place("/", address="203.0.113.7").told(443) == b"PROXY TCP4 203.0.113.7 127.0.0.1 50000 443\r\n"
    assert Place("/", address="2001:db8::1").told(443) == b"PROXY TCP6 2001:db8::1 ::1 50000 443\r\n"


def rule(group: str, **conditions: list[str]) -> dict[str, Any]:
    told = [{"Field": field.replace("_", "-"), "Values": values} for field, values in conditions.items()]
    action = {"Type": "forward", "TargetGroupArn": group}
    return {"RuleArn": f"r/{group}", "IsDefault": not conditions, "Conditions": told, "Actions": [action]}


def test_places_of_a_service_are_those_that_its_rules_really_take() -> None:
    rules = (
        rule(
            "office",
            path_pattern=["/office", "/ledger-??/*"],
            host_header=["*.example.com"],
            source_ip=["203.0.113.0/24"],
        ),
        rule("root", path_pattern=["/"]),
        rule("desk", path_pattern=["/*"]),
        rule("none"),
    )
    listeners = [Listener("l", 443, "HTTPS", rules, ("0.0.0.0/0",)), Listener("other", 80, "HTTP", (rule("desk"),), ())]

    def found(group: str) -> list[str]:
        return [str(each) for each in places.own(listeners, "l", [group])]

    assert found("office") == ["x.example.com/office from 203.0.113.1", "x.example.com/ledger-xx/ from 203.0.113.1"]
    assert found("root") == ["/"]
    # Its first path is another's, so it is asked for one that is left to it.
    assert found("desk") == ["/x"]
    assert found("nobody") == []


def test_a_service_that_headers_alone_lead_to_is_refused_by_name() -> None:
    asked = {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "X-Version", "Values": ["beta"]}}
    taken = rule("beta", path_pattern=["/*"])
    rules = ({**taken, "Conditions": [*taken["Conditions"], asked]}, rule("nobody"))
    listener = Listener("l", 443, "HTTPS", rules, ("0.0.0.0/0",))
    with pytest.raises(RehearsalError, match="the header X-Version alone is not played"):
        places.own([listener], "l", ["beta"])


def test_clients_are_let_in_or_not_as_ranges_say() -> None:
    assert places.client(["203.0.113.0/24"]) == "203.0.113.1"
    assert places.client(["10.0.0.0/8", "0.0.0.0/0"]) == ""
    assert places.client(["203.0.113.7/32"]) == "203.0.113.7"
    assert places.outsider(["203.0.113.0/24"]) == ""
    assert places.outsider(["127.0.0.0/8"]) == "192.0.2.1"
    assert places.outsider(["0.0.0.0/0", "::/0"]) is None
    assert places.common(["203.0.113.0/24", "2001:db8::/32"], ["203.0.113.64/26"]) == ["203.0.113.64/26"]
    assert places.common(["198.51.100.0/24"], ["203.0.113.64/26"]) == []


@pytest.mark.parametrize(
    ("command", "image"),
    [
        ("docker build --pull --file apps/a/Dockerfile --tag x apps", Image("apps/a/Dockerfile", "apps")),
        ("docker build -t x .", Image("Dockerfile", ".")),
        ("echo first\ndocker buildx build --file=b/D \\\n  -t \"$URI:$TAG\" 'b'", Image("b/D", "b")),
        ("docker push x", None),
    ],
)
def test_what_an_image_is_built_from_is_read_off_its_command(command: str, image: Image | None) -> None:
    assert built(command) == image


def test_a_build_project_without_its_buildspec_is_told(tmp_path: Path) -> None:
    project = {"name": "p", "source": {"buildspec": "deploy/buildspec.yml"}}
    with pytest.raises(RehearsalError, match=r"deploy/buildspec.yml: the build project p wants it"):
        buildspec_of(project, tmp_path)
    inline = {"name": "p", "source": {"buildspec": "version: 0.2\nphases: {}\n"}}
    assert buildspec_of(inline, tmp_path) == ({"version": 0.2, "phases": {}}, "the buildspec of p")


def test_parts_of_traffic_are_judged_by_how_many_were_drawn() -> None:
    assert tolerance(40, 10_000) == 3
    assert 17 < tolerance(40, 132) < 18
    assert tolerance(100, 132) == 3


DEFINITION = {"family": "web", "cpu": "256", "memory": "512", "volumes": [{"name": "spool"}]}
CONTAINER = {"name": "web", "image": "i", "mountPoints": [{"sourceVolume": "spool", "containerPath": "/var/spool"}]}


def test_a_volume_that_is_not_mounted_is_told() -> None:
    host = {"Memory": 512 << 20, "NanoCpus": 250_000_000, "ReadonlyRootfs": False}
    found = {"HostConfig": host, "Config": {"User": "", "StopTimeout": 30}, "Mounts": [{"Destination": "/var/spool"}]}
    assert not definition.differs(found, DEFINITION, CONTAINER)
    assert definition.differs(found | {"Mounts": []}, DEFINITION, CONTAINER) == "volumes: [], not ['/var/spool']"


def test_only_empty_volumes_are_played() -> None:
    assert definition.said(DEFINITION, CONTAINER)
    shared = DEFINITION | {"volumes": [{"name": "spool", "efsVolumeConfiguration": {"fileSystemId": "fs-1"}}]}
    with pytest.raises(RehearsalError, match="web: volume spool is no empty one"):
        definition.said(shared, CONTAINER)


class Engine:
    """An engine that says how a container ended, and keeps what it was told."""

    def __init__(self, status: int) -> None:
        self.status, self.told = status, list[tuple[str, ...]]()

    def call(self, *words: str, **_: Any) -> str:
        self.told.append(words)
        return ""

    def state(self, _: str) -> dict[str, Any]:
        return {"ExitCode": self.status, "Running": True}


@pytest.mark.parametrize(("status", "by_itself"), [(0, True), (143, True), (137, False)])
def test_a_task_that_had_to_be_killed_is_known(tmp_path: Path, status: int, by_itself: bool) -> None:
    with room(tmp_path, print) as here:
        played = tasks.Tasks(here, Engine(status), None, "n", "10.91.16.0/24", tmp_path)  # type: ignore[arg-type]
        part = tasks.Part("web-1", is_essential=True, stop_seconds=12, told={})
        played.stop(tasks.Task("web-1", "10.91.16.2", 80, "arn", "i", 12, ("web-1-spool",), [part]))
        assert played.stopped == {"web-1": by_itself}
        assert ("stop", "-t", "12", "web-1") in played.engine.told  # type: ignore[attr-defined]
        assert ("volume", "rm", "--force", "web-1-spool") in played.engine.told  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"linuxParameters": {"tmpfs": [{"containerPath": "/t"}]}}, "linuxParameters tmpfs"),
        ({"environmentFiles": [{"value": "arn"}]}, "environmentFiles"),
    ],
)
def test_what_a_container_wants_and_does_not_get_is_refused(more: dict[str, Any], told: str) -> None:
    with pytest.raises(RehearsalError, match=f"web: {told} is not played"):
        definition.said(DEFINITION, CONTAINER | more)


def test_labels_and_reserved_memory_are_said() -> None:
    words = definition.said(DEFINITION, CONTAINER | {"dockerLabels": {"team": "paper"}, "memoryReservation": 128})
    assert "--label=team=paper" in words
    assert words[words.index("--memory-reservation") + 1] == "128m"
    with pytest.raises(RehearsalError, match="web: pidMode is not played"):
        definition.said(DEFINITION | {"pidMode": "task"}, CONTAINER)


def test_an_image_may_be_copied_from_too() -> None:
    text = 'ARG A="r/node:24-alpine"\nFROM $A AS b\nCOPY --from=b x y\nCOPY --chown=1 --from=tools:2 x y\nCOPY --from=0 a b\n'
    assert base.images_of(text) == {"r/node:24-alpine", "tools:2"}


def test_a_link_of_the_source_stays_one(tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    subprocess.run(["git", "init", "-q", str(project)], check=True)
    (project / "real").write_text("text", encoding="utf-8")
    (project / "link").symlink_to("real")
    with room(tmp_path / "logs", print) as here:
        source = Source(here, project)
        assert (source.folder / "link").readlink() == Path("real")
        source.change({"real": "other"}, "two")
        assert source.first("real") == "text"


class Account:
    """An account with these pipelines."""

    def __init__(self, *pipelines: str) -> None:
        self.pipelines = pipelines

    def all(self, *_: str) -> list[dict[str, str]]:
        return [{"name": name} for name in self.pipelines]


class Deployed:
    """An account with one pipeline, whose project builds by a file of the source."""

    def client(self, _: str) -> Deployed:
        return self

    def all(self, *_: str) -> list[dict[str, str]]:
        return [{"name": "p"}]

    def get_pipeline(self, **_: str) -> dict[str, Any]:
        build = {"actionTypeId": {"provider": "CodeBuild"}, "configuration": {"ProjectName": "b"}}
        release = {"actionTypeId": {"provider": "CodeDeployToECS"}, "configuration": {"DeploymentGroupName": "g"}}
        return {"pipeline": {"stages": [{"actions": [build, release]}]}}

    def batch_get_projects(self, **_: Any) -> dict[str, Any]:
        return {"projects": [{"name": "b", "source": {"buildspec": "deploy/buildspec.yml"}}]}


def test_images_of_every_build_and_of_the_task_definition_are_needed(tmp_path: Path) -> None:
    (tmp_path / "deploy").mkdir()
    commands = ["docker build -f a/Dockerfile --tag x a", "docker build --tag y b"]
    (tmp_path / "deploy" / "buildspec.yml").write_text(
        json.dumps({"phases": {"build": {"commands": commands}}}), "utf-8"
    )
    containers = [{"image": "<IMAGE1_NAME>"}, {"image": "${STACK_IMAGE}"}, {"image": "r/envoy:1@sha256:2"}]
    (tmp_path / "deploy" / "taskdef.json").write_text(json.dumps({"containerDefinitions": containers}), "utf-8")
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "Dockerfile").write_text(f"FROM r/{name}:1\n", encoding="utf-8")
    service = Service("s", "c", "web", 80, {"deploymentGroupName": "g"}, ("x", "y"), "l", "", 1, "d:1")
    assert bases(Deployed(), [service], tmp_path) == {"r/a:1", "r/b:1", "r/envoy:1@sha256:2"}  # type: ignore[arg-type]
    (tmp_path / "b" / "Dockerfile").unlink()
    with pytest.raises(RehearsalError, match=r"web: .*b/Dockerfile is not there, and its buildspec builds it"):
        bases(Deployed(), [service], tmp_path)  # type: ignore[arg-type]


def test_an_application_without_pipelines_builds_on_nothing(tmp_path: Path) -> None:
    assert bases(Account(), [], tmp_path) == set()  # type: ignore[arg-type]


def test_a_database_that_nobody_plays_is_refused() -> None:
    with pytest.raises(
        RehearsalError, match=r"engine oracle-ee is not played; played are mysql, .*, aurora-postgresql"
    ):
        server_of("oracle-ee")
