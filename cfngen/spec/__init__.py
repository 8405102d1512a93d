"""The description of an application: one vocabulary, in frozen objects that check themselves."""

from __future__ import annotations

from cfngen.spec.application import App
from cfngen.spec.balancer import Balancer
from cfngen.spec.container import Container, HealthCheck, RestartPolicy, Secret, SsmParameter
from cfngen.spec.database import BackupPlan, Database, Serverless
from cfngen.spec.internal import InternalBalancer
from cfngen.spec.managed_rules import ManagedRules
from cfngen.spec.network import Network
from cfngen.spec.off_hours import OffHours
from cfngen.spec.pipeline import Pipeline
from cfngen.spec.queue import Queue
from cfngen.spec.redirect import Redirect
from cfngen.spec.release import AllAtOnce, Canary, Linear, Release, SmokeTest
from cfngen.spec.rights import Statement
from cfngen.spec.scheduled import ScheduledTask
from cfngen.spec.service import Scaling, ScheduledScaling, Service
from cfngen.spec.telemetry import LogRouter, Telemetry
from cfngen.spec.worker import Worker, WorkerScaling

__all__ = [
    "AllAtOnce",
    "App",
    "BackupPlan",
    "Balancer",
    "Canary",
    "Container",
    "Database",
    "HealthCheck",
    "InternalBalancer",
    "Linear",
    "LogRouter",
    "ManagedRules",
    "Network",
    "OffHours",
    "Pipeline",
    "Queue",
    "Redirect",
    "Release",
    "RestartPolicy",
    "Scaling",
    "ScheduledScaling",
    "ScheduledTask",
    "Secret",
    "Serverless",
    "Service",
    "SmokeTest",
    "SsmParameter",
    "Statement",
    "Telemetry",
    "Worker",
    "WorkerScaling",
]
