"""The database of a stage."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from cfngen.describe import Description, Finding

_MEMORY_GIB = {  # of the sizes that every family shares; r classes have twice an m class's, t classes half below large
    "t": {"micro": 1, "small": 2, "medium": 4, "large": 8, "xlarge": 16, "2xlarge": 32},
    "m": {"large": 8, "xlarge": 16, "2xlarge": 32, "4xlarge": 64, "8xlarge": 128, "12xlarge": 192, "16xlarge": 256},
    "r": {"large": 16, "xlarge": 32, "2xlarge": 64, "4xlarge": 128, "8xlarge": 256, "12xlarge": 384, "16xlarge": 512},
}


@dataclass(frozen=True, kw_only=True)
class Database(Description):
    """An RDS database in isolated subnets: encrypted, TLS required, its master password known to nobody.

    `engine` is MySQL 8.4, MariaDB 11.8 or PostgreSQL 17, fixed from birth.
    `name` is the schema's name; in PostgreSQL the database's. `readers` and `writers` are names of services: a reader gets a secret whose
    user may only SELECT, a writer one that may change rows. `protected` guards it from deletion; a final
    snapshot is taken in any case. Storage grows by itself from `storage_gib` up to `storage_ceiling_gib`.
    """

    name: str = "app"
    engine: Literal["mysql", "mariadb", "postgres"] = "mysql"
    instance_class: str = "db.t4g.micro"
    storage_gib: int = 20
    storage_ceiling_gib: int = 100
    multi_az: bool = False
    backup_days: int = 7
    protected: bool = True
    readers: tuple[str, ...] = ()
    writers: tuple[str, ...] = ()

    def checks(self) -> Iterator[Finding]:
        if not re.fullmatch(r"[a-z][a-z0-9_]{0,31}", self.name, re.ASCII):
            yield "name", "a schema's name: a letter, then up to 31 lower-case letters, digits and underscores"
        if self.memory_gib is None:
            yield "instance_class", "a current t, m or r class, such as 'db.t4g.micro' or 'db.m7g.large'"
        if not 20 <= self.storage_gib <= 65536:
            yield "storage_gib", "20 to 65536"
        if self.storage_ceiling_gib > 65536:
            yield "storage_ceiling_gib", "at most 65536"
        elif self.storage_ceiling_gib * 10 < self.storage_gib * 11:
            yield (
                "storage_ceiling_gib",
                f"at least a tenth above storage_gib, here {-(-self.storage_gib * 11 // 10)}",  # I2.11
            )
        if not 1 <= self.backup_days <= 35:
            yield "backup_days", "1 to 35; without backups nothing can be restored"
        for name in sorted(set(self.readers) & set(self.writers)):
            yield "readers", f"{name!r} stands in writers too; a writer reads as well, so name it there alone"

    @property
    def memory_gib(self) -> int | None:
        """Memory of the instance class, for the thresholds of its alarms; `None` for an unknown class."""
        match = re.fullmatch(r"db\.([tmr])\d+[a-z]*\.(\w+)", self.instance_class, re.ASCII)
        return _MEMORY_GIB[match[1]].get(match[2]) if match else None

    @property
    def is_burstable(self) -> bool:
        """Whether the class earns and spends CPU credits."""
        return self.instance_class.startswith("db.t")
