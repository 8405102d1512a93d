"""Turn a troposphere template into data: what its own `to_dict` gives, in one pass in place of one for every level."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from troposphere import AWSHelperFn, BaseAWSObject, Tags, Template

Method = TypeVar("Method", bound=Callable[..., Any])

_ATOMS = frozenset((str, int, bool, float, type(None)))
_SECTIONS = (
    "Description", "Metadata", "Conditions", "Mappings", "Outputs", "Parameters", "Transform", "Rules", "Globals"
)  # fmt: skip


def template_data(template: Template) -> dict[str, Any]:
    """A template as plain data; raises what troposphere raises for a resource that lacks a required property."""
    sections: dict[str, Any] = {name: getattr(template, name.lower()) for name in _SECTIONS}
    sections["AWSTemplateFormatVersion"] = template.version
    return {name: data(body) for name, body in sections.items() if body} | {"Resources": data(template.resources)}


def data(item: Any) -> Any:
    """Anything that may stand in a template, as plain data."""
    kind = type(item)
    return item if kind in _ATOMS else _ways[kind](item)


def gives_data(to_dict: Method) -> Method:
    """Marks a `to_dict` whose answer is plain data already, all the way down."""
    _giving.add(to_dict)
    return to_dict


_giving: set[Callable[..., Any]] = set()


class _Ways(dict[type, Callable[[Any], Any]]):
    """How things of a class become data, found out once for each class."""

    def __missing__(self, kind: type) -> Callable[[Any], Any]:
        self[kind] = way = _way(kind)
        return way


_ways = _Ways({Tags: lambda item: _of_items(item.tags)})


def _way(kind: type) -> Callable[[Any], Any]:
    """A class with a `to_dict` of its own is asked for it."""
    if issubclass(kind, BaseAWSObject) and kind.to_dict is BaseAWSObject.to_dict:
        return _way_of_objects(kind)
    if issubclass(kind, AWSHelperFn) and kind.to_dict is AWSHelperFn.to_dict:
        return _of_function
    if own := getattr(kind, "to_dict", None):
        return own if own in _giving else lambda item: data(item.to_dict())
    if issubclass(kind, list | tuple):
        return _of_items
    if issubclass(kind, dict):
        return _of_mapping
    return (lambda item: data(item.JSONrepr())) if hasattr(kind, "JSONrepr") else (lambda item: item)  # awacs has it


def _of_function(function: Any) -> Any:
    inner = function.data
    return _of_mapping(inner) if type(inner) is dict else data(inner)


def _way_of_objects(kind: type[BaseAWSObject]) -> Callable[[Any], Any]:
    required = frozenset(name for name, (_, is_required) in kind.props.items() if is_required)
    validates = kind.validate is not BaseAWSObject.validate

    def way(item: Any) -> Any:
        properties = item.properties
        if not properties or not required <= properties.keys():
            return data(item.to_dict())  # which refuses what lacks something, in its own words
        if validates and item.do_validation:
            item.validate()
        return _of_mapping(item.resource)

    return way


def _of_mapping(mapping: Any) -> dict[Any, Any]:
    made = {}
    for key, part in mapping.items():
        kind = type(part)
        made[key] = part if kind in _ATOMS else _ways[kind](part)
    return made


def _of_items(items: Any) -> list[Any]:
    made = []
    for part in items:
        kind = type(part)
        made.append(part if kind in _ATOMS else _ways[kind](part))
    return made
