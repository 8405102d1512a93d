"""What alarms and scaling policies look at: metrics by their dimensions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class MetricReader:
    """An alarm or a scaling policy: the dimensions of its metrics, each with the metric's name, and all of it as text."""

    metrics: tuple[tuple[str, Mapping[str, str]], ...]
    text: str

    @classmethod
    def of(cls, properties: Mapping[str, Any]) -> MetricReader:
        return cls(tuple(_metrics(properties)), str(properties))


def _metrics(node: Any) -> Iterator[tuple[str, Mapping[str, str]]]:
    if isinstance(node, Mapping):
        if isinstance(node.get("Dimensions"), list):
            yield (
                str(node.get("MetricName", "")),
                {str(each["Name"]): str(each["Value"]) for each in node["Dimensions"]},
            )
        for part in node.values():
            yield from _metrics(part)
    elif isinstance(node, list):
        for part in node:
            yield from _metrics(part)
