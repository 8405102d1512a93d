"""CloudWatch's arithmetic: the value of an alarm's metrics in each period, and the state to which they lead.

Expressions are those of metric math, as far as they work on one value for each period: numbers, ids, ``+ - * /``,
comparisons, ``IF``, ``FILL``, ``MAX``, ``MIN``, ``SUM``, ``AVG``, ``ABS``.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Values = Sequence[float]
"""What was measured in a period."""
Measured = Callable[[str, Mapping[str, str], int], Values]
"""The values of a metric by its name and dimensions, in a period so many periods ago."""

_BINARY: Mapping[type[ast.AST], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: lambda one, other: one / other if other else math.nan,
}
_COMPARED: Mapping[type[ast.AST], Callable[[float, float], bool]] = {
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_BREACHES: Mapping[str, Callable[[float, float], bool]] = {
    "GreaterThanThreshold": operator.gt,
    "GreaterThanOrEqualToThreshold": operator.ge,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}


class UnknownMathError(ValueError):
    """An expression, a statistic or a comparison that is not computed here."""


def statistic(values: Values, name: str) -> float | None:
    """A statistic of what was measured, by its name in CloudWatch, such as ``Sum`` or ``p99``; `None` without values."""
    if name == "SampleCount":
        return float(len(values))
    if not values:
        return None
    simple: Mapping[str, Callable[[Values], float]] = {
        "Sum": lambda found: float(sum(found)),
        "Average": lambda found: sum(found) / len(found),
        "Maximum": max,
        "Minimum": min,
    }
    if name in simple:
        return simple[name](values)
    if name[:1] == "p" and name[1:].replace(".", "", 1).isdigit():
        ordered = sorted(values)
        return ordered[min(len(ordered) - 1, int(len(ordered) * float(name[1:]) / 100))]
    raise UnknownMathError(f"the statistic {name}")


def evaluate(expression: str, known: Mapping[str, float | None]) -> float | None:
    """The value of an expression of metric math in one period; `None` where data is missing."""
    try:
        tree = ast.parse(expression, mode="eval").body
    except SyntaxError:
        raise UnknownMathError(f"the expression {expression}") from None
    found = _value(tree, known)
    return None if found is None or math.isnan(found) else found


def _value(node: ast.expr, known: Mapping[str, float | None]) -> float | None:
    match node:
        case ast.Constant(value=int() | float() as number):
            return float(number)
        case ast.Name(id=name) if name in known:
            return known[name]
        case ast.UnaryOp(op=ast.USub(), operand=part):
            found = _value(part, known)
            return None if found is None else -found
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
            return _both(_BINARY[type(op)], left, right, known)
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _COMPARED:
            return _both(_COMPARED[type(op)], left, right, known)
        case ast.Call(func=ast.Name(id=name), args=parts):
            return _called(name, parts, known)
    raise UnknownMathError(f"the expression {ast.unparse(node)}")


def _called(name: str, parts: Sequence[ast.expr], known: Mapping[str, float | None]) -> float | None:
    kinds = {"MAX": "Maximum", "MIN": "Minimum", "SUM": "Sum", "AVG": "Average"}
    match name, parts:
        case "IF", [condition, yes, no]:
            found = _value(condition, known)
            return None if found is None else _value(yes if found else no, known)
        case "FILL", [part, other]:
            found = _value(part, known)
            return _value(other, known) if found is None else found
        case "ABS", [part]:
            found = _value(part, known)
            return None if found is None else abs(found)
        case (("MAX" | "MIN" | "SUM" | "AVG"), [ast.List(elts=every)]):
            return statistic([found for part in every if (found := _value(part, known)) is not None], kinds[name])
    raise UnknownMathError(f"the function {name}")


def _both(
    does: Callable[[float, float], float], left: ast.expr, right: ast.expr, known: Mapping[str, float | None]
) -> float | None:
    one, other = _value(left, known), _value(right, known)
    return None if one is None or other is None else float(does(one, other))


def leaves(alarm: Mapping[str, Any]) -> list[tuple[str, str, Mapping[str, str], int]]:
    """Namespace, name, dimensions and period in seconds of each metric that an alarm reads."""
    queries = alarm.get("Metrics") or [{"MetricStat": {"Metric": alarm, "Period": alarm.get("Period", 60)}}]
    found: list[tuple[str, str, Mapping[str, str], int]] = []
    for each in (query["MetricStat"] for query in queries if "MetricStat" in query):
        told = each["Metric"]
        found.append((told.get("Namespace", ""), told.get("MetricName", ""), _dimensions(told), int(each["Period"])))
    return found


def _dimensions(metric: Mapping[str, Any]) -> dict[str, str]:
    return {one["Name"]: one["Value"] for one in metric.get("Dimensions") or ()}


def least_requests(alarm: Mapping[str, Any]) -> float:
    """More requests than so many an alarm wants in a period before it says anything, as ``IF(requests > 20, …)`` does; 0 for others."""
    queries = {each["Id"]: each for each in alarm.get("Metrics") or ()}
    found = [0.0]
    for node in (node for each in queries.values() for node in ast.walk(_parsed(each))):
        match node:
            case ast.Call(
                func=ast.Name(id="IF"),
                args=[ast.Compare(left=ast.Name(id=name), ops=[ast.Gt() | ast.GtE()], comparators=[ast.Constant(value=int() | float() as number)]), *_],
            ) if _counts_requests(name, queries):  # fmt: skip
                found.append(float(number))
    return max(found)


def _parsed(query: Mapping[str, Any]) -> ast.AST:
    try:
        return ast.parse(query.get("Expression") or "0", mode="eval")
    except SyntaxError:
        return ast.Constant(0)


def _counts_requests(name: str, queries: Mapping[str, Mapping[str, Any]]) -> bool:
    query = queries.get(name, {})
    if "MetricStat" in query:
        return bool(query["MetricStat"]["Metric"].get("MetricName") == "RequestCount")
    names = {each.id for each in ast.walk(_parsed(query)) if isinstance(each, ast.Name) and not each.id.isupper()}
    return bool(names) and all(_counts_requests(each, queries) for each in names - {name})


def value(alarm: Mapping[str, Any], measured: Measured, ago: int) -> float | None:
    """What an alarm compares with its threshold, in a period so many periods ago."""
    queries = alarm.get("Metrics")
    if not queries:
        (_, name, dimensions, _), *_ = leaves(alarm)
        return statistic(measured(name, dimensions, ago), alarm.get("Statistic") or alarm["ExtendedStatistic"])
    known: dict[str, float | None] = {}
    waiting = list(queries)
    while waiting:
        left = [each for each in waiting if not _computed(each, known, measured, ago)]
        if len(left) == len(waiting):
            raise UnknownMathError(f"the metric {left[0]['Id']}")
        waiting = left
    returned = [each["Id"] for each in queries if each.get("ReturnData", True)]
    return known[returned[0]]


def _computed(query: Mapping[str, Any], known: dict[str, float | None], measured: Measured, ago: int) -> bool:
    """Add the value of a query to what is known; false while something that it needs is not known yet."""
    if "MetricStat" in query:
        told, metric = query["MetricStat"], query["MetricStat"]["Metric"]
        known[query["Id"]] = statistic(measured(metric["MetricName"], _dimensions(metric), ago), told["Stat"])
        return True
    names = {each.id for each in ast.walk(ast.parse(query["Expression"])) if isinstance(each, ast.Name)}
    if any(name not in known for name in names if not name.isupper()):
        return False
    known[query["Id"]] = evaluate(query["Expression"], known)
    return True


def state(alarm: Mapping[str, Any], values: Sequence[float | None]) -> tuple[str, str]:
    """The state of an alarm and the reason, in CloudWatch's words, by its last values, the newest last."""
    compare = _BREACHES.get(alarm["ComparisonOperator"])
    if compare is None:
        raise UnknownMathError(f"the comparison {alarm['ComparisonOperator']}")
    wanted = int(alarm.get("DatapointsToAlarm") or alarm["EvaluationPeriods"])
    missing = alarm.get("TreatMissingData", "missing") == "breaching"
    seen = list(values)[-int(alarm["EvaluationPeriods"]) :]
    breaching = [missing if each is None else compare(each, alarm["Threshold"]) for each in seen]
    points = [f"{each:.3g}" for each, bad in zip(seen, breaching, strict=True) if bad and each is not None]
    if sum(breaching) >= wanted:
        how = alarm["ComparisonOperator"].removesuffix("Threshold")
        told = f"{sum(breaching)} of the last {len(seen)} datapoints [{', '.join(points) or 'missing'}]"
        return "ALARM", f"Threshold Crossed: {told} were {how} the threshold ({alarm['Threshold']:g})"
    return "OK", f"{sum(breaching)} of the last {len(seen)} datapoints cross the threshold ({alarm['Threshold']:g})"
