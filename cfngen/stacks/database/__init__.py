"""The database, its secrets, its alarms, its sleep and its copies: one module for each kind."""

from __future__ import annotations

from cfngen.spec import Database, OffHours
from cfngen.stack import Stack
from cfngen.stacks.common import Common
from cfngen.stacks.database.aurora import cluster
from cfngen.stacks.database.engines import ENGINES
from cfngen.stacks.database.existing import existing_database
from cfngen.stacks.database.instance import instance
from cfngen.stacks.database.parts import DatabaseOutputs, Wanted
from cfngen.stacks.foundation import FoundationOutputs
from cfngen.stacks.network import NetworkOutputs

__all__ = ["ENGINES", "DatabaseOutputs", "database_stack", "existing_database"]


def database_stack(
    stack: Stack,
    common: Common,
    foundation: FoundationOutputs,
    network: NetworkOutputs,
    database: Database,
    engine_version: str,
    off_hours: OffHours | None = None,
    *,
    in_own_network: bool = False,
) -> DatabaseOutputs:
    """An encrypted database in the isolated subnets, reached by TLS alone.

    `in_own_network` says that `network` is one of `network_stack`, whose zones are known.
    """
    wanted = Wanted(common, foundation, network, database, engine_version, off_hours, in_own_network)
    return cluster(stack, wanted) if database.is_aurora else instance(stack, wanted)
