"""The database of a stage."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import field, fields
from functools import cached_property
from typing import Literal

from cfngen._frozen import dataclass
from cfngen.describe import Description, Finding
from cfngen.spec.windows import Windows, calm, from_then_on, given, wrong

_MEMORY_GIB = {  # of the sizes that every family shares; r classes have twice an m class's, t classes half below large
    "t": {"micro": 1, "small": 2, "medium": 4, "large": 8, "xlarge": 16, "2xlarge": 32},
    "m": {"large": 8, "xlarge": 16, "2xlarge": 32, "4xlarge": 64, "8xlarge": 128, "12xlarge": 192, "16xlarge": 256},
    "r": {"large": 16, "xlarge": 32, "2xlarge": 64, "4xlarge": 128, "8xlarge": 256, "12xlarge": 384, "16xlarge": 512},
}

_DAYS_OF_A_COPY = 36500
_OF_EXISTING = ("name", "engine", "existing", "secrets_have_key", "reader_address", "readers", "writers")
_GREATEST_ACU = 256  # I1.10
_READER_INSTANCES = 15


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
class Serverless(Description):
    """The capacity of Aurora Serverless v2, in ACUs: about 2 GiB of memory each, with CPU to it.

    Each instance has `minimum_acu` to `maximum_acu`, as the load asks, in steps of a half. With a `minimum_acu` of 0 it pauses
    after `pause_after_minutes` without a connection, and the next connection waits for it, about 15 seconds.
    `reader_instances` are further instances, which take over when the writing one fails; services that are readers of the
    database are given their address.
    """

    minimum_acu: float = 0.5
    maximum_acu: float = 4
    pause_after_minutes: int = 5
    reader_instances: int = 0

    def checks(self) -> Iterator[Finding]:
        for option, least in (("minimum_acu", 0), ("maximum_acu", 1)):
            acu = getattr(self, option)
            if not least <= acu <= _GREATEST_ACU or acu * 2 % 1:
                yield option, f"{least} to {_GREATEST_ACU}, in steps of 0.5"
        if self.minimum_acu > self.maximum_acu:
            yield "minimum_acu", f"at most maximum_acu, here {self.maximum_acu:g}"
        if not 5 <= self.pause_after_minutes <= 1440:
            yield "pause_after_minutes", "5 to 1440"
        if not 0 <= self.reader_instances <= _READER_INSTANCES:
            yield "reader_instances", f"0 to {_READER_INSTANCES}"


_OF_AN_INSTANCE = {
    "instance_class": "its capacity is what serverless says",
    "storage_gib": "its storage begins small and grows by itself",
    "storage_ceiling_gib": "its storage grows by itself, up to AWS's own limit",
    "multi_az": "its storage is in three zones, and reader_instances of serverless take over",
}
"""What Aurora has no use for."""


@dataclass(frozen=True, kw_only=True)
class Database(Description):
    """A database in isolated subnets: encrypted, TLS required, its master password known to nobody.

    `engine` is RDS's MySQL 8.4, MariaDB 11.8 or PostgreSQL 17, or Aurora Serverless v2 that speaks as MySQL 8.0 or PostgreSQL 17 do;
    fixed from birth. `serverless` is the capacity of Aurora; `instance_class` is that of the others.
    With `existing` no database is made: root parameters say where one is that exists, which group guards it, and which secrets
    open it. `secrets_have_key` asks for the key that these are encrypted with, `reader_address` for an address of instances that only
    read.
    `name` is the schema's name; in PostgreSQL the database's. `readers` and `writers` are names of services: a reader gets a secret whose
    user may only SELECT, a writer one that may change rows. `protected` guards it from deletion; a final
    snapshot is taken in any case. Storage grows by itself from `storage_gib` up to `storage_ceiling_gib`.
    `backup_window` is when each day's backup is taken, as in `03:00-03:30`, and `maintenance_window` when each week's
    upgrades and changes are made, as in `sun:04:00-sun:04:30`: in UTC, both or neither, which leaves them to RDS, or puts
    them into the working hours of a stage that sleeps. `backup_plan` has AWS Backup copy it besides.
    """

    name: str = "app"
    engine: Literal["mysql", "mariadb", "postgres", "aurora-mysql", "aurora-postgresql"] = "mysql"
    existing: bool = False
    secrets_have_key: bool = False
    reader_address: bool = False
    serverless: Serverless = field(default_factory=Serverless)
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
        if self.existing:
            yield from self._checks_of_existing()
            return
        for option in ("secrets_have_key", "reader_address"):
            if getattr(self, option):
                yield option, "nothing, without existing: what the stage makes it knows"
        if self.is_aurora:
            for option, instead in _OF_AN_INSTANCE.items():
                if getattr(self, option) != type(self).__dataclass_fields__[option].default:
                    yield option, f"nothing, with {self.engine}: {instead}"
            yield from self._common_checks()
            return
        yield from self._instance_checks()
        yield from self._common_checks()

    def _instance_checks(self) -> Iterator[Finding]:
        if self.serverless != Serverless():
            yield "serverless", "nothing, with an engine that is not Aurora's; its capacity is that of instance_class"
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

    def _checks_of_existing(self) -> Iterator[Finding]:
        plain = Database()
        for each in fields(self):
            if each.name not in _OF_EXISTING and getattr(self, each.name) != getattr(plain, each.name):
                yield each.name, "nothing, with existing: the database stays as whoever made it has made it"
        yield from self._access_checks()

    def _common_checks(self) -> Iterator[Finding]:
        if not 1 <= self.backup_days <= 35:
            yield "backup_days", "1 to 35; without backups nothing can be restored"
        yield from wrong(self.backup_window, self.maintenance_window)
        yield from self._access_checks()

    def _access_checks(self) -> Iterator[Finding]:
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
    def is_aurora(self) -> bool:
        """Whether it is a cluster of Aurora rather than one instance."""
        return self.engine.startswith("aurora-")

    @cached_property
    def access(self) -> Mapping[str, Literal["reader", "writer"]]:
        """How services, workers and scheduled tasks open it, by name."""
        found: dict[str, Literal["reader", "writer"]] = dict.fromkeys(self.readers, "reader")
        return {**found, **dict.fromkeys(self.writers, "writer")}

    @property
    def has_reader_address(self) -> bool:
        """Whether readers have an address of their own."""
        return self.reader_address or (self.is_aurora and self.serverless.reader_instances > 0)

    @property
    def memory_gib(self) -> int | None:
        """Memory of the instance class, for the thresholds of its alarms; `None` for an unknown class."""
        match = re.fullmatch(r"db\.([tmr])\d+[a-z]*\.(\w+)", self.instance_class, re.ASCII)
        return _MEMORY_GIB[match[1]].get(match[2]) if match else None

    @property
    def is_burstable(self) -> bool:
        """Whether the class earns and spends CPU credits."""
        return self.instance_class.startswith("db.t")
