"""What the parts of a template have to look like before anybody reads them: sections, functions, names, depth.

Each fault is told with its place, as ``[/Resources/Service/Properties] …``.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

DEEPEST = 60
MOST = 500_000
"""How deep values may be nested, and how many there may be: more do not fit into the size of a template, but for aliases
of YAML that stand for each other.
"""
_SECTIONS = ("Parameters", "Mappings", "Conditions", "Resources", "Outputs", "Rules")


def faults(body: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with the form of a template; each is found only if those before it are not there."""
    yield from _of_sections(body)
    count = itertools.count()
    for section in _SECTIONS:
        for name, each in (body.get(section) or {}).items():
            place = f"/{section}/{name}"
            if section in _MEMBERS:
                yield from _MEMBERS[section](place, each)
            yield from _of_value(place, each, 0, count)


def _of_sections(body: Mapping[str, Any]) -> Iterator[str]:
    for section in _SECTIONS:
        found = body.get(section) or {}
        if not isinstance(found, Mapping):
            yield f"the {section} section must be an object"
            return
        for name, each in found.items():
            if not isinstance(name, str) or not name:
                yield f"[/{section}/{name}] a name must be a string"
            if not isinstance(each, Mapping) and section != "Conditions":
                yield f"[/{section}/{name}] must be an object"


def _of_resource(place: str, resource: Mapping[str, Any]) -> Iterator[str]:
    if not isinstance(resource.get("Type"), str):
        yield f"[{place}] Every Resources object must contain a Type member."
    if not isinstance(resource.get("Properties") or {}, Mapping):
        yield f"[{place}/Properties] must be an object"
    after = resource.get("DependsOn", [])
    if not all(isinstance(each, str) for each in (after if isinstance(after, list) else [after])):
        yield f"[{place}/DependsOn] must be a logical id or a list of them"
    if not isinstance(resource.get("Condition", ""), str):
        yield f"[{place}/Condition] must be the name of a condition"


def _of_parameter(place: str, parameter: Mapping[str, Any]) -> Iterator[str]:
    if not isinstance(parameter.get("Type"), str):
        yield f"[{place}] Every Parameters object must contain a Type member."
    if isinstance(parameter.get("Default", ""), Mapping | list):
        yield f"[{place}/Default] must be a string or a number"
    if not isinstance(parameter.get("AllowedValues", []), list):
        yield f"[{place}/AllowedValues] must be a list"
    if not isinstance(parameter.get("AllowedPattern", ""), str):
        yield f"[{place}/AllowedPattern] must be a string"
    for name in ("MinLength", "MaxLength", "MinValue", "MaxValue"):
        if name in parameter and not _is_number(parameter[name]):
            yield f"[{place}/{name}] must be a number"


def _of_output(place: str, output: Mapping[str, Any]) -> Iterator[str]:
    if "Value" not in output:
        yield f"[{place}] Every Outputs member must contain a Value object"
    if "Export" in output and not (isinstance(output["Export"], Mapping) and "Name" in output["Export"]):
        yield f"[{place}/Export] must be an object with a Name"
    if not isinstance(output.get("Condition", ""), str):
        yield f"[{place}/Condition] must be the name of a condition"


_MEMBERS: Mapping[str, Callable[[str, Mapping[str, Any]], Iterator[str]]] = {
    "Resources": _of_resource,
    "Parameters": _of_parameter,
    "Outputs": _of_output,
}


def _is_number(value: Any) -> bool:
    try:
        return math.isfinite(float(value))
    except (TypeError, ValueError, OverflowError):
        return False


def _of_value(place: str, node: Any, depth: int, count: Iterator[int]) -> Iterator[str]:
    if depth > DEEPEST or next(count) > MOST:
        yield f"[{place}] is nested too deep, or there is too much in it"
    elif isinstance(node, Mapping):
        if len(node) == 1:
            ((name, argument),) = node.items()
            if name in _FUNCTIONS and not _FUNCTIONS[name][0](argument):
                yield f"[{place}] {name} wants {_FUNCTIONS[name][1]}"
        for key, part in node.items():
            yield from _of_value(f"{place}/{key}", part, depth + 1, count)
    elif isinstance(node, list):
        for index, part in enumerate(node):
            yield from _of_value(f"{place}/{index}", part, depth + 1, count)


def _is_list(*lengths: int) -> Callable[[Any], bool]:
    return lambda given: isinstance(given, list) and len(given) in lengths


def _is_get_att(given: Any) -> bool:
    if isinstance(given, str):
        return all(given.partition("."))
    return _is_list(2)(given) and isinstance(given[0], str) and isinstance(given[1], str | Mapping)


def _is_sub(given: Any) -> bool:
    return isinstance(given, str) or (
        _is_list(2)(given) and isinstance(given[0], str) and isinstance(given[1], Mapping)
    )


def _may_be_list(given: Any) -> bool:
    return isinstance(given, list | Mapping)


def _is_join(given: Any) -> bool:
    return _is_list(2)(given) and isinstance(given[0], str) and _may_be_list(given[1])


def _is_split(given: Any) -> bool:
    return _is_list(2)(given) and isinstance(given[0], str) and bool(given[0]) and isinstance(given[1], str | Mapping)


_FUNCTIONS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "Ref": (lambda given: isinstance(given, str), "a name"),
    "Fn::GetAtt": (_is_get_att, "a logical id and an attribute"),
    "Fn::Sub": (_is_sub, "a text, or a list of a text and an object of variables"),
    "Fn::Join": (_is_join, "a separator and a list"),
    "Fn::Split": (_is_split, "a separator and a text"),
    "Fn::Select": (lambda given: _is_list(2)(given) and _may_be_list(given[1]), "an index and a list"),
    "Fn::If": (lambda given: _is_list(3)(given) and isinstance(given[0], str), "a condition's name and two values"),
    "Fn::FindInMap": (_is_list(3, 4), "a mapping's name and two keys"),
    "Fn::GetAZs": (lambda given: isinstance(given, str | Mapping), "a region"),
    "Fn::Cidr": (_is_list(2, 3), "a block, a count and a number of bits"),
    "Fn::ImportValue": (lambda given: isinstance(given, str | Mapping), "an export's name"),
    "Fn::Length": (_may_be_list, "a list"),
}
"""What each function takes, and how that is called."""
