"""What a task definition says of its containers, in Docker's words; what has no such words is refused by name."""

from __future__ import annotations

import resource
from collections.abc import Mapping, Sequence
from typing import Any

from cfngen.rehearse.engine import PROCESSES
from cfngen.rehearse.errors import RehearsalError

DEFAULT_STOP_SECONDS = 30
_KNOWN = {
    "name", "image", "cpu", "memory", "memoryReservation", "essential", "user", "readonlyRootFilesystem", "command",
    "entryPoint", "linuxParameters", "stopTimeout", "environment", "secrets", "mountPoints", "volumesFrom",
    "portMappings", "logConfiguration", "healthCheck", "workingDirectory", "dockerLabels", "ulimits", "systemControls",
    "restartPolicy", "versionConsistency", "environmentFiles", "dependsOn", "startTimeout",
}  # fmt: skip
_UNPLAYED = {"environmentFiles", "systemControls", "volumesFrom"}
_TASK_UNPLAYED = ("pidMode", "ipcMode", "proxyConfiguration", "inferenceAccelerators")
_LINUX = ("capabilities", "initProcessEnabled")

Definition = Mapping[str, Any]
Container = Mapping[str, Any]


def containers(definition: Definition) -> Sequence[Container]:
    """The containers in the order in which they start: each after those that it depends on.

    Raises `RehearsalError` where they wait for each other, or for one that is not there.
    """
    waiting = {str(each["name"]): each for each in definition["containerDefinitions"]}
    ordered: list[Container] = []
    while waiting:
        started = {each["name"] for each in ordered}
        ready = [each for each in waiting.values() if {on for on, _ in awaited(each)} <= started]
        if not ready:
            raise RehearsalError(f"{definition['family']}: {', '.join(waiting)} wait for what never starts")
        ordered += ready[:1]
        del waiting[str(ready[0]["name"])]
    return ordered


def awaited(container: Container) -> list[tuple[str, str]]:
    """Names of the containers that one waits for, with the condition."""
    return [(str(each["containerName"]), str(each["condition"])) for each in container.get("dependsOn") or ()]


def is_essential(container: Container) -> bool:
    """Whether its task ends with it."""
    return bool(container.get("essential", True))


def main(definition: Definition) -> Container:
    """The container that the balancer reaches; the first one where none has a port."""
    listed: Sequence[Container] = definition["containerDefinitions"]
    return next((each for each in listed if each.get("portMappings")), listed[0])


def said(definition: Definition, container: Container) -> list[str]:
    """What a task definition says of a container, in the words of Docker's command line and podman's: image and command at the end.

    Raises `RehearsalError` for a key with a value that has no such words: nothing is left out in silence.
    """
    _check(definition, container)
    cpu, memory = _cpu(definition, container), container.get("memory") or definition.get("memory")
    linux = container.get("linuxParameters") or {}
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
        f"--stop-timeout={container.get('stopTimeout', DEFAULT_STOP_SECONDS)}",
        *(f"--label={key}={value}" for key, value in (container.get("dockerLabels") or {}).items()),
        *(f"--cap-drop={each}" for each in capabilities.get("drop") or ()),
        *(f"--cap-add={each}" for each in capabilities.get("add") or ()),
        *(f"--ulimit={name}={soft}:{hard}" for name, soft, hard in ulimits(container)),
    ]
    return [*words, container["image"], *entry[1:], *(container.get("command") or ())]


def ulimits(container: Container) -> list[tuple[str, int, int]]:
    """Name, soft and hard limit of each; a limit of open files above the machine's own becomes that one."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    found = []
    for each in container.get("ulimits") or ():
        limits = (int(each["softLimit"]), int(each["hardLimit"]))
        soft, hard = (min(limit, most) for limit in limits) if each["name"] == "nofile" and most > 0 else limits
        found.append((str(each["name"]), soft, hard))
    # With limits of its own a container loses those of the engine's settings.
    if found and "nproc" not in {name for name, *_ in found}:
        found.append(("nproc", PROCESSES, PROCESSES))
    return found


def differs(container: Mapping[str, Any], definition: Definition, told: Container) -> str:
    """The first thing in which an inspected container is not what its definition says; empty when there is none."""
    host, config = container["HostConfig"], container["Config"]
    wanted = {
        "memory in bytes": (int(told.get("memory") or definition.get("memory") or 0) << 20, host["Memory"]),
        "CPU shares of 1024": (_cpu(definition, told), round(host["NanoCpus"] / 1e9 * 1024)),
        "read-only root": (bool(told.get("readonlyRootFilesystem")), host["ReadonlyRootfs"]),
        "user": (told.get("user", config["User"]), config["User"]),
        "stop timeout": (told.get("stopTimeout", DEFAULT_STOP_SECONDS), config["StopTimeout"]),
    }
    points = {each["containerPath"] for each in told.get("mountPoints") or ()}
    wanted["volumes"] = (sorted(points), sorted(points & {each["Destination"] for each in container.get("Mounts", ())}))
    if "ALL" in ((told.get("linuxParameters") or {}).get("capabilities") or {}).get("drop", ()):
        wanted["capabilities"] = ([], container["BoundingCaps"] or [])
    return next((f"{what}: {have!r}, not {want!r}" for what, (want, have) in wanted.items() if want != have), "")


def _check(definition: Definition, container: Container) -> None:
    linux = container.get("linuxParameters") or {}
    odd = [key for key in _TASK_UNPLAYED if definition.get(key)]
    odd += [key for key, value in container.items() if key not in _KNOWN or (value and key in _UNPLAYED)]
    odd += [f"linuxParameters {key}" for key, value in linux.items() if value and key not in _LINUX]
    if odd:
        raise RehearsalError(f"{definition['family']}: {', '.join(odd)} is not played by the rehearsal")
    for volume in definition.get("volumes") or ():
        if any(value for key, value in volume.items() if key not in ("name", "configuredAtLaunch")):
            name = f"volume {volume['name']}"
            raise RehearsalError(f"{definition['family']}: {name} is no empty one, and no other is played")


def _cpu(definition: Definition, container: Container) -> int:
    """A container may use all of its task's processors; what it says itself is only its part where others want them too."""
    return int(definition.get("cpu") or container.get("cpu") or 0)


def _option(name: str, value: str | None) -> list[str]:
    return [name, value] if value else []
