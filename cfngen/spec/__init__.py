"""The description of an application: one vocabulary, in frozen objects that check themselves."""

from __future__ import annotations

from cfngen.spec.application import App, OffHours
from cfngen.spec.balancer import Balancer
from cfngen.spec.database import Database
from cfngen.spec.network import Network
from cfngen.spec.pipeline import Pipeline
from cfngen.spec.release import AllAtOnce, Canary, Linear, Release
from cfngen.spec.service import Scaling, ScheduledScaling, Secret, Service

__all__ = [
    "AllAtOnce",
    "App",
    "Balancer",
    "Canary",
    "Database",
    "Linear",
    "Network",
    "OffHours",
    "Pipeline",
    "Release",
    "Scaling",
    "ScheduledScaling",
    "Secret",
    "Service",
]
