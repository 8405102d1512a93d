"""What differs between the engines of a database."""

from __future__ import annotations

from collections.abc import Mapping

from cfngen._frozen import dataclass

_FILED = {"slow_query_log": "1", "long_query_time": "1", "log_output": "FILE"}
"""RDS would write slow queries into a table, which fills the storage and is published nowhere."""


@dataclass(frozen=True)
class Engine:
    """What differs between engines. `bytes_a_connection` is what RDS makes max_connections of, but for Aurora's MySQL.

    `ends_on_time`: RDS knows extended support of it, which is off (I1.4). `observes_all`: Performance Insights go with
    its smallest classes, too (I2.15). `master` is the first user; PostgreSQL keeps the name admin for itself.
    """

    says: str
    family: str
    port: int
    parameters: Mapping[str, str]
    logs: tuple[str, ...]
    bytes_a_connection: int
    master: str = "admin"
    ends_on_time: bool = True
    observes_all: bool = False

    @property
    def lifecycle(self) -> str | None:
        """No surcharge after the end of support (I1.4)."""
        return "open-source-rds-extended-support-disabled" if self.ends_on_time else None


ENGINES = {
    "mysql": Engine(
        says="MySQL 8.4",
        family="mysql8.4",
        port=3306,
        parameters={"require_secure_transport": "1", **_FILED},
        logs=("error", "slowquery"),
        bytes_a_connection=12582880,
    ),
    "mariadb": Engine(
        says="MariaDB 11.8",
        family="mariadb11.8",
        port=3306,
        parameters={"require_secure_transport": "1", **_FILED},
        logs=("error", "slowquery"),
        bytes_a_connection=12582880,
        ends_on_time=False,
    ),
    "postgres": Engine(
        says="PostgreSQL 17",
        family="postgres17",
        port=5432,
        parameters={"rds.force_ssl": "1", "log_min_duration_statement": "1000"},
        logs=("postgresql", "upgrade"),
        bytes_a_connection=9531392,
        master="postgres",
        observes_all=True,
    ),
    "aurora-mysql": Engine(
        says="Aurora for MySQL 8.0",
        family="aurora-mysql8.0",
        port=3306,
        parameters={"require_secure_transport": "ON", **_FILED},
        logs=("error", "slowquery"),
        bytes_a_connection=0,
    ),
    "aurora-postgresql": Engine(
        says="Aurora for PostgreSQL 17",
        family="aurora-postgresql17",
        port=5432,
        parameters={"rds.force_ssl": "1", "log_min_duration_statement": "1000"},
        logs=("postgresql",),
        bytes_a_connection=9531392,
        master="postgres",
    ),
}
