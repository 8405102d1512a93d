"""podman as the rehearsal's engine: its service for Docker's command line, and its own command line for the tasks."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from cfngen.rehearse.engine import AUTHORITIES, OPEN_FILES, PROCESSES, Engine
from cfngen.rehearse.parts import where
from cfngen.rehearse.room import environment

_SETTINGS = """\
[containers]
default_ulimits = ["nofile={files}:{files}", "nproc={processes}:{processes}"]
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
_VIEW = 'mount --bind "$0" /etc/hosts && exec "$@"'
_SERVICE = ("podman", "system", "service")
_TRIES = 3


class Podman(Engine):
    """podman, in a room."""

    name = "podman"
    run_words = ("--read-only-tmpfs=false",)

    @property
    def says(self) -> str:
        return "podman behind Docker's API"

    @property
    def docker(self) -> dict[str, str]:
        # podman has no BuildKit, which Docker's command line asks for where buildx is installed.
        return super().docker | {"DOCKER_BUILDKIT": "0"}

    def is_ready(self) -> bool:
        return self.socket.exists()

    def _service(self) -> tuple[list[str], dict[str, str]]:
        # Builds use the machine's network and its authorities; tasks get a network of their own, and nothing else.
        words = [where("unshare"), "--mount", "sh", "-c", _VIEW, str(self.folder / "hosts"), where(_SERVICE[0])]
        return [*words, *_SERVICE[1:], "--time=0", f"unix://{self.socket}"], self._environment("build")

    def _client(self) -> tuple[list[str], dict[str, str]]:
        return _inside(self.pid), self._environment("run")

    def _login(self) -> Path:
        return self.folder / "auth.json"

    def _make_network(self, name: str, subnet: str) -> None:
        self.call("network", "create", "--disable-dns", "--subnet", subnet, name)

    def _remove_network(self, name: str) -> None:
        self.call("network", "rm", "--force", name)

    def _remove_containers(self) -> None:
        self.call("rm", "--all", "--force", "--time", "0")

    def _environment(self, which: str) -> dict[str, str]:
        return _environment(self.folder, which)

    def _prepare(self) -> None:
        places = {"graphroot": "images", "runroot": "state"}
        lines = [f'{key} = "{self.room.path(f"engine/{name}")}"' for key, name in places.items()]
        storage = "\n".join(["[storage]", 'driver = "overlay"', *lines, ""])
        volumes = [f'"{place}:{name}:ro"' for place, name in self._of_the_machine().items()]
        build = f'netns = "host"\nvolumes = [{", ".join(volumes)}]'
        for name in ("networks", "tmp"):
            self.room.path(f"engine/{name}")
        tmp = f'tmp_dir = "{self.room.path("engine/libpod")}"'
        common = {"engine": tmp, "folder": self.folder, "processes": PROCESSES, "files": OPEN_FILES}
        for name, text in {
            "build.conf": _SETTINGS.format(containers=build, **common),
            "run.conf": _SETTINGS.format(containers="", **common),
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
        settings.write_text(f"cafile={AUTHORITIES}\naudit=false\n", encoding="utf-8")
        return {known: AUTHORITIES, str(settings): "/usr/local/etc/npmrc"}


def _inside(service: int) -> list[str]:
    return [where("nsenter"), "--target", str(service), "--mount", where("podman")]


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


def is_service(words: bytes) -> bool:
    """Whether a command line, as the kernel tells it, is that of podman's service."""
    return "\0".join(_SERVICE).encode() in words


def clear(folder: Path, service: int) -> None:
    """Remove every container and network of an engine whose rehearsal is no more, by its service that still runs."""

    def podman(*words: str) -> str:
        done = subprocess.run(  # noqa: S603  (words are ours)
            [*_inside(service), *words], env=_environment(folder, "run"), capture_output=True, text=True, timeout=120,
            check=False,
        )  # fmt: skip
        return done.stdout

    for _ in range(_TRIES):
        podman("rm", "--all", "--force", "--time", "0")
    for name in podman("network", "ls", "--quiet").split():
        podman("network", "rm", "--force", name)
