"""Turn a troposphere template into data: what its own `to_dict` gives, in one pass in place of one for every level."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from troposphere import AWSHelperFn, BaseAWSObject, Template

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
    kind: type = type(item)
    if kind in _ATOMS:
        return item
    if kind is dict:
        return {key: part if type(part) in _ATOMS else data(part) for key, part in item.items()}
    if kind is list or kind is tuple:
        return [part if type(part) in _ATOMS else data(part) for part in item]
    return _way(kind)(item)


@cache
def _way(kind: type) -> Callable[[Any], Any]:
    """How things of a class become data. A class with a `to_dict` of its own is asked for it."""
    if issubclass(kind, BaseAWSObject) and kind.to_dict is BaseAWSObject.to_dict:
        required = frozenset(name for name, (_, is_required) in kind.props.items() if is_required)
        return lambda item: _of_object(item, required)
    if issubclass(kind, AWSHelperFn) and kind.to_dict is AWSHelperFn.to_dict:
        return lambda item: data(item.data)
    if hasattr(kind, "to_dict"):
        return lambda item: data(item.to_dict())
    if issubclass(kind, list | tuple):
        return lambda item: [data(part) for part in item]
    if issubclass(kind, dict):
        return lambda item: {key: data(part) for key, part in item.items()}
    return (lambda item: data(item.JSONrepr())) if hasattr(kind, "JSONrepr") else (lambda item: item)  # awacs has it


def _of_object(item: Any, required: frozenset[str]) -> Any:
    if not item.properties or not required <= item.properties.keys():
        return data(item.to_dict())  # which refuses what lacks something, in its own words
    if item.do_validation:
        item.validate()
    return data(item.resource)
