"""What the rehearsal makes of task definitions, rules and Dockerfiles, and its certificates and its load, for real."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from cfngen.rehearse import base, definition, grpc, parts, rules
from cfngen.rehearse.certificates import Authority
from cfngen.rehearse.deployed import Listener, TargetGroup
from cfngen.rehearse.errors import MissingPartsError, RehearsalError
from cfngen.rehearse.room import loopback, room
from cfngen.rehearse.source import Source
from cfngen.rehearse.story import Request, Story, percentile, shares

CONTAINER: dict[str, Any] = {
    "name": "web",
    "image": "registry/web@sha256:1",
    "user": "1000:1000",
    "readonlyRootFilesystem": True,
    "linuxParameters": {"initProcessEnabled": True, "capabilities": {"drop": ["ALL"]}},
    "stopTimeout": 40,
    "command": ["node", "a b"],
}
DEFINITION = {"family": "web", "cpu": "256", "memory": "512", "containerDefinitions": [CONTAINER]}


def test_a_task_definition_in_the_engines_words() -> None:
    assert definition.said(DEFINITION, CONTAINER) == [
        "--cpus", "0.25", "--memory", "512m", "--user", "1000:1000", "--read-only=true", "--init=true", "--stop-timeout=40",
        "--cap-drop=ALL", "registry/web@sha256:1", "node", "a b",
    ]  # fmt: skip


@pytest.mark.parametrize("more", [{"firelensConfiguration": {}}, {"systemControls": [{"namespace": "net"}]}])
def test_nothing_of_a_task_definition_is_left_out_in_silence(more: dict[str, Any]) -> None:
    with pytest.raises(RehearsalError, match=f"web: {next(iter(more))} is not played"):
        definition.said(DEFINITION, CONTAINER | more)


def test_a_container_that_runs_otherwise_is_told() -> None:
    host = {"Memory": 512 << 20, "NanoCpus": 250_000_000, "ReadonlyRootfs": True}
    found = {"HostConfig": host, "Config": {"User": "1000:1000", "StopTimeout": 40}, "BoundingCaps": []}
    assert not definition.differs(found, DEFINITION, CONTAINER)
    assert definition.differs(found | {"BoundingCaps": ["CAP_CHOWN"]}, DEFINITION, CONTAINER).startswith("capabilities")
    assert definition.differs(found, DEFINITION | {"memory": "1024"}, CONTAINER).startswith("memory in bytes")


def test_the_images_that_a_dockerfile_builds_on() -> None:
    text = "ARG A=r/node:24-alpine\nFROM ${A} AS deps\nFROM --platform=x other:1 AS o\nFROM deps\nFROM scratch\nFROM $A"
    assert base.images_of(text) == {"r/node:24-alpine", "other:1"}


def group(name: str) -> TargetGroup:
    told = {
        "TargetGroupName": name, "HealthCheckPath": "/health", "HealthCheckIntervalSeconds": 15,
        "HealthCheckTimeoutSeconds": 5, "HealthyThresholdCount": 2, "UnhealthyThresholdCount": 3,
        "Matcher": {"HttpCode": "200-299"},
    }  # fmt: skip
    return TargetGroup(name, told, {})


def rule(number: int, action: dict[str, Any], *conditions: dict[str, Any]) -> dict[str, Any]:
    return {"RuleArn": f"r/{number}", "IsDefault": not conditions, "Conditions": list(conditions), "Actions": [action]}


def forward(**weights: int) -> dict[str, Any]:
    groups = [{"TargetGroupArn": name, "Weight": weight} for name, weight in weights.items()]
    return {"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}


def configured(*given: dict[str, Any], sources: tuple[str, ...] = ("0.0.0.0/0",), protocol: str = "HTTP") -> list[str]:
    listener = Listener("l", 80, protocol, given, sources)
    groups = {name: group(name) for name in ("blue", "green")}
    text = rules.configuration([listener], groups, "127.70.0.1", Path("s"), Path("c.pem"), 60)
    return [line.strip() for line in text.splitlines()]


def test_a_target_group_of_grpc_is_checked_by_a_call() -> None:
    told = {**group("orders").told, "ProtocolVersion": "GRPC", "Matcher": {"GrpcCode": "0,12"}}
    groups = {"orders": TargetGroup("orders", told, {})}
    text = rules.configuration([], groups, "127.70.0.1", Path("s"), Path("c.pem"), 60)
    assert "    option tcp-check\n" in text
    assert "httpchk" not in text
    assert text.count(" proto h2 pool-max-conn 0") == 2
    line = next(line for line in text.splitlines() if "expect rbinary" in line)
    # grpc-status as it is or in Huffman's code, and 0 or 12 likewise.
    pattern = re.compile(line.split()[-1])
    name, packed = b"\x0bgrpc-status".hex().upper(), "889ACAC8B21234DA8F"
    assert all(pattern.search(f"40{each}{value}") for each in (name, packed) for value in ("0130", "8107", "023132"))
    assert not pattern.search(f"40{name}023134")
    with pytest.raises(RehearsalError, match="the matcher '0-100'"):
        grpc.check("/a/B", "0-100")


def test_how_a_call_ended_is_told_as_http_does() -> None:
    answer = b"HTTP/1.1 200 \r\nX-Rehearsal-Target: tg-a/s1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\ngrpc-status: %s\r\n\r\n"
    assert [grpc.status_of(answer % code) for code in (b"0", b"12", b"14", b"13", b"")] == [200, 404, 503, 500, 500]
    assert grpc.status_of(answer % b"12", "0,10-12") == 200
    assert grpc.status_of(b"HTTP/1.1 503 Service Unavailable\r\n\r\n") == 503
    assert grpc.status_of(b"") == 0
    assert grpc.told_by(answer, rules.TARGET_HEADER) == "tg-a/s1"
    long = grpc.check(f"/{'a' * 299}", "0")[1].split()[-1]
    assert "047FAD01" + b"/a".hex().upper() in long  # 300 = 127 + 45 + 128


NOTHING = rule(9, {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404", "MessageBody": 'no "x"'}})


def test_rules_keep_their_order_and_weights_can_be_set_while_it_runs() -> None:
    path = {"Field": "path-pattern", "PathPatternConfig": {"Values": ["/admin", "/a.b/*"]}}
    lines = configured(rule(1, forward(blue=75, green=25), path), NOTHING)
    assert "set-var proc.w1_0 int(7500)" in lines
    assert "acl is1_0 path -m reg '^/admin$'" in lines
    assert r"acl is1_0 path -m reg '^/a\.b/.*$'" in lines
    choices = [line for line in lines if "backend " in line and line.startswith(("use", "default_backend"))]
    assert choices == [
        "use_backend open-tg-blue if is1_0 { var(txn.chance),sub(proc.w1_0) lt 0 } { nbsrv(tg-blue) eq 0 }",
        "use_backend tg-blue if is1_0 { var(txn.chance),sub(proc.w1_0) lt 0 }",
        "use_backend open-tg-green if is1_0 { var(txn.chance),sub(proc.w1_1) lt 0 } { nbsrv(tg-green) eq 0 }",
        "use_backend tg-green if is1_0 { var(txn.chance),sub(proc.w1_1) lt 0 }",
        "use_backend nobody if is1_0",
        "default_backend rule-9",
    ]
    assert 'http-request return status 404 content-type text/plain string "no \\"x\\""' in lines
    assert "http-check expect status 200-299" in lines
    assert "timeout check 5000ms" in lines


def test_hosts_addresses_and_methods_are_conditions_and_all_must_hold() -> None:
    lines = configured(
        rule(
            1,
            forward(blue=1),
            {"Field": "host-header", "HostHeaderConfig": {"Values": ["*.example.com"]}},
            {"Field": "source-ip", "SourceIpConfig": {"Values": ["10.0.0.0/8"]}},
            {"Field": "http-request-method", "HttpRequestMethodConfig": {"Values": ["GET"]}},
        ),
        NOTHING,
    )
    assert r"acl is1_0 req.hdr(host),field(1,:) -m reg -i '^.*\.example\.com$'" in lines
    assert {"acl is1_1 src 10.0.0.0/8", "acl is1_2 method GET"} < set(lines)
    assert "use_backend tg-blue if is1_0 is1_1 is1_2 { var(txn.chance),sub(proc.w1_0) lt 0 }" in lines


def test_a_listener_lets_in_whom_its_security_groups_do() -> None:
    assert "tcp-request session reject unless { src 127.0.1.0/24 }" in configured(NOTHING, sources=("127.0.1.0/24",))
    assert "tcp-request session reject" in configured(NOTHING, sources=())
    assert not [line for line in configured(NOTHING) if "reject" in line]
    assert "bind 127.70.0.1:80 ssl crt c.pem alpn h2,http/1.1" in configured(NOTHING, protocol="HTTPS")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (rule(1, {"Type": "authenticate-oidc"}), "action authenticate-oidc"),
        (rule(1, forward(blue=1), {"Field": "moon-phase"}), "condition moon-phase"),
        (rule(1, forward(blue=1), {"Field": "path-pattern", "RegexValues": ["^/a"]}), "path-pattern with RegexValues"),
        (rule(1, forward(blue=1)) | {"Transforms": [{"Type": "url-rewrite"}]}, "Transforms"),
    ],
)
def test_rules_that_cannot_be_played_are_refused(given: dict[str, Any], told: str) -> None:
    with pytest.raises(RehearsalError, match=told):
        configured(given)


def test_a_missing_program_is_named_with_its_package() -> None:
    with pytest.raises(MissingPartsError) as raised:
        parts.check([parts.Part("no-such-program", "nothing", "no-such-package")])
    assert raised.value.exit_status == 3
    assert "no-such-program: not installed; nothing" in str(raised.value)
    assert "apt-get install --no-install-recommends no-such-package" in str(raised.value)


def test_a_certificate_is_for_its_hosts_and_for_no_other(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    file, _ = authority.certificate("server", ["db.example.com", "127.0.0.1"])
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    served.load_cert_chain(file)
    trusting = ssl.create_default_context(cafile=str(authority.file))

    def shake(host: str) -> None:
        one, two = socket.socketpair()
        with one, two:
            thread = threading.Thread(target=_quietly, args=(served, one))
            thread.start()
            try:
                trusting.wrap_socket(two, server_hostname=host).close()
            finally:
                thread.join()

    shake("db.example.com")
    shake("127.0.0.1")
    with pytest.raises(ssl.SSLCertVerificationError):
        shake("other.example.com")


def _quietly(context: ssl.SSLContext, connection: socket.socket) -> None:
    with suppress(OSError):
        context.wrap_socket(connection, server_side=True).close()


def test_a_process_of_a_room_ends_with_it_and_its_folder_goes(tmp_path: Path) -> None:
    started = []

    def interrupted() -> None:
        with room(tmp_path / "logs", print) as here:
            started.append((here, here.start("server", ["sleep", "60"], lambda: True)))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    here, process = started[0]
    assert process.poll() is not None
    assert not here.folder.exists()
    assert (tmp_path / "logs" / "server.log").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_room_ends_by_a_signal_even_where_a_shell_had_it_ignored(tmp_path: Path, number: int) -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)

    def told() -> None:
        with room(tmp_path, print):
            signal.raise_signal(number)

    try:
        with pytest.raises(KeyboardInterrupt):
            told()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_command_that_fails_is_told_with_what_it_said(tmp_path: Path) -> None:
    with room(tmp_path, print) as here, pytest.raises(RehearsalError, match=r"part: sh -c .* failed: oh no"):
        here.run("part", ["sh", "-c", "echo oh no >&2; exit 1"])


def test_an_address_of_loopback_has_free_ports() -> None:
    host = loopback([8080])
    assert host.startswith("127.")
    with socket.create_server((host, 8080)):
        pass


def test_versions_are_committed_beside_the_project(tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    subprocess.run(["git", "init", "-q", str(project)], check=True)
    for name, text in {"kept": "1", "ignored": "2", ".gitignore": "ignored\n"}.items():
        (project / name).write_text(text, encoding="utf-8")
    with room(tmp_path / "logs", print) as here:
        source = Source(here, project)
        first = source.commit
        source.change({"kept": "2"}, "two")
        assert source.checkout(here.folder / "copy") == source.commit != first
        assert sorted(each.name for each in (here.folder / "copy").iterdir()) == [".gitignore", "kept"]
        assert (here.folder / "copy" / "kept").read_text(encoding="utf-8") == "2"
    assert (project / "kept").read_text(encoding="utf-8") == "1"


def test_the_load_counts_every_request_and_tells_failures(tmp_path: Path) -> None:
    async def serve() -> list[list[Any]]:
        count = 0

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal count
            while head := await reader.readuntil(b"\r\n\r\n") if not reader.at_eof() else b"":
                count += 1
                if b"/gone" in head:
                    break
                status = 503 if b"/bad" in head else 200
                writer.write(
                    f"HTTP/1.1 {status} X\r\n{rules.TARGET_HEADER}: tg-blue/s1\r\nContent-Length: 2\r\n\r\nok".encode()
                )
                await writer.drain()
                if b"keep-alive" not in head:
                    break
            writer.close()

        async def quiet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await answer(reader, writer)
            except asyncio.IncompleteReadError:
                writer.close()

        server = await asyncio.start_server(quiet, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        file = tmp_path / "requests.jsonl"
        words = [
            "-m",
            "cfngen.rehearse.load",
            "127.0.0.1",
            str(port),
            "",
            "0.5",
            "4",
            "",
            str(file),
            "/good",
            "/bad",
            "/gone",
        ]
        program = await asyncio.create_subprocess_exec(sys.executable, *words)
        assert await program.wait() == 0
        server.close()
        found = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
        assert len(found) == count
        return found

    found = [Request(*each) for each in asyncio.run(serve())]
    assert {each.kind for each in found} == {"kept", "fresh"}
    assert {each.path for each in found if each.failed} == {"/bad", "/gone"}
    assert {each.status for each in found if each.path == "/gone"} == {0}


def test_a_story_passes_only_when_something_was_checked_and_all_of_it_held() -> None:
    story = Story(lambda _: None)
    assert not story.passed
    story.check("a", "one", passed=True)
    assert story.passed
    story.check("a", "two", passed=False)
    assert not story.passed


def test_shares_and_percentiles() -> None:
    seen = [Request(0, "/", "kept", 200, "tg-blue/s1", 1.0)] * 3 + [Request(0, "/", "kept", 0, "TimeoutError", 9.0)]
    seen.append(Request(0, "/", "kept", 200, "tg-green/s1", 5.0))
    assert shares(seen, lambda target: target.partition("/")[0]) == {"tg-blue": 75.0, "tg-green": 25.0}
    assert percentile(seen, 50) == 1.0
    assert percentile([], 99) == 0.0
