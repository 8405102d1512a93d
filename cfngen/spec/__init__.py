"""The description of an application: one vocabulary, in frozen objects that check themselves."""

from __future__ import annotations

from cfngen.spec.application import App, OffHours
from cfngen.spec.balancer import Balancer
from cfngen.spec.container import Container, HealthCheck, Secret, SsmParameter
from cfngen.spec.database import Database
from cfngen.spec.network import Network
from cfngen.spec.pipeline import Pipeline
from cfngen.spec.release import AllAtOnce, Canary, Linear, Release
from cfngen.spec.rights import Statement
from cfngen.spec.service import Scaling, ScheduledScaling, Service

__all__ = [
    "AllAtOnce",
    "App",
    "Balancer",
    "Canary",
    "Container",
    "Database",
    "HealthCheck",
    "Linear",
    "Network",
    "OffHours",
    "Pipeline",
    "Release",
    "Scaling",
    "ScheduledScaling",
    "Secret",
    "Service",
    "SsmParameter",
    "Statement",
]
