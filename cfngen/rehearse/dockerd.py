"""Docker's daemon as the rehearsal's engine: one of its own, beside a daemon that the machine may have and never sees.

It runs in a view of the file system in which what it writes to /etc and /run lies in memory and goes with it. Bridges, rules
and control groups are the kernel's and have no view, so they bear the name of the rehearsal's folder and are removed.
"""

from __future__ import annotations

import json
import os
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from functools import cached_property
from pathlib import Path

from cfngen.rehearse import bridges, processes, trusting
from cfngen.rehearse.engine import OPEN_FILES, PROCESSES, Engine, subnets
from cfngen.rehearse.parts import where, where_all
from cfngen.rehearse.room import environment

_VIEW = """\
set -e
mount -t tmpfs cfngen-rehearse "$0/view"
cat /etc/resolv.conf > "$0/view/resolv.conf"
for each in etc run; do
  mkdir "$0/view/$each" "$0/view/$each.work"
  mount -t overlay -o "lowerdir=/$each,upperdir=$0/view/$each,workdir=$0/view/$each.work" overlay "/$each"
done
cp "$0/hosts" /etc/hosts
rm -f /etc/resolv.conf
cp "$0/view/resolv.conf" /etc/resolv.conf
exec "$@"
"""
SETTINGS = "daemon.json"
_TASK = "cfngen-task"
"""The runtime of tasks; builds have the default one."""
_PIECE = 64
_TAKES_CARDS = (1, 44)
"""The API since which a container has a hardware address for each network."""


class Docker(Engine):
    """dockerd with its containerd, in a room."""

    name = "docker"
    run_words = (f"--runtime={_TASK}",)

    def open(self) -> None:
        """Start the daemon, and before it the bridge from which builds reach the outside."""
        self.room.end.callback(_clear_machine, self.room.folder)
        subnet, bridge = next(subnets()), bridges.name_of(self.room.folder, "builds")
        bridges.make(bridge, subnet)
        bridges.let_out(subnet, self.room.folder.name)
        super().open()

    @property
    def says(self) -> str:
        version, driver = self.call("info", "--format", "{{.ServerVersion}} {{.Driver}}").split()
        return f"a dockerd of its own ({version}, {driver})"

    def is_ready(self) -> bool:
        with suppress(OSError), socket.socket(socket.AF_UNIX) as asked:
            asked.settimeout(1)
            asked.connect(str(self.socket))
            asked.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
            return b" 200 " in asked.recv(_PIECE)
        return False

    def at(self, address: str) -> list[str]:
        """Daemons of an older API give that hardware address by themselves, and newer command lines do not let them be told."""
        return super().at(address) if self._api >= _TAKES_CARDS else ["--ip", address]

    @cached_property
    def _api(self) -> tuple[int, ...]:
        return tuple(
            int(part) for part in self.call("version", "--format", "{{.Server.APIVersion}}").strip().split(".")
        )

    def inspect(self, container: str) -> dict[str, object]:
        """What the daemon tells of a container, and the capabilities that its process can ever have."""
        found = super().inspect(container)
        return found | {"BoundingCaps": _capabilities(found["State"]["Pid"])}

    def _service(self) -> tuple[list[str], dict[str, str]]:
        words = [where("unshare"), "--mount", "sh", "-c", _VIEW, str(self.folder), where("dockerd")]
        trusted = {"SSL_CERT_FILE": str(self.folder / "trusted.pem"), "SSL_CERT_DIR": "/nonexistent"}
        path = os.pathsep.join([str(self.folder / "bin"), where_all()])
        words += ["--config-file", str(self.folder / SETTINGS)]
        return words, environment(PATH=path, TMPDIR=str(self.room.path("engine/tmp")), **trusted)

    def _client(self) -> tuple[list[str], dict[str, str]]:
        return _client(self.folder)

    def _login(self) -> Path:
        return self.room.path("engine/login") / "config.json"

    def _make_network(self, name: str, subnet: str) -> None:
        named = f"com.docker.network.bridge.name={bridges.name_of(self.room.folder, 'tasks')}"
        self.call("network", "create", "--subnet", subnet, "--opt", named, name)
        bridges.let_out(subnet, self.room.folder.name)

    def _remove_network(self, name: str) -> None:
        self.call("network", "rm", name)

    def _remove_containers(self) -> None:
        if left := self.call("ps", "--all", "--quiet").split():
            self.call("rm", "--force", *left)

    def _prepare(self) -> None:
        self.room.path("engine/view")
        limits = {"nofile": OPEN_FILES, "nproc": PROCESSES}
        settings = {
            "hosts": [f"unix://{self.socket}"],
            "data-root": str(self.room.path("engine/images")),
            # In its own view; sockets lie in it, whose names may be no longer than 107 characters.
            "exec-root": f"/run/{self.room.folder.name}",
            "pidfile": str(self.folder / "docker.pid"),
            "bridge": bridges.name_of(self.room.folder, "builds"),
            # The rules of iptables that it would make for all of the machine include a policy.
            "iptables": False,
            "userland-proxy": False,
            "cgroup-parent": f"/{self.room.folder.name}",
            "exec-opts": ["native.cgroupdriver=cgroupfs"],
            "default-ulimits": {key: {"Name": key, "Soft": most, "Hard": most} for key, most in limits.items()},
            "runtimes": {_TASK: {"path": where("runc")}},
            "log-driver": "json-file",
            "shutdown-timeout": 5,
        }
        # Daemons before version 25 lower it by themselves, which not every machine lets them.
        if "--oom-score-adjust" in self.room.run("docker", [where("dockerd"), "--help"]):
            settings["oom-score-adjust"] = 0
        (self.folder / SETTINGS).write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
        known = os.environ.get("SSL_CERT_FILE", "")
        if Path(known).is_file():
            self._trust(known)

    def _trust(self, authorities: str) -> None:
        """Authorities that a machine trusts beside the usual ones are trusted in builds, too, by a runc that says so."""
        words = [sys.executable, "-I", "-S", str(trusting.__file__), where("runc"), authorities]
        program = self.room.path("engine/bin") / "runc"
        program.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n', encoding="utf-8")
        program.chmod(0o755)


def _client(folder: Path) -> tuple[list[str], dict[str, str]]:
    given = environment(DOCKER_HOST=f"unix://{folder / 'docker.sock'}", DOCKER_CONFIG=str(folder / "login"))
    return [where("docker")], given


def _capabilities(pid: int) -> list[str]:
    """What a process can ever have, as the kernel tells it; nothing of one that is no more."""
    with suppress(OSError):
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
        bits = next((int(line.split()[1], 16) for line in lines if line.startswith("CapBnd:")), 0)
        return [f"capability {number}" for number in range(bits.bit_length()) if bits >> number & 1]
    return []


def _clear_machine(place: Path) -> None:
    """What the kernel has for a rehearsal's folder when its daemon is no more."""
    for kind in ("builds", "tasks"):
        bridges.remove(bridges.name_of(place, kind))
    bridges.forget(place.name)
    for group in _groups(place.name):
        with suppress(OSError):
            group.rmdir()


def _groups(name: str) -> Iterator[Path]:
    """Control groups of a name, those inside first, of one hierarchy or several."""
    root = Path("/sys/fs/cgroup")
    for top in (root / name, *root.glob(f"*/{name}")):
        yield from sorted((each for each in top.rglob("*") if each.is_dir()), reverse=True)
        yield top


def is_service(words: bytes) -> bool:
    """Whether a command line, as the kernel tells it, is that of a rehearsal's daemon."""
    return b"/dockerd\0--config-file\0" in words


def clear(place: Path, *, runs: bool) -> None:
    """Remove what a rehearsal that is no more left of its engine, by its daemon while that runs."""

    def docker(*words: str) -> str:
        before, given = _client(place / "engine")
        done = subprocess.run(  # noqa: S603  (words are ours)
            [*before, *words], env=given, capture_output=True, text=True, timeout=120, check=False
        )
        return done.stdout

    if runs and (left := docker("ps", "--all", "--quiet").split()):
        docker("rm", "--force", *left)
    processes.end(place / "engine")
    _clear_machine(place)
