"""The container engine: podman with storage, settings and host names of its own, behind Docker's API.

Nothing of the machine's own containers is seen or touched. Host names of registries lead to loopback, in a view of the
file system that only the engine has.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from cfngen.rehearse.errors import RehearsalError
from cfngen.rehearse.parts import where
from cfngen.rehearse.room import Room, environment

_SETTINGS = """\
[containers]
# The default is above what a machine without CAP_SYS_RESOURCE allows.
default_ulimits = ["nofile=8192:8192", "nproc={processes}:{processes}"]
log_driver = "k8s-file"
{containers}
[engine]
# crun of Debian 12 refuses hybrid control groups.
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
{engine}
[network]
network_backend = "netavark"
network_config_dir = "{folder}/networks"
"""
PROCESSES = 8192
"""How many processes and threads a container may have; podman's own default is more than a machine may give."""
_TRIES = 3
_VIEW = 'mount --bind "$0" /etc/hosts && exec "$@"'
SUBNET = "10.91.{}.0/24"


class Engine:
    """podman, in a room; `socket` is where Docker's command line finds it once it is open."""

    def __init__(self, room: Room, hosts: Mapping[str, str], authority: Path) -> None:
        self.room = room
        self.folder = room.path("engine")
        self.socket = self.folder / "docker.sock"
        self.pid = 0
        self._write_settings()
        own = Path("/etc/hosts").read_text(encoding="utf-8")
        named = "".join(f"{address} {host}\n" for host, address in hosts.items())
        (self.folder / "hosts").write_text(own + named, encoding="utf-8")
        known = Path(os.environ.get("SSL_CERT_FILE", "/etc/ssl/certs/ca-certificates.crt"))
        trusted = known.read_text(encoding="utf-8") if known.exists() else ""
        (self.folder / "trusted.pem").write_text(trusted + authority.read_text(encoding="utf-8"), encoding="utf-8")

    def open(self) -> None:
        """Start the service that Docker's command line talks to; at the end all containers of ours go."""
        # Builds use the machine's network and its authorities; tasks get a network of their own, and nothing else.
        build = self._environment("build")
        words = [where("unshare"), "--mount", "sh", "-c", _VIEW, str(self.folder / "hosts"), where("podman")]
        words += ["system", "service", "--time=0", f"unix://{self.socket}"]
        process = self.room.start("engine", words, self.socket.exists, build)
        self.pid = process.pid
        self.room.end.callback(self._clear)

    @property
    def docker(self) -> dict[str, str]:
        """What leads Docker's command line here."""
        return {"DOCKER_HOST": f"unix://{self.socket}", "DOCKER_CONFIG": str(self.room.path("docker"))}

    def call(self, *words: str, seconds: float = 120) -> str:
        """Run the engine's own command line; returns what it printed. Raises `RehearsalError` when it fails."""
        inside = [where("nsenter"), "--target", str(self.pid), "--mount", where("podman"), *words]
        return self.room.run("podman", inside, self._environment("run"), seconds)

    def inspect(self, container: str) -> dict[str, Any]:
        found: list[dict[str, Any]] = json.loads(self.call("inspect", container))
        return found[0]

    def network(self, name: str) -> str:
        """A network of our own, from which tasks reach the outside as by a NAT gateway; returns its subnet."""
        for number in range(16, 240):
            subnet = SUBNET.format(number)
            if subnet.rpartition(".")[0] not in _routes():
                self.call("network", "create", "--disable-dns", "--subnet", subnet, name)
                self.room.end.callback(self._forget_network, name)
                return subnet
        raise LookupError("every network of 10.91.0.0/16 is taken")

    def _forget_network(self, name: str) -> None:
        self._clear()
        self.call("network", "rm", "--force", name)

    def _clear(self) -> None:
        # A container whose network others share goes only after them, so what is left goes with the next try.
        for _ in range(_TRIES - 1):
            with suppress(RehearsalError):
                self.call("rm", "--all", "--force", "--time", "0")
                return
        self.call("rm", "--all", "--force", "--time", "0")

    def _environment(self, which: str) -> dict[str, str]:
        self.room.path("engine/tmp")
        return _environment(self.folder, which)

    def _write_settings(self) -> None:
        places = {"graphroot": "images", "runroot": "state"}
        lines = [f'{key} = "{self.room.path(f"engine/{name}")}"' for key, name in places.items()]
        storage = "\n".join(["[storage]", 'driver = "overlay"', *lines, ""])
        volumes = [f'"{place}:{name}:ro"' for place, name in self._of_the_machine().items()]
        build = f'netns = "host"\nvolumes = [{", ".join(volumes)}]'
        self.room.path("engine/networks")
        tmp = f'tmp_dir = "{self.room.path("engine/libpod")}"'
        for name, text in {
            "build.conf": _SETTINGS.format(containers=build, engine=tmp, folder=self.folder, processes=PROCESSES),
            "run.conf": _SETTINGS.format(containers="", engine=tmp, folder=self.folder, processes=PROCESSES),
            "storage.conf": storage,
            "registries.conf": "unqualified-search-registries = []\n",
        }.items():
            (self.folder / name).write_text(text, encoding="utf-8")

    def _of_the_machine(self) -> dict[str, str]:
        """Authorities that a machine trusts beside the usual ones are trusted in builds, too."""
        known = os.environ.get("SSL_CERT_FILE", "")
        if not Path(known).is_file():
            return {}
        settings = self.folder / "npmrc"
        settings.write_text("cafile=/etc/ssl/certs/ca-certificates.crt\naudit=false\n", encoding="utf-8")
        return {known: "/etc/ssl/certs/ca-certificates.crt", str(settings): "/usr/local/etc/npmrc"}


def _routes() -> str:
    """The addresses that this machine has itself, as text."""
    shown = subprocess.run([where("ip"), "-4", "addr"], capture_output=True, text=True, check=True)  # noqa: S603
    return shown.stdout


def _environment(folder: Path, which: str) -> dict[str, str]:
    """What makes podman an engine of its own, with one of the settings that lie in a folder."""
    trusted = {"SSL_CERT_FILE": str(folder / "trusted.pem"), "SSL_CERT_DIR": "/nonexistent"}
    return environment(
        CONTAINERS_CONF=str(folder / f"{which}.conf"),
        CONTAINERS_STORAGE_CONF=str(folder / "storage.conf"),
        CONTAINERS_REGISTRIES_CONF=str(folder / "registries.conf"),
        REGISTRY_AUTH_FILE=str(folder / "auth.json"),
        BUILDAH_FORMAT="docker",
        TMPDIR=str(folder / "tmp"),
        **trusted,
    )


def clear(folder: Path, service: int) -> None:
    """Remove every container and network of an engine whose rehearsal is no more, by its service that still runs."""

    def podman(*words: str) -> str:
        inside = [where("nsenter"), "--target", str(service), "--mount", where("podman"), *words]
        done = subprocess.run(  # noqa: S603  (words are ours)
            inside, env=_environment(folder, "run"), capture_output=True, text=True, timeout=120, check=False
        )
        return done.stdout

    for _ in range(_TRIES):
        podman("rm", "--all", "--force", "--time", "0")
    for name in podman("network", "ls", "--quiet").split():
        podman("network", "rm", "--force", name)
