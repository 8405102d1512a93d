"""Which container engine plays, what the machine's authorities are in builds, and names that the kernel takes; no daemon is asked."""

from __future__ import annotations

import json
import socket
import socketserver
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from cfngen.rehearse import bridges, parts, trusting
from cfngen.rehearse.dockerd import Docker
from cfngen.rehearse.errors import RehearsalError
from cfngen.rehearse.podman import Podman
from cfngen.rehearse.room import room

DOCKER = {"docker", "dockerd", "containerd"}
PODMAN = {"podman", "/usr/lib/podman/netavark"}


def machine(monkeypatch: pytest.MonkeyPatch, programs: set[str], folder: Path, *, info: int) -> None:
    """A machine that has these programs only; its `docker info` ends with a status."""
    docker = folder / "docker"
    docker.write_text(f'#!/bin/sh\n[ "$*" = info ] && exit {info}\nexit 9\n', encoding="utf-8")
    docker.chmod(0o755)
    monkeypatch.setattr(parts, "find", lambda name: str(folder / name.strip("/")) if name in programs else None)


@pytest.mark.parametrize(
    ("programs", "info", "engine"),
    [
        (DOCKER | PODMAN, 0, "docker"),
        (DOCKER | PODMAN, 1, "podman"),
        (PODMAN | {"docker"}, 0, "podman"),  # a daemon of another machine
        (DOCKER, 1, "docker"),
        (PODMAN, 1, "podman"),
        (set(), 1, "podman"),
    ],
)
def test_the_engine_is_the_one_that_the_machine_uses(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, programs: set[str], info: int, engine: str
) -> None:
    machine(monkeypatch, programs, tmp_path, info=info)
    assert parts.engine_of(None) == engine
    assert [parts.engine_of(name) for name in parts.ENGINES] == list(parts.ENGINES)


def test_an_engine_wants_its_own_parts_alone() -> None:
    docker, podman = ({part.package for part in parts.needed("build", name)} for name in ("docker", "podman"))
    assert docker - podman >= {"containerd"}
    assert podman - docker == {"podman", "netavark"}


def test_make_installs_what_the_options_ask_for(tmp_path: Path) -> None:
    def packages(*options: str) -> set[str]:
        words = [sys.executable, "-m", "cfngen", "rehearse", "services/coffee.py", *options, "--missing"]
        told = subprocess.run(words, capture_output=True, text=True, check=True, env={"PATH": str(tmp_path)})
        return set(told.stdout.split())

    assert packages("--keep", "--only", "deploy", "--load", "4") == set()
    with pytest.raises(subprocess.CalledProcessError):
        packages("--engine", "other")


def test_builds_trust_what_the_machine_trusts_and_no_other_command_of_runc_is_changed(tmp_path: Path) -> None:
    settings = {"process": {"args": ["npm", "ci"], "env": ["PATH=/bin", "SSL_CERT_FILE=/own"]}, "mounts": [{"a": 1}]}
    file = tmp_path / "config.json"
    file.write_text(json.dumps(settings), encoding="utf-8")
    program = [sys.executable, "-I", "-S", str(trusting.__file__), "/bin/echo", "/authorities.pem"]

    def called(*words: str) -> str:
        return subprocess.run([*program, *words], capture_output=True, text=True, check=True).stdout.strip()

    assert called("--root", "r", "start", "one") == "--root r start one"
    assert json.loads(file.read_text(encoding="utf-8")) == settings
    words = ("--root", "r", "create", "--bundle", str(tmp_path), "one")
    assert called(*words) == " ".join(words)
    found = json.loads(file.read_text(encoding="utf-8"))
    (added,) = [each for each in found["mounts"] if each not in settings["mounts"]]
    assert added["source"] == "/authorities.pem"
    assert added["destination"].startswith("/dev/"), "in memory, so nothing of it is committed"
    variables = dict(each.split("=") for each in found["process"]["env"])
    assert variables["SSL_CERT_FILE"] == "/own"
    assert variables["npm_config_cafile"] == variables["NODE_EXTRA_CA_CERTS"] == added["destination"]


def test_bridges_of_a_rehearsal_have_names_that_the_kernel_takes() -> None:
    names = [bridges.name_of(Path("/tmp/cfngen-rehearse-ab_c12x9"), kind) for kind in ("builds", "tasks")]  # noqa: S108
    assert len(set(names)) == 2
    assert all(len(name) <= 15 and name.endswith("-ab_c12x9") for name in names)


def test_how_a_container_is_is_asked_over_dockers_own_api(tmp_path: Path) -> None:
    """No program starts for it: who waits for a task asks five times a second."""
    asked: list[str] = []

    class Api(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            state = {"Running": True, "ExitCode": 0}
            found = {"/containers/web-1/json": {"State": state}, "/containers/odd/json": None}
            told = found.get(self.path, {"message": "No such container: nobody"})
            self.send_response(200 if self.path in found else 404)
            self.end_headers()
            self.wfile.write(json.dumps(told).encode() if told else b"no JSON")

        def log_message(self, *_: object) -> None:
            pass

    class Server(socketserver.UnixStreamServer):
        def get_request(self) -> tuple[socket.socket, tuple[str, int]]:
            return super().get_request()[0], ("docker", 0)

    with room(tmp_path / "logs", print) as here:
        authority = tmp_path / "authority.pem"
        authority.write_text("", encoding="utf-8")
        engine = Podman(here, {}, authority)
        with Server(str(engine.socket), Api) as server:
            thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
            thread.start()
            assert engine.state("web-1") == {"Running": True, "ExitCode": 0}
            with pytest.raises(RehearsalError, match="podman: nobody: No such container: nobody"):
                engine.state("nobody")
            with pytest.raises(RehearsalError, match="podman: odd: "):
                engine.state("odd")
            server.shutdown()
        engine.socket.unlink()
        with pytest.raises(RehearsalError, match=r"podman: web-1: .*No such file"):
            engine.state("web-1")
    assert asked == [f"/containers/{name}/json" for name in ("web-1", "nobody", "odd")]


@pytest.mark.parametrize(("api", "is_told"), [("1.41", False), ("1.44", True), ("1.52", True)])
def test_a_daemon_of_an_older_api_is_not_told_the_hardware_address_that_it_gives_by_itself(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, api: str, is_told: bool
) -> None:
    monkeypatch.setattr(Docker, "_prepare", lambda _: None)
    monkeypatch.setattr(Docker, "call", lambda *_: f"{api}\n")
    authority = tmp_path / "authority.pem"
    authority.touch()
    with room(tmp_path / "logs", print) as here:
        told = Docker(here, {}, authority).at("10.91.16.2")
    assert told == ["--ip", "10.91.16.2", *(["--mac-address", "02:42:0a:5b:10:02"] if is_told else [])]
