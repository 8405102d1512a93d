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
_ALARM = re.compile(r"""\b(?:ALARM|OK|INSUFFICIENT_DATA)\s*\(\s*(?:"([^"]+)"|'([^']+)'|([^)\s]+))\s*\)""")


@dataclass(frozen=True)
class MetricReader:
    """An alarm or a scaling policy: the dimensions of its metrics, each with the metric's name, and all of it as text.

    What an expression does not use counts for nothing. `name` is the one that templates give, `is_alarm` tells alarms
    from policies.
    """

    metrics: tuple[tuple[str, Mapping[str, str]], ...]
    text: str
    name: str = ""
    is_alarm: bool = False

    @classmethod
    def of(cls, properties: Mapping[str, Any], *, is_alarm: bool = False) -> MetricReader:
        used = _used(properties)
        return cls(tuple(_metrics(used)), str(used), str(properties.get("AlarmName", "")), is_alarm)


def alarms_of_rule(rule: str) -> set[str]:
    """The names of the alarms in the rule of a composite alarm, which may name them by ARN (CW-UG composite alarms)."""
    named = ("".join(each) for each in _ALARM.findall(rule))
    return {each.partition(":alarm:")[2] if each.startswith("arn:") else each for each in named}


def _used(node: Any) -> Any:
    """Properties without the metrics that no returned expression reaches."""
    if isinstance(node, Mapping):
        return {
            key: _reached(part) if key == "Metrics" and isinstance(part, list) else _used(part)
            for key, part in node.items()
        }
    return [_used(part) for part in node] if isinstance(node, list) else node


def _reached(queries: list[Any]) -> list[Any]:
    if not any("Id" in each for each in queries):
        return queries
    by_id = {str(each["Id"]): each for each in queries}
    reached, new = set[str](), {name for name, each in by_id.items() if _is_returned(each)}
    while new:
        reached |= new
        expressions = [str(by_id[name].get("Expression", "")) for name in new]
        if any("METRICS(" in each for each in expressions):  # all of them, or those of a part of a name
            return queries
        new = {name for each in expressions for name in _ids(each) if name in by_id} - reached
    return [each for name, each in by_id.items() if name in reached]


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
    returned = [each for each in queries if _is_returned(each)]
    if len(returned) != 1:
        raise RefusedError(f"Exactly one metric must be returned, and {len(returned)} are (ValidationError)")
    known = {str(each["Id"]) for each in queries}
    for each in queries:
        if unknown := sorted(_ids(str(each.get("Expression", ""))) - known):
            raise RefusedError(
                f"The expression of {each['Id']} names {', '.join(unknown)}, which is no id (ValidationError)"
            )


def _is_returned(query: Mapping[str, Any]) -> bool:
    return str(query.get("ReturnData", True)).lower() == "true"


def _ids(expression: str) -> set[str]:
    return set(_ID.findall(_QUOTED.sub("", expression)))
