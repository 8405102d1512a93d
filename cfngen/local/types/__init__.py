"""The resource types of the local AWS, each as the calls that make, change, remove and describe it.

A module is a service area, an entry a type. Read `entry` for what the words of an entry mean. What moto lacks, does
otherwise than AWS, or forgets stands in `standins`, operation by operation, so that entries speak AWS's API alone.
"""

from __future__ import annotations

from collections.abc import Mapping

from cfngen.local.types import (
    backup,
    balancer,
    budgets,
    certificates,
    compute,
    database,
    database_clusters,
    delivery,
    dns,
    events,
    firewall,
    functions,
    iam,
    ide,
    keys,
    logs,
    messages,
    network,
    registry,
    scaling,
    secrets,
    storage,
    waiting,
    watching,
)
from cfngen.local.types.entry import Type

_AREAS = (
    backup,
    balancer,
    budgets,
    certificates,
    compute,
    database,
    database_clusters,
    delivery,
    dns,
    events,
    firewall,
    functions,
    iam,
    ide,
    keys,
    logs,
    messages,
    network,
    registry,
    scaling,
    secrets,
    storage,
    waiting,
    watching,
)

TYPES: Mapping[str, Type] = {kind: entry for area in _AREAS for kind, entry in area.TYPES.items()}
