"""What alarms and scaling policies look at: metrics by their dimensions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cfngen.semantics.update import RefusedError
from cfngen.simulate.behaviour import behaviour

_QUOTED = re.compile(r"""'[^']*'|"[^"]*\"""")
_ID = re.compile(r"\b[a-z]\w*")


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


@behaviour("CloudWatch API MetricDataQuery", sure="documented")
def check_metrics(node: Any) -> None:
    """Of the metrics that an alarm or a policy puts together one is returned, and expressions name the others by id."""
    if isinstance(node, Mapping):
        for key, part in node.items():
            if key == "Metrics" and isinstance(part, list) and any("Id" in each for each in part):
                _check_queries(part)
            check_metrics(part)
    elif isinstance(node, list):
        for part in node:
            check_metrics(part)


def _check_queries(queries: list[Mapping[str, Any]]) -> None:
    returned = [each for each in queries if str(each.get("ReturnData", True)).lower() == "true"]
    if len(returned) != 1:
        raise RefusedError(f"Exactly one metric must be returned, and {len(returned)} are (ValidationError)")
    known = {str(each["Id"]) for each in queries}
    for each in queries:
        named = set(_ID.findall(_QUOTED.sub("", str(each.get("Expression", "")))))
        if unknown := sorted(named - known):
            raise RefusedError(
                f"The expression of {each['Id']} names {', '.join(unknown)}, which is no id (ValidationError)"
            )
