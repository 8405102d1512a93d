"""The database of a stage."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from cfngen.describe import Description, Finding
from cfngen.spec.windows import Windows, calm, from_then_on, given, wrong

_MEMORY_GIB = {  # of the sizes that every family shares; r classes have twice an m class's, t classes half below large
    "t": {"micro": 1, "small": 2, "medium": 4, "large": 8, "xlarge": 16, "2xlarge": 32},
    "m": {"large": 8, "xlarge": 16, "2xlarge": 32, "4xlarge": 64, "8xlarge": 128, "12xlarge": 192, "16xlarge": 256},
    "r": {"large": 16, "xlarge": 32, "2xlarge": 64, "4xlarge": 128, "8xlarge": 256, "12xlarge": 384, "16xlarge": 512},
}

_DAYS_OF_A_COPY = 36500


@dataclass(frozen=True, kw_only=True)
class BackupPlan(Description):
    """Copies of the database by AWS Backup, beside RDS's own of the last days, in a vault that outlives the stage.

    `weekly_days` is how many days the copy of each week is kept, `monthly_days` how many that of each month's first
    maintenance day; None makes no such copies. A copy that fails is told to the alert topic.
    """

    weekly_days: int | None = 35
    monthly_days: int | None = 365

    def checks(self) -> Iterator[Finding]:
        for option in ("weekly_days", "monthly_days"):
            if (days := getattr(self, option)) is not None and not 1 <= days <= _DAYS_OF_A_COPY:
                yield option, f"1 to {_DAYS_OF_A_COPY}, or None for no such copies"
        if self.weekly_days is None and self.monthly_days is None:
            yield "monthly_days", "a number of days, here or as weekly_days; without either there are no copies"


@dataclass(frozen=True, kw_only=True)
class Database(Description):
    """An RDS database in isolated subnets: encrypted, TLS required, its master password known to nobody.

    `engine` is MySQL 8.4, MariaDB 11.8 or PostgreSQL 17, fixed from birth.
    `name` is the schema's name; in PostgreSQL the database's. `readers` and `writers` are names of services: a reader gets a secret whose
    user may only SELECT, a writer one that may change rows. `protected` guards it from deletion; a final
    snapshot is taken in any case. Storage grows by itself from `storage_gib` up to `storage_ceiling_gib`.
    `backup_window` is when each day's backup is taken, as in `03:00-03:30`, and `maintenance_window` when each week's
    upgrades and changes are made, as in `sun:04:00-sun:04:30`: in UTC, both or neither, which leaves them to RDS, or puts
    them into the working hours of a stage that sleeps. `backup_plan` has AWS Backup copy it besides.
    """

    name: str = "app"
    engine: Literal["mysql", "mariadb", "postgres"] = "mysql"
    instance_class: str = "db.t4g.micro"
    storage_gib: int = 20
    storage_ceiling_gib: int = 100
    multi_az: bool = False
    backup_days: int = 7
    backup_window: str = ""
    maintenance_window: str = ""
    backup_plan: BackupPlan | None = None
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
        yield from wrong(self.backup_window, self.maintenance_window)
        for name in sorted(set(self.readers) & set(self.writers)):
            yield "readers", f"{name!r} stands in writers too; a writer reads as well, so name it there alone"

    def windows(self, awake: int | None) -> Windows | None:
        """When it is backed up and maintained; `None` leaves it to RDS. `awake` is the minute of the week, in UTC, from
        which on a stage that sleeps is surely awake.
        """
        own = given(self.backup_window, self.maintenance_window)
        plain = calm() if self.backup_plan else None
        return own or (plain if awake is None else from_then_on(awake))

    @property
    def memory_gib(self) -> int | None:
        """Memory of the instance class, for the thresholds of its alarms; `None` for an unknown class."""
        match = re.fullmatch(r"db\.([tmr])\d+[a-z]*\.(\w+)", self.instance_class, re.ASCII)
        return _MEMORY_GIB[match[1]].get(match[2]) if match else None

    @property
    def is_burstable(self) -> bool:
        """Whether the class earns and spends CPU credits."""
        return self.instance_class.startswith("db.t")
