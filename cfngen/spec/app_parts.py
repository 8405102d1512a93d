"""The parts of an application, and what follows from them together: hosts, addresses, endpoints, who sends to whom.

`App` is these with its checks, which stand in modules of their own and take them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from functools import cached_property
from typing import ClassVar, Literal

from cfngen._frozen import dataclass
from cfngen.describe import Description
from cfngen.spec.balancer import Balancer
from cfngen.spec.container import Container, Secret, SsmParameter
from cfngen.spec.database import Database
from cfngen.spec.internal import InternalBalancer, call_variable, plain_host
from cfngen.spec.network import Network
from cfngen.spec.off_hours import OffHours
from cfngen.spec.pipeline import Pipeline
from cfngen.spec.scheduled import ScheduledTask
from cfngen.spec.service import PAGE, Service
from cfngen.spec.task import Task
from cfngen.spec.worker import Worker

SERVICES_OF_A_BALANCER = 45
"""Two target groups each, a hundred a balancer (A6.14), and some to spare."""

Encryptable = Literal["logs", "artifacts", "images", "database", "queues"]


@dataclass(frozen=True, kw_only=True)
class AppParts(Description):
    """What an application consists of; `App` says what its options mean."""

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
    wants: ClassVar[Mapping[str, str]] = PAGE
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

    @property
    def placed_tasks(self) -> list[tuple[str, Task]]:
        """Every service, worker and scheduled task with its place in the description."""
        options = ("services", "workers", "scheduled_tasks")
        return [(f"{option}[{index}]", task) for option in options for index, task in enumerate(getattr(self, option))]

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
        return self._services_by_name[name]

    @cached_property
    def _services_by_name(self) -> Mapping[str, Service]:
        return {service.name: service for service in self.services}


def _containers_of(task: Task) -> tuple[Task | Container, ...]:
    return (task, *task.containers)
