"""Tasks: containers started exactly as a task definition says, each with an address of its own, as awsvpc gives it.

Two things differ from Fargate and are told in the report: the processor is this machine's, whatever runtimePlatform says,
and where there is a database, a task that names no DB_CA gets the authority of the rehearsal's, since only AWS can sign for AWS's.
"""

from __future__ import annotations

import ipaddress
import itertools
import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cfngen.rehearse.account import Account
from cfngen.rehearse.engine import Engine
from cfngen.rehearse.errors import RehearsalError
from cfngen.rehearse.room import Room

_CA = "/run/cfngen-rehearsal.pem"
_KNOWN = {
    "name", "image", "cpu", "memory", "memoryReservation", "essential", "user", "readonlyRootFilesystem", "command",
    "entryPoint", "linuxParameters", "stopTimeout", "environment", "secrets", "mountPoints", "volumesFrom",
    "portMappings", "logConfiguration", "healthCheck", "workingDirectory", "dockerLabels", "ulimits", "systemControls",
    "restartPolicy", "versionConsistency", "environmentFiles", "dependsOn",
}  # fmt: skip
_UNPLAYED = {
    "environmentFiles",
    "systemControls",
    "volumesFrom",
    "dependsOn",
    "healthCheck",
    "restartPolicy",
}
_TASK_UNPLAYED = ("pidMode", "ipcMode", "proxyConfiguration", "inferenceAccelerators")
_LINUX = ("capabilities", "initProcessEnabled")
_DEFAULT_STOP_SECONDS = 30
_KILLED = 128 + 9
"""The exit status of a container that SIGKILL ended."""


@dataclass(frozen=True)
class Task:
    """A container that was started. `image` is its image by digest where the definition says so."""

    name: str
    address: str
    port: int
    definition: str
    image: str
    stop_seconds: int
    volumes: tuple[str, ...] = ()


class Tasks:
    """Starts and stops tasks in a network; `hosts` are names that lead to addresses of it."""

    def __init__(
        self, room: Room, engine: Engine, account: Account, network: str, subnet: str, authority: Path
    ) -> None:
        self.room, self.engine, self.account, self.network = room, engine, account, network
        self.authority = authority
        self.hosts: dict[str, str] = {}
        # The first address is the machine's, the last is kept for the database.
        self._free = itertools.cycle([str(each) for each in ipaddress.ip_network(subnet).hosts()][1:-1])
        self._count = itertools.count(1)
        self._lock = threading.Lock()
        self._used: set[str] = set()
        self.stopped: dict[str, bool] = {}
        """Tasks that were told to stop, and whether they did so by themselves within their stop timeout."""

    def start(self, label: str, definition: Mapping[str, Any]) -> Task:
        """Start the one container of a task definition in the background."""
        container = _only(definition)
        task = self._made(label, definition, container)
        words = self._words(task, definition, container)
        self.engine.podman("run", "--detach", *words, seconds=180)
        return task

    def run(self, label: str, definition: Mapping[str, Any], seconds: float = 120) -> tuple[int, str]:
        """Run a task to its end; returns its exit status and what it logged."""
        task = self.start(label, definition)
        code = int(self.engine.podman("wait", task.name, seconds=seconds))
        log = self.log(task)
        self._forget(task)
        return code, log

    def stop(self, task: Task) -> None:
        """SIGTERM, and SIGKILL after the definition's stopTimeout."""
        self.engine.podman("stop", "--time", str(task.stop_seconds), task.name, seconds=task.stop_seconds + 30)
        self.stopped[task.name] = int(self.engine.inspect(task.name)["State"]["ExitCode"]) != _KILLED
        self.log(task)
        self._forget(task)

    def kill(self, task: Task) -> None:
        """SIGKILL at once, as when a machine goes."""
        self.engine.podman("kill", task.name)
        self._forget(task)

    def runs(self, task: Task) -> bool:
        return bool(self.engine.inspect(task.name)["State"]["Running"])

    def log(self, task: Task) -> str:
        """What a task said so far; kept in the room's logs."""
        text = self.engine.podman("logs", task.name)
        self.room.log(f"task-{task.name}").write_text(text, encoding="utf-8")
        return text

    def check(self, task: Task, definition: Mapping[str, Any]) -> str:
        """The first thing in which a running container is not what its definition says; empty when there is none."""
        return differs(self.engine.inspect(task.name), definition, _only(definition))

    def _forget(self, task: Task) -> None:
        self.engine.podman("rm", "--force", task.name)
        for volume in task.volumes:
            self.engine.podman("volume", "rm", "--force", volume)
        with self._lock:
            self._used.discard(task.address)

    def _made(self, label: str, definition: Mapping[str, Any], container: Mapping[str, Any]) -> Task:
        with self._lock:
            address = next(each for each in self._free if each not in self._used)
            self._used.add(address)
        ports = container.get("portMappings") or [{}]
        name = f"{label}-{next(self._count)}"
        return Task(
            name, address, int(ports[0].get("containerPort", 0)), str(definition["taskDefinitionArn"]),
            str(container["image"]), int(container.get("stopTimeout", _DEFAULT_STOP_SECONDS)),
            tuple(f"{name}-{each['name']}" for each in definition.get("volumes") or ()),
        )  # fmt: skip

    def _mounts(self, task: Task, container: Mapping[str, Any]) -> list[str]:
        """Empty volumes of the task: root's with 0755, but where the image declares a VOLUME, as the image has the folder.

        So it is on Fargate (ECS developer guide, bind mounts); a task that is not root writes only to the second kind.
        """
        points = container.get("mountPoints") or ()
        if not points:
            return []
        self.engine.podman("pull", "--quiet", task.image, seconds=180)
        declared = json.loads(self.engine.podman("image", "inspect", task.image))[0]["Config"].get("Volumes") or {}
        words = []
        for each in points:
            mode = "ro" if each.get("readOnly") else "rw"
            if each["containerPath"].rstrip("/") in {path.rstrip("/") for path in declared}:
                place = f"{task.name}-{each['sourceVolume']}"
            else:
                place = str(self.room.path(f"volumes/{task.name}-{each['sourceVolume']}"))
            words.append(f"--volume={place}:{each['containerPath']}:{mode}")
        return words

    def _words(self, task: Task, definition: Mapping[str, Any], container: Mapping[str, Any]) -> list[str]:
        given = {each["name"]: each["value"] for each in container.get("environment") or ()}
        given |= {each["name"]: self.account.secret("", each["valueFrom"]) for each in container.get("secrets") or ()}
        with_authority = bool(self.hosts) and "DB_CA" not in given
        given |= {"DB_CA": _CA} if with_authority else {}
        file = self.room.path("environment") / task.name
        file.touch(mode=0o600)
        file.write_text("".join(f"{key}={value}\n" for key, value in given.items()), encoding="utf-8")
        words = ["--name", task.name, "--network", self.network, "--ip", task.address, "--no-healthcheck"]
        words += [f"--add-host={host}:{address}" for host, address in self.hosts.items()]
        words += self._mounts(task, container)
        words += ["--env-file", str(file), "--read-only-tmpfs=false"]
        words += ["--volume", f"{self.authority}:{_CA}:ro"] if with_authority else []
        return words + said(definition, container)


def _only(definition: Mapping[str, Any]) -> Mapping[str, Any]:
    containers: Sequence[Mapping[str, Any]] = definition["containerDefinitions"]
    if len(containers) != 1:
        raise RehearsalError(
            f"{definition['family']}: tasks of one container are played, this one has {len(containers)}"
        )
    return containers[0]


def said(definition: Mapping[str, Any], container: Mapping[str, Any]) -> list[str]:
    """What a task definition says, in podman's words: image and command at the end.

    Raises `RehearsalError` for a key with a value that has no such words: nothing is left out in silence.
    """
    for key, value in container.items():
        if key not in _KNOWN or (value and key in _UNPLAYED):
            raise RehearsalError(f"{definition['family']}: {key} is not played by the rehearsal")
    for volume in definition.get("volumes") or ():
        if set(volume) - {"name"} and any(volume[key] for key in set(volume) - {"name", "configuredAtLaunch"}):
            raise RehearsalError(
                f"{definition['family']}: volume {volume['name']} is no empty one, and no other is played"
            )
    linux = container.get("linuxParameters") or {}
    odd = [key for key in _TASK_UNPLAYED if definition.get(key)]
    odd += [f"linuxParameters {key}" for key, value in linux.items() if value and key not in _LINUX]
    if odd:
        raise RehearsalError(f"{definition['family']}: {', '.join(odd)} is not played by the rehearsal")
    cpu = int(container.get("cpu") or definition.get("cpu") or 0)
    memory = container.get("memory") or definition.get("memory")
    capabilities = linux.get("capabilities") or {}
    entry = list(container.get("entryPoint") or ())
    words = [
        *_option("--cpus", f"{cpu / 1024:g}" if cpu else ""),
        *_option("--memory", f"{memory}m" if memory else ""),
        *_option("--memory-reservation", f"{reserved}m" if (reserved := container.get("memoryReservation")) else ""),
        *_option("--user", container.get("user")),
        *_option("--workdir", container.get("workingDirectory")),
        *_option("--entrypoint", entry[0] if entry else ""),
        f"--read-only={str(bool(container.get('readonlyRootFilesystem'))).lower()}",
        f"--init={str(bool(linux.get('initProcessEnabled'))).lower()}",
        f"--stop-timeout={container.get('stopTimeout', _DEFAULT_STOP_SECONDS)}",
        *(f"--label={key}={value}" for key, value in (container.get("dockerLabels") or {}).items()),
        *(f"--cap-drop={each}" for each in capabilities.get("drop") or ()),
        *(f"--cap-add={each}" for each in capabilities.get("add") or ()),
        *(
            f"--ulimit={each['name']}={each['softLimit']}:{each['hardLimit']}"
            for each in container.get("ulimits") or ()
        ),
    ]
    return [*words, container["image"], *entry[1:], *(container.get("command") or ())]


def _option(name: str, value: str | None) -> list[str]:
    return [name, value] if value else []


def differs(container: Mapping[str, Any], definition: Mapping[str, Any], told: Mapping[str, Any]) -> str:
    """The first thing in which an inspected container is not what its definition says; empty when there is none."""
    host, config = container["HostConfig"], container["Config"]
    wanted = {
        "memory in bytes": (int(told.get("memory") or definition.get("memory") or 0) << 20, host["Memory"]),
        "CPU shares of 1024": (
            int(told.get("cpu") or definition.get("cpu") or 0),
            round(host["NanoCpus"] / 1e9 * 1024),
        ),
        "read-only root": (bool(told.get("readonlyRootFilesystem")), host["ReadonlyRootfs"]),
        "user": (told.get("user", config["User"]), config["User"]),
        "stop timeout": (told.get("stopTimeout", _DEFAULT_STOP_SECONDS), config["StopTimeout"]),
    }
    points = {each["containerPath"] for each in told.get("mountPoints") or ()}
    wanted["volumes"] = (sorted(points), sorted(points & {each["Destination"] for each in container.get("Mounts", ())}))
    if "ALL" in ((told.get("linuxParameters") or {}).get("capabilities") or {}).get("drop", ()):
        wanted["capabilities"] = ([], container["EffectiveCaps"] or [])
    return next((f"{what}: {have!r}, not {want!r}" for what, (want, have) in wanted.items() if want != have), "")
