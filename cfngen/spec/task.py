"""A task: one container of one's own, built from one folder, with what stands beside it; services, workers and scheduled tasks are such."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import field
from pathlib import PurePosixPath
from typing import Literal

from cfngen import arns
from cfngen._frozen import dataclass
from cfngen.describe import Description, Finding, is_folder
from cfngen.spec.container import (
    NAME,
    OPEN_FILES,
    Condition,
    Container,
    HealthCheck,
    RestartPolicy,
    Secret,
    SsmParameter,
    is_name,
    order,
    process,
    variables,
    volume,
)
from cfngen.spec.rights import Statement
from cfngen.spec.telemetry import COLLECTOR, ROUTER, LogRouter, Telemetry
from cfngen.values import PolicyArn, Text

# Fargate's pairs (G1); 32 vCPU are left out because the linter refuses them (G1.1).
_MEMORY_MIB = {
    256: (512, 1024, 2048),
    512: tuple(range(1024, 4097, 1024)),
    1024: tuple(range(2048, 8193, 1024)),
    2048: tuple(range(4096, 16385, 1024)),
    4096: tuple(range(8192, 30721, 1024)),
    8192: tuple(range(16384, 61441, 4096)),
    16384: tuple(range(32768, 122881, 8192)),
}
CONTAINERS_OF_A_TASK = POLICIES_OF_A_ROLE = 10
BUILT_BESIDE = 3
"""Images beside the service's own that the deploy action can fill in (D3.5)."""
STORAGE_GIB = 20
"""What a task has without asking (G1.3)."""


@dataclass(frozen=True, kw_only=True)
class Task(Description):
    """What all kinds of tasks have in common; each kind says of its options what they mean to it."""

    name: str
    source: str = ""
    shared: tuple[str, ...] = ()
    build_context: str = ""
    test_command: str | None = None
    cpu: int = 256
    memory_mib: int = 512
    architecture: Literal["ARM64", "X86_64"] = "ARM64"
    environment: Mapping[str, str | Text] = field(default_factory=dict)
    secrets: Mapping[str, Secret | SsmParameter] = field(default_factory=dict)
    stop_timeout_seconds: int = 30
    user: str = "1000:1000"
    writable_paths: tuple[str, ...] = ()
    egress_ports: tuple[int, ...] = (443,)
    calls: tuple[str, ...] = ()
    containers: tuple[Container, ...] = ()
    depends_on: Mapping[str, Condition] = field(default_factory=dict)
    health_check: HealthCheck | None = None
    restart_policy: RestartPolicy | None = None
    open_files: int | None = None
    ephemeral_storage_gib: int = STORAGE_GIB
    statements: tuple[Statement, ...] = ()
    policies: tuple[str | PolicyArn, ...] = ()
    telemetry: Telemetry | None = None
    log_router: LogRouter | None = None

    @property
    def beside(self) -> tuple[Container, ...]:
        """All containers beside the task's own, by name: those of the description, the collector and the router."""
        made = [each.container for each in (self.telemetry, self.log_router) if each]
        return tuple(sorted((*self.containers, *made), key=lambda each: each.name))

    @property
    def source_folder(self) -> str:
        """The folder with the Dockerfile, relative to the source's root."""
        return self.source or f"services/{self.name}"

    @property
    def context_folder(self) -> str:
        """What `docker build` sees, relative to the source's root."""
        return self.build_context or self.source_folder

    @property
    def built_containers(self) -> tuple[Container, ...]:
        """Those containers beside the task's own whose images its pipeline builds, by name."""
        return tuple(sorted((each for each in self.containers if each.source), key=lambda each: each.name))

    def checks(self) -> Iterator[Finding]:
        if not is_name(self.name):
            yield "name", NAME
        yield from _folders(self)
        yield from _size(self)
        yield from variables(self.environment, self.secrets)
        yield from _containers(self)
        if len(self.policies) > POLICIES_OF_A_ROLE:
            yield "policies", f"at most {POLICIES_OF_A_ROLE}, since a role takes no more"
        for index, policy in enumerate(self.policies):
            if isinstance(policy, str) and not re.fullmatch(
                r"(service-role/|job-function/)?[\w+=,.@-]{1,128}", policy, re.ASCII
            ):
                yield (
                    f"policies[{index}]",
                    "the name of a policy of AWS, as in 'AmazonS3ReadOnlyAccess', or a PolicyArn",
                )
            elif isinstance(policy, PolicyArn) and (fits := arns.wrong_arn(policy, arns.POLICY)):
                yield f"policies[{index}]", f"{policy.data!r:.80}: {fits}"


def _folders(task: Task) -> Iterator[Finding]:
    for option, folders in (
        ("source", (task.source,) if task.source else ()),
        ("shared", task.shared),
        ("build_context", (task.build_context,) if task.build_context else ()),
    ):
        for folder in folders:
            if not is_folder(folder) and (option, folder) not in {("source", "."), ("build_context", ".")}:
                yield (
                    option,
                    f"{folder!r}: a folder relative to the source's root, as in 'services/customer', in letters, digits and . _ - /",
                )
    for folder in (task.source_folder, *task.shared):
        if task.shared and not _within(folder, task.context_folder):
            yield (
                "build_context",
                f"a folder that holds {folder!r} as well, such as '.', because docker build sees nothing else",
            )


def _size(task: Task) -> Iterator[Finding]:
    if task.cpu not in _MEMORY_MIB:
        yield "cpu", f"CPU units of Fargate: {', '.join(map(str, _MEMORY_MIB))}"
    elif task.memory_mib not in (sizes := _MEMORY_MIB[task.cpu]):
        few = (
            ", ".join(map(str, sizes))
            if len(sizes) <= 4
            else f"{sizes[0]} to {sizes[-1]} in steps of {sizes[1] - sizes[0]}"
        )
        yield "memory_mib", f"with {task.cpu} CPU units Fargate has {few}"
    yield from process(task.user, task.writable_paths, task.stop_timeout_seconds)
    if 443 not in task.egress_ports:
        yield "egress_ports", "443 among them, since images, secrets and logs go that way"
    for index, port in enumerate(task.egress_ports):
        if not 1 <= port <= 65535:
            yield f"egress_ports[{index}]", "1 to 65535"


def _containers(task: Task) -> Iterator[Finding]:
    if task.open_files is not None and not 1024 <= task.open_files <= OPEN_FILES:
        yield "open_files", f"1024 to {OPEN_FILES}, or None"
    if not STORAGE_GIB <= task.ephemeral_storage_gib <= 200:
        yield "ephemeral_storage_gib", f"{STORAGE_GIB}, which every task has, to 200"
    yield from order(task.name, task.depends_on, task.containers)
    names = [task.name, *(each.name for each in task.containers)]
    taken = {*([COLLECTOR] if task.telemetry else []), *([ROUTER] if task.log_router else [])}
    if task.name in taken:
        yield (
            "name",
            f"another name; {task.name!r} is the {'collector' if task.name == COLLECTOR else 'router'}'s in this task",
        )
    for index, name in enumerate(names[1:]):
        if name in {*names[: index + 1], *taken}:
            yield f"containers[{index}].name", f"another name; {name!r} is taken in this task"
    if len(task.beside) >= CONTAINERS_OF_A_TASK:
        yield (
            "containers",
            f"{len(task.beside)} of them; a task has {CONTAINERS_OF_A_TASK}, the service's own among them",
        )
    if len(task.built_containers) > BUILT_BESIDE:
        fits = f"at most {BUILT_BESIDE} with a source, since CodePipeline's deploy action fills in {BUILT_BESIDE + 1} images"
        yield "containers", fits
    if (needed := sum(each.memory_mib or 6 for each in task.beside)) >= task.memory_mib:
        yield "memory_mib", f"more than the {needed} MiB that the other containers take of it"  # G1.2
    yield from _shared_folders(task)


def _shared_folders(task: Task) -> Iterator[Finding]:
    paths = [*task.writable_paths]
    for index, each in enumerate(task.containers):
        for path in each.writable_paths:
            if twins := [other for other in paths if other != path and volume(other) == volume(path)]:
                yield (
                    f"containers[{index}].writable_paths",
                    f"another folder than {path!r}; it would be one with {twins[0]!r}",
                )
        paths += each.writable_paths


def _within(folder: str, other: str) -> bool:
    return other == "." or PurePosixPath(folder).is_relative_to(other)
