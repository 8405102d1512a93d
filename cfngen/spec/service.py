"""A service: one container behind the load balancer, built from one folder, and what stands beside it in a task."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import field, replace
from typing import ClassVar, Literal

from cfngen._frozen import dataclass
from cfngen.describe import Description, Finding
from cfngen.spec.release import Release
from cfngen.spec.requests import Requests, wrong_requests
from cfngen.spec.task import Task
from cfngen.times import wrong_schedule, wrong_timezone

ProtocolVersion = Literal["HTTP1", "HTTP2", "GRPC"]
PAGE_BYTES = 1024
"""What a balancer answers by itself at most (ELB API, FixedResponseActionConfig)."""
UNIMPLEMENTED = "/AWS.ALB/healthcheck"
"""A method that no server implements; a balancer asks for it where nothing else is said (ELB guide, health checks)."""


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


PAGE = {"maintenance": "a text or a page of HTML"}
"""What that option wants, of a service and of a stage."""


@dataclass(frozen=True, kw_only=True)
class Service(Task):
    """One service: where its source is, which requests are its, what its tasks are like.

    Requests: `paths` and `hosts` are patterns with ``*`` and ``?``; ``/admin/*`` does not match ``/admin``, so
    name both (H17). `allowed_addresses` are the only source addresses let through, on both listeners. `headers` asks of a request
    that each of these headers has one of the values, which are patterns too, in any case of letters; `query` asks so of keys of
    the query, as they are sent. `methods` are the only ones that reach it, as in ``("GET", "HEAD")``.
    `internal` puts it behind the internal balancer instead, where only its callers reach it. Fixed from birth.
    `protocol_version` is what the balancer speaks to the tasks, without TLS. Only clients of HTTP/2 reach ``HTTP2`` and ``GRPC``,
    and they need HTTPS. With ``GRPC``, `health_path` is a method, as in ``/grpc.health.v1.Health/Check``, that answers status 0.
    `maintenance` is what users read instead of the service, with status 503, as long as it is said: a text, or a page of HTML.
    The test listener still shows the service, and it can be released meanwhile.
    Source: `source` is the folder with the Dockerfile (``services/<name>`` by default), `shared` are further
    folders whose change releases the service, `build_context` what `docker build` sees (the source folder).
    `migrate` is the command that changes the database before each release, in the service's new image. It also makes
    the users that readers and writers log in as: a database is born without them.
    The container runs as `user` on a read-only root; `writable_paths` are empty folders it may write to:
    one that is not root only where its Dockerfile gives the folder to that user and declares it as VOLUME.
    `egress_ports` are the TCP ports it may call anywhere, 443 among them; its database is reached besides.
    `calls` are the internal services that it calls, each of which it finds in a variable, as ``INVENTORY_URL`` for ``inventory``.
    `containers` run beside it in each task of a release; `depends_on` says which of them it waits for, and for what.
    `health_check` lets ECS ask the container itself, beside the balancer. With a `restart_policy` it is started again where
    it ends, without a new task. `open_files` is how many files and
    connections it may hold open, 65535 if nothing is said. `ephemeral_storage_gib` is the disk of a task, up to 200.
    `statements` and `policies` are what its tasks may do with AWS: by themselves nothing. Of managed `policies` AWS's own
    go by name, as in ``AmazonS3ReadOnlyAccess``, and yours by ARN.
    `spot_percent` of the tasks beyond the first run on spare capacity, which AWS takes back with two minutes' notice (G5.3).
    """

    paths: tuple[str, ...] = ("/*",)
    hosts: tuple[str, ...] = ()
    allowed_addresses: tuple[str, ...] = ()
    headers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    methods: tuple[str, ...] = ()
    query: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    internal: bool = False
    port: int = 8080
    health_path: str = "/health"
    protocol_version: ProtocolVersion = "HTTP1"
    maintenance: str | None = None
    wants: ClassVar[Mapping[str, str]] = PAGE
    scaling: Scaling = field(default_factory=Scaling)
    spot_percent: int = 0
    release: Release = field(default_factory=Release)
    migrate: tuple[str, ...] = ()

    @property
    def requests(self) -> Requests:
        """The requests that are the service's."""
        return Requests(
            paths=self.paths,
            hosts=self.hosts,
            addresses=self.allowed_addresses,
            headers=tuple(self.headers.items()),
            methods=self.methods,
            query=tuple(self.query.items()),
        )

    def smoke_test_host(self, domain: str | None, hosts: tuple[str, ...] = ()) -> str:
        """The name that the smoke test asks for; empty where there is none.

        `domain` is the balancer's, `hosts` are those of a service that names none itself.
        """
        own = sorted(self.hosts or hosts)
        names = [self.release.smoke_test.host if self.release.smoke_test else "", *own, domain or ""]
        return next((name for name in names if name and not {"*", "?"} & set(name)), "")

    def checks(self) -> Iterator[Finding]:
        yield from super().checks()
        # An internal one that names no host has one of its own (`App.hosts_of`), which takes its place in each rule.
        hosts = self.hosts or (("x.internal",) if self.internal else ())
        yield from wrong_requests(replace(self.requests, hosts=hosts))
        yield from _health_path(self)
        if fits := wrong_maintenance(self.maintenance):
            yield "maintenance", fits
        yield from _port(self)
        if not 0 <= self.spot_percent <= 100:
            yield "spot_percent", "0 to 100"


def wrong_maintenance(text: str | None) -> str:
    """What would fit instead of a text that a balancer cannot answer; nothing for one that it can, and for none."""
    if text is not None and not 1 <= len(text.encode()) <= PAGE_BYTES:
        return f"a text or a page of HTML, at most {PAGE_BYTES} bytes, or None"
    return ""


def _health_path(service: Service) -> Iterator[Finding]:
    if service.protocol_version == "GRPC":
        if not re.fullmatch(r"/[\w.]{1,500}/\w{1,500}", service.health_path, re.ASCII):
            fits = f"a method that answers status 0, as in '/grpc.health.v1.Health/Check', or {UNIMPLEMENTED!r}, which a server of gRPC answers with status 12"
            yield "health_path", fits
    elif not re.fullmatch(r"/[\w\-./~%+]{0,1023}", service.health_path, re.ASCII):
        yield "health_path", "one path, without wildcards or query, as in '/health'"


def _port(service: Service) -> Iterator[Finding]:
    if not 1024 <= service.port <= 65535:
        yield "port", "1024 to 65535; a container that is not root cannot open a lower one"
    if (port := service.environment.get("PORT", str(service.port))) != str(service.port) or "PORT" in service.secrets:
        yield (
            f"{'secrets' if 'PORT' in service.secrets else 'environment'}['PORT']",
            f"{port!r}: the container listens on its port, {service.port}; give another one by the service's port",
        )
