"""The application: everything that one stage of it consists of."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from cfngen.describe import Description, Finding
from cfngen.errors import did_you_mean
from cfngen.sources import Connection
from cfngen.spec.balancer import Balancer
from cfngen.spec.database import Database
from cfngen.spec.network import Network
from cfngen.spec.pipeline import Pipeline
from cfngen.spec.service import Service
from cfngen.times import change_minutes, clock, wrong_timezone

_RETENTION_DAYS = (
    1,
    3,
    5,
    7,
    14,
    30,
    60,
    90,
    120,
    150,
    180,
    365,
    400,
    545,
    731,
    1096,
    1827,
    2192,
    2557,
    2922,
    3288,
    3653,
)  # L2.1
WEEK = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
_STACKS = ("foundation", "network", "ide", "database", "cluster", "redirect", "pipeline", "watch")
_TIME = r"([01]\d|2[0-3]):[0-5]\d"
WINDOWS_MINUTES = 90
"""A window for the backup, one for the maintenance, and as much between them; RDS wants half an hour of each."""
PATHS_OF_A_TRIGGER = 8
SERVICES_OF_A_BALANCER = 45
"""Two target groups each, a hundred a balancer (A6.14), and some to spare."""
OWN_TAGS = 45

Encryptable = Literal["logs", "artifacts", "images", "database"]


@dataclass(frozen=True, kw_only=True)
class OffHours(Description):
    """When a stage sleeps: no tasks, database stopped, alarms muted; all is back, in order, by `end`.

    `start` and `end` are times of day as ``20:00``, `working_days` those on which it wakes.
    """

    start: str = "20:00"
    end: str = "07:00"
    working_days: tuple[str, ...] = ("MON", "TUE", "WED", "THU", "FRI")
    timezone: str = "UTC"

    @property
    def days(self) -> str:
        """The working days as a cron expression lists them."""
        return ",".join(day for day in WEEK if day in self.working_days)

    @property
    def evenings(self) -> str:
        """The days before the working days, likewise."""
        return ",".join(day for index, day in enumerate(WEEK) if WEEK[(index + 1) % 7] in self.working_days)

    def checks(self) -> Iterator[Finding]:
        for option in ("start", "end"):
            if not re.fullmatch(_TIME, getattr(self, option), re.ASCII):
                yield option, "a time of day, as in '20:00'"
        if unknown := [day for day in self.working_days if day not in WEEK]:
            yield "working_days", f"{unknown[0]!r}: days are {', '.join(WEEK)}"
        if not self.working_days:
            yield "working_days", "at least one"
        if fits := wrong_timezone(self.timezone):
            yield "timezone", fits
        elif all(re.fullmatch(_TIME, text, re.ASCII) for text in (self.start, self.end)):
            least = WINDOWS_MINUTES + change_minutes(self.timezone)  # by clocks that change, what is left is less
            if not least <= (clock(self.start) - clock(self.end)) % 1440 <= 1320:
                fits = f"at least {least} minutes after end, in which a database is backed up and maintained, and two hours before it"
                yield "start", fits


@dataclass(frozen=True, kw_only=True)
class App(Description):
    """One stage of an application. Further stages are this one with fields replaced (`dataclasses.replace`).

    `own_key_for` names what a key of the application encrypts beside the alert topic; AWS's keys encrypt the
    rest. `permissions_boundary` puts the policy of the root parameter PermissionsBoundaryArn on every role.
    `cloud9` adds an IDE, for accounts that still may use Cloud9 (O1).
    """

    name: str
    stage: str = "dev"
    services: tuple[Service, ...]
    network: Network = field(default_factory=Network)
    database: Database | None = None
    balancer: Balancer = field(default_factory=Balancer)
    pipeline: Pipeline | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    permissions_boundary: bool = False
    alarm_email: str | None = None
    log_retention_days: int = 30
    own_key_for: tuple[Encryptable, ...] = ()
    off_hours: OffHours | None = None
    cloud9: bool = False

    @property
    def files(self) -> str:
        """The folder of this stage's files, from the source's root."""
        return (self.pipeline.files if self.pipeline else "") or f"templates/{self.name}/{self.stage}"

    def service(self, name: str) -> Service:
        """The service of that name; raises `KeyError` when there is none."""
        return {service.name: service for service in self.services}[name]

    def checks(self) -> Iterator[Finding]:
        for option, longest in (("name", 24), ("stage", 16)):
            text = getattr(self, option)
            if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", text, re.ASCII) or len(text) > longest:
                yield (
                    option,
                    f"lower-case letters, digits and single hyphens, beginning with a letter, at most {longest}",
                )
        if self.name in _STACKS or self.name.startswith(("service-", "pipeline-")):
            yield "name", f"another name; {self.name!r} is what one of the stages' stacks is called"
        if self.log_retention_days not in _RETENTION_DAYS:
            yield "log_retention_days", f"one of {', '.join(map(str, _RETENTION_DAYS))}"
        if self.alarm_email is not None and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", self.alarm_email, re.ASCII):
            yield "alarm_email", "an e-mail address"
        yield from _tags(self)
        yield from _names(self)
        yield from _access(self)
        yield from _triggers(self)
        yield from _schedules(self)
        yield from _addresses(self)
        yield from _protocols(self)


def _tags(app: App) -> Iterator[Finding]:
    if len(app.tags) > OWN_TAGS:
        given = f"{len(app.tags)} of them"
        yield "tags", f"{given}; at most {OWN_TAGS}, since a resource takes 50 and cfngen has some of its own"
    for index, key in enumerate(app.tags):
        if (
            key.lower().startswith("aws:")
            or key.lower() in ("application", "stage", "name")
            or not re.fullmatch(r"[\w .:/=+@-]{1,128}", key, re.ASCII)
        ):
            yield f"tags[{key!r}]", "another key; Application, Stage and Name are cfngen's, and aws: is AWS's"
        elif twins := [other for other in list(app.tags)[:index] if other.lower() == key.lower()]:
            yield f"tags[{key!r}]", f"another key; IAM takes it for the same as {twins[0]!r}"
    for key, value in app.tags.items():
        if not re.fullmatch(r"[\w .:/=+@-]{0,256}", value):
            yield (
                f"tags[{key!r}]",
                "at most 256 letters, digits, spaces and the characters _ . : / = + @ -",
            )


def _names(app: App) -> Iterator[Finding]:
    names = [service.name for service in app.services]
    if not names:
        yield "services", "at least one"
    if len(names) > SERVICES_OF_A_BALANCER:
        yield "services", f"{len(names)} of them; one balancer carries {SERVICES_OF_A_BALANCER}"  # A6.14
    spelt = {name: "".join(part.capitalize() for part in name.split("-")) for name in names}
    for index, name in enumerate(names):
        if name in names[:index]:
            yield f"services[{index}].name", f"another name; {name!r} is taken"
        elif twins := [other for other in names[:index] if spelt[other] == spelt[name]]:
            yield (
                f"services[{index}].name",
                f"another name; {name!r} and {twins[0]!r} would both be {spelt[name]} in a template",  # P12
            )


def _access(app: App) -> Iterator[Finding]:
    names = [service.name for service in app.services]
    for option in ("readers", "writers"):
        for name in getattr(app.database, option, ()):
            if name not in names:
                yield f"database.{option}", f"{name!r} is no service; {did_you_mean(name, names)}"
    for index, service in enumerate(app.services):
        if service.migrate and app.database is None:
            yield f"services[{index}].migrate", "needs a database in the application"
        if service.migrate and app.pipeline is None:
            yield f"services[{index}].migrate", "needs a pipeline in the application, which runs it"
        users = (*app.database.readers, *app.database.writers) if app.database else ()
        own = {"DB_HOST", "DB_PORT", "DB_NAME"} if service.name in users or service.migrate else set()
        own |= {"DB_USER", "DB_PASSWORD"} if service.name in users else set()
        own |= {
            f"DB_{who}_{what}"
            for who in ("ADMIN", "READER", "WRITER")
            for what in ("USER", "PASSWORD")
            if service.migrate
        }
        if given := own & {*service.environment, *service.secrets}:
            yield (
                f"services[{index}].{'secrets' if min(given) in service.secrets else 'environment'}[{min(given)!r}]",
                "another name; the database's address and user are given to the service by cfngen",
            )


def _addresses(app: App) -> Iterator[Finding]:
    block = 2 ** (32 - int(app.network.cidr.partition("/")[2]) - 4)
    room = app.network.zones * (block - 5) - 16  # what AWS keeps, and some for what else lives there (J1.5)
    needed = sum(2 * service.scaling.maximum for service in app.services)
    if needed > room:
        yield (
            "network.cidr",
            f"a larger range, or less for scaling.maximum: at most {needed} tasks run while services are released, and the private subnets have {max(room, 0)} addresses for them",
        )


def _protocols(app: App) -> Iterator[Finding]:
    for index, service in enumerate(app.services):
        if service.protocol_version != "HTTP1" and not app.balancer.https:
            fits = "HTTP1, or https in the balancer: only a listener of HTTPS speaks HTTP/2 with clients"
            yield f"services[{index}].protocol_version", fits


def _schedules(app: App) -> Iterator[Finding]:
    for index, service in enumerate(app.services):
        for own in service.scaling.schedule if app.off_hours else ():
            if own.name in {"off-hours-start", "off-hours-end"}:
                yield (
                    f"services[{index}].scaling.schedule",
                    f"another name than {own.name!r}, which is that of off_hours",
                )


def _triggers(app: App) -> Iterator[Finding]:
    if app.pipeline is None or not isinstance(app.pipeline.source, Connection):
        return
    for index, service in enumerate(app.services):
        room = PATHS_OF_A_TRIGGER - 2 - len(service.built_containers)  # its source and its generated files are two more
        if len(service.shared) > room:
            yield (
                f"services[{index}].shared",
                f"at most {room} folders, since a trigger of a connection knows {PATHS_OF_A_TRIGGER} paths",  # D1.7
            )
