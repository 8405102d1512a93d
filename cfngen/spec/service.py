"""A service: one container behind the load balancer, built from one folder, and what stands beside it in a task."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Literal

from cfngen.describe import Description, Finding, is_folder
from cfngen.spec.container import (
    NAME,
    OPEN_FILES,
    Condition,
    Container,
    HealthCheck,
    Secret,
    SsmParameter,
    is_name,
    order,
    process,
    variables,
    volume,
)
from cfngen.spec.network import wrong_range
from cfngen.spec.release import Release
from cfngen.spec.rights import Statement
from cfngen.times import wrong_schedule, wrong_timezone
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
CONDITION_VALUES = 5
"""Hosts, paths and addresses that one listener rule can hold together (A6.15)."""
CONTAINERS_OF_A_TASK = POLICIES_OF_A_ROLE = 10
BUILT_BESIDE = 3
"""Images beside the service's own that the deploy action can fill in (D3.5)."""
STORAGE_GIB = 20
"""What a task has without asking (G1.3)."""


@dataclass(frozen=True, kw_only=True)
class ScheduledScaling(Description):
    """Other limits from a point in time on. `schedule` is a cron, rate or at expression of Application Auto Scaling."""

    name: str
    schedule: str
    minimum: int
    maximum: int
    timezone: str = "UTC"

    def checks(self) -> Iterator[Finding]:
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9-]{0,63}", self.name, re.ASCII):
            yield "name", "a letter, then letters, digits and hyphens"
        if fits := wrong_schedule(self.schedule):
            yield "schedule", fits
        if fits := wrong_timezone(self.timezone):
            yield "timezone", fits
        if not 0 <= self.minimum <= self.maximum:
            yield "minimum", "0 up to maximum"


@dataclass(frozen=True, kw_only=True)
class Scaling(Description):
    """How many tasks run: between `minimum` and `maximum`, following each target that is set."""

    minimum: int = 1
    maximum: int = 4
    cpu_percent: int | None = 60
    memory_percent: int | None = None
    requests_per_minute: int | None = None
    schedule: tuple[ScheduledScaling, ...] = ()

    def checks(self) -> Iterator[Finding]:
        if not 1 <= self.minimum <= self.maximum <= 500:
            yield "minimum", "1 up to maximum, which may be 500 at most; a schedule may go to 0"
        for option in ("cpu_percent", "memory_percent"):
            percent = getattr(self, option)
            if percent is not None and not 10 <= percent <= 95:
                yield option, "10 to 95, or None"
        if self.requests_per_minute is not None and not 1 <= self.requests_per_minute <= 10_000_000:
            yield "requests_per_minute", "requests to one task in a minute, 1 to 10000000, or None"
        names = [each.name for each in self.schedule]
        for name in sorted({name for name in names if names.count(name) > 1}):
            yield "schedule", f"two schedules of the name {name!r}"


@dataclass(frozen=True, kw_only=True)
class Service(Description):
    """One service: where its source is, which requests are its, what its tasks are like.

    Requests: `paths` and `hosts` are patterns with ``*`` and ``?``; ``/admin/*`` does not match ``/admin``, so
    name both (H17). `allowed_addresses` are the only source addresses let through, on both listeners.
    Source: `source` is the folder with the Dockerfile (``services/<name>`` by default), `shared` are further
    folders whose change releases the service, `build_context` what `docker build` sees (the source folder).
    `migrate` is the command that changes the database before each release, in the service's new image. It also makes
    the users that readers and writers log in as: a database is born without them.
    The container runs as `user` on a read-only root; `writable_paths` are empty folders it may write to.
    `egress_ports` are the TCP ports it may call anywhere, 443 among them; its database is reached besides.
    `containers` run beside it in each task of a release; `depends_on` says which of them it waits for, and for what.
    `health_check` lets ECS ask the container itself, beside the balancer. `open_files` is how many files and
    connections it may hold open, 65535 if nothing is said. `ephemeral_storage_gib` is the disk of a task, up to 200.
    `statements` and `policies` are what its tasks may do with AWS: by themselves nothing. Of managed `policies` AWS's own
    go by name, as in ``AmazonS3ReadOnlyAccess``, and yours by ARN.
    """

    name: str
    paths: tuple[str, ...] = ("/*",)
    hosts: tuple[str, ...] = ()
    allowed_addresses: tuple[str, ...] = ()
    port: int = 8080
    health_path: str = "/health"
    source: str = ""
    shared: tuple[str, ...] = ()
    build_context: str = ""
    test_command: str | None = None
    cpu: int = 256
    memory_mib: int = 512
    architecture: Literal["ARM64", "X86_64"] = "ARM64"
    scaling: Scaling = field(default_factory=Scaling)
    environment: Mapping[str, str | Text] = field(default_factory=dict)
    secrets: Mapping[str, Secret | SsmParameter] = field(default_factory=dict)
    stop_timeout_seconds: int = 30
    user: str = "1000:1000"
    writable_paths: tuple[str, ...] = ()
    egress_ports: tuple[int, ...] = (443,)
    release: Release = field(default_factory=Release)
    migrate: tuple[str, ...] = ()
    containers: tuple[Container, ...] = ()
    depends_on: Mapping[str, Condition] = field(default_factory=dict)
    health_check: HealthCheck | None = None
    open_files: int | None = None
    ephemeral_storage_gib: int = STORAGE_GIB
    statements: tuple[Statement, ...] = ()
    policies: tuple[str | PolicyArn, ...] = ()

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
        """Those containers beside the service's own whose images its pipeline builds, by name."""
        return tuple(sorted((each for each in self.containers if each.source), key=lambda each: each.name))

    def checks(self) -> Iterator[Finding]:
        if not is_name(self.name):
            yield "name", NAME
        yield from _requests(self)
        yield from _folders(self)
        yield from _task(self)
        yield from _variables(self)
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


def _requests(service: Service) -> Iterator[Finding]:  # noqa: C901, PLR0912  (a flat list of checks)
    if not service.paths:
        yield "paths", "at least one, such as '/*'"
    for index, path in enumerate(service.paths):
        if not re.fullmatch(r"/[\w\-.$/~\"'@:+&*?]{0,127}", path, re.ASCII):
            yield (
                f"paths[{index}]",
                f"{path!r}: begins with a slash, at most 128 of the characters A-Z a-z 0-9 _ - . $ / ~ \" ' @ : + & and the wildcards * ?",  # H17
            )
        elif path.count("*") + path.count("?") > CONDITION_VALUES:
            yield f"paths[{index}]", f"{path!r}: at most {CONDITION_VALUES} wildcards"
    for index, host in enumerate(service.hosts):
        if not re.fullmatch(r"(?=.{1,128}$)([a-z0-9*?-]+\.)+[a-z]+", host, re.ASCII):
            yield (
                f"hosts[{index}]",
                f"{host!r}: a host name in lower case, without port or scheme, as in 'shop.example.com' or '*.example.com'",
            )
    for index, address in enumerate(service.allowed_addresses):
        if fits := wrong_range(address, "203.0.113.7/32"):
            yield f"allowed_addresses[{index}]", fits
    for option in ("paths", "hosts", "allowed_addresses"):
        values = getattr(service, option)
        if len(set(values)) < len(values):
            yield option, f"{max(values, key=values.count)!r} stands there twice"
    in_hosts = sum(host.count("*") + host.count("?") for host in service.hosts)
    for index, path in enumerate(service.paths if in_hosts else ()):
        if in_hosts + path.count("*") + path.count("?") > CONDITION_VALUES:
            yield (
                f"paths[{index}]",
                f"{path!r}: at most {CONDITION_VALUES} wildcards in it and all hosts together",  # A6.15
            )
    if len(service.hosts) + len(service.allowed_addresses) >= CONDITION_VALUES:
        yield (
            "hosts",
            f"hosts and allowed_addresses together at most {CONDITION_VALUES - 1}, since a rule holds {CONDITION_VALUES} values and a path is one",  # A6.15
        )
    if not re.fullmatch(r"/[\w\-./~%+]{0,1023}", service.health_path, re.ASCII):
        yield "health_path", "one path, without wildcards or query, as in '/health'"


def _folders(service: Service) -> Iterator[Finding]:
    for option, folders in (
        ("source", (service.source,) if service.source else ()),
        ("shared", service.shared),
        ("build_context", (service.build_context,) if service.build_context else ()),
    ):
        for folder in folders:
            if not is_folder(folder) and (option, folder) not in {("source", "."), ("build_context", ".")}:
                yield (
                    option,
                    f"{folder!r}: a folder relative to the source's root, as in 'services/customer', in letters, digits and . _ - /",
                )
    for folder in (service.source_folder, *service.shared):
        if service.shared and not _within(folder, service.context_folder):
            yield (
                "build_context",
                f"a folder that holds {folder!r} as well, such as '.', because docker build sees nothing else",
            )


def _task(service: Service) -> Iterator[Finding]:
    if not 1024 <= service.port <= 65535:
        yield "port", "1024 to 65535; a container that is not root cannot open a lower one"
    if service.cpu not in _MEMORY_MIB:
        yield "cpu", f"CPU units of Fargate: {', '.join(map(str, _MEMORY_MIB))}"
    elif service.memory_mib not in (sizes := _MEMORY_MIB[service.cpu]):
        few = (
            ", ".join(map(str, sizes))
            if len(sizes) <= 4
            else f"{sizes[0]} to {sizes[-1]} in steps of {sizes[1] - sizes[0]}"
        )
        yield "memory_mib", f"with {service.cpu} CPU units Fargate has {few}"
    yield from process(service.user, service.writable_paths, service.stop_timeout_seconds)
    if 443 not in service.egress_ports:
        yield "egress_ports", "443 among them, since images, secrets and logs go that way"
    for index, port in enumerate(service.egress_ports):
        if not 1 <= port <= 65535:
            yield f"egress_ports[{index}]", "1 to 65535"


def _variables(service: Service) -> Iterator[Finding]:
    if (port := service.environment.get("PORT", str(service.port))) != str(service.port) or "PORT" in service.secrets:
        yield (
            f"{'secrets' if 'PORT' in service.secrets else 'environment'}['PORT']",
            f"{port!r}: the container listens on its port, {service.port}; give another one by Service(port=...)",
        )
    yield from variables(service.environment, service.secrets)


def _containers(service: Service) -> Iterator[Finding]:
    if service.open_files is not None and not 1024 <= service.open_files <= OPEN_FILES:
        yield "open_files", f"1024 to {OPEN_FILES}, or None"
    if not STORAGE_GIB <= service.ephemeral_storage_gib <= 200:
        yield "ephemeral_storage_gib", f"{STORAGE_GIB}, which every task has, to 200"
    yield from order(service.name, service.depends_on, service.containers)
    names = [service.name, *(each.name for each in service.containers)]
    for index, name in enumerate(names[1:]):
        if name in names[: index + 1]:
            yield f"containers[{index}].name", f"another name; {name!r} is taken in this task"
    if len(names) > CONTAINERS_OF_A_TASK:
        yield "containers", f"{len(names) - 1} of them; a task has {CONTAINERS_OF_A_TASK}, the service's own among them"
    if len(service.built_containers) > BUILT_BESIDE:
        fits = f"at most {BUILT_BESIDE} with a source, since the deploy action knows {BUILT_BESIDE + 1} images"
        yield "containers", fits
    if (needed := sum(each.memory_mib or 6 for each in service.containers)) >= service.memory_mib:
        yield "memory_mib", f"more than the {needed} MiB that the other containers take of it"  # G1.2
    yield from _shared_folders(service)


def _shared_folders(service: Service) -> Iterator[Finding]:
    paths = [*service.writable_paths]
    for index, each in enumerate(service.containers):
        for path in each.writable_paths:
            if twins := [other for other in paths if other != path and volume(other) == volume(path)]:
                yield (
                    f"containers[{index}].writable_paths",
                    f"another folder than {path!r}; it would be one with {twins[0]!r}",
                )
        paths += each.writable_paths


def _within(folder: str, other: str) -> bool:
    return other == "." or PurePosixPath(folder).is_relative_to(other)
