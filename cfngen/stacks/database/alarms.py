"""When a database needs a look."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import log2

from troposphere import Join, Sub, cloudwatch

from cfngen._frozen import dataclass
from cfngen.spec import Database, Serverless
from cfngen.stack import Stack
from cfngen.stacks.database.engines import ENGINES
from cfngen.values import AlarmName, Text

_GIB = 1024**3


@dataclass(frozen=True)
class Watched:
    """What the metrics of an alarm are of: the name of the dimension, and its value."""

    dimension: str
    value: Text

    def alarm(
        self, name: str, description: str, metric: str, statistic: str, comparison: str, threshold: float
    ) -> cloudwatch.Alarm:
        return cloudwatch.Alarm(
            name,
            AlarmDescription=f"Database: {description}",
            Namespace="AWS/RDS",
            MetricName=metric,
            Dimensions=[cloudwatch.MetricDimension(Name=self.dimension, Value=self.value)],
            Statistic=statistic,
            Period=300,
            EvaluationPeriods=3,
            ComparisonOperator="GreaterThanThreshold" if comparison == ">" else "LessThanThreshold",
            Threshold=threshold,
            TreatMissingData="notBreaching",  # a stopped database has no metrics
        )


def composite(stack: Stack, each: Iterable[cloudwatch.Alarm]) -> AlarmName:
    """One alarm that speaks for all."""
    alarms = [stack.add(alarm) for alarm in each]
    rule = Join(" OR ", [Sub(f'ALARM("${{{alarm.title}}}")') for alarm in alarms])
    return AlarmName(
        stack.add(
            cloudwatch.CompositeAlarm("Alarm", AlarmDescription="The database needs a look", AlarmRule=rule)
        ).ref()
    )


def of_cluster(database: Database, watched: Watched) -> Iterator[cloudwatch.Alarm]:
    """Capacity, CPU, memory and connections of Aurora; its metrics are of the greatest capacity, not of what there is now."""
    capacity = database.serverless
    yield watched.alarm(
        "CapacityAlarm", "more than 90 % of the greatest capacity is used", "ACUUtilization", "Average", ">", 90
    )
    yield watched.alarm("CpuAlarm", "CPU above 80 % for a quarter of an hour", "CPUUtilization", "Average", ">", 80)
    memory = round(capacity.maximum_acu * 2 * _GIB)
    yield watched.alarm(
        "MemoryAlarm", "less than 5 % of the memory is free", "FreeableMemory", "Minimum", "<", memory * 5 // 100
    )
    yield watched.alarm(
        "ConnectionsAlarm",
        "the connections run out",
        "DatabaseConnections",
        "Maximum",
        ">",
        aurora_connections(database.engine, capacity) * 60 // 100,
    )


def aurora_connections(engine: str, capacity: Serverless) -> int:
    """What Aurora makes max_connections of: the memory of the greatest capacity, by a formula of each engine."""
    memory = capacity.maximum_acu * 2 * _GIB
    if engine == "aurora-postgresql":
        most = min(int(memory / ENGINES[engine].bytes_a_connection), 5000)
    else:
        most = max(int(45 * log2(memory / 805306368)), int(1000 * log2(memory / 8187281408)))
    return min(most, 2000) if capacity.minimum_acu < 1 else most


def of_instance(database: Database, watched: Watched) -> Iterator[cloudwatch.Alarm]:
    """CPU, storage, memory, connections, and the credits of classes that have them."""
    memory = (database.memory_gib or 1) * _GIB
    yield watched.alarm("CpuAlarm", "CPU above 80 % for a quarter of an hour", "CPUUtilization", "Average", ">", 80)
    yield watched.alarm(
        "StorageAlarm",
        "less than 15 % of the first storage is free",
        "FreeStorageSpace",
        "Minimum",
        "<",
        database.storage_gib * _GIB * 15 // 100,
    )
    yield watched.alarm(
        "MemoryAlarm",
        "less than 5 % of the memory is free",
        "FreeableMemory",
        "Minimum",
        "<",
        memory * 5 // 100,
    )
    # RDS makes max_connections of what memory it leaves to the database, divided by a number of its engine; that is
    # less than the class has, by a quarter with the smallest. Three fifths of the whole warn in time with every class.
    connections = memory // ENGINES[database.engine].bytes_a_connection
    connections = min(connections, 5000) * 60 // 100 if database.engine == "postgres" else connections * 60 // 100
    yield watched.alarm(
        "ConnectionsAlarm", "the connections run out", "DatabaseConnections", "Maximum", ">", connections
    )
    if database.is_burstable:
        # These classes go on without credits and are billed for it, and a new one has none: so it is the bill that counts.
        told = "more CPU is used than the class earns, which is charged"
        yield watched.alarm("CreditsAlarm", told, "CPUSurplusCreditsCharged", "Sum", ">", 0)
