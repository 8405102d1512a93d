"""The application: everything that one stage of it consists of."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import field, replace
from typing import Literal

from cfngen._frozen import dataclass
from cfngen.describe import Description, Finding
from cfngen.errors import did_you_mean
from cfngen.sources import Connection
from cfngen.spec.balancer import Balancer
from cfngen.spec.container import Container, Secret, SsmParameter
from cfngen.spec.database import Database
from cfngen.spec.internal import InternalBalancer, call_variable, plain_host, wrong_calls, wrong_hosts
from cfngen.spec.network import Network
from cfngen.spec.pipeline import Pipeline
from cfngen.spec.queue import url_variable
from cfngen.spec.scheduled import ScheduledTask
from cfngen.spec.service import Service, wrong_maintenance
from cfngen.spec.task import Task
from cfngen.spec.windows import WEEK, Span
from cfngen.spec.worker import Worker
from cfngen.times import change_minutes, clock, minutes_of_week, offsets, wrong_timezone

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
_STACKS = (
    "foundation",
    "network",
    "ide",
    "database",
    "cluster",
    "internal",
    "redirect",
    "web-acl",
    "pipeline",
    "watch",
)
_STACKS_OF_TASKS = ("service-", "pipeline-", "worker-", "queue-", "scheduled-")
_TIME = r"([01]\d|2[0-3]):[0-5]\d"
WINDOWS_MINUTES = 90
"""A window for the backup, one for the maintenance, and as much between them; RDS wants half an hour of each."""
PATHS_OF_A_TRIGGER = 8
SERVICES_OF_A_BALANCER = 45
"""Two target groups each, a hundred a balancer (A6.14), and some to spare."""
OWN_TAGS = 45

Encryptable = Literal["logs", "artifacts", "images", "database", "queues"]


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

    @property
    def awake(self) -> int:
        """The first minute of the week, in UTC, from which on the stage is awake, in winter and in summer."""
        day = next(index for index, name in enumerate(WEEK) if name in self.working_days)
        return day * 24 * 60 + clock(self.end) - offsets(self.timezone)[0]

    def is_awake(self, span: Span) -> bool:
        """Whether the stage is awake all through a span, in winter and in summer; a daily one only on working days."""
        return all(self.is_awake_here(replace(span, start=span.start + offset)) for offset in offsets(self.timezone))

    def is_awake_here(self, span: Span) -> bool:
        """Whether the stage is awake all through a span that is said by the clock of its own `timezone`."""
        since = (span.start - clock(self.end)) % (24 * 60)
        is_day = span.daily or WEEK[(span.start - since) // (24 * 60) % 7] in self.working_days
        return is_day and since + span.minutes <= (clock(self.start) - clock(self.end)) % (24 * 60)

    def asleep_at(self, schedule: str, timezone: str) -> Span | None:
        """The first minute of the week, by the schedule's own clock, at which it may be due while the stage sleeps."""
        for minute in minutes_of_week(schedule):
            here = Span(minute, 1)
            if timezone == self.timezone:
                is_awake = self.is_awake_here(here)
            else:
                is_awake = all(self.is_awake(Span(minute - offset, 1)) for offset in offsets(timezone))
            if not is_awake:
                return here
        return None

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
    `workers` are tasks that nobody calls, `scheduled_tasks` those that start at given times; all names of services,
    workers and scheduled tasks are different.
    `maintenance` is what users of every service read instead of it, with status 503, but for internal ones; see `Service`.
    `monthly_budget_usd` is what the stage may cost in a month: the alert topic is told at 80 and 100 % of it, and when the
    month is forecast to pass it. Costs are counted by the tags Application and Stage, which somebody activates in Billing first.
    Of more than 45 services, which is what one balancer carries, those with hosts of their own go to cells: further roots with a
    balancer each, of at most `services_per_cell` services. A service stays in the cell that it was born in.
    `cloud9` adds an IDE, for accounts that still may use Cloud9 (O1).
    """

    name: str
    stage: str = "dev"
    services: tuple[Service, ...]
    workers: tuple[Worker, ...] = ()
    scheduled_tasks: tuple[ScheduledTask, ...] = ()
    network: Network = field(default_factory=Network)
    database: Database | None = None
    balancer: Balancer = field(default_factory=Balancer)
    internal_balancer: InternalBalancer = field(default_factory=InternalBalancer)
    pipeline: Pipeline | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    permissions_boundary: bool = False
    alarm_email: str | None = None
    monthly_budget_usd: int | None = None
    log_retention_days: int = 30
    own_key_for: tuple[Encryptable, ...] = ()
    off_hours: OffHours | None = None
    maintenance: str | None = None
    services_per_cell: int = SERVICES_OF_A_BALANCER
    cloud9: bool = False

    @property
    def files(self) -> str:
        """The folder of this stage's files, from the source's root."""
        return (self.pipeline.files if self.pipeline else "") or f"templates/{self.name}/{self.stage}"

    def maintenance_of(self, service: Service) -> str | None:
        """What users of a service read instead of it, if it is under maintenance."""
        general = None if service.internal else self.maintenance
        return general if service.maintenance is None else service.maintenance

    @property
    def has_internal_services(self) -> bool:
        """Whether there is an internal balancer."""
        return any(service.internal for service in self.services)

    @property
    def asks_for_public_balancer(self) -> bool:
        """Whether a service is internet-facing, or the balancer is asked for more than services."""
        asked = self.balancer
        more = (asked.domain, asked.redirects, asked.web_acl, asked.managed_rules)
        return any(not service.internal for service in self.services) or any(more)

    @property
    def internal_domain(self) -> str:
        """The private hosted zone in which internal services are found."""
        return self.internal_balancer.domain or f"{self.name}-{self.stage}.internal"

    def balancer_of(self, service: Service) -> Balancer | InternalBalancer:
        """The balancer that a service is behind."""
        return self.internal_balancer if service.internal else self.balancer

    def hosts_of(self, service: Service) -> tuple[str, ...]:
        """The hosts of a service; an internal one that names none has one of its own."""
        own = (f"{service.name}.{self.internal_domain}",) if service.internal else ()
        return service.hosts or own

    def smoke_test_host(self, service: Service) -> str:
        """The name that the smoke test of a service asks for; empty where there is none."""
        domain = None if service.internal else self.balancer.domain
        return service.smoke_test_host(domain, self.hosts_of(service))

    def called_by(self, task: Task) -> dict[str, str]:
        """The variables of a task in which it finds those that it calls, each with the address."""
        scheme = "https" if self.internal_balancer.https else "http"
        called = (self.service(name) for name in sorted(task.calls))
        return {call_variable(each.name): f"{scheme}://{plain_host(self.hosts_of(each))}" for each in called}

    @property
    def endpoints(self) -> tuple[str, ...]:
        """The services of AWS that tasks reach by endpoints: all that they need, where they have no other way (J3)."""
        if self.network.nat != "none":
            return tuple(sorted(self.network.endpoints))
        secrets = [secret for task in self.tasks for each in _containers_of(task) for secret in each.secrets.values()]
        needed = {
            "ecr.api": True,
            "ecr.dkr": True,
            "logs": True,
            "secretsmanager": self.database is not None or any(isinstance(each, Secret) for each in secrets),
            "sqs": any(worker.queue for worker in self.workers),
            "ssm": any(isinstance(each, SsmParameter) for each in secrets),
        }
        return tuple(sorted({name for name, is_needed in needed.items() if is_needed} | {*self.network.endpoints}))

    @property
    def has_smoke_tests(self) -> bool:
        """Whether any service's new versions are asked by way of the internet before they take traffic."""
        return any(service.release.smoke_test and not service.internal for service in self.services)

    @property
    def tasks(self) -> tuple[Task, ...]:
        """Services, workers and scheduled tasks."""
        return (*self.services, *self.workers, *self.scheduled_tasks)

    def queues_for(self, sender: str) -> tuple[Worker, ...]:
        """The workers to whose queues `sender` may send, by name."""
        found = (each for each in self.workers if each.queue and sender in each.queue.senders)
        return tuple(sorted(found, key=lambda each: each.name))

    def borrowers(self, name: str) -> tuple[ScheduledTask, ...]:
        """The scheduled tasks that run the image of the service or worker `name`, by name."""
        found = (each for each in self.scheduled_tasks if each.image_of == name)
        return tuple(sorted(found, key=lambda each: each.name))

    def whole(self, task: ScheduledTask) -> ScheduledTask:
        """A scheduled task with the variables and secrets that it has of the one whose image it runs."""
        owner = next((each for each in (*self.services, *self.workers) if each.name == task.image_of), None)
        if owner is None:
            return task
        environment = {name: value for name, value in owner.environment.items() if name not in task.secrets}
        secrets = {name: value for name, value in owner.secrets.items() if name not in task.environment}
        return replace(
            task,
            environment={**environment, **task.environment},
            secrets={**secrets, **task.secrets},
            architecture=owner.architecture,
        )

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
        if self.name in _STACKS or self.name.startswith(_STACKS_OF_TASKS):
            yield "name", f"another name; {self.name!r} is what one of the stages' stacks is called"
        if re.search(r"(^|-)cell-\d+$", self.stage):
            yield "stage", f"another name; {self.stage!r} ends as the name of a cell's stack does"
        if self.log_retention_days not in _RETENTION_DAYS:
            yield "log_retention_days", f"one of {', '.join(map(str, _RETENTION_DAYS))}"
        if self.alarm_email is not None and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", self.alarm_email, re.ASCII):
            yield "alarm_email", "an e-mail address"
        if self.monthly_budget_usd is not None and not 1 <= self.monthly_budget_usd <= 1_000_000_000:
            yield "monthly_budget_usd", "whole US dollars, 1 to 1000000000, or None"
        if fits := wrong_maintenance(self.maintenance):
            yield "maintenance", fits
        if not 1 <= self.services_per_cell <= SERVICES_OF_A_BALANCER:
            yield "services_per_cell", f"1 to {SERVICES_OF_A_BALANCER}, which is what one balancer carries"  # A6.14
        yield from _tags(self)
        yield from _names(self)
        yield from _access(self)
        yield from _access_of_containers(self)
        yield from _internal(self)
        yield from _queues(self)
        yield from _borrowed(self)
        yield from _triggers(self)
        yield from _schedules(self)
        yield from _database_hours(self)
        yield from _database_key(self)
        yield from _addresses(self)
        yield from _smoke_tests(self)
        yield from _without_internet(self)
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


def _placed(app: App) -> list[tuple[str, Task]]:
    """Every service, worker and scheduled task with its place in the description."""
    options = ("services", "workers", "scheduled_tasks")
    return [(f"{option}[{index}]", task) for option in options for index, task in enumerate(getattr(app, option))]


def _names(app: App) -> Iterator[Finding]:
    if not app.services:
        yield "services", "at least one"
    if (number := sum(service.internal for service in app.services)) > SERVICES_OF_A_BALANCER:
        fits = f"{number} of them internal; the internal balancer carries {SERVICES_OF_A_BALANCER}. Way out: divide the application; with Network(existing=True) the parts share one network"
        yield "services", fits  # A6.14
    placed = _placed(app)
    names = [task.name for _, task in placed]
    spelt = {name: "".join(part.capitalize() for part in name.split("-")) for name in names}
    for index, (place, task) in enumerate(placed):
        if re.fullmatch(r"cell-\d+", task.name):
            yield f"{place}.name", f"another name; {task.name!r} is what the folder of a cell is called"
        elif task.name in names[:index]:
            yield f"{place}.name", f"another name; {task.name!r} is taken"
        elif twins := [other for other in names[:index] if spelt[other] == spelt[task.name]]:
            yield (
                f"{place}.name",
                f"another name; {task.name!r} and {twins[0]!r} would both be {spelt[task.name]} in a template",  # P12
            )


def _access(app: App) -> Iterator[Finding]:
    names = [task.name for _, task in _placed(app)]
    for option in ("readers", "writers"):
        for name in getattr(app.database, option, ()):
            if name not in names:
                yield (
                    f"database.{option}",
                    f"{name!r} is no service, worker or scheduled task; {did_you_mean(name, names)}",
                )
    for index, service in enumerate(app.services):
        if service.migrate and app.database is None:
            yield f"services[{index}].migrate", "needs a database in the application"
        if service.migrate and app.pipeline is None:
            yield f"services[{index}].migrate", "needs a pipeline in the application, which runs it"
    for place, task in _placed(app):
        if given := _own_variables(app, task) & {*task.environment, *task.secrets}:
            option = "secrets" if min(given) in task.secrets else "environment"
            what = _whose(min(given))
            yield (
                f"{place}.{option}[{min(given)!r}]",
                f"another name; {what} are given to the {_KINDS[type(task)]} by cfngen",
            )


def _access_of_containers(app: App) -> Iterator[Finding]:
    users = (*app.database.readers, *app.database.writers) if app.database else ()
    placed = [
        (f"{place}.containers[{number}]", task.name, each)
        for place, task in _placed(app)
        for number, each in enumerate(task.containers)
        if each.database
    ]
    for place, name, each in placed:
        if name not in users:
            yield f"{place}.database", f"False, or {name!r} among the readers or writers of a database"
        for given in sorted(_LOGIN & {*each.environment, *each.secrets}):
            option = "secrets" if given in each.secrets else "environment"
            fits = "another name; the database's address and user are given to the container by cfngen"
            yield f"{place}.{option}[{given!r}]", fits


_ADDRESS = {"DB_HOST", "DB_PORT", "DB_NAME"}
_LOGIN = {*_ADDRESS, "DB_USER", "DB_PASSWORD"}


def _whose(variable: str) -> str:
    if variable.startswith("DB_") and not variable.endswith("_URL"):
        return "the database's address and user"
    return "queues" if variable.endswith("QUEUE_URL") else "the addresses of services that are called"


_KINDS: dict[type, str] = {Service: "service", Worker: "worker", ScheduledTask: "scheduled task"}


def _own_variables(app: App, task: Task) -> set[str]:
    """The variables that cfngen gives to a task."""
    users = (*app.database.readers, *app.database.writers) if app.database else ()
    migrates = isinstance(task, Service) and bool(task.migrate)
    own = set(_ADDRESS) if task.name in users or migrates else set()
    own |= _LOGIN if task.name in users else set()
    own |= {f"DB_{who}_{what}" for who in ("ADMIN", "READER", "WRITER") for what in ("USER", "PASSWORD") if migrates}
    own |= {url_variable(worker.name) for worker in app.queues_for(task.name)} | set(map(call_variable, task.calls))
    return own | ({"QUEUE_URL"} if isinstance(task, Worker) and task.queue else set())


def _internal(app: App) -> Iterator[Finding]:
    placed, services = _placed(app), {service.name: service for service in app.services}
    internal = [(place, task) for place, task in placed if isinstance(task, Service) and task.internal]
    called = {name for _, task in placed for name in task.calls}
    yield from wrong_calls(placed, services)
    yield from wrong_hosts(internal, app.internal_domain, called)
    for place, task in placed:
        queues = {url_variable(worker.name) for worker in app.queues_for(task.name)}
        queues |= {"QUEUE_URL"} if isinstance(task, Worker) and task.queue else set()
        if both := sorted(queues & set(map(call_variable, task.calls))):
            fits = f"none whose address would stand in {both[0]}, where a queue stands; give the service or the worker another name"
            yield f"{place}.calls", fits


def _queues(app: App) -> Iterator[Finding]:
    names = [task.name for _, task in _placed(app)]
    for index, worker in enumerate(app.workers):
        for sender in worker.queue.senders if worker.queue else ():
            if sender not in names:
                fits = f"{sender!r} is no service, worker or scheduled task; {did_you_mean(sender, names)}"
                yield f"workers[{index}].queue.senders", fits


def _borrowed(app: App) -> Iterator[Finding]:
    lenders = [task.name for task in (*app.services, *app.workers)]
    for index, task in enumerate(app.scheduled_tasks):
        if task.image_of and task.image_of not in lenders:
            fits = f"{task.image_of!r} is no service or worker; {did_you_mean(task.image_of, lenders)}"
            yield f"scheduled_tasks[{index}].image_of", fits


def _addresses(app: App) -> Iterator[Finding]:
    if app.network.existing:
        return
    block = 2 ** (32 - int(app.network.cidr.partition("/")[2]) - 4)
    room = app.network.zones * (block - 5) - 16  # what AWS keeps, and some for what else lives there (J1.5)
    room -= 8 * app.network.zones if app.has_internal_services else 0  # a balancer wants as many free (H21)
    tier = "public" if app.network.has_public_tasks else "private"
    needed = sum(2 * service.scaling.maximum for service in app.services)
    needed += sum(worker.scaling.maximum * worker.maximum_percent // 100 for worker in app.workers)
    needed += len(app.scheduled_tasks)
    if needed > room:
        yield (
            "network.cidr",
            f"a larger range, or less for scaling.maximum: at most {needed} tasks run while services are released, and the {tier} subnets have {max(room, 0)} addresses for them",
        )


def _protocols(app: App) -> Iterator[Finding]:
    for index, service in enumerate(app.services):
        if service.protocol_version != "HTTP1" and not app.balancer_of(service).https:
            which = "internal_balancer" if service.internal else "balancer"
            fits = f"HTTP1, or https in the {which}: only a listener of HTTPS speaks HTTP/2 with clients"
            yield f"services[{index}].protocol_version", fits


def _containers_of(task: Task) -> tuple[Task | Container, ...]:
    return (task, *task.containers)


def _without_internet(app: App) -> Iterator[Finding]:
    """What cannot work where no way leads to the internet."""
    if app.cloud9 and app.network.nat in ("none", "public tasks"):
        yield "cloud9", "False; without NAT the environment reaches neither Cloud9 nor a package"
    if app.network.nat != "none":
        return
    for option in ("services", "workers", "scheduled_tasks"):
        for index, task in enumerate(getattr(app, option)):
            for number, each in enumerate(task.containers):
                if each.image:
                    fits = f"{each.image!r}: a source instead, since without NAT no public registry is reached"
                    yield f"{option}[{index}].containers[{number}].image", fits


def _smoke_tests(app: App) -> Iterator[Finding]:
    for index, service in enumerate(app.services):
        place = f"services[{index}].release.smoke_test"
        if service.release.smoke_test is None:
            continue
        if service.internal:
            if app.network.nat in ("none", "public tasks") and "codedeploy" not in app.network.endpoints:
                yield (
                    place,
                    "None, or 'codedeploy' among the endpoints of the network: the function tells CodeDeploy how it went",
                )
        elif app.network.existing or app.network.nat in ("none", "public tasks"):
            why = "comes to the test listener by the addresses of NAT gateways, and this network tells of none"
            yield place, f"None, since the generated function {why}; give a hook of your own by hooks"
        if service.allowed_addresses:
            fits = "None, since the generated function comes from none of the service's allowed_addresses; give a hook of your own by hooks"
            yield place, fits
        if service.protocol_version != "HTTP1":
            yield place, "None, since the generated function speaks HTTP/1.1; give a hook of your own by hooks"
        if app.balancer_of(service).https and not app.smoke_test_host(service):
            why = "it checks the certificate, and there is no name to ask for: neither a host of the service nor the balancer's domain"
            fits = f"one with a host that the certificate is for, because {why}"
            yield place, fits


def _schedules(app: App) -> Iterator[Finding]:
    scaled: dict[str, tuple[Service | Worker, ...]] = {"services": app.services, "workers": app.workers}
    for option, tasks in scaled.items() if app.off_hours else ():
        for index, task in enumerate(tasks):
            for own in task.scaling.schedule:
                if own.name in {"off-hours-start", "off-hours-end"}:
                    yield (
                        f"{option}[{index}].scaling.schedule",
                        f"another name than {own.name!r}, which is that of off_hours",
                    )


def _database_key(app: App) -> Iterator[Finding]:
    if app.database and app.database.existing and "database" in app.own_key_for:
        fits = "nothing about 'database', since one that exists has the key that it has; secrets_have_key says that its secrets have one"
        yield "own_key_for", fits


def _database_hours(app: App) -> Iterator[Finding]:
    """What is done to a database that sleeps has to be done while it is awake."""
    if app.database is None or app.off_hours is None or not (windows := app.database.windows(app.off_hours.awake)):
        return
    own, hours = app.database.backup_window, app.off_hours
    awake = f"from {hours.end} to {hours.start}, {hours.timezone}, all the year"
    for option, span in (("backup_window", windows.backup), ("maintenance_window", windows.maintenance)):
        if own and not hours.is_awake(span):
            days = "" if span.daily else f" of {hours.days}"
            yield f"database.{option}", f"a time{days} at which the stage is awake: {awake}"
    late = [span for span in windows.copies if not hours.is_awake(span)] if app.database.backup_plan else []
    if late:
        day, hour, minute = late[0].day_and_time
        fits = f"longer hours: a copy would be made from {day} {hour:02}:{minute:02} UTC on, for {late[0].minutes} minutes, and the stage is awake {awake}"
        yield "off_hours.start", f"{fits}; or give the database earlier windows"


def _triggers(app: App) -> Iterator[Finding]:
    if app.pipeline is None or not isinstance(app.pipeline.source, Connection):
        return
    for place, task in _placed(app):
        room = PATHS_OF_A_TRIGGER - 2 - len(task.built_containers)  # its source and its generated files are two more
        if len(task.shared) > room:
            yield (
                f"{place}.shared",
                f"at most {room} folders, since a trigger of a connection knows {PATHS_OF_A_TRIGGER} paths",  # D1.7
            )
