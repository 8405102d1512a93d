"""A service: one container behind the load balancer, built from one folder."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Literal

from cfngen.describe import Description, Finding, is_folder
from cfngen.spec.network import wrong_range
from cfngen.spec.release import Release
from cfngen.times import wrong_schedule, wrong_timezone
from cfngen.values import KeyArn, SecretArn, Text

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
class Secret(Description):
    """A secret of Secrets Manager that a container gets as an environment variable when it starts.

    `key` picks one value of a JSON secret. `encrypted_with` is needed where the secret has a key of yours.
    """

    arn: SecretArn
    key: str = ""
    encrypted_with: KeyArn | None = None

    def checks(self) -> Iterator[Finding]:
        if ":" in self.key:
            yield "key", "the name of one JSON key, without colons"


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
    secrets: Mapping[str, Secret] = field(default_factory=dict)
    stop_timeout_seconds: int = 30
    user: str = "1000:1000"
    writable_paths: tuple[str, ...] = ()
    egress_ports: tuple[int, ...] = (443,)
    release: Release = field(default_factory=Release)
    migrate: tuple[str, ...] = ()

    @property
    def source_folder(self) -> str:
        """The folder with the Dockerfile, relative to the source's root."""
        return self.source or f"services/{self.name}"

    @property
    def context_folder(self) -> str:
        """What `docker build` sees, relative to the source's root."""
        return self.build_context or self.source_folder

    def checks(self) -> Iterator[Finding]:
        if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", self.name, re.ASCII) or len(self.name) > 32:
            yield "name", "lower-case letters, digits and single hyphens, beginning with a letter, at most 32"
        yield from _requests(self)
        yield from _folders(self)
        yield from _task(self)
        yield from _variables(self)


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
            if not is_folder(folder) and (option, folder) != ("build_context", "."):
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


def _task(service: Service) -> Iterator[Finding]:  # noqa: C901  (a flat list of checks)
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
    if not 2 <= service.stop_timeout_seconds <= 120:
        yield "stop_timeout_seconds", "2 to 120"  # G2.16
    if not re.fullmatch(r"[1-9]\d{0,9}(:[1-9]\d{0,9})?", service.user, re.ASCII):
        yield "user", "a numeric user that is not root, as in '1000' or '1000:1000'"
    for index, path in enumerate(service.writable_paths):
        if not re.fullmatch(r"/[\w.-]+(/[\w.-]+)*", path, re.ASCII) or ".." in path:
            yield f"writable_paths[{index}]", f"{path!r}: an absolute folder, as in '/tmp'"
        elif not 1 <= len(volume(path)) <= 255:
            yield (
                f"writable_paths[{index}]",
                f"{path!r:.60}: a folder whose path has a letter or digit, and 255 characters at most",
            )
        elif volume(path) in map(volume, service.writable_paths[:index]):
            fits = f"another folder; it and one before it would be the same volume, {volume(path)!r}"
            yield f"writable_paths[{index}]", f"{path!r}: {fits}"
    if 443 not in service.egress_ports:
        yield "egress_ports", "443 among them, since images, secrets and logs go that way"
    for index, port in enumerate(service.egress_ports):
        if not 1 <= port <= 65535:
            yield f"egress_ports[{index}]", "1 to 65535"


def _variables(service: Service) -> Iterator[Finding]:
    for option in ("environment", "secrets"):
        for name in getattr(service, option):
            if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name, re.ASCII):
                yield f"{option}[{name!r}]", "a variable's name: letters, digits and underscores"
    if (port := service.environment.get("PORT", str(service.port))) != str(service.port) or "PORT" in service.secrets:
        yield (
            f"{'secrets' if 'PORT' in service.secrets else 'environment'}['PORT']",
            f"{port!r}: the container listens on its port, {service.port}; give another one by Service(port=...)",
        )
    for name, value in service.environment.items():
        text = value if isinstance(value, str) else value.data if value.is_literal else ""
        if "<IMAGE1_NAME>" in text:
            fits = "another value; the deploy action replaces <IMAGE1_NAME> wherever it stands in a task definition"
            yield f"environment[{name!r}]", fits
    for name in sorted(set(service.environment) & set(service.secrets)):
        yield f"secrets[{name!r}]", "stands in environment too; give it once"


def volume(path: str) -> str:
    """The name of the volume that a writable folder is."""
    return "".join(c if c.isalnum() else "-" for c in path).strip("-")


def _within(folder: str, other: str) -> bool:
    return other == "." or PurePosixPath(folder).is_relative_to(other)
