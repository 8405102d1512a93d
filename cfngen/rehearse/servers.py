"""Which server plays which engine of a database."""

from __future__ import annotations

from cfngen.rehearse.database import Server
from cfngen.rehearse.errors import RehearsalError
from cfngen.rehearse.mariadb import MariaDB
from cfngen.rehearse.postgres import PostgreSQL

_SERVERS: tuple[type[Server], ...] = (MariaDB, PostgreSQL)


def server_of(engine: str) -> type[Server]:
    """The server that plays an engine of RDS; raises `RehearsalError` where none does."""
    found = next((each for each in _SERVERS if engine in each.plays), None)
    if found is None:
        known = ", ".join(name for each in _SERVERS for name in each.plays)
        raise RehearsalError(f"the database's engine {engine} is not played; played are {known}")
    return found
